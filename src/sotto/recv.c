/* SPDX-License-Identifier: ISC */
#include "sotto/commands.h"
#include "sotto/exec.h"
#include "sotto/fault.h"
#include "sotto/message_view.h"
#include "sotto/recv_options.h"
#include "sotto/shut_in.h"
#include "sotto/tell.h"

#include <string.h>

static const char EFFECT[] = "What was not written comes again next time.";

/* What the library's callbacks work on. */
struct receiving {
    struct app *app;
    struct recv_options options;
    struct exec *exec; /**< NULL: messages are printed */
    char own_name[SOTTO_NAME_SIZE];
    enum error status; /**< a failure of our own, not of stdout */
};

/* Delivered is what stdout has taken, whole. */
static enum sotto_verdict print(struct receiving *receiving, const struct sotto_message *message) {
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

static enum sotto_verdict on_message(void *context, const struct sotto_message *message) {
    struct receiving *receiving = context;
    return receiving->exec == NULL ? print(receiving, message)
                                   : exec_message(receiving->exec, message);
}

/* A message that cannot be shown is data too: with --json it stands where it belongs, on stdout. */
static void on_notice(void *context, const struct sotto_error *notice) {
    struct receiving *receiving = context;
    struct buffer out;
    bool is_data = receiving->app->is_json && receiving->exec == NULL && notice->exit == 0 &&
                   notice->peer[0] != '\0';
    if (!is_data) {
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

/* stdout and the program first: when they failed, what the library says came of it does not matter.
 */
static int judge(const struct receiving *receiving, int status, struct sotto_error *error) {
    const struct exec *exec = receiving->exec;
    if (exec != NULL && exec->status != 0) {
        *error = exec->error;
        status = exec->status;
    }
    return app_outcome(receiving->app, receiving->status, EFFECT, status, error);
}

/* Texts of others are about to come, and nothing but the profile is needed to print them. */
static int give_up(struct app *app, struct sotto_error *error) {
    struct sotto_profile profile;
    int status = app_profile(app, &profile, error);
    if (status == 0) {
        shut_in(app, profile.folder);
    }
    return status;
}

static int receive(struct receiving *receiving, struct sotto *client, struct sotto_error *error) {
    const struct sotto_receive *request = &receiving->options.request;
    struct sotto_account account;
    uint32_t handed = 0;
    int status = sotto_account(client, &account, error);
    if (status != 0) {
        return status;
    }
    memcpy(receiving->own_name, account.name, sizeof(receiving->own_name));
    status = receiving->exec == NULL ? give_up(receiving->app, error) : 0;
    if (status != 0) {
        return status;
    }
    if (request->wait_ms > 0 || request->follow) {
        tell(receiving->app, "Waiting for messages (Ctrl-C stops) ...");
    }
    status = sotto_receive(client, request, on_message, receiving, &handed, error);
    status = judge(receiving, status, error);
    if (status == 0 && handed == 0) {
        tell(receiving->app, "No new messages.");
    }
    return status;
}

static int forget(struct receiving *receiving, struct sotto *client, struct sotto_error *error) {
    const char *cursor = receiving->options.request.cursor;
    bool was_there = false;
    int status = sotto_forget_cursor(client, cursor, &was_there, error);
    if (status == 0) {
        tell(receiving->app, was_there ? "The cursor '%s' is forgotten." : "There was no '%s'.",
             cursor);
    }
    return status;
}

static int run(struct receiving *receiving, struct sotto_error *error) {
    struct app *app = receiving->app;
    struct sotto *client = NULL;
    app->notice = on_notice;
    app->notice_context = receiving;
    int status = app_open(app, &client, error);
    if (status == 0) {
        status = app->request->given[OPTION_FORGET] > 0 ? forget(receiving, client, error)
                                                        : receive(receiving, client, error);
    }
    sotto_close(client);
    return status;
}

must_check int command_recv(struct app *app, struct sotto_error *error) {
    struct receiving receiving = {.app = app};
    struct exec exec;
    int status = recv_options_read(app, &receiving.options, error);
    if (status == 0 && app->request->given[OPTION_EXEC] > 0) {
        status = exec_begin(&exec, app, error);
        receiving.exec = &exec;
    }
    if (status == 0) {
        status = run(&receiving, error);
    }
    if (receiving.exec != NULL) {
        exec_end(receiving.exec);
    }
    return status;
}
