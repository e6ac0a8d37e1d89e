/* SPDX-License-Identifier: ISC */
/* The script for zsh: a function for compsys, to be sourced or put on fpath as _sotto. */
#include "sotto/completion.h"

#include <stdio.h>
#include <string.h>

enum { LINE_BYTES = 1024 };

static const char HEAD[] =
    "#compdef sotto\n"
    "# zsh completion for sotto, made by: sotto completion zsh\n"
    "\n"
    "# The people that the store of this profile knows; nothing is asked of a server.\n"
    "_sotto_names() {\n"
    "    local -a names\n"
    "    names=(${(f)\"$(sotto ${opt_args[--profile]:+--profile ${opt_args[--profile]}} users "
    "--known \\\n"
    "        --no-input --quiet </dev/null 2>/dev/null | cut -f 1)\"})\n"
    "    compadd \"$@\" -a names\n"
    "}\n"
    "\n"
    "_sotto_people() {\n"
    "    _sequence _sotto_names\n"
    "}\n"
    "\n";

static const char TAIL[] = "if [[ ${funcstack[1]} == _sotto ]]; then\n"
                           "    _sotto \"$@\"\n"
                           "else\n"
                           "    compdef _sotto sotto\n"
                           "fi\n";

/* The text between single quotes, with what has a meaning for _arguments and _describe escaped. */
static const char *quoted(const char *text, char out[LINE_BYTES]) {
    size_t size = 0;
    for (; *text != '\0' && size + 5 < LINE_BYTES; text++) {
        if (*text == '\'') {
            memcpy(out + size, "'\\''", 4);
            size += 4;
        } else {
            if (strchr("[]:\\", *text) != NULL) {
                out[size++] = '\\';
            }
            out[size++] = *text;
        }
    }
    out[size] = '\0';
    return out;
}

/* What stands behind "message:" in a specification. */
static const char *action(const struct completion *completion, char out[160]) {
    static const char *const NAMES[] = {
        [COMPLETES_NOTHING] = "",
        [COMPLETES_PEOPLE] = "_sotto_people",
        [COMPLETES_FILES] = "_files",
        [COMPLETES_PROGRAMS] = "_command_names",
        [COMPLETES_COMMANDS] = "_sotto_commands",
    };
    if (completion->kind == COMPLETES_CHOICES) {
        snprintf(out, 160, "(%s)", completion->choices);
    } else {
        snprintf(out, 160, "%s", NAMES[completion->kind]);
    }
    return out;
}

static must_check enum error put_commands(struct buffer *out) {
    char purpose[LINE_BYTES];
    enum error error = buffer_print(out, "_sotto_commands() {\n    local -a commands=(\n");
    for (int i = 0; i < COMMANDS && error == OK; i++) {
        const struct command_row *row = command_row((enum command_id)i);
        if (!row->is_reserved) {
            error =
                buffer_print(out, "        '%s:%s'\n", row->name, quoted(row->purpose, purpose));
        }
    }
    return error != OK
               ? error
               : buffer_print(out, "    )\n    _describe -t commands command commands\n}\n\n");
}

/* One specification of _arguments: '(-q --quiet)'{-q,--quiet}'[purpose]'. */
static must_check enum error put_option(struct buffer *out, enum option_id option) {
    const struct option_row *row = option_row(option);
    struct completion completion = completion_of_option(option);
    char purpose[LINE_BYTES];
    char what[160];
    char value[LINE_BYTES] = "";
    bool takes = row->takes != TAKES_NOTHING;
    const char *joint = row->takes == TAKES_VALUE && row->name != NULL ? "="
                        : row->takes == TAKES_MAYBE                    ? "=-"
                                                                       : "";
    if (takes) {
        snprintf(value, sizeof(value), "%s:%s:%s", row->takes == TAKES_MAYBE ? ":" : "", row->value,
                 action(&completion, what));
    }
    (void)quoted(row->purpose, purpose);
    if (row->name == NULL) {
        return buffer_print(out, "        '-%c[%s]%s'\n", row->letter, purpose, value);
    }
    if (row->letter == 0) {
        return buffer_print(out, "        '--%s%s[%s]%s'\n", row->name, joint, purpose, value);
    }
    return buffer_print(out, "        '(-%c --%s)'{-%c,--%s%s}'[%s]%s'\n", row->letter, row->name,
                        row->letter, row->name, joint, purpose, value);
}

static must_check enum error put_globals(struct buffer *out) {
    enum error error = buffer_print(out, "_sotto() {\n"
                                         "    local curcontext=$curcontext state line\n"
                                         "    local -A opt_args\n"
                                         "    local -a all=(\n");
    for (int i = 0; i < OPTIONS_GLOBAL && error == OK; i++) {
        error = put_option(out, (enum option_id)i);
    }
    return error != OK
               ? error
               : buffer_print(
                     out, "    )\n"
                          "    _arguments -C -S $all '1:command:_sotto_commands' '*:: :->rest'\n"
                          "    [[ $state == rest ]] || return\n"
                          "    local command=$words[1]\n"
                          "    local -a own=()\n"
                          "    case $command in\n");
}

/* Its options and arguments; behind the first argument nothing is completed. */
static must_check enum error put_command(struct buffer *out, enum command_id command) {
    const struct command_row *row = command_row(command);
    struct completion completion = completion_of_command(command);
    char what[160];
    enum error error = buffer_print(out, "    %s) own=(\n", row->name);
    for (int i = 0; i < row->option_count && error == OK; i++) {
        error = put_option(out, row->options[i]);
    }
    if (error == OK && row->words_max > 0) {
        error = buffer_print(out, "        '1:argument:%s'\n", action(&completion, what));
    }
    if (error == OK && row->words_max > 1) {
        error = buffer_print(out, "        '*:argument:'\n");
    }
    return error != OK ? error : buffer_print(out, "    ) ;;\n");
}

must_check enum error completion_zsh(struct buffer *out) {
    enum error error = buffer_print(out, "%s", HEAD);
    if (error == OK) {
        error = put_commands(out);
    }
    if (error == OK) {
        error = put_globals(out);
    }
    for (int i = 0; i < COMMANDS && error == OK; i++) {
        if (!command_row((enum command_id)i)->is_reserved) {
            error = put_command(out, (enum command_id)i);
        }
    }
    if (error == OK) {
        error = buffer_print(out, "    esac\n    _arguments -C -S $all $own\n}\n\n");
    }
    return error != OK ? error : buffer_print(out, "%s", TAIL);
}
