/* SPDX-License-Identifier: ISC */
/* How a session comes into being at either end. docs/PROTOCOL.md 1.5. */
#include "session/handshake.h"
#include "session/receive.h"
#include "session/suite.h"

#include <string.h>

/** What both ends write down of each other and of the prekeys used. */
static enum error describe(struct session *session, const struct own_device *own,
                           const struct certificate *peer, uint64_t now_ms) {
    const struct certificate *self = own->parsed;
    if (memcmp(self->cid, peer->cid, HASH_BYTES) == 0 ||
        memcmp(self->afp, peer->afp, HASH_BYTES) == 0) {
        return ERR_MISMATCH;
    }
    memcpy(session->own_cid, self->cid, HASH_BYTES);
    memcpy(session->peer_cid, peer->cid, HASH_BYTES);
    memcpy(session->peer_afp, peer->afp, HASH_BYTES);
    session->own_expires_ms = self->expires_ms;
    session->peer_expires_ms = peer->expires_ms;
    session->created_ms = now_ms;
    session->used_ms = now_ms;
    session->pq_ms = now_ms;
    return OK;
}

static void describe_prekeys(struct session *session, uint32_t set_id, uint32_t one_time_id,
                             uint64_t set_expires_ms, uint64_t one_time_expires_ms) {
    session->set_id = set_id;
    session->one_time_id = one_time_id;
    session->prekeys_expire_ms = set_expires_ms;
    if (one_time_id != 0 && one_time_expires_ms < set_expires_ms) {
        session->prekeys_expire_ms = one_time_expires_ms;
    }
}

must_check enum error session_start(const struct own_device *own, const struct bundle *peer,
                                    const struct entropy *entropy, uint64_t now_ms,
                                    struct session *session) {
    memset(session, 0, sizeof(*session));
    struct hello_tail tail;
    struct handshake_secrets secrets;
    struct secret_32 prk;
    const uint8_t *oth = peer->has_one_time ? peer->one_time.hash : NULL;
    if (now_ms > own->parsed->expires_ms || now_ms > peer->certificate.expires_ms) {
        return ERR_EXPIRED;
    }
    enum error error = describe(session, own, &peer->certificate, now_ms);
    if (error == OK) {
        error = handshake_initiate(own->keys, peer, entropy, &tail, &secrets);
    }
    if (error != OK) {
        session_clear(session);
        return error;
    }
    error = handshake_transcript(own->parsed->cid, &tail, peer->set.hash, oth, session->th,
                                 session->sid);
    if (error == OK) {
        error = handshake_root(&secrets, session->th, &prk, &session->root);
    }
    handshake_secrets_clear(&secrets);
    secret_32_clear(&prk);
    if (error != OK) {
        session_clear(session);
        return error;
    }
    session->role = SESSION_INITIATOR;
    describe_prekeys(session, peer->set.id, peer->has_one_time ? peer->one_time.id : 0,
                     peer->set.expires_ms, peer->one_time.expires_ms);
    memcpy(session->peer_dh, peer->set.dh, DH_PUBLIC_BYTES);
    session->need_send = true;
    session->has_hello = true;
    session->hello[0] = SUITE;
    session->hello[1] = ENVELOPE_INITIAL;
    memcpy(session->hello + 2, &tail, sizeof(tail));
    return OK;
}

/** Whether the private keys are those that the message names. */
static bool are_named(const struct initial *initial, const struct own_device *own,
                      const struct prekey_secret *set, const struct prekey_secret *one_time) {
    const uint8_t *cid = own->parsed->cid;
    if (memcmp(initial->own_cid, cid, HASH_BYTES) != 0 || memcmp(set->cid, cid, HASH_BYTES) != 0 ||
        set->id != initial->set_id) {
        return false;
    }
    if (one_time == NULL) {
        return initial->one_time_id == 0;
    }
    return initial->one_time_id != 0 && one_time->id == initial->one_time_id &&
           memcmp(one_time->cid, cid, HASH_BYTES) == 0;
}

/** The responder's state before the first message: public data and, as its ratchet key, SPK. */
static enum error prepare(const struct own_device *own, const struct certificate *peer,
                          const struct initial *initial, const struct hello_tail *tail,
                          const struct prekey_secret *set, const struct prekey_secret *one_time,
                          uint64_t now_ms, struct session *session) {
    enum error error = describe(session, own, peer, now_ms);
    if (error == OK && !are_named(initial, own, set, one_time)) {
        error = ERR_MISMATCH;
    }
    if (error == OK) {
        error = handshake_transcript(peer->cid, tail, set->hash,
                                     one_time == NULL ? NULL : one_time->hash, session->th,
                                     session->sid);
    }
    if (error == OK && memcmp(session->sid, initial->sid, SESSION_ID_BYTES) != 0) {
        error = ERR_MISMATCH;
    }
    if (error != OK) {
        return error;
    }
    session->role = SESSION_RESPONDER;
    describe_prekeys(session, set->id, initial->one_time_id, set->expires_ms,
                     one_time == NULL ? 0 : one_time->expires_ms);
    session->has_peer_identity = true;
    memcpy(session->peer_rsa, peer->rsa, RSA_MODULUS_BYTES);
    memcpy(session->peer_identity_kem, peer->kem, KEM_PUBLIC_BYTES);
    session->has_dh = true;
    session->dh = set->dh;
    return OK;
}

must_check enum error session_accept(const struct own_device *own, const struct certificate *peer,
                                     const struct initial *initial, const struct prekey_secret *set,
                                     const struct prekey_secret *one_time, uint64_t now_ms,
                                     struct session *session, struct buffer *body) {
    memset(session, 0, sizeof(*session));
    const struct hello_tail *tail =
        (const struct hello_tail *)(initial->hello.data + 2 + CERTIFICATE_BYTES);
    struct message message;
    enum error error = message_parse(initial->full, &message);
    if (error == OK) {
        error = prepare(own, peer, initial, tail, set, one_time, now_ms, session);
    }
    if (error == OK) {
        /* Public data decides all it can before a private key is used. */
        error = receiving_chain_check(session, &message);
    }
    struct handshake_secrets secrets;
    struct secret_32 prk;
    if (error == OK) {
        error = handshake_respond(own, peer, tail, set, one_time, &secrets);
        if (error == OK) {
            error = handshake_root(&secrets, session->th, &prk, &session->root);
        }
        handshake_secrets_clear(&secrets);
        secret_32_clear(&prk);
    }
    if (error == OK) {
        struct session_change change;
        error = receive_message(session, own, &message, now_ms, body, &change);
    }
    if (error != OK) {
        session_clear(session);
    }
    return error;
}
