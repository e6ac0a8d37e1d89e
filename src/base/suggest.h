/* SPDX-License-Identifier: ISC */
/* Did you mean: the nearest of a few known words. A guess is shown, never run. */
#ifndef SOTTO_BASE_SUGGEST_H
#define SOTTO_BASE_SUGGEST_H

#include <stddef.h>

enum { SUGGEST_WORD_MAX = 32 };

/** How many letters have to be added, left out, changed or swapped with their neighbour to make one
 * word of the other (optimal string alignment). A large number for words over SUGGEST_WORD_MAX. */
size_t word_distance(const char *a, const char *b);

/** The first of the `count` words nearest to `typed`, or NULL when none is near: at most one step
 * for words up to 4 letters, two up to 8, else three. NULL entries are skipped. */
const char *word_suggest(const char *typed, const char *const *words, size_t count);

#endif
