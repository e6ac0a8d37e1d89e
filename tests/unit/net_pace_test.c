/* SPDX-License-Identifier: ISC */
/* Many come at once: handshakes are begun a few in a round, the oldest first, and those who wait
 * for theirs are kept waiting in the system's queue. */
#include "net_raw.h"

#include <string.h>
#include <unistd.h>

enum { CALLERS = 24, HELLO_ROOM = 4096 };

static struct world world;

static size_t count_established(void) {
    size_t count = 0;
    for (size_t i = 0; i < world.accepted_count; i++) {
        count += world.accepted[i].is_established;
    }
    return count;
}

static void call_many(struct listener_limits limits) {
    world_open(&world, "127.0.0.1");
    listener_set_limits(world.listener, &limits);
    for (size_t i = 0; i < CALLERS; i++) {
        assert_non_null(world_call(&world, "127.0.0.1", NULL, SPKI_HASH_BYTES * 8));
    }
}

/* One handshake a round, in the order in which they came. */
static void handshakes_are_paced_oldest_first(void **state) {
    (void)state;
    struct listener_limits limits = listener_limits_default();
    limits.handshakes_per_round = 1;
    call_many(limits);
    size_t rounds = 0;
    while (count_established() < CALLERS) {
        size_t before = count_established();
        world_round(&world);
        rounds++;
        assert_true(count_established() <= rounds);
        assert_true(count_established() <= before + 2); /* one round's Finished may be read late */
        for (size_t i = 1; i < world.accepted_count; i++) {
            assert_true(world.accepted[i - 1].is_established || !world.accepted[i].is_established);
        }
    }
    assert_true(rounds >= CALLERS);
    world_close(&world);
}

/* All come in, and in no round more than may. */
static void connections_are_taken_a_few_in_a_round(void **state) {
    (void)state;
    struct listener_limits limits = listener_limits_default();
    limits.accepts_per_round = 2;
    limits.handshakes_per_round = 1;
    limits.handshakes_waiting_max = 4;
    call_many(limits);
    while (count_established() < CALLERS) {
        size_t before = world.accepted_count;
        world_round(&world);
        /* One that was held back is taken at the end of a round and counts for the next. */
        assert_in_range(world.accepted_count - before, 0, limits.accepts_per_round + 1);
    }
    assert_int_equal(world.accepted_count, CALLERS);
    world_close(&world);
}

/* While as many wait as may, the rest stays with the system; in the end nobody is forgotten. */
static void who_waits_is_not_joined_by_more(void **state) {
    (void)state;
    uint8_t hello[HELLO_ROOM];
    int handles[CALLERS];
    size_t size = raw_client_hello(hello, sizeof(hello));
    struct listener_limits limits = listener_limits_default();
    limits.accepts_per_round = 1;
    limits.handshakes_per_round = 1;
    limits.handshakes_waiting_max = 1;
    world_open(&world, "127.0.0.1");
    listener_set_limits(world.listener, &limits);
    for (size_t i = 0; i < CALLERS; i++) {
        handles[i] = raw_connect(&world);
        raw_send(&world, handles[i], bytes_make(hello, size));
    }
    world_until(&world, world.accepted_count == CALLERS);
    for (size_t i = 0; i < CALLERS; i++) {
        assert_int_equal(close(handles[i]), 0);
    }
    world_close(&world);
}

/* Nobody has anything to say behind a ClientHello that is not answered. */
static void a_hello_that_waits_and_more(void **state) {
    (void)state;
    uint8_t hello[HELLO_ROOM + 1] = {0};
    size_t size = raw_client_hello(hello, HELLO_ROOM);
    world_open(&world, "127.0.0.1");
    int handle = raw_connect(&world);
    raw_send(&world, handle, bytes_make(hello, size + 1));
    assert_true(raw_sees_end(&world, handle));
    assert_int_equal(close(handle), 0);
    world_until(&world, world.accepted_count == 1 && world.accepted[0].is_closed);
    assert_false(world.accepted[0].is_established);
    world_close(&world);
}

/* Gone, or the listener closed, while a ClientHello waits: nothing of it stays. */
static void the_end_while_a_hello_waits(void **state) {
    (void)state;
    uint8_t hello[HELLO_ROOM];
    size_t size = raw_client_hello(hello, sizeof(hello));
    struct listener_limits limits = listener_limits_default();
    limits.handshakes_per_round = 1;
    world_open(&world, "127.0.0.1");
    listener_set_limits(world.listener, &limits);
    int handles[8];
    for (size_t i = 0; i < 8; i++) {
        handles[i] = raw_connect(&world);
        raw_send(&world, handles[i], bytes_make(hello, size));
    }
    world_until(&world, world.accepted_count == 8);
    for (size_t i = 0; i < 8; i += 2) {
        raw_reset(handles[i]);
    }
    world_round(&world);
    for (size_t i = 1; i < 8; i += 2) {
        assert_int_equal(close(handles[i]), 0);
    }
    world_close(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(handshakes_are_paced_oldest_first),
        cmocka_unit_test(connections_are_taken_a_few_in_a_round),
        cmocka_unit_test(who_waits_is_not_joined_by_more),
        cmocka_unit_test(a_hello_that_waits_and_more),
        cmocka_unit_test(the_end_while_a_hello_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
