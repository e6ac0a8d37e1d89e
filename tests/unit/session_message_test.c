/* SPDX-License-Identifier: ISC */
#include "session_world.h"

#include "session/suite.h"

#include <string.h>

static const uint8_t TH[HASH_BYTES] = {7};
static const uint8_t IV[CBC_IV_BYTES] = {9};
static const struct secret_32 KEY = {{1, 2, 3}};

/** HDR of a COMPACT message, n = 5. */
static void compact_header(struct buffer *envelope) {
    uint8_t header[COMPACT_HEADER_BYTES] = {SUITE, ENVELOPE_COMPACT};
    put_u32(header + COMPACT_HEADER_BYTES - 4, 5);
    assert_int_equal(buffer_append(envelope, bytes_of(header)), OK);
}

static void seal_body(struct bytes body, struct buffer *envelope) {
    compact_header(envelope);
    assert_int_equal(message_seal(&KEY, 5, TH, SESSION_INITIATOR, IV, body, 0, envelope), OK);
}

static enum error open(const struct buffer *envelope, struct buffer *body) {
    struct message message;
    enum error error = message_parse(buffer_view(envelope), &message);
    return error == OK ? message_open(&KEY, TH, SESSION_INITIATOR, &message, body) : error;
}

/** Seals an inner text of our own making: what a dishonest peer can do. */
static void seal_inner(struct bytes inner, struct buffer *envelope) {
    struct message_keys keys;
    uint8_t tag[TAG_BYTES];
    uint8_t direction[5] = {0, 0, 0, 0, COMPACT_HEADER_BYTES};
    compact_header(envelope);
    assert_int_equal(message_keys_derive(&KEY, 5, &keys), OK);
    assert_int_equal(buffer_append(envelope, bytes_of(IV)), OK);
    assert_int_equal(cbc_encrypt(&keys.encrypt, IV, inner, envelope), OK);
    const struct bytes parts[] = {lb(LABEL_MAC), bytes_of(TH), bytes_of(direction),
                                  buffer_view(envelope)};
    assert_int_equal(hmac_sha256(&keys.authenticate, parts, 4, tag), OK);
    assert_int_equal(buffer_append(envelope, bytes_of(tag)), OK);
}

/** Size of a body and of the class that it falls into (1.7). */
struct class_row {
    size_t body;
    size_t padded;
};

static const struct class_row CLASSES[] = {
    {0, 256},       {1, 256},       {250, 256},     {251, 256},     {252, 512},     {507, 512},
    {508, 1024},    {1019, 1024},   {1020, 2048},   {2043, 2048},   {2044, 4096},   {4091, 4096},
    {4092, 8192},   {8187, 8192},   {8188, 16384},  {16379, 16384}, {16380, 32768}, {32763, 32768},
    {32764, 65536}, {65000, 65536}, {65530, 65536}, {65531, 65536},
};

static void a_body_shows_one_of_nine_sizes(void **state) {
    (void)state;
    static uint8_t bytes[BODY_MAX_BYTES];
    memset(bytes, 'x', sizeof(bytes));
    struct buffer envelope;
    struct buffer body;
    buffer_init(&envelope, ENVELOPE_MAX_BYTES);
    buffer_init(&body, BODY_MAX_BYTES);
    for (size_t i = 0; i < ROWS(CLASSES); i++) {
        struct bytes text = bytes_make(bytes, CLASSES[i].body);
        seal_body(text, &envelope);
        assert_int_equal(envelope.size,
                         COMPACT_HEADER_BYTES + CBC_IV_BYTES + CLASSES[i].padded + TAG_BYTES);
        assert_int_equal(open(&envelope, &body), OK);
        assert_true(bytes_equal(buffer_view(&body), text));
        buffer_reset(&envelope);
        buffer_reset(&body);
    }
    buffer_clear(&envelope);
    buffer_clear(&body);
}

/** Sealed bodies of all lengths: nine sizes travel, and no other. */
static void only_nine_sizes_travel(void **state) {
    (void)state;
    static uint8_t bytes[BODY_MAX_BYTES];
    static bool seen[PADDED_MAX_BYTES / PADDED_MIN_BYTES + 1];
    size_t classes = 0;
    struct buffer envelope;
    buffer_init(&envelope, ENVELOPE_MAX_BYTES);
    for (size_t size = 1; size <= BODY_MAX_BYTES; size += size < 4200 ? 1 : 67) {
        seal_body(bytes_make(bytes, size), &envelope);
        size_t padded = envelope.size - COMPACT_HEADER_BYTES - CBC_IV_BYTES - TAG_BYTES;
        assert_int_equal(padded % PADDED_MIN_BYTES, 0);
        assert_in_range(padded, PADDED_MIN_BYTES, PADDED_MAX_BYTES);
        classes += !seen[padded / PADDED_MIN_BYTES];
        seen[padded / PADDED_MIN_BYTES] = true;
        buffer_reset(&envelope);
    }
    assert_int_equal(classes, 9);
    buffer_clear(&envelope);
}

static void every_size_has_the_smallest_class_that_holds_it(void **state) {
    (void)state;
    for (size_t size = 0; size <= BODY_MAX_BYTES; size++) {
        size_t padded = message_padded_size(size);
        assert_true(4 + size <= padded - 1);
        assert_true(padded == PADDED_MIN_BYTES || 4 + size > padded / 2 - 1);
    }
}

static void the_same_key_is_not_the_same_message_elsewhere(void **state) {
    (void)state;
    uint8_t other_th[HASH_BYTES] = {8};
    struct secret_32 other_key = KEY;
    struct buffer envelope;
    struct buffer body;
    struct message message;
    buffer_init(&envelope, ENVELOPE_MAX_BYTES);
    buffer_init(&body, BODY_MAX_BYTES);
    seal_body(bytes_of_string("bound"), &envelope);
    assert_int_equal(message_parse(buffer_view(&envelope), &message), OK);
    other_key.bytes[0] ^= 1;
    assert_int_equal(message_open(&KEY, other_th, SESSION_INITIATOR, &message, &body),
                     ERR_SIGNATURE);
    assert_int_equal(message_open(&KEY, TH, SESSION_RESPONDER, &message, &body), ERR_SIGNATURE);
    assert_int_equal(message_open(&other_key, TH, SESSION_INITIATOR, &message, &body),
                     ERR_SIGNATURE);
    message.n++;
    assert_int_equal(message_open(&KEY, TH, SESSION_INITIATOR, &message, &body), ERR_SIGNATURE);
    assert_int_equal(body.size, 0);
    buffer_clear(&envelope);
    buffer_clear(&body);
}

/** A tag that is right does not make a filler right. */
static void filler_that_no_honest_sender_makes_is_refused(void **state) {
    (void)state;
    uint8_t inner[PADDED_MIN_BYTES - 1];
    struct buffer envelope;
    struct buffer body;
    buffer_init(&envelope, ENVELOPE_MAX_BYTES);
    buffer_init(&body, BODY_MAX_BYTES);
    static const struct {
        uint32_t size;
        size_t filled; /**< where a byte is not zero, or 0 */
        size_t cut;    /**< bytes of the inner text that are missing: longer PKCS#7 padding */
        enum error expected;
    } ROWS_OF_INNER[] = {
        {251, 0, 0, OK},
        {252, 0, 0, ERR_MALFORMED},
        {UINT32_MAX, 0, 0, ERR_MALFORMED},
        {UINT32_MAX - 3, 0, 0, ERR_MALFORMED},
        {10, 254, 0, ERR_MALFORMED},
        {10, 14, 0, ERR_MALFORMED},
        {10, 13, 0, OK},
        {10, 0, 1, ERR_MALFORMED},
        {10, 0, 15, ERR_MALFORMED},
    };
    for (size_t i = 0; i < ROWS(ROWS_OF_INNER); i++) {
        memset(inner, 0, sizeof(inner));
        put_u32(inner, ROWS_OF_INNER[i].size);
        if (ROWS_OF_INNER[i].filled != 0) {
            inner[ROWS_OF_INNER[i].filled] = 1;
        }
        seal_inner(bytes_make(inner, sizeof(inner) - ROWS_OF_INNER[i].cut), &envelope);
        assert_int_equal(open(&envelope, &body), ROWS_OF_INNER[i].expected);
        assert_int_equal(body.size, ROWS_OF_INNER[i].expected == OK ? ROWS_OF_INNER[i].size : 0);
        buffer_reset(&envelope);
        buffer_reset(&body);
    }
    buffer_clear(&envelope);
    buffer_clear(&body);
}

static void a_ciphertext_of_no_class_is_not_looked_at(void **state) {
    (void)state;
    static const size_t LENGTHS[] = {0, 16, 128, 240, 255, 257, 272, 384, 65520, 65552, 131072};
    static uint8_t bytes[COMPACT_HEADER_BYTES + CBC_IV_BYTES + 131072 + TAG_BYTES];
    struct message message;
    bytes[0] = SUITE;
    bytes[1] = ENVELOPE_COMPACT;
    size_t around = COMPACT_HEADER_BYTES + CBC_IV_BYTES + TAG_BYTES;
    for (size_t i = 0; i < ROWS(LENGTHS); i++) {
        assert_int_equal(message_parse(bytes_make(bytes, around + LENGTHS[i]), &message),
                         ERR_MALFORMED);
    }
    for (size_t size = 256; size <= 65536; size *= 2) {
        assert_int_equal(message_parse(bytes_make(bytes, around + size), &message), OK);
    }
}

/** 1.7 and the design's figures: the tag is whole and its key is of its own. */
static void the_tag_has_32_bytes_and_a_key_of_its_own(void **state) {
    (void)state;
    struct message_keys five;
    struct message_keys six;
    assert_int_equal(TAG_BYTES, 32);
    assert_int_equal(message_keys_derive(&KEY, 5, &five), OK);
    assert_int_equal(message_keys_derive(&KEY, 6, &six), OK);
    assert_memory_not_equal(&five.encrypt, &five.authenticate, 32);
    assert_memory_not_equal(&five.encrypt, &six.encrypt, 32);
    assert_memory_not_equal(&five.authenticate, &six.authenticate, 32);
}

static void an_envelope_is_told_by_its_first_bytes_and_length(void **state) {
    struct world *world = *state;
    struct buffer envelope;
    enum envelope_type type;
    uint8_t sid[SESSION_ID_BYTES];
    buffer_init(&envelope, ENVELOPE_MAX_BYTES);
    assert_int_equal(world_confirm(state), 0);
    static const enum envelope_type TYPES[] = {ENVELOPE_FULL, ENVELOPE_FULL, ENVELOPE_COMPACT};
    for (size_t i = 0; i < ROWS(TYPES); i++) {
        buffer_reset(&envelope);
        seal(world, &world->a_session, &world->a, "x", &envelope);
        assert_int_equal(envelope_inspect(buffer_view(&envelope), &type, sid), OK);
        assert_int_equal(type, TYPES[i]);
        assert_memory_equal(sid, world->a_session.sid, SESSION_ID_BYTES);
        for (size_t size = 0; size < envelope.size; size++) {
            assert_int_equal(envelope_inspect(bytes_make(envelope.data, size), &type, sid),
                             ERR_MALFORMED);
        }
        for (unsigned kind = 0; kind < 256; kind++) {
            envelope.data[1] = (uint8_t)kind;
            enum error error = envelope_inspect(buffer_view(&envelope), &type, sid);
            assert_int_equal(error, kind == (unsigned)TYPES[i] ? OK : ERR_MALFORMED);
        }
        envelope.data[1] = (uint8_t)TYPES[i];
        envelope.data[0] = 2;
        assert_int_equal(envelope_inspect(buffer_view(&envelope), &type, sid), ERR_MALFORMED);
    }
    buffer_clear(&envelope);
    world_end(state);
}

/** The largest thing that is ever sent: an INITIAL with the longest body. */
static void the_largest_envelope_has_76252_bytes(void **state) {
    struct world *world = *state;
    static uint8_t text[BODY_MAX_BYTES + 1];
    struct session session;
    struct buffer envelope;
    uint8_t chain_id[CHAIN_ID_BYTES];
    uint32_t n = 0;
    buffer_init(&envelope, ENVELOPE_MAX_BYTES);
    begin(world, &world->a, &world->b, true, &session);
    assert_int_equal(session_seal(&session, &world->a.own, &world->entropy, NOW_MS, bytes_of(text),
                                  &envelope, chain_id, &n),
                     ERR_LIMIT);
    assert_int_equal(session_seal(&session, &world->a.own, &world->entropy, NOW_MS,
                                  bytes_make(text, BODY_MAX_BYTES), &envelope, chain_id, &n),
                     OK);
    assert_int_equal(envelope.size, ENVELOPE_MAX_BYTES);
    session_clear(&session);
    buffer_clear(&envelope);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_body_shows_one_of_nine_sizes),
        cmocka_unit_test(only_nine_sizes_travel),
        cmocka_unit_test(every_size_has_the_smallest_class_that_holds_it),
        cmocka_unit_test(the_same_key_is_not_the_same_message_elsewhere),
        cmocka_unit_test(filler_that_no_honest_sender_makes_is_refused),
        cmocka_unit_test(a_ciphertext_of_no_class_is_not_looked_at),
        cmocka_unit_test(the_tag_has_32_bytes_and_a_key_of_its_own),
        cmocka_unit_test(an_envelope_is_told_by_its_first_bytes_and_length),
        cmocka_unit_test(the_largest_envelope_has_76252_bytes),
    };
    return cmocka_run_group_tests(tests, world_make, world_free);
}
