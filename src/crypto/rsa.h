/* SPDX-License-Identifier: ISC */
/* RSA-2048 with e = 65537, used for RSAES-OAEP (RFC 8017 section 7.1) with SHA-256, MGF1-SHA-256
 * and the label "sotto/1 rsa" only: it transports a fresh 32-byte secret. docs/PROTOCOL.md
 * section 1.1. */
#ifndef SOTTO_CRYPTO_RSA_H
#define SOTTO_CRYPTO_RSA_H

#include "crypto/secret.h"

enum { RSA_MODULUS_BYTES = 256, RSA_CIPHERTEXT_BYTES = 256, RSA_PKCS8_MAX_BYTES = 1280 };

/** A private key: PKCS#8 DER, and the 32 random bytes `reject` from which the result for a bad
 * ciphertext is made. */
struct rsa_private {
    uint8_t pkcs8[RSA_PKCS8_MAX_BYTES];
    size_t size;
    struct secret_32 reject;
};

void rsa_private_clear(struct rsa_private *key);

/** Makes a key pair with the randomness of OpenSSL (about 0.1 s). */
must_check enum error rsa_generate(struct rsa_private *key);

/** The modulus of a private key. ERR_KEY unless it is RSA with 2048 bits and e = 65537. */
must_check enum error rsa_modulus(const struct rsa_private *key,
                                  uint8_t modulus[RSA_MODULUS_BYTES]);

/** ERR_KEY unless `modulus` has its top bit set and is odd. */
must_check enum error rsa_check_modulus(const uint8_t modulus[RSA_MODULUS_BYTES]);

/** Draws a fresh secret and encrypts it. ERR_KEY on a bad modulus. */
must_check enum error rsa_encrypt(const uint8_t modulus[RSA_MODULUS_BYTES],
                                  uint8_t ciphertext[RSA_CIPHERTEXT_BYTES],
                                  struct secret_32 *secret);

/** A private key in OpenSSL's form, for a device that keeps it in memory: importing it and
 * preparing its exponentiations takes longer than one decryption. rsa_pair_new: ERR_KEY. */
struct rsa_pair;
must_check enum error rsa_pair_new(const struct rsa_private *key, struct rsa_pair **pair);
void rsa_pair_free(struct rsa_pair *pair);

/** The secret of a ciphertext. Never fails visibly for a bad one: the result is then
 * HMAC(reject, ciphertext), computed always and chosen without a branch; OpenSSL's error queue is
 * cleared. ERR_KEY only when the private key itself does not load. */
must_check enum error rsa_decrypt(const struct rsa_private *key,
                                  const uint8_t ciphertext[RSA_CIPHERTEXT_BYTES],
                                  struct secret_32 *secret);

/** The same with the pair of `key`; NULL: made for this call. */
must_check enum error rsa_decrypt_with(const struct rsa_private *key, const struct rsa_pair *pair,
                                       const uint8_t ciphertext[RSA_CIPHERTEXT_BYTES],
                                       struct secret_32 *secret);

#endif
