/* SPDX-License-Identifier: ISC */
/* The floor: what a relay costs that does nothing but TLS. One thread, epoll, the project's
 * OpenSSL; no accounts, no queue, nothing kept, nothing checked. One read and one write for each
 * connection and round. Frames as in load/relay.c: u32 length of what follows, u8 kind (0 hello,
 * 1 message, 2 acknowledgement), u32 the other end, body.
 *
 *   floor PORT CERTIFICATE KEY */
#include "base/bytes.h"
#include "base/require.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    EVENTS = 256,
    PEERS_MAX = 100000,
    READ_BYTES = 64 * 1024,
    RECORD_BYTES = 16384,
    IN_MAX_BYTES = 1024 * 1024,
    OUT_MAX_BYTES = 64 * 1024 * 1024,
    HEADER_BYTES = 9,
    HELLO = 0,
};

struct peer {
    int handle;
    SSL *ssl;
    uint32_t number;
    bool is_queued;
    bool is_waiting;
    struct buffer in;
    struct buffer out;
    struct peer *next_queued;
};

struct relay {
    SSL_CTX *tls;
    int epoll;
    int listening;
    struct peer *peers[PEERS_MAX];
    struct peer *queued;
    uint8_t plain[READ_BYTES];
};

static void watch(const struct relay *relay, struct peer *peer, int operation, uint32_t events) {
    struct epoll_event event = {.events = events, .data = {.ptr = peer}};
    require(epoll_ctl(relay->epoll, operation, peer->handle, &event) == 0);
}

static void queue(struct relay *relay, struct peer *peer) {
    if (!peer->is_queued) {
        peer->is_queued = true;
        peer->next_queued = relay->queued;
        relay->queued = peer;
    }
}

static void drop(struct relay *relay, struct peer *peer) {
    struct peer **at = &relay->queued;
    while (*at != NULL && *at != peer) {
        at = &(*at)->next_queued;
    }
    if (*at == peer) {
        *at = peer->next_queued;
    }
    if (relay->peers[peer->number] == peer) {
        relay->peers[peer->number] = NULL;
    }
    SSL_free(peer->ssl);
    ERR_clear_error();
    close(peer->handle);
    buffer_clear(&peer->in);
    buffer_clear(&peer->out);
    free(peer);
}

/* One frame: to whom it is for, with who it is from in its place. */
static bool take(struct relay *relay, struct peer *peer, const uint8_t *frame, size_t size) {
    uint32_t number = get_u32(frame + 5);
    uint8_t header[HEADER_BYTES];
    if (size < HEADER_BYTES || number >= PEERS_MAX) {
        return false;
    }
    struct peer *to = peer;
    memcpy(header, frame, sizeof(header));
    if (frame[4] == HELLO) {
        peer->number = number;
        relay->peers[number] = peer;
    } else {
        to = relay->peers[number];
        put_u32(header + 5, peer->number);
    }
    if (to == NULL) {
        return true;
    }
    queue(relay, to);
    return buffer_append(&to->out, bytes_of(header)) == OK &&
           buffer_append(&to->out, bytes_make(frame + HEADER_BYTES, size - HEADER_BYTES)) == OK;
}

/* How much of `in` was taken; more than it has: not a frame. */
static size_t take_frames(struct relay *relay, struct peer *peer, struct bytes in) {
    size_t at = 0;
    while (in.size - at >= HEADER_BYTES) {
        size_t size = 4 + (size_t)get_u32(in.data + at);
        if (size > IN_MAX_BYTES) {
            return SIZE_MAX;
        }
        if (in.size - at < size) {
            break;
        }
        if (!take(relay, peer, in.data + at, size)) {
            return SIZE_MAX;
        }
        at += size;
    }
    return at;
}

static bool take_bytes(struct relay *relay, struct peer *peer, struct bytes bytes) {
    if (peer->in.size == 0) {
        size_t used = take_frames(relay, peer, bytes);
        return used <= bytes.size &&
               buffer_append(&peer->in, bytes_make(bytes.data + used, bytes.size - used)) == OK;
    }
    if (buffer_append(&peer->in, bytes) != OK) {
        return false;
    }
    size_t used = take_frames(relay, peer, buffer_view(&peer->in));
    if (used > peer->in.size) {
        return false;
    }
    buffer_consume(&peer->in, used);
    if (peer->in.size == 0) {
        buffer_clear(&peer->in);
    }
    return true;
}

static bool read_all(struct relay *relay, struct peer *peer) {
    for (;;) {
        size_t size = 0;
        ERR_clear_error();
        int result = SSL_read_ex(peer->ssl, relay->plain, sizeof(relay->plain), &size);
        if (result != 1) {
            return SSL_get_error(peer->ssl, result) == SSL_ERROR_WANT_READ;
        }
        if (!take_bytes(relay, peer, bytes_make(relay->plain, size))) {
            return false;
        }
    }
}

static bool flush(struct relay *relay, struct peer *peer) {
    size_t at = 0;
    bool is_full = false;
    while (at < peer->out.size && !is_full) {
        size_t left = peer->out.size - at;
        size_t written = 0;
        ERR_clear_error();
        int result = SSL_write_ex(peer->ssl, peer->out.data + at,
                                  left < RECORD_BYTES ? left : RECORD_BYTES, &written);
        at += written;
        if (result != 1) {
            if (SSL_get_error(peer->ssl, result) != SSL_ERROR_WANT_WRITE) {
                return false;
            }
            is_full = true;
        }
    }
    buffer_consume(&peer->out, at);
    if (peer->out.size == 0 && peer->out.capacity > 1024) {
        buffer_clear(&peer->out);
    }
    if (is_full != peer->is_waiting) {
        peer->is_waiting = is_full;
        watch(relay, peer, EPOLL_CTL_MOD, is_full ? EPOLLIN | EPOLLOUT : EPOLLIN);
    }
    return true;
}

static void on_event(struct relay *relay, struct peer *peer, uint32_t events) {
    if (!read_all(relay, peer)) {
        drop(relay, peer);
    } else if ((events & EPOLLOUT) != 0) {
        queue(relay, peer);
    }
}

static void on_connection(struct relay *relay) {
    int on = 1;
    int handle = accept4(relay->listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (handle < 0) {
        return;
    }
    struct peer *peer = calloc(1, sizeof(*peer));
    require(peer != NULL);
    (void)setsockopt(handle, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    peer->handle = handle;
    peer->ssl = SSL_new(relay->tls);
    require(peer->ssl != NULL && SSL_set_fd(peer->ssl, handle) == 1);
    SSL_set_accept_state(peer->ssl);
    buffer_init(&peer->in, IN_MAX_BYTES);
    buffer_init(&peer->out, OUT_MAX_BYTES);
    watch(relay, peer, EPOLL_CTL_ADD, EPOLLIN);
}

static void run(struct relay *relay) {
    struct epoll_event events[EVENTS];
    for (;;) {
        int count = epoll_wait(relay->epoll, events, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            if (events[i].data.ptr == NULL) {
                on_connection(relay);
            } else {
                on_event(relay, events[i].data.ptr, events[i].events);
            }
        }
        while (relay->queued != NULL) {
            struct peer *peer = relay->queued;
            relay->queued = peer->next_queued;
            peer->is_queued = false;
            if (!flush(relay, peer)) {
                drop(relay, peer);
            }
        }
    }
}

static void open_listener(struct relay *relay, uint16_t port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct epoll_event event = {.events = EPOLLIN};
    int on = 1;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    relay->epoll = epoll_create1(EPOLL_CLOEXEC);
    relay->listening = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    require(relay->epoll >= 0 && relay->listening >= 0);
    (void)setsockopt(relay->listening, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(relay->listening, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(relay->listening, 1024) != 0) {
        perror("floor");
        exit(1);
    }
    require(epoll_ctl(relay->epoll, EPOLL_CTL_ADD, relay->listening, &event) == 0);
}

int main(int argc, char **argv) {
    static struct relay relay;
    struct rlimit files = {0};
    if (argc != 4) {
        fputs("Usage: floor PORT CERTIFICATE KEY\n", stderr);
        return 2;
    }
    (void)getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &files);
    relay.tls = SSL_CTX_new(TLS_server_method());
    require(relay.tls != NULL);
    SSL_CTX_set_session_cache_mode(relay.tls, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(relay.tls, SSL_OP_NO_TICKET);
    SSL_CTX_set_mode(relay.tls, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    if (SSL_CTX_set_min_proto_version(relay.tls, TLS1_3_VERSION) != 1 ||
        SSL_CTX_set1_groups_list(relay.tls, "X25519MLKEM768") != 1 ||
        SSL_CTX_use_certificate_file(relay.tls, argv[2], SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_use_PrivateKey_file(relay.tls, argv[3], SSL_FILETYPE_PEM) != 1) {
        fputs("floor: certificate or key cannot be used\n", stderr);
        return 1;
    }
    open_listener(&relay, (uint16_t)strtoul(argv[1], NULL, 10));
    run(&relay);
    return 0;
}
