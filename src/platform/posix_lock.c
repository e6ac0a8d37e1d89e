/* SPDX-License-Identifier: ISC */
#include "platform/clock.h"
#include "platform/files.h"
#include "platform/posix.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

enum {
    POLL_MS = 5,
    /* The pid stands there in a field of one width: written over, it needs no room on a full disk.
     */
    PID_BYTES = 20,
};

static void write_pid(int handle) {
    char text[PID_BYTES + 2];
    int length = snprintf(text, sizeof(text), "%-*ld\n", PID_BYTES, (long)getpid());
    /* The lock holds without it; only whoever waits would not be told for whom. */
    if (length > 0 && pwrite(handle, text, (size_t)length, 0) != length) {
        (void)!ftruncate(handle, 0);
    }
}

static long read_pid(int handle) {
    char text[PID_BYTES + 1] = {0};
    if (pread(handle, text, PID_BYTES, 0) <= 0) {
        return 0;
    }
    long pid = strtol(text, NULL, 10);
    return pid > 0 ? pid : 0;
}

static void sleep_ms(long ms) {
    const struct timespec time = {.tv_nsec = ms * 1000000};
    (void)nanosleep(&time, NULL);
}

/* flock and not fcntl: its lock belongs to the open file, not to the process, so that another part
 * of the process that opens and closes the file does not give it up. */
static enum error lock_within(int handle, uint64_t wait_ms) {
    struct clock clock = clock_system();
    uint64_t start = clock.monotonic_ms(clock.context);
    while (flock(handle, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR) {
            return ERR_STORAGE_FAILED;
        }
        if (clock.monotonic_ms(clock.context) - start >= wait_ms) {
            return ERR_STORE_BUSY;
        }
        sleep_ms(POLL_MS);
    }
    return OK;
}

must_check enum error file_lock(const char *path, uint64_t wait_ms, struct file_lock *lock,
                                long *holder) {
    lock->handle = -1;
    *holder = 0;
    int handle = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
    if (handle < 0) {
        return storage_error();
    }
    enum error error = lock_within(handle, wait_ms);
    if (error == OK) {
        write_pid(handle);
        lock->handle = handle;
        return OK;
    }
    if (error == ERR_STORE_BUSY) {
        *holder = read_pid(handle);
    }
    (void)close(handle);
    return error;
}

void file_unlock(struct file_lock *lock) {
    if (lock->handle >= 0) {
        (void)close(lock->handle); /* the lock goes with the last handle of the open file */
        lock->handle = -1;
    }
}
