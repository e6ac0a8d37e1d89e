/* SPDX-License-Identifier: ISC */
/* One prepared statement at a time, with a latch: the first that fails is remembered in the store,
 * later ones do nothing, and one look at the end of the batch decides. Internal. */
#ifndef SOTTO_SERVER_STORE_QUERY_H
#define SOTTO_SERVER_STORE_QUERY_H

#include "server/store/known.h"
#include "server/store/runs.h"
#include "server/store/sqlite.h"

#include <sqlite3.h>

enum statement {
#define S(id, sql) SQL_##id,
#include "server/store/statements.def"
#undef S
    STATEMENT_COUNT
};

/** A conflict found in the batch under way: what the same connection sends to the same mailbox
 * after it is refused too. */
struct conflict {
    uint64_t connection;
    uint64_t recipient;
};

struct sqlite_store {
    sqlite3 *database;
    sqlite3_stmt *statements[STATEMENT_COUNT]; /**< prepared at first use */
    enum error error;                          /**< latched */
    char cause[160];
    int log_pages;    /**< in the log after the last commit */
    uint64_t commits; /**< that wrote something */
    uint8_t epoch[STORE_EPOCH_BYTES];
    struct random_source random;
    uint64_t generation; /**< of logins, over all devices */
    struct conflict conflicts[STORE_BATCH_MAX];
    size_t conflict_count;
    struct known_index known;
    struct runs runs;
};

/** ERR_FULL, ERR_MEMORY, ERR_STORE_BROKEN, ERR_STORE_BUSY or ERR_IO for a result of SQLite. */
enum error sqlite_error(int result);
/** Latches the database's last error. */
void store_latch(struct sqlite_store *store, int result);
/** Latches a failure that is not the database's, in the same way; OK is none. */
void store_fail(struct sqlite_store *store, enum error error, const char *cause);

/** Runs SQL without values. */
void store_execute(struct sqlite_store *store, const char *sql);

struct query {
    struct sqlite_store *store;
    sqlite3_stmt *statement; /**< NULL after a failure */
    int next;                /**< parameter that is bound next */
};

/** Begins a statement; bind its parameters in order, then sql_row until it is false, or
 * sql_run. */
struct query sql_begin(struct sqlite_store *store, enum statement which);
void sql_bind_u64(struct query *query, uint64_t value);
void sql_bind_bytes(struct query *query, struct bytes value);
void sql_bind_text(struct query *query, const char *value);
void sql_bind_null(struct query *query);
/** Steps to the next row; false at the end (and after a failure), when the statement is reset. */
bool sql_row(struct query *query);
/** Carries the statement out; the number of rows it changed. */
size_t sql_run(struct query *query);
/** Carries out a statement that has one number. */
void sql_run_on(struct sqlite_store *store, enum statement which, uint64_t number);
/** Ends a query before its last row. */
void sql_end(struct query *query);

uint64_t sql_u64(const struct query *query, int column);
/** The value, valid until the next step. */
struct bytes sql_bytes(const struct query *query, int column);
/** Copies a value that has to have `size` bytes; anything else latches ERR_STORE_BROKEN. */
void sql_copy(struct query *query, int column, uint8_t *out, size_t size);
void sql_name(struct query *query, int column, struct user_name *name);

/** Fills the device of `device->cid`, as one that logs in. The operation's result is OK, or
 * ERR_NOT_FOUND. */
void read_device_of_cid(struct sqlite_store *store, struct store_op *op, uint64_t now_ms,
                        struct store_device *device);

/* What each kind of operation does; the result goes into the operation. */
void run_login(struct sqlite_store *store, struct store_op *op, uint64_t now_ms);
void run_mailbox(struct sqlite_store *store, struct store_op *op, uint64_t now_ms);
void run_register(struct sqlite_store *store, struct store_op *op, uint64_t now_ms);
void run_remove(struct sqlite_store *store, struct store_op *op, uint64_t now_ms);
void run_renew(struct sqlite_store *store, struct store_op *op, uint64_t now_ms);
void run_publish(struct sqlite_store *store, struct store_op *op, uint64_t now_ms);
void run_certificate(struct sqlite_store *store, struct store_op *op, uint64_t now_ms);
void run_bundle(struct sqlite_store *store, struct store_op *op, uint64_t now_ms);
void run_users(struct sqlite_store *store, struct store_op *op, uint64_t now_ms);
void run_insert(struct sqlite_store *store, struct store_op *op, uint64_t now_ms);
void run_ids(struct sqlite_store *store, struct store_op *op, uint64_t now_ms);
void run_recall(struct sqlite_store *store, struct store_op *op, uint64_t now_ms);
void run_read(struct sqlite_store *store, struct store_op *op, uint64_t now_ms);
void run_delete(struct sqlite_store *store, struct store_op *op, uint64_t now_ms);
void run_expire(struct sqlite_store *store, struct store_op *op, uint64_t now_ms);
void run_invite(struct sqlite_store *store, struct store_op *op, uint64_t now_ms);
void run_revoke(struct sqlite_store *store, struct store_op *op, uint64_t now_ms);
void run_state(struct sqlite_store *store, struct store_op *op, uint64_t now_ms);
void run_leave(struct sqlite_store *store, struct store_op *op, uint64_t now_ms);
void run_seen(struct sqlite_store *store, struct store_op *op, uint64_t now_ms);
void run_erase(struct sqlite_store *store, struct store_op *op, uint64_t now_ms);

/** Opens an existing file with nothing prepared; a failure is latched. NULL: no memory. */
struct sqlite_store *store_open_file(const char *path);
/** The server's own connection does all checkpoints: this one only reads, and leaves the log alone.
 */
void store_only_read(struct sqlite_store *store);
/** Runs a statement with one text, or none (NULL); the first column of its first row goes to `out`.
 */
void store_ask(struct sqlite_store *store, const char *sql, const char *text, char *out,
               size_t size);
/** Closes it; `error` is given back, and `cause` filled in when it is one. */
must_check enum error store_finish(struct sqlite_store *store, enum error error, char *cause,
                                   size_t size);

/** How many waiting messages are not what was stored; `all` is SQL_RUN_ALL, or another statement
 * with its columns. */
uint64_t messages_damaged(struct sqlite_store *store, enum statement all);

/** The version of the schema that the file has; a failure is latched. */
int schema_version(struct sqlite_store *store);

/** Whether a file that is only read has the tables of this version: ERR_MISMATCH when an earlier
 * one wrote it, ERR_STORE_NEWER with the version that wrote it as cause. */
must_check enum error schema_check(struct sqlite_store *store);

/** Makes the tables of a new database, or checks those of an old one and brings them up to this
 * version, and reads the store epoch. */
must_check enum error schema_prepare(struct sqlite_store *store,
                                     const struct random_source *random);

#endif
