/* SPDX-License-Identifier: ISC */
/* Who may do what, and when: every request from its owner, from another account, from nobody, from
 * an account that was removed, that left or that is disabled, and from a device that came in
 * elsewhere, in every state of a connection. One cell each; a request without a row, or a row
 * without a cell, fails. */
#include "server_world.h"

#include <stdlib.h>
#include <string.h>

enum party {
    OWNER,    /* bob, on what is his */
    OTHER,    /* eve, a member, on what is bob's */
    NOBODY,   /* carol, who has no account */
    REMOVED,  /* bob, after his account was removed */
    FENCED,   /* bob's device, which came in elsewhere or was renewed there */
    DISABLED, /* bob, after the administrator disabled his account */
    GONE,     /* bob, after he left, over another connection */
    PARTIES,
};

enum stage { BEFORE_LOGIN, OPEN, RENEWING, CLOSING, STAGES };

enum outcome {
    MISSING,
    NOWHERE, /* that party can't be in that state */
    IGNORED, /* the connection is at its end: no answer follows the one that ended it */
    DENIED,  /* not allowed here: protocol_error, and the end */
    SILENCE, /* taken; there is no answer */
    WELCOMED,
    DONE,
    LEFT, /* done, and the end */
    CERTIFICATE,
    BUNDLE,
    USERS,
    ACCEPTED,
    CAUGHT_UP,
    LOGIN_REFUSED,  /* and may try once more */
    INVITE_WANTED,  /* and the end */
    NAME_TAKEN,     /* and the end */
    NOT_THE_SENDER, /* and the connection goes on */
    NOT_ITS_KEYS,   /* and the connection goes on */
    NOT_TO_RENEW,   /* and the end */
    TOLD,           /* that the account is disabled, and the end */
};

/* What each outcome is on the wire. */
static const struct {
    uint8_t type; /* 0: nothing */
    enum error error;
    bool ends;
} SEEN[] = {
    [IGNORED] = {0, OK, true},
    [DENIED] = {WIRE_ERROR, ERR_PROTOCOL_ERROR, true},
    [SILENCE] = {0, OK, false},
    [WELCOMED] = {WIRE_WELCOME, OK, false},
    [DONE] = {WIRE_DONE, OK, false},
    [LEFT] = {WIRE_DONE, OK, true},
    [CERTIFICATE] = {WIRE_CERTIFICATE, OK, false},
    [BUNDLE] = {WIRE_BUNDLE, OK, false},
    [USERS] = {WIRE_USERS, OK, false},
    [ACCEPTED] = {WIRE_ACCEPTED, OK, false},
    [CAUGHT_UP] = {WIRE_CAUGHT_UP, OK, false},
    [LOGIN_REFUSED] = {WIRE_ERROR, ERR_LOGIN_REFUSED, false},
    [INVITE_WANTED] = {WIRE_ERROR, ERR_INVITE_REQUIRED, true},
    [NAME_TAKEN] = {WIRE_ERROR, ERR_NAME_TAKEN, true},
    [NOT_THE_SENDER] = {WIRE_ERROR, ERR_PROTOCOL_ERROR, false},
    [NOT_ITS_KEYS] = {WIRE_ERROR, ERR_CERTIFICATE_REFUSED, false},
    [NOT_TO_RENEW] = {WIRE_ERROR, ERR_CERTIFICATE_REFUSED, true},
    [TOLD] = {WIRE_ERROR, ERR_ACCOUNT_DISABLED, true},
};

/* What is only for those who are in: what the owner and another account get, and nobody else. */
#define WHO_IS_IN(owner, other)                                                                    \
    {                                                                                              \
        [OWNER] = {DENIED, owner, DENIED, IGNORED},                                                \
        [OTHER] = {DENIED, other, DENIED, IGNORED},                                                \
        [NOBODY] = {DENIED, NOWHERE, NOWHERE, IGNORED},                                            \
        [REMOVED] = {DENIED, NOWHERE, DENIED, IGNORED},                                            \
        [FENCED] = {DENIED, NOWHERE, DENIED, IGNORED},                                             \
        [DISABLED] = {DENIED, NOWHERE, NOWHERE, IGNORED},                                          \
        [GONE] = {DENIED, NOWHERE, DENIED, IGNORED},                                               \
    }

/* The columns: before login, open, renewing, closing. */
static const struct row {
    uint8_t type;
    enum outcome cells[PARTIES][STAGES];
} TABLE[] = {
    {WIRE_LOGIN,
     {[OWNER] = {WELCOMED, DENIED, DENIED, IGNORED},
      [OTHER] = {LOGIN_REFUSED, DENIED, DENIED, IGNORED},
      [NOBODY] = {LOGIN_REFUSED, NOWHERE, NOWHERE, IGNORED},
      [REMOVED] = {LOGIN_REFUSED, NOWHERE, DENIED, IGNORED},
      [FENCED] = {WELCOMED, NOWHERE, DENIED, IGNORED},
      [DISABLED] = {TOLD, NOWHERE, NOWHERE, IGNORED},
      [GONE] = {LOGIN_REFUSED, NOWHERE, DENIED, IGNORED}}},
    {WIRE_REGISTER,
     {[OWNER] = {WELCOMED, DENIED, DENIED, IGNORED},
      [OTHER] = {NAME_TAKEN, DENIED, DENIED, IGNORED},
      [NOBODY] = {INVITE_WANTED, NOWHERE, NOWHERE, IGNORED},
      [REMOVED] = {INVITE_WANTED, NOWHERE, DENIED, IGNORED},
      [FENCED] = {WELCOMED, NOWHERE, DENIED, IGNORED},
      [DISABLED] = {TOLD, NOWHERE, NOWHERE, IGNORED},
      [GONE] = {INVITE_WANTED, NOWHERE, DENIED, IGNORED}}},
    {WIRE_PING, WHO_IS_IN(DONE, DONE)},
    {WIRE_PUBLISH, WHO_IS_IN(DONE, NOT_ITS_KEYS)},
    {WIRE_GET_CERTIFICATE, WHO_IS_IN(CERTIFICATE, CERTIFICATE)},
    {WIRE_GET_BUNDLE, WHO_IS_IN(BUNDLE, BUNDLE)},
    {WIRE_LIST_USERS, WHO_IS_IN(USERS, USERS)},
    {WIRE_SEND, WHO_IS_IN(ACCEPTED, NOT_THE_SENDER)},
    {WIRE_FETCH, WHO_IS_IN(CAUGHT_UP, CAUGHT_UP)},
    {WIRE_ACK, WHO_IS_IN(SILENCE, SILENCE)},
    {WIRE_RENEW,
     {[OWNER] = {DENIED, DONE, DONE, IGNORED},
      [OTHER] = {DENIED, NOT_ITS_KEYS, NOT_TO_RENEW, IGNORED},
      [NOBODY] = {DENIED, NOWHERE, NOWHERE, IGNORED},
      [REMOVED] = {DENIED, NOWHERE, NOT_TO_RENEW, IGNORED},
      [FENCED] = {DENIED, NOWHERE, NOT_TO_RENEW, IGNORED},
      [DISABLED] = {DENIED, NOWHERE, NOWHERE, IGNORED},
      [GONE] = {DENIED, NOWHERE, NOT_TO_RENEW, IGNORED}}},
    {WIRE_LEAVE, WHO_IS_IN(LEFT, LEFT)},
};

/* --- the people
 * -----------------------------------------------------------------------------------------------
 */

static struct {
    struct person bob_second; /* bob's next certificates */
    struct person bob_third;
    struct person eve_second;
    struct person eve_as_bob;  /* eve's keys under bob's name */
    struct person eve_for_bob; /* eve's proof for bob's certificate */
} people;

static int make_people(void **state) {
    (void)state;
    people.bob_second = person_renewed(person("bob"));
    people.bob_third = person_renewed(&people.bob_second);
    people.eve_second = person_renewed(person("eve"));
    struct person named = *person("eve");
    named.name = person("bob")->name;
    people.eve_as_bob = person_renewed(&named);
    people.eve_for_bob = *person("eve");
    memcpy(people.eve_for_bob.parsed.cid, person("bob")->parsed.cid, HASH_BYTES);
    return 0;
}

static const char *name_of(enum party party) {
    return party == OTHER ? "eve" : party == NOBODY ? "carol" : "bob";
}

/* --- the cell
 * -------------------------------------------------------------------------------------------------
 */

struct cell {
    struct world *world;
    uint8_t type;
    enum party party;
    enum stage stage;
    struct peer *peer;
    uint64_t handle; /* of the message that waits for bob */
    uint32_t request;
};

static void found(void *context, enum error result) {
    (void)context;
    assert_int_equal(result, OK);
}

static void ask_to_disable_bob(struct cell *cell, bool disable) {
    assert_int_equal(server_disable(cell->world->server, &person("bob")->name, disable,
                                    (struct admin_request){.done = found}),
                     OK);
}

/* What ends an account; false when that is not what became of the party. */
static bool ask_for_the_end(struct cell *cell) {
    if (cell->party == REMOVED) {
        assert_int_equal(server_remove(cell->world->server, &person("bob")->name,
                                       (struct admin_request){.done = found}),
                         OK);
    } else if (cell->party == DISABLED) {
        ask_to_disable_bob(cell, true);
    } else if (cell->party == GONE) {
        peer_leave(cell->world, world_login(cell->world, "bob"));
    }
    return cell->party == REMOVED || cell->party == DISABLED || cell->party == GONE;
}

/* One batch, and nothing of what it gives others to say has left yet. */
static void carry_out_one(struct world *world) {
    struct store_batch *batch = server_take_batch(world->server, world->now);
    assert_non_null(batch);
    enum error result = sqlite_store_run(world->store, batch);
    server_batch_done(world->server, batch, result, world->now);
}

static struct peer *begin_renewal(struct cell *cell, const struct person *person) {
    struct peer *peer = world_connect(cell->world);
    peer_register(cell->world, peer, person, NULL);
    world_settle(cell->world);
    assert_true(peer_expect_welcome(peer).is_renewal);
    return peer;
}

static struct peer *before_login(struct cell *cell) {
    if (ask_for_the_end(cell)) {
        world_settle(cell->world);
    } else if (cell->party == FENCED) {
        world_login(cell->world, "bob");
    }
    return world_connect(cell->world);
}

static struct peer *open_one(struct cell *cell) {
    if (cell->party == NOBODY) {
        return NULL;
    }
    struct peer *peer = world_login(cell->world, name_of(cell->party));
    if (ask_for_the_end(cell)) {
        world_settle(cell->world);
    } else if (cell->party == FENCED) {
        world_login(cell->world, "bob");
    }
    return peer->is_closed ? NULL : peer;
}

static struct peer *renewing_one(struct cell *cell) {
    if (cell->party == NOBODY) {
        return NULL;
    }
    struct peer *peer =
        begin_renewal(cell, cell->party == OTHER ? &people.eve_second : &people.bob_second);
    if (ask_for_the_end(cell)) {
        world_settle(cell->world);
    } else if (cell->party == FENCED) {
        struct peer *first = begin_renewal(cell, &people.bob_third);
        peer_renew(cell->world, first, &people.bob_third, 2, 1, 500);
        world_settle(cell->world);
        peer_expect(first, WIRE_DONE);
    }
    return peer->is_closed ? NULL : peer;
}

/* Its end is decided and not told yet. */
static struct peer *closing_one(struct cell *cell) {
    static const uint8_t unknown[] = {0, 0, 0, 5, 0x77, 0, 0, 0, 9};
    struct world *world = cell->world;
    struct peer *peer =
        cell->party == NOBODY ? world_connect(world) : world_login(world, name_of(cell->party));
    if (cell->party == GONE) {
        peer_login(world, world_connect(world), person("bob")); /* ends the first one */
        carry_out_one(world);
    } else if (ask_for_the_end(cell)) {
        carry_out_one(world);
    } else if (cell->party == FENCED) {
        peer_login(world, world_connect(world), person("bob"));
        carry_out_one(world);
    } else {
        peer_bytes(world, peer, bytes_of(unknown));
    }
    peer->request = 10;
    return peer;
}

static struct peer *(*const PLACE[STAGES])(struct cell *) = {
    [BEFORE_LOGIN] = before_login,
    [OPEN] = open_one,
    [RENEWING] = renewing_one,
    [CLOSING] = closing_one,
};

/* --- the requests
 * ------------------------------------------------------------------------------------------- */

/* A first message with bob's certificate in it. */
static uint32_t send_as_bob(struct cell *cell) {
    static uint8_t envelope[HELLO_BYTES + ENVELOPE_MIN_BYTES] = {1, 0x10};
    memcpy(envelope + 2, person("bob")->certificate, CERTIFICATE_BYTES);
    return peer_send_bytes(cell->world, cell->peer, "ana", 77, bytes_of(envelope));
}

static uint32_t write_empty_or_list(struct cell *cell) {
    struct buffer frame;
    const struct wire_list_users list = {0};
    buffer_init(&frame, FRAME_MAX_BYTES);
    uint32_t request = ++cell->peer->request;
    enum error error = cell->type == WIRE_PING ? wire_write_empty(&frame, WIRE_PING, request)
                                               : wire_write_list_users(&frame, request, &list);
    assert_int_equal(error, OK);
    peer_bytes(cell->world, cell->peer, buffer_view(&frame));
    buffer_clear(&frame);
    return request;
}

static uint32_t make_known(struct cell *cell) {
    const bool is_other = cell->party == OTHER;
    const struct person *self = person(name_of(cell->party));
    if (cell->type == WIRE_LOGIN) {
        return peer_login(cell->world, cell->peer, is_other ? &people.eve_for_bob : self);
    }
    return peer_register(cell->world, cell->peer, is_other ? &people.eve_as_bob : self, NULL);
}

/* Sends it; false for a request that nobody here knows how to make. */
static bool make_request(struct cell *cell) {
    struct world *world = cell->world;
    struct peer *peer = cell->peer;
    switch (cell->type) {
    case WIRE_LOGIN:
    case WIRE_REGISTER:
        cell->request = make_known(cell);
        return true;
    case WIRE_PING:
    case WIRE_LIST_USERS:
        cell->request = write_empty_or_list(cell);
        return true;
    case WIRE_PUBLISH:
        cell->request = peer_publish(world, peer, person("bob"), 2, 1, 400, false);
        return true;
    case WIRE_GET_CERTIFICATE:
    case WIRE_GET_BUNDLE:
        cell->request = peer_get(world, peer, (enum wire_type)cell->type, "bob");
        return true;
    case WIRE_SEND:
        cell->request =
            cell->party == OTHER ? send_as_bob(cell) : peer_send(world, peer, "ana", 77, "x");
        return true;
    case WIRE_FETCH:
        cell->request = peer_fetch(world, peer, 10);
        return true;
    case WIRE_ACK:
        peer_ack(world, peer, cell->handle);
        return true;
    case WIRE_LEAVE:
        cell->request = peer_leave(world, peer);
        return true;
    case WIRE_RENEW:
        cell->request = peer_renew(world, peer, &people.bob_second, 2, 1, 600);
        return true;
    default:
        return false;
    }
}

/* For ACK: the handle that bob's message has on the connection where bob is. */
static void learn_handle(struct cell *cell, struct peer *bob) {
    cell->handle = 1;
    if (cell->type == WIRE_ACK && cell->stage == OPEN) {
        peer_fetch(cell->world, bob, 10);
        world_settle(cell->world);
        cell->handle = peer_expect_deliver(bob, "ana", "hello");
        peer_expect(bob, WIRE_CAUGHT_UP);
    }
}

/* --- what has to come of it
 * ---------------------------------------------------------------------------------- */

static void expect(struct cell *cell, enum outcome outcome) {
    struct got got;
    size_t delivered = 0;
    bool came = peer_next(cell->peer, &got);
    while (came && got.type == WIRE_DELIVER) {
        delivered++;
        came = peer_next(cell->peer, &got);
    }
    if (outcome == IGNORED) { /* the one frame that ended it */
        assert_true(came && got.type == WIRE_ERROR && got.request == 0);
        came = peer_next(cell->peer, &got);
    }
    assert_int_equal(came ? got.type : 0, SEEN[outcome].type);
    if (came && got.type == WIRE_ERROR) {
        struct wire_error error;
        assert_int_equal(wire_read_error(got.body, &error), OK);
        assert_int_equal(error.error, SEEN[outcome].error);
    }
    if (came) {
        bool is_unasked = outcome == DENIED || outcome == CAUGHT_UP;
        assert_int_equal(got.request, is_unasked ? 0 : cell->request);
    }
    assert_int_equal(cell->peer->is_closed, SEEN[outcome].ends);
    peer_expect_nothing(cell->peer);
    assert_int_equal(delivered, outcome == CAUGHT_UP && cell->party == OWNER);
}

/* What strangers ask changes nothing of bob's, nor what he asks while he is disabled; what he
 * acknowledges is gone. */
static void expect_of_bob(struct cell *cell, enum outcome outcome) {
    bool acknowledged = cell->party == OWNER && outcome == SILENCE;
    bool is_disabled = cell->party == DISABLED;
    if (cell->party != OTHER && cell->party != NOBODY && !is_disabled && !acknowledged) {
        return;
    }
    if (is_disabled) {
        ask_to_disable_bob(cell, false);
        world_settle(cell->world);
    }
    struct peer *bob = world_connect(cell->world);
    peer_login(cell->world, bob, person("bob"));
    world_settle(cell->world);
    struct wire_welcome welcome = peer_expect_welcome(bob);
    assert_int_equal(welcome.waiting, acknowledged ? 0 : 1);
    assert_int_equal(welcome.set_id, 1);
}

static void try_cell(const struct row *row, enum party party, enum stage stage) {
    static struct world world;
    struct cell cell = {.world = &world, .type = row->type, .party = party, .stage = stage};
    enum outcome outcome = row->cells[party][stage];
    world_start(&world);
    struct peer *bob = world_member(&world, "bob");
    struct peer *ana = world_member(&world, "ana");
    if (party == OTHER) {
        world_member(&world, "eve");
    }
    peer_send(&world, ana, "bob", 1, "hello");
    world_settle(&world);
    cell.peer = PLACE[stage](&cell);
    if (cell.peer == NULL || outcome == NOWHERE) {
        assert_null(cell.peer);
        assert_int_equal(outcome, NOWHERE);
    } else {
        learn_handle(&cell, party == OWNER ? cell.peer : bob);
        assert_true(make_request(&cell));
        world_settle(&world);
        expect(&cell, outcome);
        expect_of_bob(&cell, outcome);
    }
    world_stop(&world);
}

static void every_cell(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS(TABLE); i++) {
        for (enum party party = 0; party < PARTIES; party++) {
            for (enum stage stage = 0; stage < STAGES; stage++) {
                print_message("request 0x%02x, party %d, state %d\n", TABLE[i].type, (int)party,
                              (int)stage);
                assert_int_not_equal(TABLE[i].cells[party][stage], MISSING);
                /* Where a party can be does not depend on what it then asks. */
                bool is_known = TABLE[i].cells[party][stage] == NOWHERE &&
                                TABLE[0].cells[party][stage] == NOWHERE;
                if (i == 0 || !is_known) {
                    try_cell(&TABLE[i], party, stage);
                }
            }
        }
    }
}

/* A request that the protocol has is in the table, once; what is in the table the protocol has. */
static void every_request_has_a_row(void **state) {
    (void)state;
    for (unsigned type = 0; type < 256; type++) {
        size_t rows = 0;
        for (size_t i = 0; i < ROWS(TABLE); i++) {
            rows += TABLE[i].type == type;
        }
        bool allowed = wire_allowed(WIRE_STATE_LOGIN, WIRE_TO_SERVER, (uint8_t)type) ||
                       wire_allowed(WIRE_STATE_OPEN, WIRE_TO_SERVER, (uint8_t)type);
        assert_int_equal(rows, allowed);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_request_has_a_row),
        cmocka_unit_test_setup(every_cell, make_people),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
