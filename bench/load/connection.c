/* SPDX-License-Identifier: ISC */
/* One TLS connection of the generator. */
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { OUT_MAX_BYTES = 64 * 1024 * 1024, IN_MAX_BYTES = 1024 * 1024, RECORD_BYTES = 16384 };

SSL_CTX *load_tls(const struct protocol *protocol) {
    SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
    if (tls == NULL || SSL_CTX_set_min_proto_version(tls, TLS1_3_VERSION) != 1 ||
        SSL_CTX_set1_groups_list(tls, "X25519MLKEM768:X25519") != 1) {
        load_fail("TLS cannot be set up");
    }
    SSL_CTX_set_mode(tls, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_verify(tls, SSL_VERIFY_NONE, NULL); /* it measures; it trusts nobody with a word */
    if (protocol->alpn != NULL) {
        uint8_t list[64];
        size_t size = strlen(protocol->alpn);
        list[0] = (uint8_t)size;
        memcpy(list + 1, protocol->alpn, size);
        if (SSL_CTX_set_alpn_protos(tls, list, (unsigned)size + 1) != 0) {
            load_fail("TLS cannot be set up");
        }
    }
    return tls;
}

/* Servers bound what comes from one address before it logs in: so they come from many. */
static void bind_source(const struct link *link) {
    struct sockaddr_in source = {.sin_family = AF_INET};
    uint32_t host = (127u << 24) | (uint32_t)(1 + link->index / 32 % 60000) << 8 | 1u;
    int on = 1;
    source.sin_addr.s_addr = htonl(host);
    (void)setsockopt(link->handle, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
    if (bind(link->handle, (const struct sockaddr *)&source, sizeof(source)) != 0) {
        load_fail("no source address: %s", strerror(errno));
    }
}

static void watch(struct link *link, int operation, uint32_t events) {
    struct epoll_event event = {.events = events, .data = {.ptr = link}};
    if (epoll_ctl(link->load->epoll, operation, link->handle, &event) != 0) {
        load_fail("epoll: %s", strerror(errno));
    }
}

void link_connect(struct link *link) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    int on = 1;
    address.sin_port = htons((uint16_t)link->load->port);
    if (inet_pton(AF_INET, link->load->host, &address.sin_addr) != 1) {
        load_fail("not an IPv4 address: %s", link->load->host);
    }
    link->handle = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (link->handle < 0) {
        load_fail("no socket: %s", strerror(errno));
    }
    bind_source(link);
    (void)setsockopt(link->handle, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (connect(link->handle, (const struct sockaddr *)&address, sizeof(address)) != 0 &&
        errno != EINPROGRESS) {
        load_fail("cannot connect: %s", strerror(errno));
    }
    link->ssl = SSL_new(link->load->tls);
    if (link->ssl == NULL || SSL_set_fd(link->ssl, link->handle) != 1) {
        load_fail("no TLS object");
    }
    SSL_set_connect_state(link->ssl);
    buffer_init(&link->in, IN_MAX_BYTES);
    buffer_init(&link->out, OUT_MAX_BYTES);
    link->state = LINK_CONNECTING;
    link->request = 0;
    watch(link, EPOLL_CTL_ADD, EPOLLOUT);
}

void link_close(struct link *link) {
    if (link->state != LINK_NONE) {
        link->load->ready -= link->state == LINK_READY;
        (void)SSL_shutdown(link->ssl);
        SSL_free(link->ssl);
        ERR_clear_error();
        close(link->handle);
        buffer_clear(&link->in);
        buffer_clear(&link->out);
        link->ssl = NULL;
        link->state = LINK_NONE;
        link->is_waiting = false;
        link->is_reading = false;
    }
}

void link_write(struct link *link, struct bytes bytes) {
    if (buffer_append(&link->out, bytes) != OK) {
        load_fail("too much waits to be sent");
    }
    load_queue(link);
}

static void wait_for_room(struct link *link, bool wait) {
    if (link->is_waiting != wait) {
        link->is_waiting = wait;
        watch(link, EPOLL_CTL_MOD, wait ? EPOLLIN | EPOLLOUT : EPOLLIN);
    }
}

void link_flush(struct link *link) {
    size_t at = 0;
    bool is_full = false;
    while (at < link->out.size && !is_full) {
        size_t part = link->out.size - at < RECORD_BYTES ? link->out.size - at : RECORD_BYTES;
        size_t written = 0;
        ERR_clear_error();
        int result = SSL_write_ex(link->ssl, link->out.data + at, part, &written);
        at += written;
        if (result != 1) {
            if (SSL_get_error(link->ssl, result) != SSL_ERROR_WANT_WRITE) {
                load_fail("connection %zu: cannot write", link->index);
            }
            is_full = true;
        }
    }
    buffer_consume(&link->out, at);
    wait_for_room(link, is_full);
}

static void take(struct link *link, struct bytes bytes) {
    struct load *load = link->load;
    if (link->in.size == 0) {
        size_t used = load->protocol->receive(link, bytes);
        bytes = bytes_make(bytes.data + used, bytes.size - used);
        if (bytes.size == 0) {
            return;
        }
    }
    if (buffer_append(&link->in, bytes) != OK) {
        load_fail("connection %zu: a message without end", link->index);
    }
    buffer_consume(&link->in, load->protocol->receive(link, buffer_view(&link->in)));
}

static void read_all(struct link *link) {
    struct load *load = link->load;
    while (link->state != LINK_NONE) {
        size_t size = 0;
        ERR_clear_error();
        int result = SSL_read_ex(link->ssl, load->plain, sizeof(load->plain), &size);
        if (result == 1) {
            take(link, bytes_make(load->plain, size));
            continue;
        }
        if (SSL_get_error(link->ssl, result) != SSL_ERROR_WANT_READ) {
            load_fail("connection %zu: closed by the server", link->index);
        }
        return;
    }
}

static void shake_hands(struct link *link) {
    ERR_clear_error();
    int result = SSL_do_handshake(link->ssl);
    if (result == 1) {
        link->state = LINK_LOGIN;
        link->load->protocol->begin(link);
        return;
    }
    int reason = SSL_get_error(link->ssl, result);
    if (reason != SSL_ERROR_WANT_READ && reason != SSL_ERROR_WANT_WRITE) {
        load_fail("connection %zu: TLS: %s", link->index,
                  ERR_reason_error_string(ERR_peek_error()));
    }
}

void link_event(struct link *link, uint32_t events) {
    if (link->state == LINK_CONNECTING) {
        int error = 0;
        socklen_t size = sizeof(error);
        (void)getsockopt(link->handle, SOL_SOCKET, SO_ERROR, &error, &size);
        if (error != 0) {
            load_fail("cannot connect: %s", strerror(error));
        }
        link->state = LINK_HANDSHAKE;
        watch(link, EPOLL_CTL_MOD, EPOLLIN);
    }
    if (link->state == LINK_HANDSHAKE) {
        shake_hands(link);
    }
    if (link->state == LINK_LOGIN || link->state == LINK_READY) {
        read_all(link);
    }
    if ((events & EPOLLOUT) != 0 && link->state != LINK_NONE && link->out.size > 0) {
        load_queue(link);
    }
}
