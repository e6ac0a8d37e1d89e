/* SPDX-License-Identifier: ISC */
#include "session/receive.h"

#include "base/require.h"
#include "base/weaken.h"
#include "session/handshake.h"
#include "session/lists.h"

#include <stdlib.h>
#include <string.h>

void receiving_step_clear(struct receiving_step *step) {
    if (step->added != NULL) {
        wipe(step->added, step->added_count * sizeof(*step->added));
        free(step->added);
    }
    wipe(step, sizeof(*step));
}

/** The chain header against the state: which flags, which pn, whose turn. */
static bool is_chain_allowed(const struct session *session, const struct chain_header *chain) {
    bool is_first = session->chains_received == 0;
    bool has_ct = (chain->flags & CHAIN_CT) != 0;
    bool has_ek = (chain->flags & CHAIN_EK) != 0;
    bool has_auth = (chain->flags & CHAIN_AUTH) != 0;
    if (session->need_send || !session->has_dh) {
        return false; /* nothing of ours has gone out since the peer's last chain */
    }
    if (!weakened(WEAK_NO_CHAIN_RULES) &&
        (has_ct != session->has_kem_secret ||
         has_auth != (is_first && session->role == SESSION_INITIATOR))) {
        return false;
    }
    if (is_first && session->role == SESSION_RESPONDER && !has_ek) {
        return false;
    }
    if (is_first ? chain->pn != 0 : chain->pn < session->receiving.next) {
        return false;
    }
    return memcmp(chain->dh, session->peer_dh, DH_PUBLIC_BYTES) != 0;
}

must_check enum error receiving_chain_check(const struct session *session,
                                            const struct message *message) {
    const struct chain_header *chain = &message->chain;
    if (!is_chain_allowed(session, chain)) {
        return ERR_WRONG_STATE;
    }
    if (chain->pn - session->receiving.next > SKIP_MAX_MESSAGES || message->n > SKIP_MAX_MESSAGES) {
        return ERR_LIMIT;
    }
    return chain->ek != NULL ? kem_check_public(chain->ek) : OK;
}

/** Steps `chain` to number `to`, keeping the keys of the messages that it passes. */
static enum error skip(struct chain *chain, uint32_t to, uint64_t now_ms,
                       struct receiving_step *step) {
    enum error error = OK;
    while (error == OK && chain->next < to) {
        struct skipped_key *key = &step->added[step->added_count];
        error = chain_step(&chain->key, &key->key);
        memcpy(key->chain_id, chain->id, CHAIN_ID_BYTES);
        key->n = chain->next++;
        key->stored_ms = now_ms;
        step->added_count++;
    }
    return error;
}

static enum error make_room(size_t count, struct receiving_step *step) {
    require(count <= 2 * SKIP_MAX_MESSAGES || weakened(WEAK_NO_SKIP_LIMIT));
    if (count > 0) {
        step->added = calloc(count, sizeof(*step->added));
    }
    return count == 0 || step->added != NULL ? OK : ERR_MEMORY;
}

/** The secrets that the peer put into its new chain, by the private keys that it answers. */
static enum error open_secrets(const struct session *session, const struct own_device *own,
                               const struct chain_header *chain, struct chain_secrets *secrets) {
    secrets->has_ct = chain->ct != NULL;
    secrets->has_auth = chain->auth_rsa != NULL;
    enum error error = dh_derive(&session->dh, chain->dh, &secrets->dh);
    if (error == OK && secrets->has_ct) {
        error = kem_decapsulate(&session->kem_secret, chain->ct, &secrets->ss_ct);
    }
    if (error == OK && secrets->has_auth &&
        memcmp(own->parsed->cid, session->own_cid, HASH_BYTES) != 0) {
        error = ERR_MISMATCH;
    }
    if (error == OK && secrets->has_auth) {
        error = own_decrypt(own, chain->auth_rsa, &secrets->s_rsa);
    }
    if (error == OK && secrets->has_auth) {
        error = own_decapsulate(own, chain->auth_kem, &secrets->ss_kem);
    }
    return error;
}

/** A new receiving chain: skip to pn in the old one, then the root step and a skip to n. */
static enum error begin_chain(const struct session *session, const struct own_device *own,
                              const struct message *message, uint64_t now_ms,
                              struct receiving_step *step) {
    const struct chain_header *header = &message->chain;
    struct chain_secrets secrets = {.has_ct = false};
    struct chain old = session->receiving;
    enum error error = receiving_chain_check(session, message);
    if (error == OK) {
        error = open_secrets(session, own, header, &secrets);
    }
    if (error == OK) {
        step->is_new = true;
        step->chain.is_open = true;
        memcpy(step->chain.id, message->chain_id, CHAIN_ID_BYTES);
        error = chain_root(&session->root, &secrets, message->cth, &step->root, &step->chain.key);
    }
    if (error == OK) {
        error = make_room(header->pn - old.next + message->n, step);
    }
    if (error == OK) {
        error = skip(&old, header->pn, now_ms, step);
    }
    if (error == OK) {
        error = skip(&step->chain, message->n, now_ms, step);
    }
    secret_32_clear(&old.key);
    chain_secrets_clear(&secrets);
    return error;
}

/** The next or a later message of the current chain. */
static enum error follow_chain(const struct session *session, const struct message *message,
                               uint64_t now_ms, struct receiving_step *step) {
    uint32_t next = session->receiving.next;
    if (message->n < next) {
        return ERR_DUPLICATE;
    }
    if (message->n - next > SKIP_MAX_MESSAGES && !weakened(WEAK_NO_SKIP_LIMIT)) {
        return ERR_LIMIT;
    }
    step->chain = session->receiving;
    enum error error = make_room(message->n - next, step);
    return error == OK ? skip(&step->chain, message->n, now_ms, step) : error;
}

must_check enum error receiving_step_make(const struct session *session,
                                          const struct own_device *own,
                                          const struct message *message, uint64_t now_ms,
                                          struct receiving_step *step) {
    memset(step, 0, sizeof(*step));
    const struct chain *current = &session->receiving;
    if (skipped_find(session, message->chain_id, message->n, now_ms, &step->skipped_index) == OK) {
        step->is_skipped = true;
        step->message_key = session->skipped[step->skipped_index].key;
        return OK;
    }
    enum error error;
    if (current->is_open && memcmp(message->chain_id, current->id, CHAIN_ID_BYTES) == 0) {
        error = follow_chain(session, message, now_ms, step);
    } else if (past_contains(session, message->chain_id)) {
        error = ERR_DUPLICATE;
    } else if (message->type == ENVELOPE_COMPACT) {
        error = ERR_WAIT;
    } else {
        error = begin_chain(session, own, message, now_ms, step);
    }
    if (error == OK) {
        step->chain.next++;
        error = chain_step(&step->chain.key, &step->message_key);
    }
    if (error != OK) {
        receiving_step_clear(step);
    }
    return error;
}

/** The peer's turn: its chain replaces the old one, and what the own side held for it is erased. */
static void turn(struct session *session, const struct message *message,
                 const struct receiving_step *step, uint64_t now_ms,
                 struct session_change *change) {
    const struct chain_header *header = &message->chain;
    if (session->receiving.is_open) {
        struct past_chain past = {.ended_ms = now_ms};
        memcpy(past.chain_id, session->receiving.id, CHAIN_ID_BYTES);
        past_append(session, &past, change);
    }
    session->root = step->root;
    memcpy(session->peer_dh, header->dh, DH_PUBLIC_BYTES);
    secret_32_clear(&session->dh);
    session->has_dh = false;
    secret_64_clear(&session->kem_secret);
    session->has_kem_secret = false;
    session->has_peer_kem = header->ek != NULL;
    if (header->ek != NULL) {
        memcpy(session->peer_kem, header->ek, KEM_PUBLIC_BYTES);
    }
    if (header->ct != NULL) {
        session->since_pq = 0;
        session->pq_ms = now_ms;
    }
    session->need_send = true;
    session->sent_in_chain = 0;
    session->chains_received++;
    session->has_hello = false;
    uint32_t proof = session->role == SESSION_INITIATOR ? 1 : 2;
    session->is_confirmed = session->chains_received >= proof;
}

/** The step becomes the session's state; room is reserved. */
static void take_over(struct session *session, const struct message *message,
                      const struct receiving_step *step, uint64_t now_ms,
                      struct session_change *change) {
    lists_expire(session, now_ms, change);
    if (step->is_skipped) {
        /* The key is not over its age, so what was dropped stood before it. */
        skipped_remove(session, step->skipped_index - change->dropped_skipped, change);
    } else {
        if (step->is_new) {
            turn(session, message, step, now_ms, change);
        }
        session->receiving = step->chain;
    }
    skipped_append(session, step->added, step->added_count, change);
    session->since_pq++;
    session->used_ms = now_ms;
}

must_check enum error receive_message(struct session *session, const struct own_device *own,
                                      const struct message *message, uint64_t now_ms,
                                      struct buffer *body, struct session_change *change) {
    struct receiving_step step;
    memset(change, 0, sizeof(*change));
    enum error error = receiving_step_make(session, own, message, now_ms, &step);
    if (error != OK) {
        return error;
    }
    error = lists_reserve(session, step.added_count, step.is_new ? 1 : 0);
    if (error == OK) {
        enum session_role peer =
            session->role == SESSION_INITIATOR ? SESSION_RESPONDER : SESSION_INITIATOR;
        error = message_open(&step.message_key, session->th, peer, message, body);
    }
    if (error == OK) {
        take_over(session, message, &step, now_ms, change);
    }
    receiving_step_clear(&step);
    return error;
}

must_check enum error session_open(struct session *session, const struct own_device *own,
                                   struct bytes envelope, uint64_t now_ms, struct buffer *body,
                                   struct session_change *change) {
    struct initial initial;
    struct message message;
    memset(change, 0, sizeof(*change));
    if (envelope.size >= 2 && envelope.data[1] == ENVELOPE_INITIAL) {
        enum error error = initial_parse(envelope, &initial);
        if (error != OK) {
            return error;
        }
        envelope = initial.full;
    }
    enum error error = message_parse(envelope, &message);
    if (error != OK) {
        return error;
    }
    if (memcmp(message.sid, session->sid, SESSION_ID_BYTES) != 0) {
        return ERR_UNKNOWN_SESSION;
    }
    return receive_message(session, own, &message, now_ms, body, change);
}
