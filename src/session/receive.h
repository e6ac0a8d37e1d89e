/* SPDX-License-Identifier: ISC */
/* The receiving step of the ratchet, worked out beside the session: the copy of 1.6 on which all
 * receive work is done. It holds only what a message can change, and replaces that once the tag
 * verified. Inner to src/session; the vector tool looks into it. */
#ifndef SOTTO_SESSION_RECEIVE_H
#define SOTTO_SESSION_RECEIVE_H

#include "session/message.h"

/** What a message, should it verify, does to a session. */
struct receiving_step {
    struct secret_32 message_key;
    bool is_skipped; /**< the key is the stored one at skipped_index */
    size_t skipped_index;
    bool is_new;               /**< the message opens a chain */
    struct secret_32 root;     /**< new chain only */
    struct chain chain;        /**< after this message; not for a skipped key */
    struct skipped_key *added; /**< heap */
    size_t added_count;
};
void receiving_step_clear(struct receiving_step *step);

/** The look-up order of 1.7, the rules of 1.6 for a new chain, and the keys. Errors as
 * session_open. */
must_check enum error receiving_step_make(const struct session *session,
                                          const struct own_device *own,
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
