/* SPDX-License-Identifier: ISC */
/* `sotto config`: what holds, and where it was said. */
#include "sotto/settings_list.h"

#include "base/limits.h"
#include "base/suggest.h"
#include "sotto/fault.h"
#include "sotto/json.h"
#include "sotto/passphrase.h"
#include "sotto/visible.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NAME_BYTES = 320, NAME_COLUMNS = 20, VALUE_COLUMNS = 24 };

/* One value that holds. */
struct held {
    const char *name;
    const char *value;
    const char *origin; /**< "option", "environment", "file", "default" */
    const char *where;  /**< the option or variable; NULL for a line or the default */
    const struct setting_line *line;
};

static const char *const VARIABLES[SETTINGS] = {
    [SETTING_PROFILE] = "SOTTO_PROFILE",
    [SETTING_PASSPHRASE_FILE] = "SOTTO_PASSPHRASE_FILE",
    [SETTING_PLAIN] = "SOTTO_PLAIN",
};

/* The option of every command for it; OPTIONS when there is none. */
static enum option_id option_of(enum setting setting) {
    switch (setting) {
    case SETTING_PROFILE:
        return OPTION_PROFILE;
    case SETTING_TIMEOUT:
        return OPTION_TIMEOUT;
    case SETTING_PASSPHRASE_FILE:
        return OPTION_PASSPHRASE_FILE;
    case SETTING_PLAIN:
        return OPTION_PLAIN;
    case SETTING_REQUIRE_VERIFIED:
    case SETTINGS:
        break;
    }
    return OPTIONS;
}

static const char *variable(const char *name) {
    const char *value = name == NULL ? NULL : getenv(name); // NOLINT(concurrency-mt-unsafe)
    return value == NULL || value[0] == '\0' ? NULL : value;
}

/* Where else a passphrase comes from, if that is stronger than what may name its file; `room` holds
 * the value. */
static bool find_passphrase(const struct app *app, struct held *held, char room[PATH_MAX_BYTES]) {
    if (app->request->given[OPTION_PASSPHRASE_FILE] > 0) {
        return false;
    }
    if (app->passphrase_handle >= 0) {
        snprintf(room, PATH_MAX_BYTES, "/dev/fd/%d", app->passphrase_handle);
        held->origin = "option";
        held->where = option_row(OPTION_PASSPHRASE_FD)->name;
    } else if (variable(VARIABLES[SETTING_PASSPHRASE_FILE]) == NULL &&
               passphrase_credential(app, room)) {
        held->origin = "environment";
        held->where = "CREDENTIALS_DIRECTORY";
    } else {
        return false;
    }
    held->value = room;
    return true;
}

static struct held find_held(const struct app *app, enum setting setting,
                             char room[PATH_MAX_BYTES]) {
    const struct request *request = app->request;
    enum option_id option = option_of(setting);
    struct held held = {.name = setting_name(setting), .origin = "default"};
    const char *set = variable(VARIABLES[setting]);
    if (setting == SETTING_PASSPHRASE_FILE && find_passphrase(app, &held, room)) {
        return held;
    }
    held.line = settings_find(app->settings, setting);
    if (option != OPTIONS && request->given[option] > 0) {
        held.origin = "option";
        held.where = option_row(option)->name;
        held.value = request->value[option] == NULL ? "yes" : request->value[option];
    } else if (set != NULL) {
        held.origin = "environment";
        held.where = VARIABLES[setting];
        held.value = setting != SETTING_PLAIN ? set : app->is_plain ? "yes" : "no";
    } else if (held.line != NULL) {
        held.origin = "file";
        held.value = held.line->value;
        return held;
    } else {
        held.value = setting_standard(setting);
    }
    held.line = NULL;
    return held;
}

static void print_origin(const struct held *held, char *out, size_t size) {
    if (held->line != NULL) {
        snprintf(out, size, "%s:%u", held->line->file, held->line->line);
    } else if (held->where != NULL) {
        bool is_option = strcmp(held->origin, "option") == 0;
        snprintf(out, size, "%s%s", is_option ? "--" : "", held->where);
    } else {
        snprintf(out, size, "%s", held->origin);
    }
}

static must_check enum error put_json(const struct held *held, struct buffer *out) {
    struct json_line line;
    json_begin(&line, "setting");
    json_text(&line, line.root, "name", held->name);
    json_text(&line, line.root, "value", held->value);
    json_text(&line, line.root, "origin", held->origin);
    if (held->line != NULL) {
        json_text(&line, line.root, "file", held->line->file);
        json_number(&line, line.root, "line", held->line->line);
    }
    return json_end(&line, out);
}

static must_check enum error put_text(const struct app *app, const struct held *held,
                                      struct buffer *out) {
    static const struct visible_layout ONE_LINE = {.one_line = true};
    bool is_table = app->is_terminal[STDOUT_FILENO] && !app->is_plain;
    const char *between = app->is_plain ? ": " : "\t";
    char origin[PATH_MAX_BYTES + 16];
    print_origin(held, origin, sizeof(origin));
    const char *columns[] = {held->name, held->value, origin};
    const size_t widths[] = {NAME_COLUMNS, VALUE_COLUMNS, 0};
    enum error error = OK;
    for (size_t i = 0; error == OK && i < 3; i++) {
        size_t before = out->size;
        error = visible_text(bytes_of_string(columns[i]), &ONE_LINE, out);
        for (bool is_first = true;
             error == OK && is_table && i < 2 && (is_first || out->size - before < widths[i]);
             is_first = false) {
            error = buffer_append(out, bytes_of_string(" "));
        }
        if (error == OK && !is_table && i < 2) {
            error = buffer_append(out, bytes_of_string(app->is_plain && i == 1 ? ", " : between));
        }
    }
    return error == OK ? buffer_append(out, bytes_of_string("\n")) : error;
}

static int put_held(struct app *app, const struct held *held, struct sotto_error *error) {
    struct buffer out;
    buffer_init(&out, VISIBLE_MAX_BYTES);
    return app_write_made(app, app->is_json ? put_json(held, &out) : put_text(app, held, &out),
                          &out, "", error);
}

/* "alias.ops", "mail.root": the lines of a section with names of its own. */
static int put_section(struct app *app, enum section section, const char *prefix, const char *only,
                       bool *found, struct sotto_error *error) {
    const struct setting_line *line = NULL;
    int status = 0;
    while (status == 0 && (line = settings_next(app->settings, section, line)) != NULL) {
        char name[NAME_BYTES];
        snprintf(name, sizeof(name), "%s.%s", prefix, line->name);
        if (only != NULL && strcmp(only, name) != 0) {
            continue;
        }
        const struct held held = {
            .name = name, .value = line->value, .origin = "file", .line = line};
        *found = true;
        status = put_held(app, &held, error);
    }
    return status;
}

static int unknown(const char *name, struct sotto_error *error) {
    const char *known[SETTINGS + 1];
    char help[128] = "See all:  sotto config";
    for (int i = 0; i < SETTINGS; i++) {
        known[i] = setting_name((enum setting)i);
    }
    known[SETTINGS] = "server-key";
    const char *near = word_suggest(name, known, SETTINGS + 1);
    if (near != NULL) {
        snprintf(help, sizeof(help), "Did you mean '%s'?\nSee all:  sotto config", near);
    }
    return fault_usage(error, help, "there is no setting by the name of '%.60s'", name);
}

must_check int settings_list(struct app *app, const char *only, struct sotto_error *error) {
    bool found = false;
    int status = 0;
    for (int i = 0; status == 0 && i < SETTINGS; i++) {
        if (only == NULL || strcmp(only, setting_name((enum setting)i)) == 0) {
            char room[PATH_MAX_BYTES];
            const struct held held = find_held(app, (enum setting)i, room);
            found = true;
            status = put_held(app, &held, error);
        }
    }
    if (status == 0) {
        status = put_section(app, SECTION_ALIAS, "alias", only, &found, error);
    }
    if (status == 0) {
        status = put_section(app, SECTION_MAIL, "mail", only, &found, error);
    }
    return status == 0 && !found ? unknown(only, error) : status;
}
