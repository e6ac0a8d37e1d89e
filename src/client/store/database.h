/* SPDX-License-Identifier: ISC */
/* The encrypted database under the client's store: SQLCipher, one connection.
 *
 * Any process of the user may read; whoever holds the profile's lock is the only one that writes
 * and checkpoints (SQLite before 3.51.3 can corrupt a WAL when two connections do). A connection
 * begins as a reader and becomes the writer with database_own. Error mapping: a full disk is
 * ERR_FULL, pages that do not decrypt or parse ERR_STORE_BROKEN, a newer schema ERR_STORE_NEWER,
 * everything else ERR_IO. */
#ifndef SOTTO_CLIENT_STORE_DATABASE_H
#define SOTTO_CLIENT_STORE_DATABASE_H

#include "base/text.h"
#include "crypto/secret.h"

#include <sqlite3.h>

enum { STATEMENTS_MAX = 128 };

struct statement {
    const char *sql; /**< the literal it was made from: its address is the key */
    sqlite3_stmt *handle;
};

struct database {
    sqlite3 *handle;
    struct statement statements[STATEMENTS_MAX];
    size_t statement_count;
};

/** Opens `path` (":memory:" for a store that ends with the process) with the raw key. `create`
 * makes the tables when there are none; without it ERR_NOT_FOUND says that there is no store. An
 * older schema is brought up to date. ERR_STORE_BROKEN also when the library linked is not
 * SQLCipher. */
must_check enum error database_open(struct database *database, const char *path,
                                    const struct secret_32 *key, bool create);
void database_close(struct database *database);

/** From here on this connection writes: the caller holds the profile's lock. */
must_check enum error database_own(struct database *database);
/** And from here on it only reads: what it wrote is in the database, not in its log, as far as
 * nobody reads an older state. While the lock is still held. */
void database_disown(struct database *database);

must_check enum error database_begin(struct database *database);
must_check enum error database_commit(struct database *database);
void database_rollback(struct database *database);

/** Runs statements that give no rows and change settings of the connection. */
must_check enum error database_run(struct database *database, const char *sql);

/** The `enum error` of the connection's last failure. */
must_check enum error database_error(struct database *database);

/** One statement in use. Binding and reading latch the first failure, so that query_run, query_row
 * and query_end are the places that are checked. */
struct query {
    struct database *database;
    sqlite3_stmt *handle;
    int bound;
    enum error error;
};

/** Takes the prepared statement of `sql`, a string literal with ? for each value. */
void query_begin(struct query *query, struct database *database, const char *sql);
void query_u64(struct query *query, uint64_t value);
void query_flag(struct query *query, bool value);
/** Views have to live until query_end. */
void query_blob(struct query *query, struct bytes value);
void query_text(struct query *query, const char *value);
void query_null(struct query *query);

/** The next row: OK, or ERR_NOT_FOUND behind the last one. */
must_check enum error query_row(struct query *query);
/** Columns of the row, from 0. A value of another type or size latches ERR_STORE_BROKEN. */
uint64_t query_get_u64(struct query *query, int column);
uint32_t query_get_u32(struct query *query, int column);
bool query_get_flag(struct query *query, int column);
void query_get_fixed(struct query *query, int column, uint8_t *out, size_t size);
void query_get_name(struct query *query, int column, struct user_name *name);
void query_get_text(struct query *query, int column, char *out, size_t size);
void query_get_buffer(struct query *query, int column, struct buffer *out);

/** Releases the statement; the latched error if there is one, else `result`. */
must_check enum error query_end(struct query *query, enum error result);
/** Runs a statement that gives no rows, and ends it. */
must_check enum error query_run(struct query *query);

#endif
