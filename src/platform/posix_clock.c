/* SPDX-License-Identifier: ISC */
#include "platform/clock.h"

#include "base/require.h"

#include <time.h>

static uint64_t now_ms(clockid_t clock) {
    struct timespec now;
    int result = clock_gettime(clock, &now);
    require(result == 0 && now.tv_sec >= 0);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static uint64_t wall_ms(void *context) {
    (void)context;
    return now_ms(CLOCK_REALTIME);
}

static uint64_t monotonic_ms(void *context) {
    (void)context;
    return now_ms(CLOCK_MONOTONIC);
}

struct clock clock_system(void) {
    return (struct clock){.wall_ms = wall_ms, .monotonic_ms = monotonic_ms};
}
