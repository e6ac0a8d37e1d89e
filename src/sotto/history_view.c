/* SPDX-License-Identifier: ISC */
#include "sotto/history_view.h"

#include "sotto/json.h"
#include "sotto/visible.h"
#include "sotto/when.h"

#include <stdio.h>
#include <string.h>

static must_check enum error put_content(const struct sotto_past *past,
                                         const struct visible_layout *layout, struct buffer *out) {
    const struct sotto_message *message = &past->message;
    if (past->is_erased) {
        return buffer_print(out, "(erased)");
    }
    return message_view_is_text(message)
               ? visible_text(bytes_make(message->text, message->size), layout, out)
               : buffer_print(out, "(what this version of sotto cannot show)");
}

must_check enum error history_view_text(const struct sotto_past *past,
                                        const struct message_view *view, struct buffer *out) {
    char with[4 * SOTTO_NAME_SIZE];
    char time[WHEN_BYTES];
    char mark[32] = "";
    if (past->state == NULL && !past->is_erased) {
        return message_view_text(&past->message, view, out);
    }
    visible_line(past->with, with, sizeof(with));
    when_local(past->message.time_ms, view->now_ms, time);
    if (past->state != NULL && past->state[0] != '\0') {
        snprintf(mark, sizeof(mark), " (%s)", past->state);
    }
    size_t before = out->size;
    enum error error = buffer_print(out, "%s%s%s%s%s: ", view->is_plain ? "" : time,
                                    view->is_plain || time[0] == '\0' ? "" : " ",
                                    past->state != NULL ? "you to " : "", with, mark);
    const struct visible_layout layout = {.column = out->size - before, .columns = view->columns};
    if (error == OK) {
        error = put_content(past, &layout, out);
    }
    return error == OK ? message_view_end(&past->message, view, time, out) : error;
}

must_check enum error history_view_json(const struct sotto_past *past, const char *own,
                                        struct buffer *out) {
    const struct sotto_message *message = &past->message;
    struct json_line line;
    json_begin(&line, "message");
    message_view_members(message, past->with, past->state != NULL ? past->with : own,
                         message_view_is_text(message) && !past->is_erased, &line);
    if (past->state != NULL) {
        json_text(&line, line.root, "state", past->state);
    } else {
        json_flag(&line, line.root, "confirmed", message->is_confirmed);
        json_flag(&line, line.root, "late", message->is_late);
    }
    if (message->life_s > 0) {
        json_number(&line, line.root, "life_s", message->life_s);
    }
    if (past->is_erased) {
        json_flag(&line, line.root, "erased", true);
    }
    return json_end(&line, out);
}
