/* SPDX-License-Identifier: ISC */
#include "platform/peer.h"

#include "platform/clock.h"
#include "platform/files.h"
#include "platform/local.h"

#include <string.h>
#include <sys/socket.h>
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

static enum error read_all(int handle, uint64_t until_ms, struct buffer *answer) {
    enum error error = OK;
    while (error == OK) {
        error = local_read(handle, answer, until_ms);
    }
    return error == ERR_CLOSED ? OK : error;
}

static enum error connect_to(const char *path, int *handle) {
    char folder[PATH_MAX_BYTES];
    const char *slash = strrchr(path, '/');
    size_t length = slash == NULL ? 0 : (size_t)(slash - path);
    if (slash == NULL) {
        return local_connect(".", path, handle);
    }
    if (length >= sizeof(folder)) {
        return ERR_NOT_FOUND;
    }
    memcpy(folder, path, length);
    folder[length] = '\0';
    return local_connect(folder, slash + 1, handle);
}

must_check enum error local_ask(const char *path, struct bytes request, uint64_t timeout_ms,
                                struct buffer *answer) {
    struct clock clock = clock_system();
    uint64_t until_ms = clock.monotonic_ms(clock.context) + timeout_ms;
    int handle = -1;
    enum error error = connect_to(path, &handle);
    if (error == OK) {
        error = local_write(handle, request, until_ms);
    }
    if (error == OK) {
        error = read_all(handle, until_ms, answer);
    }
    local_close(handle);
    return error == ERR_WAIT ? ERR_CLOSED : error;
}
