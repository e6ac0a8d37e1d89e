/* SPDX-License-Identifier: ISC */
#include "crypto/dh.h"

#include "base/weaken.h"
#include "crypto/library.h"

#include <openssl/core_names.h>
#include <openssl/params.h>

static EVP_PKEY *private_of(const struct secret_32 *private_key) {
    return EVP_PKEY_new_raw_private_key_ex(NULL, "X25519", NULL, private_key->bytes,
                                           sizeof(private_key->bytes));
}

must_check enum error dh_public(const struct secret_32 *private_key,
                                uint8_t public_key[DH_PUBLIC_BYTES]) {
    size_t size = DH_PUBLIC_BYTES;
    EVP_PKEY *key = private_of(private_key);
    bool done = key != NULL && EVP_PKEY_get_raw_public_key(key, public_key, &size) == 1 &&
                size == DH_PUBLIC_BYTES;
    EVP_PKEY_free(key);
    return done ? OK : library_failed(ERR_CRYPTO);
}

static bool is_zero(const struct secret_32 *secret) {
    static const uint8_t zero[sizeof(secret->bytes)] = {0};
    return secret_equal(bytes_of(secret->bytes), bytes_of(zero));
}

/* OpenSSL 3.5 itself refuses an all-zero result. The check is repeated because the promise is ours.
 */
static enum error derive(EVP_PKEY_CTX *context, struct secret_32 *shared) {
    size_t size = sizeof(shared->bytes);
    if (EVP_PKEY_derive(context, shared->bytes, &size) != 1 || size != sizeof(shared->bytes) ||
        is_zero(shared)) {
        secret_32_clear(shared);
        if (weakened(WEAK_NO_ZERO_CHECK)) {
            return library_failed(OK);
        }
        return library_failed(ERR_KEY);
    }
    return OK;
}

/* A private key to derive with, and for nothing else: OpenSSL would compute the public half, which
 * a derivation never reads and which costs nearly as much, unless one is given. */
static EVP_PKEY *half_of(const struct secret_32 *private_key) {
    uint8_t no_public[DH_PUBLIC_BYTES] = {0};
    struct secret_32 copy = *private_key; /* OSSL_PARAM is not const-correct */
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PRIV_KEY, copy.bytes, sizeof(copy.bytes)),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, no_public, sizeof(no_public)),
        OSSL_PARAM_construct_end(),
    };
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "X25519", NULL);
    if (context == NULL || EVP_PKEY_fromdata_init(context) != 1 ||
        EVP_PKEY_fromdata(context, &key, EVP_PKEY_KEYPAIR, params) != 1) {
        key = NULL;
    }
    EVP_PKEY_CTX_free(context);
    secret_32_clear(&copy);
    return key;
}

must_check enum error dh_derive(const struct secret_32 *private_key,
                                const uint8_t public_key[DH_PUBLIC_BYTES],
                                struct secret_32 *shared) {
    EVP_PKEY *own = half_of(private_key);
    EVP_PKEY *peer =
        EVP_PKEY_new_raw_public_key_ex(NULL, "X25519", NULL, public_key, DH_PUBLIC_BYTES);
    EVP_PKEY_CTX *context = own == NULL ? NULL : EVP_PKEY_CTX_new_from_pkey(NULL, own, NULL);
    enum error error = ERR_CRYPTO;
    if (peer != NULL && context != NULL && EVP_PKEY_derive_init(context) == 1 &&
        EVP_PKEY_derive_set_peer_ex(context, peer, 0) == 1) {
        error = derive(context, shared);
    } else {
        error = library_failed(ERR_CRYPTO);
    }
    EVP_PKEY_CTX_free(context);
    EVP_PKEY_free(peer);
    EVP_PKEY_free(own);
    return error;
}
