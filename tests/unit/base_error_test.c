/* SPDX-License-Identifier: ISC */
#include "testing.h"

#include "base/error.h"

#include <stdio.h>
#include <string.h>

enum { FIRST = ERR_LAST_STATUS + 1, TEXT_MAX_CHARACTERS = 100 };

static void every_row_says_code_text_and_help(void **state) {
    (void)state;
    for (int e = FIRST; e < ERR_COUNT; e++) {
        enum error error = (enum error)e;
        assert_true(error_is_listed(error));
        assert_true(strlen(error_code(error)) > 0);
        assert_true(strspn(error_code(error), "abcdefghijklmnopqrstuvwxyz_") ==
                    strlen(error_code(error)));
        assert_true(strlen(error_text(error)) > 0);
        assert_true(strlen(error_text(error)) <= TEXT_MAX_CHARACTERS);
        assert_null(strchr(error_text(error), '\n'));
        assert_true(strlen(error_help(error)) > 0);
    }
}

static void codes_and_numbers_are_unique(void **state) {
    (void)state;
    for (int a = FIRST; a < ERR_COUNT; a++) {
        for (int b = a + 1; b < ERR_COUNT; b++) {
            uint16_t number = error_number((enum error)a);
            assert_string_not_equal(error_code((enum error)a), error_code((enum error)b));
            assert_true(number == 0 || number != error_number((enum error)b));
        }
    }
}

static void exits_are_of_the_table(void **state) {
    static const int table[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 70, 126, 127};
    (void)state;
    for (int e = FIRST; e < ERR_COUNT; e++) {
        size_t found = 0;
        for (size_t i = 0; i < ROWS(table); i++) {
            found += table[i] == error_exit((enum error)e);
        }
        assert_int_equal(found, 1);
    }
    assert_int_equal(error_exit(OK), 0);
    assert_int_equal(error_exit(ERR_USAGE), 2);
    assert_int_equal(error_exit(ERR_PEER_KEY_CHANGED), 4);
    assert_int_equal(error_exit(ERR_SERVER_UNREACHABLE), 5);
    assert_int_equal(error_exit(ERR_SERVER_FULL), 8);
    assert_int_equal(error_exit(ERR_NO_COMMON_VERSION), 11);
    assert_int_equal(error_exit(ERR_INTERNAL), 70);
}

static void what_a_person_must_look_at_is_not_retried(void **state) {
    (void)state;
    for (int e = FIRST; e < ERR_COUNT; e++) {
        if (error_exit((enum error)e) == 4 || error_exit((enum error)e) == 2) {
            assert_false(error_retry((enum error)e));
        }
    }
    assert_true(error_retry(ERR_SERVER_FULL));
    assert_true(error_retry(ERR_CONNECTION_LOST));
}

static void codes_and_numbers_lead_back(void **state) {
    (void)state;
    for (int e = FIRST; e < ERR_COUNT; e++) {
        enum error error = (enum error)e;
        assert_int_equal(error_from_code(error_code(error)), error);
        if (error_number(error) != 0) {
            assert_int_equal(error_from_number(error_number(error)), error);
        }
    }
    assert_int_equal(error_from_code("no_such_code"), OK);
    assert_int_equal(error_from_number(0), ERR_PROTOCOL_ERROR);
    assert_int_equal(error_from_number(65535), ERR_PROTOCOL_ERROR);
}

static void statuses_are_not_shown(void **state) {
    (void)state;
    for (int e = OK; e <= ERR_LAST_STATUS; e++) {
        assert_false(error_is_listed((enum error)e));
        assert_string_equal(error_code((enum error)e), "internal");
        assert_int_equal(error_number((enum error)e), 0);
    }
    assert_false(error_is_listed(ERR_COUNT));
    assert_int_equal(error_exit(ERR_CRYPTO), 70);
}

/* A misspelt name would leave a hole in a sentence. */
static void placeholders_are_of_the_list(void **state) {
    static const char *const names[] = {"server", "peer",  "name",   "profile",
                                        "path",   "cause", "detail", "effect",
                                        "id",     "known", "shown",  "retry_after"};
    (void)state;
    for (int e = FIRST; e < ERR_COUNT; e++) {
        const char *const patterns[] = {error_text((enum error)e), error_help((enum error)e)};
        for (size_t k = 0; k < ROWS(patterns); k++) {
            for (const char *p = strchr(patterns[k], '{'); p != NULL; p = strchr(p + 1, '{')) {
                size_t size = strcspn(p + 1, "}");
                size_t found = 0;
                for (size_t i = 0; i < ROWS(names); i++) {
                    found += strlen(names[i]) == size && strncmp(names[i], p + 1, size) == 0;
                }
                assert_int_equal(found, 1);
            }
        }
    }
}

static void placeholders_are_filled_in(void **state) {
    const struct error_value values[] = {{"peer", "bob"}, {"empty", NULL}, {"pee", "wrong"}};
    char out[64];
    (void)state;
    error_fill("to {peer}: {unknown}{empty}{ and }", values, ROWS(values), out, sizeof(out));
    assert_string_equal(out, "to bob: ");
    error_fill("open {peer", values, ROWS(values), out, sizeof(out));
    assert_string_equal(out, "open {peer");
    error_fill("plain", NULL, 0, out, sizeof(out));
    assert_string_equal(out, "plain");
}

static void filling_in_never_passes_the_end(void **state) {
    const struct error_value value = {"peer", "a-long-name"};
    char out[8];
    (void)state;
    memset(out, 'x', sizeof(out));
    error_fill("{peer}", &value, 1, out, sizeof(out));
    assert_string_equal(out, "a-long-");
    error_fill("{peer}", &value, 1, out, 1);
    assert_string_equal(out, "");
    out[0] = 'x';
    error_fill("{peer}", &value, 1, out, 0);
    assert_int_equal(out[0], 'x');
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_says_code_text_and_help),
        cmocka_unit_test(codes_and_numbers_are_unique),
        cmocka_unit_test(exits_are_of_the_table),
        cmocka_unit_test(what_a_person_must_look_at_is_not_retried),
        cmocka_unit_test(codes_and_numbers_lead_back),
        cmocka_unit_test(statuses_are_not_shown),
        cmocka_unit_test(placeholders_are_of_the_list),
        cmocka_unit_test(placeholders_are_filled_in),
        cmocka_unit_test(filling_in_never_passes_the_end),
    };
    return cmocka_run_group_tests_name("errors", tests, NULL, NULL);
}
