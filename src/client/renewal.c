/* SPDX-License-Identifier: ISC */
/* A new certificate for the own device, 60 days into the 90 of the one before: one unit of
 * certificate, prekey set and one-time keys that the server takes whole or not at all.
 * docs/PROTOCOL.md 1.2 and 1.12.
 *
 * The private halves and the unit are committed as pending before the unit leaves. Until it is
 * answered nobody knows which certificate stands, so the next login tries the pending one first; as
 * long as that is refused the same unit is offered again, byte for byte. */
#include "client/engine_inner.h"

#include <string.h>

static const char UNIT[] = "renewal";

enum {
    SET_AT = CERTIFICATE_BYTES,
    ONE_TIME_AT = SET_AT + PREKEY_SET_BYTES,
    UNIT_BYTES = ONE_TIME_AT + ONE_TIME_PREKEYS_FULL * ONE_TIME_PREKEY_BYTES,
};

/* ---- the unit */

static enum error make_unit(struct engine *engine, const struct own_device *own,
                            struct buffer *unit) {
    uint8_t *at = NULL;
    enum error error = buffer_extend(unit, UNIT_BYTES, &at);
    if (error != OK) {
        return error;
    }
    memcpy(at, own->certificate, CERTIFICATE_BYTES);
    error = publish_make_set(engine, own, 0, at + SET_AT);
    return error == OK ? publish_make_one_time(engine, own, ONE_TIME_PREKEYS_FULL, at + ONE_TIME_AT)
                       : error;
}

/* Logging in goes on when it is answered. */
static enum error send_unit(struct engine *engine, const struct buffer *unit, bool is_pending) {
    const uint8_t *at = unit->data;
    const struct wire_renew message = {.certificate = bytes_make(at, CERTIFICATE_BYTES),
                                       .set = bytes_make(at + SET_AT, PREKEY_SET_BYTES),
                                       .one_time_count = ONE_TIME_PREKEYS_FULL,
                                       .one_time =
                                           bytes_make(at + ONE_TIME_AT, UNIT_BYTES - ONE_TIME_AT)};
    struct login *login = &engine->login;
    uint32_t request = 0;
    enum error error = engine_request(engine, REQUEST_RENEW, 0, &request);
    if (error != OK) {
        return error;
    }
    engine->publishes++;
    login->unit_is_pending = is_pending;
    login->unit_ms = engine->now_ms;
    login->unit_set_id = publish_set_id(at + SET_AT);
    return wire_write_renew(&engine->out, request, &message);
}

/* ---- pending */

static enum error load_pending(struct engine *engine, struct buffer *unit) {
    enum error error = engine->store->setting_get(engine->store->context, UNIT, unit);
    if (error == ERR_NOT_FOUND || (error == OK && unit->size != UNIT_BYTES)) {
        return ERR_STORE_BROKEN;
    }
    return error;
}

/* The unit is public, but of no more use. */
static enum error forget_unit(struct engine *engine) {
    return engine->store->setting_put(engine->store->context, UNIT, bytes_make(NULL, 0));
}

static enum error drop_pending(struct engine *engine) {
    struct account *account = &engine->account;
    enum error error = engine_write(engine);
    if (error == OK) {
        error = engine->store->device_delete(engine->store->context, account->pending_cid);
    }
    if (error == OK) {
        error = forget_unit(engine);
    }
    account->has_pending = false;
    memset(account->pending_cid, 0, sizeof(account->pending_cid));
    devices_forget(engine);
    return error == OK ? account_save(engine->store, account) : error;
}

static enum error make_pending(struct engine *engine, struct buffer *unit) {
    struct account *account = &engine->account;
    const struct own_device *own = NULL;
    enum error error = engine_write(engine);
    if (error == OK) {
        account->has_pending = true;
        error = account_renew(engine->store, &engine->entropy, engine->now_ms,
                              engine->device.parsed.epoch, account, account->pending_cid);
    }
    if (error == OK) {
        error = account_save(engine->store, account);
    }
    if (error == OK) {
        error = devices_borrow(engine, account->pending_cid, &own);
    }
    if (error == OK) {
        error = make_unit(engine, own, unit);
    }
    return error == OK ? engine->store->setting_put(engine->store->context, UNIT, buffer_view(unit))
                       : error;
}

/* ---- the current certificate */

/* The certificate `cid` becomes the current one; its keys are in the store. */
static enum error make_current(struct engine *engine, const uint8_t cid[HASH_BYTES]) {
    struct account *account = &engine->account;
    struct device fresh;
    enum error error = device_load(engine->store, cid, &fresh);
    if (error != OK) {
        return error == ERR_NOT_FOUND ? ERR_STORE_BROKEN : error;
    }
    account->has_previous = true;
    memcpy(account->previous_cid, account->cid, HASH_BYTES);
    memcpy(account->cid, cid, HASH_BYTES);
    device_clear(&engine->device);
    engine->device = fresh;
    wipe(&fresh, sizeof(fresh)); /* moved */
    engine->own = device_view(&engine->device);
    devices_forget(engine);
    return account_save(engine->store, account);
}

must_check enum error renewal_adopt(struct engine *engine) {
    struct account *account = &engine->account;
    uint8_t cid[HASH_BYTES];
    memcpy(cid, account->pending_cid, sizeof(cid));
    account->has_pending = false;
    memset(account->pending_cid, 0, sizeof(account->pending_cid));
    enum error error = engine_write(engine);
    if (error == OK) {
        error = make_current(engine, cid);
    }
    if (error == OK) {
        error = forget_unit(engine);
    }
    /* The unit's set is as old as its certificate. */
    return error == OK ? publish_made(engine, engine->device.parsed.created_ms) : error;
}

must_check enum error renewal_replace(struct engine *engine, uint32_t above) {
    uint8_t cid[HASH_BYTES];
    enum error error = engine_write(engine);
    if (error == OK) {
        error = account_renew(engine->store, &engine->entropy, engine->now_ms, above,
                              &engine->account, cid);
    }
    if (error == ERR_LIMIT) {
        return engine_protocol(engine, "an epoch that nothing can follow");
    }
    return error == OK ? make_current(engine, cid) : error;
}

/* ---- RENEW */

bool renewal_is_due(const struct certificate *certificate, uint64_t now_ms) {
    return now_ms >= certificate->created_ms &&
           now_ms - certificate->created_ms >= CERTIFICATE_RENEW_MS;
}

/* A unit that has waited longer than a set is in use gives way to a fresh one. Its epoch is not
 * used again: somebody may have seen it. */
static enum error drop_stale(struct engine *engine) {
    const struct own_device *own = NULL;
    enum error error = devices_borrow(engine, engine->account.pending_cid, &own);
    if (error != OK) {
        return error == ERR_NOT_FOUND ? ERR_STORE_BROKEN : error;
    }
    uint64_t made_ms = own->parsed->created_ms;
    bool is_fresh = engine->now_ms < made_ms + PREKEY_SET_RENEW_MS &&
                    made_ms <= engine->now_ms + CLOCK_TOLERANCE_MS;
    return is_fresh ? OK : drop_pending(engine);
}

must_check enum error renewal_start(struct engine *engine, bool *is_sent) {
    struct buffer unit;
    *is_sent = false;
    if (engine->clock_is_wrong) {
        return OK;
    }
    enum error error = engine->account.has_pending ? drop_stale(engine) : OK;
    if (error != OK ||
        !(engine->account.has_pending || renewal_is_due(&engine->device.parsed, engine->now_ms))) {
        return error;
    }
    buffer_init(&unit, UNIT_BYTES);
    error = engine->account.has_pending ? load_pending(engine, &unit) : make_pending(engine, &unit);
    if (error == OK) {
        *is_sent = true;
        error = send_unit(engine, &unit, true);
    }
    buffer_clear(&unit);
    return error;
}

must_check enum error renewal_offer_current(struct engine *engine) {
    struct buffer unit;
    buffer_init(&unit, UNIT_BYTES);
    enum error error = engine_write(engine);
    if (error == OK) {
        error = make_unit(engine, &engine->own, &unit);
    }
    if (error == OK) {
        error = send_unit(engine, &unit, false);
    }
    buffer_clear(&unit);
    return error;
}

must_check enum error renewal_done(struct engine *engine) {
    struct login *login = &engine->login;
    engine->publishes--;
    enum error error = engine_write(engine);
    if (error == OK) {
        error =
            login->unit_is_pending ? renewal_adopt(engine) : publish_made(engine, login->unit_ms);
    }
    if (error == OK) {
        login->as = LOGIN_CURRENT;
        login->set_id = login->unit_set_id;
        login->one_time_left = ONE_TIME_PREKEYS_FULL;
        error = publish_noted(engine);
    }
    return error == OK && login->is_renewing ? login_open(engine) : error;
}

/* The engine is over after a refusal and takes back what it has not committed; that the unit is
 * gone has to stay. */
static enum error drop_for_good(struct engine *engine) {
    enum error error = drop_pending(engine);
    if (error == OK) {
        error = engine->store->commit(engine->store->context);
        engine->in_transaction = error != OK;
    }
    return error;
}

must_check enum error renewal_failed(struct engine *engine, const struct wire_error *message) {
    struct login *login = &engine->login;
    bool is_final = !error_retry(message->error);
    enum error error = OK;
    engine->publishes--;
    if (is_final && login->unit_is_pending) {
        error = drop_for_good(engine);
    }
    if (error == OK && (is_final || login->is_exclusive || login->as == LOGIN_PREVIOUS)) {
        login_failed(engine, message);
        return message->error;
    }
    /* It is offered again at the next login; until then the old certificate serves. */
    return error == OK && login->is_renewing ? login_open(engine) : error;
}
