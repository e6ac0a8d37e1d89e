/* SPDX-License-Identifier: ISC */
/* Whether a server's database is what it was when it was written. */
#ifndef SOTTO_SERVER_STORE_INSPECT_H
#define SOTTO_SERVER_STORE_INSPECT_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct inspection {
    uint64_t accounts;
    uint64_t messages; /**< that wait */
    uint64_t damaged;  /**< of them, those that differ from what was stored; counted when `deep` */
    char complaint[160]; /**< of SQLite, its first; empty: none */
};

/** Looks at the database at `path`, which a server may be using, and changes nothing. Each page;
 * when `deep` also that indexes and references fit and that each message is as it was stored, which
 * reads all of it. OK also when something is wrong: see `inspection`. ERR_STORE_BROKEN: it can't
 * even be read; ERR_STORE_NEWER; otherwise as backup_write. `cause` (`size` bytes) says why. */
must_check enum error inspect_database(const char *path, bool deep, struct inspection *inspection,
                                       char *cause, size_t size);

#endif
