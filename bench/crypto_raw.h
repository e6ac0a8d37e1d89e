/* SPDX-License-Identifier: ISC */
/* OpenSSL alone, used as cheaply as its interface allows: algorithms fetched once, contexts used
 * again, long-lived private keys in its own form. What comes off the wire is imported each time, as
 * it has to be. bench/crypto sets sotto/1 beside the sum of these. */
#ifndef SOTTO_BENCH_CRYPTO_RAW_H
#define SOTTO_BENCH_CRYPTO_RAW_H

#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>

struct raw {
    EVP_MAC_CTX *hmac;
    EVP_MD_CTX *hash;
    EVP_MD_CTX *signature;
    EVP_MD *sha256;
    EVP_CIPHER_CTX *cipher;
    EVP_CIPHER *aes_256_cbc;
};

/** Every function here ends the program when OpenSSL fails. */
void raw_init(struct raw *raw);
void raw_clear(struct raw *raw);

void raw_random(uint8_t *out, size_t size);
void raw_sha256(struct raw *raw, const uint8_t *data, size_t size, uint8_t out[32]);
void raw_hmac(struct raw *raw, const uint8_t key[32], const uint8_t *data, size_t size,
              uint8_t out[32]);
/** HKDF-Expand to 32 or 64 bytes with an info of `size` bytes. */
void raw_expand(struct raw *raw, const uint8_t prk[32], const uint8_t *info, size_t size,
                uint8_t *out, size_t out_size);
/** 255 bytes to 256, and back. */
void raw_encrypt(struct raw *raw, const uint8_t key[32], const uint8_t iv[16], const uint8_t *in,
                 uint8_t out[256]);
void raw_decrypt(struct raw *raw, const uint8_t key[32], const uint8_t iv[16],
                 const uint8_t in[256], uint8_t *out);

EVP_PKEY *raw_dh_pair(const uint8_t private_key[32]);
EVP_PKEY *raw_dh_generate(uint8_t public_key[32]);
void raw_dh(EVP_PKEY *own, const uint8_t peer[32], uint8_t out[32]);

EVP_PKEY *raw_kem_import(const uint8_t public_key[1184]);
EVP_PKEY *raw_kem_pair(const uint8_t seed[64]);
void raw_kem_encapsulate(EVP_PKEY *key, uint8_t ciphertext[1088], uint8_t shared[32]);
void raw_kem_decapsulate(EVP_PKEY *key, const uint8_t ciphertext[1088], uint8_t shared[32]);

EVP_PKEY *raw_rsa_pair(const uint8_t *pkcs8, size_t size);
/** Import of the public key with that modulus, then OAEP; decryption under a loaded key. */
void raw_rsa_encrypt(const uint8_t modulus[256], const uint8_t secret[32], uint8_t ciphertext[256]);
void raw_rsa_decrypt(EVP_PKEY *key, const uint8_t ciphertext[256], uint8_t secret[32]);

/** Import of the public key, then verification; `kind` is "ED25519" or "ML-DSA-65". */
void raw_verify(struct raw *raw, const char *kind, const uint8_t *key, size_t key_size,
                const uint8_t *data, size_t size, const uint8_t *signature, size_t signature_size);

#endif
