/* SPDX-License-Identifier: ISC */
/* Stream sockets with a name in a folder, whose path may be longer than an address has room for. */
#ifndef SOTTO_PLATFORM_LOCAL_H
#define SOTTO_PLATFORM_LOCAL_H

#include "base/bytes.h"

/** Makes the socket `name` in `folder`, which is the caller's and private, with mode 0600, and
 * listens; nothing on it waits. A socket that nobody listens on any more gives way. ERR_DUPLICATE:
 * somebody listens there. ERR_LIMIT: this system cannot name it. ERR_IO. */
must_check enum error local_listen(const char *folder, const char *name, int backlog, int *handle);

/** Removes the name. Before its handle is closed: nobody else has taken it until then. */
void local_remove(const char *folder, const char *name);

/** Connects without waiting; nothing on the handle waits. ERR_NOT_FOUND: nobody listens there.
 * ERR_WAIT: who listens there has no room at the moment. ERR_NOT_ALLOWED, ERR_LIMIT, ERR_IO. */
must_check enum error local_connect(const char *folder, const char *name, int *handle);

/** Sends everything until `until_ms` of the monotonic clock. ERR_WAIT: there was no room in time.
 * ERR_CLOSED. */
must_check enum error local_write(int handle, struct bytes bytes, uint64_t until_ms);

/** Waits for bytes and appends some. ERR_WAIT: none came in time. ERR_CLOSED: the other end is
 * gone. Failures of the buffer. */
must_check enum error local_read(int handle, struct buffer *out, uint64_t until_ms);

/** -1 is fine. */
void local_close(int handle);

#endif
