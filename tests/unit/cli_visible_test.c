/* SPDX-License-Identifier: ISC */
#include "testing.h"

#include "sotto/visible.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

static const struct visible_layout LINES = {.column = 11};
static const struct visible_layout ONE_LINE = {.one_line = true};

/* The text as it is shown, to be freed. */
static char *shown(struct bytes text, const struct visible_layout *layout) {
    struct buffer out;
    buffer_init(&out, VISIBLE_MAX_BYTES);
    assert_int_equal(visible_text(text, layout, &out), OK);
    char *copy = calloc(1, out.size + 1);
    assert_non_null(copy);
    if (out.size > 0) {
        memcpy(copy, out.data, out.size);
    }
    buffer_clear(&out);
    return copy;
}

static void expect(struct bytes text, const struct visible_layout *layout, const char *wanted) {
    char *got = shown(text, layout);
    assert_string_equal(got, wanted);
    free(got);
}

static void expect_point(utf8proc_int32_t point, const char *wanted) {
    uint8_t text[4];
    utf8proc_ssize_t size = utf8proc_encode_char(point, text);
    assert_true(size > 0);
    expect(bytes_make(text, (size_t)size), &ONE_LINE, wanted);
}

static void ordinary_text_stays_as_it_is(void **state) {
    static const char *const texts[] = {
        "deploy finished",
        "gr\xc3\xbc\xc3\x9f Gott \xe2\x82\xac 5",
        "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e",
        "\xf0\x9f\x98\x80",
        "\xe2\x9d\xa4\xef\xb8\x8f", /* a heart in emoji style */
        "e\xcc\x81",
        "\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d",
        "C:\\path\\x1b",
        "",
    };
    (void)state;
    for (size_t i = 0; i < ROWS(texts); i++) {
        expect(bytes_of_string(texts[i]), &LINES, texts[i]);
        expect(bytes_of_string(texts[i]), &ONE_LINE, texts[i]);
    }
}

static void every_control_character_is_shown(void **state) {
    (void)state;
    for (utf8proc_int32_t point = 0; point < 0xa0; point++) {
        char wanted[8];
        if ((point >= 0x20 && point < 0x7f) || point == '\t') {
            continue;
        }
        snprintf(wanted, sizeof(wanted), "\\x%02x", (unsigned)point);
        expect_point(point, wanted);
    }
    expect(bytes_of_string("a\tb"), &LINES, "a    b");
}

static void every_bidi_and_zero_width_character_is_shown(void **state) {
    static const utf8proc_int32_t ranges[][2] = {
        {0x00ad, 0x00ad},                                           /* soft hyphen */
        {0x034f, 0x034f},                                           /* combining grapheme joiner */
        {0x061c, 0x061c},                                           /* Arabic letter mark */
        {0x115f, 0x1160},                                           /* Hangul fillers */
        {0x17b4, 0x17b5},   {0x180b, 0x180e},     {0x200b, 0x200f}, /* zero width, LRM, RLM */
        {0x2028, 0x202e},                     /* separators, embeddings, overrides */
        {0x2060, 0x2064},   {0x2066, 0x206f}, /* isolates */
        {0x3164, 0x3164},   {0xfe00, 0xfe0d},     {0xfeff, 0xfeff},   {0xffa0, 0xffa0},
        {0xfff9, 0xfffb},   {0x1d173, 0x1d17a},   {0xe0001, 0xe0001}, {0xe0020, 0xe007f}, /* tags */
        {0xe0100, 0xe01ef}, {0xe000, 0xe0ff},     {0xf8ff, 0xf8ff}, /* private use */
        {0xf0000, 0xf0010}, {0x10fffd, 0x10fffd},
    };
    (void)state;
    for (size_t i = 0; i < ROWS(ranges); i++) {
        for (utf8proc_int32_t point = ranges[i][0]; point <= ranges[i][1]; point++) {
            char wanted[16];
            snprintf(wanted, sizeof(wanted),
                     point < 0x100     ? "\\x%02x"
                     : point < 0x10000 ? "\\u%04x"
                                       : "\\U%08x",
                     (unsigned)point);
            expect_point(point, wanted);
        }
    }
}

static void bytes_that_are_not_utf8_are_shown(void **state) {
    static const struct {
        const char *text;
        const char *wanted;
    } rows[] = {
        {"a\xff", "a\\xff"},
        {"\xc3(", "\\xc3("},
        {"\xe2\x82", "\\xe2\\x82"},
        {"\xed\xa0\x80", "\\xed\\xa0\\x80"}, /* a surrogate */
        {"\xc0\x80", "\\xc0\\x80"},          /* NUL in two bytes */
        {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},
        {"\x9b"
         "31m",
         "\\x9b31m"}, /* C1 as a bare byte */
    };
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        expect(bytes_of_string(rows[i].text), &LINES, rows[i].wanted);
    }
}

static void no_line_of_a_text_begins_at_the_left(void **state) {
    (void)state;
    expect(bytes_of_string("one\n09:15 ana: forged"), &LINES, "one\n  09:15 ana: forged");
    expect(bytes_of_string("one\r\ntwo"), &LINES, "one\n  two");
    expect(bytes_of_string("one\rtwo"), &LINES, "one\\x0dtwo");
    expect(bytes_of_string("\n\n"), &LINES, "\n  \n  ");
    expect(bytes_of_string("one\xe2\x80\xa8two\xc2\x85three\x0b"
                           "four\x0c"
                           "five"),
           &LINES, "one\\u2028two\\x85three\\x0bfour\\x0cfive");
    expect(bytes_of_string("one\ntwo"), &ONE_LINE, "one\\x0atwo");
}

/* Columns of the longest row, where the first begins at `column`. */
static size_t widest(const char *text, size_t column) {
    size_t most = 0;
    const uint8_t *p = (const uint8_t *)text;
    while (*p != '\0') {
        utf8proc_int32_t point = 0;
        utf8proc_ssize_t size = utf8proc_iterate(p, -1, &point);
        assert_true(size > 0);
        column = point == '\n' ? 0 : column + (size_t)utf8proc_charwidth(point);
        most = column > most ? column : most;
        p += size;
    }
    return most;
}

static void rows_are_broken_before_the_terminal_does_it(void **state) {
    const struct visible_layout narrow = {.column = 11, .columns = 20};
    (void)state;
    expect(bytes_of_string("one two three four five"), &narrow, "one two\n  three four five");
    expect(bytes_of_string("abcdefghijklmnopqrstuvwxyz"), &narrow,
           "abcdefgh\n  ijklmnopqrstuvwxy\n  z");
    /* Blanks up to the edge, then what looks like a line of its own. */
    expect(bytes_of_string("                    09:15 ana: x"), &narrow,
           "        \n             09:15\n  ana: x");
    expect(
        bytes_of_string("\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e"),
        &narrow, "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\xe6\x97\xa5\n  \xe6\x9c\xac\xe8\xaa\x9e");
}

static void any_text_stays_within_any_terminal(void **state) {
    static const char *const parts[] = {"word ",
                                        "x",
                                        " ",
                                        "\n",
                                        "\x1b[31m",
                                        "\xe6\x97\xa5",
                                        "\t",
                                        "\xe2\x80\xae\xe2\x80\xac",
                                        "looooooooong",
                                        "\xff",
                                        "e\xcc\x81"};
    uint32_t dice = 1;
    (void)state;
    for (size_t columns = 16; columns < 90; columns++) {
        char text[600];
        size_t size = 0;
        const struct visible_layout layout = {.column = columns / 2, .columns = columns};
        for (int i = 0; i < 40; i++) {
            dice = dice * 1664525u + 1013904223u;
            size += (size_t)snprintf(text + size, sizeof(text) - size, "%s",
                                     parts[(dice >> 16) % ROWS(parts)]);
        }
        char *got = shown(bytes_of_string(text), &layout);
        assert_true(widest(got, columns / 2) < columns);
        for (const char *line = strchr(got, '\n'); line != NULL; line = strchr(line + 1, '\n')) {
            assert_memory_equal(line + 1, "  ", 2);
        }
        free(got);
    }
}

static void the_largest_message_fits_whatever_it_is(void **state) {
    static const char *const fills[] = {
        "\x1b", "\n", "a", " ", "\xe2\x80\xae\xe2\x80\xac", "\xff", "\t", "\xf3\xa0\x80\x81"};
    enum { BYTES = 65000 };
    (void)state;
    for (size_t i = 0; i < ROWS(fills); i++) {
        const struct visible_layout narrowest = {.column = 30, .columns = 1};
        size_t size = strlen(fills[i]);
        uint8_t *text = malloc(BYTES);
        assert_non_null(text);
        for (size_t at = 0; at < BYTES; at++) {
            text[at] = (uint8_t)fills[i][at % size];
        }
        free(shown(bytes_make(text, BYTES), &narrowest));
        free(shown(bytes_make(text, BYTES), &LINES));
        free(text);
    }
}

static void a_full_buffer_is_an_error(void **state) {
    struct buffer out;
    (void)state;
    buffer_init(&out, 4);
    assert_int_equal(visible_text(bytes_of_string("12345"), &LINES, &out), ERR_LIMIT);
    buffer_clear(&out);
}

static void a_name_is_cut_between_characters(void **state) {
    char out[9];
    (void)state;
    visible_line("bob", out, sizeof(out));
    assert_string_equal(out, "bob");
    visible_line("\x1b\x1b\x1b", out, sizeof(out));
    assert_string_equal(out, "\\x1b\\x1b");
    visible_line("a\nb", out, sizeof(out));
    assert_string_equal(out, "a\\x0ab");
    visible_line("", out, sizeof(out));
    assert_string_equal(out, "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ordinary_text_stays_as_it_is),
        cmocka_unit_test(every_control_character_is_shown),
        cmocka_unit_test(every_bidi_and_zero_width_character_is_shown),
        cmocka_unit_test(bytes_that_are_not_utf8_are_shown),
        cmocka_unit_test(no_line_of_a_text_begins_at_the_left),
        cmocka_unit_test(rows_are_broken_before_the_terminal_does_it),
        cmocka_unit_test(any_text_stays_within_any_terminal),
        cmocka_unit_test(the_largest_message_fits_whatever_it_is),
        cmocka_unit_test(a_full_buffer_is_an_error),
        cmocka_unit_test(a_name_is_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
