/* SPDX-License-Identifier: ISC */
#include "base/report.h"

#include "base/require.h"

#include <stdio.h>
#include <string.h>

/* C0, DEL and (in UTF-8) C1 could move the cursor or colour the terminal; a value may come from a
 * peer. */
static void defuse(char *text) {
    for (unsigned char *p = (unsigned char *)text; *p != '\0'; p++) {
        if ((*p < 0x20 && *p != '\n') || *p == 0x7f) {
            *p = '?';
        } else if (*p == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0) {
            p[0] = '?';
            p[1] = '?';
        }
    }
}

void error_line(const char *pattern, const struct error_value *values, size_t count, char *out,
                size_t size) {
    error_fill(pattern, values, count, out, size);
    defuse(out);
}

static size_t append(char *out, size_t size, size_t at, const char *prefix, const char *text,
                     size_t length) {
    if (at >= size) {
        return at;
    }
    int written = snprintf(out + at, size - at, "%s%.*s\n", prefix, (int)length, text);
    return written < 0 ? at : at + (size_t)written;
}

static const char *trimmed(const char *line, size_t *length) {
    /* "{effect} Try again." without an effect begins with the space between the two. */
    if (*length > 1 && line[0] == ' ' && line[1] != ' ') {
        line++;
        (*length)--;
    }
    while (*length > 0 && line[*length - 1] == ' ') {
        (*length)--;
    }
    return line;
}

void error_report(const char *program, enum error error, const struct error_value *values,
                  size_t count, char *out, size_t size) {
    char filled[REPORT_MAX_BYTES];
    char tail[80];
    size_t at = 0;
    require(size > 0 && count <= REPORT_VALUES_MAX);
    out[0] = '\0';
    int length = snprintf(filled, sizeof(filled), "%s: ", program);
    require(length > 0 && (size_t)length < sizeof(filled));
    error_line(error_text(error), values, count, filled + length, sizeof(filled) - (size_t)length);
    at = append(out, size, at, "", filled, strlen(filled));
    error_line(error_help(error), values, count, filled, sizeof(filled));
    for (const char *line = filled; *line != '\0';) {
        size_t whole = strcspn(line, "\n");
        size_t shown = whole;
        const char *start = trimmed(line, &shown);
        if (shown > 0) {
            at = append(out, size, at, "  ", start, shown);
        }
        line += whole + (line[whole] == '\n' ? 1 : 0);
    }
    snprintf(tail, sizeof(tail), "[%s, exit %d]", error_code(error), error_exit(error));
    append(out, size, at, "  ", tail, strlen(tail));
}
