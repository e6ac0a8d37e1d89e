/* SPDX-License-Identifier: ISC */
/* Whose key it is: pins, epochs, changes. docs/PROTOCOL.md 1.4, 1.5 step 3, 1.11. */
#include "client/trust.h"

#include "client/engine_inner.h"

#include <string.h>

must_check enum error trust_epoch(struct engine *engine, const struct certificate *certificate,
                                  uint32_t set_id, struct stored_identity *identity,
                                  bool *is_newer) {
    *is_newer = false;
    enum error error =
        engine->store->identity_get(engine->store->context, certificate->afp, identity);
    if (error == ERR_NOT_FOUND) {
        *identity = (struct stored_identity){
            .name = certificate->name, .epoch = certificate->epoch, .set_id = set_id};
        memcpy(identity->afp, certificate->afp, HASH_BYTES);
        memcpy(identity->cid, certificate->cid, HASH_BYTES);
        return OK;
    }
    if (error != OK) {
        return error;
    }
    if (certificate->epoch < identity->epoch) {
        return ERR_EXPIRED;
    }
    if (certificate->epoch > identity->epoch) {
        *is_newer = true;
        identity->epoch = certificate->epoch;
        identity->set_id = set_id;
        memcpy(identity->cid, certificate->cid, HASH_BYTES);
        return OK;
    }
    if (memcmp(identity->cid, certificate->cid, HASH_BYTES) != 0) {
        return ERR_CONFLICT;
    }
    if (set_id != 0 && set_id < identity->set_id) {
        return ERR_MISMATCH;
    }
    identity->set_id = set_id > identity->set_id ? set_id : identity->set_id;
    return OK;
}

must_check enum error trust_changed(struct engine *engine, struct stored_peer *peer,
                                    const uint8_t afp[HASH_BYTES]) {
    if (peer->is_changed && memcmp(peer->changed_afp, afp, HASH_BYTES) == 0) {
        return OK;
    }
    peer->is_changed = true;
    peer->changed_ms = engine->now_ms;
    memcpy(peer->changed_afp, afp, HASH_BYTES);
    enum error error = engine_write(engine);
    return error == OK ? engine->store->peer_put(engine->store->context, peer) : error;
}

must_check enum error trust_pin(struct engine *engine, struct stored_peer *peer,
                                const uint8_t afp[HASH_BYTES]) {
    peer->has_pin = true;
    peer->pinned_ms = engine->now_ms;
    memcpy(peer->afp, afp, HASH_BYTES);
    enum error error = engine_write(engine);
    return error == OK ? engine->store->peer_put(engine->store->context, peer) : error;
}

static bool is_store_failure(enum error error) {
    return error == ERR_FULL || error == ERR_IO || error == ERR_MEMORY ||
           error == ERR_STORE_BROKEN || error == ERR_CRYPTO;
}

/* Judges and writes down what was seen; failures of the store come back as they are. */
must_check enum error trust_examine(struct engine *engine, const struct user_name *name,
                                    struct bytes data, struct certificate *certificate) {
    const struct client_store *store = engine->store;
    struct stored_identity identity;
    struct stored_peer peer;
    bool is_newer = false;
    enum error error = certificate_verify(data, engine->now_ms, CLOCK_TOLERANCE_MS, certificate);
    if (error == ERR_EXPIRED) {
        return ERR_WAITING_FOR_KEYS;
    }
    if (error != OK || !user_name_equal(&certificate->name, name)) {
        return is_store_failure(error) ? error : ERR_BUNDLE_INVALID;
    }
    error = trust_epoch(engine, certificate, 0, &identity, &is_newer);
    if (error != OK) {
        return is_store_failure(error) ? error : ERR_BUNDLE_INVALID;
    }
    error = engine_write(engine);
    if (error == OK) {
        error = store->identity_put(store->context, &identity);
    }
    if (error == OK) {
        error = store->peer_get(store->context, name, &peer);
    }
    if (error == OK && peer.has_pin && memcmp(peer.afp, certificate->afp, HASH_BYTES) != 0) {
        error = trust_changed(engine, &peer, certificate->afp);
        return error == OK ? ERR_PEER_KEY_CHANGED : error;
    }
    return error == ERR_NOT_FOUND ? OK : error;
}

/* Ends an event of its own: what a person or the server got wrong is a result, a failing store the
 * end. */
static enum error conclude(struct engine *engine, enum error error) {
    engine_finish(engine, is_store_failure(error) ? error : OK);
    return engine->phase == ENGINE_OVER && engine->failure.error != OK ? engine->failure.error
                                                                       : error;
}

must_check enum error trust_judge(struct engine *engine, const struct user_name *name,
                                  struct bytes data, struct certificate *certificate) {
    return conclude(engine, trust_examine(engine, name, data, certificate));
}

/* What was written for another key is never sent to this one (1.8). */
static enum error give_up_older(struct engine *engine, const struct user_name *to,
                                const uint8_t afp[HASH_BYTES]) {
    const struct client_store *store = engine->store;
    struct outgoing message = {0};
    enum error error = OK;
    while (error == OK) {
        error = store->outgoing_next(store->context, message.row, &message);
        if (error == OK && user_name_equal(&message.to, to) && message.has_afp &&
            memcmp(message.afp, afp, HASH_BYTES) != 0) {
            message.state = OUTGOING_FAILED;
            error = store->outgoing_update(store->context, &message, NULL);
        }
    }
    return error == ERR_NOT_FOUND ? OK : error;
}

/* The person has another key now: everything of the old one ends. */
static enum error replace(struct engine *engine, const struct stored_peer *old,
                          const uint8_t afp[HASH_BYTES], uint32_t *released) {
    enum error error = sessions_close(engine, &old->name, old->afp);
    if (error == OK) {
        error = sessions_promote(engine, &old->name, afp);
    }
    if (error == OK) {
        error = give_up_older(engine, &old->name, afp);
    }
    if (error == OK) {
        error = engine->store->incoming_accept(engine->store->context, &old->name, afp, released);
    }
    return error == OK ? inbox_release_all(engine) : error;
}

static enum error verify(struct engine *engine, const struct certificate *certificate,
                         bool *was_changed, uint32_t *released) {
    const struct client_store *store = engine->store;
    struct stored_peer peer;
    enum error error = store->peer_get(store->context, &certificate->name, &peer);
    if (error != OK && error != ERR_NOT_FOUND) {
        return error;
    }
    const struct stored_peer old = peer;
    *was_changed = old.has_pin && memcmp(old.afp, certificate->afp, HASH_BYTES) != 0;
    if (!peer.has_pin || *was_changed) {
        peer.has_pin = true;
        peer.pinned_ms = engine->now_ms;
        memcpy(peer.afp, certificate->afp, HASH_BYTES);
    }
    peer.verified_ms = engine->now_ms;
    peer.is_contact = true;
    peer.is_changed = false;
    error = engine_write(engine);
    if (error == OK) {
        error = store->peer_put(store->context, &peer);
    }
    return error == OK && *was_changed ? replace(engine, &old, certificate->afp, released) : error;
}

must_check enum error trust_verify(struct engine *engine, const struct certificate *certificate,
                                   bool *was_changed, uint32_t *released) {
    *was_changed = false;
    *released = 0;
    return conclude(engine, verify(engine, certificate, was_changed, released));
}
