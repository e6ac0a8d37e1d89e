/* SPDX-License-Identifier: ISC */
#include "sotto/commands.h"
#include "sotto/fault.h"
#include "sotto/history_view.h"
#include "sotto/json.h"
#include "sotto/tell.h"

#include <string.h>

static const char USAGE[] = "Usage:  sotto outbox [list | drop ID]\nMore:   sotto help outbox";

struct listing {
    struct app *app;
    char own_name[SOTTO_NAME_SIZE];
    bool is_begun;
    enum error status; /**< a failure of our own, not of stdout */
};

/* The id, by which it is dropped, before what history would show. */
static enum error put_text(const struct listing *listing, const struct sotto_past *past,
                           struct buffer *out) {
    const struct app *app = listing->app;
    const struct message_view view = {
        .now_ms = app->clock.wall_ms(app->clock.context),
        .columns = app->columns,
        .is_plain = app->is_plain,
    };
    enum error error = buffer_append(out, bytes_of_string(past->message.id));
    if (error == OK) {
        error = buffer_append(out, bytes_of_string("  "));
    }
    return error == OK ? history_view_text(past, &view, out) : error;
}

static bool on_past(void *context, const struct sotto_past *past) {
    struct listing *listing = context;
    struct buffer out;
    buffer_init(&out, MESSAGE_VIEW_MAX_BYTES);
    listing->status = listing->app->is_json ? history_view_json(past, listing->own_name, &out)
                                            : put_text(listing, past, &out);
    listing->is_begun = true;
    bool is_written = listing->status == OK && output_write(&listing->app->out, buffer_view(&out));
    buffer_clear(&out);
    return is_written;
}

static int list(struct app *app, struct sotto *client, struct sotto_error *error) {
    struct listing listing = {.app = app};
    struct sotto_account account;
    int status = sotto_account(client, &account, error);
    if (status == 0) {
        memcpy(listing.own_name, account.name, sizeof(listing.own_name));
        status = sotto_outbox(client, on_past, &listing, error);
    }
    status = app_outcome(app, listing.status, "The list is not whole.", status, error);
    if (status == 0 && !listing.is_begun) {
        tell(app, "Nothing waits to be sent.");
    }
    return status;
}

static int report(struct app *app, const struct sotto_dropped *dropped, struct sotto_error *error) {
    struct json_line line;
    struct buffer out;
    if (!app->is_json) {
        tell(app,
             dropped->may_arrive
                 ? "Dropped. The server was offered the message to %s before: it may arrive."
                 : "Dropped. The message to %s was never sent.",
             dropped->to);
        return 0;
    }
    buffer_init(&out, JSON_LINE_MAX_BYTES);
    json_begin(&line, "dropped");
    json_text(&line, line.root, "id", dropped->id);
    json_text(&line, line.root, "to", dropped->to);
    json_flag(&line, line.root, "may_arrive", dropped->may_arrive);
    return app_write_made(app, json_end(&line, &out), &out, "The message is dropped.", error);
}

must_check int command_outbox(struct app *app, struct sotto_error *error) {
    const struct request *request = app->request;
    const char *what = request->word_count > 0 ? request->words[0] : "list";
    bool is_drop = strcmp(what, "drop") == 0;
    struct sotto *client = NULL;
    struct sotto_dropped dropped;
    if (!is_drop && strcmp(what, "list") != 0) {
        return fault_usage(error, USAGE, "'outbox' does not know '%.60s'", what);
    }
    if (is_drop ? request->word_count != 2 : request->word_count > 1) {
        return fault_usage(error, USAGE,
                           is_drop ? "'outbox drop' needs ID" : "one argument too many");
    }
    int status = app_open(app, &client, error);
    if (status == 0 && !is_drop) {
        status = list(app, client, error);
    } else if (status == 0) {
        status = sotto_drop(client, request->words[1], &dropped, error);
        status = status == 0 ? report(app, &dropped, error) : status;
    }
    sotto_close(client);
    return status;
}
