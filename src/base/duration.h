/* SPDX-License-Identifier: ISC */
/* Lengths of time and counts, as people type them. */
#ifndef SOTTO_BASE_DURATION_H
#define SOTTO_BASE_DURATION_H

#include "base/attributes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** The longest duration that is taken: ten years. */
#define DURATION_MAX_MS (UINT64_C(3650) * 24 * 60 * 60 * 1000)

/** Reads `15s`, `5m`, `2h`, `7d`: one whole number from 1 on and one unit. False for anything else
 * (also a bare number: nobody should have to guess its unit) and beyond DURATION_MAX_MS. */
must_check bool duration_parse(const char *text, uint64_t *ms);

/** Reads a whole number of `min` to `max`, digits only. */
must_check bool number_parse(const char *text, uint64_t min, uint64_t max, uint64_t *number);

/** Writes a number of bytes as people read it: "1 byte", "65,001 bytes", "3.1 MiB". */
void size_print(uint64_t bytes, char *out, size_t size);

#endif
