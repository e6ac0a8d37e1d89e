/* SPDX-License-Identifier: ISC */
/* What stands on the command line of sottod, before it is given a meaning: options with their
 * values, and words. Internal to options.c. */
#ifndef SOTTO_SOTTOD_WORDS_H
#define SOTTO_SOTTOD_WORDS_H

#include "base/attributes.h"
#include "sottod/options.h"

enum option {
    OPTION_PORT,
    OPTION_BIND,
    OPTION_MAX_CLIENTS,
    OPTION_DATA,
    OPTION_CONFIG,
    OPTION_JSON,
    OPTION_PROMETHEUS,
    OPTION_WATCH,
    OPTION_PUBLIC_HOST,
    OPTION_REGISTRATION,
    OPTION_LOG,
    OPTION_QUIET,
    OPTION_VERBOSE,
    OPTION_EXPIRES,
    OPTION_ADMIN,
    OPTION_AT,
    OPTION_CONFIRM,
    OPTION_DEEP,
    OPTION_HELP,
    OPTION_VERSION,
    OPTION_COUNT,
};

enum { WORDS_MAX = 8 };

struct words {
    const char *words[WORDS_MAX];
    int count;
    bool given[OPTION_COUNT];
    const char *value[OPTION_COUNT];
    const char *binds[BINDS_MAX];
    size_t bind_count;
    char *cause;  /**< of a usage error: what is wrong (USAGE_MAX_BYTES), */
    char *detail; /**< and the way out (likewise) */
};

/** Says what is wrong, with the way out in `detail`: ERR_USAGE. */
must_check printf_like(3, 4) enum error
    words_wrong(struct words *words, const char *detail, const char *format, ...);

/** Sorts the words of a command line, of which the first is the program. */
must_check enum error words_read(struct words *words, int argc, char **argv);

/** Without the dashes. */
const char *option_name(enum option option);
bool option_belongs(enum option option, enum command command);

#endif
