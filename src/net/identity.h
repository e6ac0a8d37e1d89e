/* SPDX-License-Identifier: ISC */
/* The server's TLS key: Ed25519, self-signed, known to clients by the hash of its
 * SubjectPublicKeyInfo. */
#ifndef SOTTO_NET_IDENTITY_H
#define SOTTO_NET_IDENTITY_H

#include "base/bytes.h"

enum { SPKI_HASH_BYTES = 32, EXPORTER_BYTES = 32 };

struct tls_identity;

/** Makes a key and its self-signed certificate and appends both as PEM. The buffer then holds a
 * secret. */
must_check enum error tls_identity_generate(struct buffer *pem);

/** Loads what tls_identity_generate made. ERR_MALFORMED. Free with tls_identity_free. */
must_check enum error tls_identity_load(struct bytes pem, struct tls_identity **identity);
void tls_identity_free(struct tls_identity *identity);

/** SHA-256 over the SPKI DER. Lives as long as the identity. */
const uint8_t *tls_identity_hash(const struct tls_identity *identity);

#endif
