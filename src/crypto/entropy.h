/* SPDX-License-Identifier: ISC */
/* Every random choice of sotto/1 as a value: bytes for seeds, ids and IVs, and the two operations
 * whose randomness OpenSSL keeps to itself. A replay of test vectors and a simulation hand in their
 * own. */
#ifndef SOTTO_CRYPTO_ENTROPY_H
#define SOTTO_CRYPTO_ENTROPY_H

#include "base/env.h"
#include "crypto/kem.h"
#include "crypto/rsa.h"

struct entropy {
    void *context;
    /** Fills `size` unpredictable bytes. */
    enum error (*fill)(void *context, uint8_t *out, size_t size);
    /** As kem_encapsulate. */
    enum error (*encapsulate)(void *context, const uint8_t public_key[KEM_PUBLIC_BYTES],
                              uint8_t ciphertext[KEM_CIPHERTEXT_BYTES], struct secret_32 *shared);
    /** As rsa_encrypt. */
    enum error (*encrypt)(void *context, const uint8_t modulus[RSA_MODULUS_BYTES],
                          uint8_t ciphertext[RSA_CIPHERTEXT_BYTES], struct secret_32 *secret);
    /** As rsa_generate. */
    enum error (*generate_rsa)(void *context, struct rsa_private *key);
};

/** OpenSSL's random generator and operations; needs no context and no clean-up. */
struct entropy entropy_system(void);

/** OpenSSL's random generator as a plain source. */
struct random_source random_system(void);

/** The version text of the OpenSSL in use ("3.5.7 ..."), and whether it is the private build. */
const char *crypto_library_version(void);
bool crypto_library_is_private(void);

#endif
