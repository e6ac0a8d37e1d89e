/* SPDX-License-Identifier: ISC */
/* Whose key it is: pins, epochs, changes. docs/PROTOCOL.md 1.4, 1.5 step 3, 1.11. */
#include "client/trust.h"

#include "base/weaken.h"
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
    if (certificate->epoch < identity->epoch && !weakened(WEAK_NO_EPOCH_RULE)) {
        return ERR_EXPIRED;
    }
    if (certificate->epoch > identity->epoch) {
        *is_newer = true;
        identity->epoch = certificate->epoch;
        identity->set_id = set_id;
        memcpy(identity->cid, certificate->cid, HASH_BYTES);
        return OK;
    }
    if (memcmp(identity->cid, certificate->cid, HASH_BYTES) != 0 &&
        !weakened(WEAK_NO_CONFLICT_RULE) && !weakened(WEAK_NO_EPOCH_RULE)) {
        return ERR_CONFLICT;
    }
    if (set_id != 0 && set_id < identity->set_id && !weakened(WEAK_NO_SET_RULE)) {
        return ERR_MISMATCH;
    }
    identity->set_id = set_id > identity->set_id ? set_id : identity->set_id;
    return OK;
}

const struct vouched *trust_card(const struct engine *engine, const struct user_name *name) {
    for (size_t i = 0; i < engine->vouched_count; i++) {
        if (user_name_equal(&engine->vouched[i].name, name)) {
            return &engine->vouched[i];
        }
    }
    return NULL;
}

bool trust_fits_card(const struct vouched *card, const uint8_t afp[HASH_BYTES]) {
    uint8_t pin[PIN_BYTES];
    pin_of_hash(afp, pin);
    return memcmp(pin, card->fingerprint, PIN_BYTES) == 0 || weakened(WEAK_NO_CARD);
}

bool trust_is_verified(const struct engine *engine, const struct stored_peer *peer) {
    return (peer->has_pin && peer->verified_ms > 0) || trust_card(engine, &peer->name) != NULL;
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
    struct stored_peer peer = {.has_pin = false};
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
    if (error == ERR_NOT_FOUND) {
        error = OK;
    }
    const struct vouched *card = trust_card(engine, name);
    bool differs = card != NULL
                       ? !trust_fits_card(card, certificate->afp)
                       : peer.has_pin && memcmp(peer.afp, certificate->afp, HASH_BYTES) != 0;
    if (error == OK && differs && !weakened(WEAK_NO_PIN)) {
        error = trust_changed(engine, &peer, certificate->afp);
        return error == OK ? ERR_PEER_KEY_CHANGED : error;
    }
    return error == OK && card != NULL ? trust_vouched(engine, certificate) : error;
}

/* Ends an event of its own: what a person or the server got wrong is a result, a failing store the
 * end. */
static enum error conclude(struct engine *engine, enum error error) {
    engine_finish(engine, is_store_failure(error) ? error : engine_work(engine));
    return engine->phase == ENGINE_OVER && engine->failure.error != OK ? engine->failure.error
                                                                       : error;
}

must_check enum error trust_judge(struct engine *engine, const struct user_name *name,
                                  struct bytes data, struct certificate *certificate) {
    return conclude(engine, trust_examine(engine, name, data, certificate));
}

/* One that has left may have arrived, as far as anybody knows; of one that waited here, people are
 * told. */
static enum error tell_given_up(struct engine *engine, const struct outgoing *message) {
    struct engine_notice notice = {
        .error = ERR_GIVEN_UP, .peer = message->to, .has_id = true, .time_ms = message->sent_ms};
    memcpy(notice.msg_id, message->msg_id, MESSAGE_ID_BYTES);
    return message->accepted_ms == 0 && body_is_for_people(message->kind)
               ? engine_tell(engine, &notice)
               : OK;
}

static enum error give_up_in(struct engine *engine, enum outgoing_state state,
                             const struct user_name *to, const uint8_t afp[HASH_BYTES]) {
    const struct client_store *store = engine->store;
    struct outgoing message = {.row = 0};
    enum error error = OK;
    while (error == OK) {
        error = store->outgoing_next(store->context, state, message.turn, message.row, &message);
        if (error == OK && user_name_equal(&message.to, to) && message.has_afp &&
            memcmp(message.afp, afp, HASH_BYTES) == 0) {
            message.state = OUTGOING_FAILED;
            error = store->outgoing_update(store->context, &message, NULL);
            message.state = state;
            if (error == OK) {
                error = tell_given_up(engine, &message);
            }
        }
    }
    return error == ERR_NOT_FOUND ? OK : error;
}

/* What was written for the old key is never sent to this one (1.8), nor offered again to the old
 * one. */
static enum error give_up_older(struct engine *engine, const struct user_name *to,
                                const uint8_t afp[HASH_BYTES]) {
    static const enum outgoing_state STATES[] = {OUTGOING_QUEUED, OUTGOING_SEALED, OUTGOING_REPAIR};
    static const struct bytes NOTHING = {0};
    const struct client_store *store = engine->store;
    struct outgoing message = {.row = 0};
    enum error error = OK;
    for (size_t i = 0; error == OK && i < sizeof(STATES) / sizeof(STATES[0]); i++) {
        error = give_up_in(engine, STATES[i], to, afp);
    }
    while (error == OK) {
        error = store->outgoing_sealed(store->context, to, afp, message.row, &message);
        if (error == OK) {
            error = store->outgoing_update(store->context, &message, &NOTHING);
        }
    }
    if (error == ERR_NOT_FOUND) {
        error = store->receipt_clear(store->context, to, afp, INT32_MAX);
    }
    if (error == OK) {
        error = store->given_up_clear(store->context, to, afp, INT32_MAX);
    }
    return error == OK ? store->duty_delete_all(store->context, to) : error;
}

/* Should the key be a former one some day, as much is held of it as of any other. */
static enum error forget_held(struct engine *engine, const uint8_t afp[HASH_BYTES]) {
    struct stored_identity identity;
    enum error error = engine->store->identity_get(engine->store->context, afp, &identity);
    if (error == OK && identity.held > 0) {
        identity.held = 0;
        error = engine->store->identity_put(engine->store->context, &identity);
    }
    return error == ERR_NOT_FOUND ? OK : error;
}

/* Messages that were held under the accepted key are shown, and get their receipts. */
static enum error release_held(struct engine *engine, const struct user_name *from,
                               const uint8_t afp[HASH_BYTES], uint32_t *released) {
    const struct client_store *store = engine->store;
    uint8_t msg_id[MESSAGE_ID_BYTES];
    uint64_t row = 0;
    enum error error = OK;
    while (error == OK) {
        error = store->incoming_held(store->context, from, afp, &row, msg_id);
        if (error == OK) {
            error = receipt_owe(engine, from, afp, msg_id);
        }
    }
    if (error == ERR_NOT_FOUND) {
        error = store->incoming_accept(store->context, from, afp, released);
    }
    return error == OK ? inbox_release_all(engine) : error;
}

/* The person has another key now: everything of the old one ends. */
static enum error replace(struct engine *engine, const struct stored_peer *old,
                          const uint8_t afp[HASH_BYTES]) {
    enum error error = sessions_close(engine, &old->name, old->afp);
    if (error == OK) {
        error = sessions_promote(engine, &old->name, afp);
    }
    return error == OK ? give_up_older(engine, &old->name, old->afp) : error;
}

/* Pins the account of the certificate; `how` TRUST_NONE: without a comparison. */
static enum error take(struct engine *engine, const struct certificate *certificate,
                       enum trust_source how, bool *was_changed, uint32_t *released) {
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
    peer.how = how;
    peer.verified_ms = how == TRUST_NONE ? 0 : engine->now_ms;
    peer.is_contact = peer.is_contact || how != TRUST_NONE;
    peer.is_changed = false;
    error = engine_write(engine);
    if (error == OK) {
        error = store->peer_put(store->context, &peer);
    }
    if (error == OK && *was_changed) {
        error = replace(engine, &old, certificate->afp);
    }
    engine->has_new_duties = true;
    if (error == OK) {
        error = forget_held(engine, certificate->afp);
    }
    return error == OK ? release_held(engine, &old.name, certificate->afp, released) : error;
}

must_check enum error trust_vouched(struct engine *engine, const struct certificate *certificate) {
    struct stored_peer peer = {.has_pin = false};
    bool was_changed = false;
    uint32_t released = 0;
    enum error error = job_find_peer(engine, &certificate->name, &peer);
    bool is_known = peer.has_pin && !peer.is_changed && peer.verified_ms > 0 &&
                    memcmp(peer.afp, certificate->afp, HASH_BYTES) == 0;
    return error == OK && !is_known
               ? take(engine, certificate, TRUST_CARD_FILE, &was_changed, &released)
               : error;
}

must_check enum error trust_verify(struct engine *engine, const struct certificate *certificate,
                                   enum trust_source how, bool *was_changed, uint32_t *released) {
    *was_changed = false;
    *released = 0;
    return conclude(engine, take(engine, certificate, how, was_changed, released));
}

must_check enum error trust_accept(struct engine *engine, const struct certificate *certificate,
                                   bool *was_changed, uint32_t *released) {
    struct stored_peer peer;
    *was_changed = false;
    *released = 0;
    enum error error = job_find_peer(engine, &certificate->name, &peer);
    if (error == OK && peer.verified_ms > 0) {
        return ERR_WRONG_STATE;
    }
    return conclude(
        engine, error == OK ? take(engine, certificate, TRUST_NONE, was_changed, released) : error);
}

must_check enum error trust_undo(const struct client_store *store, const struct user_name *name) {
    struct stored_peer peer;
    enum error error = store->peer_get(store->context, name, &peer);
    if (error != OK || peer.verified_ms == 0) {
        return error == OK ? ERR_NOT_FOUND : error;
    }
    peer.verified_ms = 0;
    peer.how = TRUST_NONE;
    error = store->begin(store->context);
    if (error == OK) {
        error = store->peer_put(store->context, &peer);
    }
    if (error == OK) {
        error = store->commit(store->context);
    }
    if (error != OK) {
        store->rollback(store->context);
    }
    return error;
}
