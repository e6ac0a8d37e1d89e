/* SPDX-License-Identifier: ISC */
#include "client/store/database.h"

#include "base/require.h"
#include "base/weaken.h"
#include "client/store/schema.h"

#include <errno.h>
#include <string.h>

enum { KEY_PRAGMA_BYTES = 2 + 64 + 1 + 1, BUSY_TIMEOUT_MS = 5000 };

static enum error error_of(int rc, int os_error) {
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return OK;
    case SQLITE_FULL:
        return ERR_FULL;
    case SQLITE_NOMEM:
        return ERR_MEMORY;
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
    case SQLITE_SCHEMA:
    case SQLITE_MISMATCH:
    case SQLITE_CONSTRAINT:
        return ERR_STORE_BROKEN;
    default:
        return os_error == ENOSPC || os_error == EDQUOT ? ERR_FULL : ERR_IO;
    }
}

must_check enum error database_error(struct database *database) {
    return error_of(sqlite3_extended_errcode(database->handle),
                    sqlite3_system_errno(database->handle));
}

must_check enum error database_run(struct database *database, const char *sql) {
    return sqlite3_exec(database->handle, sql, NULL, NULL, NULL) == SQLITE_OK
               ? OK
               : database_error(database);
}

/* The key as SQLCipher's raw form, x'hex': no derivation runs. */
static enum error set_key(struct database *database, const struct secret_32 *key) {
    char text[KEY_PRAGMA_BYTES + 1];
    memcpy(text, "x'", 2);
    hex_encode(bytes_of(key->bytes), text + 2);
    memcpy(text + 2 + 64, "'", 2);
    int rc = sqlite3_key(database->handle, text, (int)strlen(text));
    wipe(text, sizeof(text));
    return rc == SQLITE_OK ? OK : database_error(database);
}

/* Plain SQLite accepts a key and writes plain text; only SQLCipher answers this question. */
static enum error require_cipher(struct database *database) {
    struct query query;
    query_begin(&query, database, "PRAGMA cipher_version");
    enum error found = query_row(&query);
    return query_end(&query, found == ERR_NOT_FOUND ? ERR_STORE_BROKEN : found);
}

static enum error schema_version(struct database *database, uint64_t *version) {
    struct query query;
    query_begin(&query, database, "PRAGMA user_version");
    enum error error = query_row(&query);
    *version = error == OK ? query_get_u64(&query, 0) : 0;
    return query_end(&query, error);
}

/* The version is read again inside: another process may have been faster. */
static enum error make_schema(struct database *database) {
    uint64_t version = 0;
    enum error error = database_begin(database);
    if (error == OK) {
        error = schema_version(database, &version);
    }
    for (; error == OK && version < DATABASE_SCHEMA; version++) {
        for (size_t i = 0; error == OK && SCHEMAS[version][i] != NULL; i++) {
            error = database_run(database, SCHEMAS[version][i]);
        }
    }
    if (error == OK) {
        error = database_commit(database);
    }
    if (error != OK) {
        database_rollback(database);
    }
    return error;
}

static enum error use_wal(struct database *database) {
    struct query query;
    query_begin(&query, database, "PRAGMA journal_mode=WAL");
    enum error error = query_row(&query);
    char mode[16] = "";
    if (error == OK) {
        query_get_text(&query, 0, mode, sizeof(mode));
    }
    if (error == OK && strcmp(mode, "wal") != 0) {
        error = ERR_IO;
    }
    return query_end(&query, error);
}

/* Closing changes no file: not that of a newer version either, which is closed at once. */
static enum error keep_log_on_close(struct database *database) {
    return sqlite3_db_config(database->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL) ==
                   SQLITE_OK
               ? OK
               : database_error(database);
}

static enum error prepare_file(struct database *database, bool in_memory) {
    int keep = 1;
    if (in_memory) {
        return OK;
    }
    enum error error = use_wal(database);
    if (error == OK) {
        error = database_run(database, "PRAGMA wal_autocheckpoint=0");
    }
    if (error == OK) {
        error = database_run(database, "PRAGMA journal_size_limit=0");
    }
    if (error == OK && sqlite3_file_control(database->handle, "main", SQLITE_FCNTL_PERSIST_WAL,
                                            &keep) != SQLITE_OK) {
        error = database_error(database);
    }
    return error;
}

static enum error set_up(struct database *database, const struct secret_32 *key, bool in_memory,
                         bool create) {
    uint64_t version = 0;
    enum error error = database_run(database, "PRAGMA cipher_log_level=NONE");
    if (error == OK) {
        error = set_key(database, key);
    }
    if (error == OK) {
        error = require_cipher(database);
    }
    if (error == OK) {
        error = keep_log_on_close(database);
    }
    if (error == OK) {
        error = schema_version(database, &version);
    }
    if (error == OK && version > DATABASE_SCHEMA) {
        error = ERR_STORE_NEWER;
    }
    if (error == OK) {
        error = prepare_file(database, in_memory);
    }
    if (error == OK) {
        error = database_run(database, "PRAGMA synchronous=FULL; PRAGMA fullfsync=ON;"
                                       "PRAGMA secure_delete=ON; PRAGMA temp_store=MEMORY");
    }
    if (error == OK && weakened(WEAK_NO_SECURE_DELETE)) {
        error = database_run(database, "PRAGMA secure_delete=OFF");
    }
    if (error == OK && version == 0 && !create) {
        error = ERR_NOT_FOUND;
    }
    if (error == OK && version < DATABASE_SCHEMA) {
        error = make_schema(database);
    }
    return error;
}

must_check enum error database_open(struct database *database, const char *path,
                                    const struct secret_32 *key, bool create) {
    bool in_memory = strcmp(path, ":memory:") == 0;
    memset(database, 0, sizeof(*database));
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE |
                SQLITE_OPEN_EXRESCODE | (create ? SQLITE_OPEN_CREATE : 0);
    int rc = sqlite3_open_v2(path, &database->handle, flags, NULL);
    if (rc != SQLITE_OK) {
        enum error error = database->handle == NULL ? ERR_MEMORY : database_error(database);
        bool is_missing = database->handle != NULL && rc == SQLITE_CANTOPEN && !create &&
                          sqlite3_system_errno(database->handle) == ENOENT;
        database_close(database);
        return is_missing ? ERR_NOT_FOUND : error;
    }
    sqlite3_busy_timeout(database->handle, BUSY_TIMEOUT_MS);
    enum error error = set_up(database, key, in_memory, create);
    if (error != OK) {
        database_close(database);
    }
    return error;
}

void database_close(struct database *database) {
    for (size_t i = 0; i < database->statement_count; i++) {
        sqlite3_finalize(database->statements[i].handle);
    }
    int rc = sqlite3_close(database->handle);
    require(rc == SQLITE_OK);
    memset(database, 0, sizeof(*database));
}

must_check enum error database_own(struct database *database) {
    if (sqlite3_db_config(database->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL) !=
        SQLITE_OK) {
        return database_error(database);
    }
    return database_run(database, "PRAGMA wal_autocheckpoint=1000");
}

/* Nothing that fails here loses anything: what is committed is in the log. */
void database_disown(struct database *database) {
    database_rollback(database);
    (void)sqlite3_busy_timeout(database->handle, 0);
    (void)sqlite3_wal_checkpoint_v2(database->handle, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    (void)sqlite3_busy_timeout(database->handle, BUSY_TIMEOUT_MS);
    (void)sqlite3_db_config(database->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    (void)sqlite3_wal_autocheckpoint(database->handle, 0);
}

must_check enum error database_begin(struct database *database) {
    struct query query;
    query_begin(&query, database, "BEGIN IMMEDIATE");
    return query_run(&query);
}

must_check enum error database_commit(struct database *database) {
    struct query query;
    query_begin(&query, database, "COMMIT");
    return query_run(&query);
}

void database_rollback(struct database *database) {
    if (sqlite3_get_autocommit(database->handle) == 0) {
        struct query query;
        query_begin(&query, database, "ROLLBACK");
        /* A failed rollback leaves a transaction that closing ends. */
        enum error ignored = query_run(&query);
        (void)ignored;
    }
}

static sqlite3_stmt *statement_for(struct database *database, const char *sql) {
    for (size_t i = 0; i < database->statement_count; i++) {
        if (database->statements[i].sql == sql) {
            return database->statements[i].handle;
        }
    }
    require(database->statement_count < STATEMENTS_MAX);
    sqlite3_stmt *handle = NULL;
    if (sqlite3_prepare_v3(database->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &handle, NULL) !=
        SQLITE_OK) {
        return NULL;
    }
    database->statements[database->statement_count++] = (struct statement){sql, handle};
    return handle;
}

void query_begin(struct query *query, struct database *database, const char *sql) {
    *query = (struct query){.database = database, .handle = statement_for(database, sql)};
    if (query->handle == NULL) {
        query->error = database_error(database);
    }
}

static bool is_bindable(struct query *query) {
    query->bound++;
    return query->error == OK;
}

static void check_bind(struct query *query, int rc) {
    if (rc != SQLITE_OK) {
        query->error = database_error(query->database);
    }
}

void query_u64(struct query *query, uint64_t value) {
    require(value <= INT64_MAX);
    if (is_bindable(query)) {
        check_bind(query, sqlite3_bind_int64(query->handle, query->bound, (sqlite3_int64)value));
    }
}

void query_flag(struct query *query, bool value) {
    query_u64(query, value ? 1 : 0);
}

void query_blob(struct query *query, struct bytes value) {
    if (is_bindable(query)) {
        check_bind(query, sqlite3_bind_blob64(query->handle, query->bound,
                                              value.size == 0 ? (const uint8_t *)"" : value.data,
                                              value.size, SQLITE_STATIC));
    }
}

void query_text(struct query *query, const char *value) {
    if (is_bindable(query)) {
        check_bind(query, sqlite3_bind_text(query->handle, query->bound, value, -1, SQLITE_STATIC));
    }
}

void query_null(struct query *query) {
    if (is_bindable(query)) {
        check_bind(query, sqlite3_bind_null(query->handle, query->bound));
    }
}

must_check enum error query_row(struct query *query) {
    if (query->error != OK) {
        return query->error;
    }
    int rc = sqlite3_step(query->handle);
    if (rc == SQLITE_ROW) {
        return OK;
    }
    if (rc == SQLITE_DONE) {
        return ERR_NOT_FOUND;
    }
    query->error = database_error(query->database);
    return query->error;
}

static void broken(struct query *query) {
    if (query->error == OK) {
        query->error = ERR_STORE_BROKEN;
    }
}

uint64_t query_get_u64(struct query *query, int column) {
    if (sqlite3_column_type(query->handle, column) != SQLITE_INTEGER) {
        broken(query);
        return 0;
    }
    sqlite3_int64 value = sqlite3_column_int64(query->handle, column);
    if (value < 0) {
        broken(query);
        return 0;
    }
    return (uint64_t)value;
}

uint32_t query_get_u32(struct query *query, int column) {
    uint64_t value = query_get_u64(query, column);
    if (value > UINT32_MAX) {
        broken(query);
        return 0;
    }
    return (uint32_t)value;
}

bool query_get_flag(struct query *query, int column) {
    return query_get_u64(query, column) != 0;
}

static struct bytes blob_at(struct query *query, int column) {
    const void *data = sqlite3_column_blob(query->handle, column);
    return bytes_make(data, (size_t)sqlite3_column_bytes(query->handle, column));
}

void query_get_fixed(struct query *query, int column, uint8_t *out, size_t size) {
    struct bytes blob = blob_at(query, column);
    if (blob.size != size) {
        memset(out, 0, size);
        broken(query);
        return;
    }
    memcpy(out, blob.data, size);
}

void query_get_name(struct query *query, int column, struct user_name *name) {
    struct bytes text = blob_at(query, column);
    memset(name, 0, sizeof(*name));
    if (!user_name_is_canonical(text)) {
        broken(query);
        return;
    }
    memcpy(name->text, text.data, text.size);
}

void query_get_text(struct query *query, int column, char *out, size_t size) {
    struct bytes text = blob_at(query, column);
    if (text.size >= size) {
        broken(query);
        text.size = 0;
    }
    if (text.size > 0) {
        memcpy(out, text.data, text.size);
    }
    out[text.size] = '\0';
}

void query_get_buffer(struct query *query, int column, struct buffer *out) {
    enum error error = buffer_append(out, blob_at(query, column));
    if (error != OK && query->error == OK) {
        query->error = error == ERR_LIMIT ? ERR_STORE_BROKEN : error;
    }
}

must_check enum error query_end(struct query *query, enum error result) {
    if (query->handle != NULL) {
        sqlite3_reset(query->handle);
        sqlite3_clear_bindings(query->handle);
    }
    return query->error != OK ? query->error : result;
}

must_check enum error query_run(struct query *query) {
    enum error error = query_row(query);
    if (error == OK) {
        broken(query); /* a row where none may be */
    }
    return query_end(query, error == ERR_NOT_FOUND ? OK : error);
}
