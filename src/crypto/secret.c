/* SPDX-License-Identifier: ISC */
#include "crypto/secret.h"

#include <openssl/crypto.h>

void secret_32_clear(struct secret_32 *secret) {
    wipe(secret, sizeof(*secret));
}

void secret_64_clear(struct secret_64 *secret) {
    wipe(secret, sizeof(*secret));
}

bool secret_equal(struct bytes a, struct bytes b) {
    return a.size == b.size && (a.size == 0 || CRYPTO_memcmp(a.data, b.data, a.size) == 0);
}

void secret_32_select(unsigned choose_a, const struct secret_32 *a, const struct secret_32 *b,
                      struct secret_32 *out) {
    /* Read back through volatile: a compiler that knew the mask to be 0 or 255 could branch on it.
     */
    volatile uint8_t chosen = (uint8_t)(0u - (choose_a & 1u));
    uint8_t mask = chosen;
    for (size_t i = 0; i < sizeof(out->bytes); i++) {
        out->bytes[i] = (uint8_t)((a->bytes[i] & mask) | (b->bytes[i] & (uint8_t)~mask));
    }
}
