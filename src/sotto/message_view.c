/* SPDX-License-Identifier: ISC */
#include "sotto/message_view.h"

#include "sotto/json.h"
#include "sotto/visible.h"
#include "sotto/when.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

bool message_view_is_text(const struct sotto_message *message) {
    return strcmp(message->kind, "text") == 0;
}

/* "3 days", "1 hour": the largest unit that needs no fraction. */
static void print_life(uint32_t seconds, char *out, size_t size) {
    static const struct {
        uint32_t seconds;
        const char *name;
    } units[] = {{86400, "day"}, {3600, "hour"}, {60, "minute"}, {1, "second"}};
    size_t i = 0;
    while (seconds % units[i].seconds != 0) {
        i++;
    }
    uint32_t count = seconds / units[i].seconds;
    snprintf(out, size, "%" PRIu32 " %s%s", count, units[i].name, count == 1 ? "" : "s");
}

enum { MARK_BYTES = 64 };

/* What stands behind the name: " (late)", " (kept 1 hour)", " (late, kept 1 hour)", or nothing. */
static void put_mark(const struct sotto_message *message, char out[MARK_BYTES]) {
    char life[32] = "";
    if (message->life_s > 0) {
        print_life(message->life_s, life, sizeof(life));
    }
    bool is_marked = message->is_late || message->life_s > 0;
    snprintf(out, MARK_BYTES, "%s%s%s%s%s%s", is_marked ? " (" : "", message->is_late ? "late" : "",
             message->is_late && message->life_s > 0 ? ", " : "",
             message->life_s > 0 ? "kept " : "", life, is_marked ? ")" : "");
}

must_check enum error message_view_end(const struct sotto_message *message,
                                       const struct message_view *view, const char *time,
                                       struct buffer *out) {
    char last = message->size == 0 ? ' ' : message->text[message->size - 1];
    if (!view->is_plain || time[0] == '\0') {
        return buffer_print(out, "\n");
    }
    return buffer_print(out, "%s %s\n", strchr(".!?:;", last) != NULL ? "" : ".", time);
}

must_check enum error message_view_text(const struct sotto_message *message,
                                        const struct message_view *view, struct buffer *out) {
    char from[4 * SOTTO_NAME_SIZE];
    char time[WHEN_BYTES];
    enum error error = OK;
    visible_line(message->from, from, sizeof(from));
    when_local(message->time_ms, view->now_ms, time);
    char mark[MARK_BYTES];
    put_mark(message, mark);
    const char *label_time = view->is_plain || time[0] == '\0' ? "" : time;
    size_t before = out->size;
    if (error == OK) {
        error = buffer_print(
            out, "%s%s%s%s%s", label_time, label_time[0] == '\0' ? "" : " ", from, mark,
            message_view_is_text(message) ? ": " : " sent what this version of sotto cannot show");
    }
    const struct visible_layout layout = {.column = out->size - before, .columns = view->columns};
    if (error == OK && message_view_is_text(message)) {
        error = visible_text(bytes_make(message->text, message->size), &layout, out);
    }
    return error == OK ? message_view_end(message, view, time, out) : error;
}

void message_view_members(const struct sotto_message *message, const char *chat, const char *to,
                          bool has_text, struct json_line *line) {
    json_text(line, line->root, "id", message->id);
    json_text(line, line->root, "chat", chat);
    json_text(line, line->root, "from", message->from);
    json_list_text(line, json_list(line, line->root, "to"), to);
    json_text(line, line->root, "kind", message->kind);
    if (has_text) {
        json_bytes(line, line->root, "text", bytes_make(message->text, message->size));
    }
    json_time(line, line->root, "time", message->time_ms);
    json_time(line, line->root, "received", message->received_ms);
    json_text(line, line->root, "trust", sotto_trust_word(message->trust));
}

must_check enum error message_view_json(const struct sotto_message *message, const char *to,
                                        struct buffer *out) {
    struct json_line line;
    json_begin(&line, "message");
    message_view_members(message, message->from, to, message_view_is_text(message), &line);
    json_flag(&line, line.root, "confirmed", message->is_confirmed);
    json_flag(&line, line.root, "late", message->is_late);
    if (message->life_s > 0) {
        json_number(&line, line.root, "life_s", message->life_s);
    }
    return json_end(&line, out);
}

must_check enum error message_view_notice(const struct sotto_error *notice, struct buffer *out) {
    struct json_line line;
    json_begin(&line, notice->code);
    if (notice->id[0] != '\0') {
        json_text(&line, line.root, "id", notice->id);
    }
    json_text(&line, line.root, "chat", notice->peer);
    json_text(&line, line.root, "from", notice->peer);
    json_text(&line, line.root, "code", notice->code);
    json_text(&line, line.root, "message", notice->message);
    json_time(&line, line.root, "time", notice->time_ms);
    return json_end(&line, out);
}
