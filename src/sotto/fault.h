/* SPDX-License-Identifier: ISC */
/* Errors that the command line finds itself, in the same form as those of the library. */
#ifndef SOTTO_SOTTO_FAULT_H
#define SOTTO_SOTTO_FAULT_H

#include "base/error.h"

#include <sotto/sotto.h>

enum { FAULT_TRY_MAX = 4, FAULT_TRY_BYTES = 256 };

/** Fills `*error` from the row of `which` in the catalogue with the `count` values for its
 * {placeholders}. Returns its exit status. */
int fault_set(struct sotto_error *error, enum error which, const struct error_value *values,
              size_t count);

/** A usage error: `format` says in one line what is wrong, `help` (may be "") what is right. */
int fault_usage(struct sotto_error *error, const char *help, const char *format, ...)
    printf_like(3, 4);

/** A failure to read or write `path`, which `error_number` (an errno) explains; `effect` says what
 * became of the work. */
int fault_storage(struct sotto_error *error, const char *path, int error_number,
                  const char *effect);

/** `what` would have to be asked for and cannot be; `how` says how else it is given. */
int fault_input(struct sotto_error *error, const char *what, const char *how);

/** The commands that `help` offers: what begins with "sotto ", "sottod " or "chmod " at the start
 * of an indented line or after two spaces, up to the line's end or the next two spaces. Returns how
 * many were put into `commands`. */
size_t fault_commands(const char *help, char commands[FAULT_TRY_MAX][FAULT_TRY_BYTES]);

#endif
