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
    return error == OK
               ? publish_make_one_time(engine, own, ONE_TIME_PREKEYS_FULL, at + ONE_TIME_AT)
               : error;
}

static enum error send_unit(struct engine *engine, const struct buffer *unit) {
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
    login->unit_ms = engine->now_ms;
    memcpy(login->unit_cid, engine->account.cid, HASH_BYTES);
    memcpy(login->unit_set, at + SET_AT, PREKEY_SET_BYTES);
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
    engine->own = device_view(&engine->device);
    device_clear(&fresh);
    devices_forget(engine);
    return account_save(engine->store, account);
}

must_check enum error renewal_adopt(struct engine *engine) {
    struct account *account = &engine->account;
    uint8_t cid[HASH_BYTES];
    struct buffer unit;
    buffer_init(&unit, UNIT_BYTES);
    memcpy(cid, account->pending_cid, sizeof(cid));
    enum error error = engine_write(engine);
    if (error == OK) {
        error = load_pending(engine, &unit);
    }
    if (error == OK) {
        account->has_pending = false;
        memset(account->pending_cid, 0, sizeof(account->pending_cid));
        error = make_current(engine, cid);
    }
    if (error == OK) {
        error = publish_made(engine, engine->device.parsed.created_ms);
    }
    buffer_clear(&unit);
    return error == OK ? forget_unit(engine) : error;
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
