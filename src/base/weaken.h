/* SPDX-License-Identifier: ISC */
/* One extra build for the tests (CMake option SOTTO_WEAKENINGS) can be told to leave out one
 * defence, so that a test shows that it notices: SOTTO_WEAKEN=no_mac_check. In every other build
 * weakened() is the constant false and no trace of the names is in the programs. */
#ifndef SOTTO_BASE_WEAKEN_H
#define SOTTO_BASE_WEAKEN_H

#include <stdbool.h>

enum weakening {
    WEAK_NOTHING = 0,
#define WEAKENING(name, text) WEAK_##name,
#include "base/weaken.def"
#undef WEAKENING
};

#ifdef SOTTO_WEAKENINGS

/** Chosen once, by main, before anything else runs. */
extern enum weakening weakening_chosen;

/** Takes the choice from the environment through `get`, which is getenv. A name that is none ends
 * the program with status 2. */
void weaken_by(char *(*get)(const char *name));

static inline bool weakened(enum weakening defence) {
    return weakening_chosen == defence;
}

#else

static inline void weaken_by(char *(*get)(const char *name)) {
    (void)get;
}

static inline bool weakened(enum weakening defence) {
    (void)defence;
    return false;
}

#endif

#endif
