/* SPDX-License-Identifier: ISC */
/* Times as people and programs write them. */
#include "testing.h"

#include "sotto/when.h"

#include <stdlib.h>
#include <time.h>

#define NOW UINT64_C(1795684447512) /* 2026-11-26T09:14:07.512Z */

static uint64_t read(const char *text) {
    uint64_t ms = 0;
    return when_parse(text, NOW, &ms) ? ms : 0;
}

static void reads_what_is_printed(void **state) {
    (void)state;
    char text[WHEN_BYTES];
    when_utc(NOW, text);
    assert_string_equal(text, "2026-11-26T09:14:07.512Z");
    assert_int_equal(read(text), NOW);
    when_local(NOW, NOW, text);
    assert_int_equal(read(text), NOW - 7512);
    when_local(NOW, NOW + 86400000, text);
    assert_int_equal(read(text), NOW - 7512);
    when_day(NOW, text);
    assert_true(read(text) <= NOW && read(text) + 86400000 > NOW);
}

static void reads_zones_and_fractions(void **state) {
    (void)state;
    static const char *const SAME[] = {
        "2026-11-26T09:14:07.512Z",      "2026-11-26t09:14:07.512z",
        "2026-11-26T10:14:07.512+01:00", "2026-11-26 05:44:07.512-03:30",
        "2026-11-26T09:14:07.5120009Z",  "2026-11-27T09:13:07.512+23:59",
    };
    for (size_t i = 0; i < ROWS(SAME); i++) {
        assert_int_equal(read(SAME[i]), NOW);
    }
    assert_int_equal(read("2026-11-26T09:14:07.5Z"), NOW - 12);
    assert_int_equal(read("2026-11-26T09:14Z"), NOW - 7512);
    assert_int_equal(read("2h"), NOW - 7200000);
    assert_int_equal(read("3650d"), NOW - UINT64_C(3650) * 86400000);
}

/* The clock that shows local time, whatever that is, also around its changes. */
static void reads_local_time(void **state) {
    (void)state;
    assert_int_equal(setenv("TZ", "Europe/Berlin", 1), 0);
    tzset();
    assert_int_equal(read("2026-11-26 10:14:07"), NOW - 512);
    assert_int_equal(read("10:14:07"), NOW - 512);
    assert_int_equal(read("2026-07-01 12:00"), UINT64_C(1782900000000));
    reads_what_is_printed(state);
    assert_int_equal(setenv("TZ", "UTC", 1), 0);
    tzset();
}

static void refuses_what_is_no_time(void **state) {
    (void)state;
    static const char *const WRONG[] = {
        "",
        "yesterday",
        "2026",
        "2026-11",
        "2026-13-01",
        "2026-02-29",
        "2026-11-31",
        "1969-12-31",
        "2026-11-26T",
        "2026-11-26T9:14",
        "24:00",
        "09:60",
        "09:14:60",
        "2026-11-26T09:14X",
        "2026-11-26T09:14+1",
        "09:14Z",
        "9:14",
        "2026-11-26T09:14:07.Z",
        "2026-11-26 09:14 ",
        "-2h",
        "2026-11-26T09:14+24:00",
        "1970-01-01T00:00:00Z",
    };
    for (size_t i = 0; i < ROWS(WRONG); i++) {
        if (read(WRONG[i]) != 0) {
            fail_msg("'%s' was read", WRONG[i]);
        }
    }
    assert_int_equal(read("2028-02-29"), UINT64_C(1835395200000));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_is_printed),
        cmocka_unit_test(reads_zones_and_fractions),
        cmocka_unit_test(reads_local_time),
        cmocka_unit_test(refuses_what_is_no_time),
    };
    setenv("TZ", "UTC", 1);
    tzset();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
