/* SPDX-License-Identifier: ISC */
/* Moments as people type and read them. */
#ifndef SOTTO_SOTTOD_WHEN_H
#define SOTTO_SOTTOD_WHEN_H

#include <stdbool.h>
#include <stdint.h>

enum { WHEN_BYTES = 24 };

/** Reads a length of time from `now_ms` on ("7d"), or a moment of RFC 3339
 * ("2026-12-24T08:00:00Z", "2026-12-24T09:00:00+01:00"). False for anything else. */
bool when_parse(const char *text, uint64_t now_ms, uint64_t *ms);

/** "2026-12-24T08:00:00Z". */
void when_print(uint64_t ms, char out[WHEN_BYTES]);

#endif
