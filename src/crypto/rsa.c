/* SPDX-License-Identifier: ISC */
#include "crypto/rsa.h"

#include "crypto/kdf.h"
#include "crypto/library.h"
#include "crypto/rsa_key.h"
#include "crypto/rsa_oaep.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/rand.h>

#include <stdlib.h>

static const char LABEL[] = "sotto/1 rsa";

struct rsa_pair {
    EVP_PKEY *key;
};

must_check enum error rsa_pair_new(const struct rsa_private *key, struct rsa_pair **pair) {
    struct rsa_pair *made = calloc(1, sizeof(*made));
    *pair = NULL;
    if (made == NULL) {
        return ERR_MEMORY;
    }
    made->key = rsa_key_load(bytes_make(key->pkcs8, key->size));
    if (made->key == NULL) {
        free(made);
        return library_failed(ERR_KEY);
    }
    *pair = made;
    return OK;
}

void rsa_pair_free(struct rsa_pair *pair) {
    if (pair != NULL) {
        EVP_PKEY_free(pair->key);
        free(pair);
    }
}

must_check enum error rsa_generate(struct rsa_private *key) {
    *key = (struct rsa_private){0};
    EVP_PKEY *pair = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)RSA_KEY_BITS);
    bool done = pair != NULL && rsa_key_store(pair, key) &&
                RAND_priv_bytes(key->reject.bytes, sizeof(key->reject.bytes)) == 1;
    EVP_PKEY_free(pair);
    if (!done) {
        rsa_private_clear(key);
        return library_failed(ERR_CRYPTO);
    }
    return OK;
}

must_check enum error rsa_modulus(const struct rsa_private *key,
                                  uint8_t modulus[RSA_MODULUS_BYTES]) {
    BIGNUM *n = NULL;
    BIGNUM *e = NULL;
    EVP_PKEY *pair = rsa_key_load(bytes_make(key->pkcs8, key->size));
    bool good = pair != NULL && EVP_PKEY_get_bn_param(pair, OSSL_PKEY_PARAM_RSA_N, &n) == 1 &&
                EVP_PKEY_get_bn_param(pair, OSSL_PKEY_PARAM_RSA_E, &e) == 1 &&
                BN_is_word(e, RSA_EXPONENT) == 1 &&
                BN_bn2binpad(n, modulus, RSA_MODULUS_BYTES) == RSA_MODULUS_BYTES &&
                rsa_check_modulus(modulus) == OK;
    BN_free(e);
    BN_free(n);
    EVP_PKEY_free(pair);
    return good ? OK : library_failed(ERR_KEY);
}

must_check enum error rsa_check_modulus(const uint8_t modulus[RSA_MODULUS_BYTES]) {
    bool is_full = (modulus[0] & 0x80) != 0;
    bool is_odd = (modulus[RSA_MODULUS_BYTES - 1] & 1) != 0;
    return is_full && is_odd ? OK : ERR_KEY;
}

must_check enum error rsa_encrypt(const uint8_t modulus[RSA_MODULUS_BYTES],
                                  uint8_t ciphertext[RSA_CIPHERTEXT_BYTES],
                                  struct secret_32 *secret) {
    enum error error = rsa_check_modulus(modulus);
    if (error != OK) {
        return error;
    }
    if (RAND_priv_bytes(secret->bytes, sizeof(secret->bytes)) != 1) {
        return library_failed(ERR_RANDOM);
    }
    error = rsa_oaep_encrypt(modulus, bytes_of_string(LABEL), bytes_of(secret->bytes), ciphertext);
    if (error != OK) {
        secret_32_clear(secret);
    }
    return error;
}

/* OAEP with the pair at hand, or with one made for this call. */
static enum error decrypt(const struct rsa_private *key, const struct rsa_pair *pair,
                          struct bytes sealed, uint8_t message[RSA_MODULUS_BYTES], size_t *size,
                          unsigned *good) {
    if (pair == NULL) {
        return rsa_oaep_decrypt(bytes_make(key->pkcs8, key->size), bytes_of_string(LABEL), sealed,
                                message, size, good);
    }
    return rsa_oaep_decrypt_with(pair->key, bytes_of_string(LABEL), sealed, message, size, good);
}

must_check enum error rsa_decrypt(const struct rsa_private *key,
                                  const uint8_t ciphertext[RSA_CIPHERTEXT_BYTES],
                                  struct secret_32 *secret) {
    return rsa_decrypt_with(key, NULL, ciphertext, secret);
}

must_check enum error rsa_decrypt_with(const struct rsa_private *key, const struct rsa_pair *pair,
                                       const uint8_t ciphertext[RSA_CIPHERTEXT_BYTES],
                                       struct secret_32 *secret) {
    uint8_t message[RSA_MODULUS_BYTES] = {0};
    struct secret_32 real = {0};
    struct secret_32 fake = {0};
    struct bytes sealed = bytes_make(ciphertext, RSA_CIPHERTEXT_BYTES);
    size_t size = 0;
    unsigned good = 0;
    secret_32_clear(secret);
    enum error error = hmac_sha256(&key->reject, &sealed, 1, fake.bytes);
    if (error != OK) {
        goto out;
    }
    error = decrypt(key, pair, sealed, message, &size, &good);
    if (error != OK) {
        goto out;
    }
    for (size_t i = 0; i < sizeof(real.bytes); i++) {
        real.bytes[i] = message[i];
    }
    good &= rsa_is_zero((uint32_t)size ^ (uint32_t)sizeof(real.bytes));
    secret_32_select(good, &real, &fake, secret);
out:
    wipe(message, sizeof(message));
    wipe(&size, sizeof(size));
    wipe(&good, sizeof(good));
    secret_32_clear(&real);
    secret_32_clear(&fake);
    return error;
}
