/* SPDX-License-Identifier: ISC */
/* PEM, the form in which other programs take a public key (RFC 7468). */
#ifndef SOTTO_CRYPTO_PEM_H
#define SOTTO_CRYPTO_PEM_H

#include "base/bytes.h"

/** Characters, line ends and the final zero byte of `size` bytes of DER under `PUBLIC KEY`. */
#define PEM_PUBLIC_KEY_SIZE(size) (27 + ((size) + 2) / 3 * 4 + ((size) + 47) / 48 + 25 + 1)

/** Writes a SubjectPublicKeyInfo in DER as text, with a zero byte at its end. `size` is at least
 * PEM_PUBLIC_KEY_SIZE of it. */
void pem_public_key(struct bytes der, char *out, size_t size);

#endif
