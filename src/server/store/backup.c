/* SPDX-License-Identifier: ISC */
#include "server/store/backup.h"
#include "server/store/query.h"

#include <stdio.h>
#include <string.h>

/* --- writing --- */

static enum error copy(const char *path, const char *target, char *cause, size_t size) {
    struct sqlite_store *store = store_open_file(path);
    if (store == NULL) {
        return ERR_MEMORY;
    }
    store_only_read(store);
    store_ask(store, "VACUUM INTO ?", target, NULL, 0);
    return store_finish(store, store->error, cause, size);
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
    struct sqlite_store *store = store_open_file(target);
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
    return store_finish(store, store->error, cause, size);
}

/* --- restoring --- */

static enum error check(struct sqlite_store *store, const struct random_source *random) {
    char answer[sizeof(store->cause)] = "";
    char tables[8] = "";
    store_ask(store, "PRAGMA integrity_check(1)", NULL, answer, sizeof(answer));
    store_ask(store, "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?",
              "backup", tables, sizeof(tables));
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
    struct sqlite_store *store = store_open_file(path);
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
    return store_finish(store, error, cause, size);
}
