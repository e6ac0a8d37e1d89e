/* SPDX-License-Identifier: ISC */
/* HMAC-SHA-256 and HKDF-Extract with keys and salts of any length. Internal: sotto/1 has 32-byte
 * keys only (kdf.h); the published test vectors have others. */
#ifndef SOTTO_CRYPTO_HMAC_H
#define SOTTO_CRYPTO_HMAC_H

#include "crypto/kdf.h"

/** As mac_compute. */
must_check enum error mac_compute_any(struct mac *mac, struct bytes key, const struct bytes *parts,
                                      size_t count, uint8_t out[TAG_BYTES]);

/** HMAC of another message under the key of the call before. */
must_check enum error mac_again(struct mac *mac, struct bytes message, uint8_t out[TAG_BYTES]);

/** As hmac_sha256. */
must_check enum error hmac_sha256_any(struct bytes key, const struct bytes *parts, size_t count,
                                      uint8_t out[TAG_BYTES]);

/** As hkdf_extract; the empty salt stands for 32 zero bytes (RFC 5869 section 2.2). */
must_check enum error hkdf_extract_any(struct bytes salt, const struct bytes *ikm, size_t count,
                                       struct secret_32 *prk);

#endif
