/* SPDX-License-Identifier: ISC */
#include "libsotto/report.h"

#include "base/report.h"

#include <stdio.h>
#include <string.h>

static enum error listed(enum error error, const char **cause) {
    if (error_is_listed(error)) {
        return error;
    }
    const char *why = "an unexpected status";
    enum error as = ERR_INTERNAL;
    if (error == ERR_FULL) {
        return ERR_DISK_FULL;
    }
    if (error == ERR_IO) {
        as = ERR_STORAGE_FAILED;
        why = "input/output error";
    } else if (error == ERR_MEMORY) {
        why = "out of memory";
    } else if (error == ERR_CRYPTO || error == ERR_RANDOM) {
        why = "cryptography failed";
    } else if (error == ERR_CLOSED) {
        as = ERR_CONNECTION_LOST;
        why = "closed";
    }
    if (*cause == NULL || **cause == '\0') {
        *cause = why;
    }
    return as;
}

/* "{effect} Try again." without an effect begins with the space between the two. */
static void trim_lines(char *text) {
    char *to = text;
    bool at_start = true;
    for (const char *from = text; *from != '\0'; from++) {
        if (at_start && from[0] == ' ' && from[1] != ' ') {
            at_start = false;
            continue;
        }
        at_start = *from == '\n';
        *to++ = *from;
    }
    *to = '\0';
}

static void copy(char *out, size_t size, const char *text) {
    snprintf(out, size, "%s", text == NULL ? "" : text);
}

int report_error(struct sotto_error *out, enum error error, const struct report *report) {
    memset(out, 0, sizeof(*out));
    if (error == OK) {
        return 0;
    }
    const char *cause = report->cause;
    char seconds[16];
    error = listed(error, &cause);
    snprintf(seconds, sizeof(seconds), "%u",
             report->retry_after_s == 0 ? 30 : report->retry_after_s);
    const char *peer =
        report->peer == NULL ? "WHO" : report->peer; /* as in the usage of a command */
    const struct error_value values[] = {
        {"server", report->server}, {"peer", peer},
        {"name", report->name},     {"profile", report->profile},
        {"path", report->path},     {"cause", cause},
        {"detail", report->detail}, {"effect", report->effect},
        {"id", report->id},         {"known", report->known},
        {"shown", report->shown},   {"retry_after", seconds},
    };
    const size_t count = sizeof(values) / sizeof(values[0]);
    copy(out->code, sizeof(out->code), error_code(error));
    out->exit = error_exit(error);
    out->retry = error_retry(error);
    out->retry_after_s = report->retry_after_s;
    out->time_ms = report->time_ms;
    error_line(error_text(error), values, count, out->message, sizeof(out->message));
    error_line(error_help(error), values, count, out->help, sizeof(out->help));
    trim_lines(out->help);
    copy(out->peer, sizeof(out->peer), report->peer);
    copy(out->id, sizeof(out->id), report->id);
    copy(out->cause, sizeof(out->cause), cause);
    return out->exit;
}

void report_effect(struct sotto_error *error, const char *effect) {
    char rest[sizeof(error->help)];
    char *gap = strstr(error->help, REPORT_EFFECT_LATER);
    if (gap != NULL) {
        copy(rest, sizeof(rest), gap + strlen(REPORT_EFFECT_LATER));
        size_t room = sizeof(error->help) - (size_t)(gap - error->help);
        snprintf(gap, room, "%s%s", effect, rest);
    }
}

void report_notice(struct sotto_error *out, enum error error, const struct report *report) {
    (void)report_error(out, error, report);
    out->exit = 0;
}
