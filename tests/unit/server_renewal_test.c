/* SPDX-License-Identifier: ISC */
/* New certificates in place of old ones: RENEW, two tries to log in, registering anew. */
#include "server_world.h"

#include <string.h>

/* Made once: RSA keys take their time. */
static const struct person *renewed_ana(void) {
    static struct person ana;
    if (ana.epoch == 0) {
        ana = person_renewed(person("ana"));
    }
    return &ana;
}

static struct peer *registers(struct world *world, const struct person *who) {
    struct peer *peer = world_connect(world);
    peer_register(world, peer, who, NULL);
    world_settle(world);
    return peer;
}

static struct peer *logs_in(struct world *world, const struct person *who) {
    struct peer *peer = world_connect(world);
    peer_login(world, peer, who);
    world_settle(world);
    return peer;
}

static void sends(struct world *world, struct peer *from, const char *to, uint32_t id,
                  const char *text) {
    peer_send(world, from, to, id, text);
    world_settle(world);
    peer_expect(from, WIRE_ACCEPTED);
}

/* The certificate, the set id and the number of one-time prekeys that `asks` is given of ana. */
static void assert_bundle(struct world *world, struct peer *asks, const struct person *ana,
                          uint32_t set_id, bool has_one_time) {
    struct bytes bundle;
    peer_get(world, asks, WIRE_GET_BUNDLE, "ana");
    world_settle(world);
    assert_int_equal(wire_read_bundle(peer_expect(asks, WIRE_BUNDLE).body, &bundle), OK);
    assert_memory_equal(bundle.data, ana->certificate, CERTIFICATE_BYTES);
    const uint8_t *set = bundle.data + CERTIFICATE_BYTES;
    assert_memory_equal(set + 2, ana->parsed.cid, HASH_BYTES);
    assert_int_equal(get_u32(set + 34), set_id);
    assert_int_equal(bundle.size, CERTIFICATE_BYTES + PREKEY_SET_BYTES +
                                      (has_one_time ? ONE_TIME_PREKEY_BYTES : 0));
    if (has_one_time) {
        assert_memory_equal(set + PREKEY_SET_BYTES + 2, ana->parsed.cid, HASH_BYTES);
    }
}

/* --- RENEW of a device that is in --- */

/* One transaction puts the unit in place of everything that names the old certificate; the
 * connection goes on as that of the new one. */
static void a_device_renews(void **state) {
    struct world *world = *state;
    const struct person *ana2 = renewed_ana();
    struct peer *ana = world_member(world, "ana");
    struct peer *bob = world_member(world, "bob");
    sends(world, bob, "ana", 1, "before");
    peer_renew(world, ana, ana2, 7, 2, 500);
    world_settle(world);
    peer_expect(ana, WIRE_DONE);
    assert_bundle(world, bob, ana2, 7, true);
    /* Delivery, sending and publishing go on. */
    peer_fetch(world, ana, 10);
    world_settle(world);
    uint64_t handle = peer_expect_deliver(ana, "bob", "before");
    peer_expect(ana, WIRE_CAUGHT_UP);
    peer_ack(world, ana, handle);
    peer_publish(world, ana, ana2, 8, 0, 0, false);
    world_settle(world);
    peer_expect(ana, WIRE_DONE);
    peer_publish(world, ana, person("ana"), 9, 0, 0, false);
    world_settle(world);
    peer_expect_error(ana, ERR_CERTIFICATE_REFUSED);
    sends(world, ana, "bob", 1, "after");
    assert_false(ana->is_closed);
    /* What counts is the new one, over a restart too, and of the eight old keys none is left. */
    world_restart(world);
    struct wire_welcome welcome = peer_expect_welcome(logs_in(world, ana2));
    assert_int_equal(welcome.set_id, 8);
    assert_int_equal(welcome.one_time_left, 1);
    assert_int_equal(welcome.waiting, 0);
    assert_false(welcome.is_renewal);
    peer_expect_error(logs_in(world, person("ana")), ERR_LOGIN_REFUSED);
}

/* The answer may be lost: the same unit again is done and changes nothing. */
static void a_renewal_may_be_repeated(void **state) {
    struct world *world = *state;
    const struct person *ana2 = renewed_ana();
    struct peer *ana = world_member(world, "ana");
    world->holds_batches = true;
    peer_renew(world, ana, ana2, 7, 4, 500);
    world_settle(world);
    peer_expect_nothing(ana);
    server_closed(world->server, ana->number, world->now);
    world->holds_batches = false;
    world_finish_batch(world);
    ana = logs_in(world, ana2);
    peer_expect(ana, WIRE_WELCOME);
    peer_publish(world, ana, ana2, 9, 1, 700, false);
    peer_renew(world, ana, ana2, 7, 4, 500);
    world_settle(world);
    peer_expect(ana, WIRE_DONE);
    peer_expect(ana, WIRE_DONE);
    struct wire_welcome welcome = peer_expect_welcome(logs_in(world, ana2));
    assert_int_equal(welcome.set_id, 9);
    assert_int_equal(welcome.one_time_left, 5);
    /* And back is no way. */
    ana = logs_in(world, ana2);
    peer_expect(ana, WIRE_WELCOME);
    peer_renew(world, ana, person("ana"), 10, 1, 800);
    world_settle(world);
    peer_expect_error(ana, ERR_CERTIFICATE_REFUSED);
    assert_false(ana->is_closed);
}

/* Before the commit the old certificate stands whole, and without space it goes on to stand. */
static void a_renewal_is_all_or_nothing(void **state) {
    struct world *world = *state;
    struct peer *ana = world_member(world, "ana");
    struct peer *bob = world_member(world, "bob");
    world->fails = ERR_FULL;
    peer_renew(world, ana, renewed_ana(), 7, 4, 500);
    world_settle(world);
    peer_expect_error(ana, ERR_SERVER_DISK_FULL);
    world->fails = OK;
    assert_bundle(world, bob, person("ana"), 1, true);
    world->holds_batches = true;
    peer_renew(world, ana, renewed_ana(), 7, 4, 500);
    world_settle(world);
    world->holds_batches = false;
    world_restart(world);
    struct wire_welcome welcome = peer_expect_welcome(logs_in(world, person("ana")));
    assert_int_equal(welcome.one_time_left, 7);
    assert_int_equal(welcome.set_id, 1);
}

/* What follows a RENEW on its connection waits for its outcome. */
static void what_follows_a_renewal_waits(void **state) {
    struct world *world = *state;
    const struct person *ana2 = renewed_ana();
    struct peer *ana = world_member(world, "ana");
    peer_renew(world, ana, ana2, 7, 1, 500);
    peer_publish(world, ana, ana2, 8, 0, 0, false);
    world_settle(world);
    peer_expect(ana, WIRE_DONE);
    peer_expect(ana, WIRE_DONE);
}

static struct person changed(const struct person *from, const char *name, uint32_t epoch,
                             uint64_t created_ms) {
    struct person person = *from;
    assert_int_equal(user_name_parse(bytes_of_string(name), &person.name), OK);
    assert_int_equal(certificate_make(&person.account, &person.keys, &person.name, epoch,
                                      created_ms, person.certificate),
                     OK);
    assert_int_equal(certificate_parse(bytes_of(person.certificate), &person.parsed), OK);
    return person;
}

/* Another name, another account key, another device, bad signatures, prekeys of another
 * certificate, expired ones: each is refused, and the device stays in with what it has. */
static void renewals_are_judged(void **state) {
    struct world *world = *state;
    enum { DEVICE_ID_AT = 2 + 4 + 8 + 8 };
    struct peer *ana = world_member(world, "ana");
    struct peer *bob = world_member(world, "bob");
    const struct person *own = renewed_ana();
    const struct person other_name = changed(own, "anna", 2, START_MS);
    const struct person other_account = changed(person("bob"), "ana", 2, START_MS);
    const struct person late = changed(own, "ana", 2, START_MS - CERTIFICATE_LIFE_MS - 1);
    const struct person early = changed(own, "ana", 2, START_MS + CLOCK_TOLERANCE_MS + 1);
    const struct person same_epoch = changed(own, "ana", 1, START_MS);
    struct person forged = *own;
    forged.certificate[CERTIFICATE_BYTES - 1] ^= 1;
    struct person other_device = *own;
    put_u32(other_device.certificate + DEVICE_ID_AT, 2);
    struct person other_prekeys = *own;
    other_prekeys.parsed = person("ana")->parsed;
    struct person other_signer = *own;
    other_signer.keys = person("ana")->keys;
    const struct person *wrong[] = {&other_name,   &other_account, &late,
                                    &early,        &same_epoch,    &forged,
                                    &other_device, &other_prekeys, &other_signer};
    for (size_t i = 0; i < ROWS(wrong); i++) {
        peer_renew(world, ana, wrong[i], 7, 2, 500);
        world_settle(world);
        peer_expect_error(ana, ERR_CERTIFICATE_REFUSED);
        assert_false(ana->is_closed);
    }
    assert_bundle(world, bob, person("ana"), 1, true);
    peer_renew(world, ana, own, 7, 2, 500);
    world_settle(world);
    peer_expect(ana, WIRE_DONE);
    assert_bundle(world, bob, own, 7, true);
}

/* A connection that the old certificate got while the renewal was on its way is no longer the
 * device's. */
static void a_renewal_ends_the_old_certificates_connection(void **state) {
    struct world *world = *state;
    const struct person *ana2 = renewed_ana();
    struct peer *first = world_member(world, "ana");
    world->holds_batches = true;
    (void)world_connect(world);
    struct peer *second = world_connect(world);
    peer_login(world, second, person("ana"));
    peer_renew(world, first, ana2, 7, 1, 500);
    world_settle(world);
    world->holds_batches = false;
    world_finish_batch(world);
    peer_expect(second, WIRE_WELCOME);
    peer_expect_error(second, ERR_SIGNED_IN_ELSEWHERE);
    assert_true(first->is_closed && second->is_closed);
    assert_int_equal(server_figures(world->server).logged_in, 0);
    peer_expect(logs_in(world, ana2), WIRE_WELCOME);
}

/* --- two tries to log in --- */

static void a_refused_login_may_be_followed_by_one(void **state) {
    struct world *world = *state;
    world_member(world, "ana");
    struct peer *peer = world_connect(world);
    uint32_t request = peer_login(world, peer, renewed_ana());
    world_settle(world);
    assert_int_equal(peer_expect_error(peer, ERR_LOGIN_REFUSED), request);
    assert_false(peer->is_closed);
    assert_false(peer->is_paused);
    peer_login(world, peer, person("ana"));
    world_settle(world);
    peer_expect(peer, WIRE_WELCOME);
    /* Both at once, without waiting for the first answer. */
    peer = world_connect(world);
    peer_login(world, peer, renewed_ana());
    peer_login(world, peer, person("ana"));
    world_settle(world);
    peer_expect_error(peer, ERR_LOGIN_REFUSED);
    peer_expect(peer, WIRE_WELCOME);
    /* A third there is not. */
    peer = world_connect(world);
    for (int i = 0; i < 3; i++) {
        peer_login(world, peer, renewed_ana());
    }
    world_settle(world);
    peer_expect_error(peer, ERR_LOGIN_REFUSED);
    peer_expect_error(peer, ERR_LOGIN_REFUSED);
    peer_expect_nothing(peer);
    assert_true(peer->is_closed);
}

/* The second try has what is left of the time for the first. */
static void a_refusal_gives_no_more_time(void **state) {
    struct world *world = *state;
    struct peer *peer = world_connect(world);
    world_pass(world, LOGIN_TIMEOUT_MS - 1000);
    peer_login(world, peer, person("ana"));
    world_settle(world);
    peer_expect_error(peer, ERR_LOGIN_REFUSED);
    world_pass(world, 1000);
    peer_expect_error(peer, ERR_LOGIN_TIMEOUT);
    assert_true(peer->is_closed);
}

/* --- registering anew --- */

/* A restored account: the same key and a higher epoch. Until its unit is stored the old device is
 * the device; then that one is out, what waited is there, and an admin stays one. */
static void a_known_account_registers_anew(void **state) {
    struct world *world = *state;
    const struct person *ana2 = renewed_ana();
    uint8_t token[INVITE_TOKEN_BYTES];
    world_invite(world, token, START_MS + INVITE_LIFE_MS, true);
    struct peer *old = world_connect(world);
    peer_register(world, old, person("ana"), token);
    world_settle(world);
    peer_expect(old, WIRE_WELCOME);
    peer_publish(world, old, person("ana"), 1, 4, 100, false);
    world_settle(world);
    peer_expect(old, WIRE_DONE);
    struct peer *bob = world_member(world, "bob");
    sends(world, bob, "ana", 1, "waits");
    world->config.registration = WIRE_REGISTRATION_CLOSED;
    struct peer *ana = registers(world, ana2);
    struct wire_welcome welcome = peer_expect_welcome(ana);
    assert_true(welcome.is_renewal);
    assert_string_equal(welcome.name.text, "ana");
    assert_int_equal(welcome.waiting, 1);
    assert_int_equal(welcome.set_id, 0);
    assert_int_equal(welcome.one_time_left, 0);
    assert_false(old->is_closed);
    assert_bundle(world, bob, person("ana"), 1, true);
    peer_renew(world, ana, ana2, 7, 2, 500);
    world_settle(world);
    peer_expect(ana, WIRE_DONE);
    peer_expect_error(old, ERR_SIGNED_IN_ELSEWHERE);
    assert_true(old->is_closed);
    assert_bundle(world, bob, ana2, 7, true);
    peer_fetch(world, ana, 10);
    world_settle(world);
    peer_expect_deliver(ana, "bob", "waits");
    peer_expect(ana, WIRE_CAUGHT_UP);
    assert_int_equal(server_figures(world->server).logged_in, 2);
    struct buffer frame;
    const struct wire_list_users list = {0};
    static struct wire_users users;
    buffer_init(&frame, FRAME_MAX_BYTES);
    assert_int_equal(wire_write_list_users(&frame, 99, &list), OK);
    peer_flush(world, ana, &frame);
    assert_int_equal(wire_read_users(peer_expect(ana, WIRE_USERS).body, &users), OK);
    assert_true(users.users[0].is_admin);
    peer_expect(registers(world, ana2), WIRE_WELCOME);
}

/* Registered again without the unit, and gone: the old certificate stands. */
static void registering_anew_alone_changes_nothing(void **state) {
    struct world *world = *state;
    struct peer *old = world_member(world, "ana");
    struct peer *ana = registers(world, renewed_ana());
    assert_true(peer_expect_welcome(ana).is_renewal);
    world_pass(world, FRAME_TIMEOUT_MS - 1000);
    assert_false(ana->is_closed);
    world_pass(world, 1000);
    peer_expect_error(ana, ERR_LOGIN_TIMEOUT);
    assert_true(ana->is_closed);
    assert_false(old->is_closed);
    peer_expect(logs_in(world, person("ana")), WIRE_WELCOME);
    assert_true(peer_expect_welcome(registers(world, renewed_ana())).is_renewal);
}

/* That connection takes the unit of that certificate and nothing else. */
static void only_the_renewal_may_follow(void **state) {
    struct world *world = *state;
    struct peer *old = world_member(world, "ana");
    static const enum wire_type types[] = {WIRE_GET_BUNDLE, WIRE_GET_CERTIFICATE};
    for (size_t i = 0; i < ROWS(types); i++) {
        struct peer *ana = registers(world, renewed_ana());
        peer_expect(ana, WIRE_WELCOME);
        peer_get(world, ana, types[i], "ana");
        world_settle(world);
        assert_int_equal(peer_expect_error(ana, ERR_PROTOCOL_ERROR), 0);
        assert_true(ana->is_closed);
    }
    struct peer *ana = registers(world, renewed_ana());
    peer_expect(ana, WIRE_WELCOME);
    peer_fetch(world, ana, 10);
    world_settle(world);
    peer_expect_error(ana, ERR_PROTOCOL_ERROR);
    const struct person third = changed(renewed_ana(), "ana", 3, START_MS);
    ana = registers(world, renewed_ana());
    peer_expect(ana, WIRE_WELCOME);
    peer_renew(world, ana, &third, 7, 1, 500);
    world_settle(world);
    peer_expect_error(ana, ERR_CERTIFICATE_REFUSED);
    assert_true(ana->is_closed);
    assert_false(old->is_closed);
    assert_int_equal(server_figures(world->server).logged_in, 1);
}

/* A restored copy whose certificate is older than the one that stands is shown that one, and takes
 * the next epoch on the same connection; a third registration there is not. */
static void an_older_certificate_is_answered_with_the_newer(void **state) {
    struct world *world = *state;
    const struct person *ana2 = renewed_ana();
    struct peer *old = world_member(world, "ana");
    peer_renew(world, old, ana2, 7, 1, 500);
    world_settle(world);
    peer_expect(old, WIRE_DONE);
    struct peer *ana = registers(world, person("ana"));
    struct bytes stored;
    assert_int_equal(wire_read_certificate(peer_expect(ana, WIRE_CERTIFICATE).body, &stored), OK);
    assert_memory_equal(stored.data, ana2->certificate, CERTIFICATE_BYTES);
    const struct person third = changed(person("ana"), "ana", 3, START_MS);
    peer_register(world, ana, &third, NULL);
    world_settle(world);
    assert_true(peer_expect_welcome(ana).is_renewal);
    peer_renew(world, ana, &third, 9, 1, 500);
    world_settle(world);
    peer_expect(ana, WIRE_DONE);
    peer_expect_error(old, ERR_SIGNED_IN_ELSEWHERE);
    struct peer *again = registers(world, ana2);
    peer_expect(again, WIRE_CERTIFICATE);
    const struct person same_epoch = changed(ana2, "ana", 3, START_MS);
    peer_register(world, again, &same_epoch, NULL);
    world_settle(world);
    peer_expect(again, WIRE_CERTIFICATE);
    assert_false(again->is_closed);
    const struct person fourth = changed(ana2, "ana", 4, START_MS);
    peer_register(world, again, &fourth, NULL);
    world_settle(world);
    peer_expect_error(again, ERR_PROTOCOL_ERROR);
    assert_true(again->is_closed);
    assert_false(ana->is_closed);
}

/* A full server takes the renewal of a device that is in; its place is given to nobody else while
 * the unit is under way. */
static void renewals_keep_to_the_number_of_clients(void **state) {
    struct world *world = *state;
    const struct person *ana2 = renewed_ana();
    world_member(world, "ana");
    world_member(world, "bob");
    world->config.max_clients = 1;
    world_restart(world);
    struct peer *old = world_login(world, "ana");
    struct peer *ana = registers(world, ana2);
    assert_true(peer_expect_welcome(ana).is_renewal);
    server_closed(world->server, old->number, world->now);
    peer_expect_error(logs_in(world, person("bob")), ERR_SERVER_FULL);
    peer_renew(world, ana, ana2, 7, 1, 500);
    world_settle(world);
    peer_expect(ana, WIRE_DONE);
    peer_expect_error(logs_in(world, person("bob")), ERR_SERVER_FULL);
    server_closed(world->server, ana->number, world->now);
    struct peer *bob = logs_in(world, person("bob"));
    peer_expect(bob, WIRE_WELCOME);
    peer_expect_error(registers(world, renewed_ana()), ERR_SERVER_FULL);
    /* One device has one place, before and after. */
    world->config.max_clients = 2;
    world_restart(world);
    const struct person third = changed(ana2, "ana", 3, START_MS);
    ana = registers(world, &third);
    assert_true(peer_expect_welcome(ana).is_renewal);
    peer_renew(world, ana, &third, 9, 1, 700);
    world_settle(world);
    peer_expect(ana, WIRE_DONE);
    peer_expect(logs_in(world, person("bob")), WIRE_WELCOME);
}

/* The account may go while its renewal is under way. */
static void ignore(void *context, enum error result) {
    (void)context;
    assert_int_equal(result, OK);
}

static void a_removed_account_is_not_renewed(void **state) {
    struct world *world = *state;
    world_member(world, "ana");
    struct peer *ana = registers(world, renewed_ana());
    peer_expect(ana, WIRE_WELCOME);
    assert_int_equal(
        server_remove(world->server, &person("ana")->name, (struct admin_request){.done = ignore}),
        OK);
    world_settle(world);
    peer_renew(world, ana, renewed_ana(), 7, 1, 500);
    world_settle(world);
    peer_expect_error(ana, ERR_CERTIFICATE_REFUSED);
    assert_true(ana->is_closed);
}

/* A planned change of the server's key is told to everybody who comes in. */
static void the_next_key_is_announced(void **state) {
    struct world *world = *state;
    static const uint8_t next[HASH_BYTES] = {0x4e, 1, 2, 3};
    world_member(world, "ana");
    struct wire_welcome welcome = peer_expect_welcome(logs_in(world, person("ana")));
    assert_false(welcome.has_next_key);
    server_announce_key(world->server, next, START_MS + DAY_MS, world->now);
    welcome = peer_expect_welcome(logs_in(world, person("ana")));
    assert_true(welcome.has_next_key);
    assert_memory_equal(welcome.next_key, next, sizeof(next));
    assert_int_equal(welcome.next_key_ms, START_MS + DAY_MS);
    assert_true(peer_expect_welcome(registers(world, renewed_ana())).has_next_key);
    server_announce_key(world->server, NULL, 0, world->now);
    assert_false(peer_expect_welcome(logs_in(world, person("ana"))).has_next_key);
}

/* Who was in before the announcement is let go a little later, comes again, and stays. */
static void who_stays_hears_of_the_next_key(void **state) {
    struct world *world = *state;
    static const uint8_t next[HASH_BYTES] = {0x4e};
    struct peer *ana = world_member(world, "ana");
    server_announce_key(world->server, next, START_MS + DAY_MS, world->now);
    world_pass(world, 59 * SECOND_MS);
    assert_false(ana->is_closed);
    world_pass(world, 65 * SECOND_MS);
    peer_expect_error(ana, ERR_SHUTTING_DOWN);
    assert_true(ana->is_closed);
    ana = world_login(world, "ana");
    world_pass(world, 200 * SECOND_MS);
    assert_false(ana->is_closed);
    server_announce_key(world->server, NULL, 0, world->now);
    world_pass(world, 50 * SECOND_MS);
    assert_false(ana->is_closed);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_device_renews, world_begin, world_end),
        cmocka_unit_test_setup_teardown(a_renewal_may_be_repeated, world_begin, world_end),
        cmocka_unit_test_setup_teardown(a_renewal_is_all_or_nothing, world_begin, world_end),
        cmocka_unit_test_setup_teardown(what_follows_a_renewal_waits, world_begin, world_end),
        cmocka_unit_test_setup_teardown(renewals_are_judged, world_begin, world_end),
        cmocka_unit_test_setup_teardown(a_renewal_ends_the_old_certificates_connection, world_begin,
                                        world_end),
        cmocka_unit_test_setup_teardown(a_refused_login_may_be_followed_by_one, world_begin,
                                        world_end),
        cmocka_unit_test_setup_teardown(a_refusal_gives_no_more_time, world_begin, world_end),
        cmocka_unit_test_setup_teardown(a_known_account_registers_anew, world_begin, world_end),
        cmocka_unit_test_setup_teardown(registering_anew_alone_changes_nothing, world_begin,
                                        world_end),
        cmocka_unit_test_setup_teardown(only_the_renewal_may_follow, world_begin, world_end),
        cmocka_unit_test_setup_teardown(an_older_certificate_is_answered_with_the_newer,
                                        world_begin, world_end),
        cmocka_unit_test_setup_teardown(renewals_keep_to_the_number_of_clients, world_begin,
                                        world_end),
        cmocka_unit_test_setup_teardown(a_removed_account_is_not_renewed, world_begin, world_end),
        cmocka_unit_test_setup_teardown(the_next_key_is_announced, world_begin, world_end),
        cmocka_unit_test_setup_teardown(who_stays_hears_of_the_next_key, world_begin, world_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
