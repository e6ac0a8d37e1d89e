/* SPDX-License-Identifier: ISC */
#include "expanded.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

static EVP_PKEY *load(struct bytes dk) {
    return EVP_PKEY_new_raw_private_key_ex(NULL, "ML-KEM-768", NULL, dk.data, dk.size);
}

bool expanded_of_seed(const struct secret_64 *seed, uint8_t dk[KEM_EXPANDED_BYTES]) {
    struct secret_64 copy = *seed;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_ML_KEM_SEED, copy.bytes,
                                          sizeof(copy.bytes)),
        OSSL_PARAM_construct_end(),
    };
    size_t size = KEM_EXPANDED_BYTES;
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "ML-KEM-768", NULL);
    bool done = context != NULL && EVP_PKEY_keygen_init(context) == 1 &&
                EVP_PKEY_CTX_set_params(context, params) == 1 &&
                EVP_PKEY_generate(context, &key) == 1 &&
                EVP_PKEY_get_raw_private_key(key, dk, &size) == 1 && size == KEM_EXPANDED_BYTES;
    EVP_PKEY_free(key);
    EVP_PKEY_CTX_free(context);
    return done;
}

bool expanded_is_valid(struct bytes dk) {
    EVP_PKEY *key = load(dk);
    bool valid = key != NULL;
    EVP_PKEY_free(key);
    return valid;
}

bool expanded_decapsulate(struct bytes dk, struct bytes ciphertext, struct secret_32 *shared) {
    size_t size = sizeof(shared->bytes);
    EVP_PKEY *key = load(dk);
    EVP_PKEY_CTX *context = key == NULL ? NULL : EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    bool done = context != NULL && EVP_PKEY_decapsulate_init(context, NULL) == 1 &&
                EVP_PKEY_decapsulate(context, shared->bytes, &size, ciphertext.data,
                                     ciphertext.size) == 1 &&
                size == sizeof(shared->bytes);
    EVP_PKEY_CTX_free(context);
    EVP_PKEY_free(key);
    return done;
}
