/* SPDX-License-Identifier: ISC */
/* The private keys of this account's certificates, of all ages: lent to the session code, erased
 * when their time is over. docs/PROTOCOL.md 1.2 and 1.4. */
#include "client/engine_inner.h"

#include <string.h>

must_check enum error devices_borrow(struct engine *engine, const uint8_t cid[HASH_BYTES],
                                     const struct own_device **own) {
    struct login *login = &engine->login;
    *own = NULL;
    if (memcmp(cid, engine->account.cid, HASH_BYTES) == 0) {
        *own = &engine->own;
        return OK;
    }
    if (!login->has_other || memcmp(cid, login->other.parsed.cid, HASH_BYTES) != 0) {
        device_clear(&login->other);
        enum error error = device_load(engine->store, cid, &login->other);
        login->has_other = error == OK;
        if (error != OK) {
            return error;
        }
        login->other_view = device_view(&login->other);
    }
    *own = &login->other_view;
    return OK;
}

must_check enum error devices_expire(struct engine *engine) {
    const struct client_store *store = engine->store;
    const struct account *account = &engine->account;
    uint64_t first_ms = 0;
    if (engine->now_ms < PRIVATE_KEY_GRACE_MS) {
        return OK;
    }
    uint64_t over_ms = engine->now_ms - PRIVATE_KEY_GRACE_MS;
    enum error error = store->keys_expiry(store->context, account->cid, &first_ms);
    if (error != OK || first_ms > over_ms) {
        return error; /* nothing is over, nothing is written */
    }
    error = engine_write(engine);
    if (error == OK) {
        error = store->keys_expire(store->context, over_ms, account->cid,
                                   account->has_pending ? account->pending_cid : account->cid);
    }
    devices_forget(engine);
    return error;
}

void devices_forget(struct engine *engine) {
    device_clear(&engine->login.other);
    engine->login.has_other = false;
}
