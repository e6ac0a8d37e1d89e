/* SPDX-License-Identifier: ISC */
#include "client/store/sqlcipher.h"

#include "client/store/database.h"
#include "client/store/tables.h"

#include <stdlib.h>
#include <string.h>

struct sqlcipher_store {
    struct database database;
    struct client_store functions;
};

static enum error begin(void *context) {
    return database_begin(context);
}

static enum error commit(void *context) {
    return database_commit(context);
}

static void rollback(void *context) {
    database_rollback(context);
}

must_check enum error sqlcipher_store_open(const char *path, const struct secret_32 *key,
                                           bool create, struct sqlcipher_store **store) {
    struct sqlcipher_store *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return ERR_MEMORY;
    }
    enum error error = database_open(&made->database, path, key, create);
    if (error != OK) {
        free(made);
        return error;
    }
    made->functions = (struct client_store){
        .context = &made->database, .begin = begin, .commit = commit, .rollback = rollback};
    device_table(&made->functions);
    people_table(&made->functions);
    session_table(&made->functions);
    outgoing_table(&made->functions);
    incoming_table(&made->functions);
    owed_table(&made->functions);
    waiting_table(&made->functions);
    cursor_table(&made->functions);
    *store = made;
    return OK;
}

void sqlcipher_store_close(struct sqlcipher_store *store) {
    if (store != NULL) {
        database_rollback(&store->database);
        database_close(&store->database);
        free(store);
    }
}

must_check enum error sqlcipher_store_own(struct sqlcipher_store *store) {
    return database_own(&store->database);
}

void sqlcipher_store_disown(struct sqlcipher_store *store) {
    database_disown(&store->database);
}

/* A row of this one is a page whose authentication fails. */
static enum error check_pages(struct database *database) {
    struct query query;
    query_begin(&query, database, "PRAGMA cipher_integrity_check");
    enum error error = query_row(&query);
    return query_end(&query, error == OK ? ERR_STORE_BROKEN : error == ERR_NOT_FOUND ? OK : error);
}

static enum error check_tables(struct database *database) {
    struct query query;
    char said[8] = "";
    query_begin(&query, database, "PRAGMA integrity_check(1)");
    enum error error = query_row(&query);
    if (error == OK) {
        query_get_text(&query, 0, said, sizeof(said));
        error = strcmp(said, "ok") == 0 ? OK : ERR_STORE_BROKEN;
    }
    return query_end(&query, error);
}

must_check enum error sqlcipher_store_check(struct sqlcipher_store *store) {
    enum error error = check_pages(&store->database);
    return error != OK ? error : check_tables(&store->database);
}

const struct client_store *sqlcipher_store_functions(const struct sqlcipher_store *store) {
    return &store->functions;
}

void sqlcipher_versions(char *cipher, size_t size, const char **sqlite) {
    struct database database = {0};
    *sqlite = sqlite3_libversion();
    cipher[0] = '\0';
    if (sqlite3_open_v2(":memory:", &database.handle, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK) {
        struct query query;
        query_begin(&query, &database, "PRAGMA cipher_version");
        enum error error = query_row(&query);
        if (error == OK) {
            query_get_text(&query, 0, cipher, size);
        }
        if (query_end(&query, error) != OK) {
            cipher[0] = '\0';
        }
    }
    database_close(&database);
}
