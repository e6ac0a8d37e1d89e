/* SPDX-License-Identifier: ISC */
/* What the server reads of prekeys: enough to keep, count and hand them out. It checks no signature
 * of theirs: nobody relies on a server for that, and whoever publishes rubbish harms only himself.
 * docs/PROTOCOL.md 1.3 and 1.4. */
#ifndef SOTTO_SERVER_PREKEYS_H
#define SOTTO_SERVER_PREKEYS_H

#include "base/bytes.h"
#include "base/limits.h"
#include "crypto/kdf.h"

/** What stands at the front of a prekey set or a one-time prekey. */
struct prekey_front {
    uint32_t id;
    uint64_t expires_ms;
};

/** Checks suite, type, cid and lifetime bounds of a set. ERR_MALFORMED, ERR_MISMATCH (another cid),
 * ERR_EXPIRED. */
must_check enum error prekey_set_front(const uint8_t set[PREKEY_SET_BYTES],
                                       const uint8_t cid[HASH_BYTES], uint64_t now_ms,
                                       struct prekey_front *front);

/** The same of a one-time prekey; one in its last 24 h counts as expired. */
must_check enum error one_time_front(const uint8_t record[ONE_TIME_PREKEY_BYTES],
                                     const uint8_t cid[HASH_BYTES], uint64_t now_ms,
                                     struct prekey_front *front);

#endif
