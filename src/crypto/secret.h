/* SPDX-License-Identifier: ISC */
/* Secret values: types of their own, wiped by their owner on every path, compared in constant time.
 */
#ifndef SOTTO_CRYPTO_SECRET_H
#define SOTTO_CRYPTO_SECRET_H

#include "base/bytes.h"

#include <stdbool.h>

/** A 32-byte secret: symmetric key, X25519 or Ed25519 private key, shared secret, ML-DSA seed. */
struct secret_32 {
    uint8_t bytes[32];
};

/** A 64-byte secret: ML-KEM seed (d || z). */
struct secret_64 {
    uint8_t bytes[64];
};

void secret_32_clear(struct secret_32 *secret);
void secret_64_clear(struct secret_64 *secret);

/** Whether both are the same bytes, in time that depends on the size only (CRYPTO_memcmp). Sizes
 * are public; different sizes are unequal. */
bool secret_equal(struct bytes a, struct bytes b);

/** Sets `out` to `a` where `choose_a` is 1 and to `b` where it is 0, without a branch on it. */
void secret_32_select(unsigned choose_a, const struct secret_32 *a, const struct secret_32 *b,
                      struct secret_32 *out);

#endif
