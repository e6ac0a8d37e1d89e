/* SPDX-License-Identifier: ISC */
/* The settings of TLS, for all connections of one listener or client. Internal.
 *
 * TLS 1.3 alone, one group (X25519MLKEM768), Ed25519 certificates, no tickets, no sessions kept, no
 * early data, ALPN required on both sides (docs/PROTOCOL.md 1.12). */
#ifndef SOTTO_NET_TLS_CONTEXT_H
#define SOTTO_NET_TLS_CONTEXT_H

#include "net/identity.h"

#include <openssl/ssl.h>

/** What tls_identity.c keeps; the key and its certificate. */
struct tls_identity {
    EVP_PKEY *key;
    X509 *certificate;
    uint8_t hash[SPKI_HASH_BYTES];
};

/** SHA-256 over the certificate's SubjectPublicKeyInfo DER. */
must_check enum error spki_hash(X509 *certificate, uint8_t hash[SPKI_HASH_BYTES]);

/** Settings and the method by which TLS objects reach their tls_session's bytes. */
struct tls_context {
    SSL_CTX *settings;
    BIO_METHOD *bytes;
    bool is_server;
};

/** A server's settings, with its key. ERR_MEMORY, ERR_CRYPTO; then nothing is to be cleared. */
must_check enum error tls_context_server(struct tls_context *context,
                                         const struct tls_identity *identity);
/** A client's. */
must_check enum error tls_context_client(struct tls_context *context);
void tls_context_clear(struct tls_context *context);

#endif
