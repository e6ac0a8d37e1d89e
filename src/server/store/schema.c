/* SPDX-License-Identifier: ISC */
#include "server/store/convert.h"

#include <stdio.h>
#include <string.h>

/* Before it is raised, tests/fixtures/make keeps what the version before wrote. */
enum { SCHEMA_VERSION = 3 };

/* Waiting messages, in runs (run.h, bodies.h): a rowid table with an index on the mailbox, so that
 * rows of all mailboxes are appended in one place; and what is remembered of those that left
 * (marks.h). They name a device without referring to it: each reference would be looked up, and
 * rows of devices are large. Those of a device that has gone are found by `erasing`. */
#define RUNS                                                                                       \
    "CREATE TABLE runs("                                                                           \
    " row INTEGER PRIMARY KEY,"                                                                    \
    " device INTEGER NOT NULL,"                                                                    \
    " last INTEGER NOT NULL,"                                                                      \
    " count INTEGER NOT NULL,"                                                                     \
    " bytes INTEGER NOT NULL,"                                                                     \
    " accepted_ms INTEGER NOT NULL,"                                                               \
    " key BLOB," /* NULL: nothing stands apart */                                                  \
    " envelopes BLOB NOT NULL,"                                                                    \
    " heads BLOB NOT NULL);"                                                                       \
    "CREATE UNIQUE INDEX runs_of ON runs(device, last);"                                           \
    "CREATE TABLE bodies("                                                                         \
    " row INTEGER PRIMARY KEY,"                                                                    \
    " sealed BLOB NOT NULL);"                                                                      \
    "CREATE TABLE marks("                                                                          \
    " row INTEGER PRIMARY KEY,"                                                                    \
    " device INTEGER NOT NULL,"                                                                    \
    " earlier INTEGER NOT NULL," /* row of this device's marks before these; 0: none */            \
    " left_ms INTEGER NOT NULL,"                                                                   \
    " checksum BLOB NOT NULL,"                                                                     \
    " marks BLOB NOT NULL);"                                                                       \
    "CREATE TABLE newest_marks("                                                                   \
    " device INTEGER PRIMARY KEY,"                                                                 \
    " row INTEGER NOT NULL);"                                                                      \
    "CREATE TABLE erasing(device INTEGER PRIMARY KEY);"

static const char SCHEMA[] =
    "CREATE TABLE meta(key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE accounts("
    " account INTEGER PRIMARY KEY AUTOINCREMENT,"
    " name TEXT NOT NULL UNIQUE,"
    " afp BLOB NOT NULL,"
    " is_admin INTEGER NOT NULL,"
    " since_ms INTEGER NOT NULL,"
    " state INTEGER NOT NULL DEFAULT 0," /* enum account_state */
    " seen_day INTEGER NOT NULL DEFAULT 0);"
    "CREATE TABLE devices("
    " device INTEGER PRIMARY KEY AUTOINCREMENT,"
    " account INTEGER NOT NULL REFERENCES accounts ON DELETE CASCADE,"
    " device_id INTEGER NOT NULL,"
    " cid BLOB NOT NULL UNIQUE,"
    " signing BLOB NOT NULL,"
    " epoch INTEGER NOT NULL,"
    " certificate BLOB NOT NULL,"
    " set_id INTEGER NOT NULL DEFAULT 0," /* 0: no prekey set yet */
    " prekey_set BLOB,"
    " UNIQUE(account, device_id));"
    "CREATE TABLE one_time("
    " row INTEGER PRIMARY KEY,"
    " device INTEGER NOT NULL REFERENCES devices ON DELETE CASCADE,"
    " one_time_id INTEGER NOT NULL,"
    " expires_ms INTEGER NOT NULL," /* when it is dropped: 24 h before the key expires */
    " record BLOB," /* NULL: handed out; the id stays so that it is never stored again */
    " UNIQUE(device, one_time_id));"
    "CREATE TABLE handouts("
    " row INTEGER PRIMARY KEY,"
    " requester INTEGER NOT NULL REFERENCES accounts ON DELETE CASCADE,"
    " device INTEGER NOT NULL REFERENCES devices ON DELETE CASCADE,"
    " time_ms INTEGER NOT NULL);"
    "CREATE INDEX handouts_of ON handouts(requester, device);"
    "CREATE INDEX handouts_to ON handouts(device);"
    "CREATE TABLE invite("
    " token_hash BLOB PRIMARY KEY,"
    " expires_ms INTEGER NOT NULL,"
    " is_admin INTEGER NOT NULL,"
    " used_by BLOB) WITHOUT ROWID;" /* cid */
    RUNS;

/* What makes a database of that version one of this, as SCHEMA makes it: column by column; then its
 * rows are converted. */
static const struct migration {
    const char *tables;
    void (*convert)(struct sqlite_store *store);
} MIGRATIONS[SCHEMA_VERSION] = {
    [1] = {"ALTER TABLE accounts ADD COLUMN state INTEGER NOT NULL DEFAULT 0;"
           "ALTER TABLE accounts ADD COLUMN seen_day INTEGER NOT NULL DEFAULT 0;" RUNS,
           convert_messages},
    [2] = {"ALTER TABLE runs RENAME TO old_runs; DROP INDEX runs_of;"
           "ALTER TABLE marks RENAME TO old_marks; DROP INDEX marks_of;" RUNS,
           convert_runs},
};

static void put_meta(struct sqlite_store *store, const char *key, struct bytes value) {
    sqlite3_stmt *statement = NULL;
    if (store->error != OK) {
        return;
    }
    store_latch(store, sqlite3_prepare_v2(store->database,
                                          "INSERT OR REPLACE INTO meta(key, value) VALUES(?, ?)",
                                          -1, &statement, NULL));
    if (store->error == OK) {
        sqlite3_bind_text(statement, 1, key, -1, SQLITE_STATIC);
        sqlite3_bind_blob64(statement, 2, value.data, value.size, SQLITE_STATIC);
        store_latch(store, sqlite3_step(statement));
    }
    sqlite3_finalize(statement);
}

/* The number of bytes of the value, at most `size` of them copied; 0 when there is none. */
static size_t get_meta(struct sqlite_store *store, const char *key, uint8_t *out, size_t size) {
    sqlite3_stmt *statement = NULL;
    size_t got = 0;
    if (store->error != OK) {
        return 0;
    }
    store_latch(store, sqlite3_prepare_v2(store->database, "SELECT value FROM meta WHERE key = ?",
                                          -1, &statement, NULL));
    if (store->error == OK) {
        sqlite3_bind_text(statement, 1, key, -1, SQLITE_STATIC);
        int result = sqlite3_step(statement);
        if (result == SQLITE_ROW) {
            const void *value = sqlite3_column_blob(statement, 0);
            got = (size_t)sqlite3_column_bytes(statement, 0);
            memcpy(out, value, got < size ? got : size);
        } else {
            store_latch(store, result);
        }
    }
    sqlite3_finalize(statement);
    return got;
}

int schema_version(struct sqlite_store *store) {
    sqlite3_stmt *statement = NULL;
    int version = -1;
    store_latch(store,
                sqlite3_prepare_v2(store->database, "PRAGMA user_version", -1, &statement, NULL));
    if (store->error == OK) {
        int result = sqlite3_step(statement);
        if (result == SQLITE_ROW) {
            version = sqlite3_column_int(statement, 0);
        } else {
            store_latch(store, result);
        }
    }
    sqlite3_finalize(statement);
    return version;
}

/* From here on an older program refuses it, and says which one can open it. */
static void sign(struct sqlite_store *store) {
    char version[64];
    put_meta(store, "written_by", bytes_of_string(SOTTO_VERSION));
    snprintf(version, sizeof(version), "PRAGMA user_version = %d", SCHEMA_VERSION);
    store_execute(store, version);
}

static enum error create(struct sqlite_store *store, const struct random_source *random) {
    enum error error = random_fill(random, store->epoch, sizeof(store->epoch));
    if (error != OK) {
        return error;
    }
    store_execute(store, "BEGIN IMMEDIATE");
    store_execute(store, SCHEMA);
    put_meta(store, "store_epoch", bytes_of(store->epoch));
    sign(store);
    store_execute(store, "COMMIT");
    return store->error;
}

/* All in one transaction: whenever the power goes, it is a database of one version. */
static enum error migrate(struct sqlite_store *store, int version) {
    store_execute(store, "BEGIN IMMEDIATE");
    store_execute(store, MIGRATIONS[version].tables);
    MIGRATIONS[version].convert(store);
    sign(store);
    store_execute(store, "COMMIT");
    return store->error;
}

static enum error name_writer(struct sqlite_store *store) {
    uint8_t writer[64] = {0};
    get_meta(store, "written_by", writer, sizeof(writer) - 1);
    snprintf(store->cause, sizeof(store->cause), "%s",
             store->error == OK ? (const char *)writer : "");
    return ERR_STORE_NEWER;
}

must_check enum error schema_check(struct sqlite_store *store) {
    int version = schema_version(store);
    if (store->error != OK || version == SCHEMA_VERSION) {
        return store->error;
    }
    return version > SCHEMA_VERSION ? name_writer(store) : ERR_MISMATCH;
}

must_check enum error schema_prepare(struct sqlite_store *store,
                                     const struct random_source *random) {
    int version = schema_version(store);
    store->random = *random;
    if (store->error != OK) {
        return store->error;
    }
    if (version == 0) {
        return create(store, random);
    }
    if (version < 0) {
        snprintf(store->cause, sizeof(store->cause), "its version is no number of ours");
        return ERR_STORE_BROKEN;
    }
    if (version > SCHEMA_VERSION) {
        return name_writer(store);
    }
    if (get_meta(store, "store_epoch", store->epoch, sizeof(store->epoch)) !=
            sizeof(store->epoch) &&
        store->error == OK) {
        snprintf(store->cause, sizeof(store->cause), "it has no store epoch");
        return ERR_STORE_BROKEN;
    }
    return store->error == OK && version < SCHEMA_VERSION ? migrate(store, version) : store->error;
}
