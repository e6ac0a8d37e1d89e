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
    ahead_clear(&step->ahead);
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

/** What opening a new chain with this header costs, whether it verifies or not. */
static uint32_t steps_of(const struct message *message) {
    const struct chain_header *chain = &message->chain;
    uint32_t steps = STEPS_OF_DH + message->n;
    steps += chain->ct != NULL ? STEPS_OF_DECAPSULATE : 0;
    steps += chain->auth_rsa != NULL ? STEPS_OF_RSA + STEPS_OF_DECAPSULATE : 0;
    return steps;
}

/** The window of UNVERIFIED_STEPS_MAX that `now_ms` is in has room left. A clock that went back
 * begins a new one. */
static bool may_work(const struct session *session, uint64_t now_ms) {
    return session->unverified_steps < UNVERIFIED_STEPS_MAX || now_ms < session->unverified_ms ||
           now_ms - session->unverified_ms >= UNVERIFIED_STEPS_WINDOW_MS;
}

/** Work was done for a message that did not verify. */
static void count_work(struct session *session, uint32_t steps, uint64_t now_ms) {
    bool is_over = now_ms < session->unverified_ms ||
                   now_ms - session->unverified_ms >= UNVERIFIED_STEPS_WINDOW_MS;
    if (session->unverified_steps == 0 || is_over) {
        session->unverified_steps = 0;
        session->unverified_ms = now_ms;
    }
    session->unverified_steps += steps;
}

/** A new receiving chain: the root step, and its chain keys up to n. */
static enum error begin_chain(const struct session *session, const struct own_device *own,
                              const struct message *message, uint64_t now_ms,
                              struct receiving_step *step) {
    struct chain_secrets secrets = {.has_ct = false};
    enum error error = receiving_chain_check(session, message);
    if (error == OK && !may_work(session, now_ms)) {
        error = ERR_LIMIT;
    }
    if (error != OK) {
        return error;
    }
    step->steps = steps_of(message);
    step->is_new = true;
    step->start.is_open = true;
    memcpy(step->start.id, message->chain_id, CHAIN_ID_BYTES);
    error = open_secrets(session, own, &message->chain, &secrets);
    if (error == OK) {
        error = chain_root(&session->root, &secrets, message->cth, &step->root, &step->start.key);
    }
    if (error == OK) {
        error = ahead_reach(&step->ahead, &step->start, message->n);
    }
    if (error == OK) {
        step->chain = step->start;
        step->chain.key = *ahead_key(&step->ahead, &step->start, message->n);
    }
    chain_secrets_clear(&secrets);
    return error;
}

/** The next or a later message of the current chain. */
static enum error follow_chain(struct session *session, const struct message *message,
                               struct receiving_step *step) {
    const struct chain *current = &session->receiving;
    if (message->n < current->next) {
        return ERR_DUPLICATE;
    }
    if (message->n - current->next > SKIP_MAX_MESSAGES && !weakened(WEAK_NO_SKIP_LIMIT)) {
        return ERR_LIMIT;
    }
    enum error error = ahead_reach(&session->ahead, current, message->n);
    if (error == OK) {
        step->chain = *current;
        step->chain.key = *ahead_key(&session->ahead, current, message->n);
    }
    return error;
}

must_check enum error receiving_step_make(struct session *session, const struct own_device *own,
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
        error = follow_chain(session, message, step);
    } else if (past_contains(session, message->chain_id)) {
        error = ERR_DUPLICATE;
    } else if (message->type == ENVELOPE_COMPACT) {
        error = ERR_WAIT;
    } else {
        error = begin_chain(session, own, message, now_ms, step);
    }
    if (error == OK) {
        step->chain.next = message->n + 1;
        error = chain_step(&step->chain.key, &step->message_key);
    }
    if (error != OK) {
        uint32_t steps = step->steps;
        receiving_step_clear(step);
        step->steps = steps;
    }
    return error;
}

/** Keys of the messages of `chain` from its next one up to before `to`. */
static enum error keep_skipped(const struct chain *chain, struct chain_ahead *ahead, uint32_t to,
                               uint64_t now_ms, struct receiving_step *step) {
    enum error error = to > chain->next ? ahead_reach(ahead, chain, to - 1) : OK;
    for (uint32_t n = chain->next; error == OK && n < to; n++) {
        struct skipped_key *key = &step->added[step->added_count++];
        memcpy(key->chain_id, chain->id, CHAIN_ID_BYTES);
        key->n = n;
        key->stored_ms = now_ms;
        error = chain_message_key(ahead_key(ahead, chain, n), &key->key);
    }
    return error;
}

/** All messages that a verified one skips: to pn in the chain before, to n in its own. */
static enum error collect_skipped(struct session *session, const struct message *message,
                                  uint64_t now_ms, struct receiving_step *step) {
    if (step->is_skipped) {
        return OK;
    }
    const struct chain *current = &session->receiving;
    uint32_t old_to = step->is_new ? message->chain.pn : message->n;
    size_t count = (old_to - current->next) + (step->is_new ? message->n : 0);
    require(count <= 2 * SKIP_MAX_MESSAGES);
    if (count == 0) {
        return OK;
    }
    step->added = calloc(count, sizeof(*step->added));
    enum error error = step->added == NULL ? ERR_MEMORY : OK;
    if (error == OK) {
        error = keep_skipped(current, &session->ahead, old_to, now_ms, step);
    }
    if (error == OK && step->is_new) {
        error = keep_skipped(&step->start, &step->ahead, message->n, now_ms, step);
    }
    return error;
}

/** The peer's turn: its chain replaces the old one, and what the own side held for it is erased. */
static void turn(struct session *session, const struct message *message,
                 const struct receiving_step *step, uint64_t now_ms,
                 struct session_change *change) {
    const struct chain_header *header = &message->chain;
    ahead_clear(&session->ahead);
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
        } else {
            ahead_pass(&session->ahead, step->chain.next - session->receiving.next);
        }
        session->receiving = step->chain;
    }
    skipped_append(session, step->added, step->added_count, change);
    session->since_pq++;
    session->used_ms = now_ms;
}

/** Verifies and decrypts; then, and only then, works out the keys of what was skipped and makes
 * room. On failure `body` is as it was. */
static enum error open_step(struct session *session, const struct message *message, uint64_t now_ms,
                            struct receiving_step *step, struct buffer *body) {
    size_t before = body->size;
    enum session_role peer =
        session->role == SESSION_INITIATOR ? SESSION_RESPONDER : SESSION_INITIATOR;
    enum error error = message_open(&step->message_key, session->th, peer, message, body);
    if (error != OK) {
        return error;
    }
    error = collect_skipped(session, message, now_ms, step);
    if (error == OK) {
        error = lists_reserve(session, step->added_count, step->is_new ? 1 : 0);
    }
    if (error != OK && body->size > before) {
        wipe(body->data + before, body->size - before);
        body->size = before;
    }
    return error;
}

must_check enum error receive_message(struct session *session, const struct own_device *own,
                                      const struct message *message, uint64_t now_ms,
                                      struct buffer *body, struct session_change *change) {
    struct receiving_step step;
    memset(change, 0, sizeof(*change));
    enum error error = receiving_step_make(session, own, message, now_ms, &step);
    if (error == OK) {
        error = open_step(session, message, now_ms, &step, body);
    }
    if (error == OK) {
        take_over(session, message, &step, now_ms, change);
    } else if (step.steps > 0) {
        count_work(session, step.steps, now_ms);
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
