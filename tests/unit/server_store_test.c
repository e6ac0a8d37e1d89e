/* SPDX-License-Identifier: ISC */
/* The store on SQLite: versions, damage, and that the epoch stays. */
#include "base/require.h"
#include "server/store/query.h"
#include "server_world.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

/* Another hand on the file, while the server is not there. */
static void change(struct world *world, const char *sql) {
    sqlite3 *database;
    server_free(world->server);
    world->server = NULL;
    sqlite_store_close(world->store);
    world->store = NULL;
    assert_int_equal(sqlite3_open(world->path, &database), SQLITE_OK);
    assert_int_equal(sqlite3_exec(database, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(database), SQLITE_OK);
}

static void the_epoch_stays_with_the_store(void **state) {
    struct world *world = *state;
    uint8_t epoch[STORE_EPOCH_BYTES];
    struct sqlite_store *other;
    char cause[100];
    memcpy(epoch, sqlite_store_epoch(world->store), sizeof(epoch));
    world_restart(world);
    assert_memory_equal(sqlite_store_epoch(world->store), epoch, sizeof(epoch));
    assert_int_equal(sqlite_store_open(":memory:", &world->random, &other, cause, sizeof(cause)),
                     OK);
    assert_memory_not_equal(sqlite_store_epoch(other), epoch, sizeof(epoch));
    sqlite_store_close(other);
}

static void a_newer_store_is_left_alone(void **state) {
    struct world *world = *state;
    char cause[100];
    struct sqlite_store *store = NULL;
    change(world,
           "PRAGMA user_version = 99; UPDATE meta SET value = '9.9' WHERE key = 'written_by'");
    assert_int_equal(sqlite_store_open(world->path, &world->random, &store, cause, sizeof(cause)),
                     ERR_STORE_NEWER);
    assert_string_equal(cause, "9.9");
    assert_null(store);
}

/* The first column of the first row, as text. */
static void ask(struct world *world, const char *sql, char out[100]) {
    sqlite3 *database;
    sqlite3_stmt *statement;
    assert_int_equal(sqlite3_open(world->path, &database), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(database, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    snprintf(out, 100, "%s", (const char *)sqlite3_column_text(statement, 0));
    sqlite3_finalize(statement);
    assert_int_equal(sqlite3_close(database), SQLITE_OK);
}

/* Bringing a store up to this version is one transaction: where its second step fails, the first
 * one was not done either. tests/system/test_server_store.py has data that earlier versions wrote.
 */
static void an_older_store_is_brought_up_whole_or_not_at_all(void **state) {
    struct world *world = *state;
    char cause[100];
    char answer[100];
    struct sqlite_store *store = NULL;
    change(world, "ALTER TABLE accounts DROP COLUMN state; PRAGMA user_version = 1;"
                  "UPDATE meta SET value = '0.0.9' WHERE key = 'written_by'");
    assert_int_not_equal(
        sqlite_store_open(world->path, &world->random, &store, cause, sizeof(cause)), OK);
    assert_null(store);
    ask(world, "PRAGMA user_version", answer);
    assert_string_equal(answer, "1");
    ask(world, "SELECT value FROM meta WHERE key = 'written_by'", answer);
    assert_string_equal(answer, "0.0.9");
    ask(world, "SELECT count(*) FROM pragma_table_info('accounts') WHERE name = 'state'", answer);
    assert_string_equal(answer, "0");
}

static void a_version_below_all_is_no_store(void **state) {
    struct world *world = *state;
    char cause[100];
    struct sqlite_store *store = NULL;
    change(world, "PRAGMA user_version = -1");
    assert_int_equal(sqlite_store_open(world->path, &world->random, &store, cause, sizeof(cause)),
                     ERR_STORE_BROKEN);
    assert_null(store);
}

static void what_is_no_database_is_said_to_be_broken(void **state) {
    struct world *world = *state;
    char cause[100];
    struct sqlite_store *store = NULL;
    change(world, "PRAGMA journal_mode = DELETE");
    FILE *file = fopen(world->path, "w");
    require(file != NULL);
    for (int i = 0; i < 500; i++) {
        fputs("this is not a database ", file);
    }
    fclose(file);
    assert_int_equal(sqlite_store_open(world->path, &world->random, &store, cause, sizeof(cause)),
                     ERR_STORE_BROKEN);
}

/* A bit that turned on the disk: the row is kept, said, and not delivered; offered again, it is
 * mended. */
static void a_damaged_row_is_loud(void **state) {
    struct world *world = *state;
    struct peer *ana = world_member(world, "ana");
    (void)world_member(world, "bob");
    peer_send(world, ana, "bob", 1, "one");
    peer_send(world, ana, "bob", 2, "two");
    world_settle(world);
    change(world, "UPDATE runs SET envelopes = CAST(X'00' || substr(envelopes, 2) AS BLOB)");
    world_restart(world);
    struct peer *bob = world_login(world, "bob");
    peer_fetch(world, bob, 10);
    world_settle(world);
    peer_expect_deliver(bob, "ana", "two");
    peer_expect(bob, WIRE_CAUGHT_UP);
    assert_non_null(strstr(world->log, "damaged"));
    ana = world_login(world, "ana");
    peer_send(world, ana, "bob", 1, "one");
    world_settle(world);
    peer_expect(ana, WIRE_ACCEPTED);
    bob = world_login(world, "bob");
    peer_fetch(world, bob, 10);
    world_settle(world);
    peer_expect_deliver(bob, "ana", "one");
    peer_expect_deliver(bob, "ana", "two");
}

/* How often `what` stands in a file; 0 when there is no file. */
static size_t occurrences(const char *path, struct bytes what) {
    static char content[1 << 22];
    size_t found = 0;
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        return 0;
    }
    size_t size = fread(content, 1, sizeof(content), file);
    require(size < sizeof(content));
    fclose(file);
    for (size_t i = 0; i + what.size <= size; i++) {
        found += memcmp(content + i, what.data, what.size) == 0;
    }
    return found;
}

static size_t left_in_the_files(const struct world *world, struct bytes what) {
    char log[100];
    snprintf(log, sizeof(log), "%s-wal", world->path);
    return occurrences(world->path, what) + occurrences(log, what);
}

/* Envelopes of many sizes for bob, those with an odd number to be acknowledged. */
static void fill_mailbox(struct world *world, size_t count) {
    static uint8_t envelope[9000];
    struct peer *ana = world_member(world, "ana");
    (void)world_member(world, "bob");
    for (uint32_t i = 1; i <= count; i++) {
        size_t size = ENVELOPE_MIN_BYTES + (size_t)(i * 977) % 7000;
        memset(envelope, 0, sizeof(envelope));
        envelope[0] = 1;
        envelope[1] = 0x12;
        for (size_t at = 2; at + 24 < size; at += 24) {
            snprintf((char *)envelope + at, 24, "%s %04u", i % 2 == 1 ? "SOON-GONE" : "STAYS-HERE",
                     i);
        }
        peer_send_bytes(world, ana, "bob", i, bytes_make(envelope, size));
        world_settle(world);
        peer_expect(ana, WIRE_ACCEPTED);
    }
}

static void acknowledge_odd(struct world *world, size_t count) {
    struct peer *bob = world_login(world, "bob");
    peer_fetch(world, bob, (uint16_t)count);
    world_settle(world);
    for (size_t i = 1; i <= count; i++) {
        struct wire_deliver deliver;
        assert_int_equal(wire_read_deliver(peer_expect(bob, WIRE_DELIVER).body, &deliver), OK);
        if (i % 2 == 1) {
            peer_ack(world, bob, deliver.handle);
        }
    }
    world_settle(world);
}

/* The keys of larger envelopes, which are encrypted: [0] of those that stay, [1] of the others. */
struct keys {
    uint8_t of[2][20][32];
    size_t count[2];
};

static void read_keys(struct world *world, struct keys *keys) {
    sqlite3_stmt *statement;
    *keys = (struct keys){.count = {0}};
    assert_int_equal(sqlite3_prepare_v2(world->store->database,
                                        "SELECT last % 2, key FROM runs WHERE key IS NOT NULL", -1,
                                        &statement, NULL),
                     SQLITE_OK);
    while (sqlite3_step(statement) == SQLITE_ROW) {
        const int which = sqlite3_column_int(statement, 0);
        assert_int_equal(sqlite3_column_bytes(statement, 1), 32);
        memcpy(keys->of[which][keys->count[which]++], sqlite3_column_blob(statement, 1), 32);
    }
    sqlite3_finalize(statement);
    assert_true(keys->count[0] > 5 && keys->count[1] > 5);
}

static size_t keys_in_the_files(const struct world *world, const struct keys *keys, int which) {
    size_t found = 0;
    for (size_t i = 0; i < keys->count[which]; i++) {
        found += left_in_the_files(world, bytes_of(keys->of[which][i])) > 0;
    }
    return found;
}

/* Also after the clock jumped, when nothing expires. Small envelopes are overwritten, of larger
 * ones the key is. */
static void what_was_acknowledged_is_in_no_file_after_a_minute(void **state) {
    enum { COUNT = 40 };
    const struct bytes gone = bytes_of_string("SOON-GONE");
    struct world *world = *state;
    struct keys keys;
    fill_mailbox(world, COUNT);
    world_pass(world, 1000);
    read_keys(world, &keys);
    assert_true(left_in_the_files(world, gone) > 0);
    assert_int_equal(keys_in_the_files(world, &keys, 1), keys.count[1]);
    world->now.wall_ms += 3 * HOUR_MS;
    acknowledge_odd(world, COUNT);
    assert_true(left_in_the_files(world, gone) > 0);
    assert_true(keys_in_the_files(world, &keys, 1) > 0);
    world_pass(world, 60 * 1000);
    assert_int_equal(left_in_the_files(world, gone), 0);
    assert_int_equal(keys_in_the_files(world, &keys, 1), 0);
    assert_true(left_in_the_files(world, bytes_of_string("STAYS-HERE")) > 0);
    assert_int_equal(keys_in_the_files(world, &keys, 0), keys.count[0]);
}

/* Makes of the store what schema 2 made of it, when `large` is the only envelope that waits. */
static void make_schema_2(struct world *world, struct bytes large) {
    sqlite3 *database;
    sqlite3_stmt *statement;
    change(
        world,
        "PRAGMA user_version = 2; ALTER TABLE runs RENAME TO r; ALTER TABLE marks RENAME TO m;"
        "DROP INDEX runs_of;"
        "CREATE TABLE runs(row INTEGER PRIMARY KEY, device INTEGER NOT NULL REFERENCES devices ON"
        " DELETE CASCADE, last INTEGER NOT NULL, count INTEGER NOT NULL, bytes INTEGER NOT NULL,"
        " accepted_ms INTEGER NOT NULL, heads BLOB NOT NULL, envelopes BLOB NOT NULL);"
        "CREATE UNIQUE INDEX runs_of ON runs(device, last);"
        "CREATE TABLE marks(row INTEGER PRIMARY KEY, device INTEGER NOT NULL REFERENCES devices"
        " ON DELETE CASCADE, left_ms INTEGER NOT NULL, marks BLOB NOT NULL);"
        "CREATE INDEX marks_of ON marks(device);"
        "INSERT INTO runs SELECT row, device, last, count, bytes, accepted_ms, heads, x'' FROM r;"
        "INSERT INTO marks SELECT row, device, left_ms, marks FROM m;"
        "DROP TABLE r; DROP TABLE m; DROP TABLE bodies; DROP TABLE newest_marks;"
        "DROP TABLE erasing");
    assert_int_equal(sqlite3_open(world->path, &database), SQLITE_OK);
    assert_int_equal(
        sqlite3_prepare_v2(database, "UPDATE runs SET envelopes = ?", -1, &statement, NULL),
        SQLITE_OK);
    sqlite3_bind_blob64(statement, 1, large.data, large.size, SQLITE_STATIC);
    assert_int_equal(sqlite3_step(statement), SQLITE_DONE);
    assert_int_equal(sqlite3_finalize(statement), SQLITE_OK);
    assert_int_equal(sqlite3_close(database), SQLITE_OK);
}

/* A message that stood in its row is delivered, and then stands apart; an id that left is known. */
static void a_store_of_schema_2_is_brought_up(void **state) {
    static uint8_t large[5000] = {1, 0x12, 'x'};
    struct world *world = *state;
    struct wire_deliver deliver;
    struct peer *ana = world_member(world, "ana");
    struct peer *bob = world_member(world, "bob");
    peer_send(world, ana, "bob", 1, "read before");
    world_settle(world);
    peer_fetch(world, bob, 10);
    world_settle(world);
    peer_ack(world, bob, peer_expect_deliver(bob, "ana", "read before"));
    world_settle(world);
    (void)world_login(world, "bob");
    peer_send_bytes(world, ana, "bob", 2, bytes_of(large));
    world_settle(world);
    make_schema_2(world, bytes_of(large));
    world_restart(world);
    assert_int_equal(world_count(world, "SELECT count(*) FROM runs WHERE key IS NOT NULL"), 1);
    ana = world_login(world, "ana");
    peer_send(world, ana, "bob", 1, "read before");
    world_settle(world);
    peer_expect(ana, WIRE_ACCEPTED);
    bob = world_login(world, "bob");
    peer_fetch(world, bob, 10);
    world_settle(world);
    assert_int_equal(wire_read_deliver(peer_expect(bob, WIRE_DELIVER).body, &deliver), OK);
    assert_true(bytes_equal(deliver.envelope, bytes_of(large)));
    peer_ack(world, bob, deliver.handle);
    world_settle(world);
    assert_int_equal(world_count(world, "SELECT count(*) FROM runs"), 0);
    assert_int_equal(world_count(world, "SELECT count(*) FROM bodies"), 0);
    assert_int_equal(world_count(world, "SELECT count(*) FROM marks"), 2);
}

/* The settings on which "accepted" rests are really in force. */
static void the_file_is_a_synced_log(void **state) {
    struct world *world = *state;
    sqlite3 *database;
    sqlite3_stmt *statement;
    assert_int_equal(sqlite3_open(world->path, &database), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(database, "PRAGMA journal_mode", -1, &statement, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(statement, 0), "wal");
    sqlite3_finalize(statement);
    sqlite3_close(database);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_epoch_stays_with_the_store, world_begin, world_end),
        cmocka_unit_test_setup_teardown(a_newer_store_is_left_alone, world_begin, world_end),
        cmocka_unit_test_setup_teardown(an_older_store_is_brought_up_whole_or_not_at_all,
                                        world_begin, world_end),
        cmocka_unit_test_setup_teardown(a_version_below_all_is_no_store, world_begin, world_end),
        cmocka_unit_test_setup_teardown(what_is_no_database_is_said_to_be_broken, world_begin,
                                        world_end),
        cmocka_unit_test_setup_teardown(a_damaged_row_is_loud, world_begin, world_end),
        cmocka_unit_test_setup_teardown(what_was_acknowledged_is_in_no_file_after_a_minute,
                                        world_begin, world_end),
        cmocka_unit_test_setup_teardown(a_store_of_schema_2_is_brought_up, world_begin, world_end),
        cmocka_unit_test_setup_teardown(the_file_is_a_synced_log, world_begin, world_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
