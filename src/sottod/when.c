/* SPDX-License-Identifier: ISC */
#include "sottod/when.h"

#include "base/duration.h"
#include "base/limits.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* Digits where `form` has '0', and that character where it has another. */
static bool has_form(const char *text, const char *form) {
    for (; *form != '\0'; text++, form++) {
        if (*form == '0' ? *text < '0' || *text > '9' : *text != *form) {
            return false;
        }
    }
    return true;
}

static int number_at(const char *text, int digits) {
    int value = 0;
    for (int i = 0; i < digits; i++) {
        value = value * 10 + (text[i] - '0');
    }
    return value;
}

/* "Z", or hours and minutes ahead of or behind UTC, at the end of the text. */
static bool read_zone(const char *text, int *seconds) {
    *seconds = 0;
    if (strcmp(text, "Z") == 0 || strcmp(text, "z") == 0) {
        return true;
    }
    if ((!has_form(text, "+00:00") && !has_form(text, "-00:00")) || text[6] != '\0' ||
        number_at(text + 1, 2) > 23 || number_at(text + 4, 2) > 59) {
        return false;
    }
    *seconds = (number_at(text + 1, 2) * 60 + number_at(text + 4, 2)) * 60;
    *seconds = text[0] == '-' ? -*seconds : *seconds;
    return true;
}

/* RFC 3339 section 5.6, without fractions of a second and without leap seconds. */
static bool read_moment(const char *text, uint64_t *ms) {
    int zone_seconds = 0;
    if (!has_form(text, "0000-00-00T00:00:00") || !read_zone(text + 19, &zone_seconds)) {
        return false;
    }
    const struct tm read = {.tm_year = number_at(text, 4) - 1900,
                            .tm_mon = number_at(text + 5, 2) - 1,
                            .tm_mday = number_at(text + 8, 2),
                            .tm_hour = number_at(text + 11, 2),
                            .tm_min = number_at(text + 14, 2),
                            .tm_sec = number_at(text + 17, 2)};
    struct tm same = read;
    time_t seconds = timegm(&same);
    /* Days that no month has are moved on by timegm: then it is another date. */
    if (seconds <= 0 || same.tm_mon != read.tm_mon || same.tm_mday != read.tm_mday ||
        same.tm_hour != read.tm_hour || same.tm_min != read.tm_min || same.tm_sec != read.tm_sec ||
        seconds <= zone_seconds) {
        return false;
    }
    *ms = (uint64_t)(seconds - zone_seconds) * SECOND_MS;
    return true;
}

bool when_parse(const char *text, uint64_t now_ms, uint64_t *ms) {
    uint64_t length_ms = 0;
    if (duration_parse(text, &length_ms)) {
        *ms = now_ms + length_ms;
        return true;
    }
    return read_moment(text, ms);
}

void when_print(uint64_t ms, char out[WHEN_BYTES]) {
    struct tm parts;
    time_t seconds = (time_t)(ms / SECOND_MS);
    out[0] = '\0';
    if (gmtime_r(&seconds, &parts) == NULL ||
        strftime(out, WHEN_BYTES, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0) {
        snprintf(out, WHEN_BYTES, "unknown");
    }
}
