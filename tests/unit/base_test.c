/* SPDX-License-Identifier: ISC */
#include "testing.h"

#include "base/bytes.h"
#include "base/env.h"
#include "base/limits.h"
#include "base/require.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void integers_are_big_endian(void **state) {
    uint8_t p[8] = {0};
    (void)state;
    put_u16(p, 0x0102);
    assert_memory_equal(p, "\x01\x02", 2);
    assert_int_equal(get_u16(p), 0x0102);
    put_u32(p, 0xfffefdfcu);
    assert_memory_equal(p, "\xff\xfe\xfd\xfc", 4);
    assert_true(get_u32(p) == 0xfffefdfcu);
    put_u64(p, UINT64_C(0x8001020304050607));
    assert_memory_equal(p, "\x80\x01\x02\x03\x04\x05\x06\x07", 8);
    assert_true(get_u64(p) == UINT64_C(0x8001020304050607));
}

static void views_compare_by_contents_and_size(void **state) {
    const uint8_t abc[] = {'a', 'b', 'c'};
    (void)state;
    assert_true(bytes_equal(bytes_of(abc), bytes_of_string("abc")));
    assert_false(bytes_equal(bytes_of(abc), bytes_of_string("abd")));
    assert_false(bytes_equal(bytes_of(abc), bytes_of_string("ab")));
    assert_true(bytes_equal(bytes_make(NULL, 0), bytes_of_string("")));
}

static void a_buffer_grows_up_to_its_cap_and_no_further(void **state) {
    struct buffer buffer;
    uint8_t *at = NULL;
    (void)state;
    buffer_init(&buffer, 1000);
    assert_null(buffer.data);
    for (size_t i = 0; i < 1000; i++) {
        uint8_t one = (uint8_t)i;
        assert_int_equal(buffer_append(&buffer, bytes_make(&one, 1)), OK);
        assert_true(buffer.size == i + 1 && buffer.size <= buffer.capacity);
        assert_true(buffer.capacity <= buffer.cap);
    }
    assert_int_equal(buffer_append(&buffer, bytes_of_string("x")), ERR_LIMIT);
    assert_int_equal(buffer_extend(&buffer, 1, &at), ERR_LIMIT);
    assert_int_equal(buffer_reserve(&buffer, SIZE_MAX), ERR_LIMIT);
    assert_int_equal(buffer.size, 1000);
    for (size_t i = 0; i < 1000; i++) {
        assert_int_equal(buffer.data[i], (uint8_t)i);
    }
    buffer_clear(&buffer);
    assert_null(buffer.data);
    assert_int_equal(buffer.cap, 1000);
    assert_int_equal(buffer_append(&buffer, bytes_of_string("again")), OK);
    buffer_clear(&buffer);
}

static void the_empty_buffer_takes_nothing(void **state) {
    struct buffer buffer;
    uint8_t *at = NULL;
    (void)state;
    buffer_init(&buffer, 0);
    assert_int_equal(buffer_append(&buffer, bytes_make(NULL, 0)), OK);
    assert_int_equal(buffer_extend(&buffer, 0, &at), OK);
    assert_int_equal(buffer_append(&buffer, bytes_of_string("x")), ERR_LIMIT);
    buffer_consume(&buffer, 0);
    buffer_reset(&buffer);
    assert_int_equal(buffer_view(&buffer).size, 0);
    buffer_clear(&buffer);
}

static void printed_text_is_whole_or_not_there(void **state) {
    struct buffer buffer;
    char word[600];
    (void)state;
    memset(word, 'w', sizeof(word));
    buffer_init(&buffer, 700);
    assert_int_equal(buffer_print(&buffer, "%s", ""), OK);
    assert_int_equal(buffer.size, 0);
    assert_int_equal(buffer_print(&buffer, "%d, %.*s\n", 7, (int)sizeof(word), word), OK);
    assert_int_equal(buffer.size, 3 + sizeof(word) + 1);
    assert_memory_equal(buffer.data, "7, ww", 5);
    assert_int_equal(buffer.data[buffer.size - 1], '\n');
    assert_int_equal(buffer_print(&buffer, "%.*s", 100, word), ERR_LIMIT);
    assert_int_equal(buffer.size, 3 + sizeof(word) + 1);
    assert_int_equal(buffer_print(&buffer, "%.*s", 95, word), OK);
    buffer_clear(&buffer);
}

static void extending_gives_zeros(void **state) {
    struct buffer buffer;
    uint8_t *at = NULL;
    const uint8_t zero[64] = {0};
    (void)state;
    buffer_init(&buffer, 256);
    assert_int_equal(buffer_append(&buffer, bytes_of_string("head")), OK);
    memset(buffer.data + buffer.size, 0xaa, buffer.capacity - buffer.size);
    assert_int_equal(buffer_extend(&buffer, sizeof(zero), &at), OK);
    assert_ptr_equal(at, buffer.data + 4);
    assert_memory_equal(at, zero, sizeof(zero));
    assert_int_equal(buffer.size, 4 + sizeof(zero));
    buffer_clear(&buffer);
}

static void consumed_and_reset_bytes_are_wiped(void **state) {
    struct buffer buffer;
    const uint8_t zero[16] = {0};
    (void)state;
    buffer_init(&buffer, 256);
    assert_int_equal(buffer_append(&buffer, bytes_of_string("0123456789abcdef")), OK);
    buffer_consume(&buffer, 10);
    assert_true(bytes_equal(buffer_view(&buffer), bytes_of_string("abcdef")));
    assert_memory_equal(buffer.data + 6, zero, 10);
    buffer_reset(&buffer);
    assert_int_equal(buffer.size, 0);
    assert_memory_equal(buffer.data, zero, 16);
    buffer_clear(&buffer);
}

static void wipe_leaves_zeros(void **state) {
    uint8_t secret[40];
    const uint8_t zero[40] = {0};
    (void)state;
    memset(secret, 0x5a, sizeof(secret));
    wipe(secret, sizeof(secret));
    assert_memory_equal(secret, zero, sizeof(secret));
    wipe(NULL, 0);
}

enum { EXIT_NO_CHILD = 99 };

/* The exit status of a child that runs `action`, or minus its signal. */
static int run_child(void (*action)(void)) {
    int status = 0;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct rlimit none = {0, 0};
        int nowhere = open("/dev/null", O_WRONLY);
        if (nowhere < 0 || setrlimit(RLIMIT_CORE, &none) != 0 || dup2(nowhere, STDERR_FILENO) < 0) {
            _exit(EXIT_NO_CHILD);
        }
        (void)signal(SIGABRT, SIG_DFL);
        action();
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static void keep_a_promise(void) {
    require(1 + 1 == 2);
}

static void break_a_promise(void) {
    require(1 + 1 == 3);
}

static void consume_too_much(void) {
    struct buffer buffer;
    buffer_init(&buffer, 16);
    buffer_consume(&buffer, 1);
}

static void a_broken_promise_aborts(void **state) {
    (void)state;
    assert_int_equal(run_child(keep_a_promise), 0);
    assert_int_equal(run_child(break_a_promise), -SIGABRT);
    assert_int_equal(run_child(consume_too_much), -SIGABRT);
}

static enum error count_up(void *context, uint8_t *out, size_t size) {
    uint8_t *next = context;
    for (size_t i = 0; i < size; i++) {
        out[i] = (*next)++;
    }
    return size == 0 ? ERR_RANDOM : OK;
}

static void randomness_comes_from_the_source_given(void **state) {
    uint8_t next = 7;
    struct random_source source = {.context = &next, .fill = count_up};
    uint8_t out[3];
    (void)state;
    assert_int_equal(random_fill(&source, out, sizeof(out)), OK);
    assert_memory_equal(out, "\x07\x08\x09", 3);
    assert_int_equal(random_fill(&source, out, 0), ERR_RANDOM);
}

static void sizes_follow_from_the_protocol(void **state) {
    (void)state;
    assert_in_range(BODY_MAX_BYTES, TEXT_MAX_BYTES + 1, PADDED_MAX_BYTES - 1);
    assert_in_range(ENVELOPE_MAX_BYTES + FRAME_HEADER_BYTES, PADDED_MAX_BYTES, FRAME_MAX_BYTES);
    assert_int_equal(CERTIFICATE_BYTES - CERTIFICATE_BODY_BYTES, 64 + 3309);
    assert_int_equal(PREKEY_SET_BYTES - PREKEY_SET_BODY_BYTES, 64);
    assert_int_equal(ONE_TIME_PREKEY_BYTES - ONE_TIME_PREKEY_BODY_BYTES, 64);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_are_big_endian),
        cmocka_unit_test(views_compare_by_contents_and_size),
        cmocka_unit_test(a_buffer_grows_up_to_its_cap_and_no_further),
        cmocka_unit_test(the_empty_buffer_takes_nothing),
        cmocka_unit_test(printed_text_is_whole_or_not_there),
        cmocka_unit_test(extending_gives_zeros),
        cmocka_unit_test(consumed_and_reset_bytes_are_wiped),
        cmocka_unit_test(wipe_leaves_zeros),
        cmocka_unit_test(a_broken_promise_aborts),
        cmocka_unit_test(randomness_comes_from_the_source_given),
        cmocka_unit_test(sizes_follow_from_the_protocol),
    };
    return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
