/* SPDX-License-Identifier: ISC */
/* The first steps of a connection: login or registration, the clocks, renewal, prekeys; then it is
 * open for everything else. docs/PROTOCOL.md 1.4 and 1.12. */
#include "base/weaken.h"
#include "client/engine_inner.h"

#include <string.h>

static const char CLOCK_MARK[] = "clock_mark";

enum { LOGINS_MAX = 2, REGISTERS_MAX = 2 };

/* ---- saying who one is */

static const uint8_t *offered_cid(const struct engine *engine) {
    const struct account *account = &engine->account;
    switch (engine->login.as) {
    case LOGIN_PENDING:
        return account->pending_cid;
    case LOGIN_PREVIOUS:
        return account->previous_cid;
    case LOGIN_CURRENT:
        break;
    }
    return account->cid;
}

static enum error offer(struct engine *engine) {
    struct login *login = &engine->login;
    struct wire_register message = {.has_token = engine->account.has_token};
    const struct own_device *own = NULL;
    uint32_t request = ++engine->last_request;
    enum error error = devices_borrow(engine, offered_cid(engine), &own);
    if (error != OK) {
        return error == ERR_NOT_FOUND ? ERR_STORE_BROKEN : error;
    }
    login->tries++;
    message.certificate = bytes_make(own->certificate, CERTIFICATE_BYTES);
    memcpy(message.login.cid, own->parsed->cid, HASH_BYTES);
    memcpy(message.token, engine->account.token, INVITE_TOKEN_BYTES);
    error = login_sign(own->keys, login->exporter, own->parsed->cid, message.login.signature);
    if (error != OK) {
        return error;
    }
    return engine->account.is_registered ? wire_write_login(&engine->out, request, &message.login)
                                         : wire_write_register(&engine->out, request, &message);
}

/* A certificate that was made long ago, or under a wrong clock, is no good to register with. */
static enum error freshen(struct engine *engine) {
    const struct certificate *own = &engine->device.parsed;
    uint64_t mark_ms = 0;
    enum error error = setting_get_u64(engine->store, CLOCK_MARK, &mark_ms);
    bool is_behind = engine->now_ms + CLOCK_TOLERANCE_MS < mark_ms;
    bool is_useless = renewal_is_due(own, engine->now_ms) ||
                      own->created_ms > engine->now_ms + CLOCK_TOLERANCE_MS;
    return error == OK && is_useless && !is_behind ? renewal_replace(engine, own->epoch) : error;
}

must_check enum error login_start(struct engine *engine, const uint8_t exporter[32]) {
    struct login *login = &engine->login;
    enum error error = OK;
    memcpy(login->exporter, exporter, sizeof(login->exporter));
    if (!engine->account.is_registered) {
        error = freshen(engine);
    } else if (engine->account.has_pending) {
        login->as = LOGIN_PENDING;
    }
    return error == OK ? offer(engine) : error;
}

/* The certificate to try after the one that was refused. */
static enum error next_as(struct engine *engine, bool *is_there) {
    struct login *login = &engine->login;
    const struct own_device *own = NULL;
    *is_there = false;
    if (login->as == LOGIN_PENDING) {
        login->as = LOGIN_CURRENT;
        *is_there = true;
        return OK;
    }
    if (!engine->account.has_previous) {
        return OK;
    }
    enum error error = devices_borrow(engine, engine->account.previous_cid, &own);
    if (error == OK) {
        login->as = LOGIN_PREVIOUS;
        *is_there = true;
    }
    return error == ERR_NOT_FOUND ? OK : error;
}

void login_failed(struct engine *engine, const struct wire_error *message) {
    failure_set(&engine->failure, message->error, NULL);
    size_t size = message->detail.size < ERROR_DETAIL_MAX_BYTES ? message->detail.size
                                                                : ERROR_DETAIL_MAX_BYTES;
    if (size > 0) {
        memcpy(engine->failure.cause, message->detail.data, size);
    }
    engine->failure.retry_after_s = message->retry_after_s;
}

must_check enum error login_refused(struct engine *engine, uint32_t request,
                                    const struct wire_error *message) {
    bool is_there = false;
    if (message->error == ERR_LOGIN_REFUSED && request == engine->last_request &&
        engine->account.is_registered && engine->login.tries < LOGINS_MAX) {
        enum error error = next_as(engine, &is_there);
        if (error != OK || is_there) {
            return error == OK ? offer(engine) : error;
        }
    }
    login_failed(engine, message);
    return message->error;
}

must_check enum error login_certificate(struct engine *engine, uint32_t request,
                                        struct bytes data) {
    struct certificate known;
    const struct account *account = &engine->account;
    if (account->is_registered || request != engine->last_request ||
        engine->login.tries >= REGISTERS_MAX) {
        return engine_protocol(engine, "a certificate that was not asked for");
    }
    /* How old it is does not matter: it only says which epochs are used up. */
    enum error error = certificate_verify(data, UINT64_MAX / 4, UINT64_MAX / 2, &known);
    if (error == ERR_MEMORY || error == ERR_CRYPTO) {
        return error;
    }
    if (error != OK || memcmp(known.afp, account->afp, HASH_BYTES) != 0 ||
        !user_name_equal(&known.name, &account->name)) {
        return engine_protocol(engine, "a certificate of somebody else for the own name");
    }
    error = renewal_replace(engine, known.epoch);
    return error == OK ? offer(engine) : error;
}

/* ---- being let in */

static uint64_t distance(uint64_t a, uint64_t b) {
    return a > b ? a - b : b - a;
}

/* A clock that is more than a day off, or more than a day behind the latest time at which it was
 * right, starts nothing that a clock cannot undo (1.4). */
static enum error judge_clock(struct engine *engine) {
    uint64_t mark_ms = 0;
    enum error error = setting_get_u64(engine->store, CLOCK_MARK, &mark_ms);
    uint64_t off_ms = distance(engine->welcome.server_time_ms, engine->now_ms);
    uint64_t behind_ms = engine->now_ms < mark_ms ? mark_ms - engine->now_ms : 0;
    engine->clock_is_wrong = !weakened(WEAK_NO_CLOCK_RULE) &&
                             (off_ms > CLOCK_TOLERANCE_MS || behind_ms > CLOCK_TOLERANCE_MS);
    if (error == OK && engine->clock_is_wrong) {
        const struct engine_notice notice = {.error = ERR_CLOCK_SKEW,
                                             .time_ms = engine->welcome.server_time_ms};
        return engine_tell(engine, &notice);
    }
    if (error == OK && off_ms < CLOCK_TOLERANCE_MS && engine->now_ms > mark_ms) {
        error = engine_write(engine);
        if (error == OK) {
            error = setting_put_u64(engine->store, CLOCK_MARK, engine->now_ms);
        }
    }
    return error;
}

void engine_pin_server(struct engine *engine, const uint8_t hash[HASH_BYTES]) {
    struct account *account = &engine->account;
    if (account->server_bits == 8 * HASH_BYTES &&
        memcmp(account->server_hash, hash, HASH_BYTES) == 0) {
        return;
    }
    engine->login.has_new_pin = true; /* written down with the welcome */
    account->server_bits = 8 * HASH_BYTES;
    memcpy(account->server_hash, hash, HASH_BYTES);
}

/* The key that the server shows is the pin; the one that it has announced is a second one. */
static enum error note_server_key(struct engine *engine) {
    const struct wire_welcome *welcome = &engine->welcome;
    struct account *account = &engine->account;
    bool is_announced =
        welcome->has_next_key && memcmp(welcome->next_key, account->server_hash, HASH_BYTES) != 0;
    bool is_known = is_announced && account->has_next_key &&
                    memcmp(welcome->next_key, account->next_key, HASH_BYTES) == 0;
    bool is_same = is_announced ? is_known && welcome->next_key_ms == account->next_key_ms
                                : !account->has_next_key;
    if (is_same && !engine->login.has_new_pin) {
        return OK;
    }
    account->has_next_key = is_announced;
    account->next_key_ms = is_announced ? welcome->next_key_ms : 0;
    memset(account->next_key, 0, HASH_BYTES);
    if (is_announced) {
        memcpy(account->next_key, welcome->next_key, HASH_BYTES);
    }
    enum error error = engine_write(engine);
    if (error == OK) {
        error = account_save(engine->store, account);
    }
    if (error == OK && is_announced && !is_known) {
        const struct engine_notice notice = {.error = ERR_SERVER_KEY_ANNOUNCED,
                                             .time_ms = welcome->next_key_ms};
        error = engine_tell(engine, &notice);
    }
    return error;
}

static enum error note_registered(struct engine *engine) {
    if (engine->account.is_registered) {
        return OK;
    }
    engine->account.is_registered = true;
    engine->account.has_token = false;
    memset(engine->account.token, 0, sizeof(engine->account.token));
    enum error error = engine_write(engine);
    return error == OK ? account_save(engine->store, &engine->account) : error;
}

must_check enum error login_open(struct engine *engine) {
    engine->login.is_renewing = false;
    engine->login.opened_ms = engine->now_ms;
    wipe(engine->login.exporter, sizeof(engine->login.exporter));
    engine->phase = ENGINE_OPEN;
    enum error error = note_registered(engine);
    if (error == OK) {
        error = publish_due(engine);
    }
    if (error == OK && !engine->clock_is_wrong) {
        error = devices_expire(engine);
    }
    if (error == OK) {
        error = engine_maintain(engine);
    }
    return error == OK ? inbox_release_all(engine) : error;
}

/* A server that was put back to an older copy knows the certificate before the current one; one
 * that knows the account by an older one takes the current one only as a renewal. */
static enum error renew(struct engine *engine, bool *is_sent) {
    struct login *login = &engine->login;
    login->is_exclusive = engine->welcome.is_renewal;
    *is_sent = false;
    if (login->is_exclusive) {
        if (engine->clock_is_wrong) {
            failure_set(&engine->failure, ERR_CLOCK_SKEW, NULL);
            return ERR_CLOCK_SKEW; /* signs nothing, and nothing else is taken */
        }
        *is_sent = true;
        return renewal_offer_current(engine);
    }
    enum error error = renewal_start(engine, is_sent);
    if (error == OK && !*is_sent && login->as == LOGIN_PREVIOUS && !engine->clock_is_wrong) {
        *is_sent = true;
        error = renewal_offer_current(engine);
    }
    return error;
}

must_check enum error login_welcome(struct engine *engine, const struct wire_welcome *welcome) {
    if (!user_name_equal(&welcome->name, &engine->account.name) &&
        !weakened(WEAK_NO_WELCOME_NAME)) {
        return engine_protocol(engine, "a welcome for somebody else");
    }
    if (welcome->is_renewal && engine->account.is_registered) {
        return engine_protocol(engine, "a renewal of a registration that was not asked for");
    }
    engine->welcome = *welcome;
    engine->login.set_id = welcome->set_id;
    engine->login.one_time_left = welcome->one_time_left;
    enum error error = judge_clock(engine);
    if (error == OK) {
        error = note_server_key(engine);
    }
    if (error == OK && engine->login.as == LOGIN_PENDING) {
        engine->login.as = LOGIN_CURRENT;
        error = renewal_adopt(engine); /* the server had taken it */
    }
    if (error == OK) {
        error = renew(engine, &engine->login.is_renewing);
    }
    return error == OK && !engine->login.is_renewing ? login_open(engine) : error;
}

must_check enum error login_published(struct engine *engine) {
    engine->publishes--;
    return publish_noted(engine);
}

must_check enum error login_upkeep(struct engine *engine) {
    bool is_sent = false;
    if (engine->clock_is_wrong || engine->now_ms == engine->login.opened_ms ||
        engine->publishes > 0) {
        return OK; /* not now; a login has just done so; or something is under way */
    }
    enum error error = devices_expire(engine);
    if (error == OK) {
        error = renewal_start(engine, &is_sent);
    }
    return error == OK && !is_sent ? publish_weekly(engine) : error;
}
