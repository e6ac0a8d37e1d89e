/* SPDX-License-Identifier: ISC */
#include "sotto/account.h"
#include "sotto/commands.h"
#include "sotto/json.h"
#include "sotto/visible.h"

#include <inttypes.h>
#include <stdio.h>

enum { SENDERS_SHOWN = 5, STATUS_MAX_BYTES = 64 * 1024 };

/* One person with unread messages. */
struct sender {
    char name[SOTTO_NAME_SIZE];
    uint32_t count;
};

struct senders {
    struct sender first[SENDERS_SHOWN];
    size_t count; /**< all of them, also those beyond `first` */
};

static void on_sender(void *context, const char *from, uint32_t count) {
    struct senders *senders = context;
    if (senders->count < SENDERS_SHOWN) {
        struct sender *sender = &senders->first[senders->count];
        visible_line(from, sender->name, sizeof(sender->name));
        sender->count = count;
    }
    senders->count++;
}

static must_check enum error put_unread(const struct sotto_account *account,
                                        const struct senders *senders, struct buffer *out) {
    enum error error = buffer_print(out, "unread %" PRIu32, account->unread);
    for (size_t i = 0; i < senders->count && i < SENDERS_SHOWN && error == OK; i++) {
        error = buffer_print(out, "%s%s %" PRIu32, i == 0 ? " (" : ", ", senders->first[i].name,
                             senders->first[i].count);
    }
    if (error == OK && senders->count > 0) {
        error = buffer_print(out, "%s)", senders->count > SENDERS_SHOWN ? ", ..." : "");
    }
    return error;
}

static must_check enum error put_text(const struct app *app, const struct sotto_status *status,
                                      const struct senders *senders, struct buffer *out) {
    const struct sotto_account *account = &status->account;
    char connection[64] = "not connected";
    if (status->is_connected) {
        snprintf(connection, sizeof(connection), "connected, %" PRIu32 " ms", status->latency_ms);
    }
    enum error error = buffer_print(out, "%s@%s   %s   profile %s\nkey    %s   %s\n", account->name,
                                    account->server, connection, app->profile, account->key,
                                    account->is_protected ? "protected by a passphrase"
                                                          : "protected by file permissions only");
    if (error == OK) {
        error = put_unread(account, senders, out);
    }
    if (error == OK) {
        error = buffer_print(out, "   outbox %" PRIu32, account->outbox);
    }
    if (error == OK && status->is_connected) {
        error = buffer_print(out, "   waiting on server %" PRIu32, status->waiting);
    }
    if (error == OK) {
        error = buffer_print(
            out, "\npeople %" PRIu32 " verified, %" PRIu32 " not verified, %" PRIu32 " %s\n",
            account->verified, account->unverified, account->changed,
            account->changed == 0 ? "changed" : "CHANGED (sotto users)");
    }
    return error;
}

static must_check enum error put_json(const struct app *app, const struct sotto_status *status,
                                      const struct senders *senders, struct buffer *out) {
    const struct sotto_account *account = &status->account;
    struct json_line line;
    json_begin(&line, "status");
    account_json(&line, app, account);
    json_flag(&line, line.root, "connected", status->is_connected);
    if (status->is_connected) {
        json_number(&line, line.root, "latency_ms", status->latency_ms);
        json_number(&line, line.root, "waiting", status->waiting);
    }
    json_number(&line, line.root, "unread", account->unread);
    json_t *list = json_list(&line, line.root, "unread_from");
    for (size_t i = 0; i < senders->count && i < SENDERS_SHOWN; i++) {
        json_t *one = json_list_object(&line, list);
        json_text(&line, one, "from", senders->first[i].name);
        json_number(&line, one, "count", senders->first[i].count);
    }
    json_number(&line, line.root, "outbox", account->outbox);
    json_t *people = json_member(&line, line.root, "people");
    json_number(&line, people, "verified", account->verified);
    json_number(&line, people, "unverified", account->unverified);
    json_number(&line, people, "changed", account->changed);
    return json_end(&line, out);
}

static int print(struct app *app, const struct sotto_status *status, const struct senders *senders,
                 struct sotto_error *error) {
    struct buffer out;
    buffer_init(&out, STATUS_MAX_BYTES);
    return app_write_made(app,
                          app->is_json ? put_json(app, status, senders, &out)
                                       : put_text(app, status, senders, &out),
                          &out, "", error);
}

/* A number, from the store alone; nobody is asked for a passphrase, a prompt must not hang. */
static int print_unread(struct app *app, struct sotto_error *error) {
    struct sotto *client = NULL;
    struct sotto_account account;
    struct json_line line;
    struct buffer out;
    app->may_ask = false;
    int result = app_open(app, &client, error);
    if (result == 0) {
        result = sotto_account(client, &account, error);
    }
    sotto_close(client);
    if (result != 0) {
        return result;
    }
    buffer_init(&out, STATUS_MAX_BYTES);
    if (app->is_json) {
        json_begin(&line, "unread");
        json_number(&line, line.root, "unread", account.unread);
        return app_write_made(app, json_end(&line, &out), &out, "", error);
    }
    return app_write_made(app, buffer_print(&out, "%" PRIu32 "\n", account.unread), &out, "",
                          error);
}

/* The own state is shown in any case; why there is no connection is the exit status. */
must_check int command_status(struct app *app, struct sotto_error *error) {
    struct sotto *client = NULL;
    struct sotto_status status = {.is_connected = false};
    struct senders senders = {.count = 0};
    if (app->request->given[OPTION_UNREAD] > 0) {
        return print_unread(app, error);
    }
    int result = app_open(app, &client, error);
    if (result == 0) {
        result = sotto_status(client, &status, error);
    }
    if (result == 0) {
        result = sotto_unread(client, on_sender, &senders, error);
    }
    sotto_close(client);
    if (result == 0) {
        result = print(app, &status, &senders, error);
    }
    if (result == 0 && !status.is_connected) {
        *error = status.problem;
        result = error->exit;
    }
    return result;
}
