/* SPDX-License-Identifier: ISC */
/* A whole server in one file: a copy of its database, with the few small files beside it in a table
 * of their own. */
#ifndef SOTTO_SERVER_STORE_BACKUP_H
#define SOTTO_SERVER_STORE_BACKUP_H

#include "base/bytes.h"
#include "base/env.h"

#include <stddef.h>

/** A file of the server that its database needs, such as its key. */
struct backup_file {
    const char *name;
    struct bytes data;
};

/** Writes what the database at `path` holds at this moment into the new file `target`, and `files`
 * with it; on the disk when it returns. A server may go on with the database meanwhile. What was
 * deleted is not in the copy. On an error `cause` (`size` bytes) says why, and `target` may have to
 * be removed. ERR_STORE_BROKEN, ERR_STORE_BUSY, ERR_FULL, ERR_MEMORY, ERR_IO. */
must_check enum error backup_write(const char *path, const char *target,
                                   const struct backup_file *files, size_t count, char *cause,
                                   size_t size);

/** Told each file of a backup; what it returns beside OK ends the restoring. */
typedef enum error backup_file_fn(void *context, const struct backup_file *file);

/** Makes a server's database of the backup at `path` again: checks it, hands out its files, gives
 * it a new store epoch, so that senders offer again what is not in it, and drops the one-time
 * prekeys, some of which may have been handed out since. ERR_STORE_BROKEN: damaged, or no backup.
 * ERR_STORE_NEWER (cause: the version that wrote it), ERR_RANDOM, and as above. */
must_check enum error backup_restore(const char *path, const struct random_source *random,
                                     backup_file_fn *each, void *context, char *cause, size_t size);

#endif
