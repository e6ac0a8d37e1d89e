/* SPDX-License-Identifier: ISC */
#include "net/listener.h"

#include "base/limits.h"
#include "base/require.h"
#include "net/cause.h"
#include "net/stream.h"

#include <openssl/err.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BACKLOG = 1024, CLOSE_FLUSH_MS = 2000 };

struct connection {
    struct stream stream; /* first: a stream is its connection */
    struct listener *listener;
    void *data;
};

struct listener {
    uv_tcp_t tcp;
    struct hub hub;
    struct listener_events events;
    struct listener_limits limits;
    uint16_t port;
    size_t accepted; /**< in this round */
    bool is_closing;
    bool is_holding; /**< libuv has a connection that was not taken yet, and looks for no other */
};

/* --- a connection's events --- */

static struct connection *connection_of(struct stream *stream) {
    return (struct connection *)(void *)stream;
}

static void on_established(struct stream *stream, const uint8_t exporter[EXPORTER_BYTES]) {
    struct connection *connection = connection_of(stream);
    const struct listener_events *events = &connection->listener->events;
    events->established(events->context, connection->data, exporter);
}

static void on_received(struct stream *stream, struct bytes bytes) {
    struct connection *connection = connection_of(stream);
    const struct listener_events *events = &connection->listener->events;
    events->received(events->context, connection->data, bytes);
}

static void on_drained(struct stream *stream) {
    struct connection *connection = connection_of(stream);
    const struct listener_events *events = &connection->listener->events;
    events->drained(events->context, connection->data);
}

static void on_closed(struct stream *stream) {
    struct connection *connection = connection_of(stream);
    const struct listener_events *events = &connection->listener->events;
    events->closed(events->context, connection->data);
    free(connection);
}

static void on_dropped(struct stream *stream) {
    free(connection_of(stream));
}

static const struct stream_events CONNECTION_EVENTS = {
    .established = on_established,
    .received = on_received,
    .drained = on_drained,
    .closed = on_closed,
};

/* Of a connection that nobody above knows: nothing but its end can come. */
static const struct stream_events DROPPED_EVENTS = {.closed = on_dropped};

must_check enum error connection_write(struct connection *connection, struct bytes bytes) {
    return stream_write(&connection->stream, bytes);
}

size_t connection_pending(const struct connection *connection) {
    return stream_pending(&connection->stream);
}

void connection_pause(struct connection *connection, bool pause) {
    stream_pause(&connection->stream, pause);
}

void connection_close(struct connection *connection, bool flush) {
    stream_close(&connection->stream, flush);
}

/* --- accepting --- */

static const uint8_t V4_MAPPED[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static bool peer_address_of(const uv_tcp_t *tcp, struct peer_address *address) {
    struct sockaddr_storage storage;
    int size = sizeof(storage);
    if (uv_tcp_getpeername(tcp, (struct sockaddr *)&storage, &size) != 0) {
        return false;
    }
    *address = (struct peer_address){.is_v4 = true};
    if (storage.ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)&storage;
        memcpy(address->bytes, V4_MAPPED, sizeof(V4_MAPPED));
        memcpy(address->bytes + sizeof(V4_MAPPED), &v4->sin_addr, 4);
        return true;
    }
    if (storage.ss_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&storage;
        memcpy(address->bytes, &v6->sin6_addr, sizeof(address->bytes));
        address->is_v4 = memcmp(address->bytes, V4_MAPPED, sizeof(V4_MAPPED)) == 0;
        return true;
    }
    return false;
}

/* Whether a connection is wanted: the TCP handshake may have been broken off again, or the caller
 * declines. */
static bool is_wanted(struct listener *listener, struct connection *connection) {
    struct peer_address address;
    const struct listener_events *events = &listener->events;
    return uv_accept((uv_stream_t *)&listener->tcp, (uv_stream_t *)&connection->stream.tcp) == 0 &&
           peer_address_of(&connection->stream.tcp, &address) &&
           events->accepted(events->context, connection, &address, &connection->data);
}

static void on_connection(uv_stream_t *handle, int status) {
    struct listener *listener = handle->data;
    if (status < 0 || listener->is_closing) {
        return; /* out of files: libuv has shed the connection; the next one may find room */
    }
    listener->is_holding = true;
    if (listener->accepted >= listener->limits.accepts_per_round ||
        listener->hub.hello_count >= listener->limits.handshakes_waiting_max) {
        hub_ask_round(&listener->hub);
        return;
    }
    struct connection *connection = calloc(1, sizeof(*connection));
    if (connection == NULL) {
        return;
    }
    connection->listener = listener;
    if (stream_init(&connection->stream, &listener->hub, &CONNECTION_EVENTS) != OK) {
        free(connection);
        return;
    }
    listener->is_holding = false;
    listener->accepted++;
    if (!is_wanted(listener, connection)) {
        connection->stream.events = &DROPPED_EVENTS;
        stream_close(&connection->stream, false);
    } else if (connection->stream.state == STREAM_OPEN &&
               stream_start(&connection->stream, NULL) != OK) {
        stream_close(&connection->stream, false);
    }
}

/* At the end of a round, whether or not there is room again, or memory. */
static void on_calmed(void *context, size_t hello_count) {
    struct listener *listener = context;
    listener->accepted = 0;
    if (listener->is_holding && hello_count < listener->limits.handshakes_waiting_max) {
        on_connection((uv_stream_t *)&listener->tcp, 0);
        if (!listener->is_holding) {
            hub_ask_round(&listener->hub); /* what its coming gave others to do is for that one */
        }
    }
}

struct listener_limits listener_limits_default(void) {
    return (struct listener_limits){
        .handshakes_per_round = HANDSHAKES_PER_ROUND,
        .handshakes_waiting_max = HANDSHAKES_WAITING_MAX,
        .accepts_per_round = ACCEPTS_PER_ROUND,
    };
}

void listener_set_limits(struct listener *listener, const struct listener_limits *limits) {
    require(limits->handshakes_per_round > 0 && limits->handshakes_waiting_max > 0 &&
            limits->accepts_per_round > 0);
    listener->limits = *limits;
    listener->hub.hellos_per_round = limits->handshakes_per_round;
}

/* --- opening and closing --- */

static int listen_on(struct listener *listener, const char *host, uint16_t port) {
    struct sockaddr_storage address;
    memset(&address, 0, sizeof(address));
    int result = uv_ip6_addr(host, port, (struct sockaddr_in6 *)&address);
    if (result != 0) {
        result = uv_ip4_addr(host, port, (struct sockaddr_in *)&address);
    }
    if (result == 0) {
        /* Without UV_TCP_IPV6ONLY an IPv6 socket takes IPv4 too, whatever the system's default is.
         */
        result = uv_tcp_bind(&listener->tcp, (const struct sockaddr *)&address, 0);
    }
    return result != 0 ? result : uv_listen((uv_stream_t *)&listener->tcp, BACKLOG, on_connection);
}

static uint16_t bound_port(const uv_tcp_t *tcp) {
    struct sockaddr_storage storage;
    int size = sizeof(storage);
    if (uv_tcp_getsockname(tcp, (struct sockaddr *)&storage, &size) != 0) {
        return 0;
    }
    return ntohs(storage.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&storage)->sin6_port
                                               : ((struct sockaddr_in *)&storage)->sin_port);
}

static void on_hub_gone(void *context) {
    free(context);
}

static void on_listener_closed(uv_handle_t *handle) {
    struct listener *listener = handle->data;
    hub_close(&listener->hub, on_hub_gone, listener);
}

/* Why no listener could be made, or 0. On failure what was made goes by itself. */
static int open_on(uv_loop_t *loop, struct listener *listener, const char *host, uint16_t port) {
    int result = uv_tcp_init(loop, &listener->tcp);
    if (result != 0) {
        return result;
    }
    listener->tcp.data = listener;
    result = listen_on(listener, host, port);
    listener->port = bound_port(&listener->tcp);
    return result;
}

static struct listener *new_listener(uv_loop_t *loop, const struct tls_context *tls,
                                     const struct listener_events *events) {
    struct listener *listener = calloc(1, sizeof(*listener));
    if (listener != NULL) {
        listener->events = *events;
        hub_init(&listener->hub, loop, tls, CLOSE_FLUSH_MS);
        listener->hub.calmed = on_calmed;
        listener->hub.context_calmed = listener;
        const struct listener_limits limits = listener_limits_default();
        listener_set_limits(listener, &limits);
    }
    return listener;
}

static bool is_without_v6(int result) {
    return result == UV_EAFNOSUPPORT || result == UV_EADDRNOTAVAIL || result == UV_EPROTONOSUPPORT;
}

static enum error try_open(uv_loop_t *loop, const struct tls_identity *identity, const char *host,
                           uint16_t port, const struct listener_events *events,
                           struct listener **listener, int *result) {
    struct tls_context tls;
    enum error error = tls_context_server(&tls, identity);
    if (error != OK) {
        return error;
    }
    struct listener *made = new_listener(loop, &tls, events);
    if (made == NULL) {
        tls_context_clear(&tls);
        return ERR_MEMORY;
    }
    *result = open_on(loop, made, host, port);
    if (*result != 0) {
        listener_close(made);
        return ERR_CANNOT_LISTEN;
    }
    *listener = made;
    return OK;
}

must_check enum error listener_open(uv_loop_t *loop, const struct tls_identity *identity,
                                    const char *host, uint16_t port,
                                    const struct listener_events *events,
                                    struct listener **listener, char *cause, size_t cause_size) {
    int result = 0;
    *listener = NULL;
    enum error error = try_open(loop, identity, host, port, events, listener, &result);
    if (error == ERR_CANNOT_LISTEN && strcmp(host, "::") == 0 && is_without_v6(result)) {
        error = try_open(loop, identity, "0.0.0.0", port, events, listener, &result);
    }
    const char *words = error == OK                  ? ""
                        : error == ERR_MEMORY        ? "out of memory"
                        : error == ERR_CANNOT_LISTEN ? net_cause(result)
                                                     : "TLS cannot be set up";
    (void)snprintf(cause, cause_size, "%s", words);
    return error == OK ? OK : ERR_CANNOT_LISTEN;
}

uint16_t listener_port(const struct listener *listener) {
    return listener->port;
}

/* A TLS object holds the key that its settings had when it was made. */
must_check enum error listener_show_key(struct listener *listener,
                                        const struct tls_identity *identity) {
    int done = SSL_CTX_use_cert_and_key(listener->hub.tls.settings, identity->certificate,
                                        identity->key, NULL, 1);
    ERR_clear_error();
    return done == 1 ? OK : ERR_CRYPTO;
}

void listener_close(struct listener *listener) {
    if (listener->is_closing) {
        return;
    }
    listener->is_closing = true;
    struct link *head = &listener->hub.streams;
    for (struct link *link = head->next; link != head; link = link->next) {
        stream_close(link->stream, false);
    }
    uv_close((uv_handle_t *)&listener->tcp, on_listener_closed);
}
