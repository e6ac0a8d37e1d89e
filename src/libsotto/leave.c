/* SPDX-License-Identifier: ISC */
/* Ending the own account: at the server first, then here. */
#include "libsotto/account.h"

#include <stdio.h>
#include <string.h>

static const char EFFECT[] = "Nothing was changed.";

/* In the store, once the server has been asked. A login that is refused later means that it did
 * what it was asked; without this it can mean anything, a profile that was put back too, and the
 * keys of an account that lives on must not be erased. */
static const char ASKED[] = "leave asked";

struct leaving {
    struct runner runner;
    bool was_asked; /**< by an earlier call */
    bool is_asked;
    enum error error; /**< of the store */
};

static enum error note_asked(const struct client_store *store) {
    enum error error = store->begin(store->context);
    if (error != OK) {
        return error;
    }
    error = store->setting_put(store->context, ASKED, bytes_make("", 0));
    error = error == OK ? store->commit(store->context) : error;
    if (error != OK) {
        store->rollback(store->context);
    }
    return error;
}

static enum error look_for_asked(const struct client_store *store, bool *was_asked) {
    struct buffer none;
    buffer_init(&none, 1);
    enum error error = store->setting_get(store->context, ASKED, &none);
    buffer_clear(&none);
    *was_asked = error == OK;
    return error == ERR_NOT_FOUND ? OK : error;
}

static bool is_answered(void *context) {
    struct leaving *leaving = context;
    struct engine *engine = leaving->runner.engine;
    if (!leaving->is_asked && engine_is_settled(engine)) {
        leaving->error = note_asked(leaving->runner.client->store);
        if (leaving->error != OK) {
            return true;
        }
        leaving->is_asked = true;
        engine_ask_leave(engine);
    }
    return leaving->is_asked && engine_answer(engine)->is_done;
}

static int fail(struct leaving *leaving, const struct failure *failure, struct sotto_error *error) {
    char advice[PATH_MAX_BYTES + 96];
    struct sotto *client = leaving->runner.client;
    bool is_unknown = leaving->is_asked && !engine_answer(leaving->runner.engine)->is_done;
    struct report report = profile_report(
        client,
        is_unknown ? "Whether the account is gone is not known; nothing was erased here." : EFFECT);
    snprintf(advice, sizeof(advice),
             "If that %s is gone for good, what is left of the account is this folder:\n"
             "  %s",
             failure->error == ERR_LOGIN_REFUSED ? "account" : "server", client->folder);
    if (failure->error == ERR_SERVER_UNREACHABLE || failure->error == ERR_LOGIN_REFUSED) {
        report.detail = advice;
    }
    return explain_failure(&leaving->runner, failure, report, error);
}

/* Asks the server to delete the account. One that it does not know any more after it was asked is
 * deleted. */
static int leave_server(struct leaving *leaving, struct sotto_left *left,
                        struct sotto_error *error) {
    struct runner *runner = &leaving->runner;
    struct sotto *client = runner->client;
    enum error status = look_for_asked(client->store, &leaving->was_asked);
    status = status == OK ? runner_connect(runner) : status;
    if (status != OK) {
        return profile_fail(client, status, EFFECT, error);
    }
    runner_run(runner, is_answered, leaving, UINT64_MAX, false);
    if (leaving->error != OK) {
        return profile_fail(client, leaving->error, EFFECT, error);
    }
    runner->is_finished = true; /* whoever has left has nothing more to say */
    bool is_answer = leaving->is_asked && engine_answer(runner->engine)->is_done;
    const struct failure *failure =
        is_answer ? &engine_answer(runner->engine)->failure : engine_failure(runner->engine);
    left->was_gone =
        failure->error == ERR_LOGIN_REFUSED && (leaving->was_asked || leaving->is_asked);
    bool is_gone = left->was_gone || (is_answer && failure->error == OK);
    return is_gone ? 0 : fail(leaving, failure, error);
}

int sotto_leave(struct sotto *client, bool keep_data, struct sotto_left *left,
                struct sotto_error *error) {
    struct leaving leaving = {.is_asked = false};
    memset(left, 0, sizeof(*left));
    memcpy(left->name, client->account.name.text, sizeof(left->name));
    memcpy(left->server, client->server, sizeof(left->server));
    /* The profile is owned until its files are gone: nobody else begins with them meanwhile. */
    enum error status = profile_own(client);
    if (status != OK) {
        return profile_fail(client, status, EFFECT, error);
    }
    status = runner_init(&leaving.runner, client);
    int result = status == OK ? leave_server(&leaving, left, error)
                              : profile_fail(client, status, EFFECT, error);
    runner_clear(&leaving.runner);
    if (result == 0 && !keep_data) {
        status = profile_erase(client);
        left->is_erased = status == OK;
        result = profile_fail(client, status, "The account is gone from the server.", error);
    }
    profile_release(client);
    return result;
}
