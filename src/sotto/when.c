/* SPDX-License-Identifier: ISC */
#include "sotto/when.h"

#include "base/duration.h"

#include <inttypes.h>
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

/* ---- reading */

/* Exactly `count` digits at `*at`, which moves behind them. */
static bool read_digits(const char **at, int count, int *number) {
    *number = 0;
    for (int i = 0; i < count; i++, (*at)++) {
        if (**at < '0' || **at > '9') {
            return false;
        }
        *number = 10 * *number + (**at - '0');
    }
    return true;
}

static bool read_mark(const char **at, const char *marks) {
    bool found = **at != '\0' && strchr(marks, **at) != NULL;
    *at += found ? 1 : 0;
    return found;
}

static bool read_date(const char **at, struct tm *parts) {
    bool is_date = read_digits(at, 4, &parts->tm_year) && read_mark(at, "-") &&
                   read_digits(at, 2, &parts->tm_mon) && read_mark(at, "-") &&
                   read_digits(at, 2, &parts->tm_mday);
    parts->tm_year -= 1900;
    parts->tm_mon -= 1;
    return is_date && parts->tm_year >= 70;
}

/* HH:MM, then perhaps :SS, then perhaps a fraction. */
static bool read_clock(const char **at, struct tm *parts, uint64_t *fraction_ms) {
    uint64_t weight = 100;
    bool is_clock = read_digits(at, 2, &parts->tm_hour) && read_mark(at, ":") &&
                    read_digits(at, 2, &parts->tm_min);
    if (is_clock && read_mark(at, ":")) {
        is_clock = read_digits(at, 2, &parts->tm_sec);
        if (is_clock && read_mark(at, ".")) {
            int digit = 0;
            is_clock = **at >= '0' && **at <= '9';
            while (**at >= '0' && **at <= '9' && read_digits(at, 1, &digit)) {
                *fraction_ms += weight * (uint64_t)digit;
                weight /= 10;
            }
        }
    }
    return is_clock && parts->tm_hour < 24 && parts->tm_min < 60 && parts->tm_sec < 60;
}

/* "Z", "+01:00", or nothing: local time. */
static bool read_zone(const char **at, bool *is_local, int *ahead_min) {
    int hours = 0;
    int minutes = 0;
    *is_local = **at == '\0';
    *ahead_min = 0;
    if (*is_local || read_mark(at, "Zz")) {
        return **at == '\0';
    }
    int sign = **at == '-' ? -1 : 1;
    bool is_zone = read_mark(at, "+-") && read_digits(at, 2, &hours) && read_mark(at, ":") &&
                   read_digits(at, 2, &minutes) && hours < 24 && minutes < 60;
    *ahead_min = sign * (60 * hours + minutes);
    return is_zone && **at == '\0';
}

/* From its parts to a time; a day that there is not comes back as another one. */
static bool join(const struct tm *parts, bool is_local, int ahead_min, uint64_t *ms) {
    struct tm made = *parts;
    made.tm_isdst = -1;
    time_t seconds = is_local ? mktime(&made) : timegm(&made);
    if (made.tm_mday != parts->tm_mday || made.tm_mon != parts->tm_mon) {
        return false;
    }
    int64_t shifted = (int64_t)seconds - 60 * (int64_t)ahead_min;
    *ms = shifted > 0 ? (uint64_t)shifted * 1000 : 0;
    return shifted > 0;
}

/* "09:14" of today. */
static bool read_today(const char *at, uint64_t now_ms, struct tm *parts, uint64_t *fraction_ms) {
    struct tm today;
    bool is_clock =
        split(now_ms, true, &today) && read_clock(&at, parts, fraction_ms) && *at == '\0';
    if (is_clock) {
        parts->tm_year = today.tm_year;
        parts->tm_mon = today.tm_mon;
        parts->tm_mday = today.tm_mday;
    }
    return is_clock;
}

must_check bool when_parse(const char *text, uint64_t now_ms, uint64_t *ms) {
    const char *at = text;
    struct tm parts = {.tm_sec = 0};
    uint64_t fraction_ms = 0;
    bool is_local = true;
    int ahead_min = 0;
    if (duration_parse(text, ms)) {
        *ms = *ms < now_ms ? now_ms - *ms : 1;
        return true;
    }
    bool is_time = read_today(text, now_ms, &parts, &fraction_ms);
    if (!is_time) {
        parts = (struct tm){.tm_sec = 0};
        fraction_ms = 0;
        is_time = read_date(&at, &parts);
        bool is_whole = is_time && *at == '\0';
        is_time = is_whole ||
                  (is_time && read_mark(&at, "Tt ") && read_clock(&at, &parts, &fraction_ms) &&
                   read_zone(&at, &is_local, &ahead_min));
    }
    is_time = is_time && join(&parts, is_local, ahead_min, ms);
    *ms += is_time ? fraction_ms : 0;
    return is_time;
}
