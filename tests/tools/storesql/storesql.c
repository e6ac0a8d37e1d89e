/* SPDX-License-Identifier: ISC */
/* Runs one statement on a client's encrypted store, for tests that have to know what is in it.
 *
 *   storesql KEYFILE DATABASE PASSPHRASE STATEMENT
 *
 * prints each row on a line, its columns in hex with tabs between. Exit: 0, or 1 with the reason on
 * stderr. */
#include "client/store/database.h"
#include "client/store/key_file.h"
#include "platform/files.h"

#include <stdio.h>

static int fail(const char *what) {
    (void)fprintf(stderr, "storesql: %s\n", what);
    return 1;
}

static void print_row(sqlite3_stmt *statement) {
    for (int column = 0; column < sqlite3_column_count(statement); column++) {
        const uint8_t *data = sqlite3_column_blob(statement, column);
        for (int i = 0; i < sqlite3_column_bytes(statement, column); i++) {
            (void)printf("%02x", data[i]);
        }
        (void)putchar(column + 1 < sqlite3_column_count(statement) ? '\t' : '\n');
    }
}

static int run(struct database *database, const char *sql) {
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(database->handle, sql, -1, &statement, NULL) != SQLITE_OK) {
        return fail(sqlite3_errmsg(database->handle));
    }
    int step = SQLITE_ROW;
    while ((step = sqlite3_step(statement)) == SQLITE_ROW) {
        print_row(statement);
    }
    (void)sqlite3_finalize(statement);
    return step == SQLITE_DONE ? 0 : fail(sqlite3_errmsg(database->handle));
}

int main(int argc, char **argv) {
    struct buffer file;
    struct secret_32 key;
    struct database database;
    unsigned mode = 0;
    if (argc != 5) {
        return fail("usage: storesql KEYFILE DATABASE PASSPHRASE STATEMENT");
    }
    buffer_init(&file, KEY_FILE_MAX_BYTES);
    if (file_read_private(argv[1], &file, &mode) != OK ||
        key_file_open(buffer_view(&file), bytes_of_string(argv[3]), &key) != OK) {
        return fail("the key file does not open");
    }
    if (database_open(&database, argv[2], &key, false) != OK || database_own(&database) != OK) {
        return fail("the store does not open");
    }
    int status = run(&database, argv[4]);
    database_close(&database);
    secret_32_clear(&key);
    buffer_clear(&file);
    return status;
}
