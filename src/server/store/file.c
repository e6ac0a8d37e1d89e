/* SPDX-License-Identifier: ISC */
/* A database file that is opened beside, or instead of, the server's own connection. */
#include "server/store/query.h"

#include <stdio.h>
#include <stdlib.h>

struct sqlite_store *store_open_file(const char *path) {
    struct sqlite_store *store = calloc(1, sizeof(*store));
    if (store == NULL) {
        return NULL;
    }
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW;
    store_latch(store, sqlite3_open_v2(path, &store->database, flags, NULL));
    if (store->error == OK) {
        sqlite3_extended_result_codes(store->database, 1);
        sqlite3_busy_timeout(store->database, 5000);
        sqlite3_db_config(store->database, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
        sqlite3_db_config(store->database, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    }
    return store;
}

void store_only_read(struct sqlite_store *store) {
    int on = 1;
    if (store->error == OK) {
        sqlite3_db_config(store->database, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
        sqlite3_file_control(store->database, "main", SQLITE_FCNTL_PERSIST_WAL, &on);
        sqlite3_wal_autocheckpoint(store->database, 0);
    }
}

void store_ask(struct sqlite_store *store, const char *sql, const char *text, char *out,
               size_t size) {
    sqlite3_stmt *statement = NULL;
    if (store->error != OK) {
        return;
    }
    store_latch(store, sqlite3_prepare_v2(store->database, sql, -1, &statement, NULL));
    if (store->error == OK && text != NULL) {
        store_latch(store, sqlite3_bind_text(statement, 1, text, -1, SQLITE_STATIC));
    }
    if (store->error == OK) {
        int result = sqlite3_step(statement);
        store_latch(store, result);
        if (result == SQLITE_ROW && out != NULL) {
            const unsigned char *value = sqlite3_column_text(statement, 0);
            snprintf(out, size, "%s", value == NULL ? "" : (const char *)value);
        }
    }
    sqlite3_finalize(statement);
}

enum error store_finish(struct sqlite_store *store, enum error error, char *cause, size_t size) {
    if (error != OK) {
        snprintf(cause, size, "%s", store->cause);
    }
    sqlite_store_close(store);
    return error;
}
