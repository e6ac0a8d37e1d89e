/* SPDX-License-Identifier: ISC */
/* Scripts that make bash and zsh complete commands, options, values and names, made from the table
 * (table.h). Names come from the own store, through `sotto users --known`. */
#ifndef SOTTO_SOTTO_COMPLETION_H
#define SOTTO_SOTTO_COMPLETION_H

#include "sotto/table.h"

enum { COMPLETION_MAX_BYTES = 64 * 1024 };

/** What a word of the command line is, as far as it can be completed. */
enum completion_kind {
    COMPLETES_NOTHING,
    COMPLETES_PEOPLE, /**< WHO, PATTERN */
    COMPLETES_FILES,  /**< FILE, PATH */
    COMPLETES_PROGRAMS,
    COMPLETES_COMMANDS,
    COMPLETES_CHOICES, /**< one of the words that the table names */
};

struct completion {
    enum completion_kind kind;
    char choices[128]; /**< separated by spaces; may be empty */
};

/** What the value of an option is. */
struct completion completion_of_option(enum option_id option);
/** What the first argument of a command is. */
struct completion completion_of_command(enum command_id command);

/** Append the script for one shell. ERR_MEMORY, ERR_LIMIT. */
must_check enum error completion_bash(struct buffer *out);
must_check enum error completion_zsh(struct buffer *out);

#endif
