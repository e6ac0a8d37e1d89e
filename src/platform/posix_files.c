/* SPDX-License-Identifier: ISC */
#include "platform/files.h"
#include "platform/posix.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { READ_PART_BYTES = 4096 };

/* --- reading --- */

static enum error open_error(void) {
    return errno == ENOENT ? ERR_NOT_FOUND : storage_error();
}

/* Appends all that `handle` gives. */
static enum error read_all(int handle, struct buffer *out) {
    uint8_t part[READ_PART_BYTES];
    enum error error = OK;
    while (error == OK) {
        ssize_t size = read(handle, part, sizeof(part));
        if (size == 0) {
            break;
        }
        if (size > 0) {
            error = buffer_append(out, bytes_make(part, (size_t)size));
        } else if (errno != EINTR) {
            error = storage_error();
        }
    }
    wipe(part, sizeof(part));
    return error;
}

static enum error judge_file(const struct stat *status, unsigned *mode) {
    if (!S_ISREG(status->st_mode)) {
        return ERR_STORAGE_FAILED;
    }
    return judge_private(status, mode);
}

must_check enum error file_check_private(const char *path, unsigned *mode) {
    struct stat status;
    *mode = 0;
    return lstat(path, &status) == 0 ? judge_file(&status, mode) : open_error();
}

must_check enum error file_read_private(const char *path, struct buffer *out, unsigned *mode) {
    struct stat status;
    enum error error = file_check_private(path, mode);
    if (error != OK) {
        return error;
    }
    /* Judged again by its handle: the name may stand for another file by now. O_NONBLOCK: should it
     * be a pipe. */
    int handle = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (handle < 0) {
        return open_error();
    }
    error = fstat(handle, &status) == 0 ? judge_file(&status, mode) : storage_error();
    if (error == OK) {
        error = read_all(handle, out);
    }
    (void)close(handle);
    if (error != OK) {
        buffer_clear(out);
    }
    return error;
}

static enum error judge_shared(const struct stat *status, unsigned *mode) {
    *mode = status->st_mode & 07777u;
    bool is_ours = status->st_uid == geteuid() || status->st_uid == 0;
    return is_ours && (status->st_mode & (S_IWGRP | S_IWOTH)) == 0 ? OK : ERR_STORE_PERMISSIONS;
}

must_check enum error file_check_shared(const char *path, unsigned *mode) {
    struct stat status;
    *mode = 0;
    return stat(path, &status) == 0 ? judge_shared(&status, mode) : open_error();
}

must_check enum error file_read_shared(const char *path, struct buffer *out, unsigned *mode) {
    struct stat status;
    *mode = 0;
    int handle = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* should it be a pipe */
    if (handle < 0) {
        return open_error();
    }
    enum error error = fstat(handle, &status) == 0 ? OK : storage_error();
    if (error == OK && !S_ISREG(status.st_mode)) {
        errno = 0;
        error = ERR_STORAGE_FAILED;
    }
    if (error == OK) {
        error = judge_shared(&status, mode);
    }
    if (error == OK) {
        error = read_all(handle, out);
    }
    (void)close(handle);
    return error;
}

must_check enum error file_read(const char *path, struct buffer *out) {
    if (strcmp(path, "-") == 0) {
        return read_all(STDIN_FILENO, out);
    }
    int handle = open(path, O_RDONLY | O_CLOEXEC);
    if (handle < 0) {
        return open_error();
    }
    enum error error = read_all(handle, out);
    (void)close(handle);
    return error;
}

/* --- writing --- */

static enum error write_all(int handle, struct bytes data) {
    for (size_t at = 0; at < data.size;) {
        ssize_t size = write(handle, data.data + at, data.size - at);
        if (size > 0) {
            at += (size_t)size;
        } else if (size < 0 && errno != EINTR) {
            return storage_error();
        }
    }
    return OK;
}

static enum error sync_parent(const char *path) {
    char folder[PATH_MAX_BYTES];
    const char *slash = strrchr(path, '/');
    if (slash == NULL) {
        return folder_sync(".");
    }
    size_t length = slash == path ? 1 : (size_t)(slash - path);
    if (length >= sizeof(folder)) {
        return ERR_STORAGE_FAILED;
    }
    memcpy(folder, path, length);
    folder[length] = '\0';
    return folder_sync(folder);
}

enum { COPY_PART_BYTES = 64 * 1024 };

/* All that `from` gives. */
static enum error pour(int from, int to) {
    static const size_t size = COPY_PART_BYTES;
    uint8_t *part = malloc(size);
    enum error error = part == NULL ? ERR_MEMORY : OK;
    while (error == OK) {
        ssize_t got = read(from, part, size);
        if (got == 0) {
            break;
        }
        if (got > 0) {
            error = write_all(to, bytes_make(part, (size_t)got));
        } else if (errno != EINTR) {
            error = storage_error();
        }
    }
    if (part != NULL) {
        wipe(part, size);
    }
    free(part);
    return error;
}

/** What a new file is made of, and what becomes of one that has its name. */
struct making {
    mode_t mode;
    struct bytes data;
    int from; /**< a handle whose content it gets; -1: it gets `data` */
    bool replaces;
};

/* Fills the file and closes it; on the disk when it returns. */
static enum error fill(int handle, const struct making *making) {
    enum error error = fchmod(handle, making->mode) == 0 ? OK : storage_error();
    if (error == OK) {
        error = making->from < 0 ? write_all(handle, making->data) : pour(making->from, handle);
    }
    if (error == OK && !sync_handle(handle)) {
        error = storage_error();
    }
    if (close(handle) != 0 && error == OK) {
        error = storage_error();
    }
    return error;
}

/* A link fails where a rename would replace. */
static enum error give_name(const char *temporary, const char *path, bool replaces) {
    if ((replaces ? rename(temporary, path) : link(temporary, path)) != 0) {
        return !replaces && errno == EEXIST ? ERR_DUPLICATE : storage_error();
    }
    return OK;
}

/* Whole or not there: it has another name until it is on the disk. */
static enum error make_file(const char *path, const struct making *making) {
    char temporary[PATH_MAX_BYTES];
    int length = snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path);
    if (length < 0 || (size_t)length >= sizeof(temporary)) {
        return ERR_STORAGE_FAILED;
    }
    int handle = mkostemp(temporary, O_CLOEXEC); /* 0600, and a name that nobody else has */
    if (handle < 0) {
        return storage_error();
    }
    enum error error = fill(handle, making);
    if (error == OK) {
        error = give_name(temporary, path, making->replaces);
    }
    if (error != OK || !making->replaces) {
        (void)unlink(temporary);
    }
    return error == OK ? sync_parent(path) : error;
}

must_check enum error file_write_private(const char *path, struct bytes data) {
    const struct making making = {.mode = 0600, .data = data, .from = -1, .replaces = true};
    return make_file(path, &making);
}

must_check enum error file_write_shared(const char *path, struct bytes data) {
    const struct making making = {.mode = 0644, .data = data, .from = -1, .replaces = true};
    return make_file(path, &making);
}

must_check enum error file_copy(const char *from, const char *to) {
    int handle = strcmp(from, "-") == 0 ? STDIN_FILENO : open(from, O_RDONLY | O_CLOEXEC);
    if (handle < 0) {
        return open_error();
    }
    const struct making making = {.mode = 0600, .from = handle};
    enum error error = strcmp(to, "-") == 0 ? pour(handle, STDOUT_FILENO) : make_file(to, &making);
    if (handle != STDIN_FILENO) {
        (void)close(handle);
    }
    return error;
}
