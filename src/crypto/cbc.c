/* SPDX-License-Identifier: ISC */
#include "crypto/cbc.h"

#include "crypto/library.h"

#include <limits.h>
#include <string.h>

enum { CBC_INPUT_MAX_BYTES = INT_MAX - CBC_BLOCK_BYTES };

static EVP_CIPHER_CTX *new_context(const struct secret_32 *key, const uint8_t *iv, int encrypt) {
    const struct library *library = library_get();
    EVP_CIPHER_CTX *context = library == NULL ? NULL : EVP_CIPHER_CTX_new();
    if (context != NULL &&
        EVP_CipherInit_ex2(context, library->aes_256_cbc, key->bytes, iv, encrypt, NULL) != 1) {
        EVP_CIPHER_CTX_free(context);
        return NULL;
    }
    return context;
}

must_check enum error cbc_encrypt(const struct secret_32 *key, const uint8_t iv[CBC_IV_BYTES],
                                  struct bytes plain, struct buffer *out) {
    if (plain.size > CBC_INPUT_MAX_BYTES) {
        return ERR_LIMIT;
    }
    size_t size = plain.size - plain.size % CBC_BLOCK_BYTES + CBC_BLOCK_BYTES;
    enum error error = buffer_reserve(out, size);
    if (error != OK) {
        return error;
    }
    uint8_t *at = out->data + out->size;
    int body = 0;
    int tail = 0;
    EVP_CIPHER_CTX *context = new_context(key, iv, 1);
    bool done =
        context != NULL && EVP_CipherUpdate(context, at, &body, plain.data, (int)plain.size) == 1 &&
        EVP_CipherFinal_ex(context, at + body, &tail) == 1 && (size_t)body + (size_t)tail == size;
    EVP_CIPHER_CTX_free(context);
    if (!done) {
        return library_failed(ERR_CRYPTO);
    }
    out->size += size;
    return OK;
}

/* The last block is opened into memory of its own, so that `out` needs room for the plaintext only,
 * not for its padding. */
must_check enum error cbc_decrypt(const struct secret_32 *key, const uint8_t iv[CBC_IV_BYTES],
                                  struct bytes cipher, struct buffer *out) {
    if (cipher.size == 0 || cipher.size % CBC_BLOCK_BYTES != 0) {
        return ERR_MALFORMED;
    }
    if (cipher.size > CBC_INPUT_MAX_BYTES) {
        return ERR_LIMIT;
    }
    size_t before = out->size;
    size_t whole = cipher.size - CBC_BLOCK_BYTES;
    uint8_t last[CBC_BLOCK_BYTES] = {0};
    uint8_t *at = NULL;
    int body = 0;
    int tail = 0;
    enum error error = buffer_extend(out, whole, &at);
    if (error != OK) {
        return error;
    }
    EVP_CIPHER_CTX *context = new_context(key, iv, 0);
    if (context == NULL ||
        EVP_CipherUpdate(context, whole == 0 ? last : at, &body, cipher.data, (int)cipher.size) !=
            1 ||
        (size_t)body != whole) {
        error = library_failed(ERR_CRYPTO);
    } else if (EVP_CipherFinal_ex(context, last, &tail) != 1) {
        error = library_failed(ERR_MALFORMED);
    } else {
        error = buffer_append(out, bytes_make(last, (size_t)tail));
    }
    EVP_CIPHER_CTX_free(context);
    wipe(last, sizeof(last));
    if (error != OK && out->size > before) {
        wipe(out->data + before, out->size - before);
        out->size = before;
    }
    return error;
}
