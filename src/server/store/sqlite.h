/* SPDX-License-Identifier: ISC */
/* The store on SQLite: one database file, one connection that does all reads, writes and
 * checkpoints. All calls on one store come from one thread at a time. WAL, synchronous=FULL: when
 * sqlite_store_run returns OK, the batch is on the disk. */
#ifndef SOTTO_SERVER_STORE_SQLITE_H
#define SOTTO_SERVER_STORE_SQLITE_H

#include "base/env.h"
#include "server/store.h"

struct sqlite_store;

/** Opens the database at `path`, or makes it with a new store epoch; ":memory:" lives as long as
 * the store. The caller syncs the folder of a new file. On an error `cause` (`size` bytes) says
 * why, in words. ERR_STORE_NEWER (cause: the version that wrote it), ERR_STORE_BROKEN,
 * ERR_STORE_BUSY, ERR_FULL, ERR_MEMORY, ERR_IO, ERR_RANDOM. */
must_check enum error sqlite_store_open(const char *path, const struct random_source *random,
                                        struct sqlite_store **store, char *cause, size_t size);
/** NULL is nothing. */
void sqlite_store_close(struct sqlite_store *store);

/** Carries out a batch in one transaction and sets each operation's result. ERR_FULL: no space;
 * nothing of it was applied. ERR_IO, ERR_MEMORY: it is not known whether it was applied; close the
 * store and open it anew. */
must_check enum error sqlite_store_run(struct sqlite_store *store, struct store_batch *batch);

/** Why the last call failed, in SQLite's words; for logs. */
const char *sqlite_store_cause(const struct sqlite_store *store);

const uint8_t *sqlite_store_epoch(const struct sqlite_store *store);

/** The number of accounts. */
must_check enum error sqlite_store_accounts(struct sqlite_store *store, uint64_t *count);

/** The version of the SQLite in use. */
const char *sqlite_store_version(void);

#endif
