/* SPDX-License-Identifier: ISC */
/* The two lists of a session that grow: skipped message keys and past chains. docs/PROTOCOL.md 1.6,
 * limits. Inner to src/session. Finding never changes a list; changing never fails once room is
 * reserved. */
#ifndef SOTTO_SESSION_LISTS_H
#define SOTTO_SESSION_LISTS_H

#include "session/session.h"

/** The index of the living skipped key (chain_id, n). ERR_NOT_FOUND. */
must_check enum error skipped_find(const struct session *session,
                                   const uint8_t chain_id[CHAIN_ID_BYTES], uint32_t n,
                                   uint64_t now_ms, size_t *index);

bool past_contains(const struct session *session, const uint8_t chain_id[CHAIN_ID_BYTES]);

/** Room for `skipped` more keys and `past` more chains. ERR_MEMORY. */
must_check enum error lists_reserve(struct session *session, size_t skipped, size_t past);

/** Drops what is over its age. */
void lists_expire(struct session *session, uint64_t now_ms, struct session_change *change);

/** Wipes and removes one key. */
void skipped_remove(struct session *session, size_t index, struct session_change *change);

/** Appends keys; of more than SKIP_MAX_MESSAGES the oldest go. */
void skipped_append(struct session *session, const struct skipped_key *keys, size_t count,
                    struct session_change *change);

/** Appends a chain; of more than PAST_CHAINS_MAX the oldest goes. */
void past_append(struct session *session, const struct past_chain *chain,
                 struct session_change *change);

/** Wipes and frees both. */
void lists_clear(struct session *session);

#endif
