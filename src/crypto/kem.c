/* SPDX-License-Identifier: ISC */
#include "crypto/kem.h"

#include "crypto/library.h"

#include <openssl/core_names.h>
#include <openssl/params.h>

#include <stdlib.h>

static const char ML_KEM[] = "ML-KEM-768";

/* FIPS 203 section 4.2.1: a public key is three polynomials of 256 coefficients in 12 bits each,
 * and 32 bytes of rho. */
enum { MODULUS = 3329, COEFFICIENT_BYTES = 3 * 384 };

static void *only_read(const uint8_t *data) {
    return (void *)(uintptr_t)data; /* OSSL_PARAM is not const-correct */
}

/* The key pair that FIPS 203 algorithm 16 makes of a seed, or NULL. */
static EVP_PKEY *pair_of(const struct secret_64 *seed) {
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_ML_KEM_SEED, only_read(seed->bytes),
                                          sizeof(seed->bytes)),
        OSSL_PARAM_construct_end(),
    };
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, ML_KEM, NULL);
    if (context == NULL || EVP_PKEY_keygen_init(context) != 1 ||
        EVP_PKEY_CTX_set_params(context, params) != 1 || EVP_PKEY_generate(context, &key) != 1) {
        key = NULL;
    }
    EVP_PKEY_CTX_free(context);
    return key;
}

static EVP_PKEY *public_of(const uint8_t *public_key) {
    return EVP_PKEY_new_raw_public_key_ex(NULL, ML_KEM, NULL, public_key, KEM_PUBLIC_BYTES);
}

must_check enum error kem_public(const struct secret_64 *seed,
                                 uint8_t public_key[KEM_PUBLIC_BYTES]) {
    size_t size = KEM_PUBLIC_BYTES;
    EVP_PKEY *key = pair_of(seed);
    bool done = key != NULL && EVP_PKEY_get_raw_public_key(key, public_key, &size) == 1 &&
                size == KEM_PUBLIC_BYTES;
    EVP_PKEY_free(key);
    return done ? OK : library_failed(ERR_CRYPTO);
}

must_check enum error kem_check_public(const uint8_t public_key[KEM_PUBLIC_BYTES]) {
    for (size_t i = 0; i < COEFFICIENT_BYTES; i += 3) {
        unsigned low = public_key[i] | (public_key[i + 1] & 0x0fu) << 8;
        unsigned high = public_key[i + 1] >> 4 | (unsigned)public_key[i + 2] << 4;
        if (low >= MODULUS || high >= MODULUS) {
            return ERR_KEY;
        }
    }
    return OK;
}

static enum error encapsulate(const uint8_t *public_key, const OSSL_PARAM *params,
                              uint8_t *ciphertext, struct secret_32 *shared) {
    size_t ciphertext_size = KEM_CIPHERTEXT_BYTES;
    size_t shared_size = sizeof(shared->bytes);
    EVP_PKEY *key = public_of(public_key);
    if (key == NULL) {
        return library_failed(ERR_KEY);
    }
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    bool done = context != NULL && EVP_PKEY_encapsulate_init(context, params) == 1 &&
                EVP_PKEY_encapsulate(context, ciphertext, &ciphertext_size, shared->bytes,
                                     &shared_size) == 1 &&
                ciphertext_size == KEM_CIPHERTEXT_BYTES && shared_size == sizeof(shared->bytes);
    EVP_PKEY_CTX_free(context);
    EVP_PKEY_free(key);
    if (!done) {
        secret_32_clear(shared);
        return library_failed(ERR_CRYPTO);
    }
    return OK;
}

must_check enum error kem_encapsulate(const uint8_t public_key[KEM_PUBLIC_BYTES],
                                      uint8_t ciphertext[KEM_CIPHERTEXT_BYTES],
                                      struct secret_32 *shared) {
    return encapsulate(public_key, NULL, ciphertext, shared);
}

must_check enum error kem_encapsulate_with(const uint8_t public_key[KEM_PUBLIC_BYTES],
                                           const struct secret_32 *m,
                                           uint8_t ciphertext[KEM_CIPHERTEXT_BYTES],
                                           struct secret_32 *shared) {
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_KEM_PARAM_IKME, only_read(m->bytes),
                                          sizeof(m->bytes)),
        OSSL_PARAM_construct_end(),
    };
    return encapsulate(public_key, params, ciphertext, shared);
}

static enum error decapsulate(EVP_PKEY *key, const uint8_t *ciphertext, struct secret_32 *shared) {
    size_t size = sizeof(shared->bytes);
    EVP_PKEY_CTX *context = key == NULL ? NULL : EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    bool done = context != NULL && EVP_PKEY_decapsulate_init(context, NULL) == 1 &&
                EVP_PKEY_decapsulate(context, shared->bytes, &size, ciphertext,
                                     KEM_CIPHERTEXT_BYTES) == 1 &&
                size == sizeof(shared->bytes);
    EVP_PKEY_CTX_free(context);
    if (!done) {
        secret_32_clear(shared);
        return library_failed(ERR_CRYPTO);
    }
    return OK;
}

must_check enum error kem_decapsulate(const struct secret_64 *seed,
                                      const uint8_t ciphertext[KEM_CIPHERTEXT_BYTES],
                                      struct secret_32 *shared) {
    EVP_PKEY *key = pair_of(seed);
    enum error error = decapsulate(key, ciphertext, shared);
    EVP_PKEY_free(key);
    return error;
}

struct kem_pair {
    EVP_PKEY *key;
};

must_check enum error kem_pair_new(const struct secret_64 *seed, struct kem_pair **pair) {
    struct kem_pair *made = calloc(1, sizeof(*made));
    *pair = NULL;
    if (made == NULL) {
        return ERR_MEMORY;
    }
    made->key = pair_of(seed);
    if (made->key == NULL) {
        free(made);
        return library_failed(ERR_CRYPTO);
    }
    *pair = made;
    return OK;
}

void kem_pair_free(struct kem_pair *pair) {
    if (pair != NULL) {
        EVP_PKEY_free(pair->key);
        free(pair);
    }
}

must_check enum error kem_pair_decapsulate(const struct kem_pair *pair,
                                           const uint8_t ciphertext[KEM_CIPHERTEXT_BYTES],
                                           struct secret_32 *shared) {
    return decapsulate(pair->key, ciphertext, shared);
}
