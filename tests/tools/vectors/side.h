/* SPDX-License-Identifier: ISC */
/* One end of a conversation: a device and its session, kept as a store would keep it. */
#ifndef SOTTO_TESTS_VECTORS_SIDE_H
#define SOTTO_TESTS_VECTORS_SIDE_H

#include "conversation.h"
#include "report.h"

struct side {
    const struct device *device;
    struct own_device own;
    bool has_session;
    struct session session;
};

void side_init(struct side *side, const struct device *device);
void side_clear(struct side *side);

/** Saves the session, wipes it and loads it again: what a client does between any two messages. */
void side_store(const struct place *place, struct side *side);

/** The private keys that an INITIAL names. ERR_NOT_FOUND. */
must_check enum error side_find_keys(const struct side *side, const struct initial *initial,
                                     const struct recorded_prekey **set,
                                     const struct recorded_prekey **one_time);

/** Takes an envelope as a device does (1.5, 1.7); which name the server gave the sender is left
 * out, so that what is refused is refused by the keys. `message_key` and `root` are what the
 * ratchet worked out for it, where the session was there before (`*has_keys`). */
struct received {
    bool has_keys;
    struct secret_32 message_key;
    bool has_root; /**< a new chain: else the session's root may have moved on */
    struct secret_32 root;
};
must_check enum error side_receive(struct side *side, struct bytes envelope, struct buffer *body,
                                   struct received *received);

/** The outcome of 6 for an error of side_receive. */
enum outcome outcome_of(enum error error);

#endif
