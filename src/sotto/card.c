/* SPDX-License-Identifier: ISC */
#include "sotto/commands.h"
#include "sotto/json.h"

static int print(struct app *app, const struct sotto_account *account, const char *card,
                 struct sotto_error *error) {
    struct json_line line;
    struct buffer out;
    enum error made = OK;
    buffer_init(&out, JSON_LINE_MAX_BYTES);
    if (app->is_json) {
        json_begin(&line, "card");
        json_text(&line, line.root, "card", card);
        json_text(&line, line.root, "name", account->name);
        json_text(&line, line.root, "server", account->server);
        json_text(&line, line.root, "key", account->key);
        made = json_end(&line, &out);
    } else {
        made = buffer_append(&out, bytes_of_string(card));
        made = made != OK ? made : buffer_append(&out, bytes_of_string("\n"));
    }
    return app_write_made(app, made, &out, "", error);
}

must_check int command_card(struct app *app, struct sotto_error *error) {
    struct sotto *client = NULL;
    struct sotto_account account;
    char card[SOTTO_CARD_SIZE];
    int status = app_open(app, &client, error);
    if (status == 0) {
        status = sotto_account(client, &account, error);
    }
    if (status == 0) {
        status = sotto_card(client, card, error);
    }
    sotto_close(client);
    return status != 0 ? status : print(app, &account, card, error);
}
