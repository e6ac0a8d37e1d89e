/* SPDX-License-Identifier: ISC */
#include "sotto/recv_options.h"

#include "base/duration.h"
#include "sotto/fault.h"
#include "sotto/when.h"

#include <string.h>

enum { ID_CHARACTERS = SOTTO_ID_SIZE - 1 };

static int read_wait(const struct request *request, uint64_t *wait_ms, struct sotto_error *error) {
    const char *text = request->value[OPTION_WAIT];
    *wait_ms = request->given[OPTION_WAIT] > 0 ? UINT64_MAX : 0;
    if (text != NULL && !duration_parse(text, wait_ms)) {
        return fault_usage(error, "A whole number and a unit:  --wait=30s",
                           "'%.60s' is not a duration", text);
    }
    return 0;
}

static int read_count(const struct request *request, uint32_t *count, struct sotto_error *error) {
    const char *text = request->value[OPTION_COUNT];
    uint64_t number = 0;
    if (text != NULL && !number_parse(text, 1, UINT32_MAX, &number)) {
        return fault_usage(error, "A whole number from 1 on:  -n 10", "'%.60s' is not a count",
                           text);
    }
    *count = (uint32_t)number;
    return 0;
}

static int read_from(const struct app *app, struct recv_options *options,
                     struct sotto_error *error) {
    const char *text = app->request->value[OPTION_FROM];
    struct recipients *senders = &options->senders;
    if (text == NULL) {
        return 0;
    }
    int status = recipients_read(app->settings, text, senders, error);
    if (status == 0 && senders->count > SOTTO_FROM_MAX) {
        status = fault_usage(error, "", "--from takes %d people at most", SOTTO_FROM_MAX);
    }
    for (size_t i = 0; status == 0 && i < senders->count; i++) {
        options->from[i] = senders->names[i];
    }
    options->request.from = options->from;
    options->request.from_count = senders->count;
    return status;
}

/* 26 characters without a mark between digits are an id; there is no time like that. */
static int read_since(const struct app *app, struct sotto_receive *request,
                      struct sotto_error *error) {
    const char *text = app->request->value[OPTION_SINCE];
    if (text == NULL) {
        return 0;
    }
    if (strlen(text) == ID_CHARACTERS && strpbrk(text, "-: ") == NULL) {
        request->since_id = text;
        return 0;
    }
    if (!when_parse(text, app->clock.wall_ms(app->clock.context), &request->since_ms)) {
        return fault_usage(error,
                           "For example:  2h (ago), 09:14, 2026-11-23, \"2026-11-23 09:14\", "
                           "2026-11-23T09:14:00Z,\nor the id of a message.",
                           "'%.60s' is neither a time nor an id", text);
    }
    return 0;
}

/* What makes no sense together. */
static int check_together(const struct request *request, struct sotto_error *error) {
    const unsigned *given = request->given;
    if (request->words_before > 0 || (request->word_count > 0 && given[OPTION_EXEC] == 0)) {
        return fault_usage(error,
                           given[OPTION_EXEC] > 0
                               ? "Its arguments go after '--':  sotto recv --exec PROGRAM -- ARG"
                               : "Usage:  sotto recv [OPTIONS]\nMore:   sotto help recv",
                           "'recv' takes no argument ('%.60s')", request->words[0]);
    }
    if (given[OPTION_FOLLOW] > 0 && given[OPTION_WAIT] > 0) {
        return fault_usage(error, "--follow has no end; --wait ends after the first messages.",
                           "--follow and --wait do not go together");
    }
    if (given[OPTION_SKIP_FAILED] > 0 && given[OPTION_EXEC] == 0) {
        return fault_usage(error, "It says what to do when PROGRAM of --exec has failed.",
                           "--skip-failed goes with --exec");
    }
    if (given[OPTION_FORGET] > 0 && given[OPTION_AS] == 0) {
        return fault_usage(error, "Name what is to be forgotten:  sotto recv --as CURSOR --forget",
                           "--forget goes with --as");
    }
    return 0;
}

must_check int recv_options_read(const struct app *app, struct recv_options *options,
                                 struct sotto_error *error) {
    const struct request *request = app->request;
    *options = (struct recv_options){
        .request =
            {
                .require_verified = app->require_verified,
                .follow = request->given[OPTION_FOLLOW] > 0,
                .cursor = request->value[OPTION_AS],
            },
    };
    int status = check_together(request, error);
    if (status == 0) {
        status = read_wait(request, &options->request.wait_ms, error);
    }
    if (status == 0) {
        status = read_count(request, &options->request.count, error);
    }
    if (status == 0) {
        status = read_from(app, options, error);
    }
    return status == 0 ? read_since(app, &options->request, error) : status;
}
