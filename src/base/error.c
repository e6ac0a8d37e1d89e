/* SPDX-License-Identifier: ISC */
#include "base/error.h"

#include <string.h>

struct entry {
    uint16_t number;
    const char *code;
    int exit;
    bool retry;
    const char *text;
    const char *help;
};

static const struct entry catalogue[] = {
#define E(id, number, code, exit, retry, text, help) {number, code, exit, retry, text, help},
#include "base/errors.def"
#undef E
};

enum { ENTRIES = sizeof(catalogue) / sizeof(catalogue[0]) };

bool error_is_listed(enum error error) {
    return error > ERR_LAST_STATUS && error < ERR_COUNT;
}

static const struct entry *entry_of(enum error error) {
    if (!error_is_listed(error)) {
        error = ERR_INTERNAL;
    }
    return &catalogue[error - ERR_LAST_STATUS - 1];
}

const char *error_code(enum error error) {
    return entry_of(error)->code;
}

int error_exit(enum error error) {
    return error == OK ? 0 : entry_of(error)->exit;
}

bool error_retry(enum error error) {
    return entry_of(error)->retry;
}

const char *error_text(enum error error) {
    return entry_of(error)->text;
}

const char *error_help(enum error error) {
    return entry_of(error)->help;
}

uint16_t error_number(enum error error) {
    return entry_of(error)->number;
}

enum error error_from_number(uint16_t number) {
    for (int i = 0; number != 0 && i < ENTRIES; i++) {
        if (catalogue[i].number == number) {
            return (enum error)(ERR_LAST_STATUS + 1 + i);
        }
    }
    return ERR_PROTOCOL_ERROR;
}

enum error error_from_code(const char *code) {
    for (int i = 0; i < ENTRIES; i++) {
        if (strcmp(catalogue[i].code, code) == 0) {
            return (enum error)(ERR_LAST_STATUS + 1 + i);
        }
    }
    return OK;
}

static const char *value_of(const struct error_value *values, size_t count, const char *name,
                            size_t size) {
    for (size_t i = 0; i < count; i++) {
        if (strlen(values[i].name) == size && memcmp(values[i].name, name, size) == 0) {
            return values[i].value == NULL ? "" : values[i].value;
        }
    }
    return "";
}

static size_t put(char *out, size_t size, size_t at, const char *text, size_t length) {
    for (size_t i = 0; i < length && at + 1 < size; i++) {
        out[at++] = text[i];
    }
    return at;
}

void error_fill(const char *pattern, const struct error_value *values, size_t count, char *out,
                size_t size) {
    size_t at = 0;
    if (size == 0) {
        return;
    }
    for (const char *p = pattern; *p != '\0';) {
        const char *end = *p == '{' ? strchr(p, '}') : NULL;
        if (end == NULL) {
            at = put(out, size, at, p, 1);
            p++;
            continue;
        }
        const char *value = value_of(values, count, p + 1, (size_t)(end - p - 1));
        at = put(out, size, at, value, strlen(value));
        p = end + 1;
    }
    out[at] = '\0';
}
