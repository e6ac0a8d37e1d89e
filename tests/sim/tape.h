/* SPDX-License-Identifier: ISC */
/* Every decision of a simulated world, from one seed. The same seed makes the same world: OpenSSL's
 * own randomness comes from the tape too, and RSA keys from a small pool that is made once. */
#ifndef SOTTO_TESTS_SIM_TAPE_H
#define SOTTO_TESTS_SIM_TAPE_H

#include "crypto/entropy.h"

struct tape {
    uint64_t state;
    uint64_t trace; /* grows with every choice and every event that is noted */
};

void tape_init(struct tape *tape, uint64_t seed);

/** A number below `n`; 0 means: no fault, first, shortest. `label` goes into the trace. */
uint64_t choose(struct tape *tape, const char *label, uint64_t n);

/** True once in `n`. */
bool chance(struct tape *tape, const char *label, uint64_t n);

/** Adds an event to the trace. */
void note(struct tape *tape, const char *label, uint64_t value);

/** Randomness from the tape, for the cores. Valid as long as the tape. */
struct entropy tape_entropy(struct tape *tape);
struct random_source tape_random(struct tape *tape);

/** Makes OpenSSL draw from this tape from now on, in the whole process. */
void tape_install(struct tape *tape);

/** Makes the pool of RSA keys; once, before the first world. */
void tape_make_keys(void);

#endif
