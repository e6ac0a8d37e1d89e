/* SPDX-License-Identifier: ISC */
#include "sottod/latency.h"

#include <stdlib.h>
#include <string.h>

void latency_add(struct latency *latency, uint64_t us) {
    latency->us[latency->next] = us < UINT32_MAX ? (uint32_t)us : UINT32_MAX;
    latency->next = (latency->next + 1) % COMMITS_REMEMBERED;
    latency->count += latency->count < COMMITS_REMEMBERED;
}

static int compare(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

uint32_t latency_percentile(const struct latency *latency, unsigned percent) {
    uint32_t sorted[COMMITS_REMEMBERED];
    if (latency->count == 0) {
        return 0;
    }
    memcpy(sorted, latency->us, latency->count * sizeof(sorted[0]));
    qsort(sorted, latency->count, sizeof(sorted[0]), compare);
    size_t at = latency->count * percent / 100;
    return sorted[at < latency->count ? at : latency->count - 1];
}
