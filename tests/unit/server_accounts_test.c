/* SPDX-License-Identifier: ISC */
/* Accounts, logins, invites, prekeys and the directory. */
#include "server_world.h"

#include <stdlib.h>
#include <string.h>

/* 7: a registration waits for its commit, and repeated it gets the same success and burns no
 * invite. */
static void a_registration_may_be_repeated(void **state) {
    struct world *world = *state;
    uint8_t token[INVITE_TOKEN_BYTES];
    world_invite(world, token, START_MS + INVITE_LIFE_MS, true);
    world->holds_batches = true;
    struct peer *ana = world_registers(world, person("ana"), token);
    peer_expect_nothing(ana);
    world->holds_batches = false;
    world_finish_batch(world);
    peer_expect(ana, WIRE_WELCOME);
    world_restart(world);
    peer_expect(world_registers(world, person("ana"), token), WIRE_WELCOME);
    peer_expect_error(world_registers(world, person("bob"), token), ERR_INVITE_USED);
}

static void keep_result(void *context, enum error result) {
    *(enum error *)context = result;
}

/* 7: an invite is told when it can be used after any crash. */
static void an_invite_waits_for_its_commit(void **state) {
    struct world *world = *state;
    enum error result = ERR_WAIT;
    const struct store_invite invite = {.expires_ms = START_MS + INVITE_LIFE_MS};
    world->holds_batches = true;
    assert_int_equal(server_invite(world->server, &invite,
                                   (struct admin_request){.context = &result, .done = keep_result}),
                     OK);
    world_settle(world);
    assert_int_equal(result, ERR_WAIT);
    world->holds_batches = false;
    world_finish_batch(world);
    assert_int_equal(result, OK);
}

static void invites_are_judged(void **state) {
    struct world *world = *state;
    uint8_t token[INVITE_TOKEN_BYTES] = {0};
    peer_expect_error(world_registers(world, person("ana"), token), ERR_INVITE_UNKNOWN);
    peer_expect_error(world_registers(world, person("ana"), NULL), ERR_INVITE_REQUIRED);
    world_invite(world, token, START_MS, false);
    peer_expect_error(world_registers(world, person("ana"), token), ERR_INVITE_EXPIRED);
    world_invite(world, token, START_MS + 1, false);
    peer_expect(world_registers(world, person("ana"), token), WIRE_WELCOME);
}

static void registration_modes(void **state) {
    struct world *world = *state;
    world->config.registration = WIRE_REGISTRATION_OPEN;
    world_restart(world);
    peer_expect(world_registers(world, person("ana"), NULL), WIRE_WELCOME);
    world->config.registration = WIRE_REGISTRATION_CLOSED;
    world_restart(world);
    peer_expect_error(world_registers(world, person("bob"), NULL), ERR_REGISTRATION_CLOSED);
    peer_expect(world_registers(world, person("ana"), NULL), WIRE_WELCOME);
}

/* A name belongs to an account key. */
static void a_name_belongs_to_an_account_key(void **state) {
    struct world *world = *state;
    world_member(world, "ana");
    struct person other = *person("bob");
    uint8_t token[INVITE_TOKEN_BYTES];
    other.name = person("ana")->name;
    assert_int_equal(
        certificate_make(&other.account, &other.keys, &other.name, 1, START_MS, other.certificate),
        OK);
    assert_int_equal(certificate_parse(bytes_of(other.certificate), &other.parsed), OK);
    world_invite(world, token, START_MS + INVITE_LIFE_MS, false);
    peer_expect_error(world_registers(world, &other, token), ERR_NAME_TAKEN);
    /* The invite of the refused one is still good. */
    peer_expect(world_registers(world, person("bob"), token), WIRE_WELCOME);
}

/* A login is bound to its connection, and a certificate is checked. */
static void proofs_are_checked(void **state) {
    struct world *world = *state;
    uint8_t token[INVITE_TOKEN_BYTES];
    world_member(world, "ana");
    struct peer *thief = world_connect(world);
    thief->exporter[0] ^= 1;
    peer_login(world, thief, person("ana"));
    world_settle(world);
    peer_expect_error(thief, ERR_LOGIN_REFUSED);
    peer_login(world, thief, person("ana"));
    world_settle(world);
    peer_expect_error(thief, ERR_LOGIN_REFUSED);
    assert_true(thief->is_closed);
    world_invite(world, token, START_MS + INVITE_LIFE_MS, false);
    struct peer *liar = world_connect(world);
    liar->exporter[0] ^= 1;
    peer_register(world, liar, person("bob"), token);
    world_settle(world);
    peer_expect_error(liar, ERR_CERTIFICATE_REFUSED);
    struct person forged = *person("bob");
    forged.certificate[CERTIFICATE_BYTES - 1] ^= 1;
    peer_expect_error(world_registers(world, &forged, token), ERR_CERTIFICATE_REFUSED);
    world->now.wall_ms += CERTIFICATE_LIFE_MS + 1;
    peer_expect_error(world_registers(world, person("bob"), token), ERR_CERTIFICATE_REFUSED);
}

/* Publications: a lower set, another certificate's, or more than may be kept are refused. */
static void publications_are_judged(void **state) {
    struct world *world = *state;
    struct peer *ana = world_member(world, "ana");
    peer_publish(world, ana, person("ana"), 5, 0, 0, false);
    world_settle(world);
    peer_publish(world, ana, person("ana"), 4, 0, 0, false);
    world_settle(world);
    peer_publish(world, ana, person("bob"), 6, 0, 0, false);
    world_settle(world);
    peer_publish(world, ana, person("ana"), 0, 32, 1000, false);
    world_settle(world);
    peer_publish(world, ana, person("ana"), 0, 24, 2000, false);
    world_settle(world);
    peer_publish(world, ana, person("ana"), 0, 1, 3000, false);
    world_settle(world);
    peer_publish(world, ana, person("ana"), 0, 32, 4000, true);
    world_settle(world);
    world_settle(world);
    peer_expect(ana, WIRE_DONE);
    peer_expect_error(ana, ERR_CERTIFICATE_REFUSED);
    peer_expect_error(ana, ERR_CERTIFICATE_REFUSED);
    peer_expect(ana, WIRE_DONE);
    peer_expect(ana, WIRE_DONE);
    peer_expect_error(ana, ERR_CERTIFICATE_REFUSED);
    peer_expect(ana, WIRE_DONE);
}

/* Whoever has published no set yet cannot be looked up; the list has the others, in order. */
static void the_directory(void **state) {
    struct world *world = *state;
    uint8_t token[INVITE_TOKEN_BYTES];
    world_invite(world, token, START_MS + INVITE_LIFE_MS, true);
    struct peer *ana = world_member(world, "ana");
    struct peer *bob = world_registers(world, person("bob"), token);
    peer_expect(bob, WIRE_WELCOME);
    peer_get(world, ana, WIRE_GET_CERTIFICATE, "bob");
    peer_get(world, ana, WIRE_GET_BUNDLE, "nobody");
    peer_send(world, ana, "nobody", 1, "x");
    peer_send(world, ana, "ana", 2, "x");
    world_settle(world);
    struct got got;
    unsigned errors = 0;
    while (peer_next(ana, &got)) {
        errors += got.type == WIRE_ERROR;
    }
    assert_int_equal(errors, 4);
    peer_publish(world, bob, person("bob"), 1, 0, 0, false);
    world_settle(world);
    peer_get(world, ana, WIRE_GET_CERTIFICATE, "bob");
    world_settle(world);
    assert_int_equal(peer_expect(ana, WIRE_CERTIFICATE).body.size, CERTIFICATE_BYTES);
    struct buffer frame;
    const struct wire_list_users list = {0};
    struct wire_users users;
    buffer_init(&frame, FRAME_MAX_BYTES);
    assert_int_equal(wire_write_list_users(&frame, 99, &list), OK);
    peer_flush(world, ana, &frame);
    assert_int_equal(wire_read_users(peer_expect(ana, WIRE_USERS).body, &users), OK);
    assert_int_equal(users.count, 2);
    assert_string_equal(users.users[0].name.text, "ana");
    assert_string_equal(users.users[1].name.text, "bob");
    assert_false(users.users[0].is_admin);
    assert_true(users.users[1].is_admin);
}

/* A first message that carries another's certificate is refused. */
static void nobody_speaks_for_another(void **state) {
    struct world *world = *state;
    static uint8_t initial[HELLO_BYTES + 500] = {1, 0x10};
    struct peer *ana = world_member(world, "ana");
    world_member(world, "bob");
    memcpy(initial + 2, person("bob")->certificate, CERTIFICATE_BYTES);
    peer_send_bytes(world, ana, "bob", 1, bytes_of(initial));
    world_settle(world);
    peer_expect_error(ana, ERR_PROTOCOL_ERROR);
    memcpy(initial + 2, person("ana")->certificate, CERTIFICATE_BYTES);
    peer_send_bytes(world, ana, "bob", 2, bytes_of(initial));
    world_settle(world);
    peer_expect(ana, WIRE_ACCEPTED);
}

/* A removed account is signed out and its queue is gone; the same identity registers again with a
 * fresh invite. */
static void a_removed_account_is_gone(void **state) {
    struct world *world = *state;
    struct peer *ana = world_member(world, "ana");
    struct peer *bob = world_member(world, "bob");
    peer_send(world, ana, "bob", 1, "x");
    world_settle(world);
    peer_expect(ana, WIRE_ACCEPTED);
    enum error result = ERR_WAIT;
    const struct admin_request request = {.context = &result, .done = keep_result};
    assert_int_equal(server_remove(world->server, &person("bob")->name, request), OK);
    world_settle(world);
    assert_int_equal(result, OK);
    peer_expect_error(bob, ERR_LOGIN_REFUSED);
    assert_int_equal(server_remove(world->server, &person("bob")->name, request), OK);
    world_settle(world);
    assert_int_equal(result, ERR_NOT_FOUND);
    peer_send(world, ana, "bob", 2, "x");
    world_settle(world);
    peer_expect_error(ana, ERR_NO_SUCH_USER);
    bob = world_member(world, "bob");
    peer_send(world, ana, "bob", 3, "new");
    peer_fetch(world, bob, 10);
    world_settle(world);
    peer_expect(bob, WIRE_CAUGHT_UP);
    peer_expect_deliver(bob, "ana", "new");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_registration_may_be_repeated, world_begin, world_end),
        cmocka_unit_test_setup_teardown(an_invite_waits_for_its_commit, world_begin, world_end),
        cmocka_unit_test_setup_teardown(invites_are_judged, world_begin, world_end),
        cmocka_unit_test_setup_teardown(registration_modes, world_begin, world_end),
        cmocka_unit_test_setup_teardown(a_name_belongs_to_an_account_key, world_begin, world_end),
        cmocka_unit_test_setup_teardown(proofs_are_checked, world_begin, world_end),
        cmocka_unit_test_setup_teardown(publications_are_judged, world_begin, world_end),
        cmocka_unit_test_setup_teardown(the_directory, world_begin, world_end),
        cmocka_unit_test_setup_teardown(nobody_speaks_for_another, world_begin, world_end),
        cmocka_unit_test_setup_teardown(a_removed_account_is_gone, world_begin, world_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
