/* SPDX-License-Identifier: ISC */
#include "platform/notify.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

must_check enum error notify_manager(const char *state) {
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address;
    if (path == NULL || path[0] == '\0') {
        return OK;
    }
    memset(&address, 0, sizeof(address));
    address.sun_family = AF_UNIX;
    size_t size = strlen(path);
    if ((path[0] != '/' && path[0] != '@') || size >= sizeof(address.sun_path)) {
        return ERR_IO;
    }
    memcpy(address.sun_path, path, size);
    if (path[0] == '@') {
        address.sun_path[0] = '\0'; /* a name outside the file system */
    }
    int handle = socket(AF_UNIX, SOCK_DGRAM, 0);
    if (handle < 0) {
        return ERR_IO;
    }
    /* It must not wait for a manager that does not read. */
    ssize_t sent = sendto(handle, state, strlen(state), MSG_DONTWAIT, (struct sockaddr *)&address,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size));
    (void)close(handle);
    return sent == (ssize_t)strlen(state) ? OK : ERR_IO;
}

uint64_t notify_watchdog_ms(void) {
    const char *time = getenv("WATCHDOG_USEC");
    const char *process = getenv("WATCHDOG_PID");
    char *end = NULL;
    if (time == NULL || time[0] < '0' || time[0] > '9' ||
        (process != NULL && strtol(process, NULL, 10) != (long)getpid())) {
        return 0;
    }
    unsigned long long microseconds = strtoull(time, &end, 10);
    return *end == '\0' ? microseconds / 1000 : 0;
}
