/* SPDX-License-Identifier: ISC */
#include "base/require.h"

#include <stdio.h>
#include <stdlib.h>

no_return void require_failed(const char *promise, const char *file, int line) {
    fprintf(stderr, "sotto: broken promise: %s (%s:%d)\n", promise, file, line);
    abort();
}
