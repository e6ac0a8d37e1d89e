/* SPDX-License-Identifier: ISC */
#include "platform/peer.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#ifdef __linux__
static bool peer_user(int handle, uid_t *user) {
    struct ucred peer;
    socklen_t size = sizeof(peer);
    if (getsockopt(handle, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
        return false;
    }
    *user = peer.uid;
    return true;
}
#else
static bool peer_user(int handle, uid_t *user) {
    gid_t group;
    return getpeereid(handle, user, &group) == 0;
}
#endif

bool peer_is_trusted(int handle) {
    uid_t user = 0;
    return peer_user(handle, &user) && (user == geteuid() || user == 0);
}

static uint64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Waits until `handle` is ready for `events`; ERR_CLOSED at the deadline. */
static enum error await(int handle, short events, uint64_t deadline_ms) {
    for (;;) {
        uint64_t now = now_ms();
        if (now >= deadline_ms) {
            return ERR_CLOSED;
        }
        struct pollfd one = {.fd = handle, .events = events};
        int ready = poll(&one, 1, (int)(deadline_ms - now));
        if (ready > 0) {
            return OK;
        }
        if (ready < 0 && errno != EINTR) {
            return ERR_IO;
        }
    }
}

static enum error connect_to(int handle, const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(address.sun_path)) {
        return ERR_NOT_FOUND;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    if (connect(handle, (const struct sockaddr *)&address, sizeof(address)) == 0) {
        return OK;
    }
    if (errno == EACCES || errno == EPERM) {
        return ERR_NOT_ALLOWED;
    }
    return errno == ENOENT || errno == ECONNREFUSED || errno == ENOTDIR ? ERR_NOT_FOUND : ERR_IO;
}

static enum error send_all(int handle, struct bytes request, uint64_t deadline_ms) {
    for (size_t at = 0; at < request.size;) {
        enum error error = await(handle, POLLOUT, deadline_ms);
        if (error != OK) {
            return error;
        }
        ssize_t sent = write(handle, request.data + at, request.size - at);
        if (sent < 0 && errno != EINTR) {
            return ERR_CLOSED;
        }
        at += sent > 0 ? (size_t)sent : 0;
    }
    return OK;
}

static enum error read_all(int handle, uint64_t deadline_ms, struct buffer *answer) {
    for (;;) {
        uint8_t chunk[512];
        enum error error = await(handle, POLLIN, deadline_ms);
        if (error != OK) {
            return error;
        }
        ssize_t got = read(handle, chunk, sizeof(chunk));
        if (got == 0) {
            return OK;
        }
        if (got < 0 && errno != EINTR) {
            return ERR_CLOSED;
        }
        if (got > 0) {
            error = buffer_append(answer, bytes_make(chunk, (size_t)got));
            if (error != OK) {
                return error;
            }
        }
    }
}

must_check enum error local_ask(const char *path, struct bytes request, uint64_t timeout_ms,
                                struct buffer *answer) {
    uint64_t deadline_ms = now_ms() + timeout_ms;
    int handle = socket(AF_UNIX, SOCK_STREAM, 0);
    if (handle < 0) {
        return ERR_IO;
    }
    enum error error = connect_to(handle, path);
    if (error == OK) {
        error = send_all(handle, request, deadline_ms);
    }
    if (error == OK) {
        error = read_all(handle, deadline_ms, answer);
    }
    close(handle);
    return error;
}
