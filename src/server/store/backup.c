/* SPDX-License-Identifier: ISC */
#include "server/store/backup.h"
#include "server/store/query.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum error finish(struct sqlite_store *store, enum error error, char *cause, size_t size) {
    if (error != OK) {
        snprintf(cause, size, "%s", store->cause);
    }
    sqlite_store_close(store);
    return error;
}

static struct sqlite_store *open_file(const char *path) {
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

/* Runs a statement with one text; the first column of its first row goes to `out`. */
static void run(struct sqlite_store *store, const char *sql, const char *text, char *out,
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

/* --- writing --- */

/* The server's connection does all checkpoints: this one only reads, and leaves the log alone. */
static enum error copy(const char *path, const char *target, char *cause, size_t size) {
    int on = 1;
    struct sqlite_store *store = open_file(path);
    if (store == NULL) {
        return ERR_MEMORY;
    }
    if (store->error == OK) {
        sqlite3_db_config(store->database, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
        sqlite3_file_control(store->database, "main", SQLITE_FCNTL_PERSIST_WAL, &on);
        sqlite3_wal_autocheckpoint(store->database, 0);
    }
    run(store, "VACUUM INTO ?", target, NULL, 0);
    return finish(store, store->error, cause, size);
}

static void put_file(struct sqlite_store *store, const struct backup_file *file) {
    sqlite3_stmt *statement = NULL;
    if (store->error != OK) {
        return;
    }
    store_latch(store,
                sqlite3_prepare_v2(store->database, "INSERT INTO backup(name, data) VALUES(?, ?)",
                                   -1, &statement, NULL));
    if (store->error == OK) {
        sqlite3_bind_text(statement, 1, file->name, -1, SQLITE_STATIC);
        sqlite3_bind_blob64(statement, 2, file->data.data, file->data.size, SQLITE_STATIC);
        store_latch(store, sqlite3_step(statement));
    }
    sqlite3_finalize(statement);
}

must_check enum error backup_write(const char *path, const char *target,
                                   const struct backup_file *files, size_t count, char *cause,
                                   size_t size) {
    cause[0] = '\0';
    enum error error = copy(path, target, cause, size);
    if (error != OK) {
        return error;
    }
    struct sqlite_store *store = open_file(target);
    if (store == NULL) {
        return ERR_MEMORY;
    }
    /* One file, and the commit syncs it whole. */
    store_execute(store, "PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL;"
                         "PRAGMA fullfsync = ON; BEGIN IMMEDIATE;"
                         "CREATE TABLE backup(name TEXT PRIMARY KEY, data BLOB NOT NULL)"
                         " WITHOUT ROWID");
    for (size_t i = 0; i < count; i++) {
        put_file(store, &files[i]);
    }
    store_execute(store, "COMMIT");
    return finish(store, store->error, cause, size);
}

/* --- restoring --- */

static enum error check(struct sqlite_store *store, const struct random_source *random) {
    char answer[sizeof(store->cause)] = "";
    char tables[8] = "";
    run(store, "PRAGMA integrity_check(1)", NULL, answer, sizeof(answer));
    run(store, "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?", "backup",
        tables, sizeof(tables));
    if (store->error == OK && (strcmp(answer, "ok") != 0 || strcmp(tables, "1") != 0)) {
        snprintf(store->cause, sizeof(store->cause), "%s",
                 strcmp(answer, "ok") != 0 ? answer : "it is no backup of a server");
        return ERR_STORE_BROKEN;
    }
    return store->error == OK ? schema_prepare(store, random) : store->error;
}

static enum error hand_out(struct sqlite_store *store, backup_file_fn *each, void *context) {
    sqlite3_stmt *statement = NULL;
    enum error error = OK;
    store_latch(store, sqlite3_prepare_v2(store->database, "SELECT name, data FROM backup", -1,
                                          &statement, NULL));
    int result = store->error == OK ? sqlite3_step(statement) : SQLITE_DONE;
    while (result == SQLITE_ROW && error == OK) {
        const uint8_t *data = sqlite3_column_blob(statement, 1);
        const struct backup_file file = {
            .name = (const char *)sqlite3_column_text(statement, 0),
            .data = bytes_make(data, (size_t)sqlite3_column_bytes(statement, 1))};
        error = each(context, &file);
        result = error == OK ? sqlite3_step(statement) : SQLITE_DONE;
    }
    store_latch(store, result);
    sqlite3_finalize(statement);
    return error == OK ? store->error : error;
}

static enum error begin_anew(struct sqlite_store *store, const struct random_source *random) {
    uint8_t epoch[STORE_EPOCH_BYTES];
    sqlite3_stmt *statement = NULL;
    enum error error = random_fill(random, epoch, sizeof(epoch));
    if (error != OK) {
        return error;
    }
    store_execute(store, "PRAGMA secure_delete = ON; PRAGMA synchronous = FULL;"
                         "PRAGMA fullfsync = ON; BEGIN IMMEDIATE; DELETE FROM one_time;"
                         "DROP TABLE backup");
    if (store->error == OK) {
        store_latch(store, sqlite3_prepare_v2(store->database,
                                              "UPDATE meta SET value = ? WHERE key = 'store_epoch'",
                                              -1, &statement, NULL));
    }
    if (store->error == OK) {
        sqlite3_bind_blob64(statement, 1, epoch, sizeof(epoch), SQLITE_STATIC);
        store_latch(store, sqlite3_step(statement));
    }
    sqlite3_finalize(statement);
    store_execute(store, "COMMIT");
    return store->error;
}

must_check enum error backup_restore(const char *path, const struct random_source *random,
                                     backup_file_fn *each, void *context, char *cause,
                                     size_t size) {
    cause[0] = '\0';
    struct sqlite_store *store = open_file(path);
    if (store == NULL) {
        return ERR_MEMORY;
    }
    enum error error = store->error;
    if (error == OK) {
        error = check(store, random);
    }
    if (error == OK) {
        error = hand_out(store, each, context);
    }
    if (error == OK) {
        error = begin_anew(store, random);
    }
    return finish(store, error, cause, size);
}
