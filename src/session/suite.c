/* SPDX-License-Identifier: ISC */
#include "session/suite.h"

#include "base/require.h"

struct label_row {
    uint8_t size;
    char text[sizeof("sotto/1 ") + 16];
};

static const struct label_row rows[LABEL_COUNT] = {
#define X(name, text) [LABEL_##name] = {sizeof("sotto/1 " text) - 1, "sotto/1 " text},
    SUITE_LABELS(X)
#undef X
};

struct bytes lb(enum label label) {
    require(label < LABEL_COUNT);
    return bytes_make(&rows[label], 1u + rows[label].size);
}
