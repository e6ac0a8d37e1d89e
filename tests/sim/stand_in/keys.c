/* SPDX-License-Identifier: ISC */
/* Key agreement and signatures of the simulation (crypto/dh.h, kem.h, rsa.h, signature.h). A public
 * key is the hash of its private one; what both ends can compute is a hash of public keys. Wrong
 * keys give wrong secrets, altered ciphertexts unrelated ones, altered signatures none. */
#include "mix.h"

#include "crypto/dh.h"
#include "crypto/kem.h"
#include "crypto/rsa.h"
#include "crypto/signature.h"

#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

static bool is_equal(const uint8_t *a, const uint8_t *b, size_t size) {
    return memcmp(a, b, size) == 0;
}

/* ---- X25519 */

must_check enum error dh_public(const struct secret_32 *private_key,
                                uint8_t public_key[DH_PUBLIC_BYTES]) {
    const struct bytes part = bytes_of(private_key->bytes);
    mix("dh", &part, 1, public_key, DH_PUBLIC_BYTES);
    return OK;
}

must_check enum error dh_derive(const struct secret_32 *private_key,
                                const uint8_t public_key[DH_PUBLIC_BYTES],
                                struct secret_32 *shared) {
    static const uint8_t ZERO[DH_PUBLIC_BYTES];
    uint8_t own[DH_PUBLIC_BYTES];
    if (is_equal(public_key, ZERO, sizeof(ZERO))) {
        return ERR_KEY;
    }
    enum error error = dh_public(private_key, own);
    struct bytes a = bytes_of(own);
    struct bytes b = bytes_make(public_key, DH_PUBLIC_BYTES);
    bool is_first = memcmp(own, public_key, sizeof(own)) < 0;
    mix_two("dh shared", is_first ? a : b, is_first ? b : a, shared->bytes, sizeof(shared->bytes));
    return error;
}

/* ---- ML-KEM-768: 32 bytes that matter, the rest follows from them */

static void stretch(const char *label, const uint8_t head[32], uint8_t *out, size_t size) {
    const struct bytes part = bytes_make(head, 32);
    memmove(out, head, 32);
    mix(label, &part, 1, out + 32, size - 32);
}

must_check enum error kem_public(const struct secret_64 *seed,
                                 uint8_t public_key[KEM_PUBLIC_BYTES]) {
    const struct bytes part = bytes_of(seed->bytes);
    uint8_t head[32];
    mix("kem", &part, 1, head, sizeof(head));
    stretch("kem public", head, public_key, KEM_PUBLIC_BYTES);
    return OK;
}

must_check enum error kem_check_public(const uint8_t public_key[KEM_PUBLIC_BYTES]) {
    uint8_t expected[KEM_PUBLIC_BYTES];
    stretch("kem public", public_key, expected, sizeof(expected));
    return is_equal(expected, public_key, sizeof(expected)) ? OK : ERR_KEY;
}

static void kem_pad(const uint8_t public_key[KEM_PUBLIC_BYTES], uint8_t pad[32]) {
    const struct bytes part = bytes_make(public_key, 32);
    mix("kem pad", &part, 1, pad, 32);
}

must_check enum error kem_encapsulate_with(const uint8_t public_key[KEM_PUBLIC_BYTES],
                                           const struct secret_32 *m,
                                           uint8_t ciphertext[KEM_CIPHERTEXT_BYTES],
                                           struct secret_32 *shared) {
    uint8_t head[32];
    uint8_t pad[32];
    enum error error = kem_check_public(public_key);
    if (error != OK) {
        return error;
    }
    kem_pad(public_key, pad);
    for (size_t i = 0; i < sizeof(head); i++) {
        head[i] = m->bytes[i] ^ pad[i];
    }
    stretch("kem ciphertext", head, ciphertext, KEM_CIPHERTEXT_BYTES);
    mix_two("kem shared", bytes_of(m->bytes), bytes_make(public_key, 32), shared->bytes,
            sizeof(shared->bytes));
    return OK;
}

must_check enum error kem_encapsulate(const uint8_t public_key[KEM_PUBLIC_BYTES],
                                      uint8_t ciphertext[KEM_CIPHERTEXT_BYTES],
                                      struct secret_32 *shared) {
    struct secret_32 m;
    return RAND_bytes(m.bytes, sizeof(m.bytes)) == 1
               ? kem_encapsulate_with(public_key, &m, ciphertext, shared)
               : ERR_RANDOM;
}

must_check enum error kem_decapsulate(const struct secret_64 *seed,
                                      const uint8_t ciphertext[KEM_CIPHERTEXT_BYTES],
                                      struct secret_32 *shared) {
    uint8_t public_key[KEM_PUBLIC_BYTES];
    uint8_t expected[KEM_CIPHERTEXT_BYTES];
    struct secret_32 m;
    uint8_t pad[32];
    enum error error = kem_public(seed, public_key);
    kem_pad(public_key, pad);
    for (size_t i = 0; i < sizeof(m.bytes); i++) {
        m.bytes[i] = ciphertext[i] ^ pad[i];
    }
    stretch("kem ciphertext", ciphertext, expected, sizeof(expected));
    if (!is_equal(expected, ciphertext, sizeof(expected))) {
        mix_two("kem reject", bytes_of(seed->bytes), bytes_make(ciphertext, KEM_CIPHERTEXT_BYTES),
                shared->bytes, sizeof(shared->bytes));
        return error;
    }
    mix_two("kem shared", bytes_of(m.bytes), bytes_make(public_key, 32), shared->bytes,
            sizeof(shared->bytes));
    return error;
}

struct kem_pair {
    struct secret_64 seed;
};

must_check enum error kem_pair_new(const struct secret_64 *seed, struct kem_pair **pair) {
    *pair = malloc(sizeof(**pair));
    if (*pair == NULL) {
        return ERR_MEMORY;
    }
    (*pair)->seed = *seed;
    return OK;
}

void kem_pair_free(struct kem_pair *pair) {
    free(pair);
}

must_check enum error kem_pair_decapsulate(const struct kem_pair *pair,
                                           const uint8_t ciphertext[KEM_CIPHERTEXT_BYTES],
                                           struct secret_32 *shared) {
    return kem_decapsulate(&pair->seed, ciphertext, shared);
}

/* ---- RSA-2048-OAEP: the "PKCS#8" is 32 random bytes */

void rsa_private_clear(struct rsa_private *key) {
    wipe(key, sizeof(*key));
}

must_check enum error rsa_generate(struct rsa_private *key) {
    memset(key, 0, sizeof(*key));
    key->size = 32;
    return RAND_bytes(key->pkcs8, 32) == 1 && RAND_bytes(key->reject.bytes, 32) == 1 ? OK
                                                                                     : ERR_RANDOM;
}

must_check enum error rsa_modulus(const struct rsa_private *key,
                                  uint8_t modulus[RSA_MODULUS_BYTES]) {
    const struct bytes part = bytes_make(key->pkcs8, key->size);
    if (key->size != 32) {
        return ERR_KEY;
    }
    mix("rsa", &part, 1, modulus, RSA_MODULUS_BYTES);
    modulus[0] |= 0x80;
    modulus[RSA_MODULUS_BYTES - 1] |= 1;
    return OK;
}

must_check enum error rsa_check_modulus(const uint8_t modulus[RSA_MODULUS_BYTES]) {
    return (modulus[0] & 0x80) != 0 && (modulus[RSA_MODULUS_BYTES - 1] & 1) != 0 ? OK : ERR_KEY;
}

must_check enum error rsa_encrypt(const uint8_t modulus[RSA_MODULUS_BYTES],
                                  uint8_t ciphertext[RSA_CIPHERTEXT_BYTES],
                                  struct secret_32 *secret) {
    uint8_t pad[32];
    const struct bytes part = bytes_make(modulus, RSA_MODULUS_BYTES);
    enum error error = rsa_check_modulus(modulus);
    if (error != OK) {
        return error;
    }
    if (RAND_bytes(secret->bytes, sizeof(secret->bytes)) != 1) {
        return ERR_RANDOM;
    }
    mix("rsa pad", &part, 1, pad, sizeof(pad));
    for (size_t i = 0; i < sizeof(pad); i++) {
        pad[i] ^= secret->bytes[i];
    }
    stretch("rsa ciphertext", pad, ciphertext, RSA_CIPHERTEXT_BYTES);
    return OK;
}

must_check enum error rsa_decrypt(const struct rsa_private *key,
                                  const uint8_t ciphertext[RSA_CIPHERTEXT_BYTES],
                                  struct secret_32 *secret) {
    uint8_t modulus[RSA_MODULUS_BYTES];
    uint8_t expected[RSA_CIPHERTEXT_BYTES];
    uint8_t pad[32];
    const struct bytes part = bytes_of(modulus);
    enum error error = rsa_modulus(key, modulus);
    if (error != OK) {
        return error;
    }
    stretch("rsa ciphertext", ciphertext, expected, sizeof(expected));
    if (!is_equal(expected, ciphertext, sizeof(expected))) {
        mix_two("rsa reject", bytes_of(key->reject.bytes),
                bytes_make(ciphertext, RSA_CIPHERTEXT_BYTES), secret->bytes, sizeof(secret->bytes));
        return OK;
    }
    mix("rsa pad", &part, 1, pad, sizeof(pad));
    for (size_t i = 0; i < sizeof(pad); i++) {
        secret->bytes[i] = ciphertext[i] ^ pad[i];
    }
    return OK;
}

struct rsa_pair {
    struct rsa_private key;
};

must_check enum error rsa_pair_new(const struct rsa_private *key, struct rsa_pair **pair) {
    *pair = malloc(sizeof(**pair));
    if (*pair == NULL) {
        return ERR_MEMORY;
    }
    (*pair)->key = *key;
    return OK;
}

void rsa_pair_free(struct rsa_pair *pair) {
    free(pair);
}

must_check enum error rsa_decrypt_with(const struct rsa_private *key, const struct rsa_pair *pair,
                                       const uint8_t ciphertext[RSA_CIPHERTEXT_BYTES],
                                       struct secret_32 *secret) {
    return rsa_decrypt(pair == NULL ? key : &pair->key, ciphertext, secret);
}

/* ---- signatures: a hash of public key and message */

static void sign(const char *label, struct bytes public_key, struct bytes context,
                 struct bytes message, uint8_t *signature, size_t size) {
    const struct bytes parts[] = {public_key, context, message};
    uint8_t head[32];
    mix(label, parts, 3, head, sizeof(head));
    stretch("signature", head, signature, size);
}

must_check enum error ed25519_public(const struct secret_32 *private_key,
                                     uint8_t public_key[ED25519_PUBLIC_BYTES]) {
    const struct bytes part = bytes_of(private_key->bytes);
    mix("ed25519", &part, 1, public_key, ED25519_PUBLIC_BYTES);
    return OK;
}

must_check enum error ed25519_sign(const struct secret_32 *private_key, struct bytes label,
                                   struct bytes message,
                                   uint8_t signature[ED25519_SIGNATURE_BYTES]) {
    uint8_t public_key[ED25519_PUBLIC_BYTES];
    enum error error = ed25519_public(private_key, public_key);
    sign("ed25519 sign", bytes_of(public_key), label, message, signature, ED25519_SIGNATURE_BYTES);
    return error;
}

must_check enum error ed25519_verify(const uint8_t public_key[ED25519_PUBLIC_BYTES],
                                     struct bytes label, struct bytes message,
                                     const uint8_t signature[ED25519_SIGNATURE_BYTES]) {
    uint8_t expected[ED25519_SIGNATURE_BYTES];
    sign("ed25519 sign", bytes_make(public_key, ED25519_PUBLIC_BYTES), label, message, expected,
         sizeof(expected));
    return is_equal(expected, signature, sizeof(expected)) ? OK : ERR_SIGNATURE;
}

must_check enum error mldsa_public(const struct secret_32 *seed,
                                   uint8_t public_key[MLDSA_PUBLIC_BYTES]) {
    const struct bytes part = bytes_of(seed->bytes);
    uint8_t head[32];
    mix("mldsa", &part, 1, head, sizeof(head));
    stretch("mldsa public", head, public_key, MLDSA_PUBLIC_BYTES);
    return OK;
}

must_check enum error mldsa_sign(const struct secret_32 *seed, struct bytes label,
                                 struct bytes message, bool deterministic,
                                 uint8_t signature[MLDSA_SIGNATURE_BYTES]) {
    uint8_t public_key[MLDSA_PUBLIC_BYTES];
    enum error error = mldsa_public(seed, public_key);
    (void)deterministic;
    sign("mldsa sign", bytes_of(public_key), label, message, signature, MLDSA_SIGNATURE_BYTES);
    return error;
}

must_check enum error mldsa_verify(const uint8_t public_key[MLDSA_PUBLIC_BYTES], struct bytes label,
                                   struct bytes message,
                                   const uint8_t signature[MLDSA_SIGNATURE_BYTES]) {
    uint8_t expected[MLDSA_SIGNATURE_BYTES];
    sign("mldsa sign", bytes_make(public_key, MLDSA_PUBLIC_BYTES), label, message, expected,
         sizeof(expected));
    return is_equal(expected, signature, sizeof(expected)) ? OK : ERR_SIGNATURE;
}
