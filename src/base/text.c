/* SPDX-License-Identifier: ISC */
#include "base/text.h"

#include <string.h>

/* Length of the UTF-8 sequence at `p` with `left` bytes to go, 0 when it is not one (the table of
 * RFC 3629 section 4). */
static size_t sequence_size(const uint8_t *p, size_t left) {
    uint8_t first = p[0];
    size_t size = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (size == 0 || first > 0xf4 || size > left) {
        return 0;
    }
    uint8_t low = 0x80;
    uint8_t high = 0xbf;
    switch (first) {
    case 0xe0:
        low = 0xa0;
        break;
    case 0xed:
        high = 0x9f;
        break;
    case 0xf0:
        low = 0x90;
        break;
    case 0xf4:
        high = 0x8f;
        break;
    default:
        break;
    }
    for (size_t i = 1; i < size; i++) {
        if (p[i] < low || p[i] > high) {
            return 0;
        }
        low = 0x80;
        high = 0xbf;
    }
    return size;
}

bool text_is_utf8(struct bytes text) {
    for (size_t at = 0; at < text.size;) {
        size_t size = sequence_size(text.data + at, text.size - at);
        if (size == 0 || text.data[at] == 0) {
            return false;
        }
        at += size;
    }
    return true;
}

bool text_next_line(struct bytes *rest, struct bytes *line) {
    if (rest->size == 0) {
        return false;
    }
    const uint8_t *newline = memchr(rest->data, '\n', rest->size);
    size_t size = newline == NULL ? rest->size : (size_t)(newline - rest->data);
    size_t used = newline == NULL ? size : size + 1;
    *line = bytes_make(rest->data, size);
    *rest = bytes_make(rest->data + used, rest->size - used);
    return true;
}

struct bytes text_without_comment(struct bytes line) {
    for (size_t i = 0; i < line.size; i++) {
        bool may_begin = i == 0 || line.data[i - 1] == ' ' || line.data[i - 1] == '\t';
        if (line.data[i] == '#' && may_begin) {
            return bytes_make(line.data, i);
        }
    }
    return line;
}

static bool is_letter_or_digit(uint8_t c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool user_name_is_canonical(struct bytes text) {
    if (text.size == 0 || text.size > NAME_MAX_BYTES || !is_letter_or_digit(text.data[0])) {
        return false;
    }
    for (size_t i = 1; i < text.size; i++) {
        uint8_t c = text.data[i];
        if (!is_letter_or_digit(c) && c != '.' && c != '_' && c != '-') {
            return false;
        }
    }
    return true;
}

must_check enum error user_name_parse(struct bytes text, struct user_name *name) {
    memset(name, 0, sizeof(*name));
    if (text.size > NAME_MAX_BYTES) {
        return ERR_NAME_INVALID;
    }
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        name->text[i] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    }
    return user_name_is_canonical(bytes_make(name->text, text.size)) ? OK : ERR_NAME_INVALID;
}

bool user_name_equal(const struct user_name *a, const struct user_name *b) {
    return strcmp(a->text, b->text) == 0;
}

static const char BASE32[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

void base32_encode(const uint8_t *data, size_t bits, char *out) {
    size_t at = 0;
    for (size_t bit = 0; bit < bits; bit += 5) {
        unsigned value = 0;
        for (size_t i = bit; i < bit + 5; i++) {
            unsigned one = i < bits ? ((unsigned)data[i / 8] >> (7 - i % 8)) & 1u : 0;
            value = (value << 1) | one;
        }
        out[at++] = BASE32[value];
    }
    out[at] = '\0';
}

static int base32_value(uint8_t c) {
    if (c >= 'a' && c <= 'z') {
        c = (uint8_t)(c - 'a' + 'A');
    }
    switch (c) {
    case 'O':
        c = '0';
        break;
    case 'I':
    case 'L':
        c = '1';
        break;
    default:
        break;
    }
    const char *found = c == '\0' ? NULL : strchr(BASE32, c);
    return found == NULL ? -1 : (int)(found - BASE32);
}

must_check enum error base32_decode(struct bytes text, size_t characters, uint8_t *out) {
    size_t count = 0;
    memset(out, 0, (5 * characters + 7) / 8);
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        if (c == ' ' || c == '-') {
            continue;
        }
        int value = base32_value(c);
        if (value < 0 || count == characters) {
            return ERR_MALFORMED;
        }
        for (size_t b = 0; b < 5; b++) {
            size_t bit = 5 * count + b;
            unsigned one = ((unsigned)value >> (4 - b)) & 1u;
            out[bit / 8] = (uint8_t)(out[bit / 8] | (one << (7 - bit % 8)));
        }
        count++;
    }
    return count == characters ? OK : ERR_MALFORMED;
}

void base32_group(const char *text, char *out, size_t size) {
    size_t at = 0;
    for (size_t i = 0; text[i] != '\0' && at + 2 < size; i++) {
        if (i > 0 && i % 4 == 0) {
            out[at++] = '-';
        }
        out[at++] = text[i];
    }
    out[at] = '\0';
}

static const char HEX[] = "0123456789abcdef";

void hex_encode(struct bytes data, char *out) {
    for (size_t i = 0; i < data.size; i++) {
        out[2 * i] = HEX[data.data[i] >> 4];
        out[2 * i + 1] = HEX[data.data[i] & 15];
    }
    out[2 * data.size] = '\0';
}

static int hex_value(uint8_t c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

must_check enum error hex_decode(struct bytes text, uint8_t *out, size_t size) {
    if (text.size != 2 * size) {
        return ERR_MALFORMED;
    }
    for (size_t i = 0; i < size; i++) {
        int high = hex_value(text.data[2 * i]);
        int low = hex_value(text.data[2 * i + 1]);
        if (high < 0 || low < 0) {
            return ERR_MALFORMED;
        }
        out[i] = (uint8_t)(high * 16 + low);
    }
    return OK;
}
