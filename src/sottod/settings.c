/* SPDX-License-Identifier: ISC */
#include "sottod/settings.h"

#include "base/suggest.h"
#include "sottod/data.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILES_BESIDE_CLIENTS = 64 }; /* database, socket, standard streams, loop */

enum kind { KIND_NUMBER, KIND_SIZE, KIND_TIME, KIND_CHOICE, KIND_TEXT };

struct unit {
    const char *name;
    uint64_t factor;
};
/* The largest first. */
static const struct unit SIZES[] = {{"TiB", UINT64_C(1) << 40},
                                    {"GiB", UINT64_C(1) << 30},
                                    {"MiB", UINT64_C(1) << 20},
                                    {"KiB", UINT64_C(1) << 10},
                                    {"", 1}};
static const struct unit TIMES[] = {
    {"d", DAY_MS}, {"h", HOUR_MS}, {"m", MINUTE_MS}, {"s", SECOND_MS}, {"ms", 1}};
enum { UNITS = 5 };

static const char *const REGISTRATIONS[] = {"invite", "open", "closed", NULL};
static const char *const LOGS[] = {"text", "json", NULL};
static const char *const NO_OR_YES[] = {"no", "yes", NULL};
static const char *const LOG_LEVELS[] = {"error", "notice", "detail", NULL};

static const struct {
    const char *name;
    enum kind kind;
    bool is_live;
    uint64_t least;
    uint64_t most;
    uint64_t standard;
    const char *const *choices;
} SETTINGS[SETTING_COUNT] = {
    [SETTING_PORT] = {"port", KIND_NUMBER, false, 0, UINT16_MAX, DEFAULT_PORT, NULL},
    [SETTING_BIND] = {"bind", KIND_TEXT, false, 0, 0, 0, NULL},
    [SETTING_DATA] = {"data", KIND_TEXT, false, 0, 0, 0, NULL},
    [SETTING_PUBLIC_HOST] = {"public-host", KIND_TEXT, false, 0, 0, 0, NULL},
    [SETTING_REGISTRATION] = {"registration", KIND_CHOICE, true, 0, 2, WIRE_REGISTRATION_INVITE,
                              REGISTRATIONS},
    [SETTING_LOG] = {"log", KIND_CHOICE, true, 0, 1, 0, LOGS},
    [SETTING_LOG_LEVEL] = {"log-level", KIND_CHOICE, true, 0, 2, LOG_LEVEL_NOTICE, LOG_LEVELS},
    [SETTING_LOG_ADDRESSES] = {"log-addresses", KIND_CHOICE, true, 0, 1, 0, NO_OR_YES},
#define B(id, field, type, name, kind, least, most, standard)                                      \
    [SETTING_##id] = {name, KIND_##kind, true, least, most, standard, NULL},
#include "server/bounds.def"
#undef B
};

/* --- printing ------------------------------------------------------------------------------ */

static void print_value(enum setting setting, uint64_t value, char *out, size_t size) {
    if (SETTINGS[setting].kind == KIND_CHOICE) {
        snprintf(out, size, "%s", SETTINGS[setting].choices[value]);
        return;
    }
    const struct unit *units = SETTINGS[setting].kind == KIND_TIME ? TIMES : SIZES;
    size_t at = SETTINGS[setting].kind == KIND_NUMBER ? UNITS - 1 : 0;
    while (at < UNITS - 1 && (value == 0 || value % units[at].factor != 0)) {
        at++;
    }
    snprintf(out, size, "%" PRIu64 "%s", value / units[at].factor, units[at].name);
}

void setting_print(const struct settings *settings, enum setting setting, char *out, size_t size) {
    if (SETTINGS[setting].kind != KIND_TEXT) {
        print_value(setting, settings->values[setting], out, size);
    } else if (setting == SETTING_BIND) {
        out[0] = '\0';
        for (size_t i = 0; i < settings->bind_count; i++) {
            size_t at = strlen(out);
            snprintf(out + at, size - at, "%s%s", i == 0 ? "" : " ", settings->binds[i]);
        }
    } else {
        snprintf(out, size, "%s", setting == SETTING_DATA ? settings->data : settings->public_host);
    }
}

void setting_origin(const struct settings *settings, enum setting setting, char *out, size_t size) {
    switch (settings->origins[setting]) {
    case ORIGIN_DEFAULT:
        snprintf(out, size, "default");
        return;
    case ORIGIN_FILE:
        snprintf(out, size, "%s:%u", settings->file, settings->lines[setting]);
        return;
    case ORIGIN_ENVIRONMENT:
        snprintf(out, size, "SOTTOD_DATA");
        return;
    case ORIGIN_OPTION:
        snprintf(out, size, "option");
        return;
    }
}

const char *setting_name(enum setting setting) {
    return SETTINGS[setting].name;
}

bool setting_is_live(enum setting setting) {
    return SETTINGS[setting].is_live;
}

/* --- taking values -------------------------------------------------------------------------- */

static bool scale(const char *text, const struct unit *units, uint64_t *out) {
    char *end = NULL;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || errno != 0) {
        return false;
    }
    for (size_t i = 0; i < UNITS; i++) {
        if (strcmp(end, units[i].name) == 0 && number <= UINT64_MAX / units[i].factor) {
            *out = number * units[i].factor;
            return true;
        }
    }
    return false;
}

static enum error bad_value(enum setting setting, const char *text, char *cause, char *detail) {
    static const char *const WHAT[] = {"number", "size", "time", "word", "text"};
    const char *name = SETTINGS[setting].name;
    char least[32];
    char most[32];
    if (SETTINGS[setting].kind == KIND_CHOICE) {
        snprintf(cause, USAGE_MAX_BYTES, "%s does not take '%.40s'", name, text);
        snprintf(detail, USAGE_MAX_BYTES, "It takes: ");
        for (const char *const *choice = SETTINGS[setting].choices; *choice != NULL; choice++) {
            size_t at = strlen(detail);
            snprintf(detail + at, USAGE_MAX_BYTES - at, "%s%s",
                     choice == SETTINGS[setting].choices ? "" : ", ", *choice);
        }
        return ERR_USAGE;
    }
    print_value(setting, SETTINGS[setting].least, least, sizeof(least));
    print_value(setting, SETTINGS[setting].most, most, sizeof(most));
    snprintf(cause, USAGE_MAX_BYTES, "%s takes a %s from %s to %s, not '%.40s'", name,
             WHAT[SETTINGS[setting].kind], least, most, text);
    if (SETTINGS[setting].kind == KIND_SIZE) {
        snprintf(detail, USAGE_MAX_BYTES, "Sizes:  65536  512KiB  64MiB  1GiB");
    } else if (SETTINGS[setting].kind == KIND_TIME) {
        snprintf(detail, USAGE_MAX_BYTES, "Times:  30m  12h  30d");
    }
    return ERR_USAGE;
}

static enum error take_text(struct settings *settings, enum setting setting, const char *text,
                            char *cause) {
    char *out = setting == SETTING_DATA ? settings->data : settings->public_host;
    size_t room = setting == SETTING_DATA ? sizeof(settings->data) : SETTING_TEXT_BYTES;
    if (setting == SETTING_BIND) {
        if (settings->bind_count == BINDS_MAX) {
            snprintf(cause, USAGE_MAX_BYTES, "bind may stand there %d times", BINDS_MAX);
            return ERR_USAGE;
        }
        out = settings->binds[settings->bind_count++];
    }
    if (text[0] == '\0' || strlen(text) >= room) {
        snprintf(cause, USAGE_MAX_BYTES, text[0] == '\0' ? "%s has no value" : "%s is too long",
                 SETTINGS[setting].name);
        return ERR_USAGE;
    }
    snprintf(out, room, "%s", text);
    return OK;
}

static enum error take_value(struct settings *settings, enum setting setting, const char *text,
                             char *cause, char *detail) {
    uint64_t value = 0;
    bool is_good = false;
    switch (SETTINGS[setting].kind) {
    case KIND_TEXT:
        return take_text(settings, setting, text, cause);
    case KIND_CHOICE:
        while (SETTINGS[setting].choices[value] != NULL && !is_good) {
            is_good = strcmp(SETTINGS[setting].choices[value], text) == 0;
            value += is_good ? 0 : 1;
        }
        break;
    case KIND_NUMBER:
    case KIND_SIZE:
    case KIND_TIME:
        is_good = scale(text, SETTINGS[setting].kind == KIND_TIME ? TIMES : SIZES, &value) &&
                  value >= SETTINGS[setting].least && value <= SETTINGS[setting].most;
        /* A plain number takes no unit. */
        if (SETTINGS[setting].kind == KIND_NUMBER && strspn(text, "0123456789") != strlen(text)) {
            is_good = false;
        }
        break;
    }
    if (!is_good) {
        return bad_value(setting, text, cause, detail);
    }
    settings->values[setting] = value;
    return OK;
}

must_check enum error settings_take(struct settings *settings, const char *name, const char *text,
                                    unsigned line, char *cause, char *detail) {
    const char *names[SETTING_COUNT];
    for (int i = 0; i < SETTING_COUNT; i++) {
        names[i] = SETTINGS[i].name;
        if (strcmp(names[i], name) != 0) {
            continue;
        }
        enum setting setting = (enum setting)i;
        if (settings->origins[setting] == ORIGIN_FILE && setting != SETTING_BIND) {
            snprintf(cause, USAGE_MAX_BYTES, "%s stands in line %u already", name,
                     settings->lines[setting]);
            return ERR_USAGE;
        }
        if (setting == SETTING_BIND && settings->origins[setting] != ORIGIN_FILE) {
            settings->bind_count = 0;
        }
        settings->origins[setting] = ORIGIN_FILE;
        settings->lines[setting] = line;
        return take_value(settings, setting, text, cause, detail);
    }
    const char *near = word_suggest(name, names, SETTING_COUNT);
    snprintf(cause, USAGE_MAX_BYTES, "there is no setting '%.60s'", name);
    if (near != NULL) {
        snprintf(detail, USAGE_MAX_BYTES, "Did you mean '%s'?", near);
    } else {
        snprintf(detail, USAGE_MAX_BYTES, "All of them:  sottod config");
    }
    return ERR_USAGE;
}

/* --- all of them ------------------------------------------------------------------------------ */

static void set(struct settings *settings, enum setting setting, uint64_t value) {
    settings->values[setting] = value;
    settings->origins[setting] = ORIGIN_OPTION;
}

static void lay_options_over(struct settings *settings, const struct options *options) {
    if (options->has_port) {
        set(settings, SETTING_PORT, options->port);
    }
    if (options->has_max_clients) {
        set(settings, SETTING_MAX_CLIENTS, options->max_clients);
    }
    if (options->has_registration) {
        set(settings, SETTING_REGISTRATION, options->registration);
    }
    if (options->has_log) {
        set(settings, SETTING_LOG, options->log_json ? 1 : 0);
    }
    if (options->is_quiet || options->is_verbose) {
        set(settings, SETTING_LOG_LEVEL, options->is_quiet ? LOG_LEVEL_ERROR : LOG_LEVEL_DETAIL);
    }
    if (options->bind_count > 0) {
        settings->origins[SETTING_BIND] = ORIGIN_OPTION;
        settings->bind_count = options->bind_count;
        for (size_t i = 0; i < options->bind_count; i++) {
            snprintf(settings->binds[i], SETTING_TEXT_BYTES, "%s", options->binds[i]);
        }
    }
    if (options->public_host != NULL) {
        settings->origins[SETTING_PUBLIC_HOST] = ORIGIN_OPTION;
        snprintf(settings->public_host, SETTING_TEXT_BYTES, "%s", options->public_host);
    }
}

/* The data folder: an option, a variable, the file, the default. */
static enum error find_data(struct settings *settings, const struct options *options,
                            struct data *data, char *cause, char *detail) {
    const char *variable = getenv("SOTTOD_DATA");
    const char *chosen = options->data;
    if (chosen != NULL) {
        settings->origins[SETTING_DATA] = ORIGIN_OPTION;
    } else if (variable != NULL && variable[0] != '\0') {
        settings->origins[SETTING_DATA] = ORIGIN_ENVIRONMENT;
    } else if (settings->origins[SETTING_DATA] == ORIGIN_FILE) {
        chosen = settings->data;
    }
    enum error error = data_init(data, chosen);
    if (error != OK) {
        snprintf(cause, USAGE_MAX_BYTES, "%.200s", data->cause);
        snprintf(detail, USAGE_MAX_BYTES, "%.200s", data->detail);
        return error;
    }
    snprintf(settings->data, sizeof(settings->data), "%s", data->folder);
    return OK;
}

must_check enum error settings_load(const struct options *options, struct settings *settings,
                                    char *cause, char *detail) {
    const char *named = options->config != NULL ? options->config : getenv("SOTTOD_CONFIG");
    bool is_named = named != NULL && named[0] != '\0';
    struct data data;
    memset(settings, 0, sizeof(*settings));
    for (int i = 0; i < SETTING_COUNT; i++) {
        settings->values[i] = SETTINGS[i].standard;
    }
    snprintf(settings->binds[0], SETTING_TEXT_BYTES, "::");
    settings->bind_count = 1;
    enum error error = OK;
    if (is_named) {
        snprintf(settings->file, sizeof(settings->file), "%s", named);
    } else {
        error = find_data(settings, options, &data, cause, detail);
        if (error == OK &&
            path_join(data.folder, "sottod.conf", settings->file, PATH_MAX_BYTES) != OK) {
            error = ERR_USAGE;
        }
    }
    if (error == OK) {
        error = settings_read_file(settings, !is_named, cause, detail);
    }
    if (error == OK && !is_named && settings->lines[SETTING_DATA] != 0) {
        snprintf(cause, USAGE_MAX_BYTES, "%.120s:%u: data stands in a file that is in that folder",
                 settings->file, settings->lines[SETTING_DATA]);
        snprintf(detail, USAGE_MAX_BYTES, "It belongs into a file that --config names.");
        return ERR_USAGE;
    }
    if (error == OK) {
        error = find_data(settings, options, &data, cause, detail);
    }
    if (error == OK) {
        lay_options_over(settings, options);
    }
    return error;
}

struct options settings_options(const struct settings *settings, const struct options *options) {
    struct options effective = *options;
    effective.port = (uint16_t)settings->values[SETTING_PORT];
    effective.max_clients = (size_t)settings->values[SETTING_MAX_CLIENTS];
    effective.registration = (enum wire_registration)settings->values[SETTING_REGISTRATION];
    effective.log_json = settings->values[SETTING_LOG] == 1;
    effective.is_quiet = settings->values[SETTING_LOG_LEVEL] == LOG_LEVEL_ERROR;
    effective.is_verbose = settings->values[SETTING_LOG_LEVEL] == LOG_LEVEL_DETAIL;
    effective.data = settings->data;
    effective.public_host = settings->public_host[0] == '\0' ? NULL : settings->public_host;
    effective.bind_count = 0;
    if (settings->origins[SETTING_BIND] != ORIGIN_DEFAULT) {
        effective.bind_count = settings->bind_count;
        for (size_t i = 0; i < settings->bind_count; i++) {
            effective.binds[i] = settings->binds[i];
        }
    }
    return effective;
}

struct server_config settings_config(const struct settings *settings) {
    const uint64_t *values = settings->values;
    struct server_config config = server_config_default();
    config.registration = (enum wire_registration)values[SETTING_REGISTRATION];
#define B(id, field, type, name, kind, least, most, standard)                                      \
    config.field = (type)values[SETTING_##id];
#include "server/bounds.def"
#undef B
    return config;
}

unsigned long settings_files(const struct settings *settings) {
    return (unsigned long)(settings->values[SETTING_MAX_CLIENTS] +
                           settings->values[SETTING_BEFORE_LOGIN] + FILES_BESIDE_CLIENTS);
}
