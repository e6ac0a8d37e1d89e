/* SPDX-License-Identifier: ISC */
/* How long the last commits took. */
#ifndef SOTTO_SOTTOD_LATENCY_H
#define SOTTO_SOTTOD_LATENCY_H

#include <stddef.h>
#include <stdint.h>

enum { COMMITS_REMEMBERED = 1024 };

struct latency {
    uint32_t us[COMMITS_REMEMBERED];
    size_t next;
    size_t count;
};

void latency_add(struct latency *latency, uint64_t us);
/** The time that so many percent of them did not exceed; 0 without any. */
uint32_t latency_percentile(const struct latency *latency, unsigned percent);

#endif
