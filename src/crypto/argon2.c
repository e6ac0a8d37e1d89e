/* SPDX-License-Identifier: ISC */
#include "crypto/kdf.h"
#include "crypto/library.h"

#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

enum { ARGON2_SALT_BYTES = 16 };

must_check enum error argon2id(struct bytes passphrase, const uint8_t salt[16],
                               const struct argon2_cost *cost, struct secret_32 *out) {
    uint32_t memory = cost->memory_kib;
    uint32_t passes = cost->passes;
    uint32_t lanes = cost->lanes;
    uint32_t threads = 1;
    /* OSSL_PARAM is not const-correct; these two are only read. */
    void *secret = passphrase.size == 0 ? (void *)"" : (void *)(uintptr_t)passphrase.data;
    void *salted = (void *)(uintptr_t)salt;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PASSWORD, secret, passphrase.size),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, salted, ARGON2_SALT_BYTES),
        OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_ARGON2_MEMCOST, &memory),
        OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_ITER, &passes),
        OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_ARGON2_LANES, &lanes),
        OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_THREADS, &threads),
        OSSL_PARAM_construct_end(),
    };
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "ARGON2ID", NULL);
    EVP_KDF_CTX *context = kdf == NULL ? NULL : EVP_KDF_CTX_new(kdf);
    bool done =
        context != NULL && EVP_KDF_derive(context, out->bytes, sizeof(out->bytes), params) == 1;
    EVP_KDF_CTX_free(context);
    EVP_KDF_free(kdf);
    if (!done) {
        secret_32_clear(out);
        return library_failed(ERR_CRYPTO);
    }
    return OK;
}
