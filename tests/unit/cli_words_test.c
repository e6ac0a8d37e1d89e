/* SPDX-License-Identifier: ISC */
/* Small things that people type and read: guesses, durations, sizes, times, commands within help.
 */
#include "testing.h"

#include "base/duration.h"
#include "base/suggest.h"
#include "sotto/fault.h"
#include "sotto/help.h"
#include "sotto/when.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void a_distance_counts_steps(void **state) {
    static const struct {
        const char *a, *b;
        size_t steps;
    } rows[] = {
        {"send", "send", 0},    {"sned", "send", 1},         {"sen", "send", 1},
        {"sendd", "send", 1},   {"sand", "send", 1},         {"recv", "send", 3},
        {"", "send", 4},        {"status", "sattus", 1},     {"", "", 0},
        {"verfy", "verify", 1}, {"regsiter", "register", 1},
    };
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        assert_int_equal(word_distance(rows[i].a, rows[i].b), rows[i].steps);
        assert_int_equal(word_distance(rows[i].b, rows[i].a), rows[i].steps);
    }
}

static void a_guess_is_near_or_none(void **state) {
    static const char *const words[] = {"join", NULL, "send", "recv", "status"};
    char huge[1000];
    (void)state;
    assert_string_equal(word_suggest("sned", words, ROWS(words)), "send");
    assert_string_equal(word_suggest("statsu", words, ROWS(words)), "status");
    assert_null(word_suggest("chat", words, ROWS(words)));
    assert_null(word_suggest("", words, ROWS(words)));
    memset(huge, 's', sizeof(huge) - 1);
    huge[sizeof(huge) - 1] = '\0';
    assert_null(word_suggest(huge, words, ROWS(words)));
}

static void durations_have_one_number_and_one_unit(void **state) {
    static const struct {
        const char *text;
        uint64_t ms; /* 0: refused */
    } rows[] = {
        {"15s", 15000},  {"5m", 300000},
        {"2h", 7200000}, {"7d", 604800000},
        {"1s", 1000},    {"3650d", DURATION_MAX_MS},
        {"015s", 15000}, {"", 0},
        {"s", 0},        {"15", 0},
        {"0s", 0},       {"15 s", 0},
        {"-1s", 0},      {"+1s", 0},
        {"1.5h", 0},     {"1h30m", 0},
        {"15S", 0},      {"15ms", 0},
        {"3651d", 0},    {"99999999999999999999s", 0},
        {"1w", 0},       {"999999999999999999d", 0},
        {" 1s", 0},      {"1s ", 0},
    };
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        uint64_t ms = 0;
        assert_int_equal(duration_parse(rows[i].text, &ms), rows[i].ms != 0);
        if (rows[i].ms != 0) {
            assert_int_equal(ms, rows[i].ms);
        }
    }
}

static void numbers_keep_their_range(void **state) {
    uint64_t number = 0;
    (void)state;
    assert_true(number_parse("1", 1, 10, &number));
    assert_true(number_parse("10", 1, 10, &number));
    assert_int_equal(number, 10);
    assert_false(number_parse("0", 1, 10, &number));
    assert_false(number_parse("11", 1, 10, &number));
    assert_false(number_parse("", 1, 10, &number));
    assert_false(number_parse("1x", 1, 10, &number));
    assert_false(number_parse("0x1", 1, 10, &number));
}

static void sizes_read_as_words(void **state) {
    static const struct {
        uint64_t bytes;
        const char *text;
    } rows[] = {
        {0, "0 bytes"},
        {1, "1 byte"},
        {713, "713 bytes"},
        {65001, "65,001 bytes"},
        {999999, "999,999 bytes"},
        {3250586, "3.1 MiB"},
        {UINT64_C(2576980378), "2.4 GiB"},
    };
    char text[32];
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        size_print(rows[i].bytes, text, sizeof(text));
        assert_string_equal(text, rows[i].text);
    }
    size_print(UINT64_MAX, text, sizeof(text));
    assert_non_null(strstr(text, "TiB"));
}

static void times_are_rfc_3339_or_nothing(void **state) {
    char text[WHEN_BYTES];
    (void)state;
    setenv("TZ", "UTC", 1);
    tzset();
    when_utc(UINT64_C(1763889247512), text);
    assert_string_equal(text, "2025-11-23T09:14:07.512Z");
    when_utc(0, text);
    assert_string_equal(text, "");
    when_utc(UINT64_MAX, text);
    assert_string_equal(text, "");
    when_local(UINT64_C(1763889247512), UINT64_C(1763889999999), text);
    assert_string_equal(text, "09:14");
    when_local(UINT64_C(1763889247512), UINT64_C(1763989999999), text);
    assert_string_equal(text, "2025-11-23 09:14");
    when_local(UINT64_MAX, UINT64_C(1763989999999), text);
    assert_string_equal(text, "");
    when_day(UINT64_C(1763889247512), text);
    assert_string_equal(text, "2025-11-23");
}

static void commands_are_found_in_help(void **state) {
    char commands[FAULT_TRY_MAX][FAULT_TRY_BYTES];
    (void)state;
    assert_int_equal(fault_commands("Nothing was sent. See all:  sotto users", commands), 1);
    assert_string_equal(commands[0], "sotto users");
    assert_int_equal(fault_commands("Ask bob, then:\n  sotto verify bob --card -", commands), 1);
    assert_string_equal(commands[0], "sotto verify bob --card -");
    assert_int_equal(
        fault_commands("Safely:   sotto send --id 1 bob \"...\"      (once at most)", commands), 1);
    assert_string_equal(commands[0], "sotto send --id 1 bob \"...\"");
    assert_int_equal(
        fault_commands("With a link:   sotto join LINK\nElse:     sotto register N", commands), 2);
    assert_string_equal(commands[1], "sotto register N");
    assert_int_equal(fault_commands("Update sotto, or ask.", commands), 0);
    assert_int_equal(fault_commands("", commands), 0);
}

static void an_empty_value_leaves_no_space(void **state) {
    struct sotto_error error;
    const struct error_value values[] = {{"cause", "the name"}, {"detail", "--name NAME"}};
    (void)state;
    assert_int_equal(fault_set(&error, ERR_INPUT_REQUIRED, values, 2), 2);
    assert_string_equal(error.code, "input_required");
    assert_string_equal(error.message, "the name is needed and nobody can be asked");
    assert_string_equal(error.help, "Give it with --name NAME.");
}

static void every_command_explains_itself(void **state) {
    (void)state;
    for (int i = 0; i < COMMANDS; i++) {
        const struct command_row *row = command_row((enum command_id)i);
        struct buffer page;
        if (row->is_reserved) {
            continue;
        }
        buffer_init(&page, HELP_MAX_BYTES);
        assert_int_equal(help_command((enum command_id)i, &page), OK);
        assert_int_equal(buffer_append(&page, bytes_make("", 1)), OK);
        const char *text = (const char *)page.data;
        assert_non_null(strstr(text, row->purpose));
        assert_non_null(row->examples[0].line);
        for (int k = 0; k < OPTIONS; k++) {
            const char *name = option_row((enum option_id)k)->name;
            char form[40];
            snprintf(form, sizeof(form), "--%s", name == NULL ? "" : name);
            bool is_listed = name == NULL || strstr(text, form) != NULL;
            assert_true(is_listed || !command_takes((enum command_id)i, (enum option_id)k));
        }
        for (const char *line = text; *line != '\0';) {
            size_t size = strcspn(line, "\n");
            assert_in_range(size, 0, 100);
            line += size + 1;
        }
        buffer_clear(&page);
    }
}

static void the_overview_names_every_command(void **state) {
    struct buffer page;
    (void)state;
    buffer_init(&page, HELP_MAX_BYTES);
    assert_int_equal(help_overview(&page), OK);
    assert_int_equal(buffer_append(&page, bytes_make("", 1)), OK);
    for (int i = 0; i < COMMANDS; i++) {
        const struct command_row *row = command_row((enum command_id)i);
        bool is_there = row->brief != NULL && strstr((const char *)page.data, row->brief) != NULL;
        assert_int_equal(is_there, !row->is_reserved);
    }
    buffer_clear(&page);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_distance_counts_steps),
        cmocka_unit_test(a_guess_is_near_or_none),
        cmocka_unit_test(durations_have_one_number_and_one_unit),
        cmocka_unit_test(numbers_keep_their_range),
        cmocka_unit_test(sizes_read_as_words),
        cmocka_unit_test(times_are_rfc_3339_or_nothing),
        cmocka_unit_test(commands_are_found_in_help),
        cmocka_unit_test(an_empty_value_leaves_no_space),
        cmocka_unit_test(every_command_explains_itself),
        cmocka_unit_test(the_overview_names_every_command),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
