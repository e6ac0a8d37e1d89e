/* SPDX-License-Identifier: ISC */
#include "sottod/reload.h"

#include "platform/process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_BYTES = 1024 };

static bool differs(const struct settings *a, const struct settings *b, enum setting setting) {
    char was[SETTING_PRINTED_BYTES];
    char is[SETTING_PRINTED_BYTES];
    setting_print(a, setting, was, sizeof(was));
    setting_print(b, setting, is, sizeof(is));
    return strcmp(was, is) != 0;
}

/* Adds the changes that are live, or the others, to `line`; how many there were. */
static size_t list_changes(const struct settings *was, const struct settings *is, bool live,
                           char *line) {
    size_t count = 0;
    for (int i = 0; i < SETTING_COUNT; i++) {
        enum setting setting = (enum setting)i;
        char value[SETTING_PRINTED_BYTES];
        if (setting_is_live(setting) != live || !differs(was, is, setting)) {
            continue;
        }
        size_t at = strlen(line);
        setting_print(is, setting, value, sizeof(value));
        snprintf(line + at, LINE_BYTES - at, "%s %s%s%.40s", count == 0 ? "" : ",",
                 setting_name(setting), live ? " = " : "", live ? value : "");
        count++;
    }
    return count;
}

static enum error apply(struct reload *reload, const struct settings *fresh, struct moment now,
                        char *cause) {
    unsigned long files = 0;
    const struct server_config config = settings_config(fresh);
    enum error error = process_raise_files(settings_files(fresh), &files);
    if (error != OK) {
        snprintf(cause, USAGE_MAX_BYTES, "max-clients needs %lu open files, the system allows %lu",
                 settings_files(fresh), files);
        return error;
    }
    error = server_set_limits(reload->server, &config, now);
    if (error != OK) {
        const char *name = server_config_fault(&config);
        snprintf(cause, USAGE_MAX_BYTES, name == NULL ? "out of memory" : "%s is out of its range",
                 name);
    }
    return error;
}

/* What can't change keeps the value it has, so that the next SIGHUP names it again. */
static void keep(struct settings *settings, const struct settings *fresh) {
    for (int i = 0; i < SETTING_COUNT; i++) {
        if (setting_is_live((enum setting)i)) {
            settings->values[i] = fresh->values[i];
            settings->origins[i] = fresh->origins[i];
            settings->lines[i] = fresh->lines[i];
        }
    }
}

void reload_settings(struct reload *reload, struct moment now) {
    char line[LINE_BYTES] = "";
    char cause[USAGE_MAX_BYTES] = "";
    char detail[USAGE_MAX_BYTES] = "";
    struct settings *fresh = malloc(sizeof(*fresh));
    if (fresh == NULL) {
        say_alarm(reload->logger, "no setting changed: out of memory");
        return;
    }
    enum error error = settings_load(reload->given, fresh, cause, detail);
    if (error == OK) {
        error = apply(reload, fresh, now, cause);
    }
    if (error != OK) {
        snprintf(line, sizeof(line), "no setting changed: %s%s%s", cause,
                 detail[0] == '\0' ? "" : ". ", detail);
        say_alarm(reload->logger, line);
        free(fresh);
        return;
    }
    reload->logger->as_json = fresh->values[SETTING_LOG] == 1;
    reload->logger->with_addresses = fresh->values[SETTING_LOG_ADDRESSES] == 1;
    reload->logger->is_quiet = fresh->values[SETTING_LOG_LEVEL] == LOG_LEVEL_ERROR;
    reload->logger->is_verbose = fresh->values[SETTING_LOG_LEVEL] == LOG_LEVEL_DETAIL;
    snprintf(line, sizeof(line), "settings changed:");
    if (list_changes(reload->settings, fresh, true, line) == 0) {
        snprintf(line, sizeof(line), "settings read again: nothing changed");
    }
    say_line(reload->logger, line);
    snprintf(line, sizeof(line), "not before the next start:");
    if (list_changes(reload->settings, fresh, false, line) > 0) {
        say_alarm(reload->logger, line);
    }
    keep(reload->settings, fresh);
    free(fresh);
}
