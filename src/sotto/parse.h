/* SPDX-License-Identifier: ISC */
/* The command line, read with the table of commands and options.
 *
 * Options may stand anywhere before `--`, also before the command. A value follows as the next word
 * or after `=`; a next word that looks like an option (`--...`, or `-` and a known letter) is a
 * sign of a forgotten value. Letters may be joined (`-qv`, `-n5`). Of an option given twice the
 * last one counts. Nothing is abbreviated and no guess is run. */
#ifndef SOTTO_SOTTO_PARSE_H
#define SOTTO_SOTTO_PARSE_H

#include "sotto/table.h"

#include <sotto/sotto.h>

struct request {
    enum command_id command; /**< COMMAND_NONE: no word was given */
    unsigned given[OPTIONS]; /**< how often */
    const char
        *value[OPTIONS]; /**< of options that take one; NULL when it may be and was left out */
    const char **words;  /**< arguments after the command, those of argv */
    int word_count;
    int words_before;     /**< how many of them stand before a "--" */
    const char *help_for; /**< with -h or "help": the word to explain, NULL for the overview */
    bool wants_help;
    bool wants_version;
};

/** Reads the `argc` words of `argv`, of which the first is the program. Returns 0, or the exit
 * status of the usage error in `*error`; `given[OPTION_JSON]` holds also then, as far as was read.
 * After -h and -V nothing else is judged. `request_clear` it in both cases. */
must_check int request_parse(int argc, char **argv, struct request *request,
                             struct sotto_error *error);

void request_clear(struct request *request);

#endif
