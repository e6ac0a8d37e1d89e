/* SPDX-License-Identifier: ISC */
/* sotto.conf: what a user or an administrator has set, and where. Lines are `NAME = VALUE` under
 * [client], [screen], [alias] and [mail]; a value goes on in indented lines; '#' begins a comment.
 * What is not known, or stands twice in one file, is an error that names file and line. */
#ifndef SOTTO_SOTTO_SETTINGS_H
#define SOTTO_SOTTO_SETTINGS_H

#include "base/bytes.h"

#include <sotto/sotto.h>

enum section { SECTION_CLIENT, SECTION_SCREEN, SECTION_ALIAS, SECTION_MAIL, SECTIONS };

/** The settings with a fixed name, of [client] and [screen]. */
enum setting {
    SETTING_PROFILE,
    SETTING_TIMEOUT,
    SETTING_REQUIRE_VERIFIED,
    SETTING_PASSPHRASE_FILE,
    SETTING_PLAIN,
    SETTINGS,
};

/** One value and its place. */
struct setting_line {
    enum section section;
    enum setting setting; /**< SETTINGS in [alias] and [mail] */
    char *name;           /**< in lower case */
    char *value;          /**< as written, without white space around it */
    const char *file;
    unsigned line;
};

struct settings;

enum { SETTING_NAME_BYTES = 2 * SOTTO_NAME_SIZE };

/** Where to look: `only` (--config) has to be there and replaces the other two, which may be
 * missing; the user's is stronger than the system's, name by name. NULL: there is none. */
struct settings_files {
    const char *only;
    const char *user;
    const char *system;
};

/** Reads and checks. The file names are lent. Errors: usage, store_permissions
 * (somebody else can write the file or its folder), storage_failed. Free with settings_free. */
must_check int settings_load(const struct settings_files *files, struct settings **settings,
                             struct sotto_error *error);
void settings_free(struct settings *settings);

const char *setting_name(enum setting setting);
/** What holds without a line; "" for nothing. */
const char *setting_standard(enum setting setting);

/** The line that holds for a setting, NULL when there is none. `settings` may be NULL: no lines. */
const struct setting_line *settings_find(const struct settings *settings, enum setting setting);
/** Its value, NULL when there is no line. */
const char *settings_value(const struct settings *settings, enum setting setting);
/** Whether a line says yes. */
bool settings_is_on(const struct settings *settings, enum setting setting);

/** The line of an alias: its value is a list of users. NULL: there is no such alias. */
const struct setting_line *settings_alias(const struct settings *settings, const char *name);
/** The users and aliases that get the mail of an address, as written: see recipients_read. The
 * address is compared without case; "default" is that of all others. NULL: no line. */
const char *settings_mail(const struct settings *settings, const char *name);

/** The lines that hold, of one section, in order of name: the first after `after` (NULL: the very
 * first), NULL at the end. */
const struct setting_line *settings_next(const struct settings *settings, enum section section,
                                         const struct setting_line *after);

/** Takes the next name off a list of them, "ana, bob", as it is typed but without white space
 * around it; one that is too long for a name is cut, and stays too long. False: there is no other
 * (`*list` is NULL). An empty list holds one empty name. */
bool settings_next_name(const char **list, char name[SETTING_NAME_BYTES]);

/** Whether that can be the name of a profile: a folder, never a path. */
bool setting_is_profile(const char *name);

/* ---- for settings_file.c */

enum { SETTINGS_FILE_MAX_BYTES = 256 * 1024, SETTING_LINES_MAX = 4096 };

/** Takes one line; with `goes_on` `value` continues that of the line before. Returns the exit
 * status of the error. */
must_check int settings_take(struct settings *settings, enum section section, const char *name,
                             const char *value, const char *file, unsigned line, bool goes_on,
                             struct sotto_error *error);
/** A usage error at a place of a file. */
int settings_fault(struct sotto_error *error, const char *file, unsigned line, const char *help,
                   const char *format, ...) printf_like(5, 6);
/** The section of that name, or SECTIONS. */
enum section settings_section(const char *name, size_t size);
/** "Did you mean [client]?", or a list of the sections. */
void settings_suggest_section(const char *name, char *out, size_t size);
/** Reads one file; `may_lack`: it need not be there. */
must_check int settings_read_file(struct settings *settings, const char *file, bool may_lack,
                                  struct sotto_error *error);

#endif
