/* SPDX-License-Identifier: ISC */
#include "sotto/tell.h"

#include "sotto/fault.h"
#include "sotto/json.h"
#include "sotto/visible.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct visible_layout ONE_LINE = {.one_line = true};

/* Appends `before`, `text` made visible, and a line end. */
static must_check enum error put_line(struct buffer *out, const char *before, struct bytes text) {
    enum error status = buffer_append(out, bytes_of_string(before));
    if (status == OK) {
        status = visible_text(text, &ONE_LINE, out);
    }
    return status != OK ? status : buffer_append(out, bytes_of_string("\n"));
}

must_check enum error tell_text(const struct sotto_error *error, bool cause, const char *exit_word,
                                struct buffer *out) {
    char last[96];
    enum error status = put_line(out, "sotto: ", bytes_of_string(error->message));
    for (const char *line = error->help; *line != '\0' && status == OK;) {
        size_t size = strcspn(line, "\n");
        /* A value that was left out leaves its space; two are an indent. */
        size_t skipped = size > 1 && line[0] == ' ' && line[1] != ' ' ? 1 : 0;
        if (size > 0) {
            status = put_line(out, "  ", bytes_make(line + skipped, size - skipped));
        }
        line += size + (line[size] == '\n' ? 1 : 0);
    }
    if (status == OK && cause && error->cause[0] != '\0') {
        status = put_line(out, "  cause: ", bytes_of_string(error->cause));
    }
    if (exit_word != NULL) {
        snprintf(last, sizeof(last), "[%s, exit %s]", error->code, exit_word);
    } else {
        snprintf(last, sizeof(last), "[%s, exit %d]", error->code, error->exit);
    }
    return status != OK ? status : put_line(out, "  ", bytes_of_string(last));
}

must_check enum error tell_json(const struct sotto_error *error, const char *type, bool cause,
                                struct buffer *out) {
    struct json_line line;
    char commands[FAULT_TRY_MAX][FAULT_TRY_BYTES];
    json_begin(&line, type);
    json_text(&line, line.root, "code", error->code);
    json_number(&line, line.root, "exit", (uint64_t)error->exit);
    if (error->peer[0] != '\0') {
        json_text(&line, line.root, "to", error->peer);
    }
    if (error->id[0] != '\0') {
        json_text(&line, line.root, "id", error->id);
    }
    json_text(&line, line.root, "message", error->message);
    json_text(&line, line.root, "help", error->help);
    json_flag(&line, line.root, "retry", error->retry);
    if (error->retry_after_s > 0) {
        json_number(&line, line.root, "retry_after_s", error->retry_after_s);
    }
    json_time(&line, line.root, "time", error->time_ms);
    if (cause && error->cause[0] != '\0') {
        json_text(&line, line.root, "cause", error->cause);
    }
    json_t *list = json_list(&line, line.root, "try");
    size_t count = fault_commands(error->help, commands);
    for (size_t i = 0; i < count; i++) {
        json_list_text(&line, list, commands[i]);
    }
    return json_end(&line, out);
}

static void write_stderr(struct bytes text) {
    /* There is nowhere left to say that stderr does not take it. */
    struct output out = {.handle = STDERR_FILENO};
    bool ignored = output_write(&out, text);
    (void)ignored;
}

static void write_or_shrug(enum error status, struct buffer *text) {
    if (status == OK) {
        write_stderr(buffer_view(text));
    } else {
        write_stderr(bytes_of_string("sotto: out of memory\n  [internal, exit 70]\n"));
    }
    buffer_clear(text);
}

void tell_error(const struct app *app, const struct sotto_error *error) {
    struct buffer text;
    buffer_init(&text, TELL_MAX_BYTES);
    enum error status = app->is_json ? tell_json(error, "error", app->verbose > 0, &text)
                                     : tell_text(error, app->verbose > 0, NULL, &text);
    write_or_shrug(status, &text);
}

void tell_notice(const struct app *app, const struct sotto_error *notice) {
    struct buffer text;
    if (app->is_quiet && notice->exit == 0) {
        return;
    }
    buffer_init(&text, TELL_MAX_BYTES);
    const char *exit_word = notice->exit == 0 ? NULL : "unchanged";
    enum error status = app->is_json ? tell_json(notice, "notice", app->verbose > 0, &text)
                                     : tell_text(notice, app->verbose > 0, exit_word, &text);
    write_or_shrug(status, &text);
}

static printf_like(1, 0) void tell_line(const char *format, va_list arguments) {
    char line[1024];
    struct buffer text;
    vsnprintf(line, sizeof(line), format, arguments);
    buffer_init(&text, TELL_MAX_BYTES);
    write_or_shrug(put_line(&text, "", bytes_of_string(line)), &text);
}

void tell_prompt(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    tell_line(format, arguments);
    va_end(arguments);
}

void tell(const struct app *app, const char *format, ...) {
    va_list arguments;
    if (app->is_quiet || app->is_json || !app->is_terminal[STDERR_FILENO]) {
        return;
    }
    va_start(arguments, format);
    tell_line(format, arguments);
    va_end(arguments);
}

void tell_always(const struct app *app, const char *format, ...) {
    va_list arguments;
    if (app->is_quiet || app->is_json) {
        return;
    }
    va_start(arguments, format);
    tell_line(format, arguments);
    va_end(arguments);
}
