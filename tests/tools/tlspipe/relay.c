/* SPDX-License-Identifier: ISC */
#include "tlspipe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WAY_BYTES = 64 * 1024 };

/* One direction: bytes `from` to `to` wait to be written. */
struct way {
    unsigned char data[WAY_BYTES];
    size_t from;
    size_t to;
    bool is_ended;  /* no more will be read */
    bool is_broken; /* no more can be written */
};

static bool is_empty(const struct way *way) {
    return way->from == way->to;
}

static bool would_wait(void) {
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

static void read_tls(SSL *ssl, struct way *in) {
    size_t size = 0;
    int result = SSL_read_ex(ssl, in->data, sizeof(in->data), &size);
    if (result == 1) {
        in->from = 0;
        in->to = size;
    } else if (SSL_get_error(ssl, result) != SSL_ERROR_WANT_READ) {
        in->is_ended = true;
    }
}

static void write_tls(SSL *ssl, struct way *out) {
    size_t size = 0;
    int result = SSL_write_ex(ssl, out->data + out->from, out->to - out->from, &size);
    if (result == 1) {
        out->from += size;
    } else if (SSL_get_error(ssl, result) != SSL_ERROR_WANT_WRITE) {
        out->is_broken = true;
    }
}

static void read_plain(int input, struct way *out) {
    ssize_t size = read(input, out->data, sizeof(out->data));
    if (size > 0) {
        out->from = 0;
        out->to = (size_t)size;
    } else if (size == 0 || !would_wait()) {
        out->is_ended = true;
    }
}

static void write_plain(int output, struct way *in) {
    ssize_t size = write(output, in->data + in->from, in->to - in->from);
    if (size > 0) {
        in->from += (size_t)size;
    } else if (!would_wait()) {
        in->is_broken = true;
    }
}

/* Whether something is left to do: both ways are open, or what came before the end waits. */
static bool goes_on(const struct way *in, const struct way *out) {
    if (in->is_broken || out->is_broken) {
        return false;
    }
    return (!in->is_ended || !is_empty(in)) && (!out->is_ended || !is_empty(out));
}

static void end(SSL *ssl, int tcp, bool resets) {
    if (resets) {
        const struct linger none = {.l_onoff = 1, .l_linger = 0};
        (void)setsockopt(tcp, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
    } else {
        (void)SSL_shutdown(ssl);
    }
    SSL_free(ssl);
    (void)close(tcp);
}

void relay(SSL *ssl, int tcp, int input, int output, bool resets) {
    static struct way in;
    static struct way out;
    SSL_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    (void)fcntl(tcp, F_SETFL, O_NONBLOCK);
    (void)fcntl(input, F_SETFL, O_NONBLOCK);
    (void)fcntl(output, F_SETFL, O_NONBLOCK);
    while (goes_on(&in, &out)) {
        struct pollfd fds[3] = {
            {.fd = is_empty(&in) || !is_empty(&out) ? tcp : -1},
            {.fd = is_empty(&out) && !out.is_ended ? input : -1, .events = POLLIN},
            {.fd = is_empty(&in) ? -1 : output, .events = POLLOUT},
        };
        fds[0].events = (short)((is_empty(&in) ? POLLIN : 0) | (is_empty(&out) ? 0 : POLLOUT));
        bool has_record = is_empty(&in) && SSL_has_pending(ssl) == 1;
        if (poll(fds, 3, has_record ? 0 : -1) < 0 && errno != EINTR) {
            break;
        }
        if (!is_empty(&in) && fds[2].revents != 0) {
            write_plain(output, &in);
        }
        if (is_empty(&out) && fds[1].revents != 0) {
            read_plain(input, &out);
        }
        if (!is_empty(&out)) {
            write_tls(ssl, &out);
        }
        if (is_empty(&in) && !in.is_ended && (has_record || fds[0].revents != 0)) {
            read_tls(ssl, &in);
        }
    }
    end(ssl, tcp, resets);
}
