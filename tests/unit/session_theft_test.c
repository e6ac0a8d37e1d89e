/* SPDX-License-Identifier: ISC */
/* Somebody copies a session with all its keys and reads everything that travels: what was said
 * before stays closed, and what is said after a round trip does too (docs/PROTOCOL.md section 2, P8
 * and P9). The thief here is not held to the session's rules: he tries every key that he can work
 * out. */
#include "session_world.h"

#include <stdlib.h>
#include <string.h>

enum { RECORDED_MAX = 400, TRIED_STEPS = 80 };

/** A copy as a thief takes it: the row and the lists. */
static void steal(const struct session *session, struct session *copy) {
    struct buffer row;
    buffer_init(&row, 8192);
    assert_int_equal(session_save(session, &row), OK);
    assert_int_equal(session_load(buffer_view(&row), copy), OK);
    for (size_t i = 0; i < session->skipped_count; i++) {
        assert_int_equal(session_add_skipped(copy, &session->skipped[i]), OK);
    }
    for (size_t i = 0; i < session->past_count; i++) {
        assert_int_equal(session_add_past(copy, &session->past[i]), OK);
    }
    buffer_clear(&row);
}

/** The FULL or COMPACT part of an envelope. */
static void parse(struct bytes envelope, struct message *message) {
    struct initial initial;
    if (envelope.data[1] == ENVELOPE_INITIAL) {
        assert_int_equal(initial_parse(envelope, &initial), OK);
        envelope = initial.full;
    }
    assert_int_equal(message_parse(envelope, message), OK);
}

/** Whether `key` opens the message, from whichever side it may be. */
static bool key_opens(const struct secret_32 *key, const uint8_t th[HASH_BYTES],
                      const struct message *message) {
    struct buffer body;
    buffer_init(&body, BODY_MAX_BYTES);
    bool opened = message_open(key, th, SESSION_INITIATOR, message, &body) == OK ||
                  message_open(key, th, SESSION_RESPONDER, message, &body) == OK;
    buffer_clear(&body);
    return opened;
}

/** Whether some message key within `TRIED_STEPS` of the chain key opens it. */
static bool chain_opens(struct secret_32 chain_key, const uint8_t th[HASH_BYTES],
                        const struct message *message) {
    struct secret_32 key;
    for (size_t i = 0; i < TRIED_STEPS; i++) {
        assert_int_equal(chain_step(&chain_key, &key), OK);
        if (key_opens(&key, th, message)) {
            return true;
        }
    }
    return false;
}

/** Everything that a copied state opens: stored keys, both chains, and a chain of the header at
 * hand from its root key and private keys. */
static bool state_opens(const struct session *stolen, struct bytes envelope) {
    struct message message;
    parse(envelope, &message);
    for (size_t i = 0; i < stolen->skipped_count; i++) {
        if (key_opens(&stolen->skipped[i].key, stolen->th, &message)) {
            return true;
        }
    }
    if (chain_opens(stolen->sending.key, stolen->th, &message) ||
        chain_opens(stolen->receiving.key, stolen->th, &message)) {
        return true;
    }
    if (message.type != ENVELOPE_FULL || !stolen->has_dh) {
        return false;
    }
    struct chain_secrets secrets = {.has_ct = message.chain.ct != NULL};
    struct secret_32 root;
    struct secret_32 chain_key;
    assert_int_equal(dh_derive(&stolen->dh, message.chain.dh, &secrets.dh), OK);
    if (secrets.has_ct) {
        assert_int_equal(kem_decapsulate(&stolen->kem_secret, message.chain.ct, &secrets.ss_ct),
                         OK);
    }
    assert_int_equal(chain_root(&stolen->root, &secrets, message.cth, &root, &chain_key), OK);
    return chain_opens(chain_key, stolen->th, &message);
}

struct record {
    struct buffer envelopes[RECORDED_MAX];
    size_t count;
};

static struct record *record_new(void) {
    struct record *record = calloc(1, sizeof(*record));
    assert_non_null(record);
    return record;
}

static void record_free(struct record *record) {
    for (size_t i = 0; i < record->count; i++) {
        buffer_clear(&record->envelopes[i]);
    }
    free(record);
}

/** Seals one from a (or b); it is delivered unless it is to be lost. */
static struct bytes say(struct world *world, struct record *record, bool is_a, bool is_lost) {
    struct buffer *envelope = &record->envelopes[record->count++];
    assert_true(record->count <= RECORDED_MAX);
    buffer_init(envelope, ENVELOPE_MAX_BYTES);
    seal(world, is_a ? &world->a_session : &world->b_session, is_a ? &world->a : &world->b, "words",
         envelope);
    if (!is_lost) {
        expect(is_a ? &world->b_session : &world->a_session, is_a ? &world->b : &world->a,
               buffer_view(envelope), OK, "words");
    }
    return buffer_view(envelope);
}

static void what_was_said_before_the_theft_stays_closed(void **state) {
    struct world *world = *state;
    struct record *record = record_new();
    struct session a;
    struct session b;
    for (size_t turn = 0; turn < 24; turn++) {
        for (size_t i = 0; i < 1 + turn % 7; i++) {
            (void)say(world, record, turn % 2 == 0, false);
        }
    }
    steal(&world->a_session, &a);
    steal(&world->b_session, &b);
    for (size_t i = 0; i < record->count; i++) {
        assert_false(state_opens(&a, buffer_view(&record->envelopes[i])));
        assert_false(state_opens(&b, buffer_view(&record->envelopes[i])));
    }
    /* The same thief with a state from before does read: the attack is a real one. */
    struct bytes next = say(world, record, true, false);
    assert_true(state_opens(&a, next) || state_opens(&b, next));
    session_clear(&a);
    session_clear(&b);
    record_free(record);
}

/** What has not come yet is open to who steals its stored key: this is what 31 days are for. */
static void only_the_keys_of_messages_that_are_missing_are_there(void **state) {
    struct world *world = *state;
    struct record *record = record_new();
    struct session stolen;
    (void)say(world, record, true, false);
    struct bytes missing = say(world, record, true, true);
    struct bytes later = say(world, record, true, false);
    steal(&world->b_session, &stolen);
    assert_true(state_opens(&stolen, missing));
    assert_false(state_opens(&stolen, later));
    session_clear(&stolen);
    expect(&world->b_session, &world->b, missing, OK, "words");
    steal(&world->b_session, &stolen);
    assert_false(state_opens(&stolen, missing));
    session_clear(&stolen);
    record_free(record);
}

/** A thief who follows the conversation in order. What he does not know he guesses as zeros. */
struct thief {
    uint8_t th[HASH_BYTES];
    struct secret_32 root;
    struct secret_32 chains[2]; /**< of a and b: chain keys for their next messages */
    bool has_dh;                /**< stolen private keys, until their owner's next chain */
    struct secret_32 dh;
    bool has_kem;
    struct secret_64 kem;
};

/** Steals from a. */
static void thief_init(struct thief *thief, const struct session *a) {
    memset(thief, 0, sizeof(*thief));
    memcpy(thief->th, a->th, HASH_BYTES);
    thief->root = a->root;
    thief->chains[0] = a->sending.key;
    thief->chains[1] = a->receiving.key;
    thief->has_dh = a->has_dh;
    thief->dh = a->dh;
    thief->has_kem = a->has_kem_secret;
    thief->kem = a->kem_secret;
}

/** The sender began a chain: `given` is the X25519 secret for a thief who can break that. */
static void thief_turn(struct thief *thief, bool is_a, const struct message *message,
                       const struct secret_32 *given) {
    struct chain_secrets secrets = {.has_ct = message->chain.ct != NULL};
    if (given != NULL) {
        secrets.dh = *given;
    } else if (!is_a && thief->has_dh) {
        assert_int_equal(dh_derive(&thief->dh, message->chain.dh, &secrets.dh), OK);
    }
    if (secrets.has_ct && !is_a && thief->has_kem) {
        assert_int_equal(kem_decapsulate(&thief->kem, message->chain.ct, &secrets.ss_ct), OK);
    }
    assert_int_equal(chain_root(&thief->root, &secrets, message->cth, &thief->root,
                                &thief->chains[is_a ? 0 : 1]),
                     OK);
    if (is_a) { /* keys of a's own, made after the theft */
        thief->has_dh = false;
        thief->has_kem = false;
    }
}

/** One more message of the conversation goes by. */
static bool thief_reads(struct world *world, struct thief *thief, struct record *record, bool is_a,
                        bool breaks_x25519) {
    struct session *from = is_a ? &world->a_session : &world->b_session;
    bool is_new = from->need_send;
    struct message message;
    struct secret_32 dh;
    struct secret_32 key;
    struct bytes envelope = say(world, record, is_a, false);
    parse(envelope, &message);
    if (is_new) {
        assert_int_equal(dh_derive(&from->dh, from->peer_dh, &dh), OK);
        thief_turn(thief, is_a, &message, breaks_x25519 ? &dh : NULL);
    }
    assert_int_equal(chain_step(&thief->chains[is_a ? 0 : 1], &key), OK);
    return key_opens(&key, thief->th, &message);
}

static void one_round_trip_shuts_a_thief_out(void **state) {
    struct world *world = *state;
    struct record *record = record_new();
    struct thief thief;
    (void)say(world, record, true, false);
    thief_init(&thief, &world->a_session);
    assert_true(thief_reads(world, &thief, record, true, false));  /* a's current chain */
    assert_true(thief_reads(world, &thief, record, false, false)); /* the answer to a stolen key */
    assert_true(thief_reads(world, &thief, record, false, false));
    for (size_t i = 0; i < 100; i++) { /* a's first fresh key, and everything from there on */
        assert_false(thief_reads(world, &thief, record, i % 3 != 2, false));
    }
    record_free(record);
}

/** The state of both ends at once: each end's next fresh key counts. */
static void one_round_trip_heals_when_both_were_copied(void **state) {
    struct world *world = *state;
    struct record *record = record_new();
    struct session a;
    struct session b;
    (void)say(world, record, true, false);
    steal(&world->a_session, &a);
    steal(&world->b_session, &b);
    struct bytes answer = say(world, record, false, false);
    assert_true(state_opens(&a, answer)); /* a's stolen key still answers it */
    for (size_t i = 0; i < 60; i++) {
        struct bytes envelope = say(world, record, i % 3 != 2, false);
        assert_false(state_opens(&a, envelope));
        assert_false(state_opens(&b, envelope));
    }
    session_clear(&a);
    session_clear(&b);
    record_free(record);
}

/** A thief who breaks X25519 as well (a quantum computer) reads on until the next post-quantum step
 * whose ML-KEM key was made after the theft; from then on he is out. */
static void a_post_quantum_step_shuts_out_who_breaks_x25519(void **state) {
    struct world *world = *state;
    struct record *record = record_new();
    struct thief thief;
    size_t read = 0;
    (void)say(world, record, true, false);
    thief_init(&thief, &world->a_session);
    while (thief_reads(world, &thief, record, read % 2 == 1, true)) {
        read++;
        assert_true(read <= PQ_STEP_MESSAGES + 2);
    }
    struct message message;
    parse(buffer_view(&record->envelopes[record->count - 1]), &message);
    assert_non_null(message.chain.ct); /* the step that shut him out */
    assert_true(read >= PQ_STEP_MESSAGES / 2);
    for (size_t i = 0; i < 150; i++) {
        assert_false(thief_reads(world, &thief, record, i % 3 != 1, true));
    }
    record_free(record);
}

/* ---- a clone: it goes on with the copied state */

static enum error try_open(struct session *session, const struct person *person,
                           struct bytes envelope) {
    struct session_change change;
    struct buffer body;
    buffer_init(&body, BODY_MAX_BYTES);
    enum error error = session_open(session, &person->own, envelope, NOW_MS, &body, &change);
    buffer_clear(&body);
    return error;
}

/** What the clone of a says is refused at b, and changes nothing there. */
static void expect_refused(struct world *world, struct session *clone) {
    struct snapshot snapshot;
    struct buffer envelope;
    buffer_init(&envelope, ENVELOPE_MAX_BYTES);
    snapshot_take(&world->b_session, &snapshot);
    for (size_t i = 0; i < 20; i++) {
        buffer_reset(&envelope);
        seal(world, clone, &world->a, "clone", &envelope);
        enum error error = try_open(&world->b_session, &world->b, buffer_view(&envelope));
        assert_true(error == ERR_DUPLICATE || error == ERR_WRONG_STATE || error == ERR_SIGNATURE ||
                    error == ERR_WAIT);
    }
    snapshot_compare(&world->b_session, &snapshot);
    snapshot_clear(&snapshot);
    buffer_clear(&envelope);
}

static void a_clone_reads_nothing_after_a_round_trip(void **state) {
    struct world *world = *state;
    struct record *record = record_new();
    struct session clone;
    (void)say(world, record, true, false);
    steal(&world->a_session, &clone);
    /* It reads the answer to the key that it copied ... */
    assert_int_equal(try_open(&clone, &world->a, say(world, record, false, false)), OK);
    (void)say(world, record, true, false);
    /* ... and nothing once a has made a fresh one. */
    for (size_t i = 0; i < 40; i++) {
        bool is_a = i % 2 == 1;
        struct bytes envelope = say(world, record, is_a, false);
        if (!is_a) {
            assert_int_not_equal(try_open(&clone, &world->a, envelope), OK);
            assert_false(state_opens(&clone, envelope));
        }
    }
    session_clear(&clone);
    record_free(record);
}

static void a_clone_cannot_write_after_a_round_trip(void **state) {
    struct world *world = *state;
    struct record *record = record_new();
    struct session silent; /* never heard of the answer: goes on in the copied chain */
    struct session clone;  /* heard it, and turns as a does */
    (void)say(world, record, true, false);
    steal(&world->a_session, &silent);
    steal(&world->a_session, &clone);
    assert_int_equal(try_open(&clone, &world->a, say(world, record, false, false)), OK);
    (void)say(world, record, true, false);
    expect_refused(world, &silent);
    expect_refused(world, &clone);
    (void)say(world, record, false, false);
    expect_refused(world, &silent);
    expect_refused(world, &clone);
    (void)say(world, record, true, false);
    expect_refused(world, &clone);
    session_clear(&silent);
    session_clear(&clone);
    record_free(record);
}

/** Where the clone is faster, the device itself is refused: it gets no receipts, its messages count
 * as undelivered, and its next handshake leaves the clone behind. */
static void a_faster_clone_is_noticed(void **state) {
    struct world *world = *state;
    struct record *record = record_new();
    struct session clone;
    struct buffer envelope;
    buffer_init(&envelope, ENVELOPE_MAX_BYTES);
    (void)say(world, record, true, false);
    steal(&world->a_session, &clone);
    assert_int_equal(try_open(&clone, &world->a, say(world, record, false, false)), OK);
    seal(world, &clone, &world->a, "clone", &envelope);
    assert_int_equal(try_open(&world->b_session, &world->b, buffer_view(&envelope)), OK);
    for (size_t i = 0; i < 20; i++) {
        struct bytes own = say(world, record, true, true);
        assert_int_not_equal(try_open(&world->b_session, &world->b, own), OK);
    }
    struct bytes answer = say(world, record, false, true); /* to the clone */
    assert_int_not_equal(try_open(&world->a_session, &world->a, answer), OK);
    /* A new handshake: fresh keys and certified ones, none of which are in a session's state. */
    session_clear(&world->a_session);
    session_clear(&world->b_session);
    assert_int_equal(world_confirm(state), 0);
    for (size_t i = 0; i < 10; i++) {
        assert_false(state_opens(&clone, say(world, record, i % 2 == 0, false)));
    }
    session_clear(&clone);
    buffer_clear(&envelope);
    record_free(record);
}

#define TEST(name, begin) cmocka_unit_test_setup_teardown(name, begin, world_end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(what_was_said_before_the_theft_stays_closed, world_confirm),
        TEST(only_the_keys_of_messages_that_are_missing_are_there, world_confirm),
        TEST(one_round_trip_shuts_a_thief_out, world_confirm),
        TEST(one_round_trip_heals_when_both_were_copied, world_confirm),
        TEST(a_post_quantum_step_shuts_out_who_breaks_x25519, world_confirm),
        TEST(a_clone_reads_nothing_after_a_round_trip, world_confirm),
        TEST(a_clone_cannot_write_after_a_round_trip, world_confirm),
        TEST(a_faster_clone_is_noticed, world_confirm),
    };
    return cmocka_run_group_tests(tests, world_make, world_free);
}
