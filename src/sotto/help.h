/* SPDX-License-Identifier: ISC */
/* Help, written from the table. */
#ifndef SOTTO_SOTTO_HELP_H
#define SOTTO_SOTTO_HELP_H

#include "sotto/table.h"

enum { HELP_MAX_BYTES = 64 * 1024, HELP_COLUMNS = 80 };

/** Appends the overview of all commands. */
must_check enum error help_overview(struct buffer *out);

/** Appends the page of one command: what it does, examples, options, exit statuses, where more is.
 */
must_check enum error help_command(enum command_id command, struct buffer *out);

/** Appends the lines that somebody without an account sees. */
must_check enum error help_start(struct buffer *out);

#endif
