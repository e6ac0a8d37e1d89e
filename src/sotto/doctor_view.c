/* SPDX-License-Identifier: ISC */
#include "sotto/doctor_view.h"

#include "sotto/json.h"
#include "sotto/visible.h"

#include <stdio.h>

enum { STATE_COLUMNS = 5, NAME_COLUMNS = 12, LINE_BYTES = 4096 };

const char *doctor_word(enum sotto_check_state state) {
    switch (state) {
    case SOTTO_CHECK_OK:
        return "ok";
    case SOTTO_CHECK_WARN:
        return "warn";
    case SOTTO_CHECK_FAIL:
        return "FAIL";
    case SOTTO_CHECK_SKIPPED:
        break;
    }
    return "skip";
}

/* What is said: the problem in words, else what was found and where. */
static void describe(const struct sotto_check *check, char *out, size_t size) {
    char line[LINE_BYTES];
    if (check->problem != NULL) {
        snprintf(line, sizeof(line), "%s", check->problem->message);
    } else {
        bool has_where = check->where[0] != '\0';
        snprintf(line, sizeof(line), "%s%s%s%s", check->found, has_where ? " (" : "", check->where,
                 has_where ? ")" : "");
    }
    visible_line(line, out, size);
}

must_check enum error doctor_text(const struct sotto_check *check, bool is_plain,
                                  struct buffer *out) {
    char said[LINE_BYTES];
    char fix[LINE_BYTES];
    const char *word = doctor_word(check->state);
    describe(check, said, sizeof(said));
    visible_line(check->fix, fix, sizeof(fix));
    enum error error = is_plain ? buffer_print(out, "%s: %s, %s\n", check->name, word, said)
                                : buffer_print(out, "%-*s %-*s %s\n", STATE_COLUMNS, word,
                                               NAME_COLUMNS, check->name, said);
    if (error == OK && fix[0] != '\0') {
        error = is_plain ? buffer_print(out, "  %s", fix)
                         : buffer_print(out, "%*s %s", STATE_COLUMNS + 1 + NAME_COLUMNS, "", fix);
        if (error == OK && check->problem != NULL) {
            error = buffer_print(out, " [%s, exit %d]", check->problem->code, check->problem->exit);
        }
        error = error == OK ? buffer_print(out, "\n") : error;
    }
    return error;
}

must_check enum error doctor_json(const struct sotto_check *check, struct buffer *out) {
    static const char *const STATES[] = {[SOTTO_CHECK_OK] = "ok",
                                         [SOTTO_CHECK_WARN] = "warn",
                                         [SOTTO_CHECK_FAIL] = "fail",
                                         [SOTTO_CHECK_SKIPPED] = "skip"};
    struct json_line line;
    json_begin(&line, "check");
    json_text(&line, line.root, "name", check->name);
    json_text(&line, line.root, "state", STATES[check->state]);
    if (check->found[0] != '\0') {
        json_text(&line, line.root, "found", check->found);
    }
    if (check->where[0] != '\0') {
        json_text(&line, line.root, "where", check->where);
    }
    if (check->problem != NULL) {
        json_text(&line, line.root, "code", check->problem->code);
        json_number(&line, line.root, "exit", (uint64_t)check->problem->exit);
        json_text(&line, line.root, "message", check->problem->message);
    }
    if (check->fix[0] != '\0') {
        json_text(&line, line.root, "fix", check->fix);
    }
    return json_end(&line, out);
}
