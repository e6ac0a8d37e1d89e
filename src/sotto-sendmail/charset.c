/* SPDX-License-Identifier: ISC */
#include "sotto-sendmail/charset.h"

#include "base/text.h"

#include <errno.h>
#include <iconv.h>
#include <string.h>
#include <strings.h>

static const char REPLACEMENT[] = "\xef\xbf\xbd";

/* How many bytes the UTF-8 character at the front of `text` has; 0: there is none. */
static size_t character_size(struct bytes text) {
    uint8_t first = text.data[0];
    size_t size = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    return first != 0 && size <= text.size && text_is_utf8(bytes_make(text.data, size)) ? size : 0;
}

static must_check enum error append_clean(struct bytes text, struct buffer *out) {
    enum error error = OK;
    while (text.size > 0 && error == OK) {
        size_t size = character_size(text);
        bool is_line_end =
            size == 1 && text.data[0] == '\r' && text.size > 1 && text.data[1] == '\n';
        if (size == 0) {
            error = buffer_append(out, bytes_of_string(REPLACEMENT));
            size = 1;
        } else if (!is_line_end) {
            error = buffer_append(out, bytes_make(text.data, size));
        }
        text = bytes_make(text.data + size, text.size - size);
    }
    return error;
}

static bool is_utf8_name(const char *charset) {
    static const char *const NAMES[] = {"", "utf-8", "utf8", "us-ascii", "ascii", "ansi_x3.4-1968"};
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
        if (strcasecmp(charset, NAMES[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* Through iconv, piece by piece; a byte that it does not take is left as it is. */
static must_check enum error convert(iconv_t converter, struct bytes text, struct buffer *out) {
    char *from = (char *)(uintptr_t)text.data; /* iconv reads through it only */
    size_t left = text.size;
    enum error error = OK;
    while (left > 0 && error == OK) {
        char piece[1024];
        char *to = piece;
        size_t room = sizeof(piece);
        errno = 0;
        size_t result = iconv(converter, &from, &left, &to, &room);
        int why = errno;
        error = buffer_append(out, bytes_make(piece, sizeof(piece) - room));
        if (result == (size_t)-1 && why != E2BIG && error == OK && left > 0) {
            error = buffer_append(out, bytes_make(from, 1));
            from++;
            left--;
        }
    }
    return error;
}

must_check enum error charset_append(const char *charset, struct bytes text, struct buffer *out) {
    iconv_t none = (iconv_t)-1; // NOLINT(performance-no-int-to-ptr): so POSIX has it
    iconv_t converter = is_utf8_name(charset) ? none : iconv_open("UTF-8", charset);
    if (converter == none) {
        return append_clean(text, out);
    }
    struct buffer converted;
    buffer_init(&converted, 4 * text.size + 64);
    enum error error = convert(converter, text, &converted);
    if (error == OK) {
        error = append_clean(buffer_view(&converted), out);
    }
    buffer_clear(&converted);
    (void)iconv_close(converter); /* fails on no converter only */
    return error;
}
