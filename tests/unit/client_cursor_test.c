/* SPDX-License-Identifier: ISC */
/* Cursors of the client's store: several readers see every message each, and what one passes over
 * stays unread for that one. */
#include "base/require.h"
#include "testing.h"

#include "client/store/database.h"
#include "client/store/schema.h"
#include "client/store/sqlcipher.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct secret_32 KEY = {{7}};

struct world {
    struct sqlcipher_store *opened;
    const struct client_store *store;
};

static struct world open_world(const char *path) {
    struct world world = {NULL, NULL};
    assert_int_equal(sqlcipher_store_open(path, &KEY, true, &world.opened), OK);
    world.store = sqlcipher_store_functions(world.opened);
    return world;
}

static struct user_name name_of(const char *text) {
    struct user_name name;
    assert_int_equal(user_name_parse(bytes_of_string(text), &name), OK);
    return name;
}

/* A message that is released; it gets the next place. */
static void receive(const struct client_store *store, const char *from, uint64_t received_ms) {
    struct incoming message = {.from = name_of(from),
                               .kind = 1,
                               .received_ms = received_ms,
                               .sent_ms = received_ms,
                               .msg_id = {(uint8_t)received_ms}};
    assert_int_equal(store->incoming_add(store->context, &message, bytes_of_string("text")), OK);
    assert_int_equal(store->incoming_release(store->context, &message), OK);
}

static uint64_t open_cursor(const struct client_store *store, const char *name, uint64_t start) {
    uint64_t place = UINT64_MAX;
    assert_int_equal(store->cursor_open(store->context, name, start, 1, &place), OK);
    return place;
}

static uint64_t next_passed(const struct client_store *store, const char *cursor, const char *from,
                            uint64_t place) {
    struct user_name name = name_of(from == NULL ? "nobody" : from);
    uint64_t next = 0;
    enum error error =
        store->passed_next(store->context, cursor, from == NULL ? NULL : &name, place, &next);
    assert_true(error == OK || error == ERR_NOT_FOUND);
    return error == OK ? next : 0;
}

static uint32_t unread(const struct client_store *store, const char *cursor) {
    struct store_counts counts;
    assert_int_equal(store->counts(store->context, cursor, &counts), OK);
    return counts.unread;
}

/* Promise: a new cursor begins where it is told to, never behind what has not come yet; an old one
 * stands where it was left. */
static void begins_where_it_is_told(void **state) {
    (void)state;
    struct world world = open_world(":memory:");
    receive(world.store, "ana", 10);
    receive(world.store, "bob", 20);
    assert_int_equal(open_cursor(world.store, "recv", 0), 0);
    assert_int_equal(open_cursor(world.store, "now", INT64_MAX), 2);
    assert_int_equal(open_cursor(world.store, "since", 1), 1);
    receive(world.store, "ana", 30);
    assert_int_equal(open_cursor(world.store, "now", INT64_MAX), 2);
    assert_int_equal(world.store->cursor_put(world.store->context, "now", 3), OK);
    assert_int_equal(world.store->cursor_put(world.store->context, "now", 1), OK);
    assert_int_equal(open_cursor(world.store, "now", 0), 3);
    assert_int_equal(open_cursor(world.store, "recv", INT64_MAX), 0);
    sqlcipher_store_close(world.opened);
}

/* Promise: what one reader passes over is unread for that one alone, and found by its sender. */
static void remembers_what_each_passed_over(void **state) {
    (void)state;
    struct world world = open_world(":memory:");
    const struct client_store *store = world.store;
    struct user_name from;
    const struct user_name first = {{0}};
    uint32_t count = 0;
    open_cursor(store, "recv", 0);
    open_cursor(store, "pager", 0);
    receive(store, "ana", 10);
    receive(store, "bob", 20);
    receive(store, "bob", 30);
    receive(store, "ana", 40);
    assert_int_equal(store->cursor_pass(store->context, "pager", 0, 3), OK);
    assert_int_equal(open_cursor(store, "pager", 0), 3);
    assert_int_equal(open_cursor(store, "recv", 0), 0);
    assert_int_equal(next_passed(store, "recv", NULL, 0), 0);
    assert_int_equal(next_passed(store, "pager", NULL, 0), 1);
    assert_int_equal(next_passed(store, "pager", "bob", 0), 2);
    assert_int_equal(next_passed(store, "pager", "bob", 2), 3);
    assert_int_equal(next_passed(store, "pager", "bob", 3), 0);
    assert_int_equal(store->passed_sender(store->context, "pager", &first, &from, &count), OK);
    assert_string_equal(from.text, "ana");
    assert_int_equal(count, 1);
    assert_int_equal(unread(store, "pager"), 4);
    assert_int_equal(store->passed_take(store->context, "pager", 2), OK);
    assert_int_equal(next_passed(store, "pager", "bob", 0), 3);
    assert_int_equal(unread(store, "pager"), 3);
    assert_int_equal(store->unread_next(store->context, "pager", &first, &from, &count), OK);
    assert_string_equal(from.text, "ana");
    assert_int_equal(count, 2);
    sqlcipher_store_close(world.opened);
}

static void finds_places_by_time_and_id(void **state) {
    (void)state;
    struct world world = open_world(":memory:");
    const struct client_store *store = world.store;
    const uint8_t known[MESSAGE_ID_BYTES] = {20};
    const uint8_t unknown[MESSAGE_ID_BYTES] = {21};
    uint64_t place = 99;
    assert_int_equal(store->place_since(store->context, 5, &place), OK);
    assert_int_equal(place, 0);
    for (uint64_t time = 10; time <= 30; time += 10) {
        receive(store, "ana", time);
    }
    static const uint64_t FOUND[][2] = {{1, 0}, {10, 0}, {11, 1}, {30, 2}, {31, 3}};
    for (size_t i = 0; i < ROWS(FOUND); i++) {
        assert_int_equal(store->place_since(store->context, FOUND[i][0], &place), OK);
        assert_int_equal(place, FOUND[i][1]);
    }
    assert_int_equal(store->place_of(store->context, known, &place), OK);
    assert_int_equal(place, 2);
    assert_int_equal(store->place_of(store->context, unknown, &place), ERR_NOT_FOUND);
    sqlcipher_store_close(world.opened);
}

/* Promise: their number has a bound; who meets it is told which one nobody uses. */
static void keeps_at_most_64(void **state) {
    (void)state;
    struct world world = open_world(":memory:");
    const struct client_store *store = world.store;
    char name[CURSOR_NAME_MAX_BYTES + 1];
    uint64_t place = 0;
    for (unsigned i = 0; i < CURSORS_MAX; i++) {
        uint64_t used = i == 17 ? 1 : 100;
        snprintf(name, sizeof(name), "c%u", i);
        if (i == 18) { /* the one that every profile has, and that is not dropped */
            snprintf(name, sizeof(name), "recv");
            used = 0;
        }
        assert_int_equal(store->cursor_open(store->context, name, 0, used, &place), OK);
    }
    assert_int_equal(store->cursor_open(store->context, "more", 0, 5, &place), ERR_LIMIT);
    assert_int_equal(store->cursor_open(store->context, "c5", 0, 5, &place), OK);
    assert_int_equal(store->cursor_least_used(store->context, name), OK);
    assert_string_equal(name, "c17");
    assert_int_equal(store->cursor_open(store->context, "c17", 0, 5 * HOUR_MS, &place), OK);
    assert_int_equal(store->cursor_least_used(store->context, name), OK);
    assert_string_equal(name, "c0");
    assert_int_equal(store->cursor_drop(store->context, "c0"), OK);
    assert_int_equal(store->cursor_drop(store->context, "c0"), ERR_NOT_FOUND);
    assert_int_equal(store->cursor_open(store->context, "more", 0, 5, &place), OK);
    sqlcipher_store_close(world.opened);
}

/* Promise: a cursor that is forgotten and made again has nothing of the old one. */
static void forgets_what_it_passed_over(void **state) {
    (void)state;
    struct world world = open_world(":memory:");
    receive(world.store, "ana", 10);
    open_cursor(world.store, "pager", 0);
    assert_int_equal(world.store->cursor_pass(world.store->context, "pager", 0, 1), OK);
    assert_int_equal(world.store->cursor_drop(world.store->context, "pager"), OK);
    assert_int_equal(open_cursor(world.store, "pager", INT64_MAX), 1);
    assert_int_equal(next_passed(world.store, "pager", NULL, 0), 0);
    sqlcipher_store_close(world.opened);
}

static void run_sql(sqlite3 *handle, const char *sql) {
    char *message = NULL;
    if (sqlite3_exec(handle, sql, NULL, NULL, &message) != SQLITE_OK) {
        fail_msg("%s: %s", sql, message);
    }
}

/* A store as the version before this one left it: bob was passed over, carol is new. */
static void make_version_2(const char *path) {
    sqlite3 *handle = NULL;
    char key[68] = "x'07";
    memset(key + 4, '0', 62);
    key[66] = '\'';
    assert_int_equal(sqlite3_open(path, &handle), SQLITE_OK);
    assert_int_equal(sqlite3_key(handle, key, (int)strlen(key)), SQLITE_OK);
    for (size_t version = 0; version < 2; version++) {
        for (size_t i = 0; SCHEMAS[version][i] != NULL; i++) {
            run_sql(handle, SCHEMAS[version][i]);
        }
    }
    static const char *const NAMES[] = {"ana", "bob", "carol"};
    for (size_t i = 0; i < ROWS(NAMES); i++) {
        char sql[400];
        snprintf(
            sql, sizeof(sql),
            "INSERT INTO incoming(peer, afp, msg_id, kind, sent, received, sid, chain, number,"
            " held, confirmed, place, text, passed) VALUES('%s', zeroblob(32), zeroblob(16), 1,"
            " 1, 1, zeroblob(16), zeroblob(16), 0, 0, 1, %zu, x'', %d)",
            NAMES[i], i + 1, i == 1);
        run_sql(handle, sql);
    }
    run_sql(handle, "INSERT INTO cursor(name, place) VALUES('recv', 2)");
    assert_int_equal(sqlite3_close(handle), SQLITE_OK);
}

/* Promise: an older store comes along with its cursor and with what was passed over. */
static void takes_over_an_older_store(void **state) {
    (void)state;
    char folder[] = "/tmp/sotto-cursor-XXXXXX";
    char path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/store.db", folder);
    make_version_2(path);
    struct world world = open_world(path);
    assert_int_equal(open_cursor(world.store, "recv", 0), 2);
    assert_int_equal(next_passed(world.store, "recv", NULL, 0), 2);
    assert_int_equal(next_passed(world.store, "recv", "bob", 0), 2);
    assert_int_equal(unread(world.store, "recv"), 2);
    sqlcipher_store_close(world.opened);
    static const char *const ENDS[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < ROWS(ENDS); i++) {
        snprintf(path, sizeof(path), "%s/store.db%s", folder, ENDS[i]);
        unlink(path);
    }
    assert_int_equal(rmdir(folder), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(begins_where_it_is_told),
        cmocka_unit_test(remembers_what_each_passed_over),
        cmocka_unit_test(finds_places_by_time_and_id),
        cmocka_unit_test(keeps_at_most_64),
        cmocka_unit_test(forgets_what_it_passed_over),
        cmocka_unit_test(takes_over_an_older_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
