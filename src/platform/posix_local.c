/* SPDX-License-Identifier: ISC */
#include "platform/clock.h"
#include "platform/local.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { READ_PART_BYTES = 4096 };

static uint64_t now_ms(void) {
    struct clock clock = clock_system();
    return clock.monotonic_ms(clock.context);
}

/** A socket's address. A path that is too long for one goes through a handle of its folder, where
 * the system gives handles names. */
struct address {
    struct sockaddr_un name;
    int folder; /**< open as long as the address is used, or -1 */
};

static bool fits(int written, const struct address *address) {
    return written > 0 && (size_t)written < sizeof(address->name.sun_path);
}

static enum error address_make(struct address *address, const char *folder, const char *name) {
    char *path = address->name.sun_path;
    size_t size = sizeof(address->name.sun_path);
    *address = (struct address){.name = {.sun_family = AF_UNIX}, .folder = -1};
    if (fits(snprintf(path, size, "%s/%s", folder, name), address)) {
        return OK;
    }
    address->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (address->folder < 0) {
        return errno == ENOENT || errno == ENOTDIR ? ERR_NOT_FOUND : ERR_IO;
    }
#ifdef __linux__
    return fits(snprintf(path, size, "/proc/self/fd/%d/%s", address->folder, name), address)
               ? OK
               : ERR_LIMIT;
#else
    return ERR_LIMIT;
#endif
}

static void address_clear(struct address *address) {
    local_close(address->folder);
}

/* A stream socket on which nothing waits, or -1. */
static int make_socket(void) {
    int handle = socket(AF_UNIX, SOCK_STREAM, 0);
    if (handle >= 0 &&
        (fcntl(handle, F_SETFD, FD_CLOEXEC) != 0 || fcntl(handle, F_SETFL, O_NONBLOCK) != 0)) {
        (void)close(handle);
        return -1;
    }
    return handle;
}

static enum error connect_error(void) {
    switch (errno) {
    case EAGAIN:
    case EINTR:
        return ERR_WAIT;
    case EACCES:
    case EPERM:
        return ERR_NOT_ALLOWED;
    case ENOENT:
    case ENOTDIR:
    case ECONNREFUSED:
        return ERR_NOT_FOUND;
    default:
        return ERR_IO;
    }
}

static enum error connect_to(const struct address *address, int *handle) {
    *handle = make_socket();
    if (*handle < 0) {
        return ERR_IO;
    }
    const struct sockaddr *name = (const struct sockaddr *)&address->name;
    if (connect(*handle, name, sizeof(address->name)) == 0) {
        return OK;
    }
    enum error error = connect_error();
    (void)close(*handle);
    *handle = -1;
    return error;
}

must_check enum error local_connect(const char *folder, const char *name, int *handle) {
    struct address address;
    *handle = -1;
    enum error error = address_make(&address, folder, name);
    if (error == OK) {
        error = connect_to(&address, handle);
    }
    address_clear(&address);
    return error;
}

/* Whoever listens is alive; a name without one is left over from a process that was killed. */
static enum error make_room(const struct address *address) {
    int handle = -1;
    enum error error = connect_to(address, &handle);
    local_close(handle);
    if (error == OK || error == ERR_WAIT) {
        return ERR_DUPLICATE;
    }
    if (error != ERR_NOT_FOUND) {
        return ERR_IO;
    }
    return unlink(address->name.sun_path) == 0 || errno == ENOENT ? OK : ERR_IO;
}

static enum error listen_at(const struct address *address, int backlog, int *handle) {
    *handle = make_socket();
    if (*handle < 0) {
        return ERR_IO;
    }
    const struct sockaddr *name = (const struct sockaddr *)&address->name;
    /* The folder keeps others out until the mode is right; nobody is let in before that either. */
    if (bind(*handle, name, sizeof(address->name)) == 0 &&
        chmod(address->name.sun_path, S_IRUSR | S_IWUSR) == 0 && listen(*handle, backlog) == 0) {
        return OK;
    }
    (void)close(*handle);
    *handle = -1;
    return ERR_IO;
}

must_check enum error local_listen(const char *folder, const char *name, int backlog, int *handle) {
    struct address address;
    *handle = -1;
    enum error error = address_make(&address, folder, name);
    if (error == OK) {
        error = make_room(&address);
    }
    if (error == OK) {
        error = listen_at(&address, backlog, handle);
    }
    address_clear(&address);
    return error == ERR_NOT_FOUND ? ERR_IO : error;
}

void local_remove(const char *folder, const char *name) {
    struct address address;
    if (address_make(&address, folder, name) == OK) {
        (void)unlink(address.name.sun_path);
    }
    address_clear(&address);
}

/* Waits until `handle` is ready for `events`. */
static enum error await(int handle, short events, uint64_t until_ms) {
    for (;;) {
        uint64_t now = now_ms();
        uint64_t left = until_ms > now ? until_ms - now : 0;
        struct pollfd one = {.fd = handle, .events = events};
        int ready = poll(&one, 1, left < INT_MAX ? (int)left : INT_MAX);
        if (ready > 0) {
            return OK;
        }
        if (ready < 0 && errno != EINTR) {
            return ERR_IO;
        }
        if (left == 0) {
            return ERR_WAIT;
        }
    }
}

must_check enum error local_write(int handle, struct bytes bytes, uint64_t until_ms) {
    for (size_t at = 0; at < bytes.size;) {
        ssize_t sent = send(handle, bytes.data + at, bytes.size - at, MSG_NOSIGNAL);
        if (sent >= 0) {
            at += (size_t)sent;
            continue;
        }
        if (errno != EAGAIN && errno != EINTR) {
            return ERR_CLOSED;
        }
        enum error error = await(handle, POLLOUT, until_ms);
        if (error != OK) {
            return error;
        }
    }
    return OK;
}

must_check enum error local_read(int handle, struct buffer *out, uint64_t until_ms) {
    uint8_t part[READ_PART_BYTES];
    for (;;) {
        ssize_t got = recv(handle, part, sizeof(part), 0);
        if (got > 0) {
            enum error error = buffer_append(out, bytes_make(part, (size_t)got));
            wipe(part, (size_t)got);
            return error;
        }
        if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
            return ERR_CLOSED;
        }
        enum error error = await(handle, POLLIN, until_ms);
        if (error != OK) {
            return error;
        }
    }
}

void local_close(int handle) {
    if (handle >= 0) {
        (void)close(handle);
    }
}
