/* SPDX-License-Identifier: ISC */
#include "sotto/account.h"
#include "sotto/commands.h"
#include "sotto/fault.h"
#include "sotto/json.h"
#include "sotto/settings_list.h"
#include "sotto/tell.h"

#include <string.h>

static int report(struct app *app, const struct sotto_server_key *key, bool was_pinned,
                  struct sotto_error *error) {
    struct json_line line;
    struct buffer out;
    if (!app->is_json) {
        tell_always(app,
                    was_pinned ? "%s shows the key that is trusted already: %s"
                               : "%s is trusted with this key from now on: %s",
                    key->server, key->shown);
        return 0;
    }
    buffer_init(&out, JSON_LINE_MAX_BYTES);
    json_begin(&line, "server_key");
    json_text(&line, line.root, "server", key->server);
    json_text(&line, line.root, "server_key", key->shown);
    json_flag(&line, line.root, "was_pinned", was_pinned);
    return app_write_made(app, json_end(&line, &out), &out, "The key is trusted.", error);
}

/* Nothing was typed: the new key stays refused. */
static int refused(const struct sotto_server_key *key, struct sotto_error *error) {
    const struct error_value values[] = {{"server", key->server},
                                         {"known", key->pinned},
                                         {"shown", key->shown},
                                         {"effect", "Nothing was changed."}};
    return fault_set(error, ERR_SERVER_KEY_CHANGED, values, 4);
}

static int pin(struct app *app, struct sotto *client, const char *told, struct sotto_error *error) {
    struct sotto_server_key key;
    struct sotto_account account;
    int status = sotto_account(client, &account, error);
    if (status == 0) {
        status = sotto_pin_server(client, told, &key, error);
    }
    if (status != 0) {
        return status;
    }
    return report(app, &key, strcmp(account.server_key, key.shown) == 0, error);
}

static int ask(struct app *app, struct sotto *client, struct sotto_error *error) {
    struct sotto_server_key key;
    struct buffer typed;
    int status = sotto_server_key(client, &key, error);
    if (status != 0 || key.is_pinned) {
        return status != 0 ? status : report(app, &key, true, error);
    }
    tell_prompt("%s shows another key than the trusted one:", key.server);
    tell_prompt("    trusted     %s", key.pinned);
    tell_prompt("    shown now   %s", key.shown);
    tell_prompt("Ask the admin, not by sotto, what \"sottod key\" prints. Enter stops.");
    buffer_init(&typed, LINE_MAX_BYTES);
    status = account_line(app, NULL, "The key that the admin told: ", "the key", "--key FP", &typed,
                          error);
    if (status == 0) {
        status = typed.size <= 1 ? refused(&key, error)
                                 : pin(app, client, (const char *)typed.data, error);
    }
    buffer_clear(&typed);
    return status;
}

static int pin_server_key(struct app *app, struct sotto_error *error) {
    struct sotto *client = NULL;
    const char *told = app->request->value[OPTION_KEY];
    if (told == NULL && !app->may_ask) {
        return fault_input(error, "the key that the server's admin told", "--key FP");
    }
    int status = app_open(app, &client, error);
    if (status == 0) {
        status = told == NULL ? ask(app, client, error) : pin(app, client, told, error);
    }
    sotto_close(client);
    return status;
}

must_check int command_config(struct app *app, struct sotto_error *error) {
    const struct request *request = app->request;
    const char *key = request->word_count > 0 ? request->words[0] : NULL;
    if (key != NULL && strcmp(key, "server-key") == 0) {
        return pin_server_key(app, error);
    }
    if (request->given[OPTION_KEY] > 0) {
        return fault_usage(error, "Usage:  sotto config server-key --key FP",
                           "'--key' belongs to 'sotto config server-key'");
    }
    return settings_list(app, key, error);
}
