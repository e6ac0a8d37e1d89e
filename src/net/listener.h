/* SPDX-License-Identifier: ISC */
/* The server's side of TLS on a libuv loop: TLS 1.3 only, group X25519MLKEM768 only, no tickets, no
 * early data, ALPN `WIRE_ALPN` (docs/PROTOCOL.md 1.12). It knows bytes and connections, no frames.
 *
 * All functions and callbacks run on the loop's thread. Nothing is written inside a callback: what
 * is handed to connection_write in one round of the loop leaves in as few TLS records and one write
 * at the end of the round. */
#ifndef SOTTO_NET_LISTENER_H
#define SOTTO_NET_LISTENER_H

#include "net/identity.h"

#include <uv.h>

struct listener;
struct connection;

/** The peer's address for limits: IPv4 as v4-mapped, IPv6 whole; the port is left out. */
struct peer_address {
    uint8_t bytes[16];
    bool is_v4;
};

struct listener_events {
    void *context;
    /** A TCP connection came. `false` closes it at once and no other call follows. `*data` is the
     * caller's and is handed to the others. No TLS object exists before the peer's first bytes look
     * like a ClientHello. */
    bool (*accepted)(void *context, struct connection *connection,
                     const struct peer_address *address, void **data);
    /** The TLS handshake is done; `exporter` is bound to this connection (RFC 9266 pattern). */
    void (*established)(void *context, void *data, const uint8_t exporter[EXPORTER_BYTES]);
    /** Plaintext bytes came; the view ends with the call. */
    void (*received)(void *context, void *data, struct bytes bytes);
    /** All bytes written so far have left for the kernel; called once each time the queue runs
     * empty. */
    void (*drained)(void *context, void *data);
    /** The connection is gone, for whatever reason, also after connection_close; the last call with
     * `data`. */
    void (*closed)(void *context, void *data);
};

/** Listens on `host` (an address; "::" takes IPv4 too) and `port` (0: any free one).
 * ERR_CANNOT_LISTEN with the reason in `cause` (size of at least 100). */
must_check enum error listener_open(uv_loop_t *loop, const struct tls_identity *identity,
                                    const char *host, uint16_t port,
                                    const struct listener_events *events,
                                    struct listener **listener, char *cause, size_t cause_size);

/** How fast strangers are let in; the defaults are those of base/limits.h. */
struct listener_limits {
    size_t handshakes_per_round;   /**< of TLS, begun in one round of the loop, oldest first */
    size_t handshakes_waiting_max; /**< beyond them the system's queue keeps who comes */
    size_t accepts_per_round;      /**< connections taken from that queue in one round */
};
struct listener_limits listener_limits_default(void);

/** From now on. None may be 0. */
void listener_set_limits(struct listener *listener, const struct listener_limits *limits);

/** The port that it listens on. */
uint16_t listener_port(const struct listener *listener);

/** Connections that come from now on are shown this key; those that stand go on. ERR_CRYPTO: the
 * old one stays. */
must_check enum error listener_show_key(struct listener *listener,
                                        const struct tls_identity *identity);

/** Stops accepting and closes every connection at once, also those that are still saying goodbye;
 * `closed` comes for each, then the memory goes by
 * itself. */
void listener_close(struct listener *listener);

/** Queues bytes. ERR_LIMIT when more than SEND_QUEUE_MAX_BYTES would wait; ERR_CLOSED, ERR_MEMORY.
 */
must_check enum error connection_write(struct connection *connection, struct bytes bytes);

/** Plaintext bytes queued and not yet handed to the kernel. */
size_t connection_pending(const struct connection *connection);

/** Stops or resumes reading (a peer whose requests can't be taken now). `received` gives all that
 * was read in one call, so none follows before the resumption; of the peer's hanging up nothing is
 * noticed until then either. */
void connection_pause(struct connection *connection, bool pause);

/** Closes: `flush` lets what is queued leave first (at most 2 s), with close_notify. */
void connection_close(struct connection *connection, bool flush);

#endif
