/* SPDX-License-Identifier: ISC */
/* The text of a message to send, by the rule that scripts rely on:
 *
 *   words given           the words, joined with one space; stdin is not touched
 *   "-" alone, or nothing
 *   and stdin no terminal stdin to its end, without one last line end
 *   nothing, a terminal   asked for on stderr, read to Ctrl-D */
#ifndef SOTTO_SOTTO_MESSAGE_TEXT_H
#define SOTTO_SOTTO_MESSAGE_TEXT_H

#include "sotto/app.h"

enum { MESSAGE_TEXT_CAP = SOTTO_TEXT_MAX + 1 }; /**< cap of the buffer: the last line end too */

/** Whether the text will come from a person at the terminal. */
bool message_text_is_asked(const struct app *app, const char *const *words, int count);

/** Fills `text` (cap MESSAGE_TEXT_CAP) with a message for `who`: 1 to SOTTO_TEXT_MAX bytes of UTF-8
 * without NUL. empty_message, not_text, text_too_large (no more is read than shows it),
 * input_required, storage_failed, usage (stdin gives the passphrase). */
must_check int message_text_take(struct app *app, const char *who, const char *const *words,
                                 int count, struct buffer *text, struct sotto_error *error);

#endif
