/* SPDX-License-Identifier: ISC */
#include "sotto/settings.h"

#include "base/duration.h"
#include "base/limits.h"
#include "base/require.h"
#include "base/suggest.h"
#include "sotto/fault.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind { KIND_PROFILE, KIND_DURATION, KIND_SWITCH, KIND_PATH };

static const struct {
    enum section section;
    const char *name;
    enum kind kind;
    const char *standard;
} SETTING_ROWS[SETTINGS] = {
    [SETTING_PROFILE] = {SECTION_CLIENT, "profile", KIND_PROFILE, "default"},
    [SETTING_TIMEOUT] = {SECTION_CLIENT, "timeout", KIND_DURATION, "15s"},
    [SETTING_REQUIRE_VERIFIED] = {SECTION_CLIENT, "require-verified", KIND_SWITCH, "no"},
    [SETTING_PASSPHRASE_FILE] = {SECTION_CLIENT, "passphrase-file", KIND_PATH, ""},
    [SETTING_PLAIN] = {SECTION_SCREEN, "plain", KIND_SWITCH, "no"},
};

static const char *const SECTION_NAMES[SECTIONS] = {
    [SECTION_CLIENT] = "client",
    [SECTION_SCREEN] = "screen",
    [SECTION_ALIAS] = "alias",
    [SECTION_MAIL] = "mail",
};

/* The system's lines come first, so of two the later one holds. */
struct settings {
    struct setting_line *lines;
    size_t count;
    size_t capacity;
};

int settings_fault(struct sotto_error *error, const char *file, unsigned line, const char *help,
                   const char *format, ...) {
    char cause[sizeof(error->message)];
    char place[16] = "";
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(cause, sizeof(cause), format, arguments);
    va_end(arguments);
    if (line > 0) {
        snprintf(place, sizeof(place), "%u:", line);
    }
    return fault_usage(error, help, "%.170s:%s %.130s", file, place, cause);
}

enum section settings_section(const char *name, size_t size) {
    for (int i = 0; i < SECTIONS; i++) {
        if (strlen(SECTION_NAMES[i]) == size && memcmp(SECTION_NAMES[i], name, size) == 0) {
            return (enum section)i;
        }
    }
    return SECTIONS;
}

void settings_suggest_section(const char *name, char *out, size_t size) {
    const char *near = word_suggest(name, SECTION_NAMES, SECTIONS);
    if (near != NULL) {
        snprintf(out, size, "Did you mean [%s]?", near);
    } else {
        snprintf(out, size, "There are [client], [screen], [alias] and [mail].");
    }
}

const char *setting_name(enum setting setting) {
    require(setting < SETTINGS);
    return SETTING_ROWS[setting].name;
}

const char *setting_standard(enum setting setting) {
    require(setting < SETTINGS);
    return SETTING_ROWS[setting].standard;
}

bool setting_is_profile(const char *name) {
    static const char ALLOWED[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t size = strlen(name);
    return size > 0 && size <= PROFILE_MAX_BYTES && name[0] != '.' && name[0] != '-' &&
           strspn(name, ALLOWED) == size;
}

/* ---- judging a line */

static bool is_value(enum kind kind, const char *value) {
    uint64_t ms = 0;
    switch (kind) {
    case KIND_PROFILE:
        return setting_is_profile(value);
    case KIND_DURATION:
        return duration_parse(value, &ms) && ms <= UINT32_MAX;
    case KIND_SWITCH:
        return strcmp(value, "yes") == 0 || strcmp(value, "no") == 0;
    case KIND_PATH:
        return value[0] == '/';
    }
    return false;
}

static const char *help_for(enum kind kind) {
    switch (kind) {
    case KIND_PROFILE:
        return "1 to 64 letters, digits and . _ - , beginning with a letter or digit.";
    case KIND_DURATION:
        return "A whole number and a unit, up to 49 days:  15s, 5m, 2h, 7d";
    case KIND_SWITCH:
        return "It is yes or no.";
    case KIND_PATH:
        return "A path that begins with '/'.";
    }
    return "";
}

/* Which setting of the section it is; SETTINGS, and the error, for none. */
static enum setting find_setting(const struct setting_line *line, struct sotto_error *error) {
    const char *known[SETTINGS];
    char help[80] = "More:   man sotto.conf";
    for (int i = 0; i < SETTINGS; i++) {
        bool fits = SETTING_ROWS[i].section == line->section;
        if (fits && strcmp(SETTING_ROWS[i].name, line->name) == 0) {
            return (enum setting)i;
        }
        known[i] = fits ? SETTING_ROWS[i].name : NULL;
    }
    const char *near = word_suggest(line->name, known, SETTINGS);
    if (near != NULL) {
        snprintf(help, sizeof(help), "Did you mean '%s'?", near);
    }
    (void)settings_fault(error, line->file, line->line, help, "[%s] has no '%.60s'",
                         SECTION_NAMES[line->section], line->name);
    return SETTINGS;
}

bool settings_next_name(const char **list, char name[SETTING_NAME_BYTES]) {
    if (*list == NULL) {
        return false;
    }
    const char *begin = *list + strspn(*list, " \t");
    const char *end = begin + strcspn(begin, ",");
    *list = *end == ',' ? end + 1 : NULL;
    while (end > begin && (end[-1] == ' ' || end[-1] == '\t')) {
        end--;
    }
    size_t size = (size_t)(end - begin);
    size = size < SETTING_NAME_BYTES ? size : SETTING_NAME_BYTES - 1;
    memcpy(name, begin, size);
    name[size] = '\0';
    return true;
}

static int check_list(const struct setting_line *line, struct sotto_error *error) {
    const char *list = line->value;
    char typed[SETTING_NAME_BYTES];
    size_t count = 0;
    for (; settings_next_name(&list, typed); count++) {
        char name[SOTTO_NAME_SIZE];
        struct sotto_error spare;
        if (sotto_name_check(typed, name, &spare) != 0) {
            return settings_fault(error, line->file, line->line,
                                  "A list of names, separated by commas:  ana,bob,carol",
                                  "'%s' is not a user name", typed);
        }
    }
    return count <= RECIPIENTS_MAX ? 0
                                   : settings_fault(error, line->file, line->line, "",
                                                    "more than %d names", RECIPIENTS_MAX);
}

static int check_line(struct setting_line *line, struct sotto_error *error) {
    char name[SOTTO_NAME_SIZE];
    struct sotto_error spare;
    line->setting = SETTINGS;
    if (line->section == SECTION_ALIAS && sotto_name_check(line->name, name, &spare) != 0) {
        return settings_fault(error, line->file, line->line,
                              "1 to 32 of a-z 0-9 . _ - , beginning with a letter or digit.",
                              "'%.60s' cannot be an alias", line->name);
    }
    if (line->section == SECTION_ALIAS || line->section == SECTION_MAIL) {
        return check_list(line, error);
    }
    line->setting = find_setting(line, error);
    if (line->setting == SETTINGS) {
        return error->exit;
    }
    enum kind kind = SETTING_ROWS[line->setting].kind;
    return is_value(kind, line->value)
               ? 0
               : settings_fault(error, line->file, line->line, help_for(kind),
                                "'%.60s' is not a value for %s", line->value, line->name);
}

/* ---- taking lines */

static int no_memory(struct sotto_error *error) {
    const struct error_value values[] = {{"cause", "out of memory"}};
    return fault_set(error, ERR_INTERNAL, values, 1);
}

static struct setting_line *add_line(struct settings *settings) {
    if (settings->count == settings->capacity) {
        size_t capacity = settings->capacity == 0 ? 16 : 2 * settings->capacity;
        struct setting_line *grown = realloc(settings->lines, capacity * sizeof(*grown));
        if (grown == NULL) {
            return NULL;
        }
        settings->lines = grown;
        settings->capacity = capacity;
    }
    struct setting_line *line = &settings->lines[settings->count++];
    memset(line, 0, sizeof(*line));
    return line;
}

static int continue_value(struct setting_line *line, const char *more, struct sotto_error *error) {
    size_t size = strlen(line->value);
    char *grown = realloc(line->value, size + 1 + strlen(more) + 1);
    if (grown == NULL) {
        return no_memory(error);
    }
    line->value = grown;
    snprintf(grown + size, 1 + strlen(more) + 1, " %s", more);
    return 0;
}

static char *lower_case(const char *text) {
    char *copy = strdup(text);
    for (char *p = copy; p != NULL && *p != '\0'; p++) {
        *p = (char)tolower((unsigned char)*p);
    }
    return copy;
}

must_check int settings_take(struct settings *settings, enum section section, const char *name,
                             const char *value, const char *file, unsigned line, bool goes_on,
                             struct sotto_error *error) {
    if (goes_on) {
        require(settings->count > 0);
        return continue_value(&settings->lines[settings->count - 1], value, error);
    }
    if (section == SECTIONS) {
        return settings_fault(error, file, line,
                              "There are [client], [screen], [alias] and [mail].",
                              "'%.60s' stands before the first [section]", name);
    }
    if (settings->count >= SETTING_LINES_MAX) {
        return settings_fault(error, file, line, "", "more than %d lines", SETTING_LINES_MAX);
    }
    for (size_t i = 0; i < settings->count; i++) {
        const struct setting_line *other = &settings->lines[i];
        if (other->section == section && other->file == file &&
            strcasecmp(other->name, name) == 0) {
            return settings_fault(error, file, line, "Keep one of the two.",
                                  "'%.60s' stands in line %u already", name, other->line);
        }
    }
    struct setting_line *added = add_line(settings);
    if (added == NULL) {
        return no_memory(error);
    }
    *added =
        (struct setting_line){.section = section, .setting = SETTINGS, .file = file, .line = line};
    added->name = lower_case(name);
    added->value = strdup(value);
    return added->name == NULL || added->value == NULL ? no_memory(error) : 0;
}

/* Lines are judged when they are whole, that is when the file was read. */
static int check_lines(struct settings *settings, size_t from, struct sotto_error *error) {
    int status = 0;
    for (size_t i = from; status == 0 && i < settings->count; i++) {
        status = check_line(&settings->lines[i], error);
    }
    return status;
}

static int read_file(struct settings *settings, const char *file, bool may_lack,
                     struct sotto_error *error) {
    size_t from = settings->count;
    int status = file == NULL ? 0 : settings_read_file(settings, file, may_lack, error);
    return status != 0 ? status : check_lines(settings, from, error);
}

/* ---- finding */

static const struct setting_line *find(const struct settings *settings, enum section section,
                                       const char *name) {
    for (size_t i = settings == NULL ? 0 : settings->count; i > 0; i--) {
        const struct setting_line *line = &settings->lines[i - 1];
        if (line->section == section && strcasecmp(line->name, name) == 0) {
            return line;
        }
    }
    return NULL;
}

const struct setting_line *settings_find(const struct settings *settings, enum setting setting) {
    require(setting < SETTINGS);
    return find(settings, SETTING_ROWS[setting].section, SETTING_ROWS[setting].name);
}

const char *settings_value(const struct settings *settings, enum setting setting) {
    const struct setting_line *line = settings_find(settings, setting);
    return line == NULL ? NULL : line->value;
}

bool settings_is_on(const struct settings *settings, enum setting setting) {
    const char *value = settings_value(settings, setting);
    return value != NULL && strcmp(value, "yes") == 0;
}

const struct setting_line *settings_alias(const struct settings *settings, const char *name) {
    return find(settings, SECTION_ALIAS, name);
}

const char *settings_mail(const struct settings *settings, const char *name) {
    const struct setting_line *line = find(settings, SECTION_MAIL, name);
    return line == NULL ? NULL : line->value;
}

const struct setting_line *settings_next(const struct settings *settings, enum section section,
                                         const struct setting_line *after) {
    const struct setting_line *best = NULL;
    for (size_t i = 0; settings != NULL && i < settings->count; i++) {
        const struct setting_line *line = &settings->lines[i];
        if (line->section == section && (after == NULL || strcmp(line->name, after->name) > 0) &&
            (best == NULL || strcmp(line->name, best->name) <= 0)) {
            best = line;
        }
    }
    return best;
}

/* An alias holds people: what one name stands for is seen in one line. */
static int check_aliases(const struct settings *settings, struct sotto_error *error) {
    for (size_t i = 0; i < settings->count; i++) {
        const struct setting_line *line = &settings->lines[i];
        const char *list = line->section == SECTION_ALIAS ? line->value : NULL;
        char name[SETTING_NAME_BYTES];
        while (settings_next_name(&list, name)) {
            const struct setting_line *other = settings_alias(settings, name);
            if (other != NULL) {
                return settings_fault(error, line->file, line->line, "An alias is a list of users.",
                                      "'%.60s' is an alias itself", other->name);
            }
        }
    }
    return 0;
}

must_check int settings_load(const struct settings_files *files, struct settings **settings,
                             struct sotto_error *error) {
    struct settings *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return no_memory(error);
    }
    int status = 0;
    if (files->only != NULL) {
        status = read_file(made, files->only, false, error);
    } else {
        status = read_file(made, files->system, true, error);
        status = status != 0 ? status : read_file(made, files->user, true, error);
    }
    if (status == 0) {
        status = check_aliases(made, error);
    }
    if (status != 0) {
        settings_free(made);
        made = NULL;
    }
    *settings = made;
    return status;
}

void settings_free(struct settings *settings) {
    if (settings == NULL) {
        return;
    }
    for (size_t i = 0; i < settings->count; i++) {
        free(settings->lines[i].name);
        free(settings->lines[i].value);
    }
    free(settings->lines);
    free(settings);
}
