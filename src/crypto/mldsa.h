/* SPDX-License-Identifier: ISC */
/* ML-DSA-65 (FIPS 204) with every input of its algorithms. Internal: sotto/1 signs with the empty
 * context (signature.h); the published test vectors use the rest. */
#ifndef SOTTO_CRYPTO_MLDSA_H
#define SOTTO_CRYPTO_MLDSA_H

#include "crypto/signature.h"

struct mldsa_input {
    struct bytes message;
    struct bytes context;        /**< at most 255 bytes, else ERR_CRYPTO or ERR_SIGNATURE */
    bool message_is_mu;          /**< `message` is the 64-byte mu of algorithm 7 line 6 */
    bool deterministic;          /**< signing: rnd is zero */
    const struct secret_32 *rnd; /**< signing: rnd given; NULL: drawn by OpenSSL */
};

must_check enum error mldsa_sign_input(const struct secret_32 *seed,
                                       const struct mldsa_input *input,
                                       uint8_t signature[MLDSA_SIGNATURE_BYTES]);

must_check enum error mldsa_verify_input(const uint8_t public_key[MLDSA_PUBLIC_BYTES],
                                         const struct mldsa_input *input,
                                         const uint8_t signature[MLDSA_SIGNATURE_BYTES]);

#endif
