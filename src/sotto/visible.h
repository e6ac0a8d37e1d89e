/* SPDX-License-Identifier: ISC */
/* Text from others, made safe for a terminal or a log: what could move the cursor, hide, or reorder
 * is shown as what it is, and no text can begin a line that looks like one of ours. */
#ifndef SOTTO_SOTTO_VISIBLE_H
#define SOTTO_SOTTO_VISIBLE_H

#include "base/bytes.h"

enum {
    VISIBLE_MAX_BYTES = 1 << 20, /**< cap for a buffer that takes any one message */
    VISIBLE_COLUMNS_MIN = 16,    /**< narrower terminals are treated as this wide */
    VISIBLE_INDENT = 2,          /**< columns before every line but the first */
};

/** How a text is laid out. */
struct visible_layout {
    bool one_line;  /**< line ends are shown as \x0a; else the next line begins with two spaces */
    size_t column;  /**< where on its row the text begins */
    size_t columns; /**< width of the terminal, rows are broken before it; 0: rows are not broken */
};

/** Appends `text` to `out`. Shown as \xNN: bytes that are not UTF-8, C0 and C1 controls, DEL; as
 * \uNNNN or \UNNNNNNNN: format characters (bidi controls, joiners, tags), line and paragraph
 * separators, private use, and everything that Unicode lets a screen leave out, save the two
 * variation selectors that choose between emoji and text. A tab becomes four spaces; CR LF is a
 * line end. ERR_LIMIT when `out` is full, ERR_MEMORY. */
must_check enum error visible_text(struct bytes text, const struct visible_layout *layout,
                                   struct buffer *out);

/** `text` as one line into `out` (`size` bytes, always terminated), cut before what does not fit.
 */
void visible_line(const char *text, char *out, size_t size);

#endif
