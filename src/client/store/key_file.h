/* SPDX-License-Identifier: ISC */
/* The key file beside the store: the store key, 32 random bytes, as it lies in a file with mode
 * 0600.
 *
 * With a passphrase the store key is wrapped: Argon2id (RFC 9106) over passphrase and salt gives 32
 * bytes, HKDF of those an encryption and a tag key; the store key is encrypted with AES-256-CBC
 * under a random IV, and HMAC-SHA-256 covers everything before it. The tag is checked before
 * anything is decrypted, so a wrong passphrase is known for what it is. Without a passphrase the
 * file holds the key as it is and no derivation runs.
 *
 *   0   8   "sottokey"
 *   8   1   version 1
 *   9   1   0: plain, 1: wrapped
 *   plain    10  32  store key
 *   wrapped  10  12  Argon2id: memory in KiB, passes, lanes (u32 each)
 *            22  16  salt
 *            38  16  IV
 *            54  48  encrypted store key
 *            102 32  tag over bytes 0 to 101 */
#ifndef SOTTO_CLIENT_STORE_KEY_FILE_H
#define SOTTO_CLIENT_STORE_KEY_FILE_H

#include "base/env.h"
#include "crypto/kdf.h"

enum { KEY_FILE_MAX_BYTES = 134 };

/** What a new file costs: 64 MiB, 3 passes, 1 lane. */
struct argon2_cost key_file_cost(void);

/** Draws a new store key and writes the file that holds it, wrapped at `cost` unless the passphrase
 * is empty. */
must_check enum error key_file_make(const struct random_source *random, struct bytes passphrase,
                                    const struct argon2_cost *cost, struct secret_32 *key,
                                    struct buffer *file);

/** Whether a passphrase is needed. ERR_STORE_BROKEN, ERR_STORE_NEWER. */
must_check enum error key_file_is_protected(struct bytes file, bool *is_protected);

/** The store key. ERR_WRONG_PASSPHRASE (also one given for a plain file), ERR_STORE_BROKEN,
 * ERR_STORE_NEWER. */
must_check enum error key_file_open(struct bytes file, struct bytes passphrase,
                                    struct secret_32 *key);

#endif
