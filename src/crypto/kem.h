/* SPDX-License-Identifier: ISC */
/* ML-KEM-768 (FIPS 203). Private keys are the 64-byte seed d || z. */
#ifndef SOTTO_CRYPTO_KEM_H
#define SOTTO_CRYPTO_KEM_H

#include "crypto/secret.h"

enum { KEM_PUBLIC_BYTES = 1184, KEM_CIPHERTEXT_BYTES = 1088 };

/** The encapsulation key of a seed. */
must_check enum error kem_public(const struct secret_64 *seed,
                                 uint8_t public_key[KEM_PUBLIC_BYTES]);

/** ERR_KEY unless `public_key` passes the modulus check of FIPS 203 section 7.2: every coefficient
 * below 3329. A comparison of public numbers, made here: OpenSSL makes it too whenever a key is
 * used, but only together with the expansion of the key's matrix. */
must_check enum error kem_check_public(const uint8_t public_key[KEM_PUBLIC_BYTES]);

/** A fresh shared secret and its ciphertext, with the randomness of OpenSSL. ERR_KEY on a bad key.
 */
must_check enum error kem_encapsulate(const uint8_t public_key[KEM_PUBLIC_BYTES],
                                      uint8_t ciphertext[KEM_CIPHERTEXT_BYTES],
                                      struct secret_32 *shared);

/** The same with the 32 random bytes m given (FIPS 203 algorithm 17): tests and simulation. */
must_check enum error kem_encapsulate_with(const uint8_t public_key[KEM_PUBLIC_BYTES],
                                           const struct secret_32 *m,
                                           uint8_t ciphertext[KEM_CIPHERTEXT_BYTES],
                                           struct secret_32 *shared);

/** The shared secret of a ciphertext; a bad ciphertext gives an unrelated one (implicit rejection).
 */
must_check enum error kem_decapsulate(const struct secret_64 *seed,
                                      const uint8_t ciphertext[KEM_CIPHERTEXT_BYTES],
                                      struct secret_32 *shared);

/** An expanded seed, for a device that decapsulates under one key again and again. */
struct kem_pair;
must_check enum error kem_pair_new(const struct secret_64 *seed, struct kem_pair **pair);
void kem_pair_free(struct kem_pair *pair);

/** As kem_decapsulate. */
must_check enum error kem_pair_decapsulate(const struct kem_pair *pair,
                                           const uint8_t ciphertext[KEM_CIPHERTEXT_BYTES],
                                           struct secret_32 *shared);

#endif
