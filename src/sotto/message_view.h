/* SPDX-License-Identifier: ISC */
/* How a received message looks.
 *
 *     09:14 bob: deploy finished
 *       and a second line of it
 *
 * The label is ours and every further row is indented: no message can show a line that looks like
 * another one's. */
#ifndef SOTTO_SOTTO_MESSAGE_VIEW_H
#define SOTTO_SOTTO_MESSAGE_VIEW_H

#include "base/bytes.h"

#include <sotto/sotto.h>

struct json_line;

enum { MESSAGE_VIEW_MAX_BYTES = 2 << 20 };

struct message_view {
    uint64_t now_ms; /**< messages of another day show their date */
    size_t columns;  /**< of the terminal; 0: rows are not broken */
    bool is_plain;   /**< for screen readers: "bob: deploy finished. 09:14" */
};

/** Appends the message as lines. Behind the name stands in brackets that it came late, and how long
 * it is kept. ERR_MEMORY, ERR_LIMIT. */
must_check enum error message_view_text(const struct sotto_message *message,
                                        const struct message_view *view, struct buffer *out);

/** Appends the message as one line of JSON; `to` is the own name. */
must_check enum error message_view_json(const struct sotto_message *message, const char *to,
                                        struct buffer *out);

/** Appends a notice about a person's messages ("undecryptable", "held", "message_lost", ...) as one
 * line of JSON, of the type that is its code. */
must_check enum error message_view_notice(const struct sotto_error *notice, struct buffer *out);

/* ---- for history_view.c */

/** Whether it is text; else it is of a kind that this version does not know. */
bool message_view_is_text(const struct sotto_message *message);
/** Ends the line of a message: for a screen reader the time (as when_local wrote it) comes last,
 * after something that ends the sentence. */
must_check enum error message_view_end(const struct sotto_message *message,
                                       const struct message_view *view, const char *time,
                                       struct buffer *out);
/** The members that received and own messages have in common; `has_text`: what it says is one. */
void message_view_members(const struct sotto_message *message, const char *chat, const char *to,
                          bool has_text, struct json_line *line);

#endif
