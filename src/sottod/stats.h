/* SPDX-License-Identifier: ISC */
/* The figures of a running server: on their way through the admin socket as NAME=NUMBER words, and
 * as `sottod stats` shows them, with what stands in the database beside them. */
#ifndef SOTTO_SOTTOD_STATS_H
#define SOTTO_SOTTOD_STATS_H

#include "sottod/latency.h"
#include "sottod/settings.h"

/** The line that answers "stats": figures in the order of the table, then "refused.CODE=NUMBER" for
 * each refusal that happened. ERR_LIMIT. */
must_check enum error stats_line(const struct server *server, const struct settings *settings,
                                 const struct latency *commits, uint64_t up_s, char *out,
                                 size_t size);

#endif
