/* SPDX-License-Identifier: ISC */
/* The bounds that an administrator sets, at their value and one past it: rates of an account,
 * refused logins of an address, what one connection may hold, how long messages wait; their change
 * while the server runs, and what is counted of it all. */
#include "server_world.h"

#include <stdlib.h>
#include <string.h>

static struct wire_error next_error(struct peer *peer) {
    struct wire_error error;
    assert_int_equal(wire_read_error(peer_expect(peer, WIRE_ERROR).body, &error), OK);
    return error;
}

static struct server_stats stats_of(const struct world *world) {
    struct server_stats stats;
    server_stats(world->server, &stats);
    return stats;
}

static void set_limits(struct world *world) {
    assert_int_equal(server_set_limits(world->server, &world->config, world->now), OK);
}

/* The burst, one past it, and one more after the time that was named. */
static void the_rate_of_publishing(void **state) {
    struct world *world = *state;
    world->config.publish_burst = 2;
    world->config.publish_rate_per_minute = 6;
    world_restart(world);
    struct peer *ana = world_member(world, "ana"); /* publishes once */
    for (int i = 0; i < 2; i++) {
        peer_publish(world, ana, person("ana"), 0, 1, (uint32_t)(200 + i), false);
        world_settle(world);
    }
    peer_expect(ana, WIRE_DONE);
    struct wire_error error = next_error(ana);
    assert_int_equal(error.error, ERR_RATE_LIMITED);
    assert_int_equal(error.retry_after_s, 10);
    world_pass(world, 10 * SECOND_MS);
    peer_publish(world, ana, person("ana"), 0, 1, 202, false);
    world_settle(world);
    peer_expect(ana, WIRE_DONE);
}

static void the_rate_of_renewing(void **state) {
    struct world *world = *state;
    world->config.renew_burst = 1;
    world->config.renew_rate_per_minute = 1;
    world_restart(world);
    struct peer *ana = world_member(world, "ana");
    struct person second = person_renewed(person("ana"));
    struct person third = person_renewed(&second);
    peer_renew(world, ana, &second, 2, 1, 300);
    world_settle(world);
    peer_expect(ana, WIRE_DONE);
    peer_renew(world, ana, &third, 3, 1, 310);
    world_settle(world);
    struct wire_error error = next_error(ana);
    assert_int_equal(error.error, ERR_RATE_LIMITED);
    assert_int_equal(error.retry_after_s, 60);
    assert_false(ana->is_closed);
    world_pass(world, 60 * SECOND_MS);
    peer_renew(world, ana, &third, 3, 1, 310);
    world_settle(world);
    peer_expect(ana, WIRE_DONE);
}

static struct peer *tries(struct world *world, const char *name) {
    struct peer *peer = world_connect(world);
    assert_non_null(peer);
    peer_login(world, peer, person(name));
    world_settle(world);
    return peer;
}

/* An address that was refused too often is told when to come again, before anything is looked up;
 * another address feels nothing of it. */
static void failed_logins_of_an_address(void **state) {
    struct world *world = *state;
    world_member(world, "ana");
    world->config.failed_login_burst = 3;
    world->config.failed_login_rate_per_minute = 6;
    world_restart(world);
    world->address = 7;
    for (int i = 0; i < 3; i++) {
        peer_expect_error(tries(world, "bob"), ERR_LOGIN_REFUSED);
    }
    struct peer *held_back = tries(world, "ana");
    struct wire_error error = next_error(held_back);
    assert_int_equal(error.error, ERR_RATE_LIMITED);
    assert_int_equal(error.retry_after_s, 10);
    assert_true(held_back->is_closed);
    assert_int_equal(stats_of(world).addresses_failed, 1);
    world->address = 8;
    peer_expect(tries(world, "ana"), WIRE_WELCOME);
    world->address = 7;
    world_pass(world, 10 * SECOND_MS);
    peer_expect(tries(world, "ana"), WIRE_WELCOME);
}

/* Invites are not to be guessed either. */
static void failed_registrations_of_an_address(void **state) {
    struct world *world = *state;
    uint8_t token[INVITE_TOKEN_BYTES] = {0};
    world->config.failed_login_burst = 2;
    world_restart(world);
    for (int i = 0; i < 3; i++) {
        struct peer *peer = world_connect(world);
        peer_register(world, peer, person("ana"), token);
        world_settle(world);
        peer_expect_error(peer, i < 2 ? ERR_INVITE_UNKNOWN : ERR_RATE_LIMITED);
    }
}

enum { AT_ONCE = 64 };

/* That many addresses, from number `first` on, fail once each. */
static void fail_from(struct world *world, uint32_t first) {
    static struct peer peers[AT_ONCE];
    uint8_t address[16] = {0x20, 0x01};
    for (uint32_t i = 0; i < AT_ONCE; i++) {
        struct peer *peer = &peers[i];
        *peer = (struct peer){0};
        buffer_init(&peer->stream, FRAME_MAX_BYTES);
        put_u32(address + 4, first + i);
        assert_int_equal(
            server_open(world->server, address, false, peer, world->now, &peer->number), OK);
        server_established(world->server, peer->number, peer->exporter, world->now);
        peer_login(world, peer, person("ana"));
    }
    world_settle(world);
    for (uint32_t i = 0; i < AT_ONCE; i++) {
        peer_expect_error(&peers[i], ERR_LOGIN_REFUSED);
        server_closed(world->server, peers[i].number, world->now);
        buffer_clear(&peers[i].stream);
    }
}

/* However many addresses fail, the memory for them is what it was. */
static void many_addresses_fail(void **state) {
    struct world *world = *state;
    for (uint32_t i = 0; i < FAILED_ADDRESSES_MAX + FAILED_ADDRESSES_MAX / 4; i += AT_ONCE) {
        fail_from(world, i);
    }
    struct server_stats stats = stats_of(world);
    assert_in_range(stats.addresses_failed, FAILED_ADDRESSES_MAX / 2, FAILED_ADDRESSES_MAX);
}

/* An IPv6 /64 counts as one address. */
static void an_ipv6_network_is_one_address(void **state) {
    struct world *world = *state;
    uint8_t address[16] = {0x20, 0x01, [7] = 1};
    uint64_t number;
    world->config.before_login_per_address_max = 2;
    world_restart(world);
    for (uint8_t i = 0; i < 3; i++) {
        address[15] = i;
        assert_int_equal(server_open(world->server, address, false, NULL, world->now, &number),
                         i < 2 ? OK : ERR_LIMIT);
    }
    address[7] = 2;
    assert_int_equal(server_open(world->server, address, false, NULL, world->now, &number), OK);
    assert_int_equal(stats_of(world).turned_away, 1);
}

/* Memory for operations that wait: at the bound nobody is read, below it everybody again. */
static void memory_of_the_queue(void **state) {
    struct world *world = *state;
    static uint8_t envelope[60000] = {1, 0x12};
    world->config.store_queue_max_bytes = 2 * sizeof(envelope);
    world->config.early_wait_ms = 0;
    world_restart(world);
    struct peer *ana = world_member(world, "ana");
    world_member(world, "bob");
    peer_get(world, ana, WIRE_GET_BUNDLE, "bob"); /* bob's mailbox is known from now on */
    world_settle(world);
    peer_expect(ana, WIRE_BUNDLE);
    peer_send(world, ana, "bob", 1, "x");
    world_settle(world);
    peer_expect(ana, WIRE_ACCEPTED);
    world->holds_batches = true;
    peer_send(world, ana, "bob", 2, "x"); /* under way: what follows has to wait in the queue */
    world_settle(world);
    for (uint32_t i = 3; i < 8; i++) {
        peer_send_bytes(world, ana, "bob", i, bytes_of(envelope));
        world_settle(world);
    }
    assert_true(ana->is_paused);
    assert_in_range(stats_of(world).store_queue_bytes, 2 * sizeof(envelope),
                    3 * (sizeof(envelope) + 1000));
    assert_int_equal(stats_of(world).paused, 1);
    world->holds_batches = false;
    world_finish_batch(world);
    for (uint32_t i = 2; i < 8; i++) {
        peer_expect(ana, WIRE_ACCEPTED);
    }
    assert_false(ana->is_paused);
    assert_int_equal(stats_of(world).store_queue_bytes, 0);
}

/* A peer that sends and never reads holds what it may and is not read further; nobody else is kept
 * waiting, and in the end it is dropped. */
static void a_reader_that_does_not_read(void **state) {
    struct world *world = *state;
    struct peer *ana = world_member(world, "ana");
    struct peer *bob = world_member(world, "bob");
    ana->keeps_output = true;
    for (int i = 0; i < 200 && !ana->is_paused; i++) {
        peer_get(world, ana, WIRE_GET_BUNDLE, "bob");
        world_settle(world);
    }
    assert_true(ana->is_paused);
    assert_true(stats_of(world).connection_bytes < 2 * SEND_QUEUE_MAX_BYTES);
    peer_get(world, bob, WIRE_GET_CERTIFICATE, "ana");
    world_settle(world);
    peer_expect(bob, WIRE_CERTIFICATE);
    for (int i = 0; i < 5; i++) {
        assert_false(ana->is_closed);
        peer_get(world, bob, WIRE_GET_CERTIFICATE, "ana");
        world_pass(world, MINUTE_MS);
    }
    assert_true(ana->is_closed);
    assert_false(bob->is_closed);
}

/* What nobody fetched is deleted after its time, not a tick before; and it makes room. */
static void messages_expire(void **state) {
    struct world *world = *state;
    world->config.keep_waiting_ms = 2 * DAY_MS;
    world_restart(world);
    struct peer *ana = world_member(world, "ana");
    world_member(world, "bob");
    for (uint32_t i = 0; i < 300; i++) { /* more than one batch of expiry */
        peer_send(world, ana, "bob", i, "x");
    }
    world_settle(world);
    uint64_t sent_ms = world->now.wall_ms;
    world->now.wall_ms += 2 * DAY_MS - HOUR_MS;
    world->now.monotonic_ms += 2 * DAY_MS - HOUR_MS;
    server_tick(world->server, world->now);
    world_pass(world, 2 * MINUTE_MS);
    assert_int_equal(stats_of(world).expired, 0);
    uint64_t rest_ms = sent_ms + 2 * DAY_MS + MINUTE_MS - world->now.wall_ms;
    world->now.wall_ms += rest_ms;
    world->now.monotonic_ms += rest_ms;
    server_tick(world->server, world->now);
    world_pass(world, 2 * MINUTE_MS);
    assert_int_equal(stats_of(world).expired, 300);
    struct peer *bob = world_connect(world);
    peer_login(world, bob, person("bob"));
    world_settle(world);
    assert_int_equal(peer_expect_welcome(bob).waiting, 0);
}

/* One bad value and nothing changes; else everything does, at once, and who is in stays in. */
static void limits_change_all_or_none(void **state) {
    struct world *world = *state;
    world_member(world, "bob");
    struct peer *ana = world_member(world, "ana");
    struct server_config wrong = world->config;
    wrong.mailbox_max_messages = 1;
    wrong.send_burst = 0;
    assert_string_equal(server_config_fault(&wrong), "send-burst");
    assert_int_equal(server_set_limits(world->server, &wrong, world->now), ERR_LIMIT);
    for (uint32_t i = 0; i < 2; i++) {
        peer_send(world, ana, "bob", i, "x");
        world_settle(world);
        peer_expect(ana, WIRE_ACCEPTED);
    }
    world->config.mailbox_max_messages = 2;
    world->config.max_clients = 1;
    set_limits(world);
    peer_send(world, ana, "bob", 2, "x");
    world_settle(world);
    peer_expect_error(ana, ERR_MAILBOX_FULL);
    assert_int_equal(stats_of(world).open, 2);
    peer_expect_error(tries(world, "carol"), ERR_LOGIN_REFUSED);
    uint8_t token[INVITE_TOKEN_BYTES];
    world_invite(world, token, world->now.wall_ms + DAY_MS, false);
    struct peer *carol = world_connect(world);
    peer_register(world, carol, person("carol"), token);
    world_settle(world);
    peer_expect_error(carol, ERR_SERVER_FULL);
}

/* More room than the server began with is room for that many. */
static void more_clients_than_at_the_start(void **state) {
    struct world *world = *state;
    world->config.max_clients = 1;
    world->config.before_login_max = 1;
    world_restart(world);
    world->config.max_clients = 10;
    world->config.before_login_max = 400;
    world->config.before_login_per_address_max = 400;
    set_limits(world);
    for (int i = 0; i < 400; i++) {
        assert_non_null(world_connect(world));
    }
    assert_int_equal(stats_of(world).before_login, 400);
}

/* What is shown to an administrator is what happened. */
static void what_is_counted(void **state) {
    struct world *world = *state;
    struct peer *ana = world_member(world, "ana");
    struct peer *bob = world_member(world, "bob");
    peer_fetch(world, bob, 10);
    peer_send(world, ana, "bob", 1, "x");
    peer_send(world, ana, "nobody", 2, "x");
    world_settle(world);
    peer_expect(bob, WIRE_CAUGHT_UP);
    peer_ack(world, bob, peer_expect_deliver(bob, "ana", "x"));
    world_settle(world);
    world_connect(world);
    struct server_stats stats = stats_of(world);
    assert_int_equal(stats.figures.accepted, 1);
    assert_int_equal(stats.handed_over, 1);
    assert_int_equal(stats.acknowledged, 1);
    assert_int_equal(stats.expired, 0);
    assert_int_equal(stats.logins, 2);
    assert_int_equal(stats.open, 2);
    assert_int_equal(stats.before_login, 1);
    assert_int_equal(stats.renewing + stats.closing + stats.paused, 0);
    assert_int_equal(stats.refused[error_number(ERR_NO_SUCH_USER)], 1);
    uint64_t refused = 0;
    for (size_t i = 0; i < REFUSALS_MAX; i++) {
        refused += stats.refused[i];
    }
    assert_int_equal(refused, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_rate_of_publishing, world_begin, world_end),
        cmocka_unit_test_setup_teardown(the_rate_of_renewing, world_begin, world_end),
        cmocka_unit_test_setup_teardown(failed_logins_of_an_address, world_begin, world_end),
        cmocka_unit_test_setup_teardown(failed_registrations_of_an_address, world_begin, world_end),
        cmocka_unit_test_setup_teardown(many_addresses_fail, world_begin, world_end),
        cmocka_unit_test_setup_teardown(an_ipv6_network_is_one_address, world_begin, world_end),
        cmocka_unit_test_setup_teardown(memory_of_the_queue, world_begin, world_end),
        cmocka_unit_test_setup_teardown(a_reader_that_does_not_read, world_begin, world_end),
        cmocka_unit_test_setup_teardown(messages_expire, world_begin, world_end),
        cmocka_unit_test_setup_teardown(limits_change_all_or_none, world_begin, world_end),
        cmocka_unit_test_setup_teardown(more_clients_than_at_the_start, world_begin, world_end),
        cmocka_unit_test_setup_teardown(what_is_counted, world_begin, world_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
