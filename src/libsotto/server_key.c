/* SPDX-License-Identifier: ISC */
/* The server's key: looking at the one that is shown, and pinning another one that its admin told.
 */
#include "libsotto/account.h"

#include <string.h>

static const char EFFECT[] = "Nothing was changed.";

static bool is_never(void *context) {
    (void)context;
    return false;
}

/* Looks at the key over a connection on which nothing is sent. */
static int look(struct runner *runner, struct sotto_server_key *key, struct sotto_error *error) {
    struct sotto *client = runner->client;
    enum error status = runner_probe(runner);
    if (status != OK) {
        return profile_fail(client, status, EFFECT, error);
    }
    runner_run(runner, is_never, runner, UINT64_MAX, false);
    if (!runner->has_shown) {
        return explain_failure(runner, engine_failure(runner->engine),
                               profile_report(client, EFFECT), error);
    }
    memcpy(key->server, client->server, sizeof(key->server));
    explain_key(client->account.server_hash, key->pinned);
    explain_key(runner->shown_hash, key->shown);
    key->is_pinned = strcmp(key->pinned, key->shown) == 0;
    return 0;
}

/* The next login takes it for the first pin. */
static bool is_announced(const struct account *account, const uint8_t hash[HASH_BYTES]) {
    return account->has_next_key && memcmp(account->next_key, hash, HASH_BYTES) == 0;
}

static enum error pin(struct sotto *client, const uint8_t hash[HASH_BYTES]) {
    const struct client_store *store = client->store;
    struct account account;
    enum error error = account_load(store, &account);
    if (error != OK) {
        return error;
    }
    memcpy(account.server_hash, hash, HASH_BYTES);
    account.server_bits = 8 * HASH_BYTES;
    account.has_next_key = false; /* the former key had announced it */
    error = store->begin(store->context);
    if (error != OK) {
        return error;
    }
    error = account_save(store, &account);
    if (error == OK) {
        error = store->commit(store->context);
    }
    if (error != OK) {
        store->rollback(store->context);
        return error;
    }
    client->account = account;
    return OK;
}

static int differs(const struct sotto *client, const struct sotto_server_key *key, const char *told,
                   struct sotto_error *error) {
    struct report report = profile_report(client, EFFECT);
    report.known = told;
    report.shown = key->shown;
    report.detail = "";
    return report_error(error, ERR_SERVER_KEY_CHANGED, &report);
}

int sotto_server_key(struct sotto *client, struct sotto_server_key *key,
                     struct sotto_error *error) {
    struct runner runner;
    memset(key, 0, sizeof(*key));
    enum error status = runner_init(&runner, client);
    int result =
        status == OK ? look(&runner, key, error) : profile_fail(client, status, EFFECT, error);
    key->is_pinned =
        key->is_pinned || (result == 0 && is_announced(&client->account, runner.shown_hash));
    runner_clear(&runner);
    return result == 0 ? report_error(error, OK, NULL) : result;
}

int sotto_pin_server(struct sotto *client, const char *told, struct sotto_server_key *key,
                     struct sotto_error *error) {
    struct runner runner;
    uint8_t typed[PIN_BYTES];
    uint8_t shown[PIN_BYTES];
    char text[SOTTO_KEY_SIZE];
    memset(key, 0, sizeof(*key));
    if (base32_decode(bytes_of_string(told), PIN_CHARACTERS, typed) != OK) {
        return report_error(error, ERR_USAGE,
                            &(struct report){.cause = "that is not a server key",
                                             .detail = "It is what \"sottod key\" prints: 26 "
                                                       "letters and digits. Nothing was changed."});
    }
    pin_print(typed, text, sizeof(text));
    enum error status = runner_init(&runner, client);
    int result =
        status == OK ? look(&runner, key, error) : profile_fail(client, status, EFFECT, error);
    if (result == 0) {
        pin_of_hash(runner.shown_hash, shown);
        if (memcmp(shown, typed, PIN_BYTES) != 0) {
            result = differs(client, key, text, error);
        } else if (!key->is_pinned || client->account.server_bits < 8 * HASH_BYTES) {
            result = profile_fail(client, pin(client, runner.shown_hash), EFFECT, error);
        }
        key->is_pinned = result == 0;
    }
    runner_clear(&runner);
    return result == 0 ? report_error(error, OK, NULL) : result;
}
