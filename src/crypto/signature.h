/* SPDX-License-Identifier: ISC */
/* Ed25519 (RFC 8032) by devices; Ed25519 and ML-DSA-65 (FIPS 204, empty context) together by
 * accounts.
 * A label and its message have at most 8,192 bytes together; ERR_LIMIT beyond. */
#ifndef SOTTO_CRYPTO_SIGNATURE_H
#define SOTTO_CRYPTO_SIGNATURE_H

#include "crypto/secret.h"

enum {
    ED25519_PUBLIC_BYTES = 32,
    ED25519_SIGNATURE_BYTES = 64,
    MLDSA_PUBLIC_BYTES = 1952,
    MLDSA_SIGNATURE_BYTES = 3309,
};

must_check enum error ed25519_public(const struct secret_32 *private_key,
                                     uint8_t public_key[ED25519_PUBLIC_BYTES]);

/** Signs the concatenation `label || message`. */
must_check enum error ed25519_sign(const struct secret_32 *private_key, struct bytes label,
                                   struct bytes message,
                                   uint8_t signature[ED25519_SIGNATURE_BYTES]);

/** ERR_SIGNATURE unless `signature` over `label || message` verifies. */
must_check enum error ed25519_verify(const uint8_t public_key[ED25519_PUBLIC_BYTES],
                                     struct bytes label, struct bytes message,
                                     const uint8_t signature[ED25519_SIGNATURE_BYTES]);

/** The public key of a 32-byte seed. */
must_check enum error mldsa_public(const struct secret_32 *seed,
                                   uint8_t public_key[MLDSA_PUBLIC_BYTES]);

/** Signs `label || message`; `deterministic` sets rnd to zero (test vectors), else it is hedged. */
must_check enum error mldsa_sign(const struct secret_32 *seed, struct bytes label,
                                 struct bytes message, bool deterministic,
                                 uint8_t signature[MLDSA_SIGNATURE_BYTES]);

must_check enum error mldsa_verify(const uint8_t public_key[MLDSA_PUBLIC_BYTES], struct bytes label,
                                   struct bytes message,
                                   const uint8_t signature[MLDSA_SIGNATURE_BYTES]);

#endif
