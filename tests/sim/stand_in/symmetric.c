/* SPDX-License-Identifier: ISC */
/* Hashes, HKDF and the message cipher of the simulation (crypto/kdf.h, crypto/cbc.h). */
#include "mix.h"

#include "crypto/cbc.h"

#include <string.h>

enum { PARTS_MAX = KDF_PARTS_MAX + 1 };

must_check enum error sha256(const struct bytes *parts, size_t count, uint8_t out[HASH_BYTES]) {
    mix("sha256", parts, count, out, HASH_BYTES);
    return OK;
}

must_check enum error sha512(const struct bytes *parts, size_t count, uint8_t out[SHA512_BYTES]) {
    mix("sha512", parts, count, out, SHA512_BYTES);
    return OK;
}

static enum error keyed(const char *label, const struct secret_32 *key, const struct bytes *parts,
                        size_t count, uint8_t *out, size_t size) {
    struct bytes all[PARTS_MAX] = {bytes_of(key->bytes)};
    if (count > KDF_PARTS_MAX) {
        return ERR_CRYPTO;
    }
    memcpy(all + 1, parts, count * sizeof(*parts));
    mix(label, all, count + 1, out, size);
    return OK;
}

must_check enum error hmac_sha256(const struct secret_32 *key, const struct bytes *parts,
                                  size_t count, uint8_t out[TAG_BYTES]) {
    return keyed("hmac", key, parts, count, out, TAG_BYTES);
}

must_check enum error hmac_sha256_two(const struct secret_32 *key, struct bytes first,
                                      struct bytes second, uint8_t out_first[TAG_BYTES],
                                      uint8_t out_second[TAG_BYTES]) {
    enum error error = hmac_sha256(key, &first, 1, out_first);
    return error == OK ? hmac_sha256(key, &second, 1, out_second) : error;
}

must_check enum error hkdf_extract(const struct secret_32 *salt, const struct bytes *ikm,
                                   size_t count, struct secret_32 *prk) {
    return keyed("extract", salt, ikm, count, prk->bytes, sizeof(prk->bytes));
}

must_check enum error hkdf_expand(const struct secret_32 *prk, const struct bytes *info,
                                  size_t count, uint8_t *out, size_t size) {
    return keyed("expand", prk, info, count, out, size);
}

/* XOR with a stream; the padding is that of PKCS#7. */
static void cipher(const struct secret_32 *key, const uint8_t iv[CBC_IV_BYTES], uint8_t *data,
                   size_t size) {
    uint64_t word[2];
    mix_two("cbc", bytes_of(key->bytes), bytes_make(iv, CBC_IV_BYTES), (uint8_t *)word,
            sizeof(word));
    for (size_t at = 0; at < size; at += 8) {
        uint64_t x;
        word[0] = word[0] * UINT64_C(6364136223846793005) + (word[1] | 1);
        memcpy(&x, data + at, sizeof(x));
        x ^= word[0] ^ (word[0] >> 32);
        memcpy(data + at, &x, sizeof(x));
    }
}

must_check enum error cbc_encrypt(const struct secret_32 *key, const uint8_t iv[CBC_IV_BYTES],
                                  struct bytes plain, struct buffer *out) {
    size_t size = (plain.size / CBC_BLOCK_BYTES + 1) * CBC_BLOCK_BYTES;
    uint8_t *at = NULL;
    enum error error = buffer_extend(out, size, &at);
    if (error == OK) {
        memcpy(at, plain.data, plain.size);
        memset(at + plain.size, (int)(size - plain.size), size - plain.size);
        cipher(key, iv, at, size);
    }
    return error;
}

must_check enum error cbc_decrypt(const struct secret_32 *key, const uint8_t iv[CBC_IV_BYTES],
                                  struct bytes data, struct buffer *out) {
    uint8_t *at = NULL;
    if (data.size == 0 || data.size % CBC_BLOCK_BYTES != 0) {
        return ERR_MALFORMED;
    }
    size_t before = out->size;
    enum error error = buffer_extend(out, data.size, &at);
    if (error != OK) {
        return error;
    }
    memcpy(at, data.data, data.size);
    cipher(key, iv, at, data.size);
    uint8_t pad = at[data.size - 1];
    if (pad == 0 || pad > CBC_BLOCK_BYTES) {
        out->size = before;
        return ERR_MALFORMED;
    }
    out->size -= pad;
    return OK;
}
