/* SPDX-License-Identifier: ISC */
/* Which prekeys the server hands out, to whom, and for how long. docs/PROTOCOL.md 1.4. */
#include "server_world.h"

#include <string.h>

enum { ONE_TIME_ID_AT = CERTIFICATE_BYTES + PREKEY_SET_BYTES + 34 };

/* The id of the one-time prekey in bob's bundle as `asks` is given it; 0 without one. */
static uint32_t asks_for_bob(struct world *world, struct peer *asks) {
    struct bytes bundle;
    peer_get(world, asks, WIRE_GET_BUNDLE, "bob");
    world_settle(world);
    assert_int_equal(wire_read_bundle(peer_expect(asks, WIRE_BUNDLE).body, &bundle), OK);
    return bundle.size > CERTIFICATE_BYTES + PREKEY_SET_BYTES
               ? get_u32(bundle.data + ONE_TIME_ID_AT)
               : 0;
}

static uint16_t left_of_bob(struct world *world) {
    struct peer *bob = world_connect(world);
    peer_login(world, bob, person("bob"));
    world_settle(world);
    return peer_expect_welcome(bob).one_time_left;
}

/* One-time prekeys are handed out once each, four to one requester a day, then the bundle comes
 * without. */
static void one_time_prekeys_are_handed_out_once(void **state) {
    struct world *world = *state;
    struct peer *ana = world_member(world, "ana");
    struct peer *bob = world_member(world, "bob");
    uint32_t seen[8];
    for (size_t i = 0; i < 5; i++) {
        struct bytes bundle;
        peer_get(world, ana, WIRE_GET_BUNDLE, "bob");
        world_settle(world);
        assert_int_equal(wire_read_bundle(peer_expect(ana, WIRE_BUNDLE).body, &bundle), OK);
        assert_int_equal(bundle.size, CERTIFICATE_BYTES + PREKEY_SET_BYTES +
                                          (i < 4 ? ONE_TIME_PREKEY_BYTES : 0));
        seen[i] = i < 4 ? get_u32(bundle.data + CERTIFICATE_BYTES + PREKEY_SET_BYTES + 34) : 0;
        for (size_t j = 0; j < i; j++) {
            assert_int_not_equal(seen[i], seen[j]);
        }
    }
    /* The same keys again add nothing: those handed out stay out. */
    peer_publish(world, bob, person("bob"), 1, 8, 100, false);
    world_settle(world);
    peer_expect(bob, WIRE_DONE);
    bob = world_connect(world);
    peer_login(world, bob, person("bob"));
    world_settle(world);
    struct wire_welcome welcome;
    assert_int_equal(wire_read_welcome(peer_expect(bob, WIRE_WELCOME).body, &welcome), OK);
    assert_int_equal(welcome.one_time_left, 4);
    assert_int_equal(welcome.set_id, 1);
    /* A day later there are four more; in their last day they are not handed out and not counted.
     */
    world->now.wall_ms += DAY_MS + 1;
    peer_get(world, ana, WIRE_GET_BUNDLE, "bob");
    world_settle(world);
    assert_int_equal(peer_expect(ana, WIRE_BUNDLE).body.size,
                     CERTIFICATE_BYTES + PREKEY_SET_BYTES + ONE_TIME_PREKEY_BYTES);
    world->now.wall_ms = START_MS + ONE_TIME_PREKEY_LIFE_MS - DAY_MS + 1;
    peer_get(world, ana, WIRE_GET_BUNDLE, "bob");
    world_settle(world);
    assert_int_equal(peer_expect(ana, WIRE_BUNDLE).body.size, CERTIFICATE_BYTES + PREKEY_SET_BYTES);
}

/* Four in 24 hours are a matter of one requester and one device; a certificate is none of them. */
static void four_for_each_requester_and_device(void **state) {
    struct world *world = *state;
    struct peer *ana = world_member(world, "ana");
    world_member(world, "bob");
    world_member(world, "eve");
    for (int i = 0; i < 10; i++) {
        peer_get(world, ana, WIRE_GET_CERTIFICATE, "bob");
        world_settle(world);
        assert_int_equal(peer_expect(ana, WIRE_CERTIFICATE).body.size, CERTIFICATE_BYTES);
    }
    assert_int_equal(left_of_bob(world), 8);
    for (int i = 0; i < ONE_TIME_HANDOUT_PER_DAY; i++) {
        assert_int_not_equal(asks_for_bob(world, ana), 0);
    }
    assert_int_equal(asks_for_bob(world, ana), 0);
    assert_int_equal(left_of_bob(world), 4);
    /* Another connection and a restart are no way around it; another device and requester are
     * apart. */
    world_restart(world);
    ana = world_login(world, "ana");
    assert_int_equal(asks_for_bob(world, ana), 0);
    struct peer *eve = world_login(world, "eve");
    assert_int_not_equal(asks_for_bob(world, eve), 0);
    peer_get(world, ana, WIRE_GET_BUNDLE, "eve");
    world_settle(world);
    assert_int_equal(peer_expect(ana, WIRE_BUNDLE).body.size,
                     CERTIFICATE_BYTES + PREKEY_SET_BYTES + ONE_TIME_PREKEY_BYTES);
    world->now.wall_ms += DAY_MS - 1;
    assert_int_equal(asks_for_bob(world, ana), 0);
    world->now.wall_ms += 1;
    assert_int_not_equal(asks_for_bob(world, ana), 0);
}

/* When none is left, bundles come without one, and the set stays the last resort. */
static void none_left(void **state) {
    struct world *world = *state;
    struct peer *ana = world_member(world, "ana");
    world_member(world, "bob");
    struct peer *eve = world_member(world, "eve");
    for (int i = 0; i < 4; i++) {
        assert_int_not_equal(asks_for_bob(world, ana), 0);
        assert_int_not_equal(asks_for_bob(world, eve), 0);
    }
    assert_int_equal(left_of_bob(world), 0);
    world->now.wall_ms += DAY_MS + 1;
    assert_int_equal(asks_for_bob(world, ana), 0);
}

/* Draws of eight bytes are the choices among prekeys: they follow a list. */
struct choices {
    uint64_t next;
};

static enum error fill(void *context, uint8_t *out, size_t size) {
    struct choices *choices = context;
    const struct random_source random = random_system();
    if (size != sizeof(uint64_t)) {
        return random_fill(&random, out, size);
    }
    memcpy(out, &choices->next, size);
    return OK;
}

/* The random choice decides which, not the order in which they were published. */
static void chance_chooses(void **state) {
    struct world *world = *state;
    struct choices choices = {.next = 5};
    world->random = (struct random_source){.context = &choices, .fill = fill};
    world_restart(world);
    struct peer *ana = world_member(world, "ana");
    world_member(world, "bob");
    choices.next = 5;
    assert_int_equal(asks_for_bob(world, ana), 105);
    assert_int_equal(asks_for_bob(world, ana), 106);
    choices.next = 0;
    assert_int_equal(asks_for_bob(world, ana), 100);
    choices.next = 5 + 4;
    assert_int_equal(asks_for_bob(world, ana), 107);
}

/* In its last 24 hours a one-time prekey is not handed out, not counted, and dropped. */
static void the_last_day_of_a_one_time_prekey(void **state) {
    struct world *world = *state;
    struct peer *ana = world_member(world, "ana");
    world_member(world, "bob");
    world->now.wall_ms = START_MS + ONE_TIME_PREKEY_LIFE_MS - DAY_MS - 1;
    assert_int_equal(left_of_bob(world), 8);
    assert_int_not_equal(asks_for_bob(world, ana), 0);
    world->now.wall_ms += 1;
    assert_int_equal(left_of_bob(world), 0);
    assert_int_equal(asks_for_bob(world, ana), 0);
    struct peer *bob = world_login(world, "bob");
    peer_publish(world, bob, person("bob"), 2, 32, 500, false);
    world_settle(world);
    peer_expect(bob, WIRE_DONE);
    /* 32 more would be one past the bound, were the seven old ones not dropped by then. */
    world_pass(world, HOUR_MS + 2 * MINUTE_MS);
    bob = world_login(world, "bob");
    peer_publish(world, bob, person("bob"), 0, 32, 600, false);
    world_settle(world);
    peer_expect(bob, WIRE_DONE);
    assert_int_equal(left_of_bob(world), 64);
}

/* Sends and bundles have a bucket each, and each sender has its own. */
static void two_buckets_for_each_sender(void **state) {
    struct world *world = *state;
    world->config.send_burst = 2;
    world->config.send_rate_per_second = 1;
    world->config.bundle_burst = 3;
    world->config.bundle_rate_per_minute = 6;
    world_restart(world);
    struct peer *ana = world_member(world, "ana");
    struct peer *eve = world_member(world, "eve");
    world_member(world, "bob");
    for (uint32_t i = 0; i < 3; i++) {
        peer_send(world, ana, "bob", i, "x");
        world_settle(world);
    }
    peer_expect(ana, WIRE_ACCEPTED);
    peer_expect(ana, WIRE_ACCEPTED);
    peer_expect_error(ana, ERR_RATE_LIMITED);
    for (int i = 0; i < 3; i++) {
        (void)asks_for_bob(world, ana);
    }
    peer_get(world, ana, WIRE_GET_BUNDLE, "bob");
    world_settle(world);
    struct wire_error error;
    assert_int_equal(wire_read_error(peer_expect(ana, WIRE_ERROR).body, &error), OK);
    assert_int_equal(error.error, ERR_RATE_LIMITED);
    assert_int_equal(error.retry_after_s, 10);
    /* Asking for certificates draws from neither; a new connection fills none. */
    peer_get(world, ana, WIRE_GET_CERTIFICATE, "bob");
    world_settle(world);
    peer_expect(ana, WIRE_CERTIFICATE);
    ana = world_login(world, "ana");
    peer_get(world, ana, WIRE_GET_BUNDLE, "bob");
    world_settle(world);
    peer_expect_error(ana, ERR_RATE_LIMITED);
    peer_send(world, eve, "bob", 1, "x");
    (void)world;
    world_settle(world);
    peer_expect(eve, WIRE_ACCEPTED);
    (void)asks_for_bob(world, eve);
    world_pass(world, 10000);
    (void)asks_for_bob(world, ana);
}

/* Contract 7: a one-time prekey is told when it is gone for good, and not before. */
static void a_bundle_waits_for_the_commit(void **state) {
    struct world *world = *state;
    struct peer *ana = world_member(world, "ana");
    world_member(world, "bob");
    uint16_t before = left_of_bob(world);
    world->holds_batches = true;
    peer_get(world, ana, WIRE_GET_BUNDLE, "bob");
    world_settle(world);
    peer_expect_nothing(ana);
    world->holds_batches = false;
    world_restart(world); /* nothing of it was said, and nothing is gone */
    assert_int_equal(left_of_bob(world), before);
    uint32_t told = asks_for_bob(world, world_login(world, "ana"));
    world_restart(world);
    assert_int_equal(left_of_bob(world), before - 1);
    assert_int_not_equal(asks_for_bob(world, world_login(world, "ana")), told);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_time_prekeys_are_handed_out_once, world_begin,
                                        world_end),
        cmocka_unit_test_setup_teardown(four_for_each_requester_and_device, world_begin, world_end),
        cmocka_unit_test_setup_teardown(none_left, world_begin, world_end),
        cmocka_unit_test_setup_teardown(chance_chooses, world_begin, world_end),
        cmocka_unit_test_setup_teardown(the_last_day_of_a_one_time_prekey, world_begin, world_end),
        cmocka_unit_test_setup_teardown(two_buckets_for_each_sender, world_begin, world_end),
        cmocka_unit_test_setup_teardown(a_bundle_waits_for_the_commit, world_begin, world_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
