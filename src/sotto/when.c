/* SPDX-License-Identifier: ISC */
#include "sotto/when.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define YEAR_10000_MS UINT64_C(253402300800000)

static bool split(uint64_t ms, bool is_local, struct tm *parts) {
    if (ms == 0 || ms >= YEAR_10000_MS) {
        return false;
    }
    time_t seconds = (time_t)(ms / 1000);
    struct tm *done = is_local ? localtime_r(&seconds, parts) : gmtime_r(&seconds, parts);
    return done != NULL;
}

void when_utc(uint64_t ms, char out[WHEN_BYTES]) {
    struct tm parts;
    out[0] = '\0';
    if (split(ms, false, &parts)) {
        size_t at = strftime(out, WHEN_BYTES, "%Y-%m-%dT%H:%M:%S", &parts);
        snprintf(out + at, WHEN_BYTES - at, ".%03" PRIu64 "Z", ms % 1000);
    }
}

void when_day(uint64_t ms, char out[WHEN_BYTES]) {
    struct tm parts;
    out[0] = '\0';
    if (split(ms, true, &parts)) {
        strftime(out, WHEN_BYTES, "%Y-%m-%d", &parts);
    }
}

void when_local(uint64_t ms, uint64_t now_ms, char out[WHEN_BYTES]) {
    struct tm parts;
    char today[WHEN_BYTES];
    char day[WHEN_BYTES];
    out[0] = '\0';
    when_day(now_ms, today);
    when_day(ms, day);
    if (split(ms, true, &parts)) {
        strftime(out, WHEN_BYTES, strcmp(today, day) == 0 ? "%H:%M" : "%Y-%m-%d %H:%M", &parts);
    }
}
