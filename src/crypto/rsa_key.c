/* SPDX-License-Identifier: ISC */
#include "crypto/rsa_key.h"

#include "crypto/library.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/params.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <limits.h>
#include <string.h>

void rsa_private_clear(struct rsa_private *key) {
    wipe(key, sizeof(*key));
}

EVP_PKEY *rsa_key_load(struct bytes pkcs8) {
    const uint8_t *at = pkcs8.data;
    if (pkcs8.size == 0 || pkcs8.size > LONG_MAX) {
        return NULL;
    }
    PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, (long)pkcs8.size);
    EVP_PKEY *key = info == NULL ? NULL : EVP_PKCS82PKEY(info);
    PKCS8_PRIV_KEY_INFO_free(info);
    if (key != NULL && (at != pkcs8.data + pkcs8.size || EVP_PKEY_is_a(key, "RSA") != 1 ||
                        EVP_PKEY_get_bits(key) != RSA_KEY_BITS)) {
        EVP_PKEY_free(key);
        return NULL;
    }
    return key;
}

static EVP_PKEY *public_from(OSSL_PARAM *params) {
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    if (context == NULL || EVP_PKEY_fromdata_init(context) != 1 ||
        EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params) != 1) {
        key = NULL;
    }
    EVP_PKEY_CTX_free(context);
    return key;
}

EVP_PKEY *rsa_key_public(const uint8_t modulus[RSA_MODULUS_BYTES]) {
    EVP_PKEY *key = NULL;
    OSSL_PARAM *params = NULL;
    BIGNUM *n = BN_bin2bn(modulus, RSA_MODULUS_BYTES, NULL);
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    if (n != NULL && builder != NULL &&
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
        OSSL_PARAM_BLD_push_ulong(builder, OSSL_PKEY_PARAM_RSA_E, RSA_EXPONENT) == 1) {
        params = OSSL_PARAM_BLD_to_param(builder);
    }
    if (params != NULL) {
        key = public_from(params);
    }
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(builder);
    BN_free(n);
    return key;
}

bool rsa_key_store(const EVP_PKEY *key, struct rsa_private *out) {
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
    int size = info == NULL ? -1 : i2d_PKCS8_PRIV_KEY_INFO(info, NULL);
    bool fits = size > 0 && size <= RSA_PKCS8_MAX_BYTES;
    if (fits) {
        uint8_t *at = out->pkcs8;
        out->size = (size_t)i2d_PKCS8_PRIV_KEY_INFO(info, &at);
    }
    PKCS8_PRIV_KEY_INFO_free(info);
    return fits;
}
