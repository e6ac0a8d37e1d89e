/* SPDX-License-Identifier: ISC */
#include "crypto/rsa_oaep.h"

#include "base/require.h"
#include "crypto/library.h"
#include "crypto/rsa_key.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

#include <limits.h>

/* Padding, hashes and label, for both directions. */
static bool set_oaep(EVP_PKEY_CTX *context, struct bytes label) {
    require(label.size <= INT_MAX);
    if (EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) != 1 ||
        EVP_PKEY_CTX_set_rsa_oaep_md_name(context, "SHA256", NULL) != 1 ||
        EVP_PKEY_CTX_set_rsa_mgf1_md_name(context, "SHA256", NULL) != 1) {
        return false;
    }
    if (label.size == 0) {
        return true; /* the default is the empty label */
    }
    uint8_t *copy = OPENSSL_memdup(label.data, label.size);
    if (copy != NULL && EVP_PKEY_CTX_set0_rsa_oaep_label(context, copy, (int)label.size) == 1) {
        return true;
    }
    OPENSSL_free(copy);
    return false;
}

must_check enum error rsa_oaep_encrypt(const uint8_t modulus[RSA_MODULUS_BYTES], struct bytes label,
                                       struct bytes message,
                                       uint8_t ciphertext[RSA_CIPHERTEXT_BYTES]) {
    size_t size = RSA_CIPHERTEXT_BYTES;
    EVP_PKEY *key = rsa_key_public(modulus);
    if (key == NULL) {
        return library_failed(ERR_KEY);
    }
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    bool done = context != NULL && EVP_PKEY_encrypt_init(context) == 1 &&
                set_oaep(context, label) &&
                EVP_PKEY_encrypt(context, ciphertext, &size, message.data, message.size) == 1 &&
                size == RSA_CIPHERTEXT_BYTES;
    EVP_PKEY_CTX_free(context);
    EVP_PKEY_free(key);
    return done ? OK : library_failed(ERR_CRYPTO);
}

unsigned rsa_is_zero(uint32_t x) {
    return (~x & (x - 1)) >> 31;
}

must_check enum error rsa_oaep_decrypt_with(EVP_PKEY *key, struct bytes label,
                                            struct bytes ciphertext,
                                            uint8_t message[RSA_MODULUS_BYTES], size_t *size,
                                            unsigned *good) {
    *size = RSA_MODULUS_BYTES;
    *good = 0;
    enum error error = OK;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    if (context != NULL && EVP_PKEY_decrypt_init(context) == 1 && set_oaep(context, label)) {
        /* 1 on success; 0, -1 or -2 on failure. */
        int result = EVP_PKEY_decrypt(context, message, size, ciphertext.data, ciphertext.size);
        *good = rsa_is_zero((uint32_t)result ^ 1u);
    } else {
        error = ERR_CRYPTO;
    }
    EVP_PKEY_CTX_free(context);
    ERR_clear_error(); /* on success too: whether there was an error must not show */
    return error;
}

must_check enum error rsa_oaep_decrypt(struct bytes pkcs8, struct bytes label,
                                       struct bytes ciphertext, uint8_t message[RSA_MODULUS_BYTES],
                                       size_t *size, unsigned *good) {
    *size = RSA_MODULUS_BYTES;
    *good = 0;
    EVP_PKEY *key = rsa_key_load(pkcs8);
    if (key == NULL) {
        return library_failed(ERR_KEY);
    }
    enum error error = rsa_oaep_decrypt_with(key, label, ciphertext, message, size, good);
    EVP_PKEY_free(key);
    return error;
}
