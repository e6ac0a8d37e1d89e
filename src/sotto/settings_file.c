/* SPDX-License-Identifier: ISC */
/* sotto.conf, read by inih line by line. inih gets each line prepared: it would cut a long line in
 * two, and keep a comment that begins with '#' behind a value. */
#include "sotto/settings.h"

#include "base/text.h"
#include "platform/files.h"
#include "sotto/fault.h"

#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <string.h>

struct reading {
    struct settings *settings;
    const char *file;
    struct bytes rest;
    unsigned line;
    bool has_name; /**< a value stands above, under the same section */
    bool goes_on;  /**< the line is indented: more of that value */
    int status;
    struct sotto_error *error;
};

static void check_section(struct reading *reading, const char *line, size_t size) {
    const char *end = memchr(line, ']', size);
    size_t length = end == NULL ? size - 1 : (size_t)(end - line) - 1;
    if (settings_section(line + 1, length) != SECTIONS) {
        return;
    }
    char name[64];
    char help[160];
    snprintf(name, sizeof(name), "%.*s", (int)(length < 60 ? length : 60), line + 1);
    settings_suggest_section(name, help, sizeof(help));
    reading->status = settings_fault(reading->error, reading->file, reading->line, help,
                                     "there is no section [%s]", name);
}

static void fault(struct reading *reading, const char *help, const char *what) {
    reading->status =
        settings_fault(reading->error, reading->file, reading->line, help, "%s", what);
}

/* Like fgets for inih: one prepared line a call. */
static char *next_line(char *out, int room, void *stream) {
    struct reading *reading = stream;
    struct bytes line;
    if (reading->status != 0 || !text_next_line(&reading->rest, &line)) {
        return NULL;
    }
    reading->line++;
    const char *text = (const char *)line.data;
    size_t size = text_without_comment(line).size;
    size_t indent = 0;
    while (indent < size && (text[indent] == ' ' || text[indent] == '\t')) {
        indent++;
    }
    reading->goes_on = indent > 0 && indent < size && reading->has_name;
    if (memchr(text, '\0', line.size) != NULL) {
        fault(reading, "", "a zero byte stands there");
    } else if (size + 2 > (size_t)room) {
        fault(reading, "A value goes on in the next line when that is indented.",
              "the line is too long");
    } else if (indent < size && text[indent] == '[' && !reading->goes_on) {
        reading->has_name = false;
        check_section(reading, text + indent, size - indent);
    }
    if (reading->status != 0) {
        return NULL;
    }
    memcpy(out, text, size);
    memcpy(out + size, "\n", 2);
    return out;
}

static int on_setting(void *context, const char *section, const char *name, const char *value) {
    struct reading *reading = context;
    if (reading->status == 0) {
        reading->status =
            settings_take(reading->settings, settings_section(section, strlen(section)), name,
                          value, reading->file, reading->line, reading->goes_on, reading->error);
        reading->has_name = true;
    }
    return reading->status == 0 ? 1 : 0;
}

static int parse(struct reading *reading) {
    int bad_line = ini_parse_stream(next_line, reading, on_setting, reading);
    if (bad_line != 0 && reading->status == 0) {
        reading->line = bad_line > 0 ? (unsigned)bad_line : reading->line;
        fault(reading, "", bad_line > 0 ? "the line is not NAME = VALUE" : "out of memory");
    }
    return reading->status;
}

/* Whoever can write the folder can put another file there. */
static enum error check_folder(const char *file, char folder[PATH_MAX_BYTES], unsigned *mode) {
    const char *slash = strrchr(file, '/');
    if (slash == NULL || slash == file) {
        return OK; /* the folder of whoever calls, or the root */
    }
    snprintf(folder, PATH_MAX_BYTES, "%.*s", (int)(slash - file), file);
    return file_check_shared(folder, mode);
}

/* Whoever can write the file, or put another one in its place, chooses who gets messages. */
static int open_to_others(const char *path, unsigned mode, struct sotto_error *error) {
    char shown[8];
    snprintf(shown, sizeof(shown), "%04o", mode);
    const struct error_value values[] = {{"path", path}, {"detail", shown}, {"cause", "go-w"}};
    return fault_set(error, ERR_STORE_PERMISSIONS, values, 3);
}

static int unreadable(const char *file, enum error why, struct sotto_error *error) {
    int number = errno;
    if (why == ERR_LIMIT) {
        return settings_fault(error, file, 0, "", "it is larger than 256 KiB");
    }
    return fault_storage(error, file, number == 0 ? EINVAL : number, "Nothing was done.");
}

must_check int settings_read_file(struct settings *settings, const char *file, bool may_lack,
                                  struct sotto_error *error) {
    char folder[PATH_MAX_BYTES];
    unsigned mode = 0;
    struct buffer text;
    buffer_init(&text, SETTINGS_FILE_MAX_BYTES);
    int status = 0;
    enum error read = file_read_shared(file, &text, &mode);
    if (read == OK && check_folder(file, folder, &mode) == ERR_STORE_PERMISSIONS) {
        status = open_to_others(folder, mode, error);
    } else if (read == OK) {
        struct reading reading = {
            .settings = settings, .file = file, .rest = buffer_view(&text), .error = error};
        status = parse(&reading);
    } else if (read == ERR_NOT_FOUND) {
        status = may_lack ? 0 : settings_fault(error, file, 0, "", "there is no such file");
    } else if (read == ERR_STORE_PERMISSIONS) {
        status = open_to_others(file, mode, error);
    } else {
        status = unreadable(file, read, error);
    }
    buffer_clear(&text);
    return status;
}
