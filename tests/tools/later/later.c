/* SPDX-License-Identifier: ISC */
/* A library to preload: the clock of the day stands LATER_S seconds further on, so that a test sees
 * what the real programs do weeks from now. The other clocks are left alone. */
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

static time_t later(void) {
    const char *seconds = getenv("LATER_S");
    return seconds == NULL ? 0 : (time_t)strtoll(seconds, NULL, 10);
}

int clock_gettime(clockid_t which, struct timespec *now) {
    typedef int clock_fn(clockid_t, struct timespec *);
    union {
        void *address;
        clock_fn *call;
    } real = {.address = dlsym(RTLD_NEXT, "clock_gettime")};
    int status = real.call == NULL ? -1 : real.call(which, now);
    if (status == 0 && (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE)) {
        now->tv_sec += later();
    }
    return status;
}
