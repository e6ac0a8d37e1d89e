/* SPDX-License-Identifier: ISC */
/* The script for bash. It needs no other package: the words are put together again where bash has
 * cut them at '='. */
#include "sotto/completion.h"

#include <stdio.h>
#include <string.h>

static const char HEAD[] =
    "# bash completion for sotto, made by: sotto completion bash\n"
    "\n"
    "# The people that the store of this profile knows; nothing is asked of a server.\n"
    "_sotto_people() {\n"
    "    sotto ${1:+--profile \"$1\"} users --known --no-input --quiet </dev/null 2>/dev/null |\n"
    "        cut -f 1\n"
    "}\n"
    "\n";

/* Finds the command, the profile and how many arguments stand before the cursor. */
static const char BODY[] =
    "_sotto() {\n"
    "    local -a words=()\n"
    "    local i word cur list option='' command='' profile='' only='' at=0 kind=''\n"
    "    for ((i = 1; i <= COMP_CWORD; i++)); do\n"
    "        word=${COMP_WORDS[i]}\n"
    "        if ((${#words[@]} > 0)) && [[ $word == = || ${words[-1]} == --*= ]]; then\n"
    "            words[-1]+=$word\n"
    "        else\n"
    "            words+=(\"$word\")\n"
    "        fi\n"
    "    done\n"
    "    cur=${words[-1]}\n"
    "    for word in \"${words[@]:0:${#words[@]}-1}\"; do\n"
    "        if [[ $option ]]; then\n"
    "            [[ $option == --profile ]] && profile=$word\n"
    "            option=''\n"
    "        elif [[ $only || $word != -?* ]]; then\n"
    "            if [[ $command ]]; then at=$((at + 1)); else command=$word; fi\n"
    "        elif [[ $word == -- ]]; then\n"
    "            only=1\n"
    "        elif [[ $word == --profile=* ]]; then\n"
    "            profile=${word#*=}\n"
    "        elif [[ $word != *=* ]] && _sotto_takes_value \"$command\" \"$word\"; then\n"
    "            option=$word\n"
    "        fi\n"
    "    done\n"
    "    if [[ ! $option && ! $only && $cur == --*=* ]]; then\n"
    "        option=${cur%%=*} cur=${cur#*=}\n"
    "    fi\n"
    "    COMPREPLY=()\n"
    "    if [[ $option ]]; then\n"
    "        kind=$(_sotto_value \"$command\" \"$option\")\n"
    "    elif [[ ! $only && $cur == -* ]]; then\n"
    "        kind=\"words $(_sotto_options \"$command\")\"\n"
    "    elif [[ ! $command ]]; then\n"
    "        kind=commands\n"
    "    elif ((at == 0)); then\n"
    "        kind=$(_sotto_argument \"$command\")\n"
    "    fi\n"
    "    case $kind in\n"
    "    people)\n"
    "        list='' # ana,bob,c: the last one is completed\n"
    "        [[ $cur == *,* ]] && list=${cur%,*},\n"
    "        mapfile -t COMPREPLY < <(compgen -P \"$list\" -W \"$(_sotto_people \"$profile\")\" -- "
    "\"${cur##*,}\")\n"
    "        ;;\n"
    "    files) mapfile -t COMPREPLY < <(compgen -f -- \"$cur\") && compopt -o filenames "
    "2>/dev/null ;;\n"
    "    programs) mapfile -t COMPREPLY < <(compgen -c -- \"$cur\") ;;\n"
    "    commands) mapfile -t COMPREPLY < <(compgen -W \"$(_sotto_commands)\" -- \"$cur\") ;;\n"
    "    words\\ *) mapfile -t COMPREPLY < <(compgen -W \"${kind#words }\" -- \"$cur\") ;;\n"
    "    esac\n"
    "}\n"
    "\n"
    "complete -F _sotto sotto\n";

static must_check enum error put(struct buffer *out, const char *text) {
    return buffer_append(out, bytes_of_string(text));
}

static must_check enum error put_all(struct buffer *out, const char *const *texts, size_t count) {
    enum error error = OK;
    for (size_t i = 0; i < count && error == OK; i++) {
        error = put(out, texts[i]);
    }
    return error;
}
#define PUT(out, ...)                                                                              \
    put_all(out, (const char *const[]){__VA_ARGS__},                                               \
            sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

/* "--name", or "-n" of an option without a long name. */
static const char *spelled(enum option_id option, char out[64]) {
    const struct option_row *row = option_row(option);
    if (row->name != NULL) {
        snprintf(out, 64, "--%s", row->name);
    } else {
        snprintf(out, 64, "-%c", row->letter);
    }
    return out;
}

static must_check enum error put_commands(struct buffer *out) {
    enum error error = put(out, "_sotto_commands() {\n    echo '");
    const char *gap = "";
    for (int i = 0; i < COMMANDS && error == OK; i++) {
        const struct command_row *row = command_row((enum command_id)i);
        if (!row->is_reserved) {
            error = PUT(out, gap, row->name);
            gap = " ";
        }
    }
    return error != OK ? error : put(out, "'\n}\n\n");
}

/* The options of a command; without a command those of all. */
static must_check enum error put_options(struct buffer *out) {
    char name[64];
    enum error error = put(out, "_sotto_options() {\n    local all='");
    for (int i = 0; i < OPTIONS_GLOBAL && error == OK; i++) {
        error = PUT(out, i == 0 ? "" : " ", spelled((enum option_id)i, name));
    }
    if (error == OK) {
        error = put(out, "'\n    case $1 in\n");
    }
    for (int c = 0; c < COMMANDS && error == OK; c++) {
        const struct command_row *row = command_row((enum command_id)c);
        if (row->is_reserved || row->option_count == 0) {
            continue;
        }
        error = PUT(out, "    ", row->name, ") echo \"");
        for (int i = 0; i < row->option_count && error == OK; i++) {
            bool may_be_joined = option_row(row->options[i])->takes == TAKES_MAYBE;
            error = PUT(out, spelled(row->options[i], name), " ");
            if (error == OK && may_be_joined) {
                error = PUT(out, name, "= ");
            }
        }
        if (error == OK) {
            error = put(out, "$all\" ;;\n");
        }
    }
    return error != OK ? error : put(out, "    *) echo \"$all\" ;;\n    esac\n}\n\n");
}

static const char *words_of(const struct completion *completion, char out[160]) {
    static const char *const NAMES[] = {
        [COMPLETES_PEOPLE] = "people",     [COMPLETES_FILES] = "files",
        [COMPLETES_PROGRAMS] = "programs", [COMPLETES_COMMANDS] = "commands",
        [COMPLETES_CHOICES] = "words ",
    };
    snprintf(out, 160, "%s%s", NAMES[completion->kind], completion->choices);
    return out;
}

/* One branch "command:--option) what" for each option that the predicate takes. */
static must_check enum error put_option_row(struct buffer *out, const char *command,
                                            enum option_id option, bool values) {
    const struct option_row *row = option_row(option);
    struct completion completion = completion_of_option(option);
    char name[64];
    char words[160];
    if (!values) {
        return row->takes == TAKES_VALUE
                   ? PUT(out, "    ", command, ":", spelled(option, name), ") return 0 ;;\n")
                   : OK;
    }
    if (completion.kind == COMPLETES_NOTHING) {
        return OK;
    }
    return PUT(out, "    ", command, ":", spelled(option, name), ") echo '",
               words_of(&completion, words), "' ;;\n");
}

static must_check enum error put_option_rows(struct buffer *out, bool values) {
    enum error error = OK;
    for (int i = 0; i < OPTIONS_GLOBAL && error == OK; i++) {
        error = put_option_row(out, "*", (enum option_id)i, values);
    }
    for (int c = 0; c < COMMANDS && error == OK; c++) {
        const struct command_row *row = command_row((enum command_id)c);
        for (int i = 0; i < row->option_count && error == OK; i++) {
            error = put_option_row(out, row->name, row->options[i], values);
        }
    }
    return error;
}

static must_check enum error put_values(struct buffer *out) {
    enum error error = put(out, "_sotto_takes_value() {\n    case $1:$2 in\n");
    if (error == OK) {
        error = put_option_rows(out, false);
    }
    if (error == OK) {
        error = put(out, "    esac\n    return 1\n}\n\n_sotto_value() {\n    case $1:$2 in\n");
    }
    if (error == OK) {
        error = put_option_rows(out, true);
    }
    return error != OK ? error : put(out, "    esac\n}\n\n");
}

static must_check enum error put_arguments(struct buffer *out) {
    enum error error = put(out, "_sotto_argument() {\n    case $1 in\n");
    for (int c = 0; c < COMMANDS && error == OK; c++) {
        struct completion completion = completion_of_command((enum command_id)c);
        char words[160];
        if (completion.kind != COMPLETES_NOTHING) {
            error = PUT(out, "    ", command_row((enum command_id)c)->name, ") echo '",
                        words_of(&completion, words), "' ;;\n");
        }
    }
    return error != OK ? error : put(out, "    esac\n}\n\n");
}

must_check enum error completion_bash(struct buffer *out) {
    enum error error = put(out, HEAD);
    if (error == OK) {
        error = put_commands(out);
    }
    if (error == OK) {
        error = put_options(out);
    }
    if (error == OK) {
        error = put_values(out);
    }
    if (error == OK) {
        error = put_arguments(out);
    }
    return error != OK ? error : put(out, BODY);
}
