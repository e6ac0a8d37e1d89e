/* SPDX-License-Identifier: ISC */
/* How a message of the past looks: a received one as recv shows it, an own one
 *
 *     09:15 you to bob (delivered): thanks
 *
 * and one whose life is over as "(erased)" in place of its text. */
#ifndef SOTTO_SOTTO_HISTORY_VIEW_H
#define SOTTO_SOTTO_HISTORY_VIEW_H

#include "sotto/message_view.h"

/** Appends the message as lines. ERR_MEMORY, ERR_LIMIT. */
must_check enum error history_view_text(const struct sotto_past *past,
                                        const struct message_view *view, struct buffer *out);

/** Appends the message as one line of JSON, of the same type as recv; `own` is the own name. */
must_check enum error history_view_json(const struct sotto_past *past, const char *own,
                                        struct buffer *out);

#endif
