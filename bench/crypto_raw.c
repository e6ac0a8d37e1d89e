/* SPDX-License-Identifier: ISC */
#include "crypto_raw.h"

#include "base/require.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/param_build.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <string.h>

static const char LABEL[] = "sotto/1 rsa";

void raw_init(struct raw *raw) {
    char digest[] = "SHA256";
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    raw->hmac = EVP_MAC_CTX_new(mac);
    EVP_MAC_free(mac);
    raw->hash = EVP_MD_CTX_new();
    raw->signature = EVP_MD_CTX_new();
    raw->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    raw->cipher = EVP_CIPHER_CTX_new();
    raw->aes_256_cbc = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
    require(raw->hmac != NULL && raw->hash != NULL && raw->signature != NULL &&
            raw->cipher != NULL && raw->sha256 != NULL && raw->aes_256_cbc != NULL);
    require(EVP_MAC_CTX_set_params(raw->hmac, params) == 1);
}

void raw_clear(struct raw *raw) {
    EVP_MAC_CTX_free(raw->hmac);
    EVP_MD_CTX_free(raw->hash);
    EVP_MD_CTX_free(raw->signature);
    EVP_MD_free(raw->sha256);
    EVP_CIPHER_CTX_free(raw->cipher);
    EVP_CIPHER_free(raw->aes_256_cbc);
}

void raw_random(uint8_t *out, size_t size) {
    require(RAND_bytes(out, (int)size) == 1);
}

void raw_sha256(struct raw *raw, const uint8_t *data, size_t size, uint8_t out[32]) {
    require(EVP_DigestInit_ex2(raw->hash, raw->sha256, NULL) == 1);
    require(EVP_DigestUpdate(raw->hash, data, size) == 1);
    require(EVP_DigestFinal_ex(raw->hash, out, NULL) == 1);
}

void raw_hmac(struct raw *raw, const uint8_t key[32], const uint8_t *data, size_t size,
              uint8_t out[32]) {
    size_t written = 0;
    require(EVP_MAC_init(raw->hmac, key, 32, NULL) == 1);
    require(EVP_MAC_update(raw->hmac, data, size) == 1);
    require(EVP_MAC_final(raw->hmac, out, &written, 32) == 1);
}

void raw_expand(struct raw *raw, const uint8_t prk[32], const uint8_t *info, size_t size,
                uint8_t *out, size_t out_size) {
    size_t written = 0;
    require(EVP_MAC_init(raw->hmac, prk, 32, NULL) == 1);
    for (uint8_t block = 0; block * 32u < out_size; block++) {
        uint8_t number = (uint8_t)(block + 1);
        if (block > 0) {
            require(EVP_MAC_init(raw->hmac, NULL, 0, NULL) == 1);
            require(EVP_MAC_update(raw->hmac, out + (size_t)(block - 1) * 32, 32) == 1);
        }
        require(EVP_MAC_update(raw->hmac, info, size) == 1);
        require(EVP_MAC_update(raw->hmac, &number, 1) == 1);
        require(EVP_MAC_final(raw->hmac, out + (size_t)block * 32, &written, 32) == 1);
    }
}

void raw_encrypt(struct raw *raw, const uint8_t key[32], const uint8_t iv[16], const uint8_t *in,
                 uint8_t out[256]) {
    int body = 0;
    int tail = 0;
    require(EVP_CipherInit_ex2(raw->cipher, raw->aes_256_cbc, key, iv, 1, NULL) == 1);
    require(EVP_CipherUpdate(raw->cipher, out, &body, in, 255) == 1);
    require(EVP_CipherFinal_ex(raw->cipher, out + body, &tail) == 1 && body + tail == 256);
}

void raw_decrypt(struct raw *raw, const uint8_t key[32], const uint8_t iv[16],
                 const uint8_t in[256], uint8_t *out) {
    int body = 0;
    int tail = 0;
    require(EVP_CipherInit_ex2(raw->cipher, raw->aes_256_cbc, key, iv, 0, NULL) == 1);
    require(EVP_CipherUpdate(raw->cipher, out, &body, in, 256) == 1);
    require(EVP_CipherFinal_ex(raw->cipher, out + body, &tail) == 1 && body + tail == 255);
}

EVP_PKEY *raw_dh_pair(const uint8_t private_key[32]) {
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key_ex(NULL, "X25519", NULL, private_key, 32);
    require(key != NULL);
    return key;
}

EVP_PKEY *raw_dh_generate(uint8_t public_key[32]) {
    size_t size = 32;
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
    require(key != NULL && EVP_PKEY_get_raw_public_key(key, public_key, &size) == 1);
    return key;
}

void raw_dh(EVP_PKEY *own, const uint8_t peer[32], uint8_t out[32]) {
    size_t size = 32;
    EVP_PKEY *other = EVP_PKEY_new_raw_public_key_ex(NULL, "X25519", NULL, peer, 32);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, own, NULL);
    require(other != NULL && context != NULL && EVP_PKEY_derive_init(context) == 1);
    require(EVP_PKEY_derive_set_peer_ex(context, other, 0) == 1);
    require(EVP_PKEY_derive(context, out, &size) == 1);
    EVP_PKEY_CTX_free(context);
    EVP_PKEY_free(other);
}

EVP_PKEY *raw_kem_import(const uint8_t public_key[1184]) {
    EVP_PKEY *key = EVP_PKEY_new_raw_public_key_ex(NULL, "ML-KEM-768", NULL, public_key, 1184);
    require(key != NULL);
    return key;
}

EVP_PKEY *raw_kem_pair(const uint8_t seed[64]) {
    uint8_t copy[64];
    EVP_PKEY *key = NULL;
    memcpy(copy, seed, sizeof(copy));
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_ML_KEM_SEED, copy, sizeof(copy)),
        OSSL_PARAM_construct_end(),
    };
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "ML-KEM-768", NULL);
    require(context != NULL && EVP_PKEY_keygen_init(context) == 1);
    require(EVP_PKEY_CTX_set_params(context, params) == 1);
    require(EVP_PKEY_generate(context, &key) == 1);
    EVP_PKEY_CTX_free(context);
    return key;
}

void raw_kem_encapsulate(EVP_PKEY *key, uint8_t ciphertext[1088], uint8_t shared[32]) {
    size_t size = 1088;
    size_t shared_size = 32;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    require(context != NULL && EVP_PKEY_encapsulate_init(context, NULL) == 1);
    require(EVP_PKEY_encapsulate(context, ciphertext, &size, shared, &shared_size) == 1);
    EVP_PKEY_CTX_free(context);
}

void raw_kem_decapsulate(EVP_PKEY *key, const uint8_t ciphertext[1088], uint8_t shared[32]) {
    size_t size = 32;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    require(context != NULL && EVP_PKEY_decapsulate_init(context, NULL) == 1);
    require(EVP_PKEY_decapsulate(context, shared, &size, ciphertext, 1088) == 1);
    EVP_PKEY_CTX_free(context);
}

EVP_PKEY *raw_rsa_pair(const uint8_t *pkcs8, size_t size) {
    const uint8_t *at = pkcs8;
    EVP_PKEY *key = d2i_AutoPrivateKey(NULL, &at, (long)size);
    require(key != NULL);
    return key;
}

static void set_oaep(EVP_PKEY_CTX *context) {
    uint8_t *label = OPENSSL_memdup(LABEL, sizeof(LABEL) - 1);
    require(EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) == 1);
    require(EVP_PKEY_CTX_set_rsa_oaep_md_name(context, "SHA256", NULL) == 1);
    require(EVP_PKEY_CTX_set_rsa_mgf1_md_name(context, "SHA256", NULL) == 1);
    require(label != NULL &&
            EVP_PKEY_CTX_set0_rsa_oaep_label(context, label, (int)sizeof(LABEL) - 1) == 1);
}

static EVP_PKEY *rsa_import(const uint8_t modulus[256]) {
    EVP_PKEY *key = NULL;
    BIGNUM *n = BN_bin2bn(modulus, 256, NULL);
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    require(n != NULL && builder != NULL);
    require(OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) == 1);
    require(OSSL_PARAM_BLD_push_ulong(builder, OSSL_PKEY_PARAM_RSA_E, 65537) == 1);
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    require(params != NULL && context != NULL && EVP_PKEY_fromdata_init(context) == 1);
    require(EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params) == 1);
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(builder);
    BN_free(n);
    return key;
}

void raw_rsa_encrypt(const uint8_t modulus[256], const uint8_t secret[32],
                     uint8_t ciphertext[256]) {
    size_t size = 256;
    EVP_PKEY *key = rsa_import(modulus);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    require(context != NULL && EVP_PKEY_encrypt_init(context) == 1);
    set_oaep(context);
    require(EVP_PKEY_encrypt(context, ciphertext, &size, secret, 32) == 1);
    EVP_PKEY_CTX_free(context);
    EVP_PKEY_free(key);
}

void raw_rsa_decrypt(EVP_PKEY *key, const uint8_t ciphertext[256], uint8_t secret[32]) {
    uint8_t plain[256];
    size_t size = sizeof(plain);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    require(context != NULL && EVP_PKEY_decrypt_init(context) == 1);
    set_oaep(context);
    require(EVP_PKEY_decrypt(context, plain, &size, ciphertext, 256) == 1 && size == 32);
    memcpy(secret, plain, 32);
    EVP_PKEY_CTX_free(context);
}

void raw_verify(struct raw *raw, const char *kind, const uint8_t *key, size_t key_size,
                const uint8_t *data, size_t size, const uint8_t *signature, size_t signature_size) {
    EVP_PKEY *public_key = EVP_PKEY_new_raw_public_key_ex(NULL, kind, NULL, key, key_size);
    require(public_key != NULL);
    require(EVP_MD_CTX_reset(raw->signature) == 1);
    require(EVP_DigestVerifyInit_ex(raw->signature, NULL, NULL, NULL, NULL, public_key, NULL) == 1);
    require(EVP_DigestVerify(raw->signature, signature, signature_size, data, size) == 1);
    EVP_PKEY_free(public_key);
}
