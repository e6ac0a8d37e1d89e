/* SPDX-License-Identifier: ISC */
#include "crypto/gcm.h"

#include "crypto/library.h"

#include <limits.h>
#include <string.h>

static EVP_CIPHER_CTX *new_context(const struct secret_32 *key, int encrypt) {
    static const uint8_t NONCE[12];
    const struct library *library = library_get();
    EVP_CIPHER_CTX *context = library == NULL ? NULL : EVP_CIPHER_CTX_new();
    if (context != NULL &&
        EVP_CipherInit_ex2(context, library->aes_256_gcm, key->bytes, NONCE, encrypt, NULL) != 1) {
        EVP_CIPHER_CTX_free(context);
        return NULL;
    }
    return context;
}

static bool apply(EVP_CIPHER_CTX *context, struct bytes in, uint8_t *out) {
    int size = 0;
    return context != NULL && EVP_CipherUpdate(context, out, &size, in.data, (int)in.size) == 1 &&
           (size_t)size == in.size;
}

must_check enum error gcm_seal(const struct secret_32 *key, struct bytes plain, uint8_t *out,
                               uint8_t tag[GCM_TAG_BYTES]) {
    if (plain.size > INT_MAX) {
        return ERR_LIMIT;
    }
    EVP_CIPHER_CTX *context = new_context(key, 1);
    int none = 0;
    bool done = apply(context, plain, out) &&
                EVP_CipherFinal_ex(context, out + plain.size, &none) == 1 && none == 0 &&
                EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, GCM_TAG_BYTES, tag) == 1;
    EVP_CIPHER_CTX_free(context);
    return done ? OK : library_failed(ERR_CRYPTO);
}

must_check enum error gcm_open(const struct secret_32 *key, struct bytes cipher,
                               const uint8_t tag[GCM_TAG_BYTES], uint8_t *out) {
    uint8_t expected[GCM_TAG_BYTES];
    if (cipher.size > INT_MAX) {
        return ERR_LIMIT;
    }
    memcpy(expected, tag, sizeof(expected));
    EVP_CIPHER_CTX *context = new_context(key, 0);
    enum error error = OK;
    int none = 0;
    if (!apply(context, cipher, out) ||
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, GCM_TAG_BYTES, expected) != 1) {
        error = library_failed(ERR_CRYPTO);
    } else if (EVP_CipherFinal_ex(context, out + cipher.size, &none) != 1) {
        error = library_failed(ERR_MALFORMED);
    }
    EVP_CIPHER_CTX_free(context);
    return error;
}
