/* SPDX-License-Identifier: ISC */
#include "base/suggest.h"

#include <string.h>

static size_t smaller(size_t a, size_t b) {
    return a < b ? a : b;
}

size_t word_distance(const char *a, const char *b) {
    size_t m = strlen(a);
    size_t n = strlen(b);
    size_t d[SUGGEST_WORD_MAX + 1][SUGGEST_WORD_MAX + 1];
    if (m > SUGGEST_WORD_MAX || n > SUGGEST_WORD_MAX) {
        return (size_t)SUGGEST_WORD_MAX * 2;
    }
    for (size_t i = 0; i <= m; i++) {
        for (size_t j = 0; j <= n; j++) {
            if (i == 0 || j == 0) {
                d[i][j] = i + j;
                continue;
            }
            size_t changed = d[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            d[i][j] = smaller(changed, smaller(d[i - 1][j], d[i][j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                d[i][j] = smaller(d[i][j], d[i - 2][j - 2] + 1);
            }
        }
    }
    return d[m][n];
}

const char *word_suggest(const char *typed, const char *const *words, size_t count) {
    size_t length = strlen(typed);
    size_t allowed = length <= 4 ? 1 : length <= 8 ? 2 : 3;
    const char *best = NULL;
    for (size_t i = 0; i < count; i++) {
        if (words[i] == NULL) {
            continue;
        }
        size_t distance = word_distance(typed, words[i]);
        if (distance <= allowed && (best == NULL || distance < word_distance(typed, best))) {
            best = words[i];
        }
    }
    return best;
}
