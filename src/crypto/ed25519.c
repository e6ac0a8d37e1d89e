/* SPDX-License-Identifier: ISC */
#include "crypto/joined.h"
#include "crypto/library.h"
#include "crypto/signature.h"

static EVP_PKEY *private_of(const struct secret_32 *private_key) {
    return EVP_PKEY_new_raw_private_key_ex(NULL, "ED25519", NULL, private_key->bytes,
                                           sizeof(private_key->bytes));
}

must_check enum error ed25519_public(const struct secret_32 *private_key,
                                     uint8_t public_key[ED25519_PUBLIC_BYTES]) {
    size_t size = ED25519_PUBLIC_BYTES;
    EVP_PKEY *key = private_of(private_key);
    bool done = key != NULL && EVP_PKEY_get_raw_public_key(key, public_key, &size) == 1 &&
                size == ED25519_PUBLIC_BYTES;
    EVP_PKEY_free(key);
    return done ? OK : library_failed(ERR_CRYPTO);
}

static enum error sign(const struct secret_32 *private_key, struct bytes input,
                       uint8_t *signature) {
    size_t size = ED25519_SIGNATURE_BYTES;
    EVP_PKEY *key = private_of(private_key);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool done = key != NULL && context != NULL &&
                EVP_DigestSignInit_ex(context, NULL, NULL, NULL, NULL, key, NULL) == 1 &&
                EVP_DigestSign(context, signature, &size, input.data, input.size) == 1 &&
                size == ED25519_SIGNATURE_BYTES;
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    return done ? OK : library_failed(ERR_CRYPTO);
}

must_check enum error ed25519_sign(const struct secret_32 *private_key, struct bytes label,
                                   struct bytes message,
                                   uint8_t signature[ED25519_SIGNATURE_BYTES]) {
    struct buffer room;
    struct bytes input;
    enum error error = joined(label, message, &room, &input);
    if (error == OK) {
        error = sign(private_key, input, signature);
    }
    buffer_clear(&room);
    return error;
}

static enum error verify(const uint8_t *public_key, struct bytes input, const uint8_t *signature) {
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (context == NULL) {
        return library_failed(ERR_MEMORY);
    }
    EVP_PKEY *key =
        EVP_PKEY_new_raw_public_key_ex(NULL, "ED25519", NULL, public_key, ED25519_PUBLIC_BYTES);
    bool good =
        key != NULL && EVP_DigestVerifyInit_ex(context, NULL, NULL, NULL, NULL, key, NULL) == 1 &&
        EVP_DigestVerify(context, signature, ED25519_SIGNATURE_BYTES, input.data, input.size) == 1;
    EVP_PKEY_free(key);
    EVP_MD_CTX_free(context);
    return good ? OK : library_failed(ERR_SIGNATURE);
}

must_check enum error ed25519_verify(const uint8_t public_key[ED25519_PUBLIC_BYTES],
                                     struct bytes label, struct bytes message,
                                     const uint8_t signature[ED25519_SIGNATURE_BYTES]) {
    struct buffer room;
    struct bytes input;
    enum error error = joined(label, message, &room, &input);
    if (error == OK) {
        error = verify(public_key, input, signature);
    }
    buffer_clear(&room);
    return error;
}
