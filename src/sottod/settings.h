/* SPDX-License-Identifier: ISC */
/* What an administrator can set, and where each value came from: options are stronger than
 * sottod.conf, and that is stronger than the defaults of base/limits.h. */
#ifndef SOTTO_SOTTOD_SETTINGS_H
#define SOTTO_SOTTOD_SETTINGS_H

#include "platform/files.h"
#include "server/core.h"
#include "sottod/options.h"

enum setting {
    SETTING_PORT,
    SETTING_BIND,
    SETTING_DATA,
    SETTING_PUBLIC_HOST,
    SETTING_REGISTRATION,
    SETTING_LOG,
    SETTING_LOG_LEVEL,
    SETTING_LOG_ADDRESSES,
#define B(id, field, type, name, kind, least, most, standard) SETTING_##id,
#include "server/bounds.def"
#undef B
    SETTING_COUNT,
};

enum origin { ORIGIN_DEFAULT, ORIGIN_FILE, ORIGIN_ENVIRONMENT, ORIGIN_OPTION };
enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_NOTICE, LOG_LEVEL_DETAIL };

enum { SETTING_TEXT_BYTES = HOST_MAX_BYTES + 16, SETTING_PRINTED_BYTES = PATH_MAX_BYTES };

struct settings {
    uint64_t values[SETTING_COUNT]; /**< of those that are numbers, sizes, times and choices */
    enum origin origins[SETTING_COUNT];
    unsigned lines[SETTING_COUNT]; /**< of the file, for ORIGIN_FILE */
    char file[PATH_MAX_BYTES];     /**< the file that was looked for */
    bool has_file;
    char data[PATH_MAX_BYTES];
    char public_host[SETTING_TEXT_BYTES]; /**< empty: a guess */
    char binds[BINDS_MAX][SETTING_TEXT_BYTES];
    size_t bind_count;
};

/** Reads the file that --config, SOTTOD_CONFIG or the data folder names, and lays the options over
 * it. Without --config and SOTTOD_CONFIG the file need not be there. ERR_USAGE, ERR_STORAGE_FAILED,
 * ERR_STORE_PERMISSIONS with the reason in `cause` and the way out in `detail` (USAGE_MAX_BYTES
 * each). */
must_check enum error settings_load(const struct options *options, struct settings *settings,
                                    char *cause, char *detail);

/** `options` with what holds in place of what was given. It points into `settings`. */
struct options settings_options(const struct settings *settings, const struct options *options);

/** The bounds of the core, its others at their defaults. */
struct server_config settings_config(const struct settings *settings);

/** How many open files the server needs at most. */
unsigned long settings_files(const struct settings *settings);

const char *setting_name(enum setting setting);
/** Whether it changes while the server runs (SIGHUP). */
bool setting_is_live(enum setting setting);
/** The value as the file would have it. */
void setting_print(const struct settings *settings, enum setting setting, char *out, size_t size);
/** "default", "option", the name of a variable, or FILE:LINE. */
void setting_origin(const struct settings *settings, enum setting setting, char *out, size_t size);

/** Takes `text` as the value of the setting `name` from line `line` of the file. ERR_USAGE with
 * `cause` (without the place) and `detail`. For settings_file.c. */
must_check enum error settings_take(struct settings *settings, const char *name, const char *text,
                                    unsigned line, char *cause, char *detail);
/** Reads `settings->file`. */
must_check enum error settings_read_file(struct settings *settings, bool may_lack, char *cause,
                                         char *detail);

#endif
