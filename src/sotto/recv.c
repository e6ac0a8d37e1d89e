/* SPDX-License-Identifier: ISC */
#include "base/duration.h"
#include "sotto/commands.h"
#include "sotto/fault.h"
#include "sotto/message_view.h"
#include "sotto/tell.h"

#include <string.h>

static const char EFFECT[] = "What was not written comes again next time.";

/* What the library's callbacks work on. */
struct receiving {
    struct app *app;
    char own_name[SOTTO_NAME_SIZE];
    enum error status; /**< a failure of our own, not of stdout */
};

static enum sotto_verdict on_message(void *context, const struct sotto_message *message) {
    struct receiving *receiving = context;
    struct app *app = receiving->app;
    struct buffer out;
    buffer_init(&out, MESSAGE_VIEW_MAX_BYTES);
    if (app->is_json) {
        receiving->status = message_view_json(message, receiving->own_name, &out);
    } else {
        const struct message_view view = {
            .now_ms = app->clock.wall_ms(app->clock.context),
            .columns = app->columns,
            .is_plain = app->is_plain,
        };
        receiving->status = message_view_text(message, &view, &out);
    }
    bool is_written = receiving->status == OK && output_write(&app->out, buffer_view(&out));
    buffer_clear(&out);
    return is_written ? SOTTO_TAKEN : SOTTO_STOP;
}

/* A message that cannot be shown is data too: with --json it stands where it belongs, on stdout. */
static void on_notice(void *context, const struct sotto_error *notice) {
    struct receiving *receiving = context;
    struct buffer out;
    if (!receiving->app->is_json || notice->exit != 0 || notice->peer[0] == '\0') {
        tell_notice(receiving->app, notice);
        return;
    }
    buffer_init(&out, MESSAGE_VIEW_MAX_BYTES);
    enum error status = message_view_notice(notice, &out);
    if (status != OK) {
        receiving->status = status;
    } else if (!output_write(&receiving->app->out, buffer_view(&out))) {
        tell_notice(receiving->app, notice);
    }
    buffer_clear(&out);
}

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

/* stdout first: when it failed, what the library says came of it does not matter. */
static int judge(const struct receiving *receiving, int received, struct sotto_error *error) {
    struct sotto_error own;
    int status = app_written(receiving->app, EFFECT, &own);
    if (status == 0) {
        status = app_check(receiving->status, &own);
    }
    if (status != 0) {
        *error = own;
        return status;
    }
    return received;
}

static int receive(struct receiving *receiving, const struct sotto_receive *request,
                   struct sotto *client, struct sotto_error *error) {
    struct sotto_account account;
    uint32_t handed = 0;
    int status = sotto_account(client, &account, error);
    if (status != 0) {
        return status;
    }
    memcpy(receiving->own_name, account.name, sizeof(receiving->own_name));
    if (request->wait_ms > 0) {
        tell(receiving->app, "Waiting for messages (Ctrl-C stops) ...");
    }
    status = sotto_receive(client, request, on_message, receiving, &handed, error);
    status = judge(receiving, status, error);
    if (status == 0 && handed == 0) {
        tell(receiving->app, "No new messages.");
    }
    return status;
}

must_check int command_recv(struct app *app, struct sotto_error *error) {
    struct receiving receiving = {.app = app};
    struct sotto *client = NULL;
    struct sotto_receive request = {
        .require_verified = app->request->given[OPTION_REQUIRE_VERIFIED] > 0,
    };
    int status = read_wait(app->request, &request.wait_ms, error);
    if (status == 0) {
        status = read_count(app->request, &request.count, error);
    }
    if (status == 0) {
        app->notice = on_notice;
        app->notice_context = &receiving;
        status = app_open(app, &client, error);
    }
    if (status == 0) {
        status = receive(&receiving, &request, client, error);
    }
    sotto_close(client);
    return status;
}
