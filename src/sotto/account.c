/* SPDX-License-Identifier: ISC */
#include "sotto/account.h"

#include "sotto/fault.h"
#include "sotto/json.h"
#include "sotto/passphrase.h"
#include "sotto/tell.h"

#include "platform/terminal.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* The first line of stdin. */
static int read_line(const char *what, struct buffer *line, struct sotto_error *error) {
    for (;;) {
        uint8_t byte = 0;
        ssize_t got = read(STDIN_FILENO, &byte, 1);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0 && errno != EBADF) {
            return fault_storage(error, "stdin", errno, "Nothing was done.");
        }
        if (got <= 0 || byte == '\n') {
            return 0;
        }
        if (byte == 0 || line->size + 1 >= line->cap) {
            return fault_usage(error, "It is one line of text.", "stdin does not hold %s", what);
        }
        enum error status = buffer_append(line, bytes_make(&byte, 1));
        if (status != OK) {
            return app_check(status, error);
        }
    }
}

static int ask_line(const char *question, const char *what, const char *how, struct buffer *line,
                    struct sotto_error *error) {
    enum error status = terminal_ask(question, false, line);
    if (status == ERR_LIMIT) {
        return fault_usage(error, "It is one line of text.", "that is too long for %s", what);
    }
    if (status != OK || memchr(line->data == NULL ? (const void *)"" : line->data, 0, line->size)) {
        return fault_input(error, what, how);
    }
    return 0;
}

must_check int account_line(struct app *app, const char *word, const char *question,
                            const char *what, const char *how, struct buffer *line,
                            struct sotto_error *error) {
    int status = 0;
    if (word != NULL && strcmp(word, "-") == 0) {
        status = app_take_stdin(app, what, error);
        status = status != 0 ? status : read_line(what, line, error);
    } else if (word != NULL) {
        status = app_check(buffer_append(line, bytes_of_string(word)), error);
    } else if (app->may_ask) {
        status = ask_line(question, what, how, line, error);
    } else {
        status = fault_input(error, what, how);
    }
    return status != 0 ? status : app_check(buffer_append(line, bytes_make("", 1)), error);
}

must_check int account_prepare(struct app *app, const struct sotto_profile *profile,
                               struct sotto_error *error) {
    if (profile->exists) {
        return profile->is_protected ? passphrase_for_opening(app, error) : 0;
    }
    int status = passphrase_for_creating(app, error);
    if (status == 0) {
        tell(app, "Making keys (RSA-2048 takes up to two seconds) and registering ...");
    }
    return status;
}

void account_json(struct json_line *line, const struct app *app,
                  const struct sotto_account *account) {
    json_text(line, line->root, "name", account->name);
    json_text(line, line->root, "server", account->server);
    json_text(line, line->root, "server_key", account->server_key);
    json_text(line, line->root, "key", account->key);
    json_text(line, line->root, "profile", app->profile);
    json_flag(line, line->root, "protected", account->is_protected);
    json_time(line, line->root, "created", account->created_ms);
}

static int report_json(struct app *app, const struct sotto_account *account,
                       struct sotto_error *error) {
    struct json_line line;
    struct buffer out;
    buffer_init(&out, JSON_LINE_MAX_BYTES);
    json_begin(&line, "account");
    account_json(&line, app, account);
    json_flag(&line, line.root, "already_joined", account->already_joined);
    return app_write_made(app, json_end(&line, &out), &out, "The account was made.", error);
}

must_check int account_report(struct app *app, const struct sotto_account *account,
                              struct sotto_error *error) {
    if (app->is_json) {
        return report_json(app, account, error);
    }
    if (account->already_joined) {
        tell_always(app, "already joined: you are %s@%s", account->name, account->server);
        return 0;
    }
    tell_always(app, "You are %s@%s.", account->name, account->server);
    if (app->may_ask) {
        tell(app, "  Who is there:            sotto users");
        tell(app, "  Your card, for others:   sotto card");
    }
    return 0;
}
