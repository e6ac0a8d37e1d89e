/* SPDX-License-Identifier: ISC */
/* What the files of this folder share: algorithms fetched once, and one way to fail. Internal. */
#ifndef SOTTO_CRYPTO_LIBRARY_H
#define SOTTO_CRYPTO_LIBRARY_H

#include "base/error.h"

#include <openssl/evp.h>

/** OpenSSL's algorithms of the path that every message takes. A fetch costs more than the hash of a
 * short input, so they are fetched once in the process, by whoever comes first, and only read
 * afterwards: a constant that the library computes, not state. */
struct library {
    EVP_MD *sha256;
    EVP_MD *sha512;
    EVP_CIPHER *aes_256_cbc;
    EVP_CIPHER *aes_256_gcm;
    EVP_MAC_CTX *hmac_sha256; /**< without a key; EVP_MAC_CTX_dup makes one to use */
};

/** NULL when this OpenSSL lacks one of them. Safe from any thread. */
const struct library *library_get(void);

/** Returns `error` and empties OpenSSL's error queue of this thread: what is left in it would be
 * taken for a failure of the next TLS call. */
must_check enum error library_failed(enum error error);

#endif
