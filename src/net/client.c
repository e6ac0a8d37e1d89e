/* SPDX-License-Identifier: ISC */
#include "net/client.h"

#include "base/limits.h"
#include "base/require.h"
#include "net/cause.h"
#include "net/stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ADDRESSES_MAX = 16,
    ATTEMPT_MS = 3000, /* for TCP to one address, while there are others */
    CLOSE_FLUSH_MS = 1000,
    SERVICE_BYTES = 8,
};

/* A name being looked up. It can't be called off, so it outlives a client that does not wait for
 * it. */
struct lookup {
    uv_getaddrinfo_t request;
    struct net_client *client; /* NULL once the client has given up */
};

struct net_client {
    struct stream
        stream; /* of the address that is tried, one at a time; first: a stream is its client */
    struct hub hub;
    uv_connect_t connect;
    uv_timer_t timer; /* of the attempt, and of all of it */
    struct lookup *lookup;
    struct net_client_events events;
    struct server_pin pin;
    uint64_t deadline_ms; /* on the loop's clock */
    struct sockaddr_storage addresses[ADDRESSES_MAX];
    size_t address_count;
    size_t next; /* address to try */
    bool has_stream;
    bool has_tcp;
    bool is_established;
    bool is_ending;
    enum error error;
    const char *cause;
    uint8_t spki_hash[SPKI_HASH_BYTES];
};

static void try_next(struct net_client *client);

/* --- the end --- */

static void on_hub_gone(void *context) {
    struct net_client *client = context;
    const struct net_client_events *events = &client->events;
    events->closed(events->context, client->error, client->cause, client->spki_hash);
    free(client);
}

static void on_timer_closed(uv_handle_t *handle) {
    struct net_client *client = handle->data;
    hub_close(&client->hub, on_hub_gone, client);
}

/* Ends everything; the first reason is the one that is told. */
static void end(struct net_client *client, enum error error, const char *cause) {
    if (client->is_ending) {
        return;
    }
    client->is_ending = true;
    client->error = error;
    client->cause = cause;
    if (client->lookup != NULL) {
        (void)uv_cancel(
            (uv_req_t *)&client->lookup->request); /* works while it waits for a thread */
        client->lookup->client = NULL;
        client->lookup = NULL;
    }
    if (client->has_stream) {
        stream_close(&client->stream, false);
    }
    uv_close((uv_handle_t *)&client->timer, on_timer_closed);
}

/* --- the stream's events --- */

static struct net_client *client_of(struct stream *stream) {
    return (struct net_client *)(void *)stream;
}

static void on_established(struct stream *stream, const uint8_t exporter[EXPORTER_BYTES]) {
    struct net_client *client = client_of(stream);
    client->is_established = true;
    (void)uv_timer_stop(&client->timer);
    memcpy(client->spki_hash, stream->tls.spki_hash, sizeof(client->spki_hash));
    client->events.connected(client->events.context, exporter, client->spki_hash);
}

static void on_received(struct stream *stream, struct bytes bytes) {
    struct net_client *client = client_of(stream);
    client->events.received(client->events.context, bytes);
}

static void on_drained(struct stream *stream) {
    (void)stream;
}

/* What the end of a stream over which TCP came up means. */
static void end_with_stream(struct net_client *client) {
    const struct stream *stream = &client->stream;
    enum error error = ERR_CONNECTION_LOST;
    const char *cause = "closed by the server";
    switch (stream->end) {
    case STREAM_END_OWN:
        error = OK;
        cause = "";
        break;
    case STREAM_END_PEER:
        break;
    case STREAM_END_NETWORK:
        cause = net_cause(stream->network_error);
        break;
    case STREAM_END_MEMORY:
        cause = "out of memory";
        break;
    case STREAM_END_TLS:
        cause = "not the TLS of a sotto server";
        if (stream->tls.failure == TLS_FAILURE_KEY) {
            error = ERR_SERVER_KEY_CHANGED;
            cause = "another key";
        } else if (stream->tls.failure == TLS_FAILURE_VERSION) {
            error = ERR_NO_COMMON_VERSION;
            cause = "no protocol in common";
        }
        break;
    }
    memcpy(client->spki_hash, stream->tls.spki_hash, sizeof(client->spki_hash));
    end(client, error, cause);
}

static void on_closed(struct stream *stream) {
    struct net_client *client = client_of(stream);
    client->has_stream = false;
    if (client->is_ending) {
        return;
    }
    if (client->has_tcp) {
        end_with_stream(client);
    } else {
        try_next(client);
    }
}

static const struct stream_events STREAM_EVENTS = {
    .established = on_established,
    .received = on_received,
    .drained = on_drained,
    .closed = on_closed,
};

/* --- connecting --- */

static uint64_t time_left(const struct net_client *client) {
    uint64_t now = uv_now(client->hub.loop);
    return now < client->deadline_ms ? client->deadline_ms - now : 0;
}

static void on_timeout(uv_timer_t *timer) {
    struct net_client *client = timer->data;
    if (client->has_tcp && client->stream.state != STREAM_OPEN) {
        return; /* it has failed for another reason and says goodbye, in its own time */
    }
    client->cause = net_cause(UV_ETIMEDOUT);
    if (time_left(client) == 0) {
        end(client, client->has_tcp ? ERR_CONNECTION_LOST : ERR_SERVER_UNREACHABLE, client->cause);
    } else if (client->has_stream) {
        stream_close(&client->stream, false); /* and on to the next address */
    }
}

static void start_timer(struct net_client *client, uint64_t limit_ms) {
    uint64_t left = time_left(client);
    /* Fails only without a callback or on a closing handle. */
    (void)uv_timer_start(&client->timer, on_timeout, left < limit_ms ? left : limit_ms, 0);
}

static void on_connected(uv_connect_t *request, int status) {
    struct net_client *client = request->data;
    if (client->is_ending || status == UV_ECANCELED) {
        return;
    }
    if (status < 0) {
        client->cause = net_cause(status);
        stream_close(&client->stream, false);
        return;
    }
    client->has_tcp = true;
    start_timer(client, UINT64_MAX);
    if (stream_start(&client->stream, &client->pin) != OK) {
        end(client, ERR_CONNECTION_LOST, "out of memory");
    }
}

/* Tries the next address, or gives up with the cause that the last one gave. */
static void try_next(struct net_client *client) {
    if (client->next == client->address_count) {
        end(client, ERR_SERVER_UNREACHABLE, client->cause);
        return;
    }
    const struct sockaddr_storage *address = &client->addresses[client->next++];
    if (stream_init(&client->stream, &client->hub, &STREAM_EVENTS) != OK) {
        end(client, ERR_SERVER_UNREACHABLE, net_cause(UV_ENOMEM));
        return;
    }
    client->has_stream = true;
    client->connect.data = client;
    start_timer(client, client->next < client->address_count ? ATTEMPT_MS : UINT64_MAX);
    int result = uv_tcp_connect(&client->connect, &client->stream.tcp,
                                (const struct sockaddr *)address, on_connected);
    if (result != 0) {
        client->cause = net_cause(result);
        stream_close(&client->stream, false);
    }
}

/* --- resolving --- */

static void take_addresses(struct net_client *client, const struct addrinfo *list) {
    for (const struct addrinfo *one = list; one != NULL; one = one->ai_next) {
        if (client->address_count < ADDRESSES_MAX &&
            one->ai_addrlen <= sizeof(client->addresses[0]) &&
            (one->ai_family == AF_INET || one->ai_family == AF_INET6)) {
            memcpy(&client->addresses[client->address_count++], one->ai_addr, one->ai_addrlen);
        }
    }
}

static void on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *list) {
    struct lookup *lookup = request->data;
    struct net_client *client = lookup->client;
    if (client != NULL) {
        client->lookup = NULL;
        if (status == 0) {
            take_addresses(client, list);
        } else {
            client->cause = net_cause(status);
        }
        try_next(client);
    }
    uv_freeaddrinfo(list);
    free(lookup);
}

static bool take_literal(struct net_client *client, const char *host, uint16_t port) {
    struct sockaddr_storage *address = &client->addresses[0];
    if (uv_ip4_addr(host, port, (struct sockaddr_in *)address) != 0 &&
        uv_ip6_addr(host, port, (struct sockaddr_in6 *)address) != 0) {
        return false;
    }
    client->address_count = 1;
    return true;
}

/* 0, or libuv's error. A name that can't be one (too long, not IDNA) is one that does not exist. */
static int look_up(struct net_client *client, const char *host, uint16_t port) {
    struct lookup *lookup = calloc(1, sizeof(*lookup));
    if (lookup == NULL) {
        return UV_ENOMEM;
    }
    char service[SERVICE_BYTES];
    (void)snprintf(service, sizeof(service), "%u", (unsigned)port);
    const struct addrinfo hints = {
        .ai_socktype = SOCK_STREAM,
        .ai_flags = AI_NUMERICSERV,
    };
    lookup->client = client;
    lookup->request.data = lookup;
    int result =
        uv_getaddrinfo(client->hub.loop, &lookup->request, on_resolved, host, service, &hints);
    if (result != 0) {
        free(lookup);
        return result == UV_ENOMEM ? result : UV_EAI_NONAME;
    }
    client->lookup = lookup;
    return 0;
}

/* --- the interface --- */

static void begin(struct net_client *client, const char *host, uint16_t port) {
    if (take_literal(client, host, port)) {
        try_next(client);
        return;
    }
    int result = look_up(client, host, port);
    if (result == 0) {
        start_timer(client, UINT64_MAX);
    } else {
        end(client, ERR_SERVER_UNREACHABLE, net_cause(result));
    }
}

must_check enum error net_client_connect(uv_loop_t *loop, const char *host, uint16_t port,
                                         const struct server_pin *pin, uint64_t timeout_ms,
                                         const struct net_client_events *events,
                                         struct net_client **client) {
    require(pin->bits <= 8 * SPKI_HASH_BYTES);
    *client = NULL;
    struct tls_context tls;
    enum error error = tls_context_client(&tls);
    if (error != OK) {
        return error;
    }
    struct net_client *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        tls_context_clear(&tls);
        return ERR_MEMORY;
    }
    uv_update_time(loop);
    hub_init(&made->hub, loop, &tls, CLOSE_FLUSH_MS);
    (void)uv_timer_init(loop, &made->timer); /* has no way to fail */
    made->timer.data = made;
    made->events = *events;
    made->pin = *pin;
    made->deadline_ms = uv_now(loop) + timeout_ms;
    made->cause = net_cause(UV_EAI_NONAME); /* of a name that has no address */
    begin(made, host, port);
    *client = made;
    return OK;
}

must_check enum error net_client_write(struct net_client *client, struct bytes bytes) {
    if (client->is_ending || !client->has_stream || !client->is_established) {
        return ERR_CLOSED;
    }
    return stream_write(&client->stream, bytes);
}

size_t net_client_pending(const struct net_client *client) {
    return client->has_stream ? stream_pending(&client->stream) : 0;
}

void net_client_close(struct net_client *client) {
    if (client->has_stream && client->has_tcp) {
        stream_close(&client->stream, true);
    } else {
        end(client, OK, "");
    }
}
