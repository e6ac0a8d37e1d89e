/* SPDX-License-Identifier: ISC */
/* What an administrator does to an account: disabling and enabling it; the day on which it was
 * last in; invites that are taken back. */
#include "server_world.h"

#include <string.h>

static void keep_result(void *context, enum error result) {
    *(enum error *)context = result;
}

static enum error disable(struct world *world, const char *name, bool disable) {
    enum error result = ERR_WAIT;
    const struct admin_request request = {.context = &result, .done = keep_result};
    assert_int_equal(server_disable(world->server, &person(name)->name, disable, request), OK);
    world_settle(world);
    return result;
}

static void expect_told(struct peer *peer, uint32_t request) {
    assert_int_equal(peer_expect_error(peer, ERR_ACCOUNT_DISABLED), request);
    peer_expect_nothing(peer);
    assert_true(peer->is_closed);
}

/* --- disabled
 * -----------------------------------------------------------------------------------------------
 */

static void a_disabled_account_is_told_and_comes_back_whole(void **state) {
    struct world *world = *state;
    (void)world_member(world, "ana");
    struct peer *bob = world_member(world, "bob");
    assert_int_equal(disable(world, "bob", true), OK);
    expect_told(bob, 0);
    expect_told(world_asks_in(world, person("bob")), 1);
    world_restart(world);
    expect_told(world_asks_in(world, person("bob")), 1);
    struct peer *again = world_registers(world, person("bob"), NULL);
    expect_told(again, 1);
    const struct person second = person_renewed(person("bob"));
    again = world_registers(world, &second, NULL);
    expect_told(again, 1);
    /* It is queued for him meanwhile. */
    struct peer *ana = world_login(world, "ana");
    peer_send(world, ana, "bob", 1, "meanwhile");
    world_settle(world);
    peer_expect(ana, WIRE_ACCEPTED);
    assert_int_equal(disable(world, "bob", true), OK);
    assert_int_equal(disable(world, "bob", false), OK);
    bob = world_login(world, "bob");
    peer_fetch(world, bob, 10);
    world_settle(world);
    peer_expect_deliver(bob, "ana", "meanwhile");
}

/* To others he is one who is not there. */
static void others_are_told_nothing(void **state) {
    struct world *world = *state;
    struct peer *ana = world_member(world, "ana");
    world_member(world, "bob");
    assert_int_equal(disable(world, "bob", true), OK);
    peer_get(world, ana, WIRE_GET_BUNDLE, "bob");
    peer_get(world, ana, WIRE_GET_CERTIFICATE, "bob");
    peer_send(world, ana, "bob", 1, "x");
    struct buffer frame;
    const struct wire_list_users list = {0};
    struct wire_users users;
    buffer_init(&frame, FRAME_MAX_BYTES);
    assert_int_equal(wire_write_list_users(&frame, ++ana->request, &list), OK);
    peer_flush(world, ana, &frame);
    assert_int_equal(peer_expect(ana, WIRE_BUNDLE).body.size,
                     CERTIFICATE_BYTES + PREKEY_SET_BYTES + ONE_TIME_PREKEY_BYTES);
    peer_expect(ana, WIRE_CERTIFICATE);
    struct got got;
    assert_true(peer_next(ana, &got));
    const bool users_first = got.type == WIRE_USERS;
    assert_int_equal(users_first ? peer_expect(ana, WIRE_ACCEPTED).type : got.type, WIRE_ACCEPTED);
    got = users_first ? got : peer_expect(ana, WIRE_USERS);
    assert_int_equal(wire_read_users(got.body, &users), OK);
    assert_int_equal(users.count, 2);
    /* Whoever only claims to be him does not hear of it either. */
    struct person thief = *person("ana");
    memcpy(thief.parsed.cid, person("bob")->parsed.cid, HASH_BYTES);
    peer_expect_error(world_asks_in(world, &thief), ERR_LOGIN_REFUSED);
}

/* What stands in the same batch behind the decision comes too late, and what was decided before it
 * holds until then. */
static void it_holds_from_its_commit_on(void **state) {
    struct world *world = *state;
    enum error result = ERR_WAIT;
    const struct admin_request request = {.context = &result, .done = keep_result};
    const struct person second = person_renewed(person("bob"));
    world->config.early_wait_ms = 0;
    world_restart(world);
    struct peer *ana = world_member(world, "ana");
    struct peer *bob = world_member(world, "bob");
    struct peer *renewing = world_registers(world, &second, NULL);
    assert_true(peer_expect_welcome(renewing).is_renewal);
    peer_fetch(world, bob, 10);
    world_settle(world);
    peer_expect(bob, WIRE_CAUGHT_UP);
    world->holds_batches = true;
    peer_publish(world, bob, person("bob"), 2, 1, 700, false);
    world_settle(world);
    assert_int_equal(server_disable(world->server, &person("bob")->name, true, request), OK);
    peer_renew(world, renewing, &second, 3, 1, 900);
    struct peer *late = world_connect(world);
    peer_login(world, late, person("bob"));
    peer_send(world, ana, "bob", 1, "not for his eyes now");
    world_settle(world);
    assert_int_equal(result, ERR_WAIT);
    assert_false(bob->is_closed);
    world->holds_batches = false;
    world_finish_batch(world);
    assert_int_equal(result, OK);
    peer_expect(bob, WIRE_DONE);
    expect_told(bob, 0); /* and nothing was handed over */
    expect_told(renewing, 0);
    expect_told(late, 1);
    peer_expect(ana, WIRE_ACCEPTED);
    assert_int_equal(disable(world, "bob", false), OK);
    assert_int_equal(world_login(world, "bob")->is_closed, false);
    assert_int_equal(world_count(world,
                                 "SELECT set_id FROM devices d JOIN accounts a USING (account)"
                                 " WHERE name = 'bob'"),
                     2);
}

/* The store has the last word: a renewal that the core let through changes nothing. */
static void the_store_renews_no_disabled_account(void **state) {
    struct world *world = *state;
    world_member(world, "bob");
    assert_int_equal(disable(world, "bob", true), OK);
    struct store_op *op = store_op_new(STORE_RENEW);
    assert_non_null(op);
    op->renewal->device.device = 1;
    op->renewal->epoch = 2;
    struct store_batch batch = {.now_ms = START_MS, .first = op, .count = 1};
    assert_int_equal(sqlite_store_run(world->store, &batch), OK);
    assert_int_equal(op->result, ERR_ACCOUNT_DISABLED);
    store_op_free(op);
    assert_int_equal(world_count(world, "SELECT epoch FROM devices WHERE device = 1"), 1);
}

static void nobody_is_disabled_who_is_not_there(void **state) {
    struct world *world = *state;
    assert_int_equal(disable(world, "bob", true), ERR_NOT_FOUND);
    assert_int_equal(disable(world, "bob", false), ERR_NOT_FOUND);
    struct peer *bob = world_member(world, "bob");
    peer_leave(world, bob);
    world_settle(world);
    peer_expect(bob, WIRE_DONE);
    assert_int_equal(disable(world, "bob", true), ERR_NOT_FOUND);
    assert_int_equal(world_count(world, "SELECT state FROM accounts"), ACCOUNT_LEFT);
}

static void a_full_disk_disables_nobody(void **state) {
    struct world *world = *state;
    struct peer *bob = world_member(world, "bob");
    world->fails = ERR_FULL;
    assert_int_equal(disable(world, "bob", true), ERR_FULL);
    world->fails = OK;
    assert_false(bob->is_closed);
    peer_expect_nothing(bob);
    assert_int_equal(world_count(world, "SELECT state FROM accounts"), ACCOUNT_ACTIVE);
}

/* --- the day
 * ------------------------------------------------------------------------------------------------
 */

enum { START_DAY = 20833 }; /* START_MS: 2027-01-15, 08:00 */

static int64_t day_of_ana(struct world *world) {
    return world_count(world, "SELECT seen_day FROM accounts WHERE name = 'ana'");
}

static void the_day_of_the_last_visit_is_kept(void **state) {
    struct world *world = *state;
    struct peer *ana = world_member(world, "ana");
    assert_int_equal(day_of_ana(world), START_DAY);
    server_closed(world->server, ana->number, world->now);
    world->now.wall_ms += 3 * DAY_MS;
    world->now.monotonic_ms += 3 * DAY_MS;
    struct person thief = *person("bob");
    memcpy(thief.parsed.cid, person("ana")->parsed.cid, HASH_BYTES);
    peer_expect_error(world_asks_in(world, &thief), ERR_LOGIN_REFUSED);
    assert_int_equal(day_of_ana(world), START_DAY);
    ana = world_login(world, "ana");
    assert_int_equal(day_of_ana(world), START_DAY + 3);
    /* Whoever stays over midnight was in on both days. */
    uint64_t to_midnight = DAY_MS - world->now.wall_ms % DAY_MS;
    world->now.wall_ms += to_midnight - 1000;
    world->now.monotonic_ms += 1000;
    world_pass(world, 500);
    assert_int_equal(day_of_ana(world), START_DAY + 3);
    world_pass(world, 1000);
    assert_int_equal(day_of_ana(world), START_DAY + 4);
    assert_false(ana->is_closed);
}

/* It is not worth a refused batch. */
static void a_full_disk_keeps_nobody_out_for_the_day(void **state) {
    struct world *world = *state;
    struct peer *ana = world_member(world, "ana");
    server_closed(world->server, ana->number, world->now);
    world->now.wall_ms += DAY_MS;
    world->now.monotonic_ms += DAY_MS;
    server_disk_free(world->server, 0);
    ana = world_login(world, "ana");
    assert_int_equal(day_of_ana(world), START_DAY);
    server_disk_free(world->server, UINT64_MAX);
    world_pass(world, 500);
    assert_int_equal(day_of_ana(world), START_DAY + 1);
    assert_false(ana->is_closed);
}

/* --- invites
 * ------------------------------------------------------------------------------------------------
 */

static enum error revoke(struct world *world, const uint8_t token[INVITE_TOKEN_BYTES],
                         uint8_t spoil) {
    enum error result = ERR_WAIT;
    const struct admin_request request = {.context = &result, .done = keep_result};
    struct store_revoke invite;
    uint8_t hash[HASH_BYTES];
    const struct bytes part = bytes_make(token, INVITE_TOKEN_BYTES);
    assert_int_equal(sha256(&part, 1, hash), OK);
    memcpy(invite.id, hash, sizeof(invite.id));
    invite.id[INVITE_ID_BYTES - 1] ^= spoil;
    assert_int_equal(server_revoke(world->server, &invite, request), OK);
    world_settle(world);
    return result;
}

static void an_invite_is_taken_back(void **state) {
    struct world *world = *state;
    uint8_t token[INVITE_TOKEN_BYTES];
    uint8_t other[INVITE_TOKEN_BYTES];
    uint8_t used[INVITE_TOKEN_BYTES];
    world_invite(world, token, START_MS + INVITE_LIFE_MS, false);
    world_invite(world, other, START_MS + INVITE_LIFE_MS, false);
    world_invite(world, used, START_MS + INVITE_LIFE_MS, false);
    struct peer *ana = world_registers(world, person("ana"), used);
    peer_expect(ana, WIRE_WELCOME);
    assert_int_equal(revoke(world, token, 1), ERR_NOT_FOUND);
    assert_int_equal(revoke(world, used, 0), ERR_NOT_FOUND);
    assert_int_equal(revoke(world, token, 0), OK);
    assert_int_equal(revoke(world, token, 0), ERR_NOT_FOUND);
    struct peer *bob = world_registers(world, person("bob"), token);
    peer_expect_error(bob, ERR_INVITE_UNKNOWN);
    bob = world_registers(world, person("bob"), other);
    peer_expect(bob, WIRE_WELCOME);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_disabled_account_is_told_and_comes_back_whole,
                                        world_begin, world_end),
        cmocka_unit_test_setup_teardown(others_are_told_nothing, world_begin, world_end),
        cmocka_unit_test_setup_teardown(it_holds_from_its_commit_on, world_begin, world_end),
        cmocka_unit_test_setup_teardown(the_store_renews_no_disabled_account, world_begin,
                                        world_end),
        cmocka_unit_test_setup_teardown(nobody_is_disabled_who_is_not_there, world_begin,
                                        world_end),
        cmocka_unit_test_setup_teardown(a_full_disk_disables_nobody, world_begin, world_end),
        cmocka_unit_test_setup_teardown(the_day_of_the_last_visit_is_kept, world_begin, world_end),
        cmocka_unit_test_setup_teardown(a_full_disk_keeps_nobody_out_for_the_day, world_begin,
                                        world_end),
        cmocka_unit_test_setup_teardown(an_invite_is_taken_back, world_begin, world_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
