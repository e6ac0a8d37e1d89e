/* SPDX-License-Identifier: ISC */
/* AES-256-CBC with PKCS#7 padding (NIST SP 800-38A, RFC 5652 section 6.3). Never used without a tag
 * checked first. */
#ifndef SOTTO_CRYPTO_CBC_H
#define SOTTO_CRYPTO_CBC_H

#include "crypto/secret.h"

enum { CBC_IV_BYTES = 16, CBC_BLOCK_BYTES = 16 };

/** Appends the ciphertext of `plain` to `out`: plain.size rounded up to the next larger multiple
 * of 16. */
must_check enum error cbc_encrypt(const struct secret_32 *key, const uint8_t iv[CBC_IV_BYTES],
                                  struct bytes plain, struct buffer *out);

/** Appends the plaintext of `cipher` to `out`. ERR_MALFORMED on a wrong length or padding. */
must_check enum error cbc_decrypt(const struct secret_32 *key, const uint8_t iv[CBC_IV_BYTES],
                                  struct bytes cipher, struct buffer *out);

#endif
