/* SPDX-License-Identifier: ISC */
#include "base/duration.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct unit {
    char letter;
    uint64_t ms;
};

static const struct unit units[] = {
    {'d', UINT64_C(24) * 60 * 60 * 1000},
    {'h', UINT64_C(60) * 60 * 1000},
    {'m', UINT64_C(60) * 1000},
    {'s', UINT64_C(1000)},
};

enum { UNITS = sizeof(units) / sizeof(units[0]) };

/* Reads `size` digits; false when there are none, others, or too many. */
static bool digits_parse(const char *text, size_t size, uint64_t *number) {
    if (size == 0 || size > 18) {
        return false;
    }
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        value = value * 10 + (uint64_t)(text[i] - '0');
    }
    *number = value;
    return true;
}

must_check bool number_parse(const char *text, uint64_t min, uint64_t max, uint64_t *number) {
    return digits_parse(text, strlen(text), number) && *number >= min && *number <= max;
}

must_check bool duration_parse(const char *text, uint64_t *ms) {
    size_t size = strlen(text);
    uint64_t number = 0;
    if (size < 2 || !digits_parse(text, size - 1, &number) || number == 0) {
        return false;
    }
    for (size_t i = 0; i < UNITS; i++) {
        if (units[i].letter == text[size - 1] && number <= DURATION_MAX_MS / units[i].ms) {
            *ms = number * units[i].ms;
            return true;
        }
    }
    return false;
}

static void grouped_print(uint64_t number, char *out, size_t size) {
    if (number < 1000) {
        snprintf(out, size, "%" PRIu64, number);
    } else {
        snprintf(out, size, "%" PRIu64 ",%03" PRIu64, number / 1000, number % 1000);
    }
}

void size_print(uint64_t bytes, char *out, size_t size) {
    static const char *const names[] = {"MiB", "GiB", "TiB"};
    if (bytes < 1000 * 1000) {
        char number[16];
        grouped_print(bytes, number, sizeof(number));
        snprintf(out, size, "%s byte%s", number, bytes == 1 ? "" : "s");
        return;
    }
    size_t unit = 0;
    uint64_t tenths = (bytes / 1024 * 10 + 512) / 1024;
    while (tenths >= UINT64_C(10240) && unit + 1 < sizeof(names) / sizeof(names[0])) {
        tenths = (tenths + 512) / 1024;
        unit++;
    }
    snprintf(out, size, "%" PRIu64 ".%" PRIu64 " %s", tenths / 10, tenths % 10, names[unit]);
}
