/* SPDX-License-Identifier: ISC */
#include "tlspipe.h"

#include "net/identity.h"
#include "platform/files.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { HANDSHAKE_SECONDS = 20, PEM_MAX_BYTES = 8192, SPKI_HEX_BYTES = 65 };

static void set_up(int tcp) {
    const int on = 1;
    const struct timeval patience = {.tv_sec = HANDSHAKE_SECONDS};
    (void)setsockopt(tcp, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    (void)setsockopt(tcp, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
}

/* --- connect --- */

static struct addrinfo *resolve(const char *host, const char *port) {
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    if (getaddrinfo(host, port, &hints, &list) != 0) {
        die(host, "no such host");
    }
    return list;
}

static bool bind_source(int tcp, const char *source) {
    if (source == NULL) {
        return true;
    }
    struct addrinfo *from = resolve(source, NULL);
    bool done = bind(tcp, from->ai_addr, from->ai_addrlen) == 0;
    freeaddrinfo(from);
    return done;
}

static int connect_any(const struct options *options) {
    struct addrinfo *list = resolve(options->host, options->port);
    int tcp = -1;
    for (const struct addrinfo *one = list; one != NULL && tcp < 0; one = one->ai_next) {
        tcp = socket(one->ai_family, one->ai_socktype, one->ai_protocol);
        if (tcp >= 0 && (!bind_source(tcp, options->source) ||
                         connect(tcp, one->ai_addr, one->ai_addrlen) != 0)) {
            (void)close(tcp);
            tcp = -1;
        }
    }
    freeaddrinfo(list);
    return tcp;
}

static bool fits_pin(SSL *ssl, const char *pin) {
    char shown[SPKI_HEX_BYTES] = "";
    X509 *certificate = SSL_get0_peer_certificate(ssl);
    if (certificate != NULL) {
        spki_hex(certificate, shown);
    }
    return pin == NULL || strcmp(shown, pin) == 0;
}

static int run_connect(const struct options *options, SSL_CTX *settings) {
    int tcp = connect_any(options);
    if (tcp < 0) {
        (void)puts("{\"error\": \"connect\"}");
        return 1;
    }
    set_up(tcp);
    SSL *ssl = tls_begin(settings, options, tcp, STDOUT_FILENO);
    if (ssl == NULL) {
        (void)close(tcp);
        return 1;
    }
    if (!fits_pin(ssl, options->pin)) {
        (void)puts("{\"error\": \"pin\"}");
        SSL_free(ssl);
        (void)close(tcp);
        return 1;
    }
    tls_report(ssl, STDOUT_FILENO);
    relay(ssl, tcp, STDIN_FILENO, STDOUT_FILENO, options->resets);
    return 0;
}

/* --- accept --- */

static void make_key_file(const char *path) {
    unsigned mode = 0;
    if (file_check_private(path, &mode) == OK) {
        return;
    }
    struct buffer pem;
    buffer_init(&pem, PEM_MAX_BYTES);
    if (tls_identity_generate(&pem) != OK || file_write_private(path, buffer_view(&pem)) != OK) {
        die(path, "the key can't be made");
    }
    buffer_clear(&pem);
}

static int listen_on(const char *port) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    const int on = 1;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons((uint16_t)strtoul(port, NULL, 10));
    int tcp = socket(AF_INET, SOCK_STREAM, 0);
    if (tcp < 0 || setsockopt(tcp, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        bind(tcp, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(tcp, SOMAXCONN) != 0) {
        die(port, "cannot listen");
    }
    return tcp;
}

static void report_listening(int listening, SSL_CTX *settings) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof(address);
    char spki[SPKI_HEX_BYTES];
    if (getsockname(listening, (struct sockaddr *)&address, &size) != 0) {
        die("listen", "without an address");
    }
    spki_hex(SSL_CTX_get0_certificate(settings), spki);
    (void)printf("{\"port\": %u, \"spki\": \"%s\"}\n", ntohs(address.sin_port), spki);
    (void)fflush(stdout);
}

static int connect_unix(const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(address.sun_path)) {
        die(path, "longer than a socket's path may be");
    }
    memcpy(address.sun_path, path, strlen(path));
    int plain = socket(AF_UNIX, SOCK_STREAM, 0);
    if (plain < 0 || connect(plain, (const struct sockaddr *)&address, sizeof(address)) != 0) {
        die(path, "nobody listens");
    }
    return plain;
}

/* In a process of its own, so that connections do not wait for each other. */
static void serve(const struct options *options, SSL_CTX *settings, int tcp) {
    set_up(tcp);
    SSL *ssl = tls_begin(settings, options, tcp, STDOUT_FILENO);
    if (ssl != NULL) {
        int plain = connect_unix(options->socket);
        tls_report(ssl, plain);
        relay(ssl, tcp, plain, plain, options->resets);
    }
}

static int run_accept(const struct options *options, SSL_CTX *settings) {
    int listening = listen_on(options->port);
    report_listening(listening, settings);
    (void)signal(SIGCHLD, SIG_IGN);
    for (;;) {
        struct pollfd fds[2] = {
            {.fd = listening, .events = POLLIN},
            {.fd = STDIN_FILENO, .events = POLLIN},
        };
        if (poll(fds, 2, -1) < 0) {
            continue;
        }
        char ignored[64];
        if (fds[1].revents != 0 && read(STDIN_FILENO, ignored, sizeof(ignored)) <= 0) {
            return 0;
        }
        int tcp = fds[0].revents != 0 ? accept(listening, NULL, NULL) : -1;
        if (tcp >= 0 && fork() == 0) {
            (void)close(listening);
            serve(options, settings, tcp);
            _exit(0);
        }
        if (tcp >= 0) {
            (void)close(tcp);
        }
    }
}

int main(int count, char **arguments) {
    const struct options options = options_read(count, arguments);
    (void)signal(SIGPIPE, SIG_IGN);
    if (options.is_server) {
        make_key_file(options.key_file);
    }
    SSL_CTX *settings = tls_settings(&options);
    int status =
        options.is_server ? run_accept(&options, settings) : run_connect(&options, settings);
    SSL_CTX_free(settings);
    return status;
}
