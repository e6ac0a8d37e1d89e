/* SPDX-License-Identifier: ISC */
#include "sotto/fault.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Drops the single space that an empty value leaves at the start of a line; deeper indents stay. */
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

int fault_set(struct sotto_error *error, enum error which, const struct error_value *values,
              size_t count) {
    *error = (struct sotto_error){.exit = error_exit(which), .retry = error_retry(which)};
    snprintf(error->code, sizeof(error->code), "%s", error_code(which));
    error_fill(error_text(which), values, count, error->message, sizeof(error->message));
    error_fill(error_help(which), values, count, error->help, sizeof(error->help));
    trim_lines(error->help);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(values[i].name, "peer") == 0) {
            snprintf(error->peer, sizeof(error->peer), "%s", values[i].value);
        }
    }
    return error->exit;
}

int fault_usage(struct sotto_error *error, const char *help, const char *format, ...) {
    char cause[sizeof(error->message)];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(cause, sizeof(cause), format, arguments);
    va_end(arguments);
    const struct error_value values[] = {{"cause", cause}, {"detail", help}};
    return fault_set(error, ERR_USAGE, values, 2);
}

int fault_storage(struct sotto_error *error, const char *path, int error_number,
                  const char *effect) {
    char spare[160];
    const char *cause =
        strerror_r(error_number, spare, sizeof(spare)); /* GNU's: returns the text */
    const struct error_value values[] = {{"path", path}, {"cause", cause}, {"effect", effect}};
    return fault_set(error, ERR_STORAGE_FAILED, values, 3);
}

int fault_input(struct sotto_error *error, const char *what, const char *how) {
    const struct error_value values[] = {{"cause", what}, {"detail", how}};
    return fault_set(error, ERR_INPUT_REQUIRED, values, 2);
}

static bool is_command(const char *text) {
    static const char *const programs[] = {"sotto ", "sottod ", "chmod "};
    for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
        if (strncmp(text, programs[i], strlen(programs[i])) == 0) {
            return true;
        }
    }
    return false;
}

size_t fault_commands(const char *help, char commands[FAULT_TRY_MAX][FAULT_TRY_BYTES]) {
    size_t count = 0;
    for (const char *p = help; *p != '\0' && count < FAULT_TRY_MAX; p++) {
        bool has_gap = p >= help + 2 && p[-1] == ' ' && p[-2] == ' ';
        if (!has_gap || !is_command(p)) {
            continue;
        }
        size_t size = strcspn(p, "\n");
        const char *gap = strstr(p, "  ");
        if (gap != NULL && (size_t)(gap - p) < size) {
            size = (size_t)(gap - p);
        }
        if (size < FAULT_TRY_BYTES) {
            memcpy(commands[count], p, size);
            commands[count++][size] = '\0';
        }
        p += size - 1;
    }
    return count;
}
