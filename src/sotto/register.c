/* SPDX-License-Identifier: ISC */
#include "sotto/account.h"
#include "sotto/commands.h"
#include "sotto/fault.h"
#include "sotto/tell.h"

#include "base/text.h"
#include "platform/terminal.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { KEY_CHARACTERS = 26, KEY_BYTES = 17, ANSWER_MAX_BYTES = 256 };

/* What the library's question about the server's key has led to. */
struct decision {
    struct app *app;
    bool was_asked;
    bool is_refused;
    char typed[SOTTO_KEY_SIZE]; /**< a key that was typed and is not the one shown */
    char shown[SOTTO_KEY_SIZE];
    char server[SOTTO_SERVER_SIZE];
};

/* Both as base 32, so that case, dashes and look-alike characters do not matter. */
static bool is_key(const char *text, uint8_t key[KEY_BYTES]) {
    return base32_decode(bytes_of_string(text), KEY_CHARACTERS, key) == OK;
}

static bool judge(struct decision *decision, const char *answer, const char *key) {
    uint8_t typed[KEY_BYTES];
    uint8_t shown[KEY_BYTES];
    if (strcasecmp(answer, "yes") == 0) {
        return true;
    }
    if (!is_key(answer, typed) || !is_key(key, shown)) {
        return false;
    }
    if (memcmp(typed, shown, sizeof(typed)) == 0) {
        return true;
    }
    snprintf(decision->typed, sizeof(decision->typed), "%s", answer);
    return false;
}

static bool on_key(void *context, const char *server, const char *key) {
    struct decision *decision = context;
    struct app *app = decision->app;
    struct buffer answer;
    bool is_accepted = false;
    snprintf(decision->shown, sizeof(decision->shown), "%s", key);
    snprintf(decision->server, sizeof(decision->server), "%s", server);
    if (app->request->given[OPTION_ACCEPT_NEW_KEY] > 0) {
        tell_always(app, "Server %s, key %s (accepted without comparing)", server, key);
        return true;
    }
    decision->was_asked = true;
    tell_prompt("%s shows the key %s", server, key);
    buffer_init(&answer, ANSWER_MAX_BYTES);
    if (terminal_ask("Does \"sottod key\" print the same there? (yes, no, or that key): ", false,
                     &answer) == OK &&
        buffer_append(&answer, bytes_make("", 1)) == OK) {
        is_accepted = judge(decision, (const char *)answer.data, key);
    }
    decision->is_refused = !is_accepted;
    buffer_clear(&answer);
    return is_accepted;
}

/* The answer was no, or another key: said in our words, since the library knows only that it was
 * no. */
static int refused(const struct decision *decision, struct sotto_error *error) {
    if (decision->typed[0] == '\0') {
        return fault_usage(
            error, "No account was made. Ask the server's admin what \"sottod key\" prints.",
            "the key of %s was not accepted", decision->server);
    }
    const struct error_value values[] = {{"server", decision->server},
                                         {"known", decision->typed},
                                         {"shown", decision->shown},
                                         {"effect", "No account was made."}};
    return fault_set(error, ERR_SERVER_KEY_CHANGED, values, 4);
}

static int check_options(const struct app *app, struct sotto_error *error) {
    const struct request *request = app->request;
    bool accepts = request->given[OPTION_ACCEPT_NEW_KEY] > 0;
    if (request->value[OPTION_SERVER] == NULL) {
        return fault_usage(error,
                           "Usage:  sotto register NAME --server HOST[:PORT]\n"
                           "With an invite link:   sotto join LINK",
                           "'register' needs --server");
    }
    if (request->value[OPTION_KEY] != NULL && accepts) {
        return fault_usage(error, "With --key only that key is accepted.",
                           "--key and --accept-new-key exclude each other");
    }
    if (request->value[OPTION_KEY] == NULL && !accepts && !app->may_ask) {
        return fault_input(error, "the server's key",
                           "--key FP (what \"sottod key\" prints), or --accept-new-key");
    }
    return 0;
}

static int register_account(struct app *app, const char *invite, struct sotto_error *error) {
    struct decision decision = {.app = app};
    struct sotto_account account = {.already_joined = false};
    char name[SOTTO_NAME_SIZE];
    struct sotto_profile profile;
    int status = sotto_name_check(app->request->words[0], name, error);
    if (status == 0) {
        status = app_profile(app, &profile, error);
    }
    if (status == 0) {
        status = account_prepare(app, &profile, error);
    }
    if (status != 0) {
        return status;
    }
    struct sotto_options options = app_options(app);
    struct sotto_register request = {
        .name = name,
        .server = app->request->value[OPTION_SERVER],
        .server_key = app->request->value[OPTION_KEY],
        .accept = on_key,
        .context = &decision,
        .invite = invite,
    };
    status = sotto_register_account(&options, &request, &account, error);
    if (status != 0 && decision.is_refused) {
        return refused(&decision, error);
    }
    return status != 0 ? status : account_report(app, &account, error);
}

must_check int command_register(struct app *app, struct sotto_error *error) {
    const char *word = app->request->value[OPTION_INVITE];
    struct buffer invite;
    buffer_init(&invite, LINE_MAX_BYTES);
    int status = check_options(app, error);
    if (status == 0 && word != NULL) {
        status = account_line(app, word, "", "the invite code", "--invite CODE", &invite, error);
    }
    if (status == 0) {
        status = register_account(app, word == NULL ? NULL : (const char *)invite.data, error);
    }
    buffer_clear(&invite);
    return status;
}
