/* SPDX-License-Identifier: ISC */
#include "sotto-sendmail/code.h"

enum { NO_VALUE = 64 };

static unsigned value_of(uint8_t c) {
    if (c >= 'A' && c <= 'Z') {
        return (unsigned)(c - 'A');
    }
    if (c >= 'a' && c <= 'z') {
        return (unsigned)(c - 'a') + 26;
    }
    if (c >= '0' && c <= '9') {
        return (unsigned)(c - '0') + 52;
    }
    return c == '+' ? 62U : c == '/' ? 63U : (unsigned)NO_VALUE;
}

must_check enum error code_base64(struct bytes text, struct buffer *out) {
    uint32_t bits = 0;
    unsigned count = 0; /* of bits that wait, fewer than 8 */
    enum error error = OK;
    for (size_t i = 0; i < text.size && text.data[i] != '=' && error == OK; i++) {
        unsigned value = value_of(text.data[i]);
        if (value == NO_VALUE) {
            continue;
        }
        bits = (bits << 6 | value) & 0xffff;
        count += 6;
        if (count >= 8) {
            count -= 8;
            uint8_t byte = (uint8_t)(bits >> count);
            error = buffer_append(out, bytes_make(&byte, 1));
        }
    }
    return error;
}

static int digit_of(uint8_t c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                  : -1;
}

/* How long the soft line break at `at` is ("=", white space, line end); 0: there is none. */
static size_t soft_break(struct bytes text, size_t at) {
    size_t end = at + 1;
    while (end < text.size &&
           (text.data[end] == ' ' || text.data[end] == '\t' || text.data[end] == '\r')) {
        end++;
    }
    if (end == text.size) {
        return end - at;
    }
    return text.data[end] == '\n' ? end + 1 - at : 0;
}

must_check enum error code_quoted(struct bytes text, bool is_word, struct buffer *out) {
    enum error error = OK;
    for (size_t i = 0; i < text.size && error == OK;) {
        uint8_t byte = text.data[i];
        size_t used = 1;
        size_t broken = byte == '=' && !is_word ? soft_break(text, i) : 0;
        int high = i + 2 < text.size ? digit_of(text.data[i + 1]) : -1;
        int low = i + 2 < text.size ? digit_of(text.data[i + 2]) : -1;
        if (broken > 0) {
            i += broken;
            continue;
        }
        if (byte == '=' && high >= 0 && low >= 0) {
            byte = (uint8_t)(high << 4 | low);
            used = 3;
        } else if (is_word && byte == '_') {
            byte = ' ';
        }
        error = buffer_append(out, bytes_make(&byte, 1));
        i += used;
    }
    return error;
}
