/* SPDX-License-Identifier: ISC */
/* The sending step of the ratchet, worked out beside the session: nothing of it counts until it is
 * taken over. docs/PROTOCOL.md 1.6. Inner to src/session; the vector tool looks into it. */
#ifndef SOTTO_SESSION_SEND_H
#define SOTTO_SESSION_SEND_H

#include "session/chain.h"

/** What the next sent message does to a session. */
struct sending_step {
    struct secret_32 message_key;
    uint32_t n;
    struct chain chain; /**< after this message */
    bool is_new;        /**< the message opens a chain; the rest is set only then */
    bool completes_pq;
    struct secret_32 root;
    struct secret_32 dh;
    bool has_kem_secret;
    struct secret_64 kem_secret;
    uint16_t header_size;
    uint8_t header[CHAIN_HEADER_MAX_BYTES];
};
void sending_step_clear(struct sending_step *step);

/** Works the step out; draws from `entropy` only for a new chain, in the order X25519 key, answer
 * to the peer's ML-KEM key, AUTH (RSA, ML-KEM), own ML-KEM seed. ERR_LIMIT at the end of a chain.
 */
must_check enum error sending_step_make(const struct session *session,
                                        const struct entropy *entropy, uint64_t now_ms,
                                        struct sending_step *step);

#endif
