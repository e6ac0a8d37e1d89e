/* SPDX-License-Identifier: ISC */
/* Compiled with SOTTO_WEAKENINGS only. */
#include "base/weaken.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

static const char *const NAMES[] = {
    "nothing",
#define WEAKENING(name, text) #name,
#include "base/weaken.def"
#undef WEAKENING
};

enum weakening weakening_chosen = WEAK_NOTHING;

void weaken_by(char *(*get)(const char *name)) {
    const char *wanted = get("SOTTO_WEAKEN");
    if (wanted == NULL) {
        return;
    }
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
        if (strcasecmp(NAMES[i], wanted) == 0) {
            weakening_chosen = (enum weakening)i;
            return;
        }
    }
    (void)fprintf(stderr, "SOTTO_WEAKEN=%s names no weakening\n", wanted);
    exit(2);
}
