/* SPDX-License-Identifier: ISC */
/* Reading beside the process that owns the profile. Internal. */
#ifndef SOTTO_LIBSOTTO_WATCH_H
#define SOTTO_LIBSOTTO_WATCH_H

#include "libsotto/reading.h"

/** Connects to the owner, asks until `patience_ms` (both times of the monotonic clock), and then,
 * for as long as it serves, hands over what it commits; it writes the cursor. OK: the reading has
 * enough or has failed, `until_ms` has come, or, unless it follows, what came first was handed
 * over. ERR_CLOSED: the owner has ended after it had served. ERR_STORE_BUSY: it could not be asked.
 * ERR_WRONG_STATE: nothing can be read so; `*error` says why. Failures of cards_load. */
must_check enum error watch_owner(struct reading *reading, uint64_t patience_ms, uint64_t until_ms,
                                  struct sotto_error *error);

#endif
