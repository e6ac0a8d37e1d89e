/* SPDX-License-Identifier: ISC */
#include "testing.h"

#include "session/suite.h"

#include <string.h>

static void a_label_is_its_length_and_its_text(void **state) {
    (void)state;
    struct bytes label = lb(LABEL_SIG_CERT);
    assert_int_equal(label.size, 17);
    assert_int_equal(label.data[0], 16);
    assert_memory_equal(label.data + 1, "sotto/1 sig cert", 16);
}

static void every_label_of_the_specification_is_there(void **state) {
    (void)state;
    static const char *const TEXTS[] = {
        "sig cert", "cert", "account",  "sig prekeys", "prekeys", "sig otk",
        "otk",      "th",   "root0",    "sid",         "chain",   "root",
        "msg",      "mac",  "sig auth", "safety key",  "safety",
    };
    assert_int_equal(ROWS(TEXTS), LABEL_COUNT);
    for (size_t i = 0; i < ROWS(TEXTS); i++) {
        struct bytes label = lb((enum label)i);
        assert_int_equal(label.size, 1 + strlen("sotto/1 ") + strlen(TEXTS[i]));
        assert_int_equal(label.data[0], label.size - 1);
        assert_memory_equal(label.data + 1, "sotto/1 ", 8);
        assert_memory_equal(label.data + 9, TEXTS[i], strlen(TEXTS[i]));
    }
}

static void no_label_begins_another(void **state) {
    (void)state;
    for (size_t i = 0; i < LABEL_COUNT; i++) {
        for (size_t j = 0; j < LABEL_COUNT; j++) {
            struct bytes one = lb((enum label)i);
            struct bytes other = lb((enum label)j);
            size_t common = one.size < other.size ? one.size : other.size;
            assert_true(i == j || memcmp(one.data, other.data, common) != 0);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_label_is_its_length_and_its_text),
        cmocka_unit_test(every_label_of_the_specification_is_there),
        cmocka_unit_test(no_label_begins_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
