/* SPDX-License-Identifier: ISC */
#include "crypto/entropy.h"

#include "crypto/library.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <limits.h>

static enum error system_fill(void *context, uint8_t *out, size_t size) {
    (void)context;
    if (size > INT_MAX || RAND_bytes(out, (int)size) != 1) {
        return library_failed(ERR_RANDOM);
    }
    return OK;
}

static enum error system_encapsulate(void *context, const uint8_t public_key[KEM_PUBLIC_BYTES],
                                     uint8_t ciphertext[KEM_CIPHERTEXT_BYTES],
                                     struct secret_32 *shared) {
    (void)context;
    return kem_encapsulate(public_key, ciphertext, shared);
}

static enum error system_encrypt(void *context, const uint8_t modulus[RSA_MODULUS_BYTES],
                                 uint8_t ciphertext[RSA_CIPHERTEXT_BYTES],
                                 struct secret_32 *secret) {
    (void)context;
    return rsa_encrypt(modulus, ciphertext, secret);
}

static enum error system_generate_rsa(void *context, struct rsa_private *key) {
    (void)context;
    return rsa_generate(key);
}

struct entropy entropy_system(void) {
    return (struct entropy){
        .fill = system_fill,
        .encapsulate = system_encapsulate,
        .encrypt = system_encrypt,
        .generate_rsa = system_generate_rsa,
    };
}

struct random_source random_system(void) {
    return (struct random_source){.fill = system_fill};
}

const char *crypto_library_version(void) {
    return OpenSSL_version(OPENSSL_FULL_VERSION_STRING);
}

bool crypto_library_is_private(void) {
#ifdef SOTTO_OPENSSL_PRIVATE
    return SOTTO_OPENSSL_PRIVATE;
#else
    return false;
#endif
}
