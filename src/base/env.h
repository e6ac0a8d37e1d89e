/* SPDX-License-Identifier: ISC */
/* Time and randomness as values: who needs them is handed them, so that the same code runs in a
 * daemon, under a fuzzer, and in a simulation with a virtual clock. */
#ifndef SOTTO_BASE_ENV_H
#define SOTTO_BASE_ENV_H

#include "base/attributes.h"
#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

/** The two clocks. `context` is handed to both functions. */
struct clock {
    void *context;
    uint64_t (*wall_ms)(void *context);      /**< since 1970, may jump */
    uint64_t (*monotonic_ms)(void *context); /**< since some start, never goes back */
};

/** A source of random bytes. `fill` writes `size` unpredictable bytes or returns ERR_RANDOM. */
struct random_source {
    void *context;
    enum error (*fill)(void *context, uint8_t *out, size_t size);
};

/** Fills `size` bytes at `out` from `random`. */
must_check enum error random_fill(const struct random_source *random, void *out, size_t size);

#endif
