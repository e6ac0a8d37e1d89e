/* SPDX-License-Identifier: ISC */
#include "session/send.h"

#include "base/require.h"
#include "base/weaken.h"
#include "session/message.h"
#include "session/suite.h"

#include <string.h>

void sending_step_clear(struct sending_step *step) {
    secret_32_clear(&step->message_key);
    secret_32_clear(&step->chain.key);
    secret_32_clear(&step->root);
    secret_32_clear(&step->dh);
    secret_64_clear(&step->kem_secret);
}

/** Public values that a new chain header points to while it is written. */
struct chain_fields {
    uint8_t dh[DH_PUBLIC_BYTES];
    uint8_t ct[KEM_CIPHERTEXT_BYTES];
    uint8_t ek[KEM_PUBLIC_BYTES];
    uint8_t auth_rsa[RSA_CIPHERTEXT_BYTES];
    uint8_t auth_kem[KEM_CIPHERTEXT_BYTES];
};

/** Which optional fields the next chain carries: state decides, nothing else (1.6). */
static uint8_t flags_due(const struct session *session, uint64_t now_ms) {
    unsigned flags = 0;
    bool is_first = session->chains_sent == 0;
    bool is_pq_due = session->since_pq >= PQ_STEP_MESSAGES ||
                     (now_ms > session->pq_ms && now_ms - session->pq_ms >= PQ_STEP_MS);
    if (session->has_peer_kem) {
        flags |= CHAIN_CT; /* which completes a step: none is due then */
    } else if (is_pq_due || (is_first && session->role == SESSION_INITIATOR)) {
        flags |= CHAIN_EK;
    }
    if (is_first && session->role == SESSION_RESPONDER) {
        flags |= CHAIN_AUTH;
    }
    return (uint8_t)flags;
}

/** Draws what the flags call for: public values into `fields`, secrets into `secrets` and `step`.
 */
static enum error draw(const struct session *session, unsigned flags, const struct entropy *entropy,
                       struct chain_fields *fields, struct chain_secrets *secrets,
                       struct sending_step *step) {
    void *context = entropy->context;
    secrets->has_ct = (flags & CHAIN_CT) != 0;
    secrets->has_auth = (flags & CHAIN_AUTH) != 0;
    step->has_kem_secret = (flags & CHAIN_EK) != 0;

    enum error error = entropy->fill(context, step->dh.bytes, sizeof(step->dh.bytes));
    if (error == OK) {
        error = dh_public(&step->dh, fields->dh);
    }
    if (error == OK) {
        error = dh_derive(&step->dh, session->peer_dh, &secrets->dh);
    }
    if (error == OK && secrets->has_ct) {
        error = entropy->encapsulate(context, session->peer_kem, fields->ct, &secrets->ss_ct);
    }
    if (error == OK && secrets->has_auth) {
        require(session->has_peer_identity);
        error = entropy->encrypt(context, session->peer_rsa, fields->auth_rsa, &secrets->s_rsa);
    }
    if (error == OK && secrets->has_auth) {
        error = entropy->encapsulate(context, session->peer_identity_kem, fields->auth_kem,
                                     &secrets->ss_kem);
    }
    if (error == OK && step->has_kem_secret) {
        error = entropy->fill(context, step->kem_secret.bytes, sizeof(step->kem_secret.bytes));
    }
    if (error == OK && step->has_kem_secret) {
        error = kem_public(&step->kem_secret, fields->ek);
    }
    return error;
}

/** A new sending chain: header, root and first chain key. */
static enum error begin_chain(const struct session *session, const struct entropy *entropy,
                              uint64_t now_ms, struct sending_step *step) {
    struct chain_fields fields;
    struct chain_secrets secrets = {.has_ct = false};
    const struct chain_header header = {
        .sid = session->sid,
        .flags = flags_due(session, now_ms),
        .dh = fields.dh,
        .pn = session->sending.next,
        .ct = fields.ct,
        .ek = fields.ek,
        .auth_rsa = fields.auth_rsa,
        .auth_kem = fields.auth_kem,
    };
    uint8_t cth[HASH_BYTES];
    enum error error = draw(session, header.flags, entropy, &fields, &secrets, step);
    if (error == OK) {
        step->header_size = (uint16_t)chain_header_write(&header, step->header);
        error = chain_hash(bytes_make(step->header, step->header_size), cth);
    }
    if (error == OK) {
        error = chain_root(&session->root, &secrets, cth, &step->root, &step->chain.key);
    }
    if (error == OK) {
        step->completes_pq = secrets.has_ct;
        step->chain.is_open = true;
        step->chain.next = 0;
        memcpy(step->chain.id, cth, CHAIN_ID_BYTES);
    }
    chain_secrets_clear(&secrets);
    return error;
}

must_check enum error sending_step_make(const struct session *session,
                                        const struct entropy *entropy, uint64_t now_ms,
                                        struct sending_step *step) {
    step->is_new = session->need_send;
    step->has_kem_secret = false;
    step->completes_pq = false;
    enum error error = OK;
    if (session->need_send) {
        error = begin_chain(session, entropy, now_ms, step);
    } else if (!session->sending.is_open) {
        error = ERR_WRONG_STATE; /* a responder that has opened nothing: session_accept leaves none
                                    behind */
    } else if (session->sending.next >= CHAIN_MAX_MESSAGES) {
        error = ERR_LIMIT;
    } else {
        step->chain = session->sending;
    }
    if (error == OK) {
        step->n = step->chain.next++;
        error = chain_step(&step->chain.key, &step->message_key);
    }
    if (error != OK) {
        sending_step_clear(step);
    }
    return error;
}

/** FULL for n = 0, 1, every sixteenth, and after a refused message (1.7). */
static bool is_full_due(const struct session *session, uint32_t n) {
    return n <= 1 || n % FULL_EVERY_MESSAGES == 0 || session->full_next;
}

/** HELLO, while no reply has come. */
static enum error append_hello(const struct session *session, const struct own_device *own,
                               struct buffer *envelope) {
    if (memcmp(own->parsed->cid, session->own_cid, HASH_BYTES) != 0) {
        return ERR_MISMATCH;
    }
    enum error error = buffer_append(envelope, bytes_make(session->hello, 2));
    if (error == OK) {
        error = buffer_append(envelope, bytes_make(own->certificate, CERTIFICATE_BYTES));
    }
    if (error == OK) {
        error = buffer_append(envelope, bytes_make(session->hello + 2, sizeof(session->hello) - 2));
    }
    return error;
}

/** HDR of the message that `step` makes. */
static enum error append_header(const struct session *session, const struct sending_step *step,
                                bool is_full, struct buffer *envelope) {
    uint8_t number[4];
    put_u32(number, step->n);
    struct bytes first;
    uint8_t compact[COMPACT_HEADER_BYTES - sizeof(number)];
    if (is_full) {
        first = step->is_new ? bytes_make(step->header, step->header_size)
                             : bytes_make(session->header, session->header_size);
    } else {
        compact[0] = SUITE;
        compact[1] = ENVELOPE_COMPACT;
        (void)place(place(compact + 2, session->sid, SESSION_ID_BYTES), step->chain.id,
                    CHAIN_ID_BYTES);
        first = bytes_of(compact);
    }
    enum error error = buffer_append(envelope, first);
    return error == OK ? buffer_append(envelope, bytes_of(number)) : error;
}

/** Writes the whole envelope of one step. */
static enum error write_envelope(const struct session *session, const struct sending_step *step,
                                 const struct own_device *own, const struct entropy *entropy,
                                 struct bytes body, struct buffer *envelope) {
    uint8_t iv[CBC_IV_BYTES];
    bool is_full = is_full_due(session, step->n);
    enum error error = entropy->fill(entropy->context, iv, sizeof(iv));
    if (error == OK && is_full && session->has_hello) {
        error = append_hello(session, own, envelope);
    }
    if (weakened(WEAK_FIXED_IV)) {
        memset(iv, 0, sizeof(iv));
    }
    size_t header_at = envelope->size;
    if (error == OK) {
        error = append_header(session, step, is_full, envelope);
    }
    if (error == OK) {
        error = message_seal(&step->message_key, step->n, session->th, session->role, iv, body,
                             header_at, envelope);
    }
    return error;
}

/** The step becomes the session's state. */
static void take_over(struct session *session, const struct sending_step *step, uint64_t now_ms) {
    if (step->is_new) {
        session->root = step->root;
        session->dh = step->dh;
        session->has_dh = true;
        session->kem_secret = step->kem_secret;
        session->has_kem_secret = step->has_kem_secret;
        session->header_size = step->header_size;
        memcpy(session->header, step->header, step->header_size);
        session->has_peer_kem = false;
        session->has_peer_identity = false;
        session->need_send = false;
        session->chains_sent++;
    }
    if (step->completes_pq) {
        session->since_pq = 0;
        session->pq_ms = now_ms;
    }
    if (is_full_due(session, step->n)) {
        session->full_next = false;
    }
    session->sending = step->chain;
    session->sent_in_chain = step->chain.next;
    session->since_pq++;
    session->used_ms = now_ms;
}

/** A session lives as long as its certificates, an unconfirmed own one only as long as the prekeys
 * that it names; for those initiators allow a day of skew (1.4), and so does this. */
static bool is_expired(const struct session *session, uint64_t now_ms) {
    if (now_ms > session->own_expires_ms || now_ms > session->peer_expires_ms) {
        return true;
    }
    return session->role == SESSION_INITIATOR && !session->is_confirmed &&
           !weakened(WEAK_NO_PREKEY_LIFE) &&
           now_ms > session->prekeys_expire_ms + CLOCK_TOLERANCE_MS;
}

must_check enum error session_seal(struct session *session, const struct own_device *own,
                                   const struct entropy *entropy, uint64_t now_ms,
                                   struct bytes body, struct buffer *envelope,
                                   uint8_t chain_id[CHAIN_ID_BYTES], uint32_t *n) {
    if (is_expired(session, now_ms)) {
        return ERR_EXPIRED;
    }
    if (body.size > BODY_MAX_BYTES) {
        return ERR_LIMIT;
    }
    struct sending_step step;
    size_t before = envelope->size;
    enum error error = sending_step_make(session, entropy, now_ms, &step);
    if (error != OK) {
        return error;
    }
    error = write_envelope(session, &step, own, entropy, body, envelope);
    if (error == OK) {
        take_over(session, &step, now_ms);
        memcpy(chain_id, step.chain.id, CHAIN_ID_BYTES);
        *n = step.n;
    } else {
        envelope->size = before;
    }
    sending_step_clear(&step);
    return error;
}

void session_full_next(struct session *session) {
    session->full_next = true;
}
