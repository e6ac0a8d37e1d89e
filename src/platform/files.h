/* SPDX-License-Identifier: ISC */
/* Files that hold secrets: private modes, no links followed, whole or not at all. */
#ifndef SOTTO_PLATFORM_FILES_H
#define SOTTO_PLATFORM_FILES_H

#include "base/bytes.h"

enum { PATH_MAX_BYTES = 4096 };

/** Makes `path` and its missing parents with mode 0700. An existing last folder has to be a folder
 * of the caller's that no one else can use: ERR_STORE_PERMISSIONS (`mode` is then what it has).
 * ERR_STORAGE_FAILED, ERR_DISK_FULL. */
must_check enum error folder_private(const char *path, unsigned *mode);

/** OK when `path` is a regular file (not a link) of the caller's that no one else can read or
 * write, ERR_NOT_FOUND when there is none, ERR_STORE_PERMISSIONS with its mode, ERR_STORAGE_FAILED.
 */
must_check enum error file_check_private(const char *path, unsigned *mode);

/** Reads a whole private file of at most `out->cap` bytes, after file_check_private. */
must_check enum error file_read_private(const char *path, struct buffer *out, unsigned *mode);

/** OK when nobody but the caller and root can write what `path` names, a folder or a plain file
 * (links are followed); ERR_NOT_FOUND, ERR_STORE_PERMISSIONS with its mode, ERR_STORAGE_FAILED. */
must_check enum error file_check_shared(const char *path, unsigned *mode);

/** Reads a whole plain file of at most `out->cap` bytes, judged as file_check_shared does. */
must_check enum error file_read_shared(const char *path, struct buffer *out, unsigned *mode);

/** Told each name in a folder; anything but OK ends the walk. */
typedef enum error folder_name_fn(void *context, const char *name);
/** Walks the names in a folder that do not begin with a dot, in no order. ERR_NOT_FOUND,
 * ERR_STORAGE_FAILED, what `each` returned. */
must_check enum error folder_walk(const char *path, folder_name_fn *each, void *context);

/** Writes a private file (0600) whole: temporary name, fsync, rename, fsync of the folder.
 * ERR_STORAGE_FAILED, ERR_DISK_FULL. */
must_check enum error file_write_private(const char *path, struct bytes data);

/** The same for what everybody may read (0644). */
must_check enum error file_write_shared(const char *path, struct bytes data);

/** Reads any file of at most `out->cap` bytes; "-" is stdin. ERR_NOT_FOUND, ERR_STORAGE_FAILED,
 * ERR_LIMIT. */
must_check enum error file_read(const char *path, struct buffer *out);

/** Copies a file of any size; "-" is stdin, or stdout. The copy is a new private file, whole or not
 * there, and on the disk. ERR_NOT_FOUND, ERR_DUPLICATE (something has the new name),
 * ERR_STORAGE_FAILED, ERR_DISK_FULL. */
must_check enum error file_copy(const char *from, const char *to);

/** Syncs a folder so that new names in it survive. */
must_check enum error folder_sync(const char *path);

/** An exclusive lock on a file (made with 0600), held until file_unlock or the end of the process.
 * The holder's pid stands in the file. */
struct file_lock {
    int handle;
};
/** Takes the lock, waiting up to `wait_ms`. ERR_STORE_BUSY with the holder's pid (0 when unknown).
 */
must_check enum error file_lock(const char *path, uint64_t wait_ms, struct file_lock *lock,
                                long *holder);
void file_unlock(struct file_lock *lock);

/** Bytes that an ordinary user may still write on the file system of `path`. */
must_check enum error disk_free(const char *path, uint64_t *bytes);

/** Joins folder and name into `out`. ERR_LIMIT. */
must_check enum error path_join(const char *folder, const char *name, char *out, size_t size);

#endif
