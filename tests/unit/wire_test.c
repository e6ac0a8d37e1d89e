/* SPDX-License-Identifier: ISC */
/* The reader, the writer, frames, and the table of what may come when. */
#include "testing.h"

#include "base/limits.h"
#include "wire/codec.h"
#include "wire/frame.h"

#include <stdlib.h>
#include <string.h>

/* --- reader --- */

static const uint8_t NUMBERS[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

static void reads_big_endian_integers(void **state) {
    (void)state;
    struct reader reader;
    reader_init(&reader, bytes_of(NUMBERS));
    assert_int_equal(reader_u8(&reader), 1);
    assert_int_equal(reader_u16(&reader), 0x0203);
    assert_int_equal(reader_u32(&reader), 0x04050607);
    assert_true(reader_u64(&reader) == UINT64_C(0x08090a0b0c0d0e0f));
    assert_int_equal(reader_finish(&reader), OK);
}

static void refuses_what_is_left_over(void **state) {
    (void)state;
    struct reader reader;
    reader_init(&reader, bytes_of(NUMBERS));
    (void)reader_bytes(&reader, sizeof(NUMBERS) - 1);
    assert_int_equal(reader_finish(&reader), ERR_MALFORMED);
}

/* Reads of every kind behind a failure: under the address sanitizer a byte past the end would end
 * the test. */
static void reads_nothing_past_the_end(void **state) {
    (void)state;
    for (size_t size = 0; size < 8; size++) {
        uint8_t *exact = malloc(size == 0 ? 1 : size);
        assert_non_null(exact);
        memset(exact, 0xee, size);
        struct reader reader;
        reader_init(&reader, bytes_make(exact, size));
        assert_int_equal(reader_u64(&reader), 0);
        assert_true(reader.failed);
        uint8_t copy[4] = {9, 9, 9, 9};
        struct user_name name;
        reader_copy(&reader, copy, sizeof(copy));
        reader_name(&reader, &name);
        assert_memory_equal(copy, "\0\0\0\0", 4);
        assert_string_equal(name.text, "");
        assert_int_equal(reader_u8(&reader), 0);
        assert_int_equal(reader_u16(&reader), 0);
        assert_int_equal(reader_u32(&reader), 0);
        assert_false(reader_flag(&reader));
        assert_int_equal(reader_bytes(&reader, 1).size, 0);
        assert_int_equal(reader_bytes(&reader, SIZE_MAX).size, 0);
        assert_int_equal(reader_text(&reader, 255).size, 0);
        assert_true(reader.at <= size);
        assert_int_equal(reader_finish(&reader), ERR_MALFORMED);
        free(exact);
    }
}

static void keeps_a_failure_that_was_latched_by_hand(void **state) {
    (void)state;
    struct reader reader;
    reader_init(&reader, bytes_of(NUMBERS));
    reader_fail(&reader);
    assert_int_equal(reader_bytes(&reader, sizeof(NUMBERS)).size, 0);
    assert_int_equal(reader_finish(&reader), ERR_MALFORMED);
}

static enum error read_flag(uint8_t value) {
    struct reader reader;
    reader_init(&reader, bytes_make(&value, 1));
    bool flag = reader_flag(&reader);
    assert_int_equal(flag, value == 1);
    return reader_finish(&reader);
}

static void takes_two_bytes_for_flags(void **state) {
    (void)state;
    for (unsigned value = 0; value < 256; value++) {
        assert_int_equal(read_flag((uint8_t)value), value < 2 ? OK : ERR_MALFORMED);
    }
}

static enum error read_name(const char *encoded, size_t size) {
    struct reader reader;
    struct user_name name;
    reader_init(&reader, bytes_make(encoded, size));
    reader_name(&reader, &name);
    enum error error = reader_finish(&reader);
    if (error == OK) {
        assert_int_equal(strlen(name.text), size - 1);
    }
    return error;
}

static void takes_canonical_names_alone(void **state) {
    (void)state;
    assert_int_equal(read_name("\003ana", 4), OK);
    assert_int_equal(read_name("\0010", 2), OK);
    assert_int_equal(read_name("\x20"
                               "abcdefghijklmnopqrstuvwxyz012345",
                               33),
                     OK);
    assert_int_equal(read_name("\x21"
                               "abcdefghijklmnopqrstuvwxyz0123456",
                               34),
                     ERR_MALFORMED);
    assert_int_equal(read_name("\000", 1), ERR_MALFORMED);
    assert_int_equal(read_name("\003Ana", 4), ERR_MALFORMED);
    assert_int_equal(read_name("\003.na", 4), ERR_MALFORMED);
    assert_int_equal(read_name("\003a\0a", 4), ERR_MALFORMED);
    assert_int_equal(read_name("\003a\xc3\xa4", 4), ERR_MALFORMED);
    assert_int_equal(read_name("\004ana", 4), ERR_MALFORMED);
    assert_int_equal(read_name("\002ana", 4), ERR_MALFORMED);
}

static enum error read_text(const char *encoded, size_t size, size_t max) {
    struct reader reader;
    reader_init(&reader, bytes_make(encoded, size));
    (void)reader_text(&reader, max);
    return reader_finish(&reader);
}

static void takes_utf8_alone(void **state) {
    (void)state;
    assert_int_equal(read_text("\000", 1, 10), OK);
    assert_int_equal(read_text("\003a\xc3\xa4", 4, 3), OK);
    assert_int_equal(read_text("\003a\xc3\xa4", 4, 2), ERR_MALFORMED);
    assert_int_equal(read_text("\002a\xc3", 3, 10), ERR_MALFORMED);
    assert_int_equal(read_text("\002\xc0\x80", 3, 10), ERR_MALFORMED);
    assert_int_equal(read_text("\003\xed\xa0\x80", 4, 10), ERR_MALFORMED);
    assert_int_equal(read_text("\001\000", 2, 10), ERR_MALFORMED);
}

/* --- writer --- */

static void writes_what_the_reader_reads(void **state) {
    (void)state;
    struct buffer out;
    struct writer writer;
    struct user_name name = {"ana"};
    buffer_init(&out, 100);
    writer_init(&writer, &out);
    writer_u8(&writer, 1);
    writer_u16(&writer, 0x0203);
    writer_u32(&writer, 0x04050607);
    writer_u64(&writer, UINT64_C(0x08090a0b0c0d0e0f));
    writer_flag(&writer, true);
    writer_flag(&writer, false);
    writer_name(&writer, &name);
    writer_text(&writer, bytes_of_string("hi"));
    writer_bytes(&writer, bytes_of_string("end"));
    assert_int_equal(writer_finish(&writer), OK);
    assert_int_equal(out.size, 15 + 2 + 4 + 3 + 3);
    assert_memory_equal(out.data, NUMBERS, 15);
    assert_memory_equal(out.data + 15, "\001\000\003ana\002hiend", 12);
    buffer_clear(&out);
}

static void cuts_a_failed_frame_off_again(void **state) {
    (void)state;
    struct buffer out;
    struct writer writer;
    buffer_init(&out, 10);
    assert_int_equal(buffer_append(&out, bytes_of_string("before")), OK);
    writer_init(&writer, &out);
    writer_u32(&writer, 1);
    writer_u8(&writer, 1); /* over the cap */
    writer_u8(&writer, 1);
    assert_int_equal(writer_finish(&writer), ERR_LIMIT);
    assert_int_equal(out.size, 6);
    assert_memory_equal(out.data, "before", 6);
    buffer_clear(&out);
}

static void writes_no_text_over_255_bytes(void **state) {
    (void)state;
    static const uint8_t text[256] = {0};
    struct buffer out;
    struct writer writer;
    buffer_init(&out, 1000);
    writer_init(&writer, &out);
    writer_text(&writer, bytes_make(text, 255));
    assert_int_equal(writer_finish(&writer), OK);
    writer_init(&writer, &out);
    writer_text(&writer, bytes_make(text, 256));
    assert_int_equal(writer_finish(&writer), ERR_LIMIT);
    assert_int_equal(out.size, 256);
    buffer_clear(&out);
}

/* --- frames --- */

static enum error cut(const uint8_t *stream, size_t size, size_t max) {
    struct wire_frame frame;
    size_t used = 99;
    /* Exactly as long as it is said to be, for the address sanitizer. */
    uint8_t *exact = malloc(size == 0 ? 1 : size);
    assert_non_null(exact);
    memcpy(exact, stream, size);
    enum error error = wire_frame_cut(bytes_make(exact, size), max, &frame, &used);
    assert_true(error == OK || used == 0);
    free(exact);
    return error;
}

static void cuts_frames_off_a_stream(void **state) {
    (void)state;
    static const uint8_t stream[] = {0,   0, 0, 7, 0x15, 1,    2, 3, 4, 'a',
                                     'b', 0, 0, 0, 5,    0x10, 0, 0, 0, 9};
    struct wire_frame frame;
    size_t used = 0;
    assert_int_equal(wire_frame_cut(bytes_of(stream), FRAME_MAX_BYTES, &frame, &used), OK);
    assert_int_equal(used, 11);
    assert_int_equal(frame.type, WIRE_SEND);
    assert_int_equal(frame.request, 0x01020304);
    assert_int_equal(frame.body.size, 2);
    assert_memory_equal(frame.body.data, "ab", 2);
    assert_int_equal(wire_frame_cut(bytes_make(stream + 11, 9), FRAME_MAX_BYTES, &frame, &used),
                     OK);
    assert_int_equal(used, 9);
    assert_int_equal(frame.type, WIRE_PING);
    assert_int_equal(frame.body.size, 0);
}

static void waits_for_every_missing_byte(void **state) {
    (void)state;
    static const uint8_t stream[] = {0, 0, 0, 7, 0x15, 1, 2, 3, 4, 'a', 'b'};
    for (size_t size = 0; size < sizeof(stream); size++) {
        assert_int_equal(cut(stream, size, FRAME_MAX_BYTES), ERR_WAIT);
    }
    assert_int_equal(cut(stream, sizeof(stream), FRAME_MAX_BYTES), OK);
}

static void judges_a_length_by_its_first_four_bytes(void **state) {
    (void)state;
    uint8_t head[4];
    for (uint32_t length = 0; length < 5; length++) {
        put_u32(head, length);
        assert_int_equal(cut(head, 4, FRAME_MAX_BYTES), ERR_MALFORMED);
    }
    put_u32(head, FRAME_LOGIN_MAX_BYTES - 4);
    assert_int_equal(cut(head, 4, FRAME_LOGIN_MAX_BYTES), ERR_WAIT);
    put_u32(head, FRAME_LOGIN_MAX_BYTES - 3);
    assert_int_equal(cut(head, 4, FRAME_LOGIN_MAX_BYTES), ERR_LIMIT);
    put_u32(head, UINT32_MAX);
    assert_int_equal(cut(head, 4, FRAME_MAX_BYTES), ERR_LIMIT);
    assert_int_equal(cut(head, 3, FRAME_MAX_BYTES), ERR_WAIT);
}

static void bounds_frames_before_login_more_tightly(void **state) {
    (void)state;
    assert_int_equal(wire_frame_max(WIRE_STATE_LOGIN, WIRE_TO_SERVER), FRAME_LOGIN_MAX_BYTES);
    assert_int_equal(wire_frame_max(WIRE_STATE_LOGIN, WIRE_TO_CLIENT), FRAME_MAX_BYTES);
    assert_int_equal(wire_frame_max(WIRE_STATE_OPEN, WIRE_TO_SERVER), FRAME_MAX_BYTES);
    assert_int_equal(wire_frame_max(WIRE_STATE_OPEN, WIRE_TO_CLIENT), FRAME_MAX_BYTES);
}

/* --- what may come when --- */

/* The table of docs/PROTOCOL.md 4.2, written down a second time: by type, and in which of the four
 * cases. */
static bool documented(enum wire_state state, enum wire_direction direction, unsigned type) {
    bool is_open = state == WIRE_STATE_OPEN;
    if (direction == WIRE_TO_SERVER) {
        return is_open ? type >= 0x10 && type <= 0x19 : type == 0x01 || type == 0x02;
    }
    return type == 0xff || (is_open ? type >= 0x90 && type <= 0x96 : type == 0x81 || type == 0x91);
}

static void allows_what_is_documented_and_nothing_else(void **state) {
    (void)state;
    unsigned count = 0;
    for (int s = 0; s < WIRE_STATE_COUNT; s++) {
        for (int d = 0; d < WIRE_DIRECTION_COUNT; d++) {
            for (unsigned type = 0; type < 256; type++) {
                bool allowed =
                    wire_allowed((enum wire_state)s, (enum wire_direction)d, (uint8_t)type);
                assert_int_equal(allowed,
                                 documented((enum wire_state)s, (enum wire_direction)d, type));
                count += allowed ? 1 : 0;
            }
        }
    }
    assert_int_equal(count, 2 + 3 + 10 + 8);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_big_endian_integers),
        cmocka_unit_test(refuses_what_is_left_over),
        cmocka_unit_test(reads_nothing_past_the_end),
        cmocka_unit_test(keeps_a_failure_that_was_latched_by_hand),
        cmocka_unit_test(takes_two_bytes_for_flags),
        cmocka_unit_test(takes_canonical_names_alone),
        cmocka_unit_test(takes_utf8_alone),
        cmocka_unit_test(writes_what_the_reader_reads),
        cmocka_unit_test(cuts_a_failed_frame_off_again),
        cmocka_unit_test(writes_no_text_over_255_bytes),
        cmocka_unit_test(cuts_frames_off_a_stream),
        cmocka_unit_test(waits_for_every_missing_byte),
        cmocka_unit_test(judges_a_length_by_its_first_four_bytes),
        cmocka_unit_test(bounds_frames_before_login_more_tightly),
        cmocka_unit_test(allows_what_is_documented_and_nothing_else),
    };
    return cmocka_run_group_tests_name("wire", tests, NULL, NULL);
}
