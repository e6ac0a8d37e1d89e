/* SPDX-License-Identifier: ISC */
/* What sottod says when it begins to listen. */
#ifndef SOTTO_SOTTOD_BANNER_H
#define SOTTO_SOTTOD_BANNER_H

#include "sottod/options.h"

#include <stddef.h>

struct banner {
    const char *listening; /**< ADDRESS:PORT */
    const char *folder;
    const char *key;      /**< in groups of four */
    const char *next_key; /**< the same, with the time of the change; empty: none is planned */
    const char *link;     /**< of the first invite; NULL: not shown */
    const char *address;  /**< HOST:PORT in links */
    bool has_accounts;
};

/** Prints it on stderr; what the options silence is left out. */
void banner_print(const struct options *options, const struct banner *banner);

#endif
