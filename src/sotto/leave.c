/* SPDX-License-Identifier: ISC */
#include "sotto/account.h"
#include "sotto/commands.h"
#include "sotto/fault.h"
#include "sotto/tell.h"

#include <stdio.h>
#include <string.h>

/* The name, typed once more: by --confirm, or on a terminal. */
static int confirm(struct app *app, const struct sotto_account *account,
                   struct sotto_error *error) {
    const char *typed = app->request->value[OPTION_CONFIRM_NAME];
    char folded[SOTTO_NAME_SIZE];
    struct sotto_error spare;
    struct buffer line;
    buffer_init(&line, LINE_MAX_BYTES);
    int status = 0;
    if (typed == NULL && !app->may_ask) {
        status = fault_input(error, "your name, to be sure,", "--confirm NAME");
    } else if (typed == NULL) {
        tell_prompt("This ends the account %s on %s%s", account->name, account->server,
                    app->request->given[OPTION_KEEP_DATA] > 0
                        ? ". What this device has stays."
                        : ", and erases its keys and messages here.");
        status = account_line(app, NULL, "Type its name to go on: ", "the name", "--confirm NAME",
                              &line, error);
        typed = status == 0 ? (const char *)line.data : NULL;
    }
    if (status == 0 &&
        (sotto_name_check(typed, folded, &spare) != 0 || strcmp(folded, account->name) != 0)) {
        status = fault_usage(error, "Nothing was changed.",
                             "'%.40s' is not the name of this account (%s)", typed, account->name);
    }
    buffer_clear(&line);
    return status;
}

static int report(struct app *app, const struct sotto_left *left, struct sotto_error *error) {
    struct json_line line;
    struct buffer out;
    if (!app->is_json) {
        tell(app, "%s%s. %s",
             left->was_gone ? "The account was gone already from " : "You have left ", left->server,
             left->is_erased ? "Its keys and messages are erased here."
                             : "What this device has stays: sotto history");
        return 0;
    }
    buffer_init(&out, JSON_LINE_MAX_BYTES);
    json_begin(&line, "left");
    json_text(&line, line.root, "name", left->name);
    json_text(&line, line.root, "server", left->server);
    json_flag(&line, line.root, "was_gone", left->was_gone);
    json_flag(&line, line.root, "erased", left->is_erased);
    return app_write_made(app, json_end(&line, &out), &out, "The account is gone.", error);
}

must_check int command_leave(struct app *app, struct sotto_error *error) {
    struct sotto *client = NULL;
    struct sotto_account account;
    struct sotto_left left;
    int status = app_open(app, &client, error);
    if (status == 0) {
        status = sotto_account(client, &account, error);
    }
    if (status == 0) {
        status = confirm(app, &account, error);
    }
    if (status == 0) {
        bool keep_data = app->request->given[OPTION_KEEP_DATA] > 0;
        status = sotto_leave(client, keep_data, &left, error);
    }
    if (status == 0) {
        status = report(app, &left, error);
    }
    sotto_close(client);
    return status;
}
