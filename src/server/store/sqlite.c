/* SPDX-License-Identifier: ISC */
#include "server/store/query.h"

#include "base/require.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_in_memory(const char *path) {
    return strcmp(path, ":memory:") == 0;
}

/* The journal mode that the database really took: WAL, except in memory. */
static bool is_wal(struct sqlite_store *store) {
    sqlite3_stmt *statement = NULL;
    bool wal = false;
    store_latch(store, sqlite3_prepare_v2(store->database, "PRAGMA journal_mode = WAL", -1,
                                          &statement, NULL));
    if (store->error == OK) {
        int result = sqlite3_step(statement);
        if (result == SQLITE_ROW) {
            wal = strcmp((const char *)sqlite3_column_text(statement, 0), "wal") == 0;
        } else {
            store_latch(store, result);
        }
    }
    sqlite3_finalize(statement);
    return wal;
}

static int note_log(void *context, sqlite3 *database, const char *name, int pages) {
    struct sqlite_store *store = context;
    (void)database;
    (void)name;
    store->log_pages = pages;
    store->commits++;
    return SQLITE_OK;
}

static enum error configure(struct sqlite_store *store, const char *path) {
    int on = 1;
    sqlite3_extended_result_codes(store->database, 1);
    sqlite3_busy_timeout(store->database, 1000);
    /* In place of SQLite's own way to empty a log that has grown, which keeps its failures to
     * itself. */
    sqlite3_wal_hook(store->database, note_log, store);
    sqlite3_db_config(store->database, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(store->database, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    /* Of a new file: a row of many messages is a chain of pages, and each costs two writes. */
    store_execute(store, "PRAGMA page_size = 8192");
    bool wal = is_wal(store);
    if (store->error == OK && !wal && !is_in_memory(path)) {
        snprintf(store->cause, sizeof(store->cause),
                 "this file system cannot hold a write-ahead log");
        return ERR_IO;
    }
    /* A log that goes away with the last connection would have to be made and synced again. */
    sqlite3_file_control(store->database, "main", SQLITE_FCNTL_PERSIST_WAL, &on);
    store_execute(store, "PRAGMA synchronous = FULL;"
                         "PRAGMA fullfsync = ON;"
                         "PRAGMA checkpoint_fullfsync = ON;"
                         "PRAGMA secure_delete = ON;"
                         "PRAGMA foreign_keys = ON;"
                         "PRAGMA temp_store = MEMORY;"
                         "PRAGMA cell_size_check = ON;"
                         "PRAGMA journal_size_limit = 67108864;");
    return store->error;
}

must_check enum error sqlite_store_open(const char *path, const struct random_source *random,
                                        struct sqlite_store **store, char *cause, size_t size) {
    require(size > 0);
    cause[0] = '\0';
    *store = NULL;
    struct sqlite_store *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return ERR_MEMORY;
    }
    int flags =
        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW;
    if (is_in_memory(path)) {
        flags =
            SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_MEMORY;
    }
    /* Nobody reads SQLite's count of its memory, and each allocation would take a mutex for it: a
     * tenth of an insert. After the first open of a process this is refused, and changes nothing.
     */
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    store_latch(made, sqlite3_open_v2(path, &made->database, flags, NULL));
    enum error error = made->error;
    if (error == OK) {
        error = configure(made, path);
    }
    if (error == OK) {
        error = schema_prepare(made, random);
    }
    if (error == OK) {
        made->known.room_max = KNOWN_IDS_MAX;
        made->known.mailbox_max = MAILBOX_IDS_MAX;
        error = random_fill(random, &made->known.seed, sizeof(made->known.seed));
    }
    if (error != OK) {
        snprintf(cause, size, "%s", made->cause);
        sqlite_store_close(made);
        return error;
    }
    *store = made;
    return OK;
}

void sqlite_store_close(struct sqlite_store *store) {
    if (store == NULL) {
        return;
    }
    for (size_t i = 0; i < STATEMENT_COUNT; i++) {
        sqlite3_finalize(store->statements[i]);
    }
    known_clear(&store->known);
    runs_clear(&store->runs);
    int result = sqlite3_close(store->database);
    require(result == SQLITE_OK);
    free(store);
}

const char *sqlite_store_cause(const struct sqlite_store *store) {
    return store->cause;
}

const uint8_t *sqlite_store_epoch(const struct sqlite_store *store) {
    return store->epoch;
}

must_check enum error sqlite_store_accounts(struct sqlite_store *store, uint64_t *count) {
    struct query query = sql_begin(store, SQL_ACCOUNTS);
    *count = 0;
    if (sql_row(&query)) {
        *count = sql_u64(&query, 0);
    }
    sql_end(&query);
    return store->error;
}

const char *sqlite_store_version(void) {
    return sqlite3_libversion();
}
