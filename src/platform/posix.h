/* SPDX-License-Identifier: ISC */
/* What the POSIX files of this folder share. Internal. */
#ifndef SOTTO_PLATFORM_POSIX_H
#define SOTTO_PLATFORM_POSIX_H

#include "base/bytes.h"

#include <sys/stat.h>

/** The error of the catalogue for `errno`: ERR_DISK_FULL or ERR_STORAGE_FAILED. */
enum error storage_error(void);

/** OK when what `status` describes is the caller's and closed to everybody else, else
 * ERR_STORE_PERMISSIONS;
 * `*mode` is its mode either way. */
enum error judge_private(const struct stat *status, unsigned *mode);

/** fsync, and on macOS through the drive's own cache too. */
bool sync_handle(int handle);

#endif
