/* SPDX-License-Identifier: ISC */
/* The receiving step of the ratchet, worked out beside the session: the copy of 1.6 on which all
 * receive work is done. It holds only what a message can change, and replaces that once the tag
 * verified. Inner to src/session; the vector tool looks into it. */
#ifndef SOTTO_SESSION_RECEIVE_H
#define SOTTO_SESSION_RECEIVE_H

#include "session/ahead.h"
#include "session/message.h"

/** What a message, should it verify, does to a session. */
struct receiving_step {
    struct secret_32 message_key;
    bool is_skipped; /**< the key is the stored one at skipped_index */
    size_t skipped_index;
    bool is_new;               /**< the message opens a chain */
    struct secret_32 root;     /**< new chain only */
    struct chain start;        /**< new chain only: at its number 0 */
    struct chain_ahead ahead;  /**< new chain only: of `start` */
    struct chain chain;        /**< after this message; not for a skipped key */
    struct skipped_key *added; /**< heap; only once the tag has verified */
    size_t added_count;
    uint32_t steps; /**< what was done for a new chain, as UNVERIFIED_STEPS_MAX counts */
};
void receiving_step_clear(struct receiving_step *step);

/** The look-up order of 1.7, the rules of 1.6 for a new chain, and the keys that the message itself
 * needs: no key of a message that it skips. Changes nothing but session->ahead. Errors as
 * session_open; on failure only step->steps is left. */
must_check enum error receiving_step_make(struct session *session, const struct own_device *own,
                                          const struct message *message, uint64_t now_ms,
                                          struct receiving_step *step);

/** The rules of 1.6 that need no private key. ERR_WRONG_STATE, ERR_LIMIT, ERR_KEY. */
must_check enum error receiving_chain_check(const struct session *session,
                                            const struct message *message);

/** Opens `message` and takes its step over. */
must_check enum error receive_message(struct session *session, const struct own_device *own,
                                      const struct message *message, uint64_t now_ms,
                                      struct buffer *body, struct session_change *change);

#endif
