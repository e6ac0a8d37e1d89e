/* SPDX-License-Identifier: ISC */
/* Delivery to the end between real engines and the real server core: receipts, confirmation at
 * once, repair of what was lost, numbers that were given up. docs/PROTOCOL.md 1.5, 1.7 to 1.10. */
#include "lifetimes_world.h"

#include "base/require.h"
#include "crypto/rsa.h"

#include <string.h>

static struct rsa_private pool[RSA_POOL];

static int make_pool(void **state) {
    (void)state;
    for (size_t i = 0; i < RSA_POOL; i++) {
        if (rsa_generate(&pool[i]) != OK) {
            return -1;
        }
    }
    return 0;
}

static void visits(struct world *world, int times) {
    for (int i = 0; i < times; i++) {
        person_visit(&world->ana);
        person_visit(&world->bob);
        person_read(&world->ana);
        person_read(&world->bob);
        world_pass(world, HOUR_MS);
    }
}

/* Comes, writes so many, and leaves. */
static void write_some(struct person *person, int count) {
    person_come(person);
    for (int i = 0; i < count; i++) {
        person_write(person);
    }
    world_settle(person->world);
    person_leave(person);
}

static void lose_sessions(struct person *person) {
    const struct user_name peer = person_other(person)->name;
    struct session_info sessions[SESSIONS_PER_PEER_MAX];
    size_t count = 0;
    const struct client_store *store = person->store;
    assert_int_equal(store->session_list(store->context, &peer, sessions, &count), OK);
    assert_int_equal(store->begin(store->context), OK);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(store->session_delete(store->context, &peer, sessions[i].sid), OK);
    }
    assert_int_equal(store->commit(store->context), OK);
}

/* Two who have written to each other once: accepted contacts. Without sessions, if they are to
 * begin anew. */
static struct world *open_world(bool with_sessions) {
    static struct world world;
    world_open(&world, pool, true);
    write_some(&world.ana, 1);
    write_some(&world.bob, 1);
    visits(&world, 3);
    assert_int_equal(world.ana.received, 1);
    assert_int_equal(world.bob.received, 1);
    if (!with_sessions) {
        lose_sessions(&world.ana);
        lose_sessions(&world.bob);
    }
    return &world;
}

/* But for the first message, which came from a stranger then. */
static uint64_t undelivered(struct person *person) {
    return person_count(
        person, "SELECT COUNT(*) FROM outgoing WHERE kind=1 AND delivered=0 AND state<>3 AND row>1",
        NULL);
}

/* Promise: the sender learns that a message is on the recipient's device, although the recipient
 * never writes. */
static void a_receipt_comes_back(void **state) {
    (void)state;
    struct world *world = open_world(true);
    write_some(&world->ana, 1);
    assert_int_equal(undelivered(&world->ana), 1);
    person_visit(&world->bob);
    person_read(&world->bob);
    assert_int_equal(world->bob.received, 2);
    person_visit(&world->ana);
    assert_int_equal(undelivered(&world->ana), 0);
    assert_int_equal(person_count(&world->ana,
                                  "SELECT COUNT(*) FROM outgoing WHERE delivered>0 AND envelope"
                                  " IS NOT NULL",
                                  NULL),
                     0);
    world_close(world);
}

/* Promise: a session is confirmed on both sides after one round trip of the devices, whoever types.
 */
static void both_sides_are_confirmed_at_once(void **state) {
    (void)state;
    static const char CONFIRMED[] = "SELECT COUNT(*) FROM session WHERE confirmed=1 AND active=1";
    struct world *world = open_world(false);
    write_some(&world->ana, 1);
    person_visit(&world->bob);
    assert_int_equal(person_count(&world->bob, CONFIRMED, NULL), 0);
    person_visit(&world->ana);
    assert_int_equal(person_count(&world->ana, CONFIRMED, NULL), 1);
    person_visit(&world->bob);
    assert_int_equal(person_count(&world->bob, CONFIRMED, NULL), 1);
    /* And then there is nothing more to say. */
    visits(world, 2);
    unsigned before = world->ana.frames[WIRE_SEND] + world->bob.frames[WIRE_SEND];
    visits(world, 2);
    assert_int_equal(world->ana.frames[WIRE_SEND] + world->bob.frames[WIRE_SEND], before);
    world_close(world);
}

/* Promise: a server that was put back to an older copy of its database loses no message. */
static void what_the_server_has_lost_is_offered_again(void **state) {
    (void)state;
    struct world *world = open_world(true);
    world_copy(world);
    write_some(&world->ana, 2);
    world_put_back(world);
    person_visit(&world->bob);
    person_read(&world->bob);
    assert_int_equal(world->bob.received, 1);
    visits(world, 3);
    assert_int_equal(world->bob.received, 3);
    assert_int_equal(world->bob.late, 0);
    assert_int_equal(undelivered(&world->ana), 0);
    world_close(world);
}

/* Promise: what came for a session that the recipient has lost is encrypted again in a new one, and
 * shown once. */
static void a_lost_session_is_repaired(void **state) {
    (void)state;
    struct world *world = open_world(true);
    lose_sessions(&world->bob);
    write_some(&world->ana, 2);
    visits(world, 6);
    assert_int_equal(world->bob.received, 3);
    assert_int_equal(undelivered(&world->ana), 0);
    assert_int_equal(world->bob.notices[ERR_UNDECRYPTABLE], 0);
    write_some(&world->bob, 1);
    visits(world, 2);
    assert_int_equal(world->ana.received, 2);
    world_close(world);
}

/* Repairs that go on in a second session, because the chain of the first has ended, are not the
 * first there either: their time of writing would say that it is an old session. */
static void no_session_begins_with_a_repaired_message(void **state) {
    (void)state;
    enum { MORE = 1000, VISITS = 4 };
    struct world *world = open_world(true);
    lose_sessions(&world->bob);
    write_some(&world->ana, CHAIN_MAX_MESSAGES - 1);
    lose_sessions(&world->ana);
    write_some(&world->ana, MORE); /* its first one begins a session, as it should */
    for (int i = 0; i < VISITS; i++) {
        person_visit(&world->bob);
        person_visit(&world->ana);
        world_pass(world, HOUR_MS);
    }
    assert_int_equal(person_count(&world->bob, "SELECT COUNT(*) FROM incoming", NULL),
                     1 + CHAIN_MAX_MESSAGES - 1 + MORE);
    assert_int_equal(
        person_count(&world->ana,
                     "SELECT COUNT(*) FROM outgoing WHERE kind=1 AND number=0 AND row>1", NULL),
        1);
    assert_int_equal(undelivered(&world->ana), 0);
    world_close(world);
}

/* The same when the side that writes has lost it: its new session replaces the old one, and people
 * are told that the other side began anew. */
static void a_writer_that_lost_its_session_begins_anew(void **state) {
    (void)state;
    struct world *world = open_world(true);
    lose_sessions(&world->ana);
    write_some(&world->ana, 1);
    visits(world, 4);
    assert_int_equal(world->bob.received, 2);
    assert_int_equal(world->bob.notices[ERR_SESSION_RESTARTED], 1);
    assert_int_equal(undelivered(&world->ana), 0);
    world_close(world);
}

/* Promise: both begin at once, neither message is lost, one session remains in use, the same on
 * both sides. */
static void a_simultaneous_start_ends_in_one_session(void **state) {
    (void)state;
    static const char ACTIVE[] =
        "SELECT CAST(substr(hex(sid), 1, 7) AS INTEGER) FROM session WHERE active=1";
    struct world *world = open_world(false);
    person_come(&world->ana);
    person_come(&world->bob);
    person_write(&world->ana);
    person_write(&world->bob);
    world_settle(world);
    person_leave(&world->ana);
    person_leave(&world->bob);
    visits(world, 4);
    assert_int_equal(world->ana.received, 2);
    assert_int_equal(world->bob.received, 2);
    assert_int_equal(person_count(&world->ana, ACTIVE, NULL),
                     person_count(&world->bob, ACTIVE, NULL));
    assert_int_equal(undelivered(&world->ana), 0);
    assert_int_equal(undelivered(&world->bob), 0);
    world_close(world);
}

/* Promise: who finds several sessions that the peer has begun answers in the last one, though the
 * first of them was the one in use when the answer was written: the peer may have it no more. */
static void the_last_of_several_sessions_is_answered(void **state) {
    (void)state;
    enum { SEVERAL_WINDOWS = 900 };
    struct world *world = open_world(false);
    write_some(&world->ana, SEVERAL_WINDOWS);
    lose_sessions(&world->ana);
    write_some(&world->ana, 1);
    world->bob.is_hasty = true;
    person_visit(&world->bob);
    assert_false(world->bob.is_hasty);
    visits(world, 4);
    assert_int_equal(world->bob.received, 1 + SEVERAL_WINDOWS + 1);
    assert_int_equal(world->ana.received, 2);
    assert_int_equal(person_count(&world->ana, "SELECT COUNT(*) FROM forced", NULL), 0);
    assert_int_equal(person_count(&world->bob, "SELECT COUNT(*) FROM forced", NULL), 0);
    world_close(world);
}

/* Promise: a bad bundle is asked for once more, also by a handshake that no message of a person
 * asks for; and then not again on this connection. */
static void a_bad_bundle_is_asked_for_once_more(void **state) {
    (void)state;
    struct world *world = open_world(true);
    struct person *bob = &world->bob;
    lose_sessions(bob);
    write_some(&world->ana, 1);
    memset(bob->frames, 0, sizeof(bob->frames));
    bob->spoils = 2;
    person_visit(bob);
    assert_int_equal(bob->frames[WIRE_GET_BUNDLE], 2);
    assert_int_equal(person_count(bob, "SELECT COUNT(*) FROM session", NULL), 0);
    world_pass(world, HOUR_MS);
    bob->spoils = 1;
    person_visit(bob);
    assert_int_equal(bob->frames[WIRE_GET_BUNDLE], 4);
    assert_int_equal(person_count(bob, "SELECT COUNT(*) FROM session", NULL), 1);
    world_close(world);
}

/* A receipt that could not be sent for want of a session, and is looked at again in a day. */
static void owe_receipt(struct person *person) {
    const struct client_store *store = person->store;
    struct stored_peer peer;
    const uint8_t msg_id[MESSAGE_ID_BYTES] = {1};
    struct duty duty = {.peer = person_other(person)->name,
                        .kind = DUTY_RECEIPTS,
                        .due_ms = person_now(person) + DAY_MS};
    assert_int_equal(store->peer_get(store->context, &duty.peer, &peer), OK);
    assert_int_equal(store->begin(store->context), OK);
    assert_int_equal(store->receipt_add(store->context, &duty.peer, peer.afp, msg_id), OK);
    assert_int_equal(store->duty_put(store->context, &duty), OK);
    assert_int_equal(store->commit(store->context), OK);
}

/* Promise: receipts that waited for a session leave in the next one. */
static void receipts_leave_in_the_next_session(void **state) {
    (void)state;
    static const char OWED[] = "SELECT COUNT(*) FROM receipt";
    struct world *world = open_world(false);
    owe_receipt(&world->bob);
    person_visit(&world->bob);
    assert_int_equal(person_count(&world->bob, OWED, NULL), 1);
    write_some(&world->bob, 1);
    assert_int_equal(person_count(&world->bob, OWED, NULL), 0);
    owe_receipt(&world->ana);
    person_visit(&world->ana); /* the session is one of the other's */
    assert_int_equal(person_count(&world->ana, OWED, NULL), 0);
    world_close(world);
}

/* A COMPACT of a chain that is not known, in the session in use. */
static void put_waiting(struct person *person, uint64_t received_ms) {
    const struct user_name peer = person_other(person)->name;
    const struct client_store *store = person->store;
    struct session_info sessions[SESSIONS_PER_PEER_MAX];
    uint8_t envelope[ENVELOPE_MIN_BYTES] = {0x01, ENVELOPE_COMPACT};
    struct buffer lost;
    size_t count = 0;
    buffer_init(&lost, ENVELOPE_MAX_BYTES);
    assert_int_equal(store->session_list(store->context, &peer, sessions, &count), OK);
    assert_true(count == 1 && sessions[0].is_active);
    memcpy(envelope + 2, sessions[0].sid, SESSION_ID_BYTES);
    assert_int_equal(store->begin(store->context), OK);
    assert_int_equal(
        store->waiting_add(store->context, &peer, bytes_of(envelope), received_ms, &lost), OK);
    assert_int_equal(store->commit(store->context), OK);
    buffer_clear(&lost);
}

/* Promise: that a message was given up is told once, although the connection on which it happened
 * broke before everything had come. */
static void a_loss_is_told_when_the_connection_breaks(void **state) {
    (void)state;
    struct world *world = open_world(true);
    struct person *bob = &world->bob;
    put_waiting(bob, person_now(bob));
    world_pass(world, WAITING_COMPACT_MS + 1);
    bob->loses = WIRE_FETCH;
    person_visit(bob);
    bob->loses = 0;
    assert_int_equal(bob->notices[ERR_MESSAGE_LOST], 1);
    visits(world, 1);
    assert_int_equal(bob->notices[ERR_MESSAGE_LOST], 1);
    world_close(world);
}

/* The same when it is the server's word that ends the connection. */
static void a_loss_is_told_when_the_server_breaks_its_word(void **state) {
    (void)state;
    static const uint8_t NONSENSE[16] = {0xff, 0xff, 0xff, 0xff};
    struct world *world = open_world(true);
    struct person *bob = &world->bob;
    put_waiting(bob, person_now(bob));
    world_pass(world, WAITING_COMPACT_MS + 1);
    bob->nonsense = bytes_of(NONSENSE);
    bob->loses = WIRE_FETCH;
    person_visit(bob);
    assert_int_equal(bob->failure.error, ERR_PROTOCOL_ERROR);
    assert_int_equal(bob->notices[ERR_MESSAGE_LOST], 1);
    world_close(world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_receipt_comes_back),
        cmocka_unit_test(both_sides_are_confirmed_at_once),
        cmocka_unit_test(what_the_server_has_lost_is_offered_again),
        cmocka_unit_test(a_lost_session_is_repaired),
        cmocka_unit_test(no_session_begins_with_a_repaired_message),
        cmocka_unit_test(a_writer_that_lost_its_session_begins_anew),
        cmocka_unit_test(a_simultaneous_start_ends_in_one_session),
        cmocka_unit_test(the_last_of_several_sessions_is_answered),
        cmocka_unit_test(receipts_leave_in_the_next_session),
        cmocka_unit_test(a_bad_bundle_is_asked_for_once_more),
        cmocka_unit_test(a_loss_is_told_when_the_connection_breaks),
        cmocka_unit_test(a_loss_is_told_when_the_server_breaks_its_word),
    };
    return cmocka_run_group_tests(tests, make_pool, NULL);
}
