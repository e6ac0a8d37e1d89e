/* SPDX-License-Identifier: ISC */
#include "sotto/account.h"
#include "sotto/commands.h"
#include "sotto/fault.h"
#include "sotto/tell.h"

#include "platform/terminal.h"

#include <string.h>

enum { NAME_ATTEMPTS = 3, NAME_INPUT_BYTES = 256 };

/* Asks until the answer can be a name, a few times. */
static int ask_name(struct app *app, char name[SOTTO_NAME_SIZE], struct sotto_error *error) {
    int status = 0;
    for (int i = 0; i < NAME_ATTEMPTS; i++) {
        struct buffer typed;
        buffer_init(&typed, NAME_INPUT_BYTES);
        status = account_line(app, NULL, "Your name on this server: ", "a name", "--name NAME",
                              &typed, error);
        if (status == 0) {
            status = sotto_name_check((const char *)typed.data, name, error);
        }
        buffer_clear(&typed);
        if (status == 0 || strcmp(error->code, "name_invalid") != 0) {
            break;
        }
        tell_prompt("%s", error->message);
    }
    return status;
}

/* The name to register: given, or not needed because the profile has one, or asked for. */
static int take_name(struct app *app, bool exists, char name[SOTTO_NAME_SIZE],
                     struct sotto_error *error) {
    const char *given = app->request->value[OPTION_NAME];
    name[0] = '\0';
    if (given != NULL) {
        return sotto_name_check(given, name, error);
    }
    return exists ? 0 : ask_name(app, name, error);
}

static int join(struct app *app, const char *link, struct sotto_error *error) {
    struct sotto_link parsed;
    struct sotto_account account = {.already_joined = false};
    char name[SOTTO_NAME_SIZE];
    struct sotto_profile profile;
    int status = sotto_link_check(link, &parsed, error);
    if (status == 0) {
        tell(app, "Server %s, key %s (from the link)", parsed.server, parsed.server_key);
        status = app_profile(app, &profile, error);
    }
    if (status == 0) {
        status = take_name(app, profile.exists, name, error);
    }
    if (status == 0) {
        status = account_prepare(app, &profile, error);
    }
    if (status == 0) {
        struct sotto_options options = app_options(app);
        status = sotto_join(&options, link, name[0] == '\0' ? NULL : name, &account, error);
    }
    return status != 0 ? status : account_report(app, &account, error);
}

must_check int command_join(struct app *app, struct sotto_error *error) {
    const char *word = app->request->word_count > 0 ? app->request->words[0] : NULL;
    struct buffer link;
    buffer_init(&link, LINE_MAX_BYTES);
    int status =
        account_line(app, word, "Invite link: ", "the invite link",
                     "sotto join LINK, or sotto join - and the link on stdin", &link, error);
    if (status == 0) {
        status = join(app, (const char *)link.data, error);
    }
    buffer_clear(&link);
    return status;
}
