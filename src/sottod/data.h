/* SPDX-License-Identifier: ISC */
/* The folder that is a server: its key, its database, a lock, and the socket for its administrator.
 */
#ifndef SOTTO_SOTTOD_DATA_H
#define SOTTO_SOTTOD_DATA_H

#include "net/identity.h"
#include "platform/files.h"
#include "server/store/sqlite.h"

enum { CAUSE_MAX_BYTES = 256 };

struct data {
    char folder[PATH_MAX_BYTES];
    char key[PATH_MAX_BYTES];
    char next_key[PATH_MAX_BYTES]; /**< the key of tomorrow, once one is planned */
    char database[PATH_MAX_BYTES];
    char lock_file[PATH_MAX_BYTES];
    char socket[PATH_MAX_BYTES];
    char address[PATH_MAX_BYTES]; /**< file with the HOST:PORT that links named last */
    struct file_lock lock;
    struct tls_identity *identity;
    struct tls_identity *next; /**< NULL: no change of the key is planned */
    uint64_t next_ms;          /**< wall clock: when it becomes the key */
    struct sqlite_store *store;
    /* What a failure is about: */
    const char *path;
    char cause[CAUSE_MAX_BYTES];
    char detail[CAUSE_MAX_BYTES];
};

/** Finds the folder: `option`, else SOTTOD_DATA, else that of the user; makes nothing. ERR_USAGE.
 */
must_check enum error data_init(struct data *data, const char *option);

/** OK when there is a server's data, ERR_NO_DATA, ERR_NOT_ALLOWED when the caller may not look. Run
 * by root, it goes on as the owner of the data. */
must_check enum error data_find(struct data *data);

/** Makes the folder when `create`, takes the lock, checks that nobody else can read what is there,
 * and opens the store. On a failure `path`, `cause` and `detail` of `data` say what and why. */
must_check enum error data_open(struct data *data, bool create, const struct random_source *random);

/** Makes the folder for a server that is put back from a backup, and takes the lock. ERR_CONFLICT
 * when there is a server's data already; nothing is changed then. */
must_check enum error data_claim(struct data *data);

/** Loads the server's key, and makes it when `create`. */
must_check enum error data_load_key(struct data *data, bool create);

/** Loads the next key when there is one. Beside the server's key stands one file that has it and
 * its time; renamed over the other it is the server's key. So whenever the power goes there is a
 * server's key, and it is one that clients were told of. */
must_check enum error data_load_next_key(struct data *data);
/** Makes the next key, to be the server's from `at_ms` on, unless there is one already. On the disk
 * when it returns. */
must_check enum error data_plan_key(struct data *data, uint64_t at_ms);
/** The next key takes the place of the server's. The files first: on a failure before that
 * nothing has changed and `next` is still there. */
must_check enum error data_switch_key(struct data *data);

void data_close(struct data *data);

/** Keeps what links name, for commands that run while the server does not; reads it (empty when
 * unknown). */
must_check enum error data_keep_address(struct data *data, const char *address);
void data_read_address(const struct data *data, char *out, size_t size);

#endif
