/* SPDX-License-Identifier: ISC */
#include "platform/files.h"

#include <stdio.h>
#include <string.h>

must_check enum error path_join(const char *folder, const char *name, char *out, size_t size) {
    size_t length = strlen(folder);
    const char *between = length > 0 && folder[length - 1] == '/' ? "" : "/";
    int written = snprintf(out, size, "%s%s%s", folder, between, name);
    return written >= 0 && (size_t)written < size ? OK : ERR_LIMIT;
}
