/* SPDX-License-Identifier: ISC */
/* What forged messages of a known session cost: counted in chain steps and public-key operations,
 * which the linker leads through the counters below (--wrap), not in time. */
#include "session_world.h"

#include "session/ahead.h"

#include <string.h>

enum { JUNK = 1000 };

static struct {
    size_t steps;
    size_t message_keys;
    size_t dh;
    size_t decapsulations;
    size_t rsa;
} work;

enum error __real_chain_step(struct secret_32 *chain_key, struct secret_32 *message_key);
enum error __wrap_chain_step(struct secret_32 *chain_key, struct secret_32 *message_key);
enum error __real_chain_message_key(const struct secret_32 *chain_key,
                                    struct secret_32 *message_key);
enum error __wrap_chain_message_key(const struct secret_32 *chain_key,
                                    struct secret_32 *message_key);
enum error __real_dh_derive(const struct secret_32 *private_key, const uint8_t *public_key,
                            struct secret_32 *shared);
enum error __wrap_dh_derive(const struct secret_32 *private_key, const uint8_t *public_key,
                            struct secret_32 *shared);
enum error __real_kem_decapsulate(const struct secret_64 *seed, const uint8_t *ciphertext,
                                  struct secret_32 *shared);
enum error __wrap_kem_decapsulate(const struct secret_64 *seed, const uint8_t *ciphertext,
                                  struct secret_32 *shared);
enum error __real_rsa_decrypt_with(const struct rsa_private *key, const struct rsa_pair *pair,
                                   const uint8_t *ciphertext, struct secret_32 *secret);
enum error __wrap_rsa_decrypt_with(const struct rsa_private *key, const struct rsa_pair *pair,
                                   const uint8_t *ciphertext, struct secret_32 *secret);

enum error __wrap_chain_step(struct secret_32 *chain_key, struct secret_32 *message_key) {
    work.steps++;
    return __real_chain_step(chain_key, message_key);
}

enum error __wrap_chain_message_key(const struct secret_32 *chain_key,
                                    struct secret_32 *message_key) {
    work.message_keys++;
    return __real_chain_message_key(chain_key, message_key);
}

enum error __wrap_dh_derive(const struct secret_32 *private_key, const uint8_t *public_key,
                            struct secret_32 *shared) {
    work.dh++;
    return __real_dh_derive(private_key, public_key, shared);
}

enum error __wrap_kem_decapsulate(const struct secret_64 *seed, const uint8_t *ciphertext,
                                  struct secret_32 *shared) {
    work.decapsulations++;
    return __real_kem_decapsulate(seed, ciphertext, shared);
}

enum error __wrap_rsa_decrypt_with(const struct rsa_private *key, const struct rsa_pair *pair,
                                   const uint8_t *ciphertext, struct secret_32 *secret) {
    work.rsa++;
    return __real_rsa_decrypt_with(key, pair, ciphertext, secret);
}

static void fill(struct world *world, uint8_t *out, size_t size) {
    assert_int_equal(world->entropy.fill(world->entropy.context, out, size), OK);
}

/** Appends n, and random bytes where IV, ciphertext and tag stand. */
static void append_junk(struct world *world, uint32_t n, struct buffer *envelope) {
    uint8_t number[4];
    uint8_t *at = NULL;
    put_u32(number, n);
    assert_int_equal(buffer_append(envelope, bytes_of(number)), OK);
    assert_int_equal(buffer_extend(envelope, CBC_IV_BYTES + 256 + TAG_BYTES, &at), OK);
    fill(world, at, CBC_IV_BYTES + 256 + TAG_BYTES);
}

/** COMPACT or FULL of the chain that `from` sends in. */
static void junk_of_chain(struct world *world, const struct session *from, bool is_full, uint32_t n,
                          struct buffer *envelope) {
    static const uint8_t COMPACT[] = {1, ENVELOPE_COMPACT};
    buffer_reset(envelope);
    if (is_full) {
        assert_int_equal(buffer_append(envelope, bytes_make(from->header, from->header_size)), OK);
    } else {
        assert_int_equal(buffer_append(envelope, bytes_of(COMPACT)), OK);
        assert_int_equal(buffer_append(envelope, bytes_of(from->sid)), OK);
        assert_int_equal(buffer_append(envelope, bytes_of(from->sending.id)), OK);
    }
    append_junk(world, n, envelope);
}

/** FULL that opens a chain as the rules for `to` have it, with garbage in every field. */
static void junk_of_new_chain(struct world *world, const struct session *to, uint32_t n,
                              struct buffer *envelope) {
    uint8_t garbage[CHAIN_HEADER_MAX_BYTES];
    uint8_t written[CHAIN_HEADER_MAX_BYTES];
    bool is_first = to->chains_received == 0;
    fill(world, garbage, sizeof(garbage));
    unsigned flags = to->has_kem_secret ? CHAIN_CT : 0;
    flags |= is_first && to->role == SESSION_INITIATOR ? CHAIN_AUTH : 0;
    const struct chain_header header = {
        .sid = to->sid,
        .flags = (uint8_t)flags,
        .dh = garbage,
        .pn = is_first ? 0 : to->receiving.next + SKIP_MAX_MESSAGES,
        .ct = garbage,
        .auth_rsa = garbage,
        .auth_kem = garbage,
    };
    buffer_reset(envelope);
    assert_int_equal(
        buffer_append(envelope, bytes_make(written, chain_header_write(&header, written))), OK);
    append_junk(world, n, envelope);
}

static enum error offer(struct session *session, const struct person *to,
                        const struct buffer *envelope, uint64_t now_ms) {
    struct session_change change;
    struct buffer body;
    buffer_init(&body, BODY_MAX_BYTES);
    enum error error =
        session_open(session, &to->own, buffer_view(envelope), now_ms, &body, &change);
    assert_true(error == OK || body.size == 0);
    buffer_clear(&body);
    return error;
}

static void junk_in_the_current_chain_is_stepped_over_once(void **state) {
    struct world *world = *state;
    struct session *to = &world->b_session;
    struct buffer envelope;
    struct snapshot snapshot;
    buffer_init(&envelope, ENVELOPE_MAX_BYTES);
    snapshot_take(to, &snapshot);
    uint32_t next = to->receiving.next;
    memset(&work, 0, sizeof(work));
    for (size_t i = 0; i < JUNK; i++) {
        uint32_t n = i % 3 == 0 ? next + (uint32_t)(test_random(&world->source) % 2000)
                                : next + SKIP_MAX_MESSAGES;
        junk_of_chain(world, &world->a_session, i % 2 == 0, n, &envelope);
        assert_int_equal(offer(to, &world->b, &envelope, NOW_MS), ERR_SIGNATURE);
        junk_of_chain(world, &world->a_session, i % 2 == 0, next + SKIP_MAX_MESSAGES + 1,
                      &envelope);
        assert_int_equal(offer(to, &world->b, &envelope, NOW_MS), ERR_LIMIT);
    }
    /* Each number's chain key once, and for each message its own key. */
    assert_int_equal(work.steps, SKIP_MAX_MESSAGES + JUNK);
    assert_int_equal(work.message_keys, 0);
    assert_int_equal(work.dh + work.decapsulations + work.rsa, 0);
    snapshot_compare(to, &snapshot);
    snapshot_clear(&snapshot);
    buffer_clear(&envelope);
}

/** Whatever was forged before, a message of the current chain opens at once, near or far. */
static void an_honest_message_opens_amid_junk(void **state) {
    enum { COUNT = 40 };
    struct world *world = *state;
    struct buffer envelopes[COUNT];
    junk_in_the_current_chain_is_stepped_over_once(state);
    for (size_t i = 0; i < COUNT; i++) {
        buffer_init(&envelopes[i], ENVELOPE_MAX_BYTES);
        seal(world, &world->a_session, &world->a, "honest", &envelopes[i]);
    }
    memset(&work, 0, sizeof(work));
    static const size_t ORDER[] = {0, 39, 17, 16, 18, 1};
    for (size_t i = 0; i < ROWS(ORDER); i++) {
        size_t at = ORDER[i];
        expect(&world->b_session, &world->b, buffer_view(&envelopes[at]), OK, "honest");
        expect(&world->b_session, &world->b, buffer_view(&envelopes[at]), ERR_DUPLICATE, NULL);
    }
    assert_int_equal(work.steps, 2);         /* of the two that moved the chain on */
    assert_int_equal(work.message_keys, 38); /* of those in between */
    assert_int_equal(world->b_session.ahead.count, SKIP_MAX_MESSAGES - COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        buffer_clear(&envelopes[i]);
    }
}

/** 1,000 forged messages that would open a chain with that `n`; all work ends at the limit. */
static void flood(struct world *world, struct session *to, const struct person *person,
                  uint32_t n) {
    struct buffer envelope;
    struct snapshot snapshot;
    bool is_limited = false;
    buffer_init(&envelope, ENVELOPE_MAX_BYTES);
    snapshot_take(to, &snapshot);
    memset(&work, 0, sizeof(work));
    for (size_t i = 0; i < JUNK; i++) {
        junk_of_new_chain(world, to, n, &envelope);
        enum error error = offer(to, person, &envelope, NOW_MS);
        assert_int_equal(error, is_limited ? ERR_LIMIT : error);
        is_limited = error == ERR_LIMIT;
    }
    assert_true(is_limited);
    size_t done = work.steps + work.message_keys + STEPS_OF_DH * work.dh +
                  STEPS_OF_DECAPSULATE * work.decapsulations + STEPS_OF_RSA * work.rsa;
    size_t one = STEPS_OF_DH + 2 * STEPS_OF_DECAPSULATE + STEPS_OF_RSA + n;
    assert_in_range(done, UNVERIFIED_STEPS_MAX, UNVERIFIED_STEPS_MAX + one + work.dh);
    snapshot_compare(to, &snapshot);
    snapshot_clear(&snapshot);
    buffer_clear(&envelope);
}

static void junk_that_opens_chains_ends_at_the_limit(void **state) {
    struct world *world = *state;
    flood(world, &world->b_session, &world->b, 0);
    assert_in_range(work.dh, 1, UNVERIFIED_STEPS_MAX / STEPS_OF_DH + 1);
}

static void junk_that_skips_in_a_new_chain_ends_at_the_limit(void **state) {
    struct world *world = *state;
    flood(world, &world->b_session, &world->b, SKIP_MAX_MESSAGES);
    assert_in_range(work.dh, 1, UNVERIFIED_STEPS_MAX / SKIP_MAX_MESSAGES + 1);
    assert_in_range(work.steps, 1, UNVERIFIED_STEPS_MAX + SKIP_MAX_MESSAGES);
}

static void junk_replies_end_at_the_limit(void **state) {
    struct world *world = *state;
    flood(world, &world->a_session, &world->a, 0);
    assert_in_range(work.rsa, 1, UNVERIFIED_STEPS_MAX / STEPS_OF_RSA + 1);
}

/** After a flood, chains may begin again when the minute is over, and what was refused opens. */
static void a_refused_chain_opens_a_minute_later(void **state) {
    struct world *world = *state;
    struct session *to = &world->b_session;
    struct buffer old;
    struct buffer turned;
    buffer_init(&old, ENVELOPE_MAX_BYTES);
    buffer_init(&turned, ENVELOPE_MAX_BYTES);
    world->a_session.need_send = false; /* one more in the chain that b knows already */
    seal(world, &world->a_session, &world->a, "old chain", &old);
    world->a_session.need_send = true;
    seal(world, &world->a_session, &world->a, "new chain", &turned);
    flood(world, to, &world->b, 0);
    assert_int_equal(offer(to, &world->b, &turned, NOW_MS), ERR_LIMIT);
    assert_int_equal(offer(to, &world->b, &turned, NOW_MS + UNVERIFIED_STEPS_WINDOW_MS - 1),
                     ERR_LIMIT);
    assert_int_equal(offer(to, &world->b, &old, NOW_MS), OK);
    assert_int_equal(offer(to, &world->b, &turned, NOW_MS + UNVERIFIED_STEPS_WINDOW_MS), OK);
    b_to_a(world, "both go on");
    buffer_reset(&turned);
    seal(world, &world->a_session, &world->a, "and on", &turned);
    assert_int_equal(offer(to, &world->b, &turned, NOW_MS + UNVERIFIED_STEPS_WINDOW_MS), OK);
    buffer_clear(&old);
    buffer_clear(&turned);
}

/** A clock that was set back does not lock the session. */
static void the_minute_ends_when_the_clock_goes_back(void **state) {
    struct world *world = *state;
    struct buffer turned;
    buffer_init(&turned, ENVELOPE_MAX_BYTES);
    seal(world, &world->a_session, &world->a, "new chain", &turned);
    flood(world, &world->b_session, &world->b, 0);
    assert_int_equal(offer(&world->b_session, &world->b, &turned, NOW_MS - 1), OK);
    buffer_clear(&turned);
}

/** Turns of an honest peer count nothing, however many there are in a minute. */
static void honest_turns_are_never_limited(void **state) {
    struct world *world = *state;
    for (size_t i = 0; i < 300; i++) {
        a_to_b(world, "ping");
        b_to_a(world, "pong");
    }
    assert_int_equal(world->a_session.unverified_steps, 0);
    assert_int_equal(world->b_session.unverified_steps, 0);
}

/** What the flood made the session work out is wiped with it, and no part of what is stored. */
static void what_was_worked_out_ends_with_the_turn(void **state) {
    struct world *world = *state;
    junk_in_the_current_chain_is_stepped_over_once(state);
    assert_int_equal(world->b_session.ahead.count, SKIP_MAX_MESSAGES);
    b_to_a(world, "answer");
    assert_int_equal(world->b_session.ahead.count, SKIP_MAX_MESSAGES);
    a_to_b(world, "turn");
    assert_null(world->b_session.ahead.keys);
    assert_int_equal(world->b_session.ahead.count, 0);
}

#define TEST(name, begin) cmocka_unit_test_setup_teardown(name, begin, world_end)

/** After world_confirm b may take a new chain; here a is still in the chain that b knows. */
static int world_in_chain(void **state) {
    struct world *world = *state;
    if (world_confirm(state) != 0) {
        return -1;
    }
    a_to_b(world, "a chain of a");
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(junk_in_the_current_chain_is_stepped_over_once, world_in_chain),
        TEST(an_honest_message_opens_amid_junk, world_in_chain),
        TEST(junk_that_opens_chains_ends_at_the_limit, world_confirm),
        TEST(junk_that_skips_in_a_new_chain_ends_at_the_limit, world_confirm),
        TEST(junk_replies_end_at_the_limit, world_begin),
        TEST(a_refused_chain_opens_a_minute_later, world_confirm),
        TEST(the_minute_ends_when_the_clock_goes_back, world_confirm),
        TEST(honest_turns_are_never_limited, world_confirm),
        TEST(what_was_worked_out_ends_with_the_turn, world_in_chain),
    };
    return cmocka_run_group_tests(tests, world_make, world_free);
}
