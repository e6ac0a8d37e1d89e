/* SPDX-License-Identifier: ISC */
/* LEAVE: what is gone afterwards, what is kept, and who may come back. */
#include "server_world.h"

#include <string.h>

static void leaves(struct world *world, struct peer *peer) {
    uint32_t request = peer_leave(world, peer);
    world_settle(world);
    assert_int_equal(peer_expect(peer, WIRE_DONE).request, request);
    peer_expect_nothing(peer);
    assert_true(peer->is_closed);
}

/* The answer comes after the transaction. */
static void what_it_had_is_gone_but_for_the_name(void **state) {
    struct world *world = *state;
    struct peer *ana = world_member(world, "ana");
    struct peer *bob = world_member(world, "bob");
    peer_get(world, bob, WIRE_GET_BUNDLE, "ana");
    peer_send(world, bob, "ana", 7, "from one who leaves");
    peer_send(world, ana, "bob", 8, "waits");
    world_settle(world);
    assert_int_equal(world_count(world, "SELECT count(*) FROM handouts"), 1);
    assert_int_equal(world_count(world, "SELECT sum(count) FROM runs"), 2);
    peer_expect(bob, WIRE_BUNDLE);
    peer_expect(bob, WIRE_ACCEPTED);
    peer_expect(ana, WIRE_ACCEPTED);
    world->holds_batches = true;
    peer_leave(world, bob);
    world_settle(world);
    peer_expect_nothing(bob);
    world->holds_batches = false;
    world_finish_batch(world);
    peer_expect(bob, WIRE_DONE);
    assert_true(bob->is_closed);
    assert_int_equal(world_count(world, "SELECT count(*) FROM devices"), 1);
    assert_int_equal(world_count(world, "SELECT count(DISTINCT device) FROM one_time"), 1);
    assert_int_equal(world_count(world, "SELECT count(*) FROM handouts"), 0);
    assert_int_equal(world_count(world, "SELECT sum(count) FROM runs"), 1);
    assert_int_equal(world_count(world,
                                 "SELECT count(*) FROM accounts WHERE name = 'bob' AND state = 2"
                                 " AND seen_day = 0 AND is_admin = 0"),
                     1);
    /* What he wrote arrives. */
    peer_fetch(world, ana, 10);
    world_settle(world);
    peer_expect_deliver(ana, "bob", "from one who leaves");
}

/* Rows of their own, each with a message. */
static void fill_rows(struct world *world, struct peer *from, const char *name, uint32_t count) {
    for (uint32_t i = 1; i <= count; i++) {
        peer_send(world, from, name, i, "waits");
        world_settle(world);
        peer_expect(from, WIRE_ACCEPTED);
    }
}

/* Others do not wait for a large mailbox: it is nobody's at once, and goes step by step; also when
 * the server ends in between. */
static void a_large_mailbox_goes_in_steps(void **state) {
    enum { COUNT = 100 };
    struct world *world = *state;
    struct peer *ana = world_member(world, "ana");
    struct peer *bob = world_member(world, "bob");
    fill_rows(world, ana, "bob", COUNT);
    peer_fetch(world, bob, 1);
    world_settle(world);
    peer_ack(world, bob, peer_expect_deliver(bob, "ana", "waits"));
    world_settle(world);
    (void)peer_expect_deliver(bob, "ana", "waits");
    assert_int_equal(world_count(world, "SELECT count(*) FROM runs"), COUNT - 1);
    assert_int_equal(world_count(world, "SELECT count(*) FROM marks"), 1);
    world->holds_batches = true;
    peer_leave(world, bob);
    world_settle(world);
    world_finish_batch(world);
    peer_expect(bob, WIRE_DONE);
    assert_int_equal(world_count(world, "SELECT count(*) FROM runs"), COUNT - 1);
    world_settle(world);
    world_finish_batch(world);
    int64_t left = world_count(world, "SELECT count(*) FROM runs");
    assert_true(left > 0 && left < COUNT - 1);
    world->holds_batches = false;
    world_restart(world);
    world_pass(world, 1000);
    assert_int_equal(world_count(world, "SELECT count(*) FROM runs"), 0);
    assert_int_equal(world_count(world, "SELECT count(*) FROM marks"), 0);
    assert_int_equal(world_count(world, "SELECT count(*) FROM newest_marks"), 0);
    assert_int_equal(world_count(world, "SELECT count(*) FROM erasing"), 0);
}

static void to_others_there_is_no_such_user(void **state) {
    struct world *world = *state;
    struct peer *ana = world_member(world, "ana");
    struct peer *bob = world_member(world, "bob");
    peer_send(world, ana, "bob", 1, "x");
    world_settle(world);
    peer_expect(ana, WIRE_ACCEPTED);
    assert_int_equal(server_figures(world->server).mailboxes, 2);
    leaves(world, bob);
    assert_int_equal(server_figures(world->server).mailboxes, 1);
    peer_send(world, ana, "bob", 2, "x");
    world_settle(world);
    peer_expect_error(ana, ERR_NO_SUCH_USER);
    peer_get(world, ana, WIRE_GET_BUNDLE, "bob");
    world_settle(world);
    peer_expect_error(ana, ERR_NO_SUCH_USER);
    peer_get(world, ana, WIRE_GET_CERTIFICATE, "bob");
    world_settle(world);
    peer_expect_error(ana, ERR_NO_SUCH_USER);
    struct buffer frame;
    const struct wire_list_users list = {0};
    struct wire_users users;
    buffer_init(&frame, FRAME_MAX_BYTES);
    assert_int_equal(wire_write_list_users(&frame, ++ana->request, &list), OK);
    peer_flush(world, ana, &frame);
    assert_int_equal(wire_read_users(peer_expect(ana, WIRE_USERS).body, &users), OK);
    assert_int_equal(users.count, 1);
    bob = world_asks_in(world, person("bob"));
    peer_expect_error(bob, ERR_LOGIN_REFUSED);
}

static void the_name_is_kept_for_its_account_key(void **state) {
    struct world *world = *state;
    uint8_t token[INVITE_TOKEN_BYTES];
    struct person other = *person("eve");
    other.name = person("bob")->name;
    other = person_renewed(&other);
    struct peer *ana = world_member(world, "ana");
    struct peer *bob = world_member(world, "bob");
    peer_send(world, ana, "bob", 1, "for the one who left");
    world_settle(world);
    peer_expect(ana, WIRE_ACCEPTED);
    leaves(world, bob);
    world_invite(world, token, START_MS + INVITE_LIFE_MS, true);
    peer_expect_error(world_registers(world, &other, token), ERR_NAME_TAKEN);
    peer_expect_error(world_registers(world, person("bob"), NULL), ERR_INVITE_REQUIRED);
    /* The very certificate that he had, of no higher epoch: nobody here knows it any more. */
    bob = world_registers(world, person("bob"), token);
    struct wire_welcome welcome = peer_expect_welcome(bob);
    assert_false(welcome.is_renewal);
    assert_int_equal(welcome.waiting, 0);
    assert_int_equal(welcome.set_id, 0);
    assert_int_equal(world_count(world,
                                 "SELECT count(*) FROM accounts WHERE name = 'bob' AND state = 0"
                                 " AND is_admin = 1 AND seen_day > 0"),
                     1);
    /* The answer was lost: the same again is the same success, and the invite is used. */
    peer_expect(world_registers(world, person("bob"), token), WIRE_WELCOME);
    peer_expect_error(world_registers(world, person("eve"), token), ERR_INVITE_USED);
    bob = world_registers(world, person("bob"), token);
    peer_expect(bob, WIRE_WELCOME);
    peer_publish(world, bob, person("bob"), 1, 1, 300, false);
    peer_fetch(world, bob, 10);
    peer_send(world, ana, "bob", 2, "for the one who came back");
    world_settle(world);
    peer_expect(ana, WIRE_ACCEPTED);
    struct got got = peer_expect(bob, WIRE_CAUGHT_UP);
    while (got.type == WIRE_CAUGHT_UP) {
        assert_true(peer_next(bob, &got));
        if (got.type == WIRE_DELIVER) {
            struct wire_deliver deliver;
            assert_int_equal(wire_read_deliver(got.body, &deliver), OK);
            assert_string_equal((const char *)deliver.envelope.data + 2,
                                "for the one who came back");
        }
    }
}

static void an_open_server_lets_back_in(void **state) {
    struct world *world = *state;
    world->config.registration = WIRE_REGISTRATION_OPEN;
    world_restart(world);
    struct peer *bob = world_registers(world, person("bob"), NULL);
    peer_expect(bob, WIRE_WELCOME);
    leaves(world, bob);
    world->config.registration = WIRE_REGISTRATION_CLOSED;
    world_restart(world);
    peer_expect_error(world_registers(world, person("bob"), NULL), ERR_REGISTRATION_CLOSED);
    world->config.registration = WIRE_REGISTRATION_OPEN;
    world_restart(world);
    const struct person second = person_renewed(person("bob"));
    peer_expect(world_registers(world, &second, NULL), WIRE_WELCOME);
}

static void what_follows_is_not_looked_at(void **state) {
    struct world *world = *state;
    struct peer *ana = world_member(world, "ana");
    struct peer *bob = world_member(world, "bob");
    peer_send(world, bob, "ana", 1, "before");
    peer_leave(world, bob);
    peer_send(world, bob, "ana", 2, "behind");
    peer_leave(world, bob);
    world_settle(world);
    peer_expect(bob, WIRE_ACCEPTED);
    peer_expect(bob, WIRE_DONE);
    peer_expect_nothing(bob);
    assert_true(bob->is_closed);
    peer_fetch(world, ana, 10);
    world_settle(world);
    peer_expect_deliver(ana, "bob", "before");
    peer_expect(ana, WIRE_CAUGHT_UP);
    peer_expect_nothing(ana);
}

/* The device may be in again before the first connection's LEAVE is decided. */
static void both_connections_end(void **state) {
    struct world *world = *state;
    struct peer *bob = world_member(world, "bob");
    world->holds_batches = true;
    peer_leave(world, bob);
    world_settle(world);
    struct peer *again = world_asks_in(world, person("bob"));
    world->holds_batches = false;
    world_finish_batch(world);
    peer_expect(bob, WIRE_DONE);
    peer_expect_error(again, ERR_LOGIN_REFUSED);
    again = world_registers(world, person("bob"), NULL);
    peer_expect_error(again, ERR_INVITE_REQUIRED);
    /* The other way round, in one batch: the second is in when the first has left. */
    bob = world_member(world, "bob");
    world->holds_batches = true;
    peer_send(world, bob, "carol", 1, "a batch to wait for");
    world_settle(world);
    again = world_connect(world);
    peer_login(world, again, person("bob"));
    peer_leave(world, bob);
    world->holds_batches = false;
    world_finish_batch(world);
    peer_expect(again, WIRE_WELCOME);
    peer_expect_error(again, ERR_LOGIN_REFUSED);
    assert_true(again->is_closed && bob->is_closed);
    assert_int_equal(world_count(world, "SELECT count(*) FROM devices"), 0);
}

/* Early: handed over and not acknowledged when its recipient leaves. */
static void a_message_under_way_has_no_recipient_any_more(void **state) {
    struct world *world = *state;
    struct peer *ana = world_member(world, "ana");
    struct peer *bob = world_member(world, "bob");
    peer_fetch(world, bob, 10);
    world_settle(world);
    peer_expect(bob, WIRE_CAUGHT_UP);
    peer_leave(world, bob);
    peer_send(world, ana, "bob", 1, "too late");
    world_settle(world);
    peer_expect_error(ana, ERR_NO_SUCH_USER);
    assert_true(bob->is_closed);
    assert_int_equal(server_figures(world->server).queued, 0);
}

static void a_full_disk_lets_nobody_leave(void **state) {
    struct world *world = *state;
    struct peer *bob = world_member(world, "bob");
    world->fails = ERR_FULL;
    uint32_t request = peer_leave(world, bob);
    world_settle(world);
    assert_int_equal(peer_expect_error(bob, ERR_SERVER_DISK_FULL), request);
    assert_false(bob->is_closed);
    world->fails = OK;
    leaves(world, bob);
}

/* The certificate that left is not the one that stands. */
static void an_old_certificate_ends_nothing(void **state) {
    struct world *world = *state;
    world_member(world, "bob");
    struct store_op *op = store_op_new(STORE_LEAVE);
    assert_non_null(op);
    op->leave->device = 1;
    op->leave->account = 1;
    struct store_batch batch = {.now_ms = START_MS, .first = op, .count = 1};
    assert_int_equal(sqlite_store_run(world->store, &batch), OK);
    assert_int_equal(op->result, ERR_NOT_FOUND);
    store_op_free(op);
    assert_int_equal(world_count(world, "SELECT count(*) FROM devices"), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_it_had_is_gone_but_for_the_name, world_begin,
                                        world_end),
        cmocka_unit_test_setup_teardown(a_large_mailbox_goes_in_steps, world_begin, world_end),
        cmocka_unit_test_setup_teardown(to_others_there_is_no_such_user, world_begin, world_end),
        cmocka_unit_test_setup_teardown(the_name_is_kept_for_its_account_key, world_begin,
                                        world_end),
        cmocka_unit_test_setup_teardown(an_open_server_lets_back_in, world_begin, world_end),
        cmocka_unit_test_setup_teardown(what_follows_is_not_looked_at, world_begin, world_end),
        cmocka_unit_test_setup_teardown(both_connections_end, world_begin, world_end),
        cmocka_unit_test_setup_teardown(a_message_under_way_has_no_recipient_any_more, world_begin,
                                        world_end),
        cmocka_unit_test_setup_teardown(a_full_disk_lets_nobody_leave, world_begin, world_end),
        cmocka_unit_test_setup_teardown(an_old_certificate_ends_nothing, world_begin, world_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
