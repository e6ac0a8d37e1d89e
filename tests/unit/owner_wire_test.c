/* SPDX-License-Identifier: ISC */
/* The frames between processes of one profile: what goes in comes out, and nothing else passes. */
#include "testing.h"

#include "libsotto/owner_wire.h"

#include <stdlib.h>
#include <string.h>

static uint8_t text[TEXT_MAX_BYTES + 1];

static struct owner_send sample_send(size_t size) {
    struct owner_send message = {.until_ms = UINT64_MAX,
                                 .timeout_ms = 15000,
                                 .to = {"bob"},
                                 .text = bytes_make(text, size),
                                 .key = "nightly \xff backup",
                                 .wait = SOTTO_WAIT_DELIVERED,
                                 .require_verified = true,
                                 .is_one_of_many = true,
                                 .life_s = 600};
    memset(text, 'x', sizeof(text));
    memset(message.msg_id, 7, sizeof(message.msg_id));
    return message;
}

static struct owner_sent sample_sent(void) {
    struct owner_sent message = {
        .sent = {.id = "AAAAAAAAAAAAAAAAAAAAAAAAAA",
                 .to = "bob",
                 .state = "accepted",
                 .time_ms = 1700000000000,
                 .trust = SOTTO_CHANGED,
                 .repeated = true},
        .error = {.code = "send_unknown",
                  .exit = 5,
                  .retry = true,
                  .retry_after_s = 30,
                  .message = "it is not known whether bob got it",
                  .help = "Repeat it:\n  sotto send --id KEY",
                  .peer = "bob",
                  .id = "BBBBBBBBBBBBBBBBBBBBBBBBBB",
                  .time_ms = 1700000000001,
                  .cause = "a path \xff that is no UTF-8"},
        .effect = SENT_EFFECT_LAST,
    };
    return message;
}

static struct bytes cut(const struct buffer *out, uint8_t type, uint32_t request) {
    struct wire_frame frame;
    size_t used = 0;
    assert_int_equal(wire_frame_cut(buffer_view(out), OWNER_FRAME_MAX_BYTES, &frame, &used), OK);
    assert_int_equal(used, out->size);
    assert_int_equal(frame.type, type);
    assert_int_equal(frame.request, request);
    return frame.body;
}

/* ---- whole */

static void carries_a_message(void **state) {
    (void)state;
    struct buffer out;
    struct owner_send got;
    const struct owner_send sent = sample_send(TEXT_MAX_BYTES);
    buffer_init(&out, OWNER_FRAME_MAX_BYTES);
    assert_int_equal(owner_write_send(&out, 9, &sent), OK);
    assert_int_equal(owner_read_send(cut(&out, OWNER_SEND, 9), &got), OK);
    assert_true(got.until_ms == sent.until_ms && got.timeout_ms == sent.timeout_ms);
    assert_memory_equal(got.msg_id, sent.msg_id, sizeof(got.msg_id));
    assert_string_equal(got.to.text, sent.to.text);
    assert_true(bytes_equal(got.text, sent.text));
    assert_string_equal(got.key, sent.key);
    assert_int_equal(got.wait, sent.wait);
    assert_true(got.require_verified && got.is_one_of_many);
    assert_int_equal(got.life_s, sent.life_s);
    buffer_clear(&out);
}

static void carries_what_became_of_it(void **state) {
    (void)state;
    struct buffer out;
    struct owner_sent got;
    struct owner_sent sent = sample_sent();
    buffer_init(&out, OWNER_FRAME_MAX_BYTES);
    assert_int_equal(owner_write_sent(&out, UINT32_MAX, &sent), OK);
    assert_int_equal(owner_read_sent(cut(&out, OWNER_SENT, UINT32_MAX), &got), OK);
    assert_string_equal(got.sent.id, sent.sent.id);
    assert_string_equal(got.sent.to, sent.sent.to);
    assert_string_equal(got.sent.state, sent.sent.state);
    assert_int_equal(got.sent.time_ms, sent.sent.time_ms);
    assert_int_equal(got.sent.trust, sent.sent.trust);
    assert_true(got.sent.repeated);
    assert_string_equal(got.error.code, sent.error.code);
    assert_int_equal(got.error.exit, sent.error.exit);
    assert_true(got.error.retry);
    assert_int_equal(got.error.retry_after_s, sent.error.retry_after_s);
    assert_string_equal(got.error.message, sent.error.message);
    assert_string_equal(got.error.help, sent.error.help);
    assert_string_equal(got.error.peer, sent.error.peer);
    assert_string_equal(got.error.id, sent.error.id);
    assert_int_equal(got.error.time_ms, sent.error.time_ms);
    assert_string_equal(got.error.cause, sent.error.cause);
    assert_int_equal(got.effect, sent.effect);
    out.data[out.size - 1] = SENT_EFFECT_LAST + 1;
    assert_int_equal(owner_read_sent(cut(&out, OWNER_SENT, UINT32_MAX), &got), ERR_MALFORMED);
    buffer_clear(&out);
}

static void carries_the_longest_of_all(void **state) {
    (void)state;
    struct buffer out;
    struct owner_sent got;
    struct owner_sent sent = sample_sent();
    memset(sent.error.message, 'm', sizeof(sent.error.message) - 1);
    memset(sent.error.help, 'h', sizeof(sent.error.help) - 1);
    memset(sent.error.cause, 'c', sizeof(sent.error.cause) - 1);
    buffer_init(&out, OWNER_FRAME_MAX_BYTES);
    assert_int_equal(owner_write_sent(&out, 1, &sent), OK);
    assert_int_equal(owner_read_sent(cut(&out, OWNER_SENT, 1), &got), OK);
    assert_string_equal(got.error.help, sent.error.help);
    buffer_clear(&out);
}

static void carries_cursors(void **state) {
    (void)state;
    struct buffer out;
    struct owner_cursor cursor = {.move = OWNER_CURSOR_LAST, .first = INT64_MAX, .second = 7};
    struct owner_cursor got;
    memset(cursor.name, 'n', CURSOR_NAME_MAX_BYTES);
    buffer_init(&out, OWNER_FRAME_MAX_BYTES);
    assert_int_equal(owner_write_cursor(&out, 4, &cursor), OK);
    assert_int_equal(owner_read_cursor(cut(&out, OWNER_CURSOR, 4), &got), OK);
    assert_int_equal(got.move, OWNER_CURSOR_LAST);
    assert_string_equal(got.name, cursor.name);
    assert_true(got.first == INT64_MAX && got.second == 7);
    for (size_t size = 0; size + FRAME_HEADER_BYTES < out.size; size++) {
        assert_int_equal(owner_read_cursor(bytes_make(out.data + FRAME_HEADER_BYTES, size), &got),
                         ERR_MALFORMED);
    }
    out.data[FRAME_HEADER_BYTES] = OWNER_CURSOR_LAST + 1;
    assert_int_equal(owner_read_cursor(cut(&out, OWNER_CURSOR, 4), &got), ERR_MALFORMED);
    buffer_reset(&out);
    cursor.first = UINT64_MAX; /* no number of the store's */
    assert_int_equal(owner_write_cursor(&out, 4, &cursor), OK);
    assert_int_equal(owner_read_cursor(cut(&out, OWNER_CURSOR, 4), &got), ERR_MALFORMED);
    buffer_reset(&out);
    cursor = (struct owner_cursor){.move = OWNER_CURSOR_PUT, .first = 1}; /* of no name */
    assert_int_equal(owner_write_cursor(&out, 4, &cursor), OK);
    assert_int_equal(owner_read_cursor(cut(&out, OWNER_CURSOR, 4), &got), ERR_MALFORMED);
    buffer_clear(&out);
}

static void carries_what_is_new_and_what_was_written(void **state) {
    (void)state;
    struct buffer out;
    const struct owner_news news = {.place = INT64_MAX, .is_caught_up = true};
    const struct owner_moved moved = {.is_full = true, .place = 12};
    struct owner_news now;
    struct owner_moved done;
    buffer_init(&out, OWNER_FRAME_MAX_BYTES);
    assert_int_equal(owner_write_news(&out, OWNER_WATCH, 5, &news), OK);
    assert_int_equal(owner_read_news(cut(&out, OWNER_WATCH, 5), &now), OK);
    assert_true(now.place == INT64_MAX && now.is_caught_up);
    assert_int_equal(owner_read_news(buffer_view(&out), &now), ERR_MALFORMED); /* too long */
    buffer_reset(&out);
    assert_int_equal(owner_write_moved(&out, 6, &moved), OK);
    assert_int_equal(owner_read_moved(cut(&out, OWNER_MOVED, 6), &done), OK);
    assert_true(done.place == 12 && done.is_full);
    assert_int_equal(owner_read_moved(bytes_make("\2........", 9), &done), ERR_MALFORMED);
    buffer_clear(&out);
}

static void says_hello_to_any_version(void **state) {
    (void)state;
    static const uint8_t EXACT[] = {0, 0,   0,   12,  OWNER_HELLO, 0,   0, 0,
                                    0, 's', 'o', 't', 't',         'o', 1, 2};
    struct buffer out;
    uint16_t version = 0;
    buffer_init(&out, OWNER_FRAME_MAX_BYTES);
    assert_int_equal(owner_write_hello(&out, 0x0102), OK);
    assert_true(bytes_equal(buffer_view(&out), bytes_of(EXACT))); /* for ever */
    assert_int_equal(owner_read_hello(cut(&out, OWNER_HELLO, 0), &version), OK);
    assert_int_equal(version, 0x0102);
    out.data[FRAME_HEADER_BYTES] = 'S';
    assert_int_equal(owner_read_hello(cut(&out, OWNER_HELLO, 0), &version), ERR_MALFORMED);
    buffer_reset(&out);
    assert_int_equal(owner_write_empty(&out, OWNER_LEND, 3), OK);
    assert_int_equal(owner_read_empty(cut(&out, OWNER_LEND, 3)), OK);
    assert_int_equal(owner_read_empty(bytes_make("x", 1)), ERR_MALFORMED);
    buffer_clear(&out);
}

/* ---- broken */

/* Every prefix is refused, and so is a byte too many. The copies end where the memory ends, so that
 * a sanitizer sees what is read behind them. */
static void refuses_every_other_length(void **state) {
    (void)state;
    struct buffer out;
    struct owner_send message = sample_send(20);
    struct owner_sent answer = sample_sent();
    struct owner_send got;
    struct owner_sent told;
    buffer_init(&out, OWNER_FRAME_MAX_BYTES);
    assert_int_equal(owner_write_send(&out, 1, &message), OK);
    size_t send_size = out.size - FRAME_HEADER_BYTES;
    assert_int_equal(owner_write_sent(&out, 1, &answer), OK);
    size_t all = out.size;
    size_t sent_size = all - send_size - (size_t)2 * FRAME_HEADER_BYTES;
    const uint8_t *first = out.data + FRAME_HEADER_BYTES;
    const uint8_t *second = out.data + all - sent_size;
    for (size_t size = 0; size <= sent_size || size <= send_size; size++) {
        uint8_t *room = malloc(size + 1);
        assert_non_null(room);
        uint8_t *part = room + 1; /* its end is that of the memory */
        if (size <= sent_size) {
            memcpy(part, second, size);
            assert_int_equal(owner_read_sent(bytes_make(part, size), &told),
                             size == sent_size ? OK : ERR_MALFORMED);
        }
        if (size <= send_size) {
            memcpy(part, first, size);
            assert_int_equal(owner_read_send(bytes_make(part, size), &got),
                             size == send_size ? OK : ERR_MALFORMED);
        }
        if (size == send_size || size == sent_size) {
            memcpy(room, size == send_size ? first : second, size);
            room[size] = 0;
            assert_int_equal(owner_read_send(bytes_make(room, size + 1), &got), ERR_MALFORMED);
            assert_int_equal(owner_read_sent(bytes_make(room, size + 1), &told), ERR_MALFORMED);
        }
        free(room);
    }
    buffer_clear(&out);
}

/* Sets one byte of a message's body and says whether it still passes. */
static enum error read_with(size_t at, uint8_t value) {
    struct buffer out;
    struct owner_send message = sample_send(20);
    struct owner_send got;
    buffer_init(&out, OWNER_FRAME_MAX_BYTES);
    assert_int_equal(owner_write_send(&out, 1, &message), OK);
    out.data[FRAME_HEADER_BYTES + at] = value;
    enum error error = owner_read_send(cut(&out, OWNER_SEND, 1), &got);
    buffer_clear(&out);
    return error;
}

static void refuses_values_that_nobody_writes(void **state) {
    (void)state;
    const size_t name = 8 + 8 + MESSAGE_ID_BYTES;
    const size_t key = name + 1 + 3;
    const size_t wait = key + 2 + strlen("nightly . backup");
    const size_t body = wait + 3 + 4;
    assert_int_equal(read_with(wait, SOTTO_WAIT_DELIVERED), OK);
    assert_int_equal(read_with(wait, SOTTO_WAIT_DELIVERED + 1), ERR_MALFORMED);
    assert_int_equal(read_with(wait + 1, 2), ERR_MALFORMED); /* flags */
    assert_int_equal(read_with(wait + 2, 2), ERR_MALFORMED);
    assert_int_equal(read_with(name + 1, 'B'), ERR_MALFORMED); /* not canonical */
    assert_int_equal(read_with(name, 0), ERR_MALFORMED);
    assert_int_equal(read_with(key + 2, 0), ERR_MALFORMED);     /* a string ends where it says */
    assert_int_equal(read_with(key, 1), ERR_MALFORMED);         /* longer than a key */
    assert_int_equal(read_with(8, 0x80), ERR_MALFORMED);        /* no time */
    assert_int_equal(read_with(body + 3, 0), ERR_MALFORMED);    /* no text */
    assert_int_equal(read_with(body + 4, 0xff), ERR_MALFORMED); /* not UTF-8 */
    assert_int_equal(read_with(body + 4, 0), ERR_MALFORMED);
}

static void writes_nothing_that_would_be_refused(void **state) {
    (void)state;
    struct buffer out;
    struct owner_send message = sample_send(TEXT_MAX_BYTES + 1);
    struct owner_sent answer = sample_sent();
    buffer_init(&out, OWNER_FRAME_MAX_BYTES);
    assert_int_equal(owner_write_send(&out, 1, &message), ERR_LIMIT);
    message.text.size = 0;
    assert_int_equal(owner_write_send(&out, 1, &message), ERR_LIMIT);
    message = sample_send(1);
    memset(message.key, 'k', sizeof(message.key)); /* without its end */
    assert_int_equal(owner_write_send(&out, 1, &message), ERR_LIMIT);
    answer.error.exit = 256;
    assert_int_equal(owner_write_sent(&out, 1, &answer), ERR_LIMIT);
    assert_int_equal(out.size, 0);
    /* An error has a code, and success has none. */
    answer.error.exit = 0;
    struct owner_sent got;
    assert_int_equal(owner_write_sent(&out, 1, &answer), OK);
    assert_int_equal(owner_read_sent(cut(&out, OWNER_SENT, 1), &got), ERR_MALFORMED);
    buffer_clear(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(carries_a_message),
        cmocka_unit_test(carries_what_became_of_it),
        cmocka_unit_test(carries_the_longest_of_all),
        cmocka_unit_test(carries_cursors),
        cmocka_unit_test(carries_what_is_new_and_what_was_written),
        cmocka_unit_test(says_hello_to_any_version),
        cmocka_unit_test(refuses_every_other_length),
        cmocka_unit_test(refuses_values_that_nobody_writes),
        cmocka_unit_test(writes_nothing_that_would_be_refused),
    };
    return cmocka_run_group_tests_name("owner_wire", tests, NULL, NULL);
}
