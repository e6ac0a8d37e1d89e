/* SPDX-License-Identifier: ISC */
#include "sotto-sendmail/header.h"

#include "sotto-sendmail/charset.h"
#include "sotto-sendmail/code.h"

#include "base/text.h"

#include <string.h>
#include <strings.h>

enum { WORD_BYTES_MAX = 4096 };

static struct bytes from(struct bytes bytes, size_t at) {
    return bytes_make(bytes.data + at, bytes.size - at);
}

static bool is_blank(uint8_t c) {
    return c == ' ' || c == '\t';
}

static size_t find(struct bytes bytes, uint8_t c) {
    const uint8_t *found = bytes.size == 0 ? NULL : memchr(bytes.data, c, bytes.size);
    return found == NULL ? bytes.size : (size_t)(found - bytes.data);
}

bool header_line(struct bytes *rest, struct bytes *line) {
    bool is_there = text_next_line(rest, line);
    if (is_there && line->size > 0 && line->data[line->size - 1] == '\r') {
        line->size--;
    }
    return is_there;
}

/* How long the name in front of a colon is (printable, no space); 0: this is no field. */
static size_t name_size(struct bytes line) {
    size_t size = 0;
    while (size < line.size && line.data[size] > ' ' && line.data[size] < 0x7f &&
           line.data[size] != ':') {
        size++;
    }
    return size < line.size && line.data[size] == ':' ? size : 0;
}

bool header_next(struct bytes *rest, struct field *field) {
    struct bytes after = *rest;
    struct bytes line;
    if (!header_line(&after, &line)) {
        return false;
    }
    size_t size = name_size(line);
    if (size == 0) {
        *rest = line.size == 0 ? after : *rest;
        return false;
    }
    const uint8_t *value = line.data + size + 1;
    while (after.size > 0 && is_blank(after.data[0])) {
        (void)header_line(&after, &line); /* there is one */
    }
    field->name = bytes_make(rest->data, size);
    field->value = bytes_make(value, (size_t)(line.data + line.size - value));
    *rest = after;
    return true;
}

bool header_is(const struct field *field, const char *name) {
    return field->name.size == strlen(name) &&
           strncasecmp((const char *)field->name.data, name, field->name.size) == 0;
}

/* ---- encoded words: =?CHARSET?Q?TEXT?= */

struct word {
    char charset[CHARSET_NAME_BYTES];
    bool is_base64;
    struct bytes text;
    size_t size; /* of all of it */
};

static bool take_word(struct bytes at, struct word *word) {
    if (at.size < 8 || at.data[0] != '=' || at.data[1] != '?') {
        return false;
    }
    struct bytes rest = from(at, 2);
    size_t charset = find(rest, '?');
    size_t language = find(bytes_make(rest.data, charset), '*'); /* RFC 2231: charset*en */
    if (charset + 3 >= rest.size || language >= sizeof(word->charset) ||
        rest.data[charset + 2] != '?') {
        return false;
    }
    memcpy(word->charset, rest.data, language);
    word->charset[language] = '\0';
    uint8_t how = rest.data[charset + 1];
    word->is_base64 = how == 'B' || how == 'b';
    if (!word->is_base64 && how != 'Q' && how != 'q') {
        return false;
    }
    rest = from(rest, charset + 3);
    size_t text = find(rest, '?');
    if (text + 1 >= rest.size || rest.data[text + 1] != '=' || text > WORD_BYTES_MAX) {
        return false;
    }
    word->text = bytes_make(rest.data, text);
    word->size = at.size - rest.size + text + 2;
    return true;
}

static must_check enum error put_word(const struct word *word, struct buffer *out) {
    struct buffer decoded;
    buffer_init(&decoded, WORD_BYTES_MAX);
    enum error error = word->is_base64 ? code_base64(word->text, &decoded)
                                       : code_quoted(word->text, true, &decoded);
    if (error == OK) {
        error = charset_append(word->charset, buffer_view(&decoded), out);
    }
    buffer_clear(&decoded);
    return error;
}

/* White space in front, as far as it goes. */
static size_t blanks(struct bytes text) {
    size_t size = 0;
    while (size < text.size &&
           (is_blank(text.data[size]) || text.data[size] == '\r' || text.data[size] == '\n')) {
        size++;
    }
    return size;
}

/* What stands before the next encoded word, its characters as they are. */
static must_check enum error put_plain(struct bytes *rest, struct buffer *out) {
    size_t size = 1;
    struct word word;
    while (size < rest->size && !take_word(from(*rest, size), &word)) {
        size++;
    }
    enum error error = charset_append("", bytes_make(rest->data, size), out);
    *rest = from(*rest, size);
    return error;
}

/* Line ends and tabs of folding become spaces. */
static void flatten(struct buffer *line, size_t begin) {
    size_t to = begin;
    for (size_t i = begin; i < line->size; i++) {
        bool is_end = line->data[i] == '\n' || line->data[i] == '\r';
        if (!is_end) {
            line->data[to++] = line->data[i] == '\t' ? ' ' : line->data[i];
        }
    }
    while (to > begin && line->data[to - 1] == ' ') {
        to--;
    }
    line->size = to;
}

must_check enum error header_text(struct bytes value, struct buffer *out) {
    struct bytes rest = from(value, blanks(value));
    size_t begin = out->size;
    bool was_word = false;
    enum error error = OK;
    while (rest.size > 0 && error == OK) {
        struct word word;
        size_t gap = was_word ? blanks(rest) : 0; /* between two words it does not count */
        if (take_word(from(rest, gap), &word)) {
            error = put_word(&word, out);
            rest = from(rest, gap + word.size);
            was_word = true;
        } else {
            error = put_plain(&rest, out);
            was_word = false;
        }
    }
    if (error == OK) {
        flatten(out, begin);
    }
    return error;
}

/* ---- parameters */

void header_token(struct bytes value, char *out, size_t size) {
    struct bytes rest = from(value, blanks(value));
    size_t at = 0;
    while (at < rest.size && at + 1 < size && rest.data[at] > ' ' && rest.data[at] != ';') {
        uint8_t c = rest.data[at];
        out[at++] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    }
    out[at] = '\0';
}

/* The value behind '=', quoted or not. */
static void take_value(struct bytes rest, char *out, size_t size) {
    bool is_quoted = rest.size > 0 && rest.data[0] == '"';
    size_t at = is_quoted ? 1 : 0;
    size_t length = 0;
    for (; at < rest.size; at++) {
        uint8_t c = rest.data[at];
        if (is_quoted ? c == '"' : c <= ' ' || c == ';') {
            break;
        }
        if (is_quoted && c == '\\' && at + 1 < rest.size) {
            c = rest.data[++at];
        }
        if (length + 1 == size) {
            out[0] = '\0';
            return;
        }
        out[length++] = (char)c;
    }
    out[length] = '\0';
}

void header_parameter(struct bytes value, const char *name, char *out, size_t size) {
    size_t length = strlen(name);
    out[0] = '\0';
    for (size_t at = find(value, ';'); at < value.size; at += 1 + find(from(value, at + 1), ';')) {
        struct bytes rest = from(value, at + 1);
        rest = from(rest, blanks(rest));
        if (rest.size > length && rest.data[length] == '=' &&
            strncasecmp((const char *)rest.data, name, length) == 0) {
            take_value(from(rest, length + 1), out, size);
            return;
        }
    }
}
