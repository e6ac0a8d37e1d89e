/* SPDX-License-Identifier: ISC */
#include "crypto/mldsa.h"

#include "crypto/joined.h"
#include "crypto/library.h"

#include <openssl/core_names.h>
#include <openssl/params.h>

static const char ML_DSA[] = "ML-DSA-65";

enum { PARAMS_MAX = 5 };

static void *only_read(const uint8_t *data) {
    return (void *)(uintptr_t)data; /* OSSL_PARAM is not const-correct */
}

/* The key pair that FIPS 204 algorithm 6 makes of a seed, or NULL. */
static EVP_PKEY *pair_of(const struct secret_32 *seed) {
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_ML_DSA_SEED, only_read(seed->bytes),
                                          sizeof(seed->bytes)),
        OSSL_PARAM_construct_end(),
    };
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, ML_DSA, NULL);
    if (context == NULL || EVP_PKEY_keygen_init(context) != 1 ||
        EVP_PKEY_CTX_set_params(context, params) != 1 || EVP_PKEY_generate(context, &key) != 1) {
        key = NULL;
    }
    EVP_PKEY_CTX_free(context);
    return key;
}

must_check enum error mldsa_public(const struct secret_32 *seed,
                                   uint8_t public_key[MLDSA_PUBLIC_BYTES]) {
    size_t size = MLDSA_PUBLIC_BYTES;
    EVP_PKEY *key = pair_of(seed);
    bool done = key != NULL && EVP_PKEY_get_raw_public_key(key, public_key, &size) == 1 &&
                size == MLDSA_PUBLIC_BYTES;
    EVP_PKEY_free(key);
    return done ? OK : library_failed(ERR_CRYPTO);
}

/* What stands in `input` beside the message, as parameters of OpenSSL; `flags` keeps the integers.
 */
static void describe(const struct mldsa_input *input, int flags[2], OSSL_PARAM params[PARAMS_MAX]) {
    size_t count = 0;
    flags[0] = input->message_is_mu;
    flags[1] = input->deterministic;
    if (input->context.size > 0) {
        params[count++] =
            OSSL_PARAM_construct_octet_string(OSSL_SIGNATURE_PARAM_CONTEXT_STRING,
                                              only_read(input->context.data), input->context.size);
    }
    if (input->message_is_mu) {
        params[count++] = OSSL_PARAM_construct_int(OSSL_SIGNATURE_PARAM_MU, &flags[0]);
    }
    if (input->deterministic) {
        params[count++] = OSSL_PARAM_construct_int(OSSL_SIGNATURE_PARAM_DETERMINISTIC, &flags[1]);
    }
    if (input->rnd != NULL) {
        params[count++] = OSSL_PARAM_construct_octet_string(OSSL_SIGNATURE_PARAM_TEST_ENTROPY,
                                                            only_read(input->rnd->bytes),
                                                            sizeof(input->rnd->bytes));
    }
    params[count] = OSSL_PARAM_construct_end();
}

must_check enum error mldsa_sign_input(const struct secret_32 *seed,
                                       const struct mldsa_input *input,
                                       uint8_t signature[MLDSA_SIGNATURE_BYTES]) {
    int flags[2];
    OSSL_PARAM params[PARAMS_MAX];
    size_t size = MLDSA_SIGNATURE_BYTES;
    describe(input, flags, params);
    EVP_PKEY *key = pair_of(seed);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool done =
        key != NULL && context != NULL &&
        EVP_DigestSignInit_ex(context, NULL, NULL, NULL, NULL, key, params) == 1 &&
        EVP_DigestSign(context, signature, &size, input->message.data, input->message.size) == 1 &&
        size == MLDSA_SIGNATURE_BYTES;
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    return done ? OK : library_failed(ERR_CRYPTO);
}

must_check enum error mldsa_verify_input(const uint8_t public_key[MLDSA_PUBLIC_BYTES],
                                         const struct mldsa_input *input,
                                         const uint8_t signature[MLDSA_SIGNATURE_BYTES]) {
    int flags[2];
    OSSL_PARAM params[PARAMS_MAX];
    describe(input, flags, params);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (context == NULL) {
        return library_failed(ERR_MEMORY);
    }
    EVP_PKEY *key =
        EVP_PKEY_new_raw_public_key_ex(NULL, ML_DSA, NULL, public_key, MLDSA_PUBLIC_BYTES);
    bool good = key != NULL &&
                EVP_DigestVerifyInit_ex(context, NULL, NULL, NULL, NULL, key, params) == 1 &&
                EVP_DigestVerify(context, signature, MLDSA_SIGNATURE_BYTES, input->message.data,
                                 input->message.size) == 1;
    EVP_PKEY_free(key);
    EVP_MD_CTX_free(context);
    return good ? OK : library_failed(ERR_SIGNATURE);
}

must_check enum error mldsa_sign(const struct secret_32 *seed, struct bytes label,
                                 struct bytes message, bool deterministic,
                                 uint8_t signature[MLDSA_SIGNATURE_BYTES]) {
    struct buffer room;
    struct mldsa_input input = {.deterministic = deterministic};
    enum error error = joined(label, message, &room, &input.message);
    if (error == OK) {
        error = mldsa_sign_input(seed, &input, signature);
    }
    buffer_clear(&room);
    return error;
}

must_check enum error mldsa_verify(const uint8_t public_key[MLDSA_PUBLIC_BYTES], struct bytes label,
                                   struct bytes message,
                                   const uint8_t signature[MLDSA_SIGNATURE_BYTES]) {
    struct buffer room;
    struct mldsa_input input = {0};
    enum error error = joined(label, message, &room, &input.message);
    if (error == OK) {
        error = mldsa_verify_input(public_key, &input, signature);
    }
    buffer_clear(&room);
    return error;
}
