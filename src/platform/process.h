/* SPDX-License-Identifier: ISC */
#ifndef SOTTO_PLATFORM_PROCESS_H
#define SOTTO_PLATFORM_PROCESS_H

#include "base/error.h"

/** Before the first key: umask 077, no core dumps (RLIMIT_CORE 0), not dumpable or traceable by
 * other users' processes (PR_SET_DUMPABLE 0), SIGPIPE and SIGXFSZ ignored: what cannot be written
 * is an error of that write. ERR_IO. */
must_check enum error process_harden(void);

/** Raises the soft limit of open files to `wanted` if it is lower; ERR_LIMIT with what can be had
 * in `*got`. */
must_check enum error process_raise_files(unsigned long wanted, unsigned long *got);

/** Folder of the user's data for `program` ("sotto", "sottod"): $XDG_DATA_HOME/program or
 * ~/.local/share/program, or <home>/data when `home` (SOTTO_HOME) is not NULL. Without HOME the
 * home of the passwd database counts. ERR_NOT_FOUND without a home, ERR_LIMIT. */
must_check enum error process_data_folder(const char *program, const char *home, char *out,
                                          size_t size);

/** Likewise the folder of the user's configuration: $XDG_CONFIG_HOME/program or ~/.config/program,
 * or <home>/config. */
must_check enum error process_config_folder(const char *program, const char *home, char *out,
                                            size_t size);

/** Run by root on a folder of somebody else's: becomes that user for good, so that nothing is left
 * there that the owner cannot open. Nothing for other callers, or when `path` is not there.
 * ERR_NOT_ALLOWED. */
must_check enum error process_become_owner(const char *path);

#endif
