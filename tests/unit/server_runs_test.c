/* SPDX-License-Identifier: ISC */
/* Messages of one mailbox that are committed together stand in one row: what that must not change.
 */
#include "server/store/bodies.h"
#include "server/store/marks.h"
#include "server_world.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

static const char *text_of(uint32_t number) {
    static char text[16];
    snprintf(text, sizeof(text), "number %u", number);
    return text;
}

/* Ana sends bob, who is away, so many in one batch. */
static struct peer *fill(struct world *world, uint32_t count) {
    struct peer *ana = world_member(world, "ana");
    (void)world_member(world, "bob");
    peer_send(world, ana, "bob", 1, text_of(1)); /* the mailbox is loaded */
    world_settle(world);
    peer_expect(ana, WIRE_ACCEPTED);
    for (uint32_t i = 2; i <= count; i++) {
        peer_send(world, ana, "bob", i, text_of(i));
    }
    world_settle(world);
    for (uint32_t i = 2; i <= count; i++) {
        peer_expect(ana, WIRE_ACCEPTED);
    }
    return ana;
}

static struct peer *fetch(struct world *world, uint16_t window) {
    struct peer *bob = world_login(world, "bob");
    peer_fetch(world, bob, window);
    world_settle(world);
    return bob;
}

static void messages_of_one_batch_share_rows_and_come_in_order(void **state) {
    enum { COUNT = RUN_MAX_MESSAGES + 21 };
    struct world *world = *state;
    fill(world, COUNT);
    assert_int_equal(world_count(world, "SELECT count(*) FROM runs"), 3);
    assert_int_equal(world_count(world, "SELECT max(count) FROM runs"), RUN_MAX_MESSAGES);
    assert_int_equal(world_count(world, "SELECT sum(count) FROM runs"), COUNT);
    world_restart(world);
    struct peer *bob = fetch(world, 7); /* a window that no run fits in */
    for (uint32_t i = 1; i <= COUNT; i++) {
        peer_ack(world, bob, peer_expect_deliver(bob, "ana", text_of(i)));
        world_settle(world);
    }
    peer_expect(bob, WIRE_CAUGHT_UP);
    peer_expect_nothing(bob);
    assert_int_equal(world_count(world, "SELECT count(*) FROM runs"), 0);
    assert_int_equal(world_count(world, "SELECT sum(length(marks)) FROM marks"),
                     COUNT * MARK_BYTES);
}

static void a_large_message_has_a_row_of_its_own(void **state) {
    static uint8_t envelope[RUN_MAX_BYTES + 1] = {1, 0x12};
    struct world *world = *state;
    struct peer *ana = fill(world, 3);
    peer_send(world, ana, "bob", 4, text_of(4));
    peer_send_bytes(world, ana, "bob", 5, bytes_of(envelope));
    peer_send(world, ana, "bob", 6, text_of(6));
    world_settle(world);
    assert_int_equal(
        world_count(world, "SELECT count(*) FROM runs WHERE count = 1 AND bytes > 32768"), 1);
    struct peer *bob = fetch(world, 100);
    for (uint32_t i = 1; i <= 4; i++) {
        peer_expect_deliver(bob, "ana", text_of(i));
    }
    struct wire_deliver deliver;
    assert_int_equal(wire_read_deliver(peer_expect(bob, WIRE_DELIVER).body, &deliver), OK);
    assert_true(bytes_equal(deliver.envelope, bytes_of(envelope)));
    peer_expect_deliver(bob, "ana", text_of(6));
}

/* Acknowledged here and there: the others stay as they are, in their order. */
static void a_row_outlives_some_of_its_messages(void **state) {
    enum { COUNT = 20 };
    struct world *world = *state;
    struct peer *ana = fill(world, COUNT);
    struct peer *bob = fetch(world, COUNT);
    for (uint32_t i = 1; i <= COUNT; i++) {
        uint64_t handle = peer_expect_deliver(bob, "ana", text_of(i));
        if (i % 3 != 0) {
            peer_ack(world, bob, handle);
        }
    }
    world_settle(world);
    assert_int_equal(world_count(world, "SELECT sum(count) FROM runs"), COUNT / 3);
    assert_int_equal(world_count(world,
                                 "SELECT (SELECT sum(length(envelopes)) FROM runs) +"
                                 " (SELECT coalesce(sum(length(sealed) - 16), 0) FROM bodies) -"
                                 " (SELECT sum(bytes) FROM runs)"),
                     0);
    world_restart(world);
    bob = fetch(world, COUNT);
    for (uint32_t i = 3; i <= COUNT; i += 3) {
        peer_ack(world, bob, peer_expect_deliver(bob, "ana", text_of(i)));
    }
    peer_expect(bob, WIRE_CAUGHT_UP);
    peer_expect_nothing(bob);
    world_settle(world);
    assert_int_equal(world_count(world, "SELECT count(*) FROM runs"), 0);
    (void)ana;
}

/* Contract 4, wherever the first one is: in the same batch, in a row, among those that left, read
 * into memory or not. */
static void an_id_is_known_wherever_it_is(void **state) {
    struct world *world = *state;
    struct peer *ana = fill(world, 8);
    peer_send(world, ana, "bob", 9, text_of(9));
    peer_send(world, ana, "bob", 9, text_of(9)); /* in the same batch */
    world_settle(world);
    peer_expect(ana, WIRE_ACCEPTED);
    peer_expect(ana, WIRE_ACCEPTED);
    struct peer *bob = fetch(world, 100);
    for (uint32_t i = 1; i <= 9; i++) {
        uint64_t handle = peer_expect_deliver(bob, "ana", text_of(i));
        if (i <= 4) {
            peer_ack(world, bob, handle);
        }
    }
    world_settle(world);
    for (int round = 0; round < 2; round++) {
        for (uint32_t i = 1; i <= 9; i++) {
            peer_send(world, ana, "bob", i, text_of(i));
            world_settle(world);
            peer_expect(ana, WIRE_ACCEPTED);
        }
        assert_int_equal(world_count(world, "SELECT sum(count) FROM runs"), 5);
        world_restart(world);
        ana = world_login(world, "ana");
    }
    for (uint32_t i = 1; i <= 9; i += 4) {
        peer_send(world, ana, "bob", i, "other bytes");
        world_settle(world);
        peer_expect_error(ana, ERR_ENVELOPE_CONFLICT);
        ana = world_login(world, "ana");
    }
    bob = fetch(world, 100);
    for (uint32_t i = 5; i <= 9; i++) {
        peer_expect_deliver(bob, "ana", text_of(i));
    }
    peer_expect(bob, WIRE_CAUGHT_UP);
}

static void other_bytes_in_the_same_batch_are_a_conflict(void **state) {
    struct world *world = *state;
    struct peer *ana = fill(world, 1);
    peer_send(world, ana, "bob", 2, text_of(2));
    peer_send(world, ana, "bob", 2, "other bytes");
    peer_send(world, ana, "bob", 3, text_of(3));
    world_settle(world);
    peer_expect(ana, WIRE_ACCEPTED);
    peer_expect_error(ana, ERR_ENVELOPE_CONFLICT);
    peer_expect_error(ana, ERR_EARLIER_REFUSED);
    struct peer *bob = fetch(world, 100);
    peer_expect_deliver(bob, "ana", text_of(1));
    peer_expect_deliver(bob, "ana", text_of(2));
    peer_expect(bob, WIRE_CAUGHT_UP);
}

/* A batch that a full disk took back is not remembered. */
static void what_was_taken_back_is_unknown(void **state) {
    struct world *world = *state;
    struct peer *ana = fill(world, 2);
    assert_int_equal(
        sqlite3_exec(world->store->database, "PRAGMA max_page_count = 1", NULL, NULL, NULL),
        SQLITE_OK);
    static uint8_t large[60000] = {1, 0x12};
    peer_send_bytes(world, ana, "bob", 3, bytes_of(large));
    world_settle(world);
    peer_expect_error(ana, ERR_SERVER_DISK_FULL);
    assert_int_equal(
        sqlite3_exec(world->store->database, "PRAGMA max_page_count = 100000", NULL, NULL, NULL),
        SQLITE_OK);
    world_pass(world, 2000);
    ana = world_login(world, "ana");
    peer_send_bytes(world, ana, "bob", 3, bytes_of(large));
    world_settle(world);
    peer_expect(ana, WIRE_ACCEPTED);
    assert_int_equal(world_count(world, "SELECT sum(count) FROM runs"), 3);
}

/* One bit in a head, in an envelope: that message is not delivered, its neighbours are, and the
 * same bytes offered again mend it where it stands. */
static void damage(void **state, const char *sql) {
    struct world *world = *state;
    struct peer *ana = world_member(world, "ana");
    (void)world_member(world, "bob");
    for (uint32_t i = 1; i <= 4; i++) {
        peer_send(world, ana, "bob", i, text_of(i));
    }
    world_settle(world);
    assert_int_equal(sqlite3_exec(world->store->database, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(messages_damaged(world->store, SQL_RUN_ALL), 1);
    struct peer *bob = fetch(world, 100);
    peer_expect_deliver(bob, "ana", text_of(1));
    peer_expect_deliver(bob, "ana", text_of(2));
    peer_ack(world, bob, peer_expect_deliver(bob, "ana", text_of(4)));
    peer_expect(bob, WIRE_CAUGHT_UP);
    assert_non_null(strstr(world->log, "damaged"));
    world_settle(world);
    assert_int_equal(messages_damaged(world->store, SQL_RUN_ALL), 1);
    ana = world_login(world, "ana");
    peer_send(world, ana, "bob", 3, text_of(3));
    world_settle(world);
    peer_expect(ana, WIRE_ACCEPTED);
    assert_int_equal(messages_damaged(world->store, SQL_RUN_ALL), 0);
    bob = fetch(world, 100);
    for (uint32_t i = 1; i <= 3; i++) {
        peer_expect_deliver(bob, "ana", text_of(i));
    }
    peer_expect(bob, WIRE_CAUGHT_UP);
}

static void an_envelope_among_others_is_damaged(void **state) {
    damage(state,
           "UPDATE runs SET envelopes = CAST(substr(envelopes, 1, 2 * bytes / 4 + 9) || X'ff'"
           " || substr(envelopes, 2 * bytes / 4 + 11) AS BLOB)");
}

static void a_head_among_others_is_damaged(void **state) {
    /* The high byte of the place of the third. */
    damage(state,
           "UPDATE runs SET heads = CAST(substr(heads, 1, 2 * length(heads) / 4 + 40) || X'01'"
           " || substr(heads, 2 * length(heads) / 4 + 42) AS BLOB)");
}

static void the_digest_in_a_head_is_damaged(void **state) {
    damage(state, "UPDATE runs SET heads = CAST(substr(heads, 1, 2 * length(heads) / 4 + 30)"
                  " || zeroblob(1) || substr(heads, 2 * length(heads) / 4 + 32) AS BLOB)");
}

/* Four envelopes that are encrypted together. */
static void four_apart(struct world *world, uint8_t envelopes[4][1000]) {
    struct peer *ana = world_member(world, "ana");
    (void)world_member(world, "bob");
    for (uint32_t i = 0; i < 4; i++) {
        memset(envelopes[i], (int)('a' + i), 1000);
        envelopes[i][0] = 1;
        envelopes[i][1] = 0x12;
        peer_send_bytes(world, ana, "bob", i + 1, bytes_make(envelopes[i], 1000));
    }
    world_settle(world);
    assert_int_equal(world_count(world, "SELECT count(*) FROM bodies"), 1);
}

static uint64_t expect_bytes(struct peer *peer, struct bytes envelope) {
    struct wire_deliver deliver;
    assert_int_equal(wire_read_deliver(peer_expect(peer, WIRE_DELIVER).body, &deliver), OK);
    assert_true(bytes_equal(deliver.envelope, envelope));
    return deliver.handle;
}

static void change(struct world *world, const char *sql) {
    assert_int_equal(sqlite3_exec(world->store->database, sql, NULL, NULL, NULL), SQLITE_OK);
}

static void read_key(struct world *world, uint8_t key[32]) {
    sqlite3_blob *blob;
    assert_int_equal(sqlite3_blob_open(world->store->database, "main", "runs", "key",
                                       world_count(world, "SELECT row FROM runs"), 0, &blob),
                     SQLITE_OK);
    assert_int_equal(sqlite3_blob_read(blob, key, 32, 0), SQLITE_OK);
    assert_int_equal(sqlite3_blob_close(blob), SQLITE_OK);
}

/* A bit of what stands apart: the others are delivered, and the one is mended. What is left after
 * one was acknowledged is under another key. */
static void one_that_stands_apart_is_damaged(void **state) {
    static uint8_t envelopes[4][1000];
    uint8_t key[32];
    uint8_t later[32];
    struct world *world = *state;
    four_apart(world, envelopes);
    read_key(world, key);
    change(world, "UPDATE bodies SET sealed = CAST(substr(sealed, 1, 2500) || X'ff' ||"
                  " substr(sealed, 2502) AS BLOB)");
    assert_int_equal(messages_damaged(world->store, SQL_RUN_ALL), 1);
    struct peer *bob = fetch(world, 100);
    peer_ack(world, bob, expect_bytes(bob, bytes_of(envelopes[0])));
    (void)expect_bytes(bob, bytes_of(envelopes[1]));
    (void)expect_bytes(bob, bytes_of(envelopes[3]));
    world_settle(world);
    assert_int_equal(world_count(world, "SELECT max(count) FROM runs"), 3);
    assert_int_equal(messages_damaged(world->store, SQL_RUN_ALL), 1);
    read_key(world, later);
    assert_memory_not_equal(key, later, sizeof(key));
    struct peer *ana = world_login(world, "ana");
    peer_send_bytes(world, ana, "bob", 3, bytes_of(envelopes[2]));
    world_settle(world);
    peer_expect(ana, WIRE_ACCEPTED);
    assert_int_equal(messages_damaged(world->store, SQL_RUN_ALL), 0);
    bob = fetch(world, 100);
    for (size_t i = 1; i < 4; i++) {
        peer_ack(world, bob, expect_bytes(bob, bytes_of(envelopes[i])));
    }
    world_settle(world);
    assert_int_equal(world_count(world, "SELECT count(*) FROM bodies"), 0);
}

static int secure_delete(struct world *world) {
    sqlite3_stmt *statement;
    assert_int_equal(
        sqlite3_prepare_v2(world->store->database, "PRAGMA secure_delete", -1, &statement, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    const int value = sqlite3_column_int(statement, 0);
    sqlite3_finalize(statement);
    return value;
}

/* Overwriting is spared while envelopes that stand apart are deleted, and never after that, also
 * when it failed. */
static void what_else_is_deleted_is_overwritten(void **state) {
    static uint8_t envelopes[4][1000];
    struct world *world = *state;
    four_apart(world, envelopes);
    assert_int_equal(secure_delete(world), 1);
    change(world, "CREATE TEMP TRIGGER refuse BEFORE DELETE ON bodies BEGIN"
                  " SELECT RAISE(ABORT, 'refused'); END");
    body_remove(world->store, (uint64_t)world_count(world, "SELECT row FROM bodies"));
    assert_int_not_equal(world->store->error, OK);
    assert_int_equal(secure_delete(world), 1);
    world->store->error = OK;
    change(world, "DROP TRIGGER refuse");
    body_remove(world->store, (uint64_t)world_count(world, "SELECT row FROM bodies"));
    assert_int_equal(world_count(world, "SELECT count(*) FROM bodies"), 0);
    assert_int_equal(secure_delete(world), 1);
}

static void without_its_key_or_body_all_of_a_row_is_damaged(void **state) {
    static const char *const LOST[] = {"UPDATE runs SET key = zeroblob(32)",
                                       "UPDATE runs SET key = zeroblob(31)",
                                       "UPDATE bodies SET sealed = x'00'", "DELETE FROM bodies"};
    static uint8_t envelopes[4][1000];
    struct world *world = *state;
    four_apart(world, envelopes);
    for (size_t i = 0; i < sizeof(LOST) / sizeof(LOST[0]); i++) {
        change(world, LOST[i]);
        assert_int_equal(messages_damaged(world->store, SQL_RUN_ALL), 4);
    }
    struct peer *bob = fetch(world, 100);
    peer_expect(bob, WIRE_CAUGHT_UP);
    struct peer *ana = world_login(world, "ana");
    for (uint32_t i = 0; i < 4; i++) {
        peer_send_bytes(world, ana, "bob", i + 1, bytes_of(envelopes[i]));
    }
    world_settle(world);
    assert_int_equal(messages_damaged(world->store, SQL_RUN_ALL), 0);
    bob = fetch(world, 100);
    for (size_t i = 0; i < 4; i++) {
        (void)expect_bytes(bob, bytes_of(envelopes[i]));
    }
}

/* Where an envelope begins stands outside its head's checksum: what is read there is looked at. */
static void a_beginning_among_others_is_damaged(void **state) {
    static uint8_t envelopes[4][1000];
    struct world *world = *state;
    uint8_t at[4];
    sqlite3_blob *heads;
    four_apart(world, envelopes);
    put_u32(at, 2999);
    assert_int_equal(sqlite3_blob_open(world->store->database, "main", "runs", "heads",
                                       world_count(world, "SELECT row FROM runs"), 1, &heads),
                     SQLITE_OK);
    assert_int_equal(sqlite3_blob_write(heads, at, sizeof(at), 3 * HEAD_BYTES - (int)sizeof(at)),
                     SQLITE_OK);
    assert_int_equal(sqlite3_blob_close(heads), SQLITE_OK);
    struct peer *bob = fetch(world, 100);
    (void)expect_bytes(bob, bytes_of(envelopes[0]));
    (void)expect_bytes(bob, bytes_of(envelopes[1]));
    (void)expect_bytes(bob, bytes_of(envelopes[3]));
    peer_expect(bob, WIRE_CAUGHT_UP);
}

/* What is remembered of a message that left is damaged in its digest: it is still known. */
static void damaged_marks_are_no_conflict(void **state) {
    struct world *world = *state;
    (void)fill(world, 1);
    struct peer *bob = fetch(world, 100);
    peer_ack(world, bob, peer_expect_deliver(bob, "ana", text_of(1)));
    world_settle(world);
    assert_int_equal(marks_damaged(world->store), 0);
    change(world, "UPDATE marks SET marks = CAST(substr(marks, 1, 30) || zeroblob(1) ||"
                  " substr(marks, 32) AS BLOB)");
    assert_int_equal(marks_damaged(world->store), 1);
    struct peer *ana = world_login(world, "ana");
    peer_send(world, ana, "bob", 1, text_of(1));
    world_settle(world);
    peer_expect(ana, WIRE_ACCEPTED);
    assert_int_equal(world_count(world, "SELECT count(*) FROM runs"), 0);
}

/* The chain of one mailbox's marks among those of others; the oldest are forgotten first, and
 * numbers begin anew when all have gone. */
static void marks_are_found_until_they_are_forgotten(void **state) {
    struct world *world = *state;
    const uint8_t marks[MARK_BYTES] = {1};
    struct marks found;
    for (uint64_t row = 1; row <= 9; row++) {
        marks_add(world->store, row, 1 + row % 3, 1000 * row, bytes_of(marks));
    }
    struct marks_way way = marks_of(world->store, 1);
    for (uint64_t row = 9; row > 0; row -= 3) {
        assert_true(marks_next(&way, &found));
        assert_int_equal(found.row, row);
        assert_false(found.is_damaged);
    }
    assert_false(marks_next(&way, &found));
    assert_false(marks_forget(world->store, 6500));
    way = marks_of(world->store, 1);
    assert_true(marks_next(&way, &found));
    assert_int_equal(found.row, 9);
    assert_false(marks_next(&way, &found));
    assert_false(marks_forget(world->store, 9500));
    assert_int_equal(world_count(world, "SELECT count(*) FROM newest_marks"), 0);
    for (uint64_t row = 1; row <= 9; row++) {
        marks_add(world->store, row, 2, 1000 * row, bytes_of(marks));
    }
    way = marks_of(world->store, 2);
    for (uint64_t row = 9; row > 0; row--) {
        assert_true(marks_next(&way, &found));
        assert_int_equal(found.row, row);
    }
    assert_false(marks_next(&way, &found));
    assert_false(marks_erase(world->store, 2));
    assert_int_equal(world_count(world, "SELECT count(*) FROM marks"), 0);
}

enum { PLACE_AT = MARK_BYTES };

static struct peer *four_in_a_row(struct world *world) {
    struct peer *ana = world_member(world, "ana");
    (void)world_member(world, "bob");
    for (uint32_t i = 1; i <= 4; i++) {
        peer_send(world, ana, "bob", i, text_of(i));
    }
    world_settle(world);
    for (uint32_t i = 1; i <= 4; i++) {
        peer_expect(ana, WIRE_ACCEPTED);
    }
    assert_int_equal(world_count(world, "SELECT max(count) FROM runs"), 4);
    return ana;
}

/* The head at index `to` of the only row gets the place that stands in the one at `from`. */
static void copy_place(struct world *world, int from, int to) {
    uint8_t place[8];
    sqlite3_blob *heads;
    assert_int_equal(sqlite3_blob_open(world->store->database, "main", "runs", "heads",
                                       world_count(world, "SELECT row FROM runs"), 1, &heads),
                     SQLITE_OK);
    assert_int_equal(sqlite3_blob_read(heads, place, sizeof(place), from * HEAD_BYTES + PLACE_AT),
                     SQLITE_OK);
    assert_int_equal(sqlite3_blob_write(heads, place, sizeof(place), to * HEAD_BYTES + PLACE_AT),
                     SQLITE_OK);
    assert_int_equal(sqlite3_blob_close(heads), SQLITE_OK);
}

static void offer(struct world *world, struct peer *ana, uint32_t number) {
    peer_send(world, ana, "bob", number, text_of(number));
    world_settle(world);
    peer_expect(ana, WIRE_ACCEPTED);
}

/* Each is mended in a place of its own: all are delivered, and none leaves with another. */
static void neighbours_that_are_damaged_are_mended(void **state) {
    struct world *world = *state;
    struct peer *ana = four_in_a_row(world);
    copy_place(world, 0, 1);
    copy_place(world, 0, 2);
    assert_int_equal(messages_damaged(world->store, SQL_RUN_ALL), 2);
    offer(world, ana, 2);
    offer(world, ana, 3);
    assert_int_equal(messages_damaged(world->store, SQL_RUN_ALL), 0);
    struct peer *bob = fetch(world, 100);
    peer_expect_deliver(bob, "ana", text_of(1));
    peer_ack(world, bob, peer_expect_deliver(bob, "ana", text_of(2)));
    peer_expect_deliver(bob, "ana", text_of(3));
    peer_expect_deliver(bob, "ana", text_of(4));
    world_settle(world);
    assert_int_equal(world_count(world, "SELECT sum(count) FROM runs"), 3);
}

/* What is acknowledged at the place that a damaged head names is another message. */
static void a_damaged_message_is_not_acknowledged(void **state) {
    struct world *world = *state;
    struct peer *ana = four_in_a_row(world);
    copy_place(world, 1, 0);
    struct peer *bob = fetch(world, 100);
    peer_ack(world, bob, peer_expect_deliver(bob, "ana", text_of(2)));
    world_settle(world);
    assert_int_equal(messages_damaged(world->store, SQL_RUN_ALL), 1);
    assert_int_equal(world_count(world, "SELECT sum(count) FROM runs"), 3);
    offer(world, ana, 1);
    bob = fetch(world, 100);
    peer_expect_deliver(bob, "ana", text_of(1));
    peer_expect_deliver(bob, "ana", text_of(3));
    peer_expect_deliver(bob, "ana", text_of(4));
}

/* Heads that a row lacks, or has too many of: that is said, and its neighbours are delivered. */
static void expect_said(struct world *world, const char *sql) {
    struct peer *ana = four_in_a_row(world);
    assert_int_equal(sqlite3_exec(world->store->database, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_true(messages_damaged(world->store, SQL_RUN_ALL) >= 4);
    offer(world, ana, 5);
    struct peer *bob = fetch(world, 100);
    peer_ack(world, bob, peer_expect_deliver(bob, "ana", text_of(5)));
    peer_expect(bob, WIRE_CAUGHT_UP);
    assert_non_null(strstr(world->log, "damaged"));
    world_settle(world);
    assert_int_equal(world_count(world, "SELECT sum(count) FROM runs"), 4);
    const uint64_t device = (uint64_t)world_count(world, "SELECT device FROM runs");
    struct loaded_run run = runs_load(world->store, device, 1);
    assert_true(run.count <= RUN_MAX_MESSAGES);
    runs_unload(&run);
}

static void a_row_without_its_heads_is_told_of(void **state) {
    expect_said(*state, "UPDATE runs SET heads = X''");
}

static void a_row_with_too_many_heads_is_told_of(void **state) {
    expect_said(*state, "UPDATE runs SET heads = zeroblob(17 * length(heads))");
}

static void old_messages_expire_row_by_row(void **state) {
    struct world *world = *state;
    fill(world, 10);
    world_pass(world, 2000);
    world->now.wall_ms += world->config.keep_waiting_ms + DAY_MS;
    world->now.monotonic_ms += world->config.keep_waiting_ms + DAY_MS;
    world_pass(world, 2 * HOUR_MS); /* nothing expires for an hour after a jump of the clock */
    assert_int_equal(world_count(world, "SELECT count(*) FROM runs"), 0);
    struct server_stats stats;
    server_stats(world->server, &stats);
    assert_int_equal(stats.expired, 10);
    assert_int_equal(world_count(world, "SELECT sum(length(marks)) FROM marks"), 10 * MARK_BYTES);
    struct peer *ana = world_login(world, "ana");
    peer_send(world, ana, "bob", 3, text_of(3));
    world_settle(world);
    peer_expect(ana, WIRE_ACCEPTED);
    struct peer *bob = fetch(world, 10);
    peer_expect(bob, WIRE_CAUGHT_UP);
    world->now.wall_ms += DAY_MS;
    world->now.monotonic_ms += DAY_MS;
    world_pass(world, 2000);
    assert_int_equal(world_count(world, "SELECT count(*) FROM marks"), 0);
    ana = world_login(world, "ana");
    peer_send(world, ana, "bob", 3, text_of(3));
    world_settle(world);
    peer_expect(ana, WIRE_ACCEPTED);
    bob = fetch(world, 10);
    peer_expect_deliver(bob, "ana", text_of(3));
}

/* MAILBOX_IDS_MAX, here 20: the one that fits, and the one that does not. */
static void a_mailbox_remembers_so_many_ids_and_no_more(void **state) {
    struct world *world = *state;
    world->store->known.mailbox_max = 20;
    struct peer *ana = fill(world, 20);
    peer_send(world, ana, "bob", 21, text_of(21));
    world_settle(world);
    peer_expect_error(ana, ERR_MAILBOX_FULL);
    ana = world_login(world, "ana");
    peer_send(world, ana, "bob", 20, text_of(20));
    world_settle(world);
    peer_expect(ana, WIRE_ACCEPTED);
    assert_int_equal(world_count(world, "SELECT sum(count) FROM runs"), 20);
}

/* KNOWN_IDS_MAX, here 64 places: mailboxes in turn push each other out, and nothing is forgotten.
 */
static void ids_are_read_again_when_memory_is_short(void **state) {
    static const char *const names[] = {"bob", "cleo", "dan"};
    struct world *world = *state;
    struct peer *ana = world_member(world, "ana");
    world->store->known.room_max = 64;
    for (size_t i = 0; i < 3; i++) {
        (void)world_member(world, names[i]);
    }
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < 3; i++) {
            for (uint32_t id = 1; id <= 30; id++) {
                peer_send(world, ana, names[i], id, text_of(id));
            }
            world_settle(world);
            for (uint32_t id = 1; id <= 30; id++) {
                peer_expect(ana, WIRE_ACCEPTED);
            }
            assert_true(world->store->known.room <= 64);
        }
        assert_int_equal(world_count(world, "SELECT sum(count) FROM runs"), 90);
    }
}

/* The same while a batch gathers: what is not in its row yet is not forgotten either. */
static void ids_are_read_again_in_the_midst_of_a_batch(void **state) {
    static const char *const names[] = {"bob", "cleo", "bob", "cleo", "bob"};
    struct world *world = *state;
    struct peer *ana = world_member(world, "ana");
    (void)world_member(world, "bob");
    (void)world_member(world, "cleo");
    world->store->known.room_max = 1;
    for (uint32_t id = 1; id <= 2; id++) {
        for (size_t i = 0; i < 5; i++) {
            peer_send(world, ana, names[i], id, text_of(id));
        }
        world_settle(world);
        for (size_t i = 0; i < 5; i++) {
            peer_expect(ana, WIRE_ACCEPTED);
        }
        assert_int_equal(world_count(world, "SELECT sum(count) FROM runs"), 2 * id);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_begin, world_end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(messages_of_one_batch_share_rows_and_come_in_order),
        TEST(a_large_message_has_a_row_of_its_own),
        TEST(a_row_outlives_some_of_its_messages),
        TEST(an_id_is_known_wherever_it_is),
        TEST(other_bytes_in_the_same_batch_are_a_conflict),
        TEST(what_was_taken_back_is_unknown),
        TEST(an_envelope_among_others_is_damaged),
        TEST(a_head_among_others_is_damaged),
        TEST(the_digest_in_a_head_is_damaged),
        TEST(one_that_stands_apart_is_damaged),
        TEST(what_else_is_deleted_is_overwritten),
        TEST(without_its_key_or_body_all_of_a_row_is_damaged),
        TEST(a_beginning_among_others_is_damaged),
        TEST(damaged_marks_are_no_conflict),
        TEST(marks_are_found_until_they_are_forgotten),
        TEST(neighbours_that_are_damaged_are_mended),
        TEST(a_damaged_message_is_not_acknowledged),
        TEST(a_row_without_its_heads_is_told_of),
        TEST(a_row_with_too_many_heads_is_told_of),
        TEST(old_messages_expire_row_by_row),
        TEST(a_mailbox_remembers_so_many_ids_and_no_more),
        TEST(ids_are_read_again_when_memory_is_short),
        TEST(ids_are_read_again_in_the_midst_of_a_batch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
