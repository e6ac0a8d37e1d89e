/* SPDX-License-Identifier: ISC */
/* RSA keys between their stored forms and OpenSSL's. Internal. */
#ifndef SOTTO_CRYPTO_RSA_KEY_H
#define SOTTO_CRYPTO_RSA_KEY_H

#include "crypto/rsa.h"

#include <openssl/evp.h>

enum { RSA_KEY_BITS = 2048, RSA_EXPONENT = 65537 };

/** The private key in PKCS#8 DER, exactly `pkcs8`, or NULL unless it is RSA with 2048 bits. */
EVP_PKEY *rsa_key_load(struct bytes pkcs8);

/** Writes `key` to `out` in PKCS#8 DER; false when that fails or does not fit. */
bool rsa_key_store(const EVP_PKEY *key, struct rsa_private *out);

/** The public key with that modulus and e = 65537, or NULL. */
EVP_PKEY *rsa_key_public(const uint8_t modulus[RSA_MODULUS_BYTES]);

#endif
