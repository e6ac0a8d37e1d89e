/* SPDX-License-Identifier: ISC */
#include "base/require.h"
#include "crypto/hmac.h"
#include "crypto/library.h"

#include <string.h>

enum { EXPAND_BLOCKS_MAX = 255 };

/* A struct mac is OpenSSL's context under a name of our own: nobody else looks inside. */
static EVP_MAC_CTX *context_of(struct mac *mac) {
    return (EVP_MAC_CTX *)mac;
}

struct mac *mac_new(void) {
    const struct library *library = library_get();
    return library == NULL ? NULL : (struct mac *)EVP_MAC_CTX_dup(library->hmac_sha256);
}

void mac_free(struct mac *mac) {
    EVP_MAC_CTX_free(context_of(mac));
}

static bool set_key(EVP_MAC_CTX *context, struct bytes key) {
    /* EVP_MAC_init reads a NULL key as "the key of before". */
    static const uint8_t nothing[1] = {0};
    return EVP_MAC_init(context, key.size == 0 ? nothing : key.data, key.size, NULL) == 1;
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

must_check enum error mac_compute_any(struct mac *mac, struct bytes key, const struct bytes *parts,
                                      size_t count, uint8_t out[TAG_BYTES]) {
    require(count <= KDF_PARTS_MAX);
    EVP_MAC_CTX *context = context_of(mac);
    bool done = set_key(context, key) && update(context, parts, count) && finish(context, out);
    return done ? OK : library_failed(ERR_CRYPTO);
}

must_check enum error mac_again(struct mac *mac, struct bytes message, uint8_t out[TAG_BYTES]) {
    EVP_MAC_CTX *context = context_of(mac);
    bool done = EVP_MAC_init(context, NULL, 0, NULL) == 1 && update(context, &message, 1) &&
                finish(context, out);
    return done ? OK : library_failed(ERR_CRYPTO);
}

must_check enum error mac_compute(struct mac *mac, const struct secret_32 *key,
                                  const struct bytes *parts, size_t count, uint8_t out[TAG_BYTES]) {
    return mac_compute_any(mac, bytes_of(key->bytes), parts, count, out);
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

must_check enum error mac_expand(struct mac *mac, const struct secret_32 *prk,
                                 const struct bytes *info, size_t count, uint8_t *out,
                                 size_t size) {
    require(count <= KDF_PARTS_MAX);
    if (size > EXPAND_BLOCKS_MAX * HASH_BYTES) {
        return ERR_LIMIT;
    }
    uint8_t block[HASH_BYTES] = {0};
    EVP_MAC_CTX *context = context_of(mac);
    bool done = set_key(context, bytes_of(prk->bytes));
    for (size_t at = 0, n = 1; done && at < size; at += HASH_BYTES, n++) {
        size_t take = size - at < HASH_BYTES ? size - at : HASH_BYTES;
        done = expand_block(context, (uint8_t)n, info, count, block);
        memcpy(out + at, block, take);
    }
    wipe(block, sizeof(block));
    if (!done) {
        wipe(out, size);
        return library_failed(ERR_CRYPTO);
    }
    return OK;
}
