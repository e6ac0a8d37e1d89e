/* SPDX-License-Identifier: ISC */
/* stderr: what is said to a person, or with --json to a program. */
#ifndef SOTTO_SOTTO_TELL_H
#define SOTTO_SOTTO_TELL_H

#include "sotto/app.h"

enum { TELL_MAX_BYTES = 32 * 1024 };

/** Appends the error in words:
 *
 *     sotto: {message}
 *       {help, line by line}
 *       [{code}, exit {exit}]
 *
 * with everything in it made visible (visible.h). `cause`: with the raw cause. `exit_word` stands
 * for the number, for what does not end the program. */
must_check enum error tell_text(const struct sotto_error *error, bool cause, const char *exit_word,
                                struct buffer *out);

/** Appends the error as one JSON line of the given type. */
must_check enum error tell_json(const struct sotto_error *error, const char *type, bool cause,
                                struct buffer *out);

/** Writes an error that ends the program. */
void tell_error(const struct app *app, const struct sotto_error *error);

/** A notice of the library: the program goes on. Quiet leaves out those with exit 0. */
void tell_notice(const struct app *app, const struct sotto_error *notice);

/** A line for a person at a terminal: not with --quiet or --json, and not into a log. */
void tell(const struct app *app, const char *format, ...) printf_like(2, 3);

/** A line that belongs to a question: always. */
void tell_prompt(const char *format, ...) printf_like(1, 2);

/** A line that also a log should have: not with --quiet or --json. */
void tell_always(const struct app *app, const char *format, ...) printf_like(2, 3);

#endif
