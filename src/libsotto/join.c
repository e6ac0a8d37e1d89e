/* SPDX-License-Identifier: ISC */
/* Making an account: keys are committed, then registered, then prekeys published; each step may be
 * repeated. */
#include "libsotto/account.h"

#include "crypto/entropy.h"

#include <string.h>

static const char EFFECT[] = "No account was made.";

/* What is asked for. */
struct wanted {
    const char *name; /**< NULL: the one that is there */
    struct server_address server;
    uint8_t pin[PIN_BYTES];
    bool has_pin;
    bool has_token;
    uint8_t token[INVITE_TOKEN_BYTES];
    sotto_accept_key_fn *accept;
    void *context;
};

static bool is_same_server(const struct account *account, const struct wanted *wanted) {
    uint8_t pin[PIN_BYTES];
    pin_of_hash(account->server_hash, pin);
    bool is_pin_same =
        !wanted->has_pin || account->server_bits == 0 || memcmp(pin, wanted->pin, PIN_BYTES) == 0;
    return is_pin_same && account->server.port == wanted->server.port &&
           strcmp(account->server.host, wanted->server.host) == 0;
}

static bool is_same_token(const struct account *account, const struct wanted *wanted) {
    return account->has_token == wanted->has_token &&
           memcmp(account->token, wanted->token, INVITE_TOKEN_BYTES) == 0;
}

/* A key that was seen and accepted stays; one that was only written on a link or typed gives way to
 * the one that is given now. */
static void aim(struct account *account, const struct wanted *wanted) {
    bool is_known = account->server_bits == 8 * HASH_BYTES && is_same_server(account, wanted);
    account->server = wanted->server;
    account->has_token = wanted->has_token;
    memcpy(account->token, wanted->token, INVITE_TOKEN_BYTES);
    if (is_known) {
        return;
    }
    account->server_bits = 0;
    memset(account->server_hash, 0, sizeof(account->server_hash));
    if (wanted->has_pin) {
        memcpy(account->server_hash, wanted->pin, PIN_BYTES);
        account->server_bits = PIN_BITS;
    }
}

/* Writes the account that is to be registered: a new one, or the one that was begun under its
 * present name. */
static enum error write_account(struct sotto *client, const struct wanted *wanted,
                                const struct user_name *name, bool exists) {
    const struct entropy entropy = entropy_system();
    const struct client_store *store = client->store;
    struct account *account = &client->account;
    enum error error = store->begin(store->context);
    if (error != OK) {
        return error;
    }
    aim(account, wanted);
    if (!exists) {
        account->name = *name;
        error = account_create(store, &entropy, profile_now(client), account);
    } else if (!user_name_equal(&account->name, name)) {
        error = account_rename(store, name, profile_now(client), account);
    } else {
        error = account_save(store, account);
    }
    if (error == OK) {
        error = store->commit(store->context);
    }
    if (error != OK) {
        store->rollback(store->context);
    }
    return error;
}

/* Writes the account as it is in memory. */
static enum error save(struct sotto *client) {
    const struct client_store *store = client->store;
    enum error error = store->begin(store->context);
    if (error != OK) {
        return error;
    }
    error = account_save(store, &client->account);
    if (error == OK) {
        error = store->commit(store->context);
    }
    if (error != OK) {
        store->rollback(store->context);
    }
    return error;
}

static bool is_accepted(const struct sotto *client, const struct wanted *wanted,
                        const uint8_t hash[SPKI_HASH_BYTES]) {
    uint8_t pin[PIN_BYTES];
    char key[SOTTO_KEY_SIZE];
    pin_of_hash(hash, pin);
    pin_print(pin, key, sizeof(key));
    return wanted->accept != NULL && wanted->accept(wanted->context, client->server, key);
}

static bool is_never(void *context) {
    (void)context;
    return false;
}

/* Without a pin a person decides. The key is looked at over a connection of its own, on which
 * nothing is sent: to compare keys takes longer than a server waits for a login. */
static int ask_key(struct sotto *client, const struct wanted *wanted, struct sotto_error *error) {
    struct runner runner;
    int result = 0;
    enum error status = runner_init(&runner, client);
    if (status == OK) {
        status = runner_connect(&runner);
    }
    if (status == OK) {
        runner_run(&runner, is_never, &runner, UINT64_MAX, false);
        if (runner.has_shown && is_accepted(client, wanted, runner.shown_hash)) {
            client->account.server_bits = 8 * HASH_BYTES;
            memcpy(client->account.server_hash, runner.shown_hash, HASH_BYTES);
        } else {
            result = explain_failure(&runner, engine_failure(runner.engine),
                                     profile_report(client, EFFECT), error);
        }
    }
    runner_clear(&runner);
    if (status == OK && result == 0) {
        status = save(client);
    }
    return status == OK ? result : profile_fail(client, status, EFFECT, error);
}

static bool is_settled(void *context) {
    const struct runner *runner = context;
    return engine_is_settled(runner->engine);
}

/* A REGISTER that was not answered may have been carried out. */
static const char *effect_of(const struct engine *engine) {
    const struct account *account = engine_account(engine);
    if (account->is_registered && !account->is_published) {
        return "The account was made, but nobody can write to it yet.";
    }
    bool is_unanswered = engine_failure(engine)->error == ERR_CONNECTION_LOST &&
                         engine_has_asked(engine) && !account->is_registered;
    return is_unanswered ? "It is not known whether the account was made." : EFFECT;
}

/* Registers or logs in and waits until others can write to the account. */
static int enrol(struct sotto *client, const struct wanted *wanted, struct sotto_error *error,
                 enum error *why) {
    struct runner runner;
    int result = client->account.server_bits == 0 ? ask_key(client, wanted, error) : 0;
    if (result != 0) {
        return result;
    }
    enum error status = runner_init(&runner, client);
    if (status == OK) {
        status = runner_connect(&runner);
    }
    if (status == OK) {
        runner_run(&runner, is_settled, &runner, UINT64_MAX, false);
        if (engine_phase(runner.engine) == ENGINE_OVER) {
            *why = engine_failure(runner.engine)->error;
            result = explain_failure(&runner, engine_failure(runner.engine),
                                     profile_report(client, effect_of(runner.engine)), error);
        }
    } else {
        result = profile_fail(client, status, EFFECT, error);
    }
    runner_clear(&runner);
    return result;
}

/* A registration that failed leaves an account as it was: what is in its store can still be read,
 * and another invite tried. */
static enum error restore(struct sotto *client) {
    enum error error = account_load(client->store, &client->account);
    if (error != OK || client->account.is_registered) {
        return error;
    }
    client->account.is_registered = true;
    client->account.has_token = false;
    memset(client->account.token, 0, sizeof(client->account.token));
    return save(client);
}

/* The server has lost the account: the same identity registers again with a fresh invite. */
static int register_again(struct sotto *client, const struct wanted *wanted,
                          struct sotto_error *error) {
    enum error why = OK;
    client->account.is_registered = false;
    client->account.is_published = false;
    enum error status = write_account(client, wanted, &client->account.name, true);
    if (status != OK) {
        return profile_fail(client, status, EFFECT, error);
    }
    int result = enrol(client, wanted, error, &why);
    status = result == 0 ? OK : restore(client);
    return status == OK ? result : profile_fail(client, status, EFFECT, error);
}

static int finish(struct sotto *client, bool already, struct sotto_account *account,
                  struct sotto_error *error) {
    enum error status = profile_account(client);
    if (status == OK) {
        status = account_describe(client, account);
    }
    account->already_joined = already;
    return profile_fail(client, status, EFFECT, error);
}

static int use_existing(struct sotto *client, const struct wanted *wanted,
                        struct sotto_account *account, struct sotto_error *error) {
    const struct account *own = &client->account;
    enum error why = OK;
    bool was_published = own->is_published;
    bool is_other_name = wanted->name != NULL && strcmp(wanted->name, own->name.text) != 0;
    if (is_other_name || !is_same_server(own, wanted)) {
        return profile_fail(client, ERR_OTHER_ACCOUNT, EFFECT, error);
    }
    bool is_repeat = is_same_token(own, wanted);
    if (was_published && is_repeat) {
        return finish(client, true, account, error);
    }
    int result = enrol(client, wanted, error, &why);
    if (result != 0 && why == ERR_LOGIN_REFUSED && wanted->has_token && !is_repeat) {
        result = register_again(client, wanted, error);
        was_published = false;
    }
    return result == 0 ? finish(client, was_published, account, error) : result;
}

static int make_account(struct sotto *client, const struct wanted *wanted,
                        struct sotto_account *account, struct sotto_error *error) {
    struct user_name name;
    enum error why = OK;
    enum error status = profile_account(client);
    if (status == OK) {
        return use_existing(client, wanted, account, error);
    }
    bool exists = status == ERR_NO_ACCOUNT && client->account.name.text[0] != '\0';
    if (status != ERR_NO_ACCOUNT) {
        return profile_fail(client, status, EFFECT, error);
    }
    if (wanted->name == NULL && exists) {
        name = client->account.name;
    } else if (wanted->name == NULL ||
               user_name_parse(bytes_of_string(wanted->name), &name) != OK) {
        struct report report = profile_report(client, EFFECT);
        report.peer = wanted->name;
        return report_error(error, ERR_NAME_INVALID, &report);
    }
    server_address_print(&wanted->server, client->server, sizeof(client->server));
    status = write_account(client, wanted, &name, exists);
    int result = status == OK ? enrol(client, wanted, error, &why)
                              : profile_fail(client, status, EFFECT, error);
    return result == 0 ? finish(client, false, account, error) : result;
}

static int make_profile(const struct sotto_options *options, const struct wanted *wanted,
                        struct sotto_account *account, struct sotto_error *error) {
    struct sotto client;
    memset(account, 0, sizeof(*account));
    enum error status = profile_init(&client, options);
    if (status == OK) {
        status = profile_make(&client, bytes_make(options->passphrase, options->passphrase_size));
    }
    int result = status == OK ? make_account(&client, wanted, account, error)
                              : profile_fail(&client, status, EFFECT, error);
    profile_close(&client);
    return result;
}

int sotto_join(const struct sotto_options *options, const char *text, const char *name,
               struct sotto_account *account, struct sotto_error *error) {
    struct sotto_link checked;
    struct join_link link;
    struct wanted wanted = {.name = name, .has_pin = true, .has_token = true};
    int result = sotto_link_check(text, &checked, error);
    if (result != 0) {
        return result;
    }
    if (join_link_parse(bytes_of_string(text), &link) != OK) {
        return report_error(error, ERR_INTERNAL, &(struct report){.cause = "link"});
    }
    wanted.server = link.server;
    memcpy(wanted.pin, link.pin, PIN_BYTES);
    memcpy(wanted.token, link.token, INVITE_TOKEN_BYTES);
    return make_profile(options, &wanted, account, error);
}

static int bad_argument(struct sotto_error *error, const char *cause, const char *detail) {
    return report_error(error, ERR_USAGE, &(struct report){.cause = cause, .detail = detail});
}

int sotto_register_account(const struct sotto_options *options,
                           const struct sotto_register *request, struct sotto_account *account,
                           struct sotto_error *error) {
    struct wanted wanted = {
        .name = request->name, .accept = request->accept, .context = request->context};
    uint8_t pin[(5 * PIN_CHARACTERS + 7) / 8];
    if (server_address_parse(bytes_of_string(request->server), &wanted.server) != OK) {
        return bad_argument(error, "that is not a server", "A server is HOST or HOST:PORT.");
    }
    if (request->server_key != NULL) {
        if (base32_decode(bytes_of_string(request->server_key), PIN_CHARACTERS, pin) != OK) {
            return bad_argument(error, "that is not a server key",
                                "It is what \"sottod key\" prints: 26 letters and digits.");
        }
        memcpy(wanted.pin, pin, PIN_BYTES);
        wanted.has_pin = true;
    }
    if (request->invite != NULL) {
        wanted.has_token = true;
        if (base32_decode(bytes_of_string(request->invite), TOKEN_CHARACTERS, wanted.token) != OK) {
            return bad_argument(error, "that is not an invite code",
                                "It has 16 letters and digits.");
        }
    }
    return make_profile(options, &wanted, account, error);
}
