/* SPDX-License-Identifier: ISC */
/* What sottod says: failures to the person who started it, lines of a log while it runs. All on
 * stderr. A log line holds no message and no name of a user, and an address only where the
 * administrator wants it. What others can bring about is said a few times a minute, and then how
 * often it happened: nobody fills a disk with it. */
#ifndef SOTTO_SOTTOD_SAY_H
#define SOTTO_SOTTOD_SAY_H

#include "base/env.h"
#include "server/core.h"

enum { SAY_WARNING = EVENT_KINDS, SAY_KINDS };

/** Lines of one kind since `since_ms` (monotonic). */
struct tally {
    uint64_t since_ms;
    uint32_t lines;
    uint64_t left_out;
};

struct logger {
    struct clock clock;
    bool as_json;
    bool with_addresses;
    bool is_quiet;
    bool is_verbose;
    struct tally tallies[SAY_KINDS];
};

/** The report on `error` (base/report.h) with {path}, {cause}, {detail} and {server}; a NULL is
 * left out. Returns the exit status. */
int say_failure(enum error error, const char *path, const char *cause, const char *detail,
                const char *server);

/** One line; left out with -q. `context` is a struct logger, here and below. */
void say_line(void *context, const char *line);
/** One line that -q does not silence: an administrator has to know. */
void say_alarm(void *context, const char *line);
/** The same for what may happen often. */
void say_warning(void *context, const char *line);
/** What somebody at `address` brought about; left out with -q. */
void say_note(void *context, enum server_event event, const uint8_t address[16]);
/** How many lines were left out in each minute that is over; `at_once`: also in one that is not. */
void say_rest(struct logger *logger, bool at_once);
/** One line for -v only. */
void say_detail(const struct logger *logger, const char *line);

#endif
