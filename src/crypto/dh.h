/* SPDX-License-Identifier: ISC */
/* X25519 (RFC 7748). */
#ifndef SOTTO_CRYPTO_DH_H
#define SOTTO_CRYPTO_DH_H

#include "crypto/secret.h"

enum { DH_PUBLIC_BYTES = 32 };

/** The public key of a private one (any 32 bytes). */
must_check enum error dh_public(const struct secret_32 *private_key,
                                uint8_t public_key[DH_PUBLIC_BYTES]);

/** The shared secret. ERR_KEY when it is all zero (RFC 7748 section 6.1). */
must_check enum error dh_derive(const struct secret_32 *private_key,
                                const uint8_t public_key[DH_PUBLIC_BYTES],
                                struct secret_32 *shared);

#endif
