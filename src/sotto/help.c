/* SPDX-License-Identifier: ISC */
#include "sotto/help.h"

#include <stdio.h>
#include <string.h>

enum {
    LEFT_COLUMNS = 24,
    GROUP_COLUMNS = 9,
    GROUP_WIDTH = 3, /* commands on a line */
    BRIEF_COLUMNS = 27,
    LINE_BYTES = 2048,
};

/* Cuts the spaces at the end of what has been written so far. */
static int trim_end(char *line, int at) {
    while (at > 0 && line[at - 1] == ' ') {
        line[--at] = '\0';
    }
    return at;
}

/* The lines of the overview for a group: its name and the commands in it, three to a line. */
static must_check enum error put_group(struct buffer *out, const char *group) {
    char line[LINE_BYTES];
    int at = snprintf(line, sizeof(line), "%-*s", GROUP_COLUMNS, group);
    int count = 0;
    for (int i = 0; i < COMMANDS; i++) {
        const struct command_row *row = command_row((enum command_id)i);
        if (row->group != NULL && strcmp(row->group, group) == 0) {
            if (count > 0 && count % GROUP_WIDTH == 0) {
                at = trim_end(line, at);
                at += snprintf(line + at, sizeof(line) - (size_t)at, "\n%-*s", GROUP_COLUMNS, "");
            }
            count++;
            at += snprintf(line + at, sizeof(line) - (size_t)at, "%-*s", BRIEF_COLUMNS, row->brief);
        }
    }
    (void)trim_end(line, at);
    return buffer_print(out, "%s\n", line);
}

must_check enum error help_overview(struct buffer *out) {
    enum error error = buffer_print(
        out, "sotto: end-to-end encrypted messages from your terminal and scripts\n\n");
    const char *last = NULL;
    for (int i = 0; i < COMMANDS && error == OK; i++) {
        const char *group = command_row((enum command_id)i)->group;
        if (group != NULL && (last == NULL || strcmp(last, group) != 0)) {
            error = put_group(out, group);
            last = group;
        }
    }
    return error != OK ? error : buffer_print(out, "\n'sotto help send' explains one command.\n");
}

/* The left column of an option: "-q, --quiet" or "    --id KEY". */
static void option_form(const struct option_row *row, char *out, size_t size) {
    char letter[8] = "    ";
    if (row->letter != 0) {
        snprintf(letter, sizeof(letter), "-%c%s", row->letter, row->name == NULL ? "" : ", ");
    }
    const char *dashes = row->name == NULL ? "" : "--";
    const char *name = row->name == NULL ? "" : row->name;
    switch (row->takes) {
    case TAKES_VALUE:
        snprintf(out, size, "%s%s%s %s", letter, dashes, name, row->value);
        break;
    case TAKES_MAYBE:
        snprintf(out, size, "%s%s%s[=%s]", letter, dashes, name, row->value);
        break;
    case TAKES_NOTHING:
        snprintf(out, size, "%s%s%s", letter, dashes, name);
        break;
    }
}

static must_check enum error put_option(struct buffer *out, enum option_id option) {
    const struct option_row *row = option_row(option);
    char form[80];
    option_form(row, form, sizeof(form));
    size_t room = HELP_COLUMNS - LEFT_COLUMNS - 4;
    const char *text = row->purpose;
    enum error error = strlen(form) > LEFT_COLUMNS
                           ? buffer_print(out, "  %s\n  %-*s", form, LEFT_COLUMNS + 1, "")
                           : buffer_print(out, "  %-*s ", LEFT_COLUMNS, form);
    while (error == OK && strlen(text) > room) {
        size_t size = room;
        while (size > 0 && text[size] != ' ') {
            size--;
        }
        error = buffer_print(out, "%.*s\n  %-*s", (int)size, text, LEFT_COLUMNS + 1, "");
        text += size + 1;
    }
    return error != OK ? error : buffer_print(out, "%s\n", text);
}

static must_check enum error put_examples(struct buffer *out, const struct command_row *row) {
    enum error error = buffer_print(out, "\nExamples\n");
    for (int i = 0; i < COMMAND_EXAMPLES_MAX && row->examples[i].line != NULL && error == OK; i++) {
        const struct command_example *example = &row->examples[i];
        error = buffer_print(out, "  %s\n", example->line);
        if (error == OK && example->does != NULL) {
            error = buffer_print(out, "      %s\n", example->does);
        }
    }
    return error;
}

static must_check enum error put_options(struct buffer *out, const struct command_row *row) {
    enum error error = OK;
    if (row->option_count > 0) {
        error = buffer_print(out, "\nOptions\n");
    }
    for (int i = 0; i < row->option_count && error == OK; i++) {
        error = put_option(out, row->options[i]);
    }
    if (error == OK) {
        error = buffer_print(out, "\nOptions of every command\n");
    }
    for (int i = 0; i < OPTIONS_GLOBAL && error == OK; i++) {
        error = put_option(out, (enum option_id)i);
    }
    return error;
}

static must_check enum error put_exits(struct buffer *out, const struct command_row *row) {
    size_t count = 0;
    const struct exit_row *table = exit_rows(&count);
    enum error error = buffer_print(out, "\nExit status\n");
    for (size_t i = 0; i < count && error == OK; i++) {
        bool is_listed = table[i].exit == 0;
        for (int k = 0; k < COMMAND_EXITS_MAX && row->exits[k] != 0; k++) {
            is_listed = is_listed || row->exits[k] == table[i].exit;
        }
        if (is_listed) {
            error = buffer_print(out, "  %3d %-9s %s\n", table[i].exit, table[i].name,
                                 table[i].meaning);
        }
    }
    return error;
}

must_check enum error help_command(enum command_id command, struct buffer *out) {
    const struct command_row *row = command_row(command);
    const char *space = row->arguments[0] == '\0' ? "" : " ";
    enum error error = buffer_print(out, "sotto %s%s%s%s\n    %s\n", row->name, space,
                                    row->arguments, " [OPTIONS]", row->purpose);
    if (error == OK && row->notes != NULL) {
        error = buffer_print(out, "\n%s\n", row->notes);
    }
    if (error == OK) {
        error = put_examples(out, row);
    }
    if (error == OK) {
        error = put_options(out, row);
    }
    if (error == OK) {
        error = put_exits(out, row);
    }
    return error != OK ? error : buffer_print(out, "\nMore: man sotto-%s\n", row->name);
}

must_check enum error help_start(struct buffer *out) {
    return buffer_print(out,
                        "There is no account here yet. With an invite link:   sotto join LINK\n"
                        "On an open server:     sotto register NAME --server HOST\n"
                        "On a server of yours:  sottod        (it prints the first link)\n");
}
