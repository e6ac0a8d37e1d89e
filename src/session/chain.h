/* SPDX-License-Identifier: ISC */
/* Chains as functions of their inputs: the header that opens one, the root step, the steps from
 * message to message. docs/PROTOCOL.md 1.6. Inner to src/session; the vector tool uses it too. */
#ifndef SOTTO_SESSION_CHAIN_H
#define SOTTO_SESSION_CHAIN_H

#include "session/session.h"

enum chain_flag {
    CHAIN_CT = 1,   /**< answers the peer's ML-KEM key */
    CHAIN_EK = 2,   /**< carries an ML-KEM key to be answered */
    CHAIN_AUTH = 4, /**< encapsulations to the initiator's certified keys */
    CHAIN_FLAGS = CHAIN_CT | CHAIN_EK | CHAIN_AUTH,
};

/** Size of a chain header with no optional field. */
enum { CHAIN_HEADER_MIN_BYTES = 2 + SESSION_ID_BYTES + 1 + DH_PUBLIC_BYTES + 4 };

/** A chain header taken apart; views of it. What its flags do not announce is NULL. */
struct chain_header {
    struct bytes whole;
    const uint8_t *sid;
    uint8_t flags;
    const uint8_t *dh;
    uint32_t pn;
    const uint8_t *ct;
    const uint8_t *ek;
    const uint8_t *auth_rsa;
    const uint8_t *auth_kem;
};

/** Reads the header that `data` begins with; header->whole says how long it is. ERR_MALFORMED. */
must_check enum error chain_header_parse(struct bytes data, struct chain_header *header);

/** Writes the fields of `header` (all but `whole`) to `out`. */
size_t chain_header_write(const struct chain_header *header, uint8_t out[CHAIN_HEADER_MAX_BYTES]);

/** cth; its first CHAIN_ID_BYTES are the chain_id. */
must_check enum error chain_hash(struct bytes header, uint8_t cth[HASH_BYTES]);

/** What a new chain adds to the root key. */
struct chain_secrets {
    struct secret_32 dh;
    bool has_ct;
    struct secret_32 ss_ct; /**< of the answer to the ML-KEM key of the chain before */
    bool has_auth;
    struct secret_32 s_rsa;  /**< sR' */
    struct secret_32 ss_kem; /**< ssI' */
};
void chain_secrets_clear(struct chain_secrets *secrets);

/** KDF_RK: the next root key and the first chain key. */
must_check enum error chain_root(const struct secret_32 *root, const struct chain_secrets *secrets,
                                 const uint8_t cth[HASH_BYTES], struct secret_32 *next_root,
                                 struct secret_32 *chain_key);

/** MK of a chain key. */
must_check enum error chain_message_key(const struct secret_32 *chain_key,
                                        struct secret_32 *message_key);

/** One step: the message key (unless NULL), and the chain key moves on in place. */
must_check enum error chain_step(struct secret_32 *chain_key, struct secret_32 *message_key);

#endif
