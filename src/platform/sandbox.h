/* SPDX-License-Identifier: ISC */
/* What a running server gives up for good: system calls that it never needs, and paths that are not
 * its own. A hole in it is then worth less. */
#ifndef SOTTO_PLATFORM_SANDBOX_H
#define SOTTO_PLATFORM_SANDBOX_H

#include <stddef.h>

/** What could not be given up, as bits. */
enum { SANDBOX_LACKS_CALLS = 1, SANDBOX_LACKS_PATHS = 2, SANDBOX_IS_SANITIZED = 4 };

/** From now on this thread, and those that it starts, gain no privileges, start no program, and
 * open files below `folder` to read and write and below the `count` folders of `readable` to read;
 * what is open stays open. Returns the bits of what the system does not offer; with
 * SANDBOX_IS_SANITIZED nothing was given up, because the sanitizers of this build need more than
 * the program. */
unsigned sandbox_enter(const char *folder, const char *const *readable, size_t count);

#endif
