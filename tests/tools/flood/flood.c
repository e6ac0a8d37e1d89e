/* SPDX-License-Identifier: ISC */
/* Malformed frames for a live server, each over a TLS connection of its own.
 *
 *   flood PORT COUNT SEED
 *
 * The connections come one after the other from many addresses of 127.1.0.0/16. Prints how many of
 * them the server ended with an ERROR, how many without a word, and how many it did not take. A
 * connection that the server has not ended after PATIENCE_S seconds fails the run. */
#include "base/limits.h"
#include "wire/message.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { PATIENCE_S = 15, FRAME_ROOM = FRAME_LOGIN_MAX_BYTES + 1024, SOURCES = 200, KINDS = 6 };

enum outcome { TOLD, SILENT, NOT_TAKEN, HELD };

static uint64_t chance;

/* splitmix64: the same frames for the same seed. */
static uint64_t draw(uint64_t below) {
    chance += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = chance;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (z ^ (z >> 31)) % below;
}

static void noise(uint8_t *out, size_t size) {
    for (size_t i = 0; i < size; i++) {
        out[i] = (uint8_t)draw(256);
    }
}

/* u32 length, u8 type, u32 request, body; what is wrong with it is by `kind`. */
static size_t make_frame(unsigned kind, uint8_t *out) {
    static const uint8_t types[] = {WIRE_LOGIN, WIRE_REGISTER, WIRE_PING, WIRE_SEND, WIRE_FETCH};
    size_t body = (size_t)draw(FRAME_LOGIN_MAX_BYTES - FRAME_HEADER_BYTES);
    noise(out, FRAME_ROOM);
    put_u32(out, (uint32_t)(FRAME_HEADER_BYTES - 4 + body));
    out[4] = types[draw(sizeof(types))];
    switch (kind) {
    case 0: /* a length beyond every bound */
        put_u32(out, UINT32_MAX - (uint32_t)draw(1000));
        break;
    case 1: /* a length below that of a header */
        put_u32(out, (uint32_t)draw(FRAME_HEADER_BYTES - 4));
        break;
    case 2: /* a type that nobody knows */
        out[4] = (uint8_t)(0x40 + draw(0x40));
        break;
    case 3: /* an answer, from a client */
        out[4] = WIRE_WELCOME;
        break;
    case 4: /* a body of noise */
        break;
    default: /* noise without a frame */
        noise(out, FRAME_ROOM);
        out[0] |= 0x80;
        break;
    }
    return FRAME_ROOM;
}

static int connect_from(uint16_t port, unsigned source) {
    const struct timeval patience = {.tv_sec = PATIENCE_S};
    const struct sockaddr_in from = {.sin_family = AF_INET,
                                     .sin_addr.s_addr = htonl(0x7f010001U | (source << 8))};
    const struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int on = 1;
    int tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)setsockopt(tcp, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    (void)setsockopt(tcp, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (tcp >= 0 && (bind(tcp, (const struct sockaddr *)&from, sizeof(from)) != 0 ||
                     connect(tcp, (const struct sockaddr *)&to, sizeof(to)) != 0)) {
        (void)close(tcp);
        tcp = -1;
    }
    return tcp;
}

/* Writes one frame and reads to the end. */
static enum outcome provoke(SSL *tls, const uint8_t *frame, size_t size) {
    uint8_t answer[4096];
    enum outcome outcome = SILENT;
    size_t got = 0;
    if (SSL_write(tls, frame, (int)size) <= 0) {
        return SILENT;
    }
    for (;;) {
        int result = SSL_read_ex(tls, answer, sizeof(answer), &got);
        if (result != 1) {
            int reason = SSL_get_error(tls, result);
            return reason == SSL_ERROR_WANT_READ ? HELD : outcome;
        }
        if (got > 4 && answer[4] == WIRE_ERROR) {
            outcome = TOLD;
        }
    }
}

static enum outcome attack(SSL_CTX *settings, uint16_t port, unsigned number) {
    uint8_t frame[FRAME_ROOM];
    size_t size = make_frame(number % KINDS, frame);
    int tcp = connect_from(port, number % SOURCES);
    SSL *tls = tcp < 0 ? NULL : SSL_new(settings);
    enum outcome outcome = NOT_TAKEN;
    if (tls != NULL && SSL_set_fd(tls, tcp) == 1 && SSL_connect(tls) == 1) {
        outcome = provoke(tls, frame, size);
    }
    SSL_free(tls);
    ERR_clear_error();
    if (tcp >= 0) {
        (void)close(tcp);
    }
    return outcome;
}

static SSL_CTX *prepare(void) {
    uint8_t alpn[32] = {(uint8_t)strlen(WIRE_ALPN)};
    SSL_CTX *settings = SSL_CTX_new(TLS_client_method());
    memcpy(alpn + 1, WIRE_ALPN, strlen(WIRE_ALPN));
    if (settings == NULL || SSL_CTX_set_min_proto_version(settings, TLS1_3_VERSION) != 1 ||
        SSL_CTX_set1_groups_list(settings, "X25519MLKEM768") != 1 ||
        SSL_CTX_set_alpn_protos(settings, alpn, 1U + alpn[0]) != 0) {
        fputs("flood: TLS cannot be set up\n", stderr);
        exit(1);
    }
    return settings;
}

int main(int argc, char **argv) {
    if (argc != 4) {
        fputs("usage: flood PORT COUNT SEED\n", stderr);
        return 2;
    }
    uint16_t port = (uint16_t)strtoul(argv[1], NULL, 10);
    unsigned count = (unsigned)strtoul(argv[2], NULL, 10);
    unsigned outcomes[HELD + 1] = {0};
    SSL_CTX *settings = prepare();
    chance = strtoull(argv[3], NULL, 10);
    (void)signal(SIGPIPE, SIG_IGN);
    for (unsigned i = 0; i < count; i++) {
        outcomes[attack(settings, port, i)]++;
    }
    SSL_CTX_free(settings);
    printf("%u told, %u ended silently, %u not taken, %u held\n", outcomes[TOLD], outcomes[SILENT],
           outcomes[NOT_TAKEN], outcomes[HELD]);
    return outcomes[HELD] == 0 ? 0 : 1;
}
