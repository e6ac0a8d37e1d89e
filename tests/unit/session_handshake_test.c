/* SPDX-License-Identifier: ISC */
#include "session_world.h"

#include "session/suite.h"

#include <string.h>

/** The first INITIAL of a fresh session of a with b. */
static void first_message(struct world *world, bool has_one_time, struct session *session,
                          struct buffer *envelope) {
    buffer_init(envelope, ENVELOPE_MAX_BYTES);
    begin(world, &world->a, &world->b, has_one_time, session);
    seal(world, session, &world->a, "hello bob", envelope);
}

/** Offers an envelope to b, who knows nothing of the session; a refusal leaves nothing. */
static enum error offer(struct world *world, struct bytes envelope, uint64_t now_ms) {
    static const struct session EMPTY;
    struct session session = EMPTY;
    struct buffer body;
    buffer_init(&body, BODY_MAX_BYTES);
    enum error error = accept(&world->b, envelope, now_ms, &session, &body);
    if (error != OK) {
        assert_memory_equal(&session, &EMPTY, sizeof(EMPTY));
        assert_int_equal(body.size, 0);
    }
    session_clear(&session);
    buffer_clear(&body);
    return error;
}

static void both_ends_hold_the_same_secrets(void **state) {
    struct world *world = *state;
    struct session a;
    struct session b;
    struct buffer envelope;
    struct buffer body;
    for (int has_one_time = 0; has_one_time <= 1; has_one_time++) {
        first_message(world, has_one_time == 1, &a, &envelope);
        buffer_init(&body, BODY_MAX_BYTES);
        assert_int_equal(envelope.size, 10972);
        assert_int_equal(accept(&world->b, buffer_view(&envelope), NOW_MS, &b, &body), OK);
        assert_true(bytes_equal(buffer_view(&body), bytes_of_string("hello bob")));
        assert_memory_equal(a.th, b.th, HASH_BYTES);
        assert_memory_equal(a.sid, b.sid, SESSION_ID_BYTES);
        assert_memory_equal(&a.root, &b.root, sizeof(a.root));
        assert_int_equal(a.role, SESSION_INITIATOR);
        assert_int_equal(b.role, SESSION_RESPONDER);
        assert_int_equal(b.one_time_id, has_one_time ? world->b.one_time.id : 0);
        assert_int_equal(a.one_time_id, b.one_time_id);
        assert_int_equal(b.set_id, 7);
        assert_false(b.has_dh); /* SPK stays in the prekey store alone */
        session_clear(&a);
        session_clear(&b);
        buffer_clear(&envelope);
        buffer_clear(&body);
    }
}

static void every_flipped_byte_of_a_first_message_is_refused(void **state) {
    struct world *world = *state;
    struct session a;
    struct buffer envelope;
    first_message(world, true, &a, &envelope);
    for (size_t i = 0; i < envelope.size; i++) {
        uint8_t mask = (uint8_t)(1u << (i % 8));
        envelope.data[i] = (uint8_t)(envelope.data[i] ^ mask);
        assert_int_not_equal(offer(world, buffer_view(&envelope), NOW_MS), OK);
        envelope.data[i] = (uint8_t)(envelope.data[i] ^ mask);
    }
    assert_int_equal(offer(world, buffer_view(&envelope), NOW_MS), OK);
    session_clear(&a);
    buffer_clear(&envelope);
}

static void a_first_message_cut_or_longer_is_refused(void **state) {
    struct world *world = *state;
    struct session a;
    struct buffer envelope;
    first_message(world, true, &a, &envelope);
    for (size_t size = 0; size < envelope.size; size += size < 100 ? 1 : 53) {
        assert_int_equal(offer(world, bytes_make(envelope.data, size), NOW_MS), ERR_MALFORMED);
    }
    assert_int_equal(buffer_append(&envelope, bytes_make("", 1)), OK);
    assert_int_equal(offer(world, buffer_view(&envelope), NOW_MS), ERR_MALFORMED);
    session_clear(&a);
    buffer_clear(&envelope);
}

/** Changes HELLO and writes the sid that follows from it: the transcript is public, an attacker
 * can. */
static void fix_sid(struct world *world, struct buffer *envelope) {
    const struct hello_tail *tail =
        (const struct hello_tail *)(envelope->data + 2 + CERTIFICATE_BYTES);
    uint8_t th[HASH_BYTES];
    uint8_t sid[SESSION_ID_BYTES];
    assert_int_equal(handshake_transcript(world->a.parsed.cid, tail, world->b.set.hash,
                                          world->b.one_time.hash, th, sid),
                     OK);
    memcpy(envelope->data + HELLO_BYTES + 2, sid, SESSION_ID_BYTES);
}

/** Garbage for one encapsulation, with a sid that fits: implicit rejection makes other keys, the
 * tag fails. */
static void garbage_encapsulations_end_at_the_tag(void **state) {
    struct world *world = *state;
    static const size_t PLACES[] = {40, 72, 328, 1416}; /* EK_A, ctR, ctI, ctP */
    struct session a;
    struct buffer envelope;
    first_message(world, true, &a, &envelope);
    for (size_t i = 0; i < ROWS(PLACES); i++) {
        uint8_t *byte = envelope.data + 2 + CERTIFICATE_BYTES + PLACES[i];
        uint8_t sid[SESSION_ID_BYTES];
        memcpy(sid, envelope.data + HELLO_BYTES + 2, sizeof(sid));
        *byte ^= 1;
        fix_sid(world, &envelope);
        assert_int_equal(offer(world, buffer_view(&envelope), NOW_MS), ERR_SIGNATURE);
        *byte ^= 1;
        memcpy(envelope.data + HELLO_BYTES + 2, sid, sizeof(sid));
    }
    session_clear(&a);
    buffer_clear(&envelope);
}

/** Other encodings of EK_A give the same point, but not the same transcript. */
static void the_bytes_of_ek_count_and_not_only_the_point(void **state) {
    struct world *world = *state;
    struct session a;
    struct buffer envelope;
    first_message(world, true, &a, &envelope);
    uint8_t *high = envelope.data + 2 + CERTIFICATE_BYTES + 40 + 31;
    *high ^= 0x80;
    assert_int_equal(offer(world, buffer_view(&envelope), NOW_MS), ERR_MISMATCH);
    fix_sid(world, &envelope);
    assert_int_equal(offer(world, buffer_view(&envelope), NOW_MS), ERR_SIGNATURE);
    session_clear(&a);
    buffer_clear(&envelope);
}

static void an_ek_of_low_order_is_refused(void **state) {
    struct world *world = *state;
    static const uint8_t LOW[][DH_PUBLIC_BYTES] = {
        {0},
        {1},
        {0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3,
         0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32,
         0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00},
    };
    struct session a;
    struct buffer envelope;
    first_message(world, true, &a, &envelope);
    for (size_t i = 0; i < ROWS(LOW); i++) {
        memcpy(envelope.data + 2 + CERTIFICATE_BYTES + 40, LOW[i], DH_PUBLIC_BYTES);
        fix_sid(world, &envelope);
        assert_int_equal(offer(world, buffer_view(&envelope), NOW_MS), ERR_KEY);
    }
    session_clear(&a);
    buffer_clear(&envelope);
}

static void prekeys_of_low_order_begin_no_session(void **state) {
    struct world *world = *state;
    static const struct session EMPTY;
    uint8_t bytes[BUNDLE_MAX_BYTES];
    for (size_t i = 0; i < 2; i++) {
        struct session session;
        struct bundle bundle;
        size_t size = person_bundle(&world->b, true, bytes);
        uint8_t *object = bytes + CERTIFICATE_BYTES + (i == 0 ? 0 : PREKEY_SET_BYTES);
        size_t body = i == 0 ? PREKEY_SET_BODY_BYTES : ONE_TIME_PREKEY_BODY_BYTES;
        memset(object + (i == 0 ? 54 : 46), 0, DH_PUBLIC_BYTES);
        assert_int_equal(ed25519_sign(&world->b.keys.signing,
                                      lb(i == 0 ? LABEL_SIG_PREKEYS : LABEL_SIG_OTK),
                                      bytes_make(object, body), object + body),
                         OK);
        assert_int_equal(
            bundle_verify(bytes_make(bytes, size), &world->b.parsed.name, NOW_MS, NULL, &bundle),
            OK);
        assert_int_equal(session_start(&world->a.own, &bundle, &world->entropy, NOW_MS, &session),
                         ERR_KEY);
        assert_memory_equal(&session, &EMPTY, sizeof(EMPTY));
    }
}

static void a_flags_or_pn_that_no_first_chain_has_is_refused_before_any_key_is_used(void **state) {
    struct world *world = *state;
    struct session a;
    struct buffer envelope;
    first_message(world, true, &a, &envelope);
    uint8_t *flags = envelope.data + HELLO_BYTES + 2 + SESSION_ID_BYTES;
    uint8_t *pn = flags + 1 + DH_PUBLIC_BYTES;
    pn[3] = 1;
    assert_int_equal(offer(world, buffer_view(&envelope), NOW_MS), ERR_WRONG_STATE);
    pn[3] = 0;
    /* CT in place of EK: 96 bytes fewer, so that the rest is as long as before. */
    struct buffer other;
    buffer_init(&other, ENVELOPE_MAX_BYTES);
    size_t until = (size_t)(pn + 4 - envelope.data);
    assert_int_equal(buffer_append(&other, bytes_make(envelope.data, until)), OK);
    assert_int_equal(buffer_append(&other, bytes_make(pn + 4 + 96, envelope.size - until - 96)),
                     OK);
    other.data[flags - envelope.data] = CHAIN_CT;
    assert_int_equal(offer(world, buffer_view(&other), NOW_MS), ERR_WRONG_STATE);
    /* No field at all. */
    buffer_reset(&other);
    assert_int_equal(buffer_append(&other, bytes_make(envelope.data, until)), OK);
    assert_int_equal(buffer_append(&other, bytes_make(pn + 4 + KEM_PUBLIC_BYTES,
                                                      envelope.size - until - KEM_PUBLIC_BYTES)),
                     OK);
    other.data[flags - envelope.data] = 0;
    assert_int_equal(offer(world, buffer_view(&other), NOW_MS), ERR_WRONG_STATE);
    session_clear(&a);
    buffer_clear(&envelope);
    buffer_clear(&other);
}

/** Private keys that do not load show whether they were asked for. */
static void public_rules_are_checked_before_private_keys(void **state) {
    struct world *world = *state;
    struct person broken = world->b;
    struct session a;
    struct session b;
    struct buffer envelope;
    struct buffer body;
    broken.own = (struct own_device){
        .certificate = broken.certificate, .parsed = &broken.parsed, .keys = &broken.keys};
    broken.keys.rsa.size = 0;
    first_message(world, true, &a, &envelope);
    buffer_init(&body, BODY_MAX_BYTES);
    assert_int_equal(accept(&broken, buffer_view(&envelope), NOW_MS, &b, &body), ERR_KEY);
    uint8_t *pn = envelope.data + HELLO_BYTES + 2 + SESSION_ID_BYTES + 1 + DH_PUBLIC_BYTES;
    pn[3] ^= 1;
    assert_int_equal(accept(&broken, buffer_view(&envelope), NOW_MS, &b, &body), ERR_WRONG_STATE);
    pn[3] ^= 1;
    envelope.data[HELLO_BYTES + 2] ^= 1; /* sid */
    assert_int_equal(accept(&broken, buffer_view(&envelope), NOW_MS, &b, &body), ERR_MISMATCH);
    wipe(&broken, sizeof(broken));
    session_clear(&a);
    buffer_clear(&envelope);
    buffer_clear(&body);
}

static void a_skip_of_2000_is_taken_in_a_first_message_and_2001_is_not(void **state) {
    struct world *world = *state;
    for (uint32_t n = 2000; n <= 2001; n++) {
        struct session a;
        struct session b;
        struct buffer envelope;
        struct buffer body;
        first_message(world, true, &a, &envelope);
        buffer_init(&body, BODY_MAX_BYTES);
        envelope.size = HELLO_BYTES;
        forge_number(&a, n, "late", &envelope);
        enum error error = accept(&world->b, buffer_view(&envelope), NOW_MS, &b, &body);
        assert_int_equal(error, n == 2000 ? OK : ERR_LIMIT);
        assert_int_equal(b.skipped_count, n == 2000 ? 2000 : 0);
        session_clear(&a);
        session_clear(&b);
        buffer_clear(&envelope);
        buffer_clear(&body);
    }
}

static void hello_goes_along_until_the_first_reply(void **state) {
    struct world *world = *state;
    struct buffer envelope;
    buffer_init(&envelope, ENVELOPE_MAX_BYTES);
    assert_int_equal(world_begin(state), 0);
    for (uint32_t n = 1; n < 40; n++) {
        enum envelope_type type;
        uint8_t sid[SESSION_ID_BYTES];
        seal(world, &world->a_session, &world->a, "again", &envelope);
        assert_int_equal(envelope_inspect(buffer_view(&envelope), &type, sid), OK);
        assert_int_equal(type, n == 1 || n % 16 == 0 ? ENVELOPE_INITIAL : ENVELOPE_COMPACT);
        assert_memory_equal(sid, world->a_session.sid, SESSION_ID_BYTES);
        expect(&world->b_session, &world->b, buffer_view(&envelope), OK, "again");
        expect(&world->b_session, &world->b, buffer_view(&envelope), ERR_DUPLICATE, NULL);
        buffer_reset(&envelope);
    }
    assert_false(world->a_session.is_confirmed);
    assert_false(world->b_session.is_confirmed);
    assert_true(world->a_session.has_hello);
    b_to_a(world, "reply");
    assert_true(world->a_session.is_confirmed);
    assert_false(world->b_session.is_confirmed);
    assert_false(world->a_session.has_hello);
    seal(world, &world->a_session, &world->a, "now", &envelope);
    assert_int_equal(envelope.data[1], ENVELOPE_FULL);
    expect(&world->b_session, &world->b, buffer_view(&envelope), OK, "now");
    assert_true(world->b_session.is_confirmed);
    buffer_clear(&envelope);
    world_end(state);
}

static void the_second_message_begins_a_session_when_the_first_is_lost(void **state) {
    struct world *world = *state;
    struct session b;
    struct buffer first;
    struct buffer second;
    struct buffer body;
    first_message(world, true, &world->a_session, &first);
    buffer_init(&second, ENVELOPE_MAX_BYTES);
    buffer_init(&body, BODY_MAX_BYTES);
    seal(world, &world->a_session, &world->a, "second", &second);
    assert_int_equal(accept(&world->b, buffer_view(&second), NOW_MS, &b, &body), OK);
    assert_int_equal(b.skipped_count, 1);
    expect(&b, &world->b, buffer_view(&first), OK, "hello bob");
    assert_int_equal(b.skipped_count, 0);
    session_clear(&world->a_session);
    session_clear(&b);
    buffer_clear(&first);
    buffer_clear(&second);
    buffer_clear(&body);
}

static void both_may_begin_at_once(void **state) {
    struct world *world = *state;
    struct session a2;
    struct session b2;
    struct buffer envelope;
    struct buffer body;
    assert_int_equal(world_begin(state), 0);
    buffer_init(&envelope, ENVELOPE_MAX_BYTES);
    buffer_init(&body, BODY_MAX_BYTES);
    begin(world, &world->b, &world->a, true, &b2);
    seal(world, &b2, &world->b, "me too", &envelope);
    assert_int_equal(accept(&world->a, buffer_view(&envelope), NOW_MS, &a2, &body), OK);
    for (int i = 0; i < 3; i++) {
        b_to_a(world, "on the first");
        pass(world, &a2, &world->a, &b2, &world->b, "on the second");
        a_to_b(world, "on the first");
        pass(world, &b2, &world->b, &a2, &world->a, "on the second");
    }
    assert_true(a2.is_confirmed && b2.is_confirmed);
    session_clear(&a2);
    session_clear(&b2);
    buffer_clear(&envelope);
    buffer_clear(&body);
    world_end(state);
}

static void one_does_not_talk_to_oneself(void **state) {
    struct world *world = *state;
    uint8_t bytes[BUNDLE_MAX_BYTES];
    struct bundle bundle;
    struct session session;
    size_t size = person_bundle(&world->a, true, bytes);
    assert_int_equal(
        bundle_verify(bytes_make(bytes, size), &world->a.parsed.name, NOW_MS, NULL, &bundle), OK);
    assert_int_equal(session_start(&world->a.own, &bundle, &world->entropy, NOW_MS, &session),
                     ERR_MISMATCH);
    /* The same account under another certificate is refused as well. */
    bundle.certificate.cid[0] ^= 1;
    assert_int_equal(session_start(&world->a.own, &bundle, &world->entropy, NOW_MS, &session),
                     ERR_MISMATCH);
}

static void keys_that_the_message_does_not_name_are_refused(void **state) {
    struct world *world = *state;
    struct session a;
    struct session b;
    struct buffer envelope;
    struct buffer body;
    struct initial initial;
    first_message(world, true, &a, &envelope);
    buffer_init(&body, BODY_MAX_BYTES);
    assert_int_equal(initial_parse(buffer_view(&envelope), &initial), OK);
    struct prekey_secret other = world->b.set;
    other.id++;
    assert_int_equal(session_accept(&world->b.own, &world->a.parsed, &initial, &other,
                                    &world->b.one_time, NOW_MS, &b, &body),
                     ERR_MISMATCH);
    assert_int_equal(session_accept(&world->b.own, &world->a.parsed, &initial, &world->b.set, NULL,
                                    NOW_MS, &b, &body),
                     ERR_MISMATCH);
    other = world->b.one_time;
    other.id++;
    assert_int_equal(session_accept(&world->b.own, &world->a.parsed, &initial, &world->b.set,
                                    &other, NOW_MS, &b, &body),
                     ERR_MISMATCH);
    /* The right id, but the keys of another record: the transcript differs. */
    other = world->a.one_time;
    other.id = world->b.one_time.id;
    memcpy(other.cid, world->b.one_time.cid, HASH_BYTES);
    assert_int_equal(session_accept(&world->b.own, &world->a.parsed, &initial, &world->b.set,
                                    &other, NOW_MS, &b, &body),
                     ERR_MISMATCH);
    /* All that is public fits, only the private key is another's: ML-KEM gives another secret. */
    other = world->b.one_time;
    other.kem = world->a.one_time.kem;
    assert_int_equal(session_accept(&world->b.own, &world->a.parsed, &initial, &world->b.set,
                                    &other, NOW_MS, &b, &body),
                     ERR_SIGNATURE);
    /* The message under the certificate of somebody else. */
    struct certificate *carol = &world->b.parsed;
    struct certificate stranger = world->a.parsed;
    memcpy(stranger.cid, carol->cid, HASH_BYTES);
    stranger.cid[3] ^= 1;
    assert_int_equal(session_accept(&world->b.own, &stranger, &initial, &world->b.set,
                                    &world->b.one_time, NOW_MS, &b, &body),
                     ERR_MISMATCH);
    prekey_secret_clear(&other);
    session_clear(&a);
    buffer_clear(&envelope);
    buffer_clear(&body);
}

static void nothing_is_sent_after_a_certificate_has_expired(void **state) {
    struct world *world = *state;
    assert_int_equal(world_confirm(state), 0);
    struct session *session = &world->a_session;
    struct snapshot snapshot;
    struct buffer envelope;
    uint8_t chain_id[CHAIN_ID_BYTES];
    uint32_t n = 0;
    buffer_init(&envelope, ENVELOPE_MAX_BYTES);
    snapshot_take(session, &snapshot);
    assert_int_equal(session->own_expires_ms, NOW_MS + CERTIFICATE_LIFE_MS);
    assert_int_equal(session_seal(session, &world->a.own, &world->entropy,
                                  NOW_MS + CERTIFICATE_LIFE_MS + 1, bytes_of_string("x"), &envelope,
                                  chain_id, &n),
                     ERR_EXPIRED);
    session->peer_expires_ms = NOW_MS;
    assert_int_equal(session_seal(session, &world->a.own, &world->entropy, NOW_MS + 1,
                                  bytes_of_string("x"), &envelope, chain_id, &n),
                     ERR_EXPIRED);
    session->peer_expires_ms = NOW_MS + CERTIFICATE_LIFE_MS;
    assert_int_equal(envelope.size, 0);
    snapshot_compare(session, &snapshot);
    assert_int_equal(session_seal(session, &world->a.own, &world->entropy,
                                  NOW_MS + CERTIFICATE_LIFE_MS, bytes_of_string("x"), &envelope,
                                  chain_id, &n),
                     OK);
    snapshot_clear(&snapshot);
    buffer_clear(&envelope);
    world_end(state);
}

static void an_unanswered_session_ends_with_its_prekeys(void **state) {
    struct world *world = *state;
    struct session session;
    struct buffer envelope;
    uint8_t chain_id[CHAIN_ID_BYTES];
    uint32_t n = 0;
    buffer_init(&envelope, ENVELOPE_MAX_BYTES);
    begin(world, &world->a, &world->b, true, &session);
    uint64_t end = NOW_MS + PREKEY_SET_LIFE_MS + CLOCK_TOLERANCE_MS;
    assert_int_equal(session_seal(&session, &world->a.own, &world->entropy, end,
                                  bytes_of_string("x"), &envelope, chain_id, &n),
                     OK);
    assert_int_equal(session_seal(&session, &world->a.own, &world->entropy, end + 1,
                                  bytes_of_string("x"), &envelope, chain_id, &n),
                     ERR_EXPIRED);
    session_clear(&session);
    buffer_clear(&envelope);
}

static void hello_is_sent_under_its_own_certificate_only(void **state) {
    struct world *world = *state;
    struct session session;
    struct snapshot snapshot;
    struct buffer envelope;
    uint8_t chain_id[CHAIN_ID_BYTES];
    uint32_t n = 0;
    buffer_init(&envelope, ENVELOPE_MAX_BYTES);
    begin(world, &world->a, &world->b, true, &session);
    snapshot_take(&session, &snapshot);
    assert_int_equal(session_seal(&session, &world->b.own, &world->entropy, NOW_MS,
                                  bytes_of_string("x"), &envelope, chain_id, &n),
                     ERR_MISMATCH);
    snapshot_compare(&session, &snapshot);
    assert_int_equal(envelope.size, 0);
    session_clear(&session);
    snapshot_clear(&snapshot);
    buffer_clear(&envelope);
}

static void a_failing_source_begins_nothing(void **state) {
    struct world *world = *state;
    static const struct session EMPTY;
    uint8_t bytes[BUNDLE_MAX_BYTES];
    struct bundle bundle;
    struct session session;
    size_t size = person_bundle(&world->b, true, bytes);
    assert_int_equal(
        bundle_verify(bytes_make(bytes, size), &world->b.parsed.name, NOW_MS, NULL, &bundle), OK);
    for (unsigned draws = 0; draws < 4; draws++) {
        world->source.left = draws;
        assert_int_equal(session_start(&world->a.own, &bundle, &world->entropy, NOW_MS, &session),
                         ERR_RANDOM);
        assert_memory_equal(&session, &EMPTY, sizeof(EMPTY));
    }
    world->source.left = UINT32_MAX;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ends_hold_the_same_secrets),
        cmocka_unit_test(every_flipped_byte_of_a_first_message_is_refused),
        cmocka_unit_test(a_first_message_cut_or_longer_is_refused),
        cmocka_unit_test(garbage_encapsulations_end_at_the_tag),
        cmocka_unit_test(the_bytes_of_ek_count_and_not_only_the_point),
        cmocka_unit_test(an_ek_of_low_order_is_refused),
        cmocka_unit_test(prekeys_of_low_order_begin_no_session),
        cmocka_unit_test(a_flags_or_pn_that_no_first_chain_has_is_refused_before_any_key_is_used),
        cmocka_unit_test(public_rules_are_checked_before_private_keys),
        cmocka_unit_test(a_skip_of_2000_is_taken_in_a_first_message_and_2001_is_not),
        cmocka_unit_test(hello_goes_along_until_the_first_reply),
        cmocka_unit_test(the_second_message_begins_a_session_when_the_first_is_lost),
        cmocka_unit_test(both_may_begin_at_once),
        cmocka_unit_test(one_does_not_talk_to_oneself),
        cmocka_unit_test(keys_that_the_message_does_not_name_are_refused),
        cmocka_unit_test(nothing_is_sent_after_a_certificate_has_expired),
        cmocka_unit_test(an_unanswered_session_ends_with_its_prekeys),
        cmocka_unit_test(hello_is_sent_under_its_own_certificate_only),
        cmocka_unit_test(a_failing_source_begins_nothing),
    };
    return cmocka_run_group_tests(tests, world_make, world_free);
}
