/* SPDX-License-Identifier: ISC */
#include "sottod/say.h"

#include "base/limits.h"
#include "base/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

enum { ADDRESS_TEXT_BYTES = 64, LINE_BYTES = 256 };

/* A kind of line that is said a few times a minute: its name in JSON, its text, and what more of it
 * is called. */
static const struct {
    const char *name;
    const char *text;
    const char *more;
} KINDS[SAY_KINDS] = {
    [EVENT_LOGIN_REFUSED] = {"login_refused", "a login or a registration was refused",
                             "logins and registrations were refused"},
    [EVENT_TURNED_AWAY] = {"turned_away",
                           "a connection was turned away: too many are not logged in",
                           "connections were turned away"},
    [EVENT_PROTOCOL_BROKEN] = {"protocol_broken", "a connection was ended: it broke the protocol",
                               "connections were ended that broke the protocol"},
    [EVENT_NOT_READING] = {"not_reading", "a connection was ended: it did not read",
                           "connections were ended that did not read"},
    [EVENT_NO_MEMORY] = {"no_memory", "a connection was ended: there was no memory for it",
                         "connections were ended for which there was no memory"},
    [SAY_WARNING] = {"warning", "", "warnings were left out"},
};

int say_failure(enum error error, const char *path, const char *cause, const char *detail,
                const char *server) {
    char report[REPORT_MAX_BYTES];
    const struct error_value values[] = {
        {"path", path},     {"cause", cause}, {"detail", detail},
        {"server", server}, {"peer", cause},  {"effect", error == ERR_NAME_INVALID ? detail : NULL},
    };
    error_report("sottod", error, values, sizeof(values) / sizeof(values[0]), report,
                 sizeof(report));
    fputs(report, stderr);
    return error_exit(error);
}

/* --- a line -------------------------------------------------------------------------------- */

/* `kind`, `address` and `more` may be NULL and 0: then there is none. */
struct entry {
    const char *level;
    const char *line;
    const char *kind;
    const char *address;
    uint64_t more;
};

/* Lines are ours and hold no quotes or control characters; what is not is left out. */
static void print_json(const struct logger *logger, const struct entry *entry) {
    fprintf(stderr, "{\"v\":1,\"type\":\"log\",\"time_ms\":%" PRIu64 ",\"level\":\"%s\",",
            logger->clock.wall_ms(logger->clock.context), entry->level);
    if (entry->kind != NULL) {
        fprintf(stderr, "\"kind\":\"%s\",", entry->kind);
    }
    if (entry->address != NULL) {
        fprintf(stderr, "\"address\":\"%s\",", entry->address);
    }
    if (entry->more > 0) {
        fprintf(stderr, "\"more\":%" PRIu64 ",", entry->more);
    }
    fputs("\"message\":\"", stderr);
    for (const char *p = entry->line; *p != '\0'; p++) {
        if ((unsigned char)*p >= 0x20 && *p != '"' && *p != '\\') {
            fputc(*p, stderr);
        }
    }
    fputs("\"}\n", stderr);
}

static void print(const struct logger *logger, const struct entry *entry) {
    if (logger->as_json) {
        print_json(logger, entry);
    } else if (entry->address != NULL) {
        fprintf(stderr, "sottod: %s (from %s)\n", entry->line, entry->address);
    } else {
        fprintf(stderr, "sottod: %s\n", entry->line);
    }
}

void say_line(void *context, const char *line) {
    const struct logger *logger = context;
    if (!logger->is_quiet) {
        print(logger, &(struct entry){.level = "notice", .line = line});
    }
}

void say_alarm(void *context, const char *line) {
    print(context, &(struct entry){.level = "error", .line = line});
}

void say_detail(const struct logger *logger, const char *line) {
    if (logger->is_verbose) {
        print(logger, &(struct entry){.level = "detail", .line = line});
    }
}

/* --- a few of a kind ----------------------------------------------------------------------- */

static void tell_rest(struct logger *logger, int kind) {
    struct tally *tally = &logger->tallies[kind];
    char line[LINE_BYTES];
    if (tally->left_out > 0) {
        snprintf(line, sizeof(line), "%" PRIu64 " more %s", tally->left_out, KINDS[kind].more);
        print(logger, &(struct entry){.level = kind == SAY_WARNING ? "error" : "notice",
                                      .line = line,
                                      .kind = KINDS[kind].name,
                                      .more = tally->left_out});
    }
    *tally = (struct tally){0};
}

/* A minute begins with its first line. */
static bool may_say(struct logger *logger, int kind) {
    struct tally *tally = &logger->tallies[kind];
    uint64_t now_ms = logger->clock.monotonic_ms(logger->clock.context);
    if (tally->lines > 0 && now_ms - tally->since_ms >= MINUTE_MS) {
        tell_rest(logger, kind);
    }
    if (tally->lines == 0) {
        tally->since_ms = now_ms;
    }
    if (tally->lines == LOG_LINES_PER_MINUTE) {
        tally->left_out++;
        return false;
    }
    tally->lines++;
    return true;
}

void say_rest(struct logger *logger, bool at_once) {
    uint64_t now_ms = logger->clock.monotonic_ms(logger->clock.context);
    for (int kind = 0; kind < SAY_KINDS; kind++) {
        const struct tally *tally = &logger->tallies[kind];
        if (tally->lines > 0 && (at_once || now_ms - tally->since_ms >= MINUTE_MS)) {
            tell_rest(logger, kind);
        }
    }
}

void say_warning(void *context, const char *line) {
    struct logger *logger = context;
    if (may_say(logger, SAY_WARNING)) {
        say_alarm(logger, line);
    }
}

/* IPv4 whole; of IPv6 the network, as limits go by it. */
static void print_address(const uint8_t address[16], char *out, size_t size) {
    static const uint8_t V4_MAPPED[12] = {[10] = 0xff, [11] = 0xff};
    bool is_v4 = memcmp(address, V4_MAPPED, sizeof(V4_MAPPED)) == 0;
    if (uv_inet_ntop(is_v4 ? AF_INET : AF_INET6, is_v4 ? address + sizeof(V4_MAPPED) : address, out,
                     size) != 0) {
        snprintf(out, size, "?");
    }
    size_t at = strlen(out);
    snprintf(out + at, size - at, is_v4 ? "" : "/64");
}

void say_note(void *context, enum server_event event, const uint8_t address[16]) {
    struct logger *logger = context;
    char from[ADDRESS_TEXT_BYTES];
    if (logger->is_quiet || !may_say(logger, (int)event)) {
        return;
    }
    print_address(address, from, sizeof(from));
    print(logger, &(struct entry){.level = "notice",
                                  .line = KINDS[event].text,
                                  .kind = KINDS[event].name,
                                  .address = logger->with_addresses ? from : NULL});
}
