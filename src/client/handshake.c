/* SPDX-License-Identifier: ISC */
/* Beginning a session: ask for a bundle, judge it, start (docs/PROTOCOL.md 1.4, 1.5, S1 of 1.8). */
#include "base/weaken.h"
#include "client/engine_inner.h"

#include <string.h>

enum { BUNDLE_TRIES_MAX = 2 };

/* The active session with that person, all zeros when there is none. */
static enum error active_sid(struct engine *engine, const struct user_name *name,
                             uint8_t sid[SESSION_ID_BYTES]) {
    struct stored_peer peer;
    struct stored_session *session = NULL;
    memset(sid, 0, SESSION_ID_BYTES);
    enum error error = engine->store->peer_get(engine->store->context, name, &peer);
    if (error == OK && peer.has_pin) {
        error = sessions_active(engine, name, peer.afp, &session);
    }
    if (error == OK && session != NULL) {
        memcpy(sid, session->info.sid, SESSION_ID_BYTES);
    }
    return error == ERR_NOT_FOUND ? OK : error;
}

must_check enum error handshake_ask(struct engine *engine, size_t correspondent) {
    struct correspondent *to = &engine->correspondents[correspondent];
    uint32_t number = 0;
    if (to->is_asked || engine->bundles_in_flight == BUNDLES_IN_FLIGHT_MAX) {
        return OK;
    }
    enum error error = active_sid(engine, &to->name, to->ended);
    if (error == OK) {
        error = engine_request(engine, REQUEST_BUNDLE, correspondent, &number);
    }
    if (error == OK) {
        to->is_asked = true;
        engine->bundles_in_flight++;
        error = wire_write_name(&engine->out, WIRE_GET_BUNDLE, number, &to->name);
    }
    return error;
}

static void block(const struct engine *engine, struct correspondent *to, enum error error,
                  const char *cause) {
    failure_set(&to->blocked, error, cause);
    to->blocked_ms = engine->now_ms;
}

static const char *cause_of(enum error error) {
    if (error == ERR_MISMATCH) {
        return "another name, or parts of different keys";
    }
    return error == ERR_SIGNATURE ? "a signature is wrong" : "malformed";
}

/* A bad bundle is asked for once more; then it blocks. */
static void bad_bundle(const struct engine *engine, struct correspondent *to, enum error error) {
    to->tries++;
    if (to->tries >= BUNDLE_TRIES_MAX) {
        bool is_expired = error == ERR_EXPIRED;
        block(engine, to, is_expired ? ERR_WAITING_FOR_KEYS : ERR_BUNDLE_INVALID,
              is_expired ? NULL : cause_of(error));
    }
}

static void describe(const struct engine *engine, const struct bundle *bundle,
                     struct stored_session *session) {
    const struct session *state = &session->state;
    session->info = (struct session_info){
        .peer = bundle->certificate.name,
        .is_own = true,
        .is_active = true,
        .created_ms = engine->now_ms,
        .used_ms = engine->now_ms,
        .expires_ms = state->own_expires_ms < state->peer_expires_ms ? state->own_expires_ms
                                                                     : state->peer_expires_ms};
    memcpy(session->info.sid, state->sid, SESSION_ID_BYTES);
    memcpy(session->info.afp, bundle->certificate.afp, HASH_BYTES);
    memcpy(session->info.peer_cid, bundle->certificate.cid, HASH_BYTES);
}

/* A handshake out of turn means that the session before has failed; its first message is what the
 * device owes, or an empty notice. */
static enum error note_forced(struct engine *engine, const struct session_info *info) {
    enum error error = engine->store->forced_add(engine->store->context, &info->peer,
                                                 FORCED_HANDSHAKE, engine->now_ms);
    if (error == OK) {
        error = duty_owe(engine, &info->peer, DUTY_CONFIRM, NULL, engine->now_ms);
    }
    return error == OK ? repair_failed(engine, &info->peer, info->afp, info->sid) : error;
}

static enum error start(struct engine *engine, struct correspondent *to,
                        const struct bundle *bundle, struct stored_peer *peer,
                        const struct stored_identity *identity) {
    const struct client_store *store = engine->store;
    struct stored_session session;
    struct stored_session *added = NULL;
    bool is_forced = to->is_forced;
    memset(&session, 0, sizeof(session));
    to->is_forced = false;
    enum error error =
        session_start(&engine->own, bundle, &engine->entropy, engine->now_ms, &session.state);
    if (error != OK) {
        return error;
    }
    describe(engine, bundle, &session);
    const struct session_info info = session.info;
    error = engine_write(engine);
    if (error == OK) {
        error = store->identity_put(store->context, identity);
    }
    if (error == OK && (!peer->has_pin || weakened(WEAK_NO_PIN))) {
        error = trust_pin(engine, peer, info.afp);
    }
    if (error == OK) {
        error = sessions_retire(engine, &info.peer, info.afp, info.sid, NULL);
    }
    if (error == OK) {
        error = sessions_add(engine, &session, &added);
    }
    session_clear(&session.state);
    if (error == OK) {
        error = duty_session_is_new(engine, &info.peer);
    }
    if (error == OK && is_forced) {
        error = note_forced(engine, &info);
    }
    return error == OK ? sessions_limit(engine, &info.peer, info.afp) : error;
}

static bool is_fatal(enum error error) {
    return error == ERR_MEMORY || error == ERR_RANDOM || error == ERR_CRYPTO || error == ERR_IO ||
           error == ERR_FULL || error == ERR_STORE_BROKEN;
}

/* The verified bundle against what was seen before. */
static enum error judge(struct engine *engine, struct correspondent *to,
                        const struct bundle *bundle, struct stored_peer *peer) {
    struct stored_identity identity;
    bool is_newer = false;
    if (memcmp(bundle->certificate.afp, engine->account.afp, HASH_BYTES) == 0) {
        block(engine, to, ERR_BUNDLE_INVALID, "the own key under another name");
        return OK;
    }
    enum error error =
        trust_epoch(engine, &bundle->certificate, bundle->set.id, &identity, &is_newer);
    if (error == ERR_EXPIRED || error == ERR_CONFLICT || error == ERR_MISMATCH) {
        block(engine, to, ERR_BUNDLE_INVALID, "older than what was seen before");
        return OK;
    }
    if (error == OK) {
        to->is_checked = true;
        error = start(engine, to, bundle, peer, &identity);
    }
    if (error != OK && !is_fatal(error)) {
        bad_bundle(engine, to, error);
        return OK;
    }
    return error;
}

/* Whether a session has been confirmed while the bundle was under way. */
static enum error is_answered(struct engine *engine, const struct user_name *name,
                              const uint8_t sid[SESSION_ID_BYTES], bool *answered) {
    struct stored_session *session = NULL;
    enum error error = sessions_borrow(engine, name, sid, &session);
    *answered = error == OK && session->info.is_confirmed;
    return error == ERR_NOT_FOUND ? OK : error;
}

must_check enum error handshake_bundle(struct engine *engine, size_t correspondent,
                                       struct bytes data) {
    struct correspondent *to = &engine->correspondents[correspondent];
    struct stored_peer peer;
    struct bundle bundle;
    to->is_asked = false;
    engine->bundles_in_flight--;
    enum error error = engine->store->peer_get(engine->store->context, &to->name, &peer);
    if (error != OK && error != ERR_NOT_FOUND) {
        return error;
    }
    const struct vouched *card = trust_card(engine, &to->name);
    const uint8_t *pin = peer.has_pin && card == NULL && !weakened(WEAK_NO_PIN) ? peer.afp : NULL;
    error = bundle_verify(data, &to->name, engine->now_ms, pin, &bundle);
    if (error == OK && card != NULL && !trust_fits_card(card, bundle.certificate.afp)) {
        error = ERR_CONFLICT;
    }
    if (error == ERR_MEMORY || error == ERR_CRYPTO) {
        return error;
    }
    if (error == ERR_CONFLICT) {
        block(engine, to, ERR_PEER_KEY_CHANGED, NULL);
        return trust_changed(engine, &peer, bundle.certificate.afp);
    }
    if (error != OK) {
        bad_bundle(engine, to, error);
        return OK;
    }
    if (card != NULL) {
        error = trust_vouched(engine, &bundle.certificate);
        if (error == OK) {
            error = engine->store->peer_get(engine->store->context, &to->name, &peer);
        }
        if (error != OK) {
            return error;
        }
    }
    /* The other side may have begun one while the bundle was under way: then that one is used. */
    uint8_t sid[SESSION_ID_BYTES];
    error = active_sid(engine, &to->name, sid);
    bool is_other = memcmp(sid, to->ended, SESSION_ID_BYTES) != 0;
    if (error == OK && !is_other && to->is_unanswered) {
        error = is_answered(engine, &to->name, sid, &is_other);
    }
    to->is_unanswered = false;
    if (error != OK || is_other) {
        to->is_forced = false;
        return error;
    }
    return judge(engine, to, &bundle, &peer);
}

must_check enum error handshake_refused(struct engine *engine, size_t correspondent,
                                        const struct wire_error *error) {
    struct correspondent *to = &engine->correspondents[correspondent];
    to->is_asked = false;
    engine->bundles_in_flight--;
    block(engine, to, error->error, NULL);
    to->blocked.retry_after_s = error->retry_after_s;
    return OK;
}

/* ---- a running session: is the name still theirs?
 * -------------------------------------------------- */

must_check enum error handshake_check(struct engine *engine, size_t correspondent) {
    struct correspondent *to = &engine->correspondents[correspondent];
    uint32_t number = 0;
    if (to->is_checking || engine->bundles_in_flight == BUNDLES_IN_FLIGHT_MAX) {
        return OK;
    }
    enum error error = engine_request(engine, REQUEST_CHECK, correspondent, &number);
    if (error == OK) {
        to->is_checking = true;
        engine->bundles_in_flight++;
        error = wire_write_name(&engine->out, WIRE_GET_CERTIFICATE, number, &to->name);
    }
    return error;
}

/* Whether these are the bytes that were judged before: then nothing about them has to be judged
 * again. */
static bool is_known(struct engine *engine, const struct user_name *name, struct bytes data) {
    struct certificate certificate;
    struct stored_identity identity;
    struct stored_peer peer;
    const struct client_store *store = engine->store;
    return certificate_parse(data, &certificate) == OK &&
           user_name_equal(&certificate.name, name) &&
           store->peer_get(store->context, name, &peer) == OK && peer.has_pin &&
           memcmp(peer.afp, certificate.afp, HASH_BYTES) == 0 &&
           store->identity_get(store->context, certificate.afp, &identity) == OK &&
           memcmp(identity.cid, certificate.cid, HASH_BYTES) == 0;
}

must_check enum error handshake_certificate(struct engine *engine, size_t correspondent,
                                            struct bytes data) {
    struct correspondent *to = &engine->correspondents[correspondent];
    struct certificate certificate;
    to->is_checking = false;
    to->is_checked = true;
    engine->bundles_in_flight--;
    if (is_known(engine, &to->name, data)) {
        return OK;
    }
    enum error error = trust_examine(engine, &to->name, data, &certificate);
    if (error == ERR_PEER_KEY_CHANGED || error == ERR_BUNDLE_INVALID) {
        block(engine, to, error,
              error == ERR_BUNDLE_INVALID ? "the certificate is not what it was" : NULL);
        return OK;
    }
    /* An expired one of the right account is no reason to stop a session that runs. */
    return error == ERR_WAITING_FOR_KEYS ? OK : error;
}

must_check enum error handshake_unchecked(struct engine *engine, size_t correspondent,
                                          const struct wire_error *error) {
    struct correspondent *to = &engine->correspondents[correspondent];
    to->is_checking = false;
    engine->bundles_in_flight--;
    block(engine, to, error->error, NULL);
    to->blocked.retry_after_s = error->retry_after_s;
    return OK;
}
