/* SPDX-License-Identifier: ISC */
#include "crypto/library.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/params.h>

static struct library library;
static CRYPTO_ONCE library_once = CRYPTO_ONCE_STATIC_INIT;

static EVP_MAC_CTX *new_hmac_sha256(void) {
    char digest[] = "SHA256";
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *context = mac == NULL ? NULL : EVP_MAC_CTX_new(mac);
    EVP_MAC_free(mac);
    if (context != NULL && EVP_MAC_CTX_set_params(context, params) != 1) {
        EVP_MAC_CTX_free(context);
        return NULL;
    }
    return context;
}

static void fetch_all(void) {
    library.sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    library.sha512 = EVP_MD_fetch(NULL, "SHA512", NULL);
    library.aes_256_cbc = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
    library.aes_256_gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    library.hmac_sha256 = new_hmac_sha256();
}

const struct library *library_get(void) {
    bool complete = CRYPTO_THREAD_run_once(&library_once, fetch_all) == 1 &&
                    library.sha256 != NULL && library.sha512 != NULL &&
                    library.aes_256_cbc != NULL && library.aes_256_gcm != NULL &&
                    library.hmac_sha256 != NULL;
    return complete ? &library : NULL;
}

must_check enum error library_failed(enum error error) {
    ERR_clear_error();
    return error;
}
