/* SPDX-License-Identifier: ISC */
#include "sottod/say.h"

#include "base/report.h"

#include <stdio.h>

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

/* Lines are ours and hold no quotes or control characters; what is not is left out. */
static void print_json(const struct logger *logger, const char *level, const char *line) {
    fprintf(stderr, "{\"v\":1,\"type\":\"log\",\"time_ms\":%llu,\"level\":\"%s\",\"message\":\"",
            (unsigned long long)logger->clock.wall_ms(logger->clock.context), level);
    for (const char *p = line; *p != '\0'; p++) {
        if ((unsigned char)*p >= 0x20 && *p != '"' && *p != '\\') {
            fputc(*p, stderr);
        }
    }
    fputs("\"}\n", stderr);
}

static void print(const struct logger *logger, const char *level, const char *line) {
    if (logger->as_json) {
        print_json(logger, level, line);
    } else {
        fprintf(stderr, "sottod: %s\n", line);
    }
}

void say_line(void *context, const char *line) {
    const struct logger *logger = context;
    if (!logger->is_quiet) {
        print(logger, "notice", line);
    }
}

void say_alarm(void *context, const char *line) {
    print(context, "error", line);
}

void say_detail(const struct logger *logger, const char *line) {
    if (logger->is_verbose) {
        print(logger, "detail", line);
    }
}
