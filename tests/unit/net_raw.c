/* SPDX-License-Identifier: ISC */
#include "net_raw.h"

#include "wire/frame.h"

#include <openssl/err.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void turn(struct world *world) {
    (void)uv_run(&world->loop, UV_RUN_NOWAIT);
}

static uint64_t deadline(void) {
    return uv_hrtime() + (uint64_t)PATIENCE_MS * 1000000;
}

static int new_socket(void) {
    int handle = socket(AF_INET, SOCK_STREAM, 0);
    if (handle < 0) {
        fail_msg("no socket");
        abort();
    }
    return handle;
}

static int not_blocking(int handle) {
    assert_int_equal(fcntl(handle, F_SETFL, O_NONBLOCK), 0);
    return handle;
}

int raw_connect(const struct world *world) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(listener_port(world->listener));
    int handle = new_socket();
    assert_int_equal(connect(handle, (const struct sockaddr *)&address, sizeof(address)), 0);
    return not_blocking(handle);
}

int raw_listen(uint16_t *port) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof(address);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int handle = new_socket();
    assert_int_equal(bind(handle, (const struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(handle, 8), 0);
    assert_int_equal(getsockname(handle, (struct sockaddr *)&address, &size), 0);
    *port = ntohs(address.sin_port);
    return not_blocking(handle);
}

int raw_accept(struct world *world, int listening) {
    for (uint64_t end = deadline(); uv_hrtime() < end;) {
        int handle = accept(listening, NULL, NULL);
        if (handle >= 0) {
            return not_blocking(handle);
        }
        turn(world);
    }
    fail_msg("nobody connects");
    return -1;
}

void raw_send(struct world *world, int handle, struct bytes bytes) {
    for (size_t at = 0; at < bytes.size;) {
        ssize_t size = send(handle, bytes.data + at, bytes.size - at, MSG_NOSIGNAL);
        assert_true(size > 0 || errno == EAGAIN);
        at += size > 0 ? (size_t)size : 0;
        turn(world);
    }
}

bool raw_sees_end(struct world *world, int handle) {
    uint8_t dropped[4096];
    for (uint64_t end = deadline(); uv_hrtime() < end;) {
        ssize_t size = recv(handle, dropped, sizeof(dropped), 0);
        if (size == 0 || (size < 0 && errno != EAGAIN)) {
            return true;
        }
        turn(world);
    }
    return false;
}

void raw_reset(int handle) {
    const struct linger none = {.l_onoff = 1, .l_linger = 0};
    assert_int_equal(setsockopt(handle, SOL_SOCKET, SO_LINGER, &none, sizeof(none)), 0);
    assert_int_equal(close(handle), 0);
}

static SSL_CTX *new_settings(const struct raw_settings *wanted) {
    SSL_CTX *settings = SSL_CTX_new(TLS_client_method());
    const char *alpn = wanted->alpn == NULL ? WIRE_ALPN : wanted->alpn;
    int version = wanted->version == 0 ? TLS1_3_VERSION : wanted->version;
    uint8_t list[64];
    size_t size = strlen(alpn);
    assert_non_null(settings);
    assert_true(size < sizeof(list));
    list[0] = (uint8_t)size;
    memcpy(list + 1, alpn, size);
    assert_int_equal(SSL_CTX_set_min_proto_version(settings, version), 1);
    assert_int_equal(SSL_CTX_set_max_proto_version(settings, version), 1);
    assert_int_equal(SSL_CTX_set1_groups_list(settings, wanted->group == NULL ? "X25519MLKEM768"
                                                                              : wanted->group),
                     1);
    if (size > 0) {
        assert_int_equal(SSL_CTX_set_alpn_protos(settings, list, (unsigned)size + 1), 0);
    }
    return settings;
}

SSL *raw_handshake(struct world *world, const struct raw_settings *wanted, int *handle,
                   int *alert) {
    SSL_CTX *settings = new_settings(wanted);
    SSL *ssl = SSL_new(settings);
    SSL_CTX_free(settings);
    *handle = raw_connect(world);
    assert_int_equal(SSL_set_fd(ssl, *handle), 1);
    for (uint64_t end = deadline(); uv_hrtime() < end;) {
        ERR_clear_error();
        int result = SSL_connect(ssl);
        if (result == 1) {
            return ssl;
        }
        if (SSL_get_error(ssl, result) != SSL_ERROR_WANT_READ) {
            int reason = ERR_GET_REASON(ERR_peek_error());
            *alert = reason >= SSL_AD_REASON_OFFSET ? reason - SSL_AD_REASON_OFFSET : 0;
            ERR_clear_error();
            SSL_free(ssl);
            return NULL;
        }
        turn(world);
    }
    fail_msg("the handshake does not end");
    return NULL;
}

size_t raw_client_hello(uint8_t *out, size_t room) {
    const struct raw_settings ours = {0};
    SSL_CTX *settings = new_settings(&ours);
    SSL *ssl = SSL_new(settings);
    BIO *in = BIO_new(BIO_s_mem());
    BIO *sent = BIO_new(BIO_s_mem());
    assert_true(ssl != NULL && in != NULL && sent != NULL);
    SSL_CTX_free(settings);
    SSL_set_bio(ssl, in, sent);
    assert_int_equal(SSL_connect(ssl), -1);
    int size = BIO_read(sent, out, (int)room);
    assert_true(size > 0 && (size_t)size < room);
    SSL_free(ssl);
    ERR_clear_error();
    return (size_t)size;
}
