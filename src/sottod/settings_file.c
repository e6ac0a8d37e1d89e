/* SPDX-License-Identifier: ISC */
/* sottod.conf, read by inih line by line. inih gets each line prepared, because it would take an
 * indented line for more of the value above it, cut a long line in two, and keep a comment that
 * begins with '#' behind a value. */
#include "sottod/settings.h"

#include "base/text.h"

#include <ini.h>

#include <stdio.h>
#include <string.h>

enum { FILE_MAX_BYTES = 64 * 1024 };

struct reading {
    struct settings *settings;
    struct bytes rest;
    unsigned line;
    enum error error;
    unsigned fault_line;
    char cause[USAGE_MAX_BYTES];
    char *detail;
};

static void fault(struct reading *reading, const char *cause) {
    reading->error = ERR_USAGE;
    reading->fault_line = reading->line;
    snprintf(reading->cause, sizeof(reading->cause), "%s", cause);
}

/* Like fgets for inih: one prepared line a call. */
static char *next_line(char *out, int room, void *stream) {
    struct reading *reading = stream;
    struct bytes whole;
    if (reading->error != OK || !text_next_line(&reading->rest, &whole)) {
        return NULL;
    }
    reading->line++;
    const char *line = (const char *)whole.data;
    size_t size = text_without_comment(whole).size;
    if (memchr(line, '\0', whole.size) != NULL) {
        fault(reading, "a zero byte stands there");
        return NULL;
    }
    while (size > 0 && (*line == ' ' || *line == '\t')) {
        line++;
        size--;
    }
    if (size + 2 > (size_t)room) {
        fault(reading, "the line is too long");
        return NULL;
    }
    if (size > 0 && line[0] == '[') {
        fault(reading, "this file has no sections");
        return NULL;
    }
    memcpy(out, line, size);
    memcpy(out + size, "\n", 2);
    return out;
}

static int on_setting(void *context, const char *section, const char *name, const char *value) {
    struct reading *reading = context;
    (void)section; /* next_line lets none through */
    if (reading->error != OK) {
        return 0;
    }
    reading->error = settings_take(reading->settings, name, value, reading->line, reading->cause,
                                   reading->detail);
    reading->fault_line = reading->line;
    return reading->error == OK ? 1 : 0;
}

static enum error parse(struct reading *reading, char *cause) {
    int bad_line = ini_parse_stream(next_line, reading, on_setting, reading);
    if (bad_line < 0) {
        return ERR_MEMORY;
    }
    if (bad_line > 0 && (reading->error == OK || (unsigned)bad_line < reading->fault_line)) {
        reading->error = ERR_USAGE;
        reading->fault_line = (unsigned)bad_line;
        snprintf(reading->cause, sizeof(reading->cause), "the line is not NAME = VALUE");
        reading->detail[0] = '\0';
    }
    if (reading->error != OK) {
        snprintf(cause, USAGE_MAX_BYTES, "%.120s:%u: %.120s", reading->settings->file,
                 reading->fault_line, reading->cause);
    }
    return reading->error;
}

must_check enum error settings_read_file(struct settings *settings, bool may_lack, char *cause,
                                         char *detail) {
    unsigned mode = 0;
    struct buffer text;
    buffer_init(&text, FILE_MAX_BYTES);
    enum error error = file_read_shared(settings->file, &text, &mode);
    if (error == OK) {
        struct reading reading = {
            .settings = settings, .rest = {text.data, text.size}, .detail = detail};
        settings->has_file = true;
        error = parse(&reading, cause);
    } else if (error == ERR_NOT_FOUND) {
        error = may_lack ? OK : ERR_USAGE;
        snprintf(cause, USAGE_MAX_BYTES, "there is no file %.200s", settings->file);
    } else if (error == ERR_STORE_PERMISSIONS) {
        error = ERR_USAGE;
        snprintf(cause, USAGE_MAX_BYTES, "%.160s can be written by others (its mode is %04o)",
                 settings->file, mode);
        snprintf(detail, USAGE_MAX_BYTES,
                 "Whoever can write it rules the server:  chmod go-w FILE");
    } else {
        error = ERR_USAGE;
        snprintf(cause, USAGE_MAX_BYTES, "%.160s cannot be read, or is larger than 64 KiB",
                 settings->file);
    }
    buffer_clear(&text);
    return error;
}
