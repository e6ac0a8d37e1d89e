/* SPDX-License-Identifier: ISC */
/* Invites and the links that carry them. */
#ifndef SOTTO_SOTTOD_INVITE_H
#define SOTTO_SOTTOD_INVITE_H

#include "server/store.h"
#include "session/card.h"

enum { ADDRESS_MAX_BYTES = HOST_MAX_BYTES + 10 };

/** Draws a token: its hash for the store, and the link for a person. `host` is HOST[:PORT] as links
 * name it, `spki_hash` that of the server's key. ERR_RANDOM, ERR_CRYPTO, ERR_MALFORMED (the host).
 */
must_check enum error invite_make(const struct random_source *random, const uint8_t spki_hash[32],
                                  const char *host, uint64_t expires_ms, bool is_admin,
                                  struct store_invite *invite, char link[LINK_MAX_CHARACTERS + 1]);

/** What links name when nobody said: the address of this machine that others reach most likely, or
 * localhost when the server listens on the loopback only. `bind` may be NULL. */
void public_address(const char *bind, uint16_t port, char *out, size_t size);

/** Whether `host` is an address that cannot be reached from the internet. */
bool is_private_address(const char *host);

/** The server's key for people: its pin in groups of four. */
void key_print(const uint8_t spki_hash[32], char *out, size_t size);

#endif
