/* SPDX-License-Identifier: ISC */
#include "base/require.h"
#include "crypto/kdf.h"
#include "crypto/library.h"

static enum error digest(const EVP_MD *algorithm, const struct bytes *parts, size_t count,
                         uint8_t *out) {
    require(count <= KDF_PARTS_MAX);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (context == NULL) {
        return library_failed(ERR_MEMORY);
    }
    bool done = EVP_DigestInit_ex2(context, algorithm, NULL) == 1;
    for (size_t i = 0; done && i < count; i++) {
        done = EVP_DigestUpdate(context, parts[i].data, parts[i].size) == 1;
    }
    done = done && EVP_DigestFinal_ex(context, out, NULL) == 1;
    EVP_MD_CTX_free(context);
    return done ? OK : library_failed(ERR_CRYPTO);
}

must_check enum error sha256(const struct bytes *parts, size_t count, uint8_t out[HASH_BYTES]) {
    const struct library *library = library_get();
    return library == NULL ? library_failed(ERR_CRYPTO)
                           : digest(library->sha256, parts, count, out);
}

must_check enum error sha512(const struct bytes *parts, size_t count, uint8_t out[SHA512_BYTES]) {
    const struct library *library = library_get();
    return library == NULL ? library_failed(ERR_CRYPTO)
                           : digest(library->sha512, parts, count, out);
}
