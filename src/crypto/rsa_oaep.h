/* SPDX-License-Identifier: ISC */
/* RSAES-OAEP with SHA-256 and MGF1-SHA-256 under any label, with the outcome in the open. Internal:
 * what sotto/1 uses is rsa.h, which hides it; the published test vectors need to see it. */
#ifndef SOTTO_CRYPTO_RSA_OAEP_H
#define SOTTO_CRYPTO_RSA_OAEP_H

#include "crypto/rsa.h"

/** 1 when `x` is 0, else 0, without a branch. */
unsigned rsa_is_zero(uint32_t x);

/** Decrypts `ciphertext` with the key in `pkcs8` (DER). `*good` becomes 1 and the first `*size`
 * bytes of `message` the plaintext, or `*good` becomes 0 and both mean nothing; computed without a
 * branch on it. ERR_KEY when the key does not load or is not RSA with 2048 bits. The caller wipes
 * `message`. */
must_check enum error rsa_oaep_decrypt(struct bytes pkcs8, struct bytes label,
                                       struct bytes ciphertext, uint8_t message[RSA_MODULUS_BYTES],
                                       size_t *size, unsigned *good);

/** The same with a key in OpenSSL's form (an EVP_PKEY). ERR_CRYPTO when OpenSSL fails to begin. */
struct evp_pkey_st;
must_check enum error rsa_oaep_decrypt_with(struct evp_pkey_st *key, struct bytes label,
                                            struct bytes ciphertext,
                                            uint8_t message[RSA_MODULUS_BYTES], size_t *size,
                                            unsigned *good);

/** Encrypts `message` under a modulus with e = 65537. ERR_KEY on a bad modulus. */
must_check enum error rsa_oaep_encrypt(const uint8_t modulus[RSA_MODULUS_BYTES], struct bytes label,
                                       struct bytes message,
                                       uint8_t ciphertext[RSA_CIPHERTEXT_BYTES]);

#endif
