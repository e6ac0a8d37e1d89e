/* SPDX-License-Identifier: ISC */
/* Contract 9: what the recipient acknowledges before its commit is not inserted. */
#include "server_world.h"

#include <string.h>

static struct peer *ana;
static struct peer *bob;

/* Bob acknowledges at once: the next insert waits for it. */
static int start(void **state) {
    static struct world world;
    world_start(&world);
    server_tick(world.server, world.now);
    ana = world_member(&world, "ana");
    bob = world_member(&world, "bob");
    peer_fetch(&world, bob, 4);
    peer_send(&world, ana, "bob", 1, "first"); /* the mailbox is loaded */
    world_settle(&world);
    peer_expect(ana, WIRE_ACCEPTED);
    peer_expect(bob, WIRE_CAUGHT_UP);
    peer_ack(&world, bob, peer_expect_deliver(bob, "ana", "first"));
    world_settle(&world);
    *state = &world;
    return 0;
}

/* A message for somebody who reads, sent and not settled; its handle. */
static uint64_t send_early(struct world *world, uint32_t id, const char *text) {
    peer_send(world, ana, "bob", id, text);
    struct server_output output;
    while (server_next_output(world->server, &output)) {
        struct peer *peer = output.data;
        assert_int_equal(buffer_append(&peer->stream, output.bytes), OK);
    }
    assert_null(server_take_batch(world->server, world->now));
    peer_expect_nothing(ana);
    return peer_expect_deliver(bob, "ana", text);
}

/* What was acknowledged does not come again. */
static void expect_nothing_stored(struct world *world) {
    world_restart(world);
    bob = world_login(world, "bob");
    peer_fetch(world, bob, 4);
    world_settle(world);
    peer_expect(bob, WIRE_CAUGHT_UP);
    peer_expect_nothing(bob);
}

static void a_prompt_acknowledgement_spares_the_insert(void **state) {
    struct world *world = *state;
    uint64_t handle = send_early(world, 3, "spared");
    peer_ack(world, bob, handle);
    assert_null(server_take_batch(world->server, world->now));
    assert_int_equal(server_figures(world->server).settled, 1);
    assert_int_equal(server_figures(world->server).queued, 0);
    world_settle(world);
    peer_expect(ana, WIRE_ACCEPTED);
    expect_nothing_stored(world);
}

/* The device is waited for a moment, and not again before it has shown that it is prompt. */
static void who_does_not_acknowledge_is_not_waited_for(void **state) {
    struct world *world = *state;
    uint64_t handle = send_early(world, 3, "not acknowledged");
    uint64_t deadline = server_deadline(world->server);
    assert_int_equal(deadline, world->now.monotonic_ms + EARLY_WAIT_MS);
    world->now.monotonic_ms = deadline - 1;
    server_tick(world->server, world->now);
    assert_null(server_take_batch(world->server, world->now));
    world->now.monotonic_ms = deadline;
    world_settle(world);
    peer_expect(ana, WIRE_ACCEPTED);
    peer_send(world, ana, "bob", 4, "at once");
    uint64_t before = world->now.monotonic_ms;
    world_settle(world);
    assert_int_equal(world->now.monotonic_ms, before);
    peer_expect(ana, WIRE_ACCEPTED);
    peer_ack(world, bob, handle);
    world_settle(world);
    assert_int_equal(server_figures(world->server).settled, 0);
    peer_expect_deliver(bob, "ana", "at once");
}

/* A round of 60 ms: the acknowledgement may wait as long to be read. */
static void what_the_servers_own_rounds_take_is_not_the_devices_delay(void **state) {
    struct world *world = *state;
    uint64_t handle = send_early(world, 3, "in a long round");
    uint64_t handed_ms = world->now.monotonic_ms;
    server_tick(world->server, world->now);
    world->now.monotonic_ms += 60;
    assert_null(server_take_batch(world->server, world->now));
    assert_int_equal(server_deadline(world->server), handed_ms + EARLY_WAIT_MS + 120);
    world->now.monotonic_ms = handed_ms + EARLY_WAIT_MS + 50;
    server_tick(world->server, world->now);
    assert_null(server_take_batch(world->server, world->now));
    peer_ack(world, bob, handle);
    world_settle(world);
    peer_expect(ana, WIRE_ACCEPTED);
    assert_int_equal(server_figures(world->server).settled, 1);
    /* Short rounds make it a quiet time again. */
    for (int i = 0; i < 40; i++) {
        assert_null(server_take_batch(world->server, world->now));
    }
    send_early(world, 4, "in a short one");
    assert_int_equal(server_deadline(world->server), world->now.monotonic_ms + EARLY_WAIT_MS);
}

/* An acknowledgement that comes while the commit is under way: accepted by the commit, deleted
 * after it. */
static void an_acknowledgement_during_the_commit_deletes(void **state) {
    struct world *world = *state;
    world->holds_batches = true;
    peer_send(world, ana, "bob", 2, "under way");
    world_settle(world);
    world->holds_batches = false;
    assert_non_null(world->batch);
    peer_ack(world, bob, peer_expect_deliver(bob, "ana", "under way"));
    peer_expect_nothing(ana);
    world_finish_batch(world);
    peer_expect(ana, WIRE_ACCEPTED);
    assert_int_equal(server_figures(world->server).settled, 0);
    assert_int_equal(server_figures(world->server).delivered, 2);
    expect_nothing_stored(world);
}

/* A reader that goes away: what it was handed is stored in its order and delivered again. */
static void what_a_lost_reader_was_handed_is_stored(void **state) {
    struct world *world = *state;
    send_early(world, 3, "three");
    uint64_t handle = send_early(world, 4, "four");
    send_early(world, 5, "five");
    peer_ack(world, bob, handle);
    server_closed(world->server, bob->number, world->now);
    world_settle(world);
    for (int i = 0; i < 3; i++) {
        peer_expect(ana, WIRE_ACCEPTED);
    }
    world_restart(world);
    bob = world_login(world, "bob");
    peer_fetch(world, bob, 4);
    world_settle(world);
    peer_expect_deliver(bob, "ana", "three");
    peer_expect_deliver(bob, "ana", "five");
    peer_expect(bob, WIRE_CAUGHT_UP);
    peer_expect_nothing(bob);
}

/* Beyond the window a message is stored, and those before it are stored first. */
static void the_window_bounds_what_waits(void **state) {
    struct world *world = *state;
    char text[] = "0";
    for (uint32_t i = 3; i < 7; i++) {
        text[0] = (char)('0' + i);
        send_early(world, i, text);
    }
    uint64_t before = world->now.monotonic_ms;
    peer_send(world, ana, "bob", 7, "7");
    world_settle(world);
    assert_int_equal(world->now.monotonic_ms, before);
    for (int i = 0; i < 5; i++) {
        peer_expect(ana, WIRE_ACCEPTED);
    }
    peer_expect_nothing(bob);
    bob = world_login(world, "bob");
    peer_fetch(world, bob, 10);
    world_settle(world);
    for (uint32_t i = 3; i < 8; i++) {
        text[0] = (char)('0' + i);
        peer_expect_deliver(bob, "ana", text);
    }
}

/* 4: one that was never stored is accepted again and not handed over again; other bytes under its
 * id are an error. A day later its id is forgotten, as a stored one's is. */
static void a_spared_envelope_is_remembered(void **state) {
    struct world *world = *state;
    peer_ack(world, bob, send_early(world, 3, "once"));
    world_settle(world);
    peer_expect(ana, WIRE_ACCEPTED);
    peer_send(world, ana, "bob", 3, "once");
    world_settle(world);
    peer_expect(ana, WIRE_ACCEPTED);
    peer_expect_nothing(bob);
    peer_send(world, ana, "bob", 3, "other");
    peer_send(world, ana, "bob", 4, "after it");
    world_settle(world);
    peer_expect_error(ana, ERR_ENVELOPE_CONFLICT);
    peer_expect_error(ana, ERR_EARLIER_REFUSED);
    peer_expect_nothing(bob);
    ana = world_login(world, "ana");
    bob = world_login(world, "bob");
    world->now.wall_ms += DAY_MS;
    world->now.monotonic_ms += DAY_MS;
    ana = world_login(world, "ana");
    bob = world_login(world, "bob");
    peer_fetch(world, bob, 4);
    world_settle(world);
    peer_expect(bob, WIRE_CAUGHT_UP);
    peer_send(world, ana, "bob", 3, "once");
    world_settle(world);
    peer_expect(ana, WIRE_ACCEPTED);
    peer_expect_deliver(bob, "ana", "once");
}

/* 4: an id that the store knows is looked up before anything is handed over, also after a restart.
 */
static void a_stored_envelope_is_not_handed_over_twice(void **state) {
    struct world *world = *state;
    for (int restarts = 0; restarts < 2; restarts++) {
        peer_send(world, ana, "bob", 1, "first");
        peer_send(world, ana, "bob", 1, "changed");
        world_settle(world);
        peer_expect(ana, WIRE_ACCEPTED);
        peer_expect_error(ana, ERR_ENVELOPE_CONFLICT);
        peer_expect_nothing(bob);
        world_restart(world);
        ana = world_login(world, "ana");
        bob = world_login(world, "bob");
        peer_fetch(world, bob, 4);
        world_settle(world);
        peer_expect(bob, WIRE_CAUGHT_UP);
    }
}

/* 0 milliseconds: everything is stored before it is handed over. */
static void it_can_be_left_out(void **state) {
    struct world *world = *state;
    world->config.early_wait_ms = 0;
    world_restart(world);
    ana = world_login(world, "ana");
    bob = world_login(world, "bob");
    peer_fetch(world, bob, 4);
    world_settle(world);
    peer_expect(bob, WIRE_CAUGHT_UP);
    for (uint32_t i = 2; i < 5; i++) {
        world->holds_batches = true;
        peer_send(world, ana, "bob", i, "stored");
        world_settle(world);
        peer_expect_nothing(bob);
        world->holds_batches = false;
        world_finish_batch(world);
        peer_expect(ana, WIRE_ACCEPTED);
        peer_ack(world, bob, peer_expect_deliver(bob, "ana", "stored"));
        world_settle(world);
    }
    assert_int_equal(server_figures(world->server).settled, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_prompt_acknowledgement_spares_the_insert, start,
                                        world_end),
        cmocka_unit_test_setup_teardown(who_does_not_acknowledge_is_not_waited_for, start,
                                        world_end),
        cmocka_unit_test_setup_teardown(what_the_servers_own_rounds_take_is_not_the_devices_delay,
                                        start, world_end),
        cmocka_unit_test_setup_teardown(an_acknowledgement_during_the_commit_deletes, start,
                                        world_end),
        cmocka_unit_test_setup_teardown(what_a_lost_reader_was_handed_is_stored, start, world_end),
        cmocka_unit_test_setup_teardown(the_window_bounds_what_waits, start, world_end),
        cmocka_unit_test_setup_teardown(a_spared_envelope_is_remembered, start, world_end),
        cmocka_unit_test_setup_teardown(a_stored_envelope_is_not_handed_over_twice, start,
                                        world_end),
        cmocka_unit_test_setup_teardown(it_can_be_left_out, start, world_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
