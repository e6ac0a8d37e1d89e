/* SPDX-License-Identifier: ISC */
#include "crypto/hmac.h"

#include "base/require.h"
#include "crypto/library.h"

#include <string.h>

enum { EXPAND_BLOCKS_MAX = 255 };

/* A keyed context, or NULL. */
static EVP_MAC_CTX *keyed(struct bytes key) {
    /* EVP_MAC_init reads a NULL key as "the key of before". */
    static const uint8_t nothing[1] = {0};
    const struct library *library = library_get();
    EVP_MAC_CTX *context = library == NULL ? NULL : EVP_MAC_CTX_dup(library->hmac_sha256);
    const uint8_t *data = key.size == 0 ? nothing : key.data;
    if (context != NULL && EVP_MAC_init(context, data, key.size, NULL) != 1) {
        EVP_MAC_CTX_free(context);
        return NULL;
    }
    return context;
}

static bool update(EVP_MAC_CTX *context, const struct bytes *parts, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (EVP_MAC_update(context, parts[i].data, parts[i].size) != 1) {
            return false;
        }
    }
    return true;
}

static bool finish(EVP_MAC_CTX *context, uint8_t out[TAG_BYTES]) {
    size_t size = 0;
    return EVP_MAC_final(context, out, &size, TAG_BYTES) == 1 && size == TAG_BYTES;
}

must_check enum error hmac_sha256_any(struct bytes key, const struct bytes *parts, size_t count,
                                      uint8_t out[TAG_BYTES]) {
    require(count <= KDF_PARTS_MAX);
    EVP_MAC_CTX *context = keyed(key);
    bool done = context != NULL && update(context, parts, count) && finish(context, out);
    EVP_MAC_CTX_free(context);
    return done ? OK : library_failed(ERR_CRYPTO);
}

must_check enum error hmac_sha256(const struct secret_32 *key, const struct bytes *parts,
                                  size_t count, uint8_t out[TAG_BYTES]) {
    return hmac_sha256_any(bytes_of(key->bytes), parts, count, out);
}

must_check enum error hmac_sha256_two(const struct secret_32 *key, struct bytes first,
                                      struct bytes second, uint8_t first_out[TAG_BYTES],
                                      uint8_t second_out[TAG_BYTES]) {
    EVP_MAC_CTX *context = keyed(bytes_of(key->bytes));
    bool done = context != NULL && update(context, &first, 1) && finish(context, first_out) &&
                EVP_MAC_init(context, NULL, 0, NULL) == 1 && update(context, &second, 1) &&
                finish(context, second_out);
    EVP_MAC_CTX_free(context);
    return done ? OK : library_failed(ERR_CRYPTO);
}

must_check enum error hkdf_extract_any(struct bytes salt, const struct bytes *ikm, size_t count,
                                       struct secret_32 *prk) {
    return hmac_sha256_any(salt, ikm, count, prk->bytes);
}

must_check enum error hkdf_extract(const struct secret_32 *salt, const struct bytes *ikm,
                                   size_t count, struct secret_32 *prk) {
    return hkdf_extract_any(bytes_of(salt->bytes), ikm, count, prk);
}

/* T(n) = HMAC(prk, T(n-1) || info || n), RFC 5869 section 2.3; `block` holds T(n-1), then T(n). */
static bool expand_block(EVP_MAC_CTX *context, uint8_t n, const struct bytes *info, size_t count,
                         uint8_t block[HASH_BYTES]) {
    struct bytes before = bytes_make(block, n == 1 ? 0 : HASH_BYTES);
    struct bytes number = bytes_make(&n, 1);
    bool again = n == 1 || EVP_MAC_init(context, NULL, 0, NULL) == 1;
    return again && update(context, &before, 1) && update(context, info, count) &&
           update(context, &number, 1) && finish(context, block);
}

must_check enum error hkdf_expand(const struct secret_32 *prk, const struct bytes *info,
                                  size_t count, uint8_t *out, size_t size) {
    require(count <= KDF_PARTS_MAX);
    if (size > EXPAND_BLOCKS_MAX * HASH_BYTES) {
        return ERR_LIMIT;
    }
    uint8_t block[HASH_BYTES] = {0};
    EVP_MAC_CTX *context = keyed(bytes_of(prk->bytes));
    bool done = context != NULL;
    for (size_t at = 0, n = 1; done && at < size; at += HASH_BYTES, n++) {
        size_t take = size - at < HASH_BYTES ? size - at : HASH_BYTES;
        done = expand_block(context, (uint8_t)n, info, count, block);
        memcpy(out + at, block, take);
    }
    EVP_MAC_CTX_free(context);
    wipe(block, sizeof(block));
    if (!done) {
        wipe(out, size);
        return library_failed(ERR_CRYPTO);
    }
    return OK;
}
