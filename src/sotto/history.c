/* SPDX-License-Identifier: ISC */
#include "sotto/commands.h"
#include "sotto/fault.h"
#include "sotto/history_view.h"
#include "sotto/tell.h"
#include "sotto/when.h"

#include "base/duration.h"

#include <string.h>

enum { HISTORY_COUNT = 50 };

static const char EFFECT[] = "Nothing is lost; what follows was not printed.";

struct showing {
    struct app *app;
    char own_name[SOTTO_NAME_SIZE];
    uint64_t now_ms;
    bool is_begun;
    enum error status; /**< a failure of our own, not of stdout */
};

static bool on_past(void *context, const struct sotto_past *past) {
    struct showing *showing = context;
    struct app *app = showing->app;
    struct buffer out;
    buffer_init(&out, MESSAGE_VIEW_MAX_BYTES);
    if (app->is_json) {
        showing->status = history_view_json(past, showing->own_name, &out);
    } else {
        const struct message_view view = {
            .now_ms = showing->now_ms,
            .columns = app->columns,
            .is_plain = app->is_plain,
        };
        showing->status = history_view_text(past, &view, &out);
    }
    showing->is_begun = true;
    bool is_written = showing->status == OK && output_write(&app->out, buffer_view(&out));
    buffer_clear(&out);
    return is_written;
}

static int read_count(const struct request *request, uint32_t *count, struct sotto_error *error) {
    const char *text = request->value[OPTION_COUNT];
    uint64_t number = HISTORY_COUNT;
    if (text != NULL && strcmp(text, "all") == 0) {
        number = 0;
    } else if (text != NULL && !number_parse(text, 1, UINT32_MAX, &number)) {
        return fault_usage(error, "A whole number from 1 on, or all:  -n 10, -n all",
                           "'%.60s' is not a count", text);
    }
    *count = (uint32_t)number;
    return 0;
}

static int read_time(const struct app *app, enum option_id option, uint64_t *ms,
                     struct sotto_error *error) {
    const char *text = app->request->value[option];
    *ms = 0;
    if (text == NULL || when_parse(text, app->clock.wall_ms(app->clock.context), ms)) {
        return 0;
    }
    return fault_usage(error,
                       "For example:  2h (ago), 09:14, 2026-11-23, \"2026-11-23 09:14\", "
                       "2026-11-23T09:14:00Z",
                       "'%.60s' is not a time", text);
}

static int read_options(const struct app *app, struct sotto_history *history,
                        struct sotto_error *error) {
    const struct request *request = app->request;
    char folded[SOTTO_NAME_SIZE];
    history->with = request->word_count > 0 ? request->words[0] : NULL;
    int status = history->with == NULL ? 0 : sotto_name_check(history->with, folded, error);
    if (status == 0) {
        status = read_count(request, &history->count, error);
    }
    if (status == 0) {
        status = read_time(app, OPTION_SINCE_TIME, &history->since_ms, error);
    }
    return status == 0 ? read_time(app, OPTION_UNTIL, &history->until_ms, error) : status;
}

static int show(struct showing *showing, struct sotto *client, const struct sotto_history *history,
                struct sotto_error *error) {
    struct app *app = showing->app;
    struct sotto_account account;
    int status = sotto_account(client, &account, error);
    if (status != 0) {
        return status;
    }
    memcpy(showing->own_name, account.name, sizeof(showing->own_name));
    status = sotto_history(client, history, on_past, showing, error);
    status = app_outcome(app, showing->status, EFFECT, status, error);
    if (status == 0 && !showing->is_begun) {
        tell(app, "No messages.");
    }
    return status;
}

must_check int command_history(struct app *app, struct sotto_error *error) {
    struct sotto *client = NULL;
    struct sotto_history history = {.with = NULL};
    struct showing showing = {.app = app, .now_ms = app->clock.wall_ms(app->clock.context)};
    int status = read_options(app, &history, error);
    if (status == 0) {
        status = app_open(app, &client, error);
    }
    if (status == 0) {
        status = show(&showing, client, &history, error);
    }
    sotto_close(client);
    return status;
}
