/* SPDX-License-Identifier: ISC */
/* What sottod says: failures to the person who started it, lines of a log while it runs. All on
 * stderr. A log line holds no message, no name of a user and no address. */
#ifndef SOTTO_SOTTOD_SAY_H
#define SOTTO_SOTTOD_SAY_H

#include "base/env.h"
#include "base/error.h"

struct logger {
    struct clock clock;
    bool as_json;
    bool is_quiet;
    bool is_verbose;
};

/** The report on `error` (base/report.h) with {path}, {cause}, {detail} and {server}; a NULL is
 * left out. Returns the exit status. */
int say_failure(enum error error, const char *path, const char *cause, const char *detail,
                const char *server);

/** One line; left out with -q. `context` is a struct logger. */
void say_line(void *context, const char *line);
/** One line that -q does not silence: an administrator has to know. `context` as above. */
void say_alarm(void *context, const char *line);
/** One line for -v only. */
void say_detail(const struct logger *logger, const char *line);

#endif
