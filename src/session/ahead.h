/* SPDX-License-Identifier: ISC */
/* Looking ahead in a receiving chain: the chain keys of the numbers after its next message, worked
 * out for messages that may never verify. Each is worked out once, however many bad messages name
 * it, and is worth no more to a thief than the chain key that it follows from. Inner to
 * src/session.
 */
#ifndef SOTTO_SESSION_AHEAD_H
#define SOTTO_SESSION_AHEAD_H

#include "session/chain.h"

/** Extends the view until the chain key of number `n` (at most SKIP_MAX_MESSAGES after chain->next)
 * is in it. ERR_MEMORY, ERR_CRYPTO. */
must_check enum error ahead_reach(struct chain_ahead *ahead, const struct chain *chain, uint32_t n);

/** The chain key of a number that the view reaches. */
const struct secret_32 *ahead_key(const struct chain_ahead *ahead, const struct chain *chain,
                                  uint32_t n);

/** The chain moved on by `count` messages: forgets what is behind its new next one. */
void ahead_pass(struct chain_ahead *ahead, size_t count);

/** Wipes and frees the view. */
void ahead_clear(struct chain_ahead *ahead);

#endif
