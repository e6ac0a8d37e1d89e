/* SPDX-License-Identifier: ISC */
/* `label || message` in one piece: OpenSSL signs with Ed25519 and ML-DSA in one call only.
 * Internal. */
#ifndef SOTTO_CRYPTO_JOINED_H
#define SOTTO_CRYPTO_JOINED_H

#include "base/bytes.h"

/** Points `*whole` at `label || message`: at `message` itself when there is no label, else at a
 * copy in `room`, which the caller clears. ERR_MEMORY, ERR_LIMIT. */
must_check enum error joined(struct bytes label, struct bytes message, struct buffer *room,
                             struct bytes *whole);

#endif
