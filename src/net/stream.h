/* SPDX-License-Identifier: ISC */
/* TLS on one TCP connection: what listener and client have in common. Internal.
 *
 * A stream is embedded in its owner's memory, which may be given up in `closed` and not before.
 * Plaintext that is queued waits here, is encrypted at the end of the loop's round into the hub's
 * output and handed to the kernel in one write; what the kernel does not take is kept until it
 * does, and nothing more is encrypted meanwhile. */
#ifndef SOTTO_NET_STREAM_H
#define SOTTO_NET_STREAM_H

#include "net/hub.h"
#include "net/tls_session.h"

/** The largest record of a client's handshake: one with the largest ClientHello. */
enum { STREAM_EARLY_MAX_BYTES = TLS_RECORD_HEADER_BYTES + TLS_HELLO_MAX_BYTES };

/** Why a stream ended. */
enum stream_end {
    STREAM_END_OWN,     /**< this side closed it */
    STREAM_END_PEER,    /**< the other side closed it */
    STREAM_END_NETWORK, /**< see `network_error` */
    STREAM_END_TLS,     /**< see `tls.failure` */
    STREAM_END_MEMORY,
};

enum stream_state {
    STREAM_OPEN,
    STREAM_FLUSHING,  /**< takes no more; what is queued leaves */
    STREAM_LINGERING, /**< all has left; waits for the other end to have read it and to close */
    STREAM_CLOSING,   /**< libuv is closing the handles */
};

struct stream_events {
    void (*established)(struct stream *stream, const uint8_t exporter[EXPORTER_BYTES]);
    void (*received)(struct stream *stream, struct bytes bytes);
    void (*drained)(struct stream *stream);
    void (*closed)(struct stream *stream);
};

struct stream {
    uv_tcp_t tcp;
    uv_timer_t timer; /**< bounds FLUSHING and LINGERING; initialised when they begin */
    uv_write_t write;
    uv_shutdown_t shutdown;
    struct hub *hub;
    const struct stream_events *events;
    struct link all;    /**< in hub->streams */
    struct link queued; /**< in hub->queued */
    struct link hello;  /**< in hub->hellos, while `early` holds a ClientHello that waits */
    struct tls_session tls;
    struct buffer early; /**< a server's: the record of the handshake that is not whole yet */
    enum stream_state state;
    enum stream_end end;
    int network_error;
    unsigned handles; /**< not yet closed */
    bool has_timer;
    bool is_paused;
    bool is_reading;
    bool is_writing;     /**< `flying` belongs to libuv */
    bool drain_is_due;   /**< something was queued and `drained` not yet called for it */
    struct buffer plain; /**< queued plaintext; its first `plain_at` bytes are encrypted already */
    size_t plain_at;
    struct buffer
        cipher; /**< records that TLS made on its own account, to go before everything else */
    struct buffer flying; /**< records in a write that is under way */
    size_t flying_plain;  /**< plaintext bytes in them */
};

/** Initialises a stream with an unconnected TCP handle. ERR_IO; then there is nothing to close. */
must_check enum error stream_init(struct stream *stream, struct hub *hub,
                                  const struct stream_events *events);

/** TCP is connected: begins to read, and as a client (with a pin) the handshake. ERR_IO,
 * ERR_MEMORY; the stream then still has to be closed. */
must_check enum error stream_start(struct stream *stream, const struct server_pin *pin);

/** Queues plaintext. ERR_LIMIT beyond SEND_QUEUE_MAX_BYTES, ERR_CLOSED, ERR_MEMORY. */
must_check enum error stream_write(struct stream *stream, struct bytes bytes);

size_t stream_pending(const struct stream *stream);

void stream_pause(struct stream *stream, bool pause);

/** Closes; `flush` lets what is queued leave first, within the hub's `linger_ms`. `closed` follows
 * from the loop. */
void stream_close(struct stream *stream, bool flush);

/* Between stream.c and stream_read.c. */

/** Ends an open stream for `end`; an alert that TLS left goes out first. */
void stream_fail(struct stream *stream, enum stream_end end);

/** The same for one of libuv's error numbers. */
void stream_fail_network(struct stream *stream, int error);

/** Begins to read, or goes on. False when libuv refuses. */
bool stream_read_start(struct stream *stream);

/** Feeds TLS with what came (a client begins with nothing) and hands on what that gives. */
void stream_feed(struct stream *stream, struct bytes bytes);

/** Its turn has come: takes the ClientHello in `early`. For the hub. */
void stream_greet(struct stream *stream);

/** At the end of a round: encrypts and writes. For the hub. */
void stream_flush(struct stream *stream);

#endif
