/* SPDX-License-Identifier: ISC */
#include "server/store/query.h"

#include "base/require.h"

#include <stdio.h>
#include <string.h>

static const char *const SQL[STATEMENT_COUNT] = {
#define S(id, sql) (sql), /* in parentheses: its parts are one text on purpose */
#include "server/store/statements.def"
#undef S
};

enum error sqlite_error(int result) {
    switch (result & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return OK;
    case SQLITE_FULL:
        return ERR_FULL;
    case SQLITE_NOMEM:
        return ERR_MEMORY;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return ERR_STORE_BROKEN;
    case SQLITE_BUSY:
        return ERR_STORE_BUSY;
    default:
        return ERR_IO;
    }
}

void store_latch(struct sqlite_store *store, int result) {
    if (store->error == OK && sqlite_error(result) != OK) {
        store->error = sqlite_error(result);
        snprintf(store->cause, sizeof(store->cause), "%s (%d)", sqlite3_errmsg(store->database),
                 sqlite3_extended_errcode(store->database));
    }
}

void store_fail(struct sqlite_store *store, enum error error, const char *cause) {
    if (store->error == OK && error != OK) {
        store->error = error;
        snprintf(store->cause, sizeof(store->cause), "%s", cause);
    }
}

void store_execute(struct sqlite_store *store, const char *sql) {
    if (store->error == OK) {
        store_latch(store, sqlite3_exec(store->database, sql, NULL, NULL, NULL));
    }
}

struct query sql_begin(struct sqlite_store *store, enum statement which) {
    struct query query = {.store = store, .statement = NULL, .next = 1};
    if (store->error != OK) {
        return query;
    }
    if (store->statements[which] == NULL) {
        store_latch(store,
                    sqlite3_prepare_v3(store->database, SQL[which], -1, SQLITE_PREPARE_PERSISTENT,
                                       &store->statements[which], NULL));
    }
    query.statement = store->error == OK ? store->statements[which] : NULL;
    return query;
}

void sql_end(struct query *query) {
    if (query->statement != NULL) {
        sqlite3_reset(query->statement);
        sqlite3_clear_bindings(query->statement);
        query->statement = NULL;
    }
}

static void check(struct query *query, int result) {
    store_latch(query->store, result);
    if (query->store->error != OK) {
        sql_end(query);
    }
}

void sql_bind_u64(struct query *query, uint64_t value) {
    if (query->statement != NULL) {
        require(value <= INT64_MAX);
        check(query, sqlite3_bind_int64(query->statement, query->next++, (sqlite3_int64)value));
    }
}

/* The memory outlives the step: every caller binds what it holds until sql_run or the last row.
 */
void sql_bind_bytes(struct query *query, struct bytes value) {
    if (query->statement != NULL) {
        check(query, sqlite3_bind_blob64(query->statement, query->next++,
                                         value.size == 0 ? "" : (const void *)value.data,
                                         value.size, SQLITE_STATIC));
    }
}

void sql_bind_text(struct query *query, const char *value) {
    if (query->statement != NULL) {
        check(query, sqlite3_bind_text(query->statement, query->next++, value, -1, SQLITE_STATIC));
    }
}

void sql_bind_null(struct query *query) {
    if (query->statement != NULL) {
        check(query, sqlite3_bind_null(query->statement, query->next++));
    }
}

bool sql_row(struct query *query) {
    if (query->statement == NULL) {
        return false;
    }
    int result = sqlite3_step(query->statement);
    if (result == SQLITE_ROW) {
        return true;
    }
    check(query, result);
    sql_end(query);
    return false;
}

size_t sql_run(struct query *query) {
    if (query->statement == NULL) {
        return 0;
    }
    while (sql_row(query)) {
    }
    return query->store->error == OK ? (size_t)sqlite3_changes(query->store->database) : 0;
}

void sql_run_on(struct sqlite_store *store, enum statement which, uint64_t number) {
    struct query query = sql_begin(store, which);
    sql_bind_u64(&query, number);
    sql_run(&query);
}

uint64_t sql_u64(const struct query *query, int column) {
    sqlite3_int64 value = sqlite3_column_int64(query->statement, column);
    return value < 0 ? 0 : (uint64_t)value;
}

struct bytes sql_bytes(const struct query *query, int column) {
    const void *data = sqlite3_column_blob(query->statement, column);
    int size = sqlite3_column_bytes(query->statement, column);
    return bytes_make(data, data == NULL || size < 0 ? 0 : (size_t)size);
}

void sql_copy(struct query *query, int column, uint8_t *out, size_t size) {
    struct bytes value = sql_bytes(query, column);
    if (value.size != size) {
        store_fail(query->store, ERR_STORE_BROKEN, "a value has the wrong length");
        memset(out, 0, size);
        return;
    }
    memcpy(out, value.data, size);
}

void sql_name(struct query *query, int column, struct user_name *name) {
    struct bytes value = sql_bytes(query, column);
    if (user_name_parse(value, name) != OK) {
        store_fail(query->store, ERR_STORE_BROKEN, "a value has the wrong length");
        *name = (struct user_name){{0}};
    }
}
