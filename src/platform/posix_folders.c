/* SPDX-License-Identifier: ISC */
#include "platform/files.h"
#include "platform/posix.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum error storage_error(void) {
    return errno == ENOSPC || errno == EDQUOT ? ERR_DISK_FULL : ERR_STORAGE_FAILED;
}

enum error judge_private(const struct stat *status, unsigned *mode) {
    *mode = status->st_mode & 07777u;
    bool is_private = status->st_uid == geteuid() && (status->st_mode & (S_IRWXG | S_IRWXO)) == 0;
    return is_private ? OK : ERR_STORE_PERMISSIONS;
}

bool sync_handle(int handle) {
#ifdef F_FULLFSYNC
    /* macOS: fsync alone stops at the drive's cache. Not every file system has the other. */
    if (fcntl(handle, F_FULLFSYNC) == 0) {
        return true;
    }
#endif
    return fsync(handle) == 0;
}

must_check enum error folder_sync(const char *path) {
    int handle = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (handle < 0) {
        return storage_error();
    }
    /* EINVAL: a file system that has no such thing, and needs none. */
    enum error error = sync_handle(handle) || errno == EINVAL ? OK : storage_error();
    (void)close(handle);
    return error;
}

/* Makes one folder and syncs the one that it stands in. One that is there already is as good. */
static enum error make_one(char *path) {
    if (mkdir(path, 0700) != 0) {
        return errno == EEXIST ? OK : storage_error();
    }
    char *slash = strrchr(path, '/');
    if (slash == NULL) {
        return folder_sync(".");
    }
    if (slash == path) {
        return folder_sync("/");
    }
    *slash = '\0';
    enum error error = folder_sync(path);
    *slash = '/';
    return error;
}

static bool exists(const char *path) {
    struct stat status;
    return stat(path, &status) == 0;
}

/* Makes the folder with its parents, from the top. */
static enum error make_all(char *path) {
    for (char *at = path + 1; *at != '\0'; at++) {
        if (*at != '/') {
            continue;
        }
        *at = '\0';
        enum error error = exists(path) ? OK : make_one(path);
        *at = '/';
        if (error != OK) {
            return error;
        }
    }
    return make_one(path);
}

static enum error check_folder(const char *path, unsigned *mode) {
    int handle = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat status;
    if (handle < 0) {
        /* Not ours to read, or no folder: the mode says which, where it can be had. */
        bool is_folder = lstat(path, &status) == 0 && S_ISDIR(status.st_mode);
        return is_folder ? judge_private(&status, mode) : ERR_STORAGE_FAILED;
    }
    enum error error = fstat(handle, &status) == 0 ? judge_private(&status, mode) : storage_error();
    (void)close(handle);
    return error;
}

must_check enum error folder_private(const char *path, unsigned *mode) {
    char copy[PATH_MAX_BYTES];
    size_t length = strlen(path);
    *mode = 0;
    if (length == 0 || length >= sizeof(copy)) {
        return ERR_STORAGE_FAILED;
    }
    memcpy(copy, path, length + 1);
    /* A slash at the end would have the system follow a link. */
    while (length > 1 && copy[length - 1] == '/') {
        copy[--length] = '\0';
    }
    enum error error = exists(copy) ? OK : make_all(copy);
    return error == OK ? check_folder(copy, mode) : error;
}

must_check enum error folder_walk(const char *path, folder_name_fn *each, void *context) {
    DIR *folder = opendir(path);
    if (folder == NULL) {
        return errno == ENOENT ? ERR_NOT_FOUND : storage_error();
    }
    enum error error = OK;
    while (error == OK) {
        errno = 0;
        const struct dirent *entry = readdir(folder); // NOLINT(concurrency-mt-unsafe): its own one
        if (entry == NULL) {
            error = errno == 0 ? OK : storage_error();
            break;
        }
        error = entry->d_name[0] == '.' ? OK : each(context, entry->d_name);
    }
    (void)closedir(folder);
    return error;
}

must_check enum error disk_free(const char *path, uint64_t *bytes) {
    struct statvfs status;
    *bytes = 0;
    if (statvfs(path, &status) != 0) {
        return ERR_STORAGE_FAILED;
    }
    *bytes = (uint64_t)status.f_bavail * (uint64_t)status.f_frsize;
    return OK;
}
