/* SPDX-License-Identifier: ISC */
/* One message under its key: layout, padding, encryption, tag. docs/PROTOCOL.md 1.7. Inner to
 * src/session; the vector tool uses it too. */
#ifndef SOTTO_SESSION_MESSAGE_H
#define SOTTO_SESSION_MESSAGE_H

#include "crypto/cbc.h"
#include "session/chain.h"

enum { COMPACT_HEADER_BYTES = 2 + SESSION_ID_BYTES + CHAIN_ID_BYTES + 4 };

/** A FULL or COMPACT message taken apart; views into its bytes. */
struct message {
    enum envelope_type type;
    struct bytes header; /**< HDR */
    const uint8_t *sid;
    uint8_t chain_id[CHAIN_ID_BYTES];
    uint32_t n;
    struct chain_header chain; /**< FULL only */
    uint8_t cth[HASH_BYTES];   /**< FULL only */
    struct bytes iv_and_cipher;
    const uint8_t *tag;
};

/** Reads a whole FULL or COMPACT message. ERR_MALFORMED, also when C has none of the nine lengths.
 */
must_check enum error message_parse(struct bytes data, struct message *message);

/** enc_key and mac_key. */
struct message_keys {
    struct secret_32 encrypt;
    struct secret_32 authenticate;
};
void message_keys_clear(struct message_keys *keys);
must_check enum error message_keys_derive(const struct secret_32 *message_key, uint32_t n,
                                          struct message_keys *keys);

/** The smallest of 256, 512, … 65536 that holds a body of `size` bytes with its length and padding.
 */
size_t message_padded_size(size_t size);

/** Appends IV, ciphertext and tag to `envelope`, which holds HDR from `header_at` to its end. The
 * body is at most BODY_MAX_BYTES. On failure the caller cuts the envelope off. */
must_check enum error message_seal(const struct secret_32 *message_key, uint32_t n,
                                   const uint8_t th[HASH_BYTES], enum session_role from,
                                   const uint8_t iv[CBC_IV_BYTES], struct bytes body,
                                   size_t header_at, struct buffer *envelope);

/** Checks the tag, then decrypts and appends the body. ERR_SIGNATURE: the tag. ERR_MALFORMED:
 * filler that no honest sender makes. `body` is unchanged on failure. */
must_check enum error message_open(const struct secret_32 *message_key,
                                   const uint8_t th[HASH_BYTES], enum session_role from,
                                   const struct message *message, struct buffer *body);

#endif
