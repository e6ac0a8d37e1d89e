/* SPDX-License-Identifier: ISC */
/* The delivery contract, point by point: the core with the real store, driven over the wire
 * protocol. */
#include "server_world.h"

#include <stdio.h>
#include <string.h>

/* 1: accepted means on the disk. */
static void accepted_waits_for_the_commit(void **state) {
    struct world *world = *state;
    struct peer *ana = world_member(world, "ana");
    world_member(world, "bob");
    peer_send(world, ana, "bob", 1, "first"); /* the mailbox is loaded */
    world_settle(world);
    peer_expect(ana, WIRE_ACCEPTED);
    world->holds_batches = true;
    uint32_t request = peer_send(world, ana, "bob", 2, "second");
    world_settle(world);
    peer_expect_nothing(ana);
    world->holds_batches = false;
    world_finish_batch(world);
    assert_int_equal(peer_expect(ana, WIRE_ACCEPTED).request, request);
}

/* 1 and 5: what was accepted is there after kill -9, what was under way is not accepted. */
static void a_restart_keeps_what_was_accepted(void **state) {
    struct world *world = *state;
    struct peer *ana = world_member(world, "ana");
    world_member(world, "bob");
    for (uint32_t i = 1; i <= 5; i++) {
        peer_send(world, ana, "bob", i, "kept");
        world_settle(world);
        peer_expect(ana, WIRE_ACCEPTED);
    }
    world->holds_batches = true;
    peer_send(world, ana, "bob", 6, "lost with the process");
    world_settle(world);
    world->holds_batches = false;
    world_restart(world);
    struct peer *bob = world_login(world, "bob");
    peer_fetch(world, bob, 100);
    world_settle(world);
    for (int i = 0; i < 5; i++) {
        peer_expect_deliver(bob, "ana", "kept");
    }
    peer_expect(bob, WIRE_CAUGHT_UP);
    peer_expect_nothing(bob);
}

/* 2: a message leaves on the device's acknowledgement and not before. */
static void only_an_acknowledgement_takes_a_message_away(void **state) {
    struct world *world = *state;
    struct peer *ana = world_member(world, "ana");
    struct peer *bob = world_member(world, "bob");
    peer_send(world, ana, "bob", 1, "one");
    peer_send(world, ana, "bob", 2, "two");
    world_settle(world);
    peer_fetch(world, bob, 10);
    world_settle(world);
    uint64_t first = peer_expect_deliver(bob, "ana", "one");
    peer_expect_deliver(bob, "ana", "two");
    peer_ack(world, bob, first);
    world_settle(world);
    bob = world_login(world, "bob");
    peer_fetch(world, bob, 10);
    world_settle(world);
    peer_expect_deliver(bob, "ana", "two");
    peer_expect(bob, WIRE_CAUGHT_UP);
    peer_expect_nothing(bob);
}

/* 2: a handle means nothing on another connection, and acknowledging twice takes nothing more away.
 */
static void a_handle_is_valid_on_one_connection(void **state) {
    struct world *world = *state;
    struct peer *ana = world_member(world, "ana");
    struct peer *bob = world_member(world, "bob");
    for (uint32_t i = 1; i <= 3; i++) {
        peer_send(world, ana, "bob", i, "kept");
    }
    peer_fetch(world, bob, 10);
    world_settle(world);
    peer_expect(bob, WIRE_CAUGHT_UP);
    uint64_t old = peer_expect_deliver(bob, "ana", "kept");
    bob = world_login(world, "bob");
    peer_fetch(world, bob, 10);
    world_settle(world);
    uint64_t fresh = peer_expect_deliver(bob, "ana", "kept");
    assert_true(old != fresh);
    for (uint64_t handle = old; handle < old + 3; handle++) {
        peer_ack(world, bob, handle);
    }
    peer_ack(world, bob, fresh);
    peer_ack(world, bob, fresh);
    world_settle(world);
    bob = world_login(world, "bob");
    peer_fetch(world, bob, 10);
    world_settle(world);
    peer_expect_deliver(bob, "ana", "kept");
    peer_expect_deliver(bob, "ana", "kept");
    peer_expect(bob, WIRE_CAUGHT_UP);
}

/* 2: a second login of a device fences the first: it is told, and what it still says does not
 * count. */
static void a_second_login_fences_the_first(void **state) {
    struct world *world = *state;
    struct peer *ana = world_member(world, "ana");
    struct peer *bob = world_member(world, "bob");
    peer_send(world, ana, "bob", 1, "one");
    peer_fetch(world, bob, 10);
    world_settle(world);
    peer_expect(bob, WIRE_CAUGHT_UP);
    uint64_t handle = peer_expect_deliver(bob, "ana", "one");
    struct peer *again = world_login(world, "bob");
    peer_expect_error(bob, ERR_SIGNED_IN_ELSEWHERE);
    assert_true(bob->is_closed);
    peer_ack(world, bob, handle);
    peer_send(world, bob, "ana", 9, "from the past");
    world_settle(world);
    peer_fetch(world, again, 10);
    peer_fetch(world, ana, 10);
    world_settle(world);
    peer_expect_deliver(again, "ana", "one");
    peer_expect(ana, WIRE_ACCEPTED);
    peer_expect(ana, WIRE_CAUGHT_UP);
    peer_expect_nothing(ana);
}

/* 3: the order of acceptance is that of delivery, from memory and from the store, across a window
 * of one. */
static void the_order_is_kept(void **state) {
    struct world *world = *state;
    struct peer *ana = world_member(world, "ana");
    struct peer *bob = world_member(world, "bob");
    char text[16];
    uint32_t next = 0;
    for (; next < 100; next++) {
        snprintf(text, sizeof(text), "%u", next);
        peer_send(world, ana, "bob", next, text);
    }
    peer_fetch(world, bob, 3);
    world_settle(world);
    bool caught_up = false;
    for (uint32_t i = 0; i < 300; i++) {
        snprintf(text, sizeof(text), "%u", next);
        peer_send(world, ana, "bob", next++, text);
        world_settle(world);
        struct got got;
        struct wire_deliver deliver;
        assert_true(peer_next(bob, &got));
        if (got.type == WIRE_CAUGHT_UP) {
            assert_false(caught_up);
            caught_up = true;
            assert_true(peer_next(bob, &got));
        }
        assert_int_equal(wire_read_deliver(got.body, &deliver), OK);
        snprintf(text, sizeof(text), "%u", i);
        assert_string_equal((const char *)deliver.envelope.data + 2, text);
        peer_ack(world, bob, deliver.handle);
        if (i % 7 == 0) {
            world_settle(world);
        }
    }
}

/* 3: CAUGHT_UP comes once, when all that waited was handed over. */
static void caught_up_waits_for_the_window(void **state) {
    struct world *world = *state;
    struct peer *ana = world_member(world, "ana");
    struct peer *bob = world_member(world, "bob");
    peer_send(world, ana, "bob", 1, "one");
    peer_send(world, ana, "bob", 2, "two");
    world_settle(world);
    peer_fetch(world, bob, 1);
    world_settle(world);
    uint64_t handle = peer_expect_deliver(bob, "ana", "one");
    peer_expect_nothing(bob);
    peer_ack(world, bob, handle);
    world_settle(world);
    peer_expect_deliver(bob, "ana", "two");
    peer_expect(bob, WIRE_CAUGHT_UP);
    peer_expect_nothing(bob);
}

/* 3: what follows a refused message to a mailbox is refused with it; another mailbox is not
 * touched. */
static void later_ones_are_refused_with_an_earlier_one(void **state) {
    struct world *world = *state;
    world->config.mailbox_max_messages = 2;
    world_restart(world);
    struct peer *ana = world_member(world, "ana");
    struct peer *bob = world_member(world, "bob");
    world_member(world, "carol");
    for (uint32_t i = 1; i <= 3; i++) {
        peer_send(world, ana, "bob", i, "x");
    }
    world_settle(world);
    peer_expect(ana, WIRE_ACCEPTED);
    peer_expect(ana, WIRE_ACCEPTED);
    peer_expect_error(ana, ERR_MAILBOX_FULL);
    peer_fetch(world, bob, 10);
    world_settle(world);
    peer_ack(world, bob, peer_expect_deliver(bob, "ana", "x"));
    world_settle(world);
    peer_send(world, ana, "bob", 4, "there is room, but the third is missing");
    peer_send(world, ana, "carol", 5, "x");
    peer_send(world, ana, "bob", 2, "x");
    world_settle(world);
    struct got got;
    unsigned accepted = 0;
    unsigned refused = 0;
    while (peer_next(ana, &got)) {
        accepted += got.type == WIRE_ACCEPTED;
        refused += got.type == WIRE_ERROR;
    }
    assert_int_equal(accepted, 2); /* carol's, and the second, which was accepted before */
    assert_int_equal(refused, 1);
    ana = world_login(world, "ana");
    peer_send(world, ana, "bob", 3, "x");
    world_settle(world);
    peer_expect(ana, WIRE_ACCEPTED);
}

/* 4: the same bytes under one id are accepted again and queued once; other bytes are an error. */
static void an_envelope_id_names_one_envelope(void **state) {
    struct world *world = *state;
    struct peer *ana = world_member(world, "ana");
    struct peer *bob = world_member(world, "bob");
    struct peer *carol = world_member(world, "carol");
    peer_send(world, ana, "bob", 7, "same");
    peer_send(world, ana, "bob", 7, "same");
    peer_send(world, carol, "bob", 7, "another sender's");
    world_settle(world);
    peer_expect(ana, WIRE_ACCEPTED);
    peer_expect(ana, WIRE_ACCEPTED);
    peer_expect(carol, WIRE_ACCEPTED);
    peer_send(world, ana, "bob", 7, "other");
    peer_send(world, ana, "bob", 8, "after it");
    world_settle(world);
    peer_expect_error(ana, ERR_ENVELOPE_CONFLICT);
    peer_expect_error(ana, ERR_EARLIER_REFUSED);
    peer_fetch(world, bob, 10);
    world_settle(world);
    peer_ack(world, bob, peer_expect_deliver(bob, "ana", "same"));
    peer_expect_deliver(bob, "carol", "another sender's");
    peer_expect(bob, WIRE_CAUGHT_UP);
    peer_expect_nothing(bob);
}

/* 4: an id is remembered for 24 h after its message left, also across a restart. */
static void an_id_is_remembered_for_a_day(void **state) {
    struct world *world = *state;
    struct peer *ana = world_member(world, "ana");
    struct peer *bob = world_member(world, "bob");
    peer_fetch(world, bob, 10);
    peer_send(world, ana, "bob", 7, "once");
    world_settle(world);
    peer_expect(bob, WIRE_CAUGHT_UP);
    peer_ack(world, bob, peer_expect_deliver(bob, "ana", "once"));
    world_settle(world);
    world->now.wall_ms += DAY_MS - MINUTE_MS;
    world->now.monotonic_ms += DAY_MS - MINUTE_MS;
    world_restart(world);
    world_pass(world, 2000);
    ana = world_login(world, "ana");
    bob = world_login(world, "bob");
    peer_fetch(world, bob, 10);
    peer_send(world, ana, "bob", 7, "once");
    world_settle(world);
    peer_expect(ana, WIRE_ACCEPTED);
    peer_expect(bob, WIRE_CAUGHT_UP);
    peer_expect_nothing(bob);
    world->now.wall_ms += 2 * MINUTE_MS;
    world->now.monotonic_ms += 2 * MINUTE_MS;
    world_pass(world, 2000);
    peer_send(world, ana, "bob", 7, "once");
    world_settle(world);
    peer_expect_deliver(bob, "ana", "once");
}

/* 5: below min-free new messages are refused, stored ones are delivered and deleted. */
static void a_full_disk_refuses_and_delivers(void **state) {
    struct world *world = *state;
    struct peer *ana = world_member(world, "ana");
    struct peer *bob = world_member(world, "bob");
    peer_send(world, ana, "bob", 1, "stored");
    world_settle(world);
    peer_expect(ana, WIRE_ACCEPTED);
    server_disk_free(world->server, MIN_FREE_BYTES - 1);
    peer_send(world, ana, "bob", 2, "too late");
    peer_send(world, ana, "bob", 1, "stored");
    world_settle(world);
    peer_expect_error(ana, ERR_SERVER_DISK_FULL);
    peer_expect(ana, WIRE_ACCEPTED); /* offered again: it is stored */
    peer_fetch(world, bob, 10);
    world_settle(world);
    peer_ack(world, bob, peer_expect_deliver(bob, "ana", "stored"));
    world_settle(world);
    assert_int_equal(server_figures(world->server).delivered, 1);
    server_disk_free(world->server, MIN_FREE_BYTES);
    ana = world_login(world, "ana");
    peer_send(world, ana, "bob", 2, "now");
    world_settle(world);
    peer_expect(ana, WIRE_ACCEPTED);
}

/* 5: a batch that found no space was not applied: senders are refused, what was promised is tried
 * again; so is what a device has been handed. */
static void no_space_in_a_batch_loses_nothing(void **state) {
    struct world *world = *state;
    struct peer *ana = world_member(world, "ana");
    struct peer *bob = world_member(world, "bob");
    world_member(world, "carol");
    peer_send(world, ana, "bob", 1, "stored");
    peer_fetch(world, bob, 10);
    world_settle(world);
    peer_expect(ana, WIRE_ACCEPTED);
    peer_expect(bob, WIRE_CAUGHT_UP);
    uint64_t handle = peer_expect_deliver(bob, "ana", "stored");
    world->fails = ERR_FULL;
    peer_ack(world, bob, handle);
    peer_send(world, ana, "carol", 2, "no room");
    uint32_t handed = peer_send(world, ana, "bob", 3, "handed over");
    world_settle(world);
    peer_expect_error(ana, ERR_SERVER_DISK_FULL);
    peer_expect_deliver(bob, "ana", "handed over");
    peer_expect_nothing(ana);
    assert_non_null(strstr(world->log, "disk full"));
    world->fails = OK;
    world_pass(world, 2000);
    assert_int_equal(server_figures(world->server).delivered, 1);
    assert_int_equal(peer_expect(ana, WIRE_ACCEPTED).request, handed);
    ana = world_login(world, "ana");
    peer_send(world, ana, "carol", 2, "room");
    world_settle(world);
    peer_expect(ana, WIRE_ACCEPTED);
}

/* 6: a failed batch is unknown: nobody is told anything any more. */
static void a_failed_batch_silences_the_server(void **state) {
    struct world *world = *state;
    struct peer *ana = world_member(world, "ana");
    world_member(world, "bob");
    world->fails = ERR_IO;
    peer_send(world, ana, "bob", 1, "unknown");
    world_settle(world);
    assert_true(server_is_failed(world->server));
    world->fails = OK;
    peer_send(world, ana, "bob", 2, "ignored");
    world_pass(world, 1000);
    peer_expect_nothing(ana);
    assert_null(server_take_batch(world->server, world->now));
}

/* 6: a full queue to the store stops the reading of senders, and nothing is lost by it. */
static void a_full_queue_pauses_the_senders(void **state) {
    struct world *world = *state;
    world->config.store_queue_max = 8;
    world_restart(world);
    struct peer *ana = world_member(world, "ana");
    world_member(world, "bob");
    peer_send(world, ana, "bob", 0, "load");
    world_settle(world);
    peer_expect(ana, WIRE_ACCEPTED);
    world->holds_batches = true;
    for (uint32_t i = 1; i <= 100; i++) {
        peer_send(world, ana, "bob", i, "many");
        if (i == 1) {
            world_settle(world); /* one batch is under way */
        }
    }
    world_settle(world);
    assert_true(ana->is_paused);
    assert_true(server_figures(world->server).queued <= 8);
    world->holds_batches = false;
    world_finish_batch(world);
    for (uint32_t i = 1; i <= 100; i++) {
        peer_expect(ana, WIRE_ACCEPTED);
    }
    assert_false(ana->is_paused);
}

/* A reader that does not read costs its window; nobody else waits for it. */
static void a_reader_that_does_not_read_is_bounded(void **state) {
    struct world *world = *state;
    static uint8_t large[60000] = {1, 0x12};
    struct peer *ana = world_member(world, "ana");
    struct peer *bob = world_member(world, "bob");
    bob->keeps_output = true;
    peer_fetch(world, bob, 256);
    for (uint32_t i = 0; i < 60; i++) {
        peer_send_bytes(world, ana, "bob", i, bytes_of(large));
        world_settle(world);
        peer_expect(ana, WIRE_ACCEPTED);
    }
    assert_true(bob->stream.size < (size_t)400 * 1024);
    bob->keeps_output = false;
    assert_false(server_has_work(world->server));
    server_drained(world->server, bob->number, world->now);
    assert_true(server_has_work(world->server));
    world_settle(world);
    assert_true(bob->stream.size > (size_t)900 * 1024 && bob->stream.size < (size_t)1400 * 1024);
    world_pass(world, 1000);
    assert_false(bob->is_closed);
}

/* Waiting messages go after 30 days, in small batches; the count follows. */
static void waiting_messages_expire(void **state) {
    struct world *world = *state;
    struct peer *ana = world_member(world, "ana");
    world_member(world, "bob");
    for (uint32_t i = 0; i < 300; i++) {
        peer_send(world, ana, "bob", i, "old");
        world_settle(world);
        peer_expect(ana, WIRE_ACCEPTED);
    }
    world->now.wall_ms += 29 * DAY_MS;
    world->now.monotonic_ms += 29 * DAY_MS;
    world_restart(world);
    world_pass(world, 2000);
    struct peer *bob = world_connect(world);
    peer_login(world, bob, person("bob"));
    world_settle(world);
    struct wire_welcome welcome;
    assert_int_equal(wire_read_welcome(peer_expect(bob, WIRE_WELCOME).body, &welcome), OK);
    assert_int_equal(welcome.waiting, 300);
    world->now.wall_ms += DAY_MS;
    world->now.monotonic_ms += DAY_MS;
    world_pass(world, 5000);
    bob = world_connect(world);
    peer_login(world, bob, person("bob"));
    world_settle(world);
    assert_int_equal(wire_read_welcome(peer_expect(bob, WIRE_WELCOME).body, &welcome), OK);
    assert_int_equal(welcome.waiting, 0);
}

/* 12: after a jump of the wall clock nothing expires for an hour. */
static void a_clock_that_jumps_expires_nothing(void **state) {
    struct world *world = *state;
    struct peer *ana = world_member(world, "ana");
    struct peer *bob = world_member(world, "bob");
    peer_send(world, ana, "bob", 1, "kept");
    world_settle(world);
    world->now.wall_ms += 31 * DAY_MS;
    world_pass(world, 120 * SECOND_MS);
    peer_fetch(world, bob, 10);
    world_settle(world);
    peer_expect_deliver(bob, "ana", "kept");
    assert_non_null(strstr(world->log, "clock jumped"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(accepted_waits_for_the_commit, world_begin, world_end),
        cmocka_unit_test_setup_teardown(a_restart_keeps_what_was_accepted, world_begin, world_end),
        cmocka_unit_test_setup_teardown(only_an_acknowledgement_takes_a_message_away, world_begin,
                                        world_end),
        cmocka_unit_test_setup_teardown(a_handle_is_valid_on_one_connection, world_begin,
                                        world_end),
        cmocka_unit_test_setup_teardown(a_second_login_fences_the_first, world_begin, world_end),
        cmocka_unit_test_setup_teardown(the_order_is_kept, world_begin, world_end),
        cmocka_unit_test_setup_teardown(caught_up_waits_for_the_window, world_begin, world_end),
        cmocka_unit_test_setup_teardown(later_ones_are_refused_with_an_earlier_one, world_begin,
                                        world_end),
        cmocka_unit_test_setup_teardown(an_envelope_id_names_one_envelope, world_begin, world_end),
        cmocka_unit_test_setup_teardown(an_id_is_remembered_for_a_day, world_begin, world_end),
        cmocka_unit_test_setup_teardown(a_full_disk_refuses_and_delivers, world_begin, world_end),
        cmocka_unit_test_setup_teardown(no_space_in_a_batch_loses_nothing, world_begin, world_end),
        cmocka_unit_test_setup_teardown(a_failed_batch_silences_the_server, world_begin, world_end),
        cmocka_unit_test_setup_teardown(a_full_queue_pauses_the_senders, world_begin, world_end),
        cmocka_unit_test_setup_teardown(a_reader_that_does_not_read_is_bounded, world_begin,
                                        world_end),
        cmocka_unit_test_setup_teardown(waiting_messages_expire, world_begin, world_end),
        cmocka_unit_test_setup_teardown(a_clock_that_jumps_expires_nothing, world_begin, world_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
