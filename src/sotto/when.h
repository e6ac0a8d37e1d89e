/* SPDX-License-Identifier: ISC */
/* Times as people and programs read them. All take milliseconds since 1970; 0 and what no calendar
 * holds (a time may come from somebody else's clock) give an empty text. */
#ifndef SOTTO_SOTTO_WHEN_H
#define SOTTO_SOTTO_WHEN_H

#include "base/attributes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WHEN_BYTES = 32 };

/** "2026-11-23T09:14:07.512Z", RFC 3339. */
void when_utc(uint64_t ms, char out[WHEN_BYTES]);

/** "09:14" in local time, "2026-11-22 09:14" when that was not the day of `now_ms`. */
void when_local(uint64_t ms, uint64_t now_ms, char out[WHEN_BYTES]);

/** "2026-11-23", the local day. */
void when_day(uint64_t ms, char out[WHEN_BYTES]);

/** Reads a time as a person or a program writes it: "2026-11-23T09:14:07.512Z" (a fraction and
 * another zone, "+01:00", may stand), and in local time "2026-11-23 09:14[:07]", "2026-11-23", or
 * "09:14" of the day of `now_ms`; or how long ago it was, "30s", "5m", "2h", "7d". False for
 * anything else, and for days and hours that there are not. */
must_check bool when_parse(const char *text, uint64_t now_ms, uint64_t *ms);

#endif
