/* SPDX-License-Identifier: ISC */
/* SHA-2, HMAC-SHA-256 (RFC 2104), HKDF-SHA-256 (RFC 5869) and Argon2id (RFC 9106). */
#ifndef SOTTO_CRYPTO_KDF_H
#define SOTTO_CRYPTO_KDF_H

#include "crypto/secret.h"

enum { HASH_BYTES = 32, SHA512_BYTES = 64, TAG_BYTES = 32, KDF_PARTS_MAX = 16 };

/** SHA-256 of the concatenation of `count` parts (at most KDF_PARTS_MAX). */
must_check enum error sha256(const struct bytes *parts, size_t count, uint8_t out[HASH_BYTES]);

/** SHA-512 of the concatenation of `count` parts. */
must_check enum error sha512(const struct bytes *parts, size_t count, uint8_t out[SHA512_BYTES]);

/** HMAC-SHA-256 under a 32-byte key over the concatenation of `count` parts. */
must_check enum error hmac_sha256(const struct secret_32 *key, const struct bytes *parts,
                                  size_t count, uint8_t out[TAG_BYTES]);

/** HMAC-SHA-256 of two messages under one key: the key is prepared once. */
must_check enum error hmac_sha256_two(const struct secret_32 *key, struct bytes first,
                                      struct bytes second, uint8_t first_out[TAG_BYTES],
                                      uint8_t second_out[TAG_BYTES]);

/** HKDF-Extract: `ikm` may be a concatenation of `count` parts. */
must_check enum error hkdf_extract(const struct secret_32 *salt, const struct bytes *ikm,
                                   size_t count, struct secret_32 *prk);

/** HKDF-Expand to `size` bytes (ERR_LIMIT beyond 255 * 32); `info` is the concatenation of `count`
 * parts. */
must_check enum error hkdf_expand(const struct secret_32 *prk, const struct bytes *info,
                                  size_t count, uint8_t *out, size_t size);

/** HMAC-SHA-256 for several uses in a row: to prepare OpenSSL for one takes as long as to hash a
 * short message. mac_new: NULL without memory. mac_free wipes. */
struct mac;
struct mac *mac_new(void);
void mac_free(struct mac *mac);

/** As hmac_sha256. */
must_check enum error mac_compute(struct mac *mac, const struct secret_32 *key,
                                  const struct bytes *parts, size_t count, uint8_t out[TAG_BYTES]);

/** As hkdf_expand. */
must_check enum error mac_expand(struct mac *mac, const struct secret_32 *prk,
                                 const struct bytes *info, size_t count, uint8_t *out, size_t size);

/** Cost of the passphrase derivation. */
struct argon2_cost {
    uint32_t memory_kib;
    uint32_t passes;
    uint32_t lanes;
};

/** Argon2id of a passphrase with a 16-byte salt to 32 bytes. One thread. ERR_CRYPTO. */
must_check enum error argon2id(struct bytes passphrase, const uint8_t salt[16],
                               const struct argon2_cost *cost, struct secret_32 *out);

#endif
