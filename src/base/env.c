/* SPDX-License-Identifier: ISC */
#include "base/env.h"

must_check enum error random_fill(const struct random_source *random, void *out, size_t size) {
    return random->fill(random->context, out, size);
}
