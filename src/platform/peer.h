/* SPDX-License-Identifier: ISC */
#ifndef SOTTO_PLATFORM_PEER_H
#define SOTTO_PLATFORM_PEER_H

#include "base/bytes.h"

/** Whether the process at the other end of a connected local socket runs as the caller's user, or
 * as root. */
bool peer_is_trusted(int handle);

/** Connects to the local socket at `path`, sends `request`, and reads the whole answer until the
 * other end closes, within `timeout_ms`. ERR_NOT_FOUND: nobody listens there. ERR_NOT_ALLOWED: the
 * caller may not. ERR_CLOSED: no answer in time. ERR_LIMIT: more than `answer` takes. ERR_IO. */
must_check enum error local_ask(const char *path, struct bytes request, uint64_t timeout_ms,
                                struct buffer *answer);

#endif
