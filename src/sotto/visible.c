/* SPDX-License-Identifier: ISC */
#include "sotto/visible.h"

#include <stdio.h>
#include <string.h>
#include <utf8proc.h>

enum { TAB_COLUMNS = 4, SHOWN_MAX_BYTES = 12 };

/* One step of the text: what to append for it, and how many columns that takes. */
struct piece {
    char text[SHOWN_MAX_BYTES];
    size_t size;
    size_t columns;
};

/* The row being written. `space` is the offset in the buffer of its last space that came from the
 * text and has text before it, where it can be broken; 0 when there is none. */
struct row {
    const struct visible_layout *layout;
    size_t column;
    size_t space;
    size_t space_column;
};

static bool is_hidden(utf8proc_int32_t point, const utf8proc_property_t *property) {
    if (point == 0xfe0e || point == 0xfe0f) { /* text or emoji style of the character before it */
        return false;
    }
    switch (property->category) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
        return true;
    default:
        return property->ignorable;
    }
}

static void piece_escape(struct piece *piece, utf8proc_int32_t point) {
    unsigned number = (unsigned)point;
    int size = 0;
    if (number < 0x100) {
        size = snprintf(piece->text, sizeof(piece->text), "\\x%02x", number);
    } else if (number < 0x10000) {
        size = snprintf(piece->text, sizeof(piece->text), "\\u%04x", number);
    } else {
        size = snprintf(piece->text, sizeof(piece->text), "\\U%08x", number);
    }
    piece->size = (size_t)size;
    piece->columns = (size_t)size;
}

/* Reads one character at `p` into `piece`; returns how many bytes it took. */
static size_t piece_read(struct piece *piece, const uint8_t *p, size_t left) {
    utf8proc_int32_t point = -1;
    utf8proc_ssize_t size = utf8proc_iterate(p, (utf8proc_ssize_t)(left < 4 ? left : 4), &point);
    if (size <= 0) {
        piece_escape(piece, p[0]);
        return 1;
    }
    if (point == '\t') {
        memset(piece->text, ' ', TAB_COLUMNS);
        piece->size = TAB_COLUMNS;
        piece->columns = TAB_COLUMNS;
        return (size_t)size;
    }
    const utf8proc_property_t *property = utf8proc_get_property(point);
    if (is_hidden(point, property)) {
        piece_escape(piece, point);
    } else {
        memcpy(piece->text, p, (size_t)size);
        piece->size = (size_t)size;
        piece->columns = (size_t)utf8proc_charwidth(point);
    }
    return (size_t)size;
}

static must_check enum error row_begin(struct row *row, struct buffer *out) {
    row->column = VISIBLE_INDENT;
    row->space = 0;
    return buffer_append(out, bytes_of_string("\n  "));
}

/* Breaks the row at its last space, or here. */
static must_check enum error row_break(struct row *row, struct buffer *out) {
    if (row->space == 0) {
        return row_begin(row, out);
    }
    size_t tail = out->size - row->space - 1;
    size_t tail_columns = row->column - row->space_column - 1;
    uint8_t *unused = NULL;
    enum error error = buffer_extend(out, VISIBLE_INDENT, &unused);
    if (error != OK) {
        return error;
    }
    uint8_t *at = out->data + row->space;
    memmove(at + 1 + VISIBLE_INDENT, at + 1, tail);
    memcpy(at, "\n  ", 1 + VISIBLE_INDENT);
    row->column = VISIBLE_INDENT + tail_columns;
    row->space = 0;
    return OK;
}

static must_check enum error row_put(struct row *row, const struct piece *piece, bool is_space,
                                     struct buffer *out) {
    size_t columns = row->layout->columns;
    if (columns > 0 && columns < VISIBLE_COLUMNS_MIN) {
        columns = VISIBLE_COLUMNS_MIN;
    }
    /* The last column stays free: terminals differ in what they do after it. */
    while (columns > 0 && piece->columns > 0 && row->column > VISIBLE_INDENT &&
           row->column + piece->columns >= columns) {
        if (is_space) { /* it ends the row in place of being shown */
            return row_begin(row, out);
        }
        enum error error = row_break(row, out);
        if (error != OK) {
            return error;
        }
    }
    if (is_space && row->column > VISIBLE_INDENT) {
        row->space = out->size;
        row->space_column = row->column;
    }
    row->column += piece->columns;
    return buffer_append(out, bytes_make(piece->text, piece->size));
}

must_check enum error visible_text(struct bytes text, const struct visible_layout *layout,
                                   struct buffer *out) {
    struct row row = {.layout = layout, .column = layout->column};
    enum error error = OK;
    for (size_t at = 0; at < text.size && error == OK;) {
        const uint8_t *p = text.data + at;
        size_t left = text.size - at;
        bool is_crlf = left > 1 && p[0] == '\r' && p[1] == '\n';
        if (!layout->one_line && (p[0] == '\n' || is_crlf)) {
            error = row_begin(&row, out);
            at += is_crlf ? 2 : 1;
            continue;
        }
        struct piece piece = {.size = 0};
        at += piece_read(&piece, p, left);
        error = row_put(&row, &piece, p[0] == ' ', out);
    }
    return error;
}

void visible_line(const char *text, char *out, size_t size) {
    size_t length = strlen(text);
    size_t used = 0;
    for (size_t at = 0; at < length;) {
        struct piece piece = {.size = 0};
        at += piece_read(&piece, (const uint8_t *)text + at, length - at);
        if (used + piece.size >= size) {
            break;
        }
        memcpy(out + used, piece.text, piece.size);
        used += piece.size;
    }
    if (size > 0) {
        out[used] = '\0';
    }
}
