/* SPDX-License-Identifier: ISC */
/* What the connections of one listener or client share: the settings of TLS, the buffers of one
 * read and one write, and the end of the loop's round, when all that was queued in it leaves.
 * Internal. */
#ifndef SOTTO_NET_HUB_H
#define SOTTO_NET_HUB_H

#include "net/tls_context.h"

#include <uv.h>

enum {
    HUB_INPUT_BYTES = 64 * 1024,
    /* What one input decrypts to, with the record that TLS held in part. */
    HUB_PLAIN_BYTES = HUB_INPUT_BYTES + 32 * 1024,
    /* Plaintext that one connection may encrypt in one round, and its records. */
    HUB_ROUND_BYTES = 64 * 1024,
    HUB_OUTPUT_BYTES = HUB_ROUND_BYTES + 8 * 1024,
};

struct stream;

/** A place in a ring of streams; a ring's head is one too. */
struct link {
    struct link *previous;
    struct link *next;
    struct stream *stream; /**< NULL in a head */
};

void link_init(struct link *link, struct stream *stream);
bool link_is_alone(const struct link *link);
/** Puts `link`, which is alone, at the end of the ring of `head`. */
void link_append(struct link *head, struct link *link);
void link_remove(struct link *link);

struct hub {
    uv_loop_t *loop;
    struct tls_context tls;
    uint64_t linger_ms; /**< what closing with a flush may take */
    uv_check_t check;   /**< after the round's events: queued bytes leave */
    uv_idle_t idle;     /**< runs while something is queued: the loop then does not sleep */
    struct link streams;
    struct link queued; /**< streams with something to send */
    struct link hellos; /**< streams whose ClientHello waits for its turn, oldest first */
    size_t hello_count;
    size_t hellos_per_round; /**< handshakes of TLS that are begun in one round */
    void (*calmed)(void *context,
                   size_t hello_count); /**< after each round's handshakes; or NULL */
    void *context_calmed;
    bool wants_round; /**< another one at once */
    unsigned handles; /**< of the hub's own, not yet closed */
    bool is_closing;
    void (*closed)(void *context); /**< all streams and handles are gone: the hub may be freed */
    void *context;
    uint8_t input[HUB_INPUT_BYTES];
    uint8_t plain[HUB_PLAIN_BYTES];
    struct buffer output;
};

/** Begins; takes over `tls`. The hub keeps no loop alive by itself. Memory stays the caller's. */
void hub_init(struct hub *hub, uv_loop_t *loop, const struct tls_context *tls, uint64_t linger_ms);

/** Whether all is gone; then `closed` is called, which happens once. For stream.c. */
void hub_check_gone(struct hub *hub);

/** Has `stream_flush` called for the stream at the end of the round. */
void hub_queue(struct hub *hub, struct stream *stream);

/** Has `stream_greet` called for the stream when its turn comes: a handshake costs much, and those
 * who are in already are not to wait for a thousand of them. */
void hub_wait_for_turn(struct hub *hub, struct stream *stream);

/** Has the loop make another round at once, whether or not anything happens. */
void hub_ask_round(struct hub *hub);

/** Gives up the stream's turn, if it waits for one. */
void hub_leave_turn(struct hub *hub, struct stream *stream);

/** Ends the hub once its streams are gone. `closed` is called from the loop, never from here. */
void hub_close(struct hub *hub, void (*closed)(void *context), void *context);

#endif
