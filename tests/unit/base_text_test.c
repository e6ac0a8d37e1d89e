/* SPDX-License-Identifier: ISC */
#include "testing.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

static bool utf8(const char *text) {
    return text_is_utf8(bytes_of_string(text));
}

static void utf8_takes_the_ends_of_every_range(void **state) {
    static const char *const good[] = {
        "",
        "plain",
        "\x01\x7f",
        "\xc2\x80",
        "\xdf\xbf",
        "\xe0\xa0\x80",
        "\xec\xbf\xbf",
        "\xed\x80\x80",
        "\xed\x9f\xbf",
        "\xee\x80\x80",
        "\xef\xbf\xbf",
        "\xf0\x90\x80\x80",
        "\xf3\xbf\xbf\xbf",
        "\xf4\x8f\xbf\xbf",
        "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80",
    };
    (void)state;
    for (size_t i = 0; i < ROWS(good); i++) {
        assert_true(utf8(good[i]));
    }
}

static void utf8_refuses_what_rfc_3629_refuses(void **state) {
    static const char *const bad[] = {
        "\x80", /* a continuation alone */
        "\xbf",
        "a\xbf",
        "\xc0\x80", /* overlong NUL */
        "\xc1\xbf", /* overlong U+007F */
        "\xe0\x80\x80",
        "\xe0\x9f\xbf",     /* overlong U+07FF */
        "\xf0\x8f\xbf\xbf", /* overlong U+FFFF */
        "\xed\xa0\x80",     /* the first surrogate */
        "\xed\xbf\xbf",     /* the last surrogate */
        "\xf4\x90\x80\x80", /* U+110000 */
        "\xf5\x80\x80\x80",
        "\xfe",
        "\xff",
        "\xc2", /* cut off */
        "\xe2\x82",
        "\xf0\x9f\x98",
        "\xc2z",
        "\xe2\x82z",
        "\xe2z\x82",
        "\xf0\x9f\x98z",
        "\xf8\x88\x80\x80\x80", /* five bytes */
    };
    (void)state;
    for (size_t i = 0; i < ROWS(bad); i++) {
        assert_false(utf8(bad[i]));
    }
    assert_false(text_is_utf8(bytes_make("a\0b", 3)));
    assert_true(text_is_utf8(bytes_make(NULL, 0)));
}

static void a_cut_sequence_is_not_read_past_its_end(void **state) {
    const char euro[] = "\xe2\x82\xac";
    (void)state;
    assert_false(text_is_utf8(bytes_make(euro, 1)));
    assert_false(text_is_utf8(bytes_make(euro, 2)));
    assert_true(text_is_utf8(bytes_make(euro, 3)));
}

static void names_are_folded_and_zero_filled(void **state) {
    struct user_name name;
    struct user_name other;
    const char zero[sizeof(name.text) - 5] = {0};
    (void)state;
    memset(&name, 'x', sizeof(name));
    assert_int_equal(user_name_parse(bytes_of_string("Al.B-"), &name), OK);
    assert_string_equal(name.text, "al.b-");
    assert_memory_equal(name.text + 5, zero, sizeof(zero));
    assert_int_equal(user_name_parse(bytes_of_string("al.b-"), &other), OK);
    assert_true(user_name_equal(&name, &other));
    assert_int_equal(user_name_parse(bytes_of_string("al.b"), &other), OK);
    assert_false(user_name_equal(&name, &other));
}

static void names_outside_the_alphabet_are_refused(void **state) {
    static const char *const good[] = {"a", "0", "z9._-", "0123456789abcdef0123456789abcdef"};
    static const char *const bad[] = {"",
                                      "-a",
                                      ".a",
                                      "_a",
                                      "a b",
                                      "a@b",
                                      "a/b",
                                      "a\n",
                                      "\xc3",
                                      "a:b",
                                      "0123456789abcdef0123456789abcdef0"};
    struct user_name name;
    (void)state;
    for (size_t i = 0; i < ROWS(good); i++) {
        assert_int_equal(user_name_parse(bytes_of_string(good[i]), &name), OK);
        assert_true(user_name_is_canonical(bytes_of_string(good[i])));
    }
    for (size_t i = 0; i < ROWS(bad); i++) {
        assert_int_equal(user_name_parse(bytes_of_string(bad[i]), &name), ERR_NAME_INVALID);
        assert_false(user_name_is_canonical(bytes_of_string(bad[i])));
    }
    assert_false(user_name_is_canonical(bytes_of_string("Ab")));
    assert_int_equal(user_name_parse(bytes_make("a\0b", 3), &name), ERR_NAME_INVALID);
}

static void base32_writes_known_text(void **state) {
    const uint8_t data[] = {0xff, 0x00, 0xff, 0x00, 0xff};
    char out[9];
    (void)state;
    base32_encode(data, 40, out);
    assert_string_equal(out, "ZW0FY07Z");
    base32_encode(data, 8, out);
    assert_string_equal(out, "ZW");
    base32_encode(data, 5, out);
    assert_string_equal(out, "Z");
    base32_encode(data, 0, out);
    assert_string_equal(out, "");
}

static void base32_reads_back_every_length(void **state) {
    uint8_t data[25];
    uint8_t back[25];
    char text[41];
    (void)state;
    for (size_t i = 0; i < sizeof(data); i++) {
        data[i] = (uint8_t)(37 * i + 11);
    }
    for (size_t characters = 1; characters <= 40; characters++) {
        size_t bits = 5 * characters;
        size_t size = (bits + 7) / 8;
        base32_encode(data, bits, text);
        assert_int_equal(strlen(text), characters);
        assert_int_equal(base32_decode(bytes_of_string(text), characters, back), OK);
        assert_memory_equal(back, data, bits / 8);
        if (bits % 8 != 0) {
            uint8_t mask = (uint8_t)(0xff << (8 - bits % 8));
            assert_int_equal(back[size - 1], data[size - 1] & mask);
        }
    }
}

static void base32_forgives_how_people_type(void **state) {
    uint8_t plain[5];
    uint8_t typed[5];
    (void)state;
    assert_int_equal(base32_decode(bytes_of_string("01AB1CZ0"), 8, plain), OK);
    assert_int_equal(base32_decode(bytes_of_string("oiab-lczO"), 8, typed), OK);
    assert_memory_equal(plain, typed, sizeof(plain));
    assert_int_equal(base32_decode(bytes_of_string(" 0IAb- -LcZo "), 8, typed), OK);
    assert_memory_equal(plain, typed, sizeof(plain));
}

static void base32_refuses_the_rest(void **state) {
    static const char *const bad[] = {"",         "01AB1CZ",  "01AB1CZ01",   "01AB1CZU",
                                      "01AB1CZu", "01AB1C:0", "01AB1C0\xc3", "01AB1C\n0"};
    uint8_t out[5];
    (void)state;
    for (size_t i = 0; i < ROWS(bad); i++) {
        assert_int_equal(base32_decode(bytes_of_string(bad[i]), 8, out), ERR_MALFORMED);
    }
    assert_int_equal(base32_decode(bytes_make("01AB\0CZ0", 8), 8, out), ERR_MALFORMED);
}

static void groups_are_of_four(void **state) {
    char out[16];
    (void)state;
    base32_group("7QK4V2TM1C", out, sizeof(out));
    assert_string_equal(out, "7QK4-V2TM-1C");
    base32_group("7QK4", out, sizeof(out));
    assert_string_equal(out, "7QK4");
    base32_group("", out, sizeof(out));
    assert_string_equal(out, "");
    memset(out, 'x', sizeof(out));
    base32_group("7QK4V2TM1C", out, 6);
    assert_true(strlen(out) < 6);
    assert_int_equal(out[6], 'x');
}

static void hex_goes_both_ways(void **state) {
    const uint8_t data[] = {0x00, 0x0f, 0xf0, 0xab};
    uint8_t back[4];
    char text[9];
    (void)state;
    hex_encode(bytes_of(data), text);
    assert_string_equal(text, "000ff0ab");
    assert_int_equal(hex_decode(bytes_of_string(text), back, sizeof(back)), OK);
    assert_memory_equal(back, data, sizeof(data));
    assert_int_equal(hex_decode(bytes_of_string("000FF0AB"), back, sizeof(back)), OK);
    assert_memory_equal(back, data, sizeof(data));
    assert_int_equal(hex_decode(bytes_of_string("000ff0a"), back, sizeof(back)), ERR_MALFORMED);
    assert_int_equal(hex_decode(bytes_of_string("000ff0abc"), back, sizeof(back)), ERR_MALFORMED);
    assert_int_equal(hex_decode(bytes_of_string("000ff0ag"), back, sizeof(back)), ERR_MALFORMED);
    assert_int_equal(hex_decode(bytes_of_string("000ff0 a"), back, sizeof(back)), ERR_MALFORMED);
    assert_int_equal(hex_decode(bytes_make(NULL, 0), back, 0), OK);
}

static void lines_are_taken_off_one_by_one(void **state) {
    struct bytes rest = bytes_of_string("one\n\n two");
    static const char *const WANTED[] = {"one", "", " two"};
    struct bytes line;
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        assert_true(text_next_line(&rest, &line));
        assert_true(bytes_equal(line, bytes_of_string(WANTED[i])));
    }
    assert_false(text_next_line(&rest, &line));
    rest = bytes_make(NULL, 0);
    assert_false(text_next_line(&rest, &line));
}

static void a_comment_begins_a_line_or_follows_white_space(void **state) {
    static const struct {
        const char *line;
        const char *kept;
    } rows[] = {{"", ""},         {"# all", ""},          {"a = b # c", "a = b "},
                {"a\t#", "a\t"},  {"a = b#c", "a = b#c"}, {"x##y #z # w", "x##y "},
                {"  # all", "  "}};
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_true(bytes_equal(text_without_comment(bytes_of_string(rows[i].line)),
                                bytes_of_string(rows[i].kept)));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(utf8_takes_the_ends_of_every_range),
        cmocka_unit_test(utf8_refuses_what_rfc_3629_refuses),
        cmocka_unit_test(a_cut_sequence_is_not_read_past_its_end),
        cmocka_unit_test(names_are_folded_and_zero_filled),
        cmocka_unit_test(names_outside_the_alphabet_are_refused),
        cmocka_unit_test(base32_writes_known_text),
        cmocka_unit_test(base32_reads_back_every_length),
        cmocka_unit_test(base32_forgives_how_people_type),
        cmocka_unit_test(base32_refuses_the_rest),
        cmocka_unit_test(groups_are_of_four),
        cmocka_unit_test(hex_goes_both_ways),
        cmocka_unit_test(lines_are_taken_off_one_by_one),
        cmocka_unit_test(a_comment_begins_a_line_or_follows_white_space),
    };
    return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
