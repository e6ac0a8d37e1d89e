/* SPDX-License-Identifier: ISC */
/* Bounds at exactly their value and one past it, where that takes counting: ranges of what may be
 * chosen, queues and windows, and the last moment of a message. server_bounds_test.c and
 * server_limits_test.c have those that answer with an error of their own. */
#include "server_world.h"

#include <string.h>

/* Every row of bounds.def: its ends are taken, one past them is named. */
static void what_may_be_chosen(void **state) {
    (void)state;
    struct server_config config = server_config_default();
    assert_null(server_config_fault(&config));
#define B(id, field, type, option, kind, least, most, standard)                                    \
    config.field = (type)(least);                                                                  \
    assert_null(server_config_fault(&config));                                                     \
    config.field = (type)(most);                                                                   \
    assert_null(server_config_fault(&config));                                                     \
    config.field = (type)((type)(most) + 1);                                                       \
    assert_string_equal(server_config_fault(&config), option);                                     \
    if ((type)(least) > 0) {                                                                       \
        config.field = (type)((type)(least) - 1);                                                  \
        assert_string_equal(server_config_fault(&config), option);                                 \
    }                                                                                              \
    config.field = (type)(standard);
#include "server/bounds.def"
#undef B
    assert_null(server_config_fault(&config));
}

/* Ana, whose requests wait because the disk is slow: a first batch is under way. */
static struct peer *waits_for_the_disk(struct world *world) {
    struct peer *ana = world_member(world, "ana");
    world_member(world, "bob");
    peer_send(world, ana, "bob", 0, "bob's mailbox is known from now on");
    world_settle(world);
    peer_expect(ana, WIRE_ACCEPTED);
    world->holds_batches = true;
    peer_send(world, ana, "bob", 1, "under way");
    world_settle(world);
    return ana;
}

static void expect_accepted(struct world *world, struct peer *ana, size_t count) {
    world->holds_batches = false;
    world_finish_batch(world);
    for (size_t i = 0; i < count; i++) {
        peer_expect(ana, WIRE_ACCEPTED);
    }
    peer_expect_nothing(ana);
    assert_false(ana->is_paused);
}

static void operations_that_wait(void **state) {
    struct world *world = *state;
    enum { MOST = 3 };
    world->config.store_queue_max = MOST;
    world->config.early_wait_ms = 0;
    world_restart(world);
    struct peer *ana = waits_for_the_disk(world);
    for (uint32_t i = 0; i < MOST; i++) {
        assert_false(ana->is_paused);
        peer_send(world, ana, "bob", 10 + i, "x");
        world_settle(world);
    }
    assert_int_equal(server_figures(world->server).queued, MOST);
    assert_true(ana->is_paused);
    peer_send(world, ana, "bob", 20, "left unread");
    world_settle(world);
    assert_int_equal(server_figures(world->server).queued, MOST);
    expect_accepted(world, ana, 1 + MOST + 1);
}

static void requests_in_flight(void **state) {
    struct world *world = *state;
    enum { MOST = 5 };
    world->config.requests_in_flight_max = MOST;
    world_restart(world);
    struct peer *ana = waits_for_the_disk(world);
    for (uint32_t i = 1; i < MOST; i++) {
        assert_false(ana->is_paused);
        peer_send(world, ana, "bob", 10 + i, "x");
        world_settle(world);
    }
    assert_true(ana->is_paused);
    size_t queued = server_figures(world->server).queued;
    peer_send(world, ana, "bob", 20, "left unread");
    world_settle(world);
    assert_int_equal(server_figures(world->server).queued, queued);
    expect_accepted(world, ana, MOST + 1);
}

/* Requests whose answers are large have a bound of their own: 32. */
static void large_answers_in_flight(void **state) {
    struct world *world = *state;
    enum { MOST = 32 };
    struct peer *ana = waits_for_the_disk(world);
    for (uint32_t i = 0; i < MOST; i++) {
        assert_false(ana->is_paused);
        peer_get(world, ana, WIRE_GET_BUNDLE, "bob");
        world_settle(world);
    }
    assert_true(ana->is_paused);
    peer_get(world, ana, WIRE_GET_BUNDLE, "bob");
    world->holds_batches = false;
    world_finish_batch(world);
    peer_expect(ana, WIRE_ACCEPTED);
    for (size_t i = 0; i < MOST + 1; i++) {
        peer_expect(ana, WIRE_BUNDLE);
    }
    assert_false(ana->is_paused);
}

/* What one connection may have to be written at once: beyond it the connection is dropped. */
static void output_of_one_connection(void **state) {
    struct world *world = *state;
    enum {
        PLAIN_BUNDLE_BYTES = FRAME_HEADER_BYTES + CERTIFICATE_BYTES + PREKEY_SET_BYTES,
        MOST = UNSENT_FLOOR_BYTES / PLAIN_BUNDLE_BYTES,
    };
    world->config.unsent_max_bytes = UNSENT_FLOOR_BYTES;
    world_restart(world);
    struct peer *ana = world_member(world, "ana");
    world_member(world, "bob");
    for (int i = 0; i < ONE_TIME_HANDOUT_PER_DAY; i++) { /* from here on they are of one size */
        peer_get(world, ana, WIRE_GET_BUNDLE, "bob");
        world_settle(world);
        peer_expect(ana, WIRE_BUNDLE);
    }
    for (unsigned count = MOST; count <= MOST + 1; count++) {
        world->holds_batches = true;
        peer_get(world, ana, WIRE_GET_CERTIFICATE, "nobody");
        world_settle(world);
        for (unsigned i = 0; i < count; i++) {
            peer_get(world, ana, WIRE_GET_BUNDLE, "bob");
        }
        world->holds_batches = false;
        world_finish_batch(world);
        peer_expect_error(ana, ERR_NO_SUCH_USER);
        for (unsigned i = 0; i < MOST; i++) {
            assert_int_equal(peer_expect(ana, WIRE_BUNDLE).body.size,
                             CERTIFICATE_BYTES + PREKEY_SET_BYTES);
        }
        peer_expect_nothing(ana);
        assert_int_equal(ana->is_closed, count > MOST);
        assert_int_equal(world->notes[EVENT_NOT_READING], count > MOST);
    }
}

/* Messages handed over and not acknowledged: the window that was asked for, and a MiB. */
static void the_window_by_messages(void **state) {
    struct world *world = *state;
    enum { MOST = 3 };
    struct peer *ana = world_member(world, "ana");
    struct peer *bob = world_member(world, "bob");
    for (uint32_t i = 0; i < MOST + 2; i++) {
        peer_send(world, ana, "bob", i, "x");
    }
    world_settle(world);
    peer_fetch(world, bob, MOST);
    world_settle(world);
    uint64_t first = peer_expect_deliver(bob, "ana", "x");
    for (int i = 1; i < MOST; i++) {
        peer_expect_deliver(bob, "ana", "x");
    }
    peer_expect_nothing(bob);
    peer_ack(world, bob, first);
    world_settle(world);
    peer_expect_deliver(bob, "ana", "x");
    peer_expect_nothing(bob);
}

static void the_window_by_bytes(void **state) {
    struct world *world = *state;
    static uint8_t envelope[DELIVERY_WINDOW_BYTES / 16] = {1, 0x12};
    struct peer *ana = world_member(world, "ana");
    struct peer *bob = world_member(world, "bob");
    for (uint32_t i = 0; i < 16 + 2; i++) {
        peer_send_bytes(world, ana, "bob", i, bytes_of(envelope));
        world_settle(world);
    }
    peer_fetch(world, bob, DELIVERY_WINDOW_MAX);
    world_settle(world);
    struct wire_deliver message;
    assert_int_equal(wire_read_deliver(peer_expect(bob, WIRE_DELIVER).body, &message), OK);
    uint64_t first = message.handle;
    for (int i = 1; i < 16; i++) {
        peer_expect(bob, WIRE_DELIVER);
    }
    peer_expect_nothing(bob);
    peer_ack(world, bob, first);
    world_settle(world);
    peer_expect(bob, WIRE_DELIVER);
    peer_expect_nothing(bob);
}

/* How many messages a batch of expiry at that moment drops. */
static size_t expired_at(struct world *world, uint64_t now_ms) {
    struct store_op *op = store_op_new(STORE_EXPIRE);
    assert_non_null(op);
    op->expire->is_due = true;
    op->expire->keep_ms = world->config.keep_waiting_ms;
    struct store_batch batch = {.now_ms = now_ms, .first = op, .count = 1};
    assert_int_equal(sqlite_store_run(world->store, &batch), OK);
    size_t count = op->expire->count;
    store_op_free(op);
    return count;
}

static void the_last_moment_of_a_message(void **state) {
    struct world *world = *state;
    struct peer *ana = world_member(world, "ana");
    world_member(world, "bob");
    peer_send(world, ana, "bob", 1, "x");
    world_settle(world);
    peer_expect(ana, WIRE_ACCEPTED);
    uint64_t end_ms = world->now.wall_ms + world->config.keep_waiting_ms;
    assert_int_equal(expired_at(world, end_ms), 0);
    assert_int_equal(expired_at(world, end_ms + 1), 1);
}

/* A token of a bucket is there when it was said to be, not a tick before. */
static void the_rate_of_bundles(void **state) {
    struct world *world = *state;
    world->config.bundle_burst = 1;
    world->config.bundle_rate_per_minute = 2;
    world_restart(world);
    struct peer *ana = world_member(world, "ana");
    world_member(world, "bob");
    peer_get(world, ana, WIRE_GET_BUNDLE, "bob");
    peer_get(world, ana, WIRE_GET_BUNDLE, "bob");
    world_settle(world);
    struct got refused;
    assert_true(peer_next(ana, &refused));
    struct got given = peer_expect(ana, refused.type == WIRE_ERROR ? WIRE_BUNDLE : WIRE_ERROR);
    refused = refused.type == WIRE_ERROR ? refused : given;
    struct wire_error error;
    assert_int_equal(wire_read_error(refused.body, &error), OK);
    assert_int_equal(error.error, ERR_RATE_LIMITED);
    assert_int_equal(error.retry_after_s, 30);
    world->now.monotonic_ms += 30 * SECOND_MS - 1;
    peer_get(world, ana, WIRE_GET_BUNDLE, "bob");
    world_settle(world);
    peer_expect_error(ana, ERR_RATE_LIMITED);
    world->now.monotonic_ms += 1;
    peer_get(world, ana, WIRE_GET_BUNDLE, "bob");
    world_settle(world);
    peer_expect(ana, WIRE_BUNDLE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_may_be_chosen),
        cmocka_unit_test_setup_teardown(operations_that_wait, world_begin, world_end),
        cmocka_unit_test_setup_teardown(requests_in_flight, world_begin, world_end),
        cmocka_unit_test_setup_teardown(large_answers_in_flight, world_begin, world_end),
        cmocka_unit_test_setup_teardown(output_of_one_connection, world_begin, world_end),
        cmocka_unit_test_setup_teardown(the_window_by_messages, world_begin, world_end),
        cmocka_unit_test_setup_teardown(the_window_by_bytes, world_begin, world_end),
        cmocka_unit_test_setup_teardown(the_last_moment_of_a_message, world_begin, world_end),
        cmocka_unit_test_setup_teardown(the_rate_of_bundles, world_begin, world_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
