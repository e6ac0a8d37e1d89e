/* SPDX-License-Identifier: ISC */
#include "session_world.h"

#include <string.h>

/** A COMPACT message out of a FULL one of the same chain and number is another message: it has its
 * own tag. Opens with a time of its own. */
static enum error open_at(struct session *session, const struct person *to, struct bytes envelope,
                          uint64_t now_ms) {
    struct session_change change;
    struct buffer body;
    buffer_init(&body, BODY_MAX_BYTES);
    enum error error = session_open(session, &to->own, envelope, now_ms, &body, &change);
    assert_true(error == OK || body.size == 0);
    buffer_clear(&body);
    return error;
}

/** Opens, expects `expected`, and that nothing changed. */
static void refuse(struct session *session, const struct person *to, struct bytes envelope,
                   enum error expected) {
    struct snapshot snapshot;
    snapshot_take(session, &snapshot);
    expect(session, to, envelope, expected, NULL);
    snapshot_compare(session, &snapshot);
    snapshot_clear(&snapshot);
}

/** Flips every byte of a message in turn. */
static void flip_all(struct world *world, struct buffer *envelope) {
    struct snapshot snapshot;
    snapshot_take(&world->b_session, &snapshot);
    for (size_t i = 0; i < envelope->size; i++) {
        /* Minutes apart: what is refused is refused for what it is. */
        uint64_t now_ms = NOW_MS + i * UNVERIFIED_STEPS_WINDOW_MS;
        uint8_t mask = (uint8_t)(1u << (i % 8));
        envelope->data[i] = (uint8_t)(envelope->data[i] ^ mask);
        assert_int_not_equal(open_at(&world->b_session, &world->b, buffer_view(envelope), now_ms),
                             OK);
        envelope->data[i] = (uint8_t)(envelope->data[i] ^ mask);
        if (i % 64 == 0) {
            snapshot_compare(&world->b_session, &snapshot);
        }
    }
    snapshot_compare(&world->b_session, &snapshot);
    snapshot_clear(&snapshot);
}

static void every_flipped_byte_of_a_later_message_is_refused(void **state) {
    struct world *world = *state;
    static const size_t SIZES[] = {363, 363, 342};
    struct buffer envelope;
    buffer_init(&envelope, ENVELOPE_MAX_BYTES);
    for (size_t i = 0; i < ROWS(SIZES); i++) {
        seal(world, &world->a_session, &world->a, "later", &envelope);
        assert_int_equal(envelope.size, SIZES[i]);
        flip_all(world, &envelope);
        expect(&world->b_session, &world->b, buffer_view(&envelope), OK, "later");
        refuse(&world->b_session, &world->b, buffer_view(&envelope), ERR_DUPLICATE);
        buffer_reset(&envelope);
    }
    buffer_clear(&envelope);
}

static void every_flipped_byte_of_a_first_reply_is_refused(void **state) {
    struct world *world = *state;
    struct buffer envelope;
    struct snapshot snapshot;
    buffer_init(&envelope, ENVELOPE_MAX_BYTES);
    seal(world, &world->b_session, &world->b, "reply", &envelope);
    assert_int_equal(envelope.size, 2795);
    snapshot_take(&world->a_session, &snapshot);
    for (size_t i = 0; i < envelope.size; i++) {
        uint64_t now_ms = NOW_MS + i * UNVERIFIED_STEPS_WINDOW_MS;
        envelope.data[i] ^= 0x04;
        assert_int_not_equal(open_at(&world->a_session, &world->a, buffer_view(&envelope), now_ms),
                             OK);
        envelope.data[i] ^= 0x04;
    }
    snapshot_compare(&world->a_session, &snapshot);
    assert_false(world->a_session.is_confirmed);
    expect(&world->a_session, &world->a, buffer_view(&envelope), OK, "reply");
    assert_true(world->a_session.is_confirmed);
    snapshot_clear(&snapshot);
    buffer_clear(&envelope);
}

static void a_message_cut_or_longer_is_refused(void **state) {
    struct world *world = *state;
    struct buffer envelope;
    buffer_init(&envelope, ENVELOPE_MAX_BYTES);
    seal(world, &world->a_session, &world->a, "whole", &envelope);
    for (size_t size = 0; size < envelope.size; size++) {
        assert_int_equal(
            open_at(&world->b_session, &world->b, bytes_make(envelope.data, size), NOW_MS),
            ERR_MALFORMED);
    }
    assert_int_equal(buffer_append(&envelope, bytes_make("", 1)), OK);
    refuse(&world->b_session, &world->b, buffer_view(&envelope), ERR_MALFORMED);
    buffer_clear(&envelope);
}

static void a_reflected_message_is_refused(void **state) {
    struct world *world = *state;
    struct buffer envelope;
    buffer_init(&envelope, ENVELOPE_MAX_BYTES);
    for (int i = 0; i < 4; i++) {
        seal(world, &world->a_session, &world->a, "mirror", &envelope);
        struct snapshot snapshot;
        snapshot_take(&world->a_session, &snapshot);
        assert_int_not_equal(open_at(&world->a_session, &world->a, buffer_view(&envelope), NOW_MS),
                             OK);
        snapshot_compare(&world->a_session, &snapshot);
        snapshot_clear(&snapshot);
        buffer_reset(&envelope);
    }
    buffer_clear(&envelope);
}

static void a_message_of_another_session_is_refused(void **state) {
    struct world *world = *state;
    struct session other;
    struct buffer envelope;
    buffer_init(&envelope, ENVELOPE_MAX_BYTES);
    begin(world, &world->a, &world->b, true, &other);
    seal(world, &other, &world->a, "spliced", &envelope);
    refuse(&world->b_session, &world->b, buffer_view(&envelope), ERR_UNKNOWN_SESSION);
    /* Under the name of this session: another chain, whose keys this session does not have. */
    memcpy(envelope.data + HELLO_BYTES + 2, world->b_session.sid, SESSION_ID_BYTES);
    struct bytes full = bytes_make(envelope.data + HELLO_BYTES, envelope.size - HELLO_BYTES);
    refuse(&world->b_session, &world->b, full, ERR_WRONG_STATE);
    session_clear(&other);
    buffer_clear(&envelope);
}

/** The body and tag of one message under the header of another. */
static void bodies_do_not_change_places(void **state) {
    struct world *world = *state;
    struct buffer one;
    struct buffer two;
    uint8_t end[CBC_IV_BYTES + PADDED_MIN_BYTES + TAG_BYTES];
    buffer_init(&one, ENVELOPE_MAX_BYTES);
    buffer_init(&two, ENVELOPE_MAX_BYTES);
    seal(world, &world->a_session, &world->a, "one", &one);
    seal(world, &world->a_session, &world->a, "two", &two);
    memcpy(end, one.data + one.size - sizeof(end), sizeof(end));
    memcpy(one.data + one.size - sizeof(end), two.data + two.size - sizeof(end), sizeof(end));
    memcpy(two.data + two.size - sizeof(end), end, sizeof(end));
    refuse(&world->b_session, &world->b, buffer_view(&one), ERR_SIGNATURE);
    refuse(&world->b_session, &world->b, buffer_view(&two), ERR_SIGNATURE);
    buffer_clear(&one);
    buffer_clear(&two);
}

/** Rewrites a chain header with other flags: fields that are added are copies of earlier ones or
 * zeros. */
static void with_flags(struct bytes envelope, uint8_t flags, struct buffer *out) {
    static const uint8_t ZEROS[KEM_PUBLIC_BYTES];
    struct message message;
    uint8_t header[CHAIN_HEADER_MAX_BYTES];
    assert_int_equal(message_parse(envelope, &message), OK);
    struct chain_header chain = message.chain;
    chain.flags = flags;
    chain.ct = chain.ct == NULL ? ZEROS : chain.ct;
    chain.ek = chain.ek == NULL ? ZEROS : chain.ek;
    chain.auth_rsa = chain.auth_rsa == NULL ? ZEROS : chain.auth_rsa;
    chain.auth_kem = chain.auth_kem == NULL ? ZEROS : chain.auth_kem;
    size_t size = chain_header_write(&chain, header);
    assert_int_equal(buffer_append(out, bytes_make(header, size)), OK);
    size_t from = message.chain.whole.size;
    assert_int_equal(buffer_append(out, bytes_make(envelope.data + from, envelope.size - from)),
                     OK);
}

/** Every set of flags but the right one is refused; all but EK, which is the sender's choice, by
 * the rules alone. */
static void try_flags(struct session *to, const struct person *person, struct bytes envelope,
                      uint8_t right) {
    for (unsigned bits = 0; bits <= CHAIN_FLAGS; bits++) {
        struct buffer other;
        buffer_init(&other, ENVELOPE_MAX_BYTES);
        uint8_t flags = (uint8_t)bits;
        with_flags(envelope, flags, &other);
        if (flags == right) {
            assert_true(bytes_equal(buffer_view(&other), envelope));
        } else {
            bool is_only_ek = (flags ^ right) == CHAIN_EK;
            refuse(to, person, buffer_view(&other), is_only_ek ? ERR_SIGNATURE : ERR_WRONG_STATE);
        }
        buffer_clear(&other);
    }
}

static void fields_cannot_be_stripped_from_or_added_to_a_first_reply(void **state) {
    struct world *world = *state;
    struct buffer envelope;
    buffer_init(&envelope, ENVELOPE_MAX_BYTES);
    seal(world, &world->b_session, &world->b, "reply", &envelope);
    try_flags(&world->a_session, &world->a, buffer_view(&envelope), CHAIN_CT | CHAIN_AUTH);
    expect(&world->a_session, &world->a, buffer_view(&envelope), OK, "reply");
    buffer_clear(&envelope);
}

static void fields_cannot_be_stripped_from_or_added_to_a_later_chain(void **state) {
    struct world *world = *state;
    struct buffer envelope;
    buffer_init(&envelope, ENVELOPE_MAX_BYTES);
    seal(world, &world->a_session, &world->a, "plain", &envelope);
    try_flags(&world->b_session, &world->b, buffer_view(&envelope), 0);
    expect(&world->b_session, &world->b, buffer_view(&envelope), OK, "plain");
    buffer_clear(&envelope);
}

static void fields_cannot_be_stripped_from_or_added_to_a_post_quantum_step(void **state) {
    struct world *world = *state;
    struct buffer envelope;
    buffer_init(&envelope, ENVELOPE_MAX_BYTES);
    world->a_session.since_pq = PQ_STEP_MESSAGES;
    seal(world, &world->a_session, &world->a, "key", &envelope);
    try_flags(&world->b_session, &world->b, buffer_view(&envelope), CHAIN_EK);
    expect(&world->b_session, &world->b, buffer_view(&envelope), OK, "key");
    buffer_reset(&envelope);
    seal(world, &world->b_session, &world->b, "answer", &envelope);
    try_flags(&world->a_session, &world->a, buffer_view(&envelope), CHAIN_CT);
    expect(&world->a_session, &world->a, buffer_view(&envelope), OK, "answer");
    buffer_clear(&envelope);
}

static void undefined_flags_are_refused(void **state) {
    struct world *world = *state;
    struct buffer envelope;
    buffer_init(&envelope, ENVELOPE_MAX_BYTES);
    seal(world, &world->a_session, &world->a, "plain", &envelope);
    for (unsigned bit = 8; bit < 256; bit *= 2) {
        envelope.data[2 + SESSION_ID_BYTES] = (uint8_t)bit;
        refuse(&world->b_session, &world->b, buffer_view(&envelope), ERR_MALFORMED);
    }
    buffer_clear(&envelope);
}

/** A header of the next chain with another pn or ratchet key. */
static void the_rules_for_a_new_chain_hold(void **state) {
    struct world *world = *state;
    struct buffer envelope;
    buffer_init(&envelope, ENVELOPE_MAX_BYTES);
    a_to_b(world, "one of this chain");
    a_to_b(world, "two of this chain");
    b_to_a(world, "turn");
    seal(world, &world->a_session, &world->a, "next chain", &envelope);
    uint8_t *dh = envelope.data + 2 + SESSION_ID_BYTES + 1;
    uint8_t *pn = dh + DH_PUBLIC_BYTES;
    uint8_t good[DH_PUBLIC_BYTES];
    memcpy(good, dh, sizeof(good));

    put_u32(pn, 1); /* less than was received */
    refuse(&world->b_session, &world->b, buffer_view(&envelope), ERR_WRONG_STATE);
    put_u32(pn, 3); /* more than was sent: nothing says so but the tag */
    refuse(&world->b_session, &world->b, buffer_view(&envelope), ERR_SIGNATURE);
    put_u32(pn, 2 + 2000);
    refuse(&world->b_session, &world->b, buffer_view(&envelope), ERR_SIGNATURE);
    put_u32(pn, 2 + 2001);
    refuse(&world->b_session, &world->b, buffer_view(&envelope), ERR_LIMIT);
    put_u32(pn, UINT32_MAX);
    refuse(&world->b_session, &world->b, buffer_view(&envelope), ERR_LIMIT);
    put_u32(pn, 2);
    memcpy(dh, world->b_session.peer_dh, sizeof(good)); /* the key of the chain before */
    refuse(&world->b_session, &world->b, buffer_view(&envelope), ERR_WRONG_STATE);
    memset(dh, 0, sizeof(good)); /* of low order */
    refuse(&world->b_session, &world->b, buffer_view(&envelope), ERR_KEY);
    memcpy(dh, good, sizeof(good));
    expect(&world->b_session, &world->b, buffer_view(&envelope), OK, "next chain");

    /* A second turn of the peer without one of our own in between. */
    buffer_reset(&envelope);
    struct session fork = world->a_session;
    fork.need_send = true;
    seal(world, &fork, &world->a, "a turn too many", &envelope);
    refuse(&world->b_session, &world->b, buffer_view(&envelope), ERR_WRONG_STATE);
    buffer_clear(&envelope);
}

static void an_ek_out_of_range_is_refused(void **state) {
    struct world *world = *state;
    struct buffer envelope;
    buffer_init(&envelope, ENVELOPE_MAX_BYTES);
    world->a_session.since_pq = PQ_STEP_MESSAGES;
    seal(world, &world->a_session, &world->a, "key", &envelope);
    memset(envelope.data + CHAIN_HEADER_MIN_BYTES, 0xff, 3);
    refuse(&world->b_session, &world->b, buffer_view(&envelope), ERR_KEY);
    buffer_clear(&envelope);
}

static void skipped_messages_open_later_and_once(void **state) {
    struct world *world = *state;
    enum { COUNT = 40 };
    struct buffer envelopes[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        buffer_init(&envelopes[i], ENVELOPE_MAX_BYTES);
        seal(world, &world->a_session, &world->a, "of forty", &envelopes[i]);
    }
    expect(&world->b_session, &world->b, buffer_view(&envelopes[0]), OK, "of forty");
    expect(&world->b_session, &world->b, buffer_view(&envelopes[COUNT - 1]), OK, "of forty");
    assert_int_equal(world->b_session.skipped_count, COUNT - 2);
    b_to_a(world, "turn");
    a_to_b(world, "next chain"); /* the old chain is past; its keys are still there */
    for (size_t i = COUNT - 2; i >= 1; i--) {
        expect(&world->b_session, &world->b, buffer_view(&envelopes[i]), OK, "of forty");
        refuse(&world->b_session, &world->b, buffer_view(&envelopes[i]), ERR_DUPLICATE);
        assert_int_equal(world->b_session.skipped_count, i - 1);
    }
    refuse(&world->b_session, &world->b, buffer_view(&envelopes[0]), ERR_DUPLICATE);
    for (size_t i = 0; i < COUNT; i++) {
        buffer_clear(&envelopes[i]);
    }
}

static void a_used_key_leaves_nothing_in_memory(void **state) {
    struct world *world = *state;
    static const struct skipped_key NOTHING;
    struct session *b = &world->b_session;
    struct buffer late;
    buffer_init(&late, ENVELOPE_MAX_BYTES);
    seal(world, &world->a_session, &world->a, "late", &late);
    a_to_b(world, "earlier");
    assert_int_equal(b->skipped_count, 1);
    expect(b, &world->b, buffer_view(&late), OK, "late");
    assert_int_equal(b->skipped_count, 0);
    assert_memory_equal(&b->skipped[0], &NOTHING, sizeof(NOTHING));
    buffer_clear(&late);
}

static void a_spoilt_late_message_leaves_its_key(void **state) {
    struct world *world = *state;
    struct buffer late;
    buffer_init(&late, ENVELOPE_MAX_BYTES);
    seal(world, &world->a_session, &world->a, "late", &late);
    a_to_b(world, "earlier");
    late.data[late.size - 1] ^= 1;
    refuse(&world->b_session, &world->b, buffer_view(&late), ERR_SIGNATURE);
    late.data[late.size - 1] ^= 1;
    expect(&world->b_session, &world->b, buffer_view(&late), OK, "late");
    buffer_clear(&late);
}

static void two_thousand_are_skipped_and_no_more(void **state) {
    struct world *world = *state;
    struct buffer envelope;
    buffer_init(&envelope, ENVELOPE_MAX_BYTES);
    a_to_b(world, "0 of this chain");
    static const uint32_t TOO_FAR[] = {1 + 2001, 65535, UINT32_MAX};
    for (size_t i = 0; i < ROWS(TOO_FAR); i++) {
        forge_number(&world->a_session, TOO_FAR[i], "far", &envelope);
        refuse(&world->b_session, &world->b, buffer_view(&envelope), ERR_LIMIT);
        buffer_reset(&envelope);
    }
    forge_number(&world->a_session, 1 + 2000, "just so", &envelope);
    expect(&world->b_session, &world->b, buffer_view(&envelope), OK, "just so");
    assert_int_equal(world->b_session.skipped_count, 2000);
    buffer_clear(&envelope);
}

static void of_more_than_two_thousand_stored_keys_the_oldest_go(void **state) {
    struct world *world = *state;
    struct session_change change;
    struct buffer first;
    struct buffer envelope;
    struct buffer body;
    buffer_init(&first, ENVELOPE_MAX_BYTES);
    buffer_init(&envelope, ENVELOPE_MAX_BYTES);
    buffer_init(&body, BODY_MAX_BYTES);
    struct session *b = &world->b_session;
    a_to_b(world, "0 of this chain");
    forge_number(&world->a_session, 1, "one", &first);
    forge_number(&world->a_session, 1501, "far", &envelope);
    expect(b, &world->b, buffer_view(&envelope), OK, "far");
    assert_int_equal(b->skipped_count, 1500);
    buffer_reset(&envelope);
    forge_number(&world->a_session, 1502 + 1000, "farther", &envelope);
    assert_int_equal(session_open(b, &world->b.own, buffer_view(&envelope), NOW_MS, &body, &change),
                     OK);
    assert_int_equal(b->skipped_count, 2000);
    assert_int_equal(change.dropped_skipped, 500);
    assert_int_equal(change.added_count, 1000);
    assert_int_equal(change.added[0].n, 1502);
    assert_int_equal(b->skipped[0].n, 501);
    refuse(b, &world->b, buffer_view(&first), ERR_DUPLICATE);
    buffer_clear(&first);
    buffer_clear(&envelope);
    buffer_clear(&body);
}

static void a_stored_key_lives_31_days(void **state) {
    struct world *world = *state;
    struct buffer late[2];
    struct session *b = &world->b_session;
    a_to_b(world, "0 of this chain");
    for (size_t i = 0; i < 2; i++) {
        buffer_init(&late[i], ENVELOPE_MAX_BYTES);
        seal(world, &world->a_session, &world->a, "late", &late[i]);
    }
    a_to_b(world, "in time");
    assert_int_equal(b->skipped_count, 2);
    uint64_t end = NOW_MS + SKIPPED_KEY_LIFE_MS;
    struct buffer body;
    struct session_change change;
    buffer_init(&body, BODY_MAX_BYTES);
    assert_int_equal(open_at(b, &world->b, buffer_view(&late[1]), end), OK);
    assert_int_equal(open_at(b, &world->b, buffer_view(&late[0]), end + 1), ERR_DUPLICATE);
    assert_int_equal(b->skipped_count, 1);
    /* The next message that opens takes it away. */
    struct buffer next;
    buffer_init(&next, ENVELOPE_MAX_BYTES);
    seal(world, &world->a_session, &world->a, "next", &next);
    assert_int_equal(session_open(b, &world->b.own, buffer_view(&next), end + 1, &body, &change),
                     OK);
    assert_int_equal(change.dropped_skipped, 1);
    assert_int_equal(b->skipped_count, 0);
    /* A clock that goes back makes no key old and none young. */
    assert_int_equal(open_at(b, &world->b, buffer_view(&late[0]), 0), ERR_DUPLICATE);
    buffer_clear(&late[0]);
    buffer_clear(&late[1]);
    buffer_clear(&next);
    buffer_clear(&body);
}

static void a_compact_message_of_an_unknown_chain_waits(void **state) {
    struct world *world = *state;
    struct buffer full[2];
    struct buffer compact;
    buffer_init(&compact, ENVELOPE_MAX_BYTES);
    for (size_t i = 0; i < 2; i++) {
        buffer_init(&full[i], ENVELOPE_MAX_BYTES);
        seal(world, &world->a_session, &world->a, "full", &full[i]);
    }
    seal(world, &world->a_session, &world->a, "compact", &compact);
    assert_int_equal(compact.data[1], ENVELOPE_COMPACT);
    refuse(&world->b_session, &world->b, buffer_view(&compact), ERR_WAIT);
    expect(&world->b_session, &world->b, buffer_view(&full[1]), OK, "full");
    expect(&world->b_session, &world->b, buffer_view(&compact), OK, "compact");
    expect(&world->b_session, &world->b, buffer_view(&full[0]), OK, "full");
    buffer_clear(&full[0]);
    buffer_clear(&full[1]);
    buffer_clear(&compact);
}

static void full_messages_come_where_the_size_rule_says(void **state) {
    struct world *world = *state;
    struct buffer envelope;
    buffer_init(&envelope, ENVELOPE_MAX_BYTES);
    for (uint32_t i = 0; i < 50; i++) {
        if (i == 21) {
            session_full_next(&world->a_session); /* the one before was refused */
        }
        seal(world, &world->a_session, &world->a, "n", &envelope);
        bool is_full = i <= 1 || i % 16 == 0 || i == 21;
        assert_int_equal(envelope.data[1], is_full ? ENVELOPE_FULL : ENVELOPE_COMPACT);
        expect(&world->b_session, &world->b, buffer_view(&envelope), OK, "n");
        buffer_reset(&envelope);
    }
    buffer_clear(&envelope);
}

static void a_chain_ends_at_1500_messages(void **state) {
    struct world *world = *state;
    struct buffer envelope;
    uint8_t chain_id[CHAIN_ID_BYTES];
    uint32_t n = 0;
    buffer_init(&envelope, ENVELOPE_MAX_BYTES);
    for (uint32_t i = 0; i < CHAIN_MAX_MESSAGES; i++) {
        buffer_reset(&envelope);
        seal(world, &world->a_session, &world->a, "on and on", &envelope);
        assert_int_equal(world->a_session.sent_in_chain, i + 1);
        if (i == 0) {
            expect(&world->b_session, &world->b, buffer_view(&envelope), OK, "on and on");
        }
    }
    struct snapshot snapshot;
    snapshot_take(&world->a_session, &snapshot);
    assert_int_equal(session_seal(&world->a_session, &world->a.own, &world->entropy, NOW_MS,
                                  bytes_of_string("x"), &envelope, chain_id, &n),
                     ERR_LIMIT);
    snapshot_compare(&world->a_session, &snapshot);
    snapshot_clear(&snapshot);
    /* A turn of the peer begins another. */
    b_to_a(world, "turn");
    assert_int_equal(world->a_session.sent_in_chain, 0);
    a_to_b(world, "goes on");
    assert_int_equal(world->b_session.skipped_count, CHAIN_MAX_MESSAGES - 1);
    buffer_clear(&envelope);
}

/** The flags of the chain that `session` is sending. */
static uint8_t flags_of(const struct session *session) {
    return session->header[2 + SESSION_ID_BYTES];
}

static void a_post_quantum_step_comes_after_32_messages(void **state) {
    struct world *world = *state;
    unsigned since = 0;
    unsigned steps = 0;
    /* What is counted here is what one side sent and received since the last step. */
    a_to_b(world, "start");
    world->a_session.since_pq = world->b_session.since_pq = 0;
    for (int i = 0; i < 200; i++) {
        b_to_a(world, "ping");
        assert_int_equal(flags_of(&world->b_session) & CHAIN_AUTH, 0);
        bool is_due = since + 1 >= PQ_STEP_MESSAGES;
        since++;
        a_to_b(world, "pong");
        uint8_t flags = flags_of(&world->a_session);
        if ((flags_of(&world->b_session) & CHAIN_EK) != 0) {
            assert_int_equal(flags, CHAIN_CT); /* b was first: answered at once */
            since = 0;
            steps++;
        } else {
            assert_int_equal(flags, is_due ? CHAIN_EK : 0);
        }
        since++;
        if ((flags & CHAIN_EK) != 0) {
            b_to_a(world, "answer");
            assert_int_equal(flags_of(&world->b_session), CHAIN_CT);
            a_to_b(world, "thanks");
            assert_int_equal(flags_of(&world->a_session), 0);
            since = 2;
            steps++;
        }
    }
    assert_in_range(steps, 10, 14);
}

static void a_post_quantum_step_comes_after_a_day(void **state) {
    struct world *world = *state;
    struct buffer envelope;
    uint8_t chain_id[CHAIN_ID_BYTES];
    uint32_t n = 0;
    buffer_init(&envelope, ENVELOPE_MAX_BYTES);
    struct session before = world->a_session;
    assert_int_equal(session_seal(&world->a_session, &world->a.own, &world->entropy,
                                  NOW_MS + DAY_MS - 1, bytes_of_string("x"), &envelope, chain_id,
                                  &n),
                     OK);
    assert_int_equal(flags_of(&world->a_session), 0);
    assert_int_equal(before.skipped_count + before.past_count, before.past_count);
    before.skipped = NULL;
    before.past = NULL;
    before.skipped_count = before.skipped_capacity = before.past_count = before.past_capacity = 0;
    buffer_reset(&envelope);
    assert_int_equal(session_seal(&before, &world->a.own, &world->entropy, NOW_MS + DAY_MS,
                                  bytes_of_string("x"), &envelope, chain_id, &n),
                     OK);
    assert_int_equal(flags_of(&before), CHAIN_EK);
    session_clear(&before);
    buffer_clear(&envelope);
}

/** Both ends count the day from the step that was completed last, not from the first. */
static void a_completed_step_begins_a_new_day(void **state) {
    struct world *world = *state;
    struct session_change change;
    struct buffer envelope;
    struct buffer body;
    uint8_t chain_id[CHAIN_ID_BYTES];
    uint32_t n = 0;
    buffer_init(&envelope, ENVELOPE_MAX_BYTES);
    buffer_init(&body, BODY_MAX_BYTES);
    struct session *sessions[] = {&world->a_session, &world->b_session};
    struct person *people[] = {&world->a, &world->b};
    static const uint8_t FLAGS[] = {CHAIN_EK, CHAIN_CT, 0, 0};
    for (size_t i = 0; i < ROWS(FLAGS); i++) {
        uint64_t now_ms = NOW_MS + DAY_MS + i;
        buffer_reset(&envelope);
        assert_int_equal(session_seal(sessions[i % 2], &people[i % 2]->own, &world->entropy, now_ms,
                                      bytes_of_string("x"), &envelope, chain_id, &n),
                         OK);
        assert_int_equal(flags_of(sessions[i % 2]), FLAGS[i]);
        assert_int_equal(session_open(sessions[1 - i % 2], &people[1 - i % 2]->own,
                                      buffer_view(&envelope), now_ms, &body, &change),
                         OK);
    }
    buffer_clear(&envelope);
    buffer_clear(&body);
}

/** Messages that cross: each side goes on in its chain until it sees the other's. */
static void messages_may_cross(void **state) {
    struct world *world = *state;
    for (int round = 0; round < 20; round++) {
        struct buffer from_a;
        struct buffer from_b;
        buffer_init(&from_a, ENVELOPE_MAX_BYTES);
        buffer_init(&from_b, ENVELOPE_MAX_BYTES);
        seal(world, &world->a_session, &world->a, "from a", &from_a);
        seal(world, &world->b_session, &world->b, "from b", &from_b);
        expect(&world->b_session, &world->b, buffer_view(&from_a), OK, "from a");
        expect(&world->a_session, &world->a, buffer_view(&from_b), OK, "from b");
        buffer_clear(&from_a);
        buffer_clear(&from_b);
    }
}

static void old_secrets_are_erased_at_a_turn(void **state) {
    struct world *world = *state;
    static const struct secret_32 NONE_32;
    static const struct secret_64 NONE_64;
    world->a_session.since_pq = PQ_STEP_MESSAGES;
    a_to_b(world, "key");
    assert_true(world->a_session.has_kem_secret && world->a_session.has_dh);
    assert_true(world->b_session.has_peer_kem);
    b_to_a(world, "answer");
    assert_false(world->b_session.has_peer_kem);
    assert_false(world->a_session.has_dh || world->a_session.has_kem_secret);
    assert_memory_equal(&world->a_session.dh, &NONE_32, sizeof(NONE_32));
    assert_memory_equal(&world->a_session.kem_secret, &NONE_64, sizeof(NONE_64));
}

static void past_chains_are_known_for_31_days_and_4096_at_most(void **state) {
    struct world *world = *state;
    struct session *b = &world->b_session;
    struct past_chain filler = {.ended_ms = NOW_MS};
    struct buffer old;
    buffer_init(&old, ENVELOPE_MAX_BYTES);
    seal(world, &world->a_session, &world->a, "old", &old);
    expect(b, &world->b, buffer_view(&old), OK, "old");
    b_to_a(world, "turn");
    a_to_b(world, "new");
    refuse(b, &world->b, buffer_view(&old), ERR_DUPLICATE);
    while (b->past_count < PAST_CHAINS_MAX) {
        put_u32(filler.chain_id, (uint32_t)b->past_count);
        assert_int_equal(session_add_past(b, &filler), OK);
    }
    assert_int_equal(session_add_past(b, &filler), ERR_LIMIT);
    b_to_a(world, "turn");
    struct session_change change;
    struct buffer next;
    struct buffer body;
    buffer_init(&next, ENVELOPE_MAX_BYTES);
    buffer_init(&body, BODY_MAX_BYTES);
    seal(world, &world->a_session, &world->a, "newer", &next);
    assert_int_equal(session_open(b, &world->b.own, buffer_view(&next), NOW_MS, &body, &change),
                     OK);
    assert_int_equal(change.dropped_past, 1);
    assert_true(change.added_past);
    assert_int_equal(b->past_count, PAST_CHAINS_MAX);
    /* A month later all of them go with the first message. */
    buffer_reset(&next);
    seal(world, &world->a_session, &world->a, "a month later", &next);
    assert_int_equal(session_open(b, &world->b.own, buffer_view(&next),
                                  NOW_MS + SKIPPED_KEY_LIFE_MS + 1, &body, &change),
                     OK);
    assert_int_equal(change.dropped_past, PAST_CHAINS_MAX);
    assert_int_equal(b->past_count, 0);
    buffer_clear(&old);
    buffer_clear(&next);
    buffer_clear(&body);
}

/** A reply needs its own certificate's keys; with others nothing changes. */
static void a_first_reply_opens_under_its_own_certificate_only(void **state) {
    struct world *world = *state;
    struct buffer envelope;
    buffer_init(&envelope, ENVELOPE_MAX_BYTES);
    seal(world, &world->b_session, &world->b, "reply", &envelope);
    refuse(&world->a_session, &world->b, buffer_view(&envelope), ERR_MISMATCH);
    expect(&world->a_session, &world->a, buffer_view(&envelope), OK, "reply");
    buffer_clear(&envelope);
}

static void a_failing_source_seals_nothing(void **state) {
    struct world *world = *state;
    struct buffer envelope;
    struct snapshot snapshot;
    uint8_t chain_id[CHAIN_ID_BYTES];
    uint32_t n = 0;
    buffer_init(&envelope, ENVELOPE_MAX_BYTES);
    snapshot_take(&world->b_session, &snapshot);
    /* The first reply draws X25519, CT, RSA, ML-KEM and an IV. */
    for (unsigned draws = 0; draws < 5; draws++) {
        world->source.left = draws;
        assert_int_equal(session_seal(&world->b_session, &world->b.own, &world->entropy, NOW_MS,
                                      bytes_of_string("x"), &envelope, chain_id, &n),
                         ERR_RANDOM);
        assert_int_equal(envelope.size, 0);
        snapshot_compare(&world->b_session, &snapshot);
    }
    world->source.left = UINT32_MAX;
    snapshot_clear(&snapshot);
    buffer_clear(&envelope);
}

static void a_full_buffer_changes_nothing(void **state) {
    struct world *world = *state;
    struct snapshot snapshot;
    struct session_change change;
    struct buffer small;
    struct buffer envelope;
    uint8_t chain_id[CHAIN_ID_BYTES];
    uint32_t n = 0;
    buffer_init(&small, 300);
    buffer_init(&envelope, ENVELOPE_MAX_BYTES);
    snapshot_take(&world->a_session, &snapshot);
    assert_int_equal(session_seal(&world->a_session, &world->a.own, &world->entropy, NOW_MS,
                                  bytes_of_string("x"), &small, chain_id, &n),
                     ERR_LIMIT);
    assert_int_equal(small.size, 0);
    snapshot_compare(&world->a_session, &snapshot);
    snapshot_clear(&snapshot);

    uint8_t large[301] = {0};
    assert_int_equal(session_seal(&world->a_session, &world->a.own, &world->entropy, NOW_MS,
                                  bytes_of(large), &envelope, chain_id, &n),
                     OK);
    snapshot_take(&world->b_session, &snapshot);
    assert_int_equal(session_open(&world->b_session, &world->b.own, buffer_view(&envelope), NOW_MS,
                                  &small, &change),
                     ERR_LIMIT);
    snapshot_compare(&world->b_session, &snapshot);
    snapshot_clear(&snapshot);
    buffer_clear(&small);
    buffer_clear(&envelope);
}

#define confirmed(test) cmocka_unit_test_setup_teardown(test, world_confirm, world_end)
#define begun(test) cmocka_unit_test_setup_teardown(test, world_begin, world_end)

int main(void) {
    const struct CMUnitTest tests[] = {
        confirmed(every_flipped_byte_of_a_later_message_is_refused),
        begun(every_flipped_byte_of_a_first_reply_is_refused),
        confirmed(a_message_cut_or_longer_is_refused),
        confirmed(a_reflected_message_is_refused),
        confirmed(a_message_of_another_session_is_refused),
        confirmed(bodies_do_not_change_places),
        begun(fields_cannot_be_stripped_from_or_added_to_a_first_reply),
        confirmed(fields_cannot_be_stripped_from_or_added_to_a_later_chain),
        confirmed(fields_cannot_be_stripped_from_or_added_to_a_post_quantum_step),
        confirmed(undefined_flags_are_refused),
        confirmed(the_rules_for_a_new_chain_hold),
        confirmed(an_ek_out_of_range_is_refused),
        confirmed(skipped_messages_open_later_and_once),
        confirmed(a_used_key_leaves_nothing_in_memory),
        confirmed(a_spoilt_late_message_leaves_its_key),
        confirmed(two_thousand_are_skipped_and_no_more),
        confirmed(of_more_than_two_thousand_stored_keys_the_oldest_go),
        confirmed(a_stored_key_lives_31_days),
        confirmed(a_compact_message_of_an_unknown_chain_waits),
        confirmed(full_messages_come_where_the_size_rule_says),
        confirmed(a_chain_ends_at_1500_messages),
        confirmed(a_post_quantum_step_comes_after_32_messages),
        confirmed(a_post_quantum_step_comes_after_a_day),
        confirmed(a_completed_step_begins_a_new_day),
        confirmed(messages_may_cross),
        confirmed(old_secrets_are_erased_at_a_turn),
        confirmed(past_chains_are_known_for_31_days_and_4096_at_most),
        begun(a_first_reply_opens_under_its_own_certificate_only),
        begun(a_failing_source_seals_nothing),
        confirmed(a_full_buffer_changes_nothing),
    };
    return cmocka_run_group_tests(tests, world_make, world_free);
}
