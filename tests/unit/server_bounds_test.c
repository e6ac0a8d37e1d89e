/* SPDX-License-Identifier: ISC */
/* Every bound at its value and one past it, and what broken or hostile peers cost. */
#include "server_world.h"

#include <string.h>

/* Client max + 1 is told server_full; one that is in already is never refused for it. */
static void max_clients(void **state) {
    struct world *world = *state;
    world_member(world, "ana");
    world_member(world, "bob");
    world->config.max_clients = 1;
    world_restart(world);
    struct peer *ana = world_login(world, "ana");
    struct peer *bob = world_connect(world);
    peer_login(world, bob, person("bob"));
    world_settle(world);
    struct wire_error error;
    assert_int_equal(wire_read_error(peer_expect(bob, WIRE_ERROR).body, &error), OK);
    assert_int_equal(error.error, ERR_SERVER_FULL);
    assert_int_equal(error.retry_after_s, SERVER_FULL_RETRY_S);
    assert_true(bob->is_closed);
    struct peer *again = world_login(world, "ana");
    peer_expect_error(ana, ERR_SIGNED_IN_ELSEWHERE);
    server_closed(world->server, again->number, world->now);
    world_login(world, "bob");
}

static void a_full_server_burns_no_invite(void **state) {
    struct world *world = *state;
    uint8_t token[INVITE_TOKEN_BYTES];
    world_member(world, "ana");
    world->config.max_clients = 1;
    world_restart(world);
    struct peer *ana = world_login(world, "ana");
    world_invite(world, token, START_MS + INVITE_LIFE_MS, false);
    struct peer *bob = world_connect(world);
    peer_register(world, bob, person("bob"), token);
    world_settle(world);
    peer_expect_error(bob, ERR_SERVER_FULL);
    server_closed(world->server, ana->number, world->now);
    bob = world_connect(world);
    peer_register(world, bob, person("bob"), token);
    world_settle(world);
    peer_expect(bob, WIRE_WELCOME);
}

static void the_mailbox_by_messages(void **state) {
    struct world *world = *state;
    world->config.mailbox_max_messages = 3;
    world_restart(world);
    struct peer *ana = world_member(world, "ana");
    world_member(world, "bob");
    for (uint32_t i = 0; i < 4; i++) {
        peer_send(world, ana, "bob", i, "x");
    }
    world_settle(world);
    for (int i = 0; i < 3; i++) {
        peer_expect(ana, WIRE_ACCEPTED);
    }
    peer_expect_error(ana, ERR_MAILBOX_FULL);
}

static void the_mailbox_by_bytes(void **state) {
    struct world *world = *state;
    world->config.mailbox_max_bytes = 2 * ENVELOPE_MIN_BYTES;
    world_restart(world);
    struct peer *ana = world_member(world, "ana");
    world_member(world, "bob");
    for (uint32_t i = 0; i < 3; i++) {
        peer_send(world, ana, "bob", i, "x");
    }
    world_settle(world);
    peer_expect(ana, WIRE_ACCEPTED);
    peer_expect(ana, WIRE_ACCEPTED);
    peer_expect_error(ana, ERR_MAILBOX_FULL);
}

/* The burst, one more, and one more after the time that was named. */
static void the_rate_of_sending(void **state) {
    struct world *world = *state;
    world->config.send_burst = 10;
    world->config.send_rate_per_second = 1;
    world_restart(world);
    struct peer *ana = world_member(world, "ana");
    world_member(world, "bob");
    for (uint32_t i = 0; i < 11; i++) {
        peer_send(world, ana, "bob", i, "x");
    }
    world_settle(world);
    for (int i = 0; i < 10; i++) {
        peer_expect(ana, WIRE_ACCEPTED);
    }
    struct wire_error error;
    assert_int_equal(wire_read_error(peer_expect(ana, WIRE_ERROR).body, &error), OK);
    assert_int_equal(error.error, ERR_RATE_LIMITED);
    assert_int_equal(error.retry_after_s, 1);
    world_pass(world, 1000);
    ana = world_login(world, "ana");
    peer_send(world, ana, "bob", 10, "x");
    world_settle(world);
    peer_expect(ana, WIRE_ACCEPTED);
}

static void the_rate_of_bundles(void **state) {
    struct world *world = *state;
    world->config.bundle_burst = 2;
    world_restart(world);
    struct peer *ana = world_member(world, "ana");
    world_member(world, "bob");
    for (int i = 0; i < 3; i++) {
        peer_get(world, ana, WIRE_GET_BUNDLE, "bob");
        world_settle(world);
    }
    peer_expect(ana, WIRE_BUNDLE);
    peer_expect(ana, WIRE_BUNDLE);
    peer_expect_error(ana, ERR_RATE_LIMITED);
}

/* 64 connections before login from one address, 512 in all; then the oldest silent one goes. */
static void connections_before_login(void **state) {
    struct world *world = *state;
    for (int i = 0; i < CONNECTIONS_BEFORE_LOGIN_PER_ADDRESS; i++) {
        assert_non_null(world_connect(world));
    }
    assert_null(world_connect(world));
    for (int i = CONNECTIONS_BEFORE_LOGIN_PER_ADDRESS; i < CONNECTIONS_BEFORE_LOGIN_MAX; i++) {
        world->address = (uint8_t)(i / CONNECTIONS_BEFORE_LOGIN_PER_ADDRESS);
        assert_non_null(world_connect(world));
    }
    world_settle(world);
    assert_false(world->peers[0].is_closed);
    world->address = 99;
    assert_non_null(world_connect(world));
    world_settle(world);
    assert_true(world->peers[0].is_closed);
    assert_false(world->peers[1].is_closed);
    assert_int_equal(server_figures(world->server).connections, CONNECTIONS_BEFORE_LOGIN_MAX);
}

static void who_does_not_log_in_is_let_go(void **state) {
    struct world *world = *state;
    struct peer *silent = world_connect(world);
    world_pass(world, LOGIN_TIMEOUT_MS - 500);
    assert_false(silent->is_closed);
    world_pass(world, 500);
    peer_expect_error(silent, ERR_LOGIN_TIMEOUT);
    assert_true(silent->is_closed);
    assert_int_equal(server_figures(world->server).connections, 0);
}

static void a_begun_message_has_to_end(void **state) {
    struct world *world = *state;
    static const uint8_t begun[] = {0, 0, 1, 0};
    struct peer *ana = world_member(world, "ana");
    peer_bytes(world, ana, bytes_of(begun));
    world_pass(world, FRAME_TIMEOUT_MS - 1000);
    for (int i = 0; i < 3; i++) {
        peer_bytes(world, ana, bytes_make(begun, 1)); /* a byte a second does not help */
        world_pass(world, 500);
    }
    peer_expect_error(ana, ERR_PROTOCOL_ERROR);
    assert_true(ana->is_closed);
    assert_int_equal(world->notes[EVENT_PROTOCOL_BROKEN], 1);
}

static void an_idle_one_is_let_go(void **state) {
    struct world *world = *state;
    struct peer *ana = world_member(world, "ana");
    world_pass(world, IDLE_TIMEOUT_MS - 1000);
    assert_false(ana->is_closed);
    world_pass(world, 1500);
    assert_true(ana->is_closed);
    assert_int_equal(server_figures(world->server).logged_in, 0);
}

/* Each of these is one error frame and the end of that connection. */
static void broken_frames(void **state) {
    struct world *world = *state;
    static const struct {
        bool before_login;
        uint8_t size;
        uint8_t bytes[24];
    } cases[] = {
        {true, 4, {0xff, 0xff, 0xff, 0xff}},                 /* length beyond anything */
        {true, 4, {0, 0, 0x1c, 0x7d}},                       /* one past the largest before login */
        {true, 9, {0, 0, 0, 5, WIRE_PING, 0, 0, 0, 1}},      /* not before login */
        {true, 9, {0, 0, 0, 5, 0x77, 0, 0, 0, 1}},           /* no such message */
        {true, 9, {0, 0, 0, 5, WIRE_LOGIN, 0, 0, 0, 1}},     /* too short */
        {true, 4, {0, 0, 0, 4}},                             /* shorter than its own header */
        {false, 9, {0, 0, 0, 5, WIRE_LOGIN, 0, 0, 0, 9}},    /* not after login */
        {false, 9, {0, 0, 0, 5, WIRE_DELIVER, 0, 0, 0, 9}},  /* the server's own */
        {false, 9, {0, 0, 0, 5, WIRE_PING, 0, 0, 0, 0}},     /* without a number */
        {false, 10, {0, 0, 0, 6, WIRE_PING, 0, 0, 0, 9, 0}}, /* a byte too many */
        {false, 11, {0, 0, 0, 7, WIRE_FETCH, 0, 0, 0, 9, 0, 0}}, /* a window of none */
        {false, 11, {0, 0, 0, 7, WIRE_FETCH, 0, 0, 0, 9, 1, 1}}, /* one past the window */
        {false, 11, {0, 0, 0, 7, WIRE_ACK, 0, 0, 0, 9, 0, 0}},   /* no handle */
        {false, 14, {0, 0, 0, 10, WIRE_GET_BUNDLE, 0, 0, 0, 9, 4, 'B', 0xff, 'b', 0}},
        {false, 4, {0, 1, 0x3f, 0xfd}}, /* one past the largest */
    };
    struct peer *bob = world_member(world, "bob");
    world_member(world, "ana");
    for (size_t i = 0; i < ROWS(cases); i++) {
        struct peer *peer =
            cases[i].before_login ? world_connect(world) : world_login(world, "ana");
        peer_bytes(world, peer, bytes_make(cases[i].bytes, cases[i].size));
        world_settle(world);
        assert_int_equal(peer_expect_error(peer, ERR_PROTOCOL_ERROR), 0);
        peer_expect_nothing(peer);
        assert_true(peer->is_closed);
    }
    assert_false(bob->is_closed);
    peer_expect_nothing(bob);
}

/* Before login a connection holds a frame and a record, whatever is poured in. */
static void too_much_before_login(void **state) {
    struct world *world = *state;
    static uint8_t much[64 * 1024] = {0, 0, 0x1c, 0x70};
    struct peer *peer = world_connect(world);
    peer_bytes(world, peer, bytes_of(much));
    world_settle(world);
    peer_expect_error(peer, ERR_PROTOCOL_ERROR);
    assert_true(peer->is_closed);
}

/* More requests than may be in flight are left unread until there are answers. */
static void requests_in_flight(void **state) {
    struct world *world = *state;
    struct peer *ana = world_member(world, "ana");
    world_member(world, "bob");
    world->holds_batches = true;
    for (uint32_t i = 0; i < REQUESTS_IN_FLIGHT_MAX + 20; i++) {
        peer_send(world, ana, "bob", i, "x");
        world_settle(world);
    }
    assert_true(ana->is_paused);
    world->holds_batches = false;
    world_finish_batch(world);
    for (uint32_t i = 0; i < REQUESTS_IN_FLIGHT_MAX + 20; i++) {
        peer_expect(ana, WIRE_ACCEPTED);
    }
    assert_false(ana->is_paused);
}

/* Whoever goes in the middle of everything leaves nothing behind. */
static void sudden_ends(void **state) {
    struct world *world = *state;
    struct peer *ana = world_member(world, "ana");
    struct peer *bob = world_member(world, "bob");
    world->holds_batches = true;
    peer_send(world, ana, "bob", 1, "x");
    peer_get(world, ana, WIRE_GET_BUNDLE, "bob");
    peer_fetch(world, bob, 10);
    world_settle(world);
    server_closed(world->server, ana->number, world->now);
    server_closed(world->server, bob->number, world->now);
    server_closed(world->server, bob->number, world->now);
    world->holds_batches = false;
    world_finish_batch(world);
    struct server_figures figures = server_figures(world->server);
    assert_int_equal(figures.connections, 0);
    assert_int_equal(figures.logged_in, 0);
    assert_int_equal(figures.queued, 0);
}

static void shutting_down_tells_everybody(void **state) {
    struct world *world = *state;
    struct peer *ana = world_member(world, "ana");
    struct peer *silent = world_connect(world);
    server_shut_down(world->server, ERR_SHUTTING_DOWN, world->now);
    world_settle(world);
    peer_expect_error(ana, ERR_SHUTTING_DOWN);
    peer_expect_error(silent, ERR_SHUTTING_DOWN);
    assert_true(ana->is_closed && silent->is_closed);
    assert_null(world_connect(world));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(max_clients, world_begin, world_end),
        cmocka_unit_test_setup_teardown(a_full_server_burns_no_invite, world_begin, world_end),
        cmocka_unit_test_setup_teardown(the_mailbox_by_messages, world_begin, world_end),
        cmocka_unit_test_setup_teardown(the_mailbox_by_bytes, world_begin, world_end),
        cmocka_unit_test_setup_teardown(the_rate_of_sending, world_begin, world_end),
        cmocka_unit_test_setup_teardown(the_rate_of_bundles, world_begin, world_end),
        cmocka_unit_test_setup_teardown(connections_before_login, world_begin, world_end),
        cmocka_unit_test_setup_teardown(who_does_not_log_in_is_let_go, world_begin, world_end),
        cmocka_unit_test_setup_teardown(a_begun_message_has_to_end, world_begin, world_end),
        cmocka_unit_test_setup_teardown(an_idle_one_is_let_go, world_begin, world_end),
        cmocka_unit_test_setup_teardown(broken_frames, world_begin, world_end),
        cmocka_unit_test_setup_teardown(too_much_before_login, world_begin, world_end),
        cmocka_unit_test_setup_teardown(requests_in_flight, world_begin, world_end),
        cmocka_unit_test_setup_teardown(sudden_ends, world_begin, world_end),
        cmocka_unit_test_setup_teardown(shutting_down_tells_everybody, world_begin, world_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
