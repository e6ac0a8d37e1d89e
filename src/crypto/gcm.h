/* SPDX-License-Identifier: ISC */
/* AES-256-GCM (NIST SP 800-38D) for keys that are used for one text each: the nonce is 96 zero
 * bits, there is no associated data, and the tag has 128 bits. */
#ifndef SOTTO_CRYPTO_GCM_H
#define SOTTO_CRYPTO_GCM_H

#include "crypto/secret.h"

enum { GCM_TAG_BYTES = 16 };

/** Encrypts `plain` to `out`, which has as many bytes and may be the same memory. ERR_LIMIT: more
 * than INT_MAX bytes. ERR_CRYPTO. */
must_check enum error gcm_seal(const struct secret_32 *key, struct bytes plain, uint8_t *out,
                               uint8_t tag[GCM_TAG_BYTES]);

/** Decrypts `cipher` to `out`, which has as many bytes. ERR_MALFORMED: the tag does not fit; `out`
 * then has what may be the text, for somebody who can tell in another way which parts of it are.
 * ERR_LIMIT, ERR_CRYPTO. */
must_check enum error gcm_open(const struct secret_32 *key, struct bytes cipher,
                               const uint8_t tag[GCM_TAG_BYTES], uint8_t *out);

#endif
