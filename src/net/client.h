/* SPDX-License-Identifier: ISC */
/* The client's side of TLS on a libuv loop: the same settings as the listener's; the server's key
 * is judged by its pin alone, never by a name or a chain. */
#ifndef SOTTO_NET_CLIENT_H
#define SOTTO_NET_CLIENT_H

#include "net/identity.h"

#include <uv.h>

struct net_client;

/** What the SPKI hash of the server has to start with; `bits` 0 accepts any (the caller then
 * decides in `connected` before it sends anything), 130 for a link's pin, 256 for a key seen
 * before. A key that the server has announced (docs/PROTOCOL.md 1.12) is a second pin, all of it:
 * either one fits. */
struct server_pin {
    uint8_t hash[SPKI_HASH_BYTES];
    unsigned bits;
    bool has_next;
    uint8_t next[SPKI_HASH_BYTES];
};

struct net_client_events {
    void *context;
    /** TLS is up and a pin fits; `spki_hash` says which. */
    void (*connected)(void *context, const uint8_t exporter[EXPORTER_BYTES],
                      const uint8_t spki_hash[SPKI_HASH_BYTES]);
    void (*received)(void *context, struct bytes bytes);
    /** The connection is gone or never came; the last call. `error`: ERR_SERVER_UNREACHABLE
     * (resolution, refused, no route, time-out), ERR_SERVER_KEY_CHANGED (pin; `spki_hash` is the
     * key shown), ERR_NO_COMMON_VERSION (ALPN), ERR_CONNECTION_LOST (after TCP came up), OK (after
     * net_client_close). `cause` is a short reason in words. */
    void (*closed)(void *context, enum error error, const char *cause,
                   const uint8_t spki_hash[SPKI_HASH_BYTES]);
};

/** Begins to connect: resolves `host`, tries its addresses in turn (all within `timeout_ms`, TLS
 * included). */
must_check enum error net_client_connect(uv_loop_t *loop, const char *host, uint16_t port,
                                         const struct server_pin *pin, uint64_t timeout_ms,
                                         const struct net_client_events *events,
                                         struct net_client **client);

/** Queues bytes; they leave at the end of the loop's round. ERR_LIMIT, ERR_CLOSED, ERR_MEMORY. */
must_check enum error net_client_write(struct net_client *client, struct bytes bytes);

/** Plaintext bytes queued and not yet handed to the kernel. */
size_t net_client_pending(const struct net_client *client);

/** Closes after what is queued has left (at most 1 s); `closed` follows, then the memory goes by
 * itself. */
void net_client_close(struct net_client *client);

#endif
