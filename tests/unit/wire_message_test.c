/* SPDX-License-Identifier: ISC */
/* Every message: what is written is read, and nothing that differs from it in length, count or
 * form is. */
#include "wire_samples.h"

#include <stdlib.h>
#include <string.h>

/* --- helpers --- */

static struct buffer frame_of(const struct sample *sample) {
    struct buffer out;
    buffer_init(&out, OUT_MAX_BYTES);
    assert_int_equal(sample->write(&out), OK);
    return out;
}

/* What reading exactly these bytes gives: in memory of their size, where a byte further is somebody
 * else's. */
static enum error read_exact(const struct sample *sample, struct bytes body) {
    struct buffer out;
    uint8_t *exact = malloc(body.size == 0 ? 1 : body.size);
    assert_non_null(exact);
    if (body.size > 0) {
        memcpy(exact, body.data, body.size);
    }
    buffer_init(&out, OUT_MAX_BYTES);
    enum error error = sample->again(bytes_make(exact, body.size), &out);
    buffer_clear(&out);
    free(exact);
    return error;
}

static const struct sample *sample_named(const char *name) {
    for (size_t i = 0; i < ROWS(SAMPLES); i++) {
        if (strcmp(SAMPLES[i].name, name) == 0) {
            return &SAMPLES[i];
        }
    }
    fail_msg("no sample %s", name);
    return NULL;
}

/* Reading the sample's body with the bytes at `at` replaced. */
static enum error read_changed(const char *name, size_t at, const void *bytes, size_t size) {
    const struct sample *sample = sample_named(name);
    struct buffer frame = frame_of(sample);
    assert_true(FRAME_HEADER_BYTES + at + size <= frame.size);
    memcpy(frame.data + FRAME_HEADER_BYTES + at, bytes, size);
    enum error error = read_exact(
        sample, bytes_make(frame.data + FRAME_HEADER_BYTES, frame.size - FRAME_HEADER_BYTES));
    buffer_clear(&frame);
    return error;
}

#define CHANGED(name, at, literal) read_changed(name, at, literal, sizeof(literal) - 1)

static void assert_body(const char *name, const char *body, size_t size) {
    struct buffer frame = frame_of(sample_named(name));
    assert_true(frame.size >= FRAME_HEADER_BYTES + size);
    assert_memory_equal(frame.data + FRAME_HEADER_BYTES, body, size);
    buffer_clear(&frame);
}

static void assert_tail(const char *name, const char *tail, size_t size) {
    struct buffer frame = frame_of(sample_named(name));
    assert_true(frame.size >= FRAME_HEADER_BYTES + size);
    assert_memory_equal(frame.data + frame.size - size, tail, size);
    buffer_clear(&frame);
}

#define ASSERT_TAIL(name, literal) assert_tail(name, literal, sizeof(literal) - 1)
#define ASSERT_BODY(name, literal) assert_body(name, literal, sizeof(literal) - 1)

/* --- every message --- */

static void reads_back_what_was_written(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS(SAMPLES); i++) {
        const struct sample *sample = &SAMPLES[i];
        struct buffer frame = frame_of(sample);
        struct buffer again;
        struct wire_frame cut;
        size_t used = 0;
        assert_int_equal(wire_frame_cut(buffer_view(&frame), FRAME_MAX_BYTES, &cut, &used), OK);
        assert_int_equal(used, frame.size);
        assert_int_equal(cut.type, sample->type);
        assert_int_equal(cut.body.size, sample->body_bytes);
        buffer_init(&again, OUT_MAX_BYTES);
        assert_int_equal(sample->again(cut.body, &again), OK);
        assert_true(bytes_equal(buffer_view(&frame), buffer_view(&again)));
        buffer_clear(&again);
        buffer_clear(&frame);
    }
}

/* A bundle without its one-time prekey is a bundle: the one length at which a shorter body is
 * another message. */
static bool is_other_message(const struct sample *sample, size_t size) {
    return strcmp(sample->name, "bundle, one-time") == 0 && size == 8253;
}

static void refuses_every_truncation(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS(SAMPLES); i++) {
        const struct sample *sample = &SAMPLES[i];
        struct buffer frame = frame_of(sample);
        for (size_t size = 0; size < sample->body_bytes; size++) {
            struct bytes body = bytes_make(frame.data + FRAME_HEADER_BYTES, size);
            struct buffer out;
            buffer_init(&out, OUT_MAX_BYTES);
            enum error expected = is_other_message(sample, size) ? OK : ERR_MALFORMED;
            assert_int_equal(sample->again(body, &out), expected);
            buffer_clear(&out);
            /* Copies of all of them would take long and show no more. */
            if (size < 200 || sample->body_bytes - size < 40 || size % 1021 == 0) {
                assert_int_equal(read_exact(sample, body), expected);
            }
        }
        buffer_clear(&frame);
    }
}

static void refuses_one_byte_more(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS(SAMPLES); i++) {
        struct buffer frame = frame_of(&SAMPLES[i]);
        assert_int_equal(buffer_append(&frame, zero_bytes(1)), OK);
        struct bytes body =
            bytes_make(frame.data + FRAME_HEADER_BYTES, frame.size - FRAME_HEADER_BYTES);
        assert_int_equal(read_exact(&SAMPLES[i], body), ERR_MALFORMED);
        buffer_clear(&frame);
    }
}

/* A frame that does not fit leaves what stands before it as it was. */
static void writes_whole_frames_or_nothing(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS(SAMPLES); i++) {
        struct buffer out;
        buffer_init(&out, SAMPLES[i].body_bytes + FRAME_HEADER_BYTES + 2);
        assert_int_equal(buffer_append(&out, zero_bytes(3)), OK);
        assert_int_equal(SAMPLES[i].write(&out), ERR_LIMIT);
        assert_int_equal(out.size, 3);
        buffer_clear(&out);
    }
}

/* --- the bytes of docs/PROTOCOL.md --- */

static void writes_the_documented_bytes(void **state) {
    (void)state;
    ASSERT_BODY("login", "\x01\x20\xc1\xc1");
    ASSERT_BODY("welcome", "\x01\x02\x03\x04\x05\x06\x07\x08"
                           "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10"
                           "\x03"
                           "ana\x01\x0a\x0b\x0c\x0d\x01\x02\x03\x04\x05\x06\x01\x00\x00\x00"
                           "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
                           "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
                           "\0\0\0\0\0\0\0\0");
    ASSERT_TAIL("welcome, next key", "\x01\x00\x01\x01NNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNN"
                                     "\x11\x12\x13\x14\x15\x16\x17\x18");
    ASSERT_BODY("publish, nothing", "\x01\x00\x00");
    ASSERT_BODY("publish, set", "\x01\x01");
    ASSERT_BODY("list users", "\x02.a\x03"
                              "bob");
    ASSERT_BODY("users", "\x00\x03\x04u000\x00\x00\x00\x00\x00\x00\x00\x00\x00"
                         "\x04u001\x00\x00\x00\x00\x00\x00\x00\x01\x01"
                         "\x04u002\x00\x00\x00\x00\x00\x00\x00\x02\x00\x01");
    ASSERT_BODY("send", "\x03"
                        "bob\x1d\x1d\x1d\x1d\x1d\x1d\x1d\x1d\x1d\x1d\x1d\x1d\x1d\x1d\x1d\x1d"
                        "\x00\x00\x01\x56\x00");
    ASSERT_BODY("fetch", "\x01\x00");
    ASSERT_BODY("deliver", "\x11\x22\x33\x44\x55\x66\x77\x88\x03"
                           "ana\x1d\x1d\x1d\x1d\x1d\x1d\x1d\x1d\x1d\x1d\x1d\x1d\x1d\x1d\x1d\x1d"
                           "\x00\x00\x00\x00\x00\x00\x00\x09\x00\x00\x01\x56\x00");
    ASSERT_BODY("ack", "\x00\x01\xff\xff\xff\xff\xff\xff\xff\xff");
    ASSERT_BODY("error", "\x00\x09\x00\x00\x00\x1e\x05"
                         "caf\xc3\xa9");
}

static void numbers_the_request_in_the_header(void **state) {
    (void)state;
    struct buffer frame = frame_of(sample_named("error"));
    assert_memory_equal(frame.data, "\0\0\0\x11\xff\0\0\0\x04", FRAME_HEADER_BYTES);
    buffer_clear(&frame);
    frame = frame_of(sample_named("deliver"));
    assert_memory_equal(frame.data + 4, "\x95\0\0\0\0", 5);
    buffer_clear(&frame);
}

/* --- values that may not stand there --- */

static void refuses_other_suites_and_types(void **state) {
    (void)state;
    assert_int_equal(CHANGED("login", 0, "\x02"), ERR_MALFORMED);
    assert_int_equal(CHANGED("login", 1, "\x21"), ERR_MALFORMED);
    assert_int_equal(CHANGED("register", 0, "\x00"), ERR_MALFORMED);
    assert_int_equal(CHANGED("register", 98, "\x02"), ERR_MALFORMED);
    assert_int_equal(CHANGED("register", 98, "\x00"),
                     ERR_MALFORMED); /* the token is then left over */
    assert_int_equal(CHANGED("welcome", 28, "\x03"), ERR_MALFORMED);
    assert_int_equal(CHANGED("welcome", 28, "\x02"), OK);
}

/* Without a change of the server's key its fields have one encoding. */
static void takes_no_next_key_without_its_flag(void **state) {
    (void)state;
    enum { RENEWAL = 41, HAS_NEXT = 42, NEXT = 43, NEXT_MS = 75 };
    assert_int_equal(CHANGED("welcome", RENEWAL, "\x01"), OK);
    assert_int_equal(CHANGED("welcome", RENEWAL, "\x02"), ERR_MALFORMED);
    assert_int_equal(CHANGED("welcome", HAS_NEXT, "\x02"), ERR_MALFORMED);
    assert_int_equal(CHANGED("welcome", NEXT, "\x01"), ERR_MALFORMED);
    assert_int_equal(CHANGED("welcome", NEXT + 31, "\x01"), ERR_MALFORMED);
    assert_int_equal(CHANGED("welcome", NEXT_MS + 7, "\x01"), ERR_MALFORMED);
    assert_int_equal(CHANGED("welcome, next key", HAS_NEXT, "\x00"), ERR_MALFORMED);
    struct buffer out;
    buffer_init(&out, OUT_MAX_BYTES);
    struct wire_welcome message = WELCOME;
    message.next_key_ms = 1;
    assert_int_equal(wire_write_welcome(&out, 1, &message), ERR_LIMIT);
    message.next_key_ms = 0;
    message.next_key[31] = 1;
    assert_int_equal(wire_write_welcome(&out, 1, &message), ERR_LIMIT);
    assert_int_equal(out.size, 0);
    buffer_clear(&out);
}

static void refuses_names_that_are_not_canonical(void **state) {
    (void)state;
    assert_int_equal(CHANGED("welcome", 25, "A"), ERR_MALFORMED);
    assert_int_equal(CHANGED("get certificate", 1, "-"), ERR_MALFORMED);
    assert_int_equal(CHANGED("get bundle", 3, "/"), ERR_MALFORMED);
    assert_int_equal(CHANGED("send", 1, "B"), ERR_MALFORMED);
    assert_int_equal(CHANGED("deliver", 9, "_"), ERR_MALFORMED);
    assert_int_equal(CHANGED("list users", 1, "A"), ERR_MALFORMED);
    assert_int_equal(CHANGED("list users", 1, "*"), ERR_MALFORMED);
    assert_int_equal(CHANGED("list users", 4, "."), ERR_MALFORMED);
    assert_int_equal(CHANGED("users", 3, "U"), ERR_MALFORMED);
}

static void keeps_counts_within_bounds(void **state) {
    (void)state;
    assert_int_equal(CHANGED("publish, nothing", 2, "\x01"), ERR_MALFORMED);
    assert_int_equal(CHANGED("publish, full", 2 + 1334, "\x21"), ERR_MALFORMED);
    assert_int_equal(CHANGED("renew", 6919 + 1334, "\x00"), ERR_MALFORMED);
    assert_int_equal(CHANGED("renew", 6919 + 1334, "\x02"), ERR_MALFORMED);
    assert_int_equal(CHANGED("renew, full", 6919 + 1334, "\x21"), ERR_MALFORMED);
    assert_int_equal(CHANGED("fetch", 0, "\x00\x00"), ERR_MALFORMED);
    assert_int_equal(CHANGED("fetch", 0, "\x00\x01"), OK);
    assert_int_equal(CHANGED("fetch", 0, "\x01\x01"), ERR_MALFORMED);
    assert_int_equal(CHANGED("welcome", 39, "\x00\x00"), ERR_MALFORMED);
    assert_int_equal(CHANGED("ack", 0, "\x00\x00"), ERR_MALFORMED);
    assert_int_equal(CHANGED("ack", 0, "\x00\x02"), ERR_MALFORMED);
    assert_int_equal(CHANGED("users", 0, "\x00\x00"), ERR_MALFORMED);
    struct buffer out;
    buffer_init(&out, OUT_MAX_BYTES);
    assert_int_equal(write_ack_of(&out, 0), ERR_LIMIT);
    assert_int_equal(write_ack_of(&out, ACKS_PER_FRAME_MAX + 1), ERR_LIMIT);
    assert_int_equal(write_publish_with(&out, false, ONE_TIME_PREKEYS_FULL + 1), ERR_LIMIT);
    assert_int_equal(write_renew_with(&out, 0), ERR_LIMIT);
    assert_int_equal(write_renew_with(&out, ONE_TIME_PREKEYS_FULL + 1), ERR_LIMIT);
    assert_int_equal(wire_write_fetch(&out, 1, 0), ERR_LIMIT);
    assert_int_equal(wire_write_fetch(&out, 1, DELIVERY_WINDOW_MAX + 1), ERR_LIMIT);
    fill_page(USERS_PAGE_MAX + 1, false);
    assert_int_equal(wire_write_users(&out, 1, &page), ERR_LIMIT);
    assert_int_equal(out.size, 0);
    buffer_clear(&out);
}

/* Lists whose stated count is one past the bound, with as many entries as stated. */
static void refuses_lists_that_are_too_long(void **state) {
    (void)state;
    struct buffer acks = frame_of(sample_named("ack, full"));
    assert_int_equal(buffer_append(&acks, zero_bytes(8)), OK);
    put_u16(acks.data + FRAME_HEADER_BYTES, ACKS_PER_FRAME_MAX + 1);
    assert_int_equal(read_exact(sample_named("ack"), bytes_make(acks.data + FRAME_HEADER_BYTES,
                                                                acks.size - FRAME_HEADER_BYTES)),
                     ERR_MALFORMED);
    buffer_clear(&acks);
    struct buffer users = frame_of(sample_named("users, full"));
    users.size--; /* the flag goes behind the user that is too much */
    static const char USER[] = "\004u999\0\0\0\0\0\0\0\0\0\0";
    assert_int_equal(buffer_append(&users, bytes_make(USER, sizeof(USER) - 1)), OK);
    put_u16(users.data + FRAME_HEADER_BYTES, USERS_PAGE_MAX + 1);
    assert_int_equal(read_exact(sample_named("users"), bytes_make(users.data + FRAME_HEADER_BYTES,
                                                                  users.size - FRAME_HEADER_BYTES)),
                     ERR_MALFORMED);
    buffer_clear(&users);
}

static void takes_users_in_strictly_ascending_order(void **state) {
    (void)state;
    enum { SECOND_NAME = 2 + 14 + 1 };
    assert_int_equal(CHANGED("users", SECOND_NAME, "u000"), ERR_MALFORMED);
    assert_int_equal(CHANGED("users", SECOND_NAME, "t999"), ERR_MALFORMED);
    assert_int_equal(CHANGED("users", SECOND_NAME, "u0-1"), ERR_MALFORMED);
    assert_int_equal(CHANGED("users", SECOND_NAME, "u00_"), ERR_MALFORMED);
    assert_int_equal(CHANGED("users", 2 + 13, "\x02"), ERR_MALFORMED); /* flag admin */
    assert_int_equal(CHANGED("users", 2 + 42, "\x02"), ERR_MALFORMED); /* flag more */
    assert_int_equal(CHANGED("users, none", 2, "\x01"), ERR_MALFORMED);
    struct buffer out;
    buffer_init(&out, OUT_MAX_BYTES);
    fill_page(2, false);
    page.users[1].name = page.users[0].name;
    assert_int_equal(wire_write_users(&out, 1, &page), ERR_LIMIT);
    fill_page(0, true);
    assert_int_equal(wire_write_users(&out, 1, &page), ERR_LIMIT);
    buffer_clear(&out);
}

static void keeps_envelopes_within_bounds(void **state) {
    (void)state;
    struct buffer out;
    buffer_init(&out, OUT_MAX_BYTES);
    assert_int_equal(write_send_of(&out, ENVELOPE_MIN_BYTES - 1), ERR_LIMIT);
    assert_int_equal(write_send_of(&out, ENVELOPE_MAX_BYTES + 1), ERR_LIMIT);
    assert_int_equal(write_deliver_of(&out, 0), ERR_LIMIT);
    assert_int_equal(write_deliver_of(&out, ENVELOPE_MAX_BYTES + 1), ERR_LIMIT);
    assert_int_equal(out.size, 0);
    /* A body as long as its stated length, which is one past the bound. */
    struct buffer frame = frame_of(sample_named("send, largest"));
    assert_int_equal(buffer_append(&frame, zero_bytes(1)), OK);
    put_u32(frame.data + FRAME_HEADER_BYTES + 20, ENVELOPE_MAX_BYTES + 1);
    struct bytes body =
        bytes_make(frame.data + FRAME_HEADER_BYTES, frame.size - FRAME_HEADER_BYTES);
    assert_int_equal(read_exact(sample_named("send"), body), ERR_MALFORMED);
    buffer_clear(&frame);
    frame = frame_of(sample_named("send"));
    put_u32(frame.data + FRAME_HEADER_BYTES + 20, ENVELOPE_MIN_BYTES - 1);
    body = bytes_make(frame.data + FRAME_HEADER_BYTES, frame.size - FRAME_HEADER_BYTES - 1);
    assert_int_equal(read_exact(sample_named("send"), body), ERR_MALFORMED);
    assert_int_equal(CHANGED("send", 20, "\xff\xff\xff\xff"), ERR_MALFORMED);
    buffer_clear(&frame);
    buffer_clear(&out);
}

static void takes_details_of_utf8_up_to_the_bound(void **state) {
    (void)state;
    static char detail[ERROR_DETAIL_MAX_BYTES + 1];
    memset(detail, 'd', sizeof(detail));
    struct buffer out;
    buffer_init(&out, OUT_MAX_BYTES);
    assert_int_equal(
        write_error_of(&out, ERR_SERVER_FULL, bytes_make(detail, ERROR_DETAIL_MAX_BYTES)), OK);
    struct bytes body = bytes_make(out.data + FRAME_HEADER_BYTES, out.size - FRAME_HEADER_BYTES);
    assert_int_equal(read_exact(sample_named("error"), body), OK);
    /* The same with one character more, in the length too. */
    out.data[FRAME_HEADER_BYTES + 6]++;
    assert_int_equal(buffer_append(&out, bytes_of_string("d")), OK);
    body = bytes_make(out.data + FRAME_HEADER_BYTES, out.size - FRAME_HEADER_BYTES);
    assert_int_equal(read_exact(sample_named("error"), body), ERR_MALFORMED);
    size_t size = out.size;
    assert_int_equal(write_error_of(&out, ERR_SERVER_FULL, bytes_make(detail, sizeof(detail))),
                     ERR_LIMIT);
    assert_int_equal(write_error_of(&out, ERR_SERVER_FULL, bytes_of_string("\xff")), ERR_LIMIT);
    assert_int_equal(out.size, size);
    assert_int_equal(CHANGED("error", 10, "\xc3\x28"), ERR_MALFORMED);
    assert_int_equal(CHANGED("error", 7, "\x00"), ERR_MALFORMED);
    buffer_clear(&out);
}

static void takes_unknown_errors_for_protocol_errors(void **state) {
    (void)state;
    static const uint8_t unknown[] = {0xff, 0xfe, 0, 0, 0, 0, 0};
    static const uint8_t none[] = {0, 0, 0, 0, 0, 0, 0};
    struct wire_error message;
    assert_int_equal(wire_read_error(bytes_of(unknown), &message), OK);
    assert_int_equal(message.error, ERR_PROTOCOL_ERROR);
    assert_int_equal(wire_read_error(bytes_of(none), &message), OK);
    assert_int_equal(message.error, ERR_PROTOCOL_ERROR);
    /* And what never travels leaves as one. */
    struct buffer out;
    buffer_init(&out, 100);
    assert_int_equal(write_error_of(&out, ERR_STORE_BROKEN, bytes_make(NULL, 0)), OK);
    assert_int_equal(get_u16(out.data + FRAME_HEADER_BYTES), error_number(ERR_PROTOCOL_ERROR));
    buffer_clear(&out);
}

static void writes_no_object_of_another_size(void **state) {
    (void)state;
    struct buffer out;
    buffer_init(&out, OUT_MAX_BYTES);
    const struct wire_register message = {.certificate = zero_bytes(CERTIFICATE_BYTES - 1)};
    assert_int_equal(wire_write_register(&out, 1, &message), ERR_LIMIT);
    assert_int_equal(wire_write_certificate(&out, 1, zero_bytes(CERTIFICATE_BYTES + 1)), ERR_LIMIT);
    assert_int_equal(wire_write_bundle(&out, 1, zero_bytes(CERTIFICATE_BYTES),
                                       zero_bytes(PREKEY_SET_BYTES),
                                       zero_bytes(ONE_TIME_PREKEY_BYTES - 1)),
                     ERR_LIMIT);
    struct wire_publish publish = {.one_time_count = 1, .one_time = zero_bytes(1325)};
    assert_int_equal(wire_write_publish(&out, 1, &publish), ERR_LIMIT);
    struct wire_renew renew = {.certificate = zero_bytes(CERTIFICATE_BYTES),
                               .set = zero_bytes(PREKEY_SET_BYTES - 1),
                               .one_time_count = 1,
                               .one_time = zero_bytes(ONE_TIME_PREKEY_BYTES)};
    assert_int_equal(wire_write_renew(&out, 1, &renew), ERR_LIMIT);
    renew.set = zero_bytes(PREKEY_SET_BYTES);
    renew.certificate = zero_bytes(CERTIFICATE_BYTES - 1);
    assert_int_equal(wire_write_renew(&out, 1, &renew), ERR_LIMIT);
    renew.certificate = zero_bytes(CERTIFICATE_BYTES);
    renew.one_time_count = 2;
    assert_int_equal(wire_write_renew(&out, 1, &renew), ERR_LIMIT);
    struct wire_list_users list = {bytes_of_string("A"), bytes_make(NULL, 0)};
    assert_int_equal(wire_write_list_users(&out, 1, &list), ERR_LIMIT);
    list = (struct wire_list_users){bytes_make(NULL, 0), bytes_of_string(".a")};
    assert_int_equal(wire_write_list_users(&out, 1, &list), ERR_LIMIT);
    struct wire_welcome welcome = WELCOME;
    welcome.registration = 3;
    assert_int_equal(wire_write_welcome(&out, 1, &welcome), ERR_LIMIT);
    assert_int_equal(out.size, 0);
    buffer_clear(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_back_what_was_written),
        cmocka_unit_test(refuses_every_truncation),
        cmocka_unit_test(refuses_one_byte_more),
        cmocka_unit_test(writes_whole_frames_or_nothing),
        cmocka_unit_test(writes_the_documented_bytes),
        cmocka_unit_test(numbers_the_request_in_the_header),
        cmocka_unit_test(refuses_other_suites_and_types),
        cmocka_unit_test(takes_no_next_key_without_its_flag),
        cmocka_unit_test(refuses_names_that_are_not_canonical),
        cmocka_unit_test(keeps_counts_within_bounds),
        cmocka_unit_test(refuses_lists_that_are_too_long),
        cmocka_unit_test(takes_users_in_strictly_ascending_order),
        cmocka_unit_test(keeps_envelopes_within_bounds),
        cmocka_unit_test(takes_details_of_utf8_up_to_the_bound),
        cmocka_unit_test(takes_unknown_errors_for_protocol_errors),
        cmocka_unit_test(writes_no_object_of_another_size),
    };
    return cmocka_run_group_tests_name("wire messages", tests, NULL, NULL);
}
