/* SPDX-License-Identifier: ISC */
/* The one table of commands and options: the parser, the help and did-you-mean are made from it. */
#ifndef SOTTO_SOTTO_TABLE_H
#define SOTTO_SOTTO_TABLE_H

#include "base/bytes.h"

enum option_id {
    /* For every command. */
    OPTION_PROFILE,
    OPTION_JSON,
    OPTION_PLAIN,
    OPTION_NO_INPUT,
    OPTION_TIMEOUT,
    OPTION_QUIET,
    OPTION_VERBOSE,
    OPTION_PASSPHRASE_FILE,
    OPTION_PASSPHRASE_FD,
    OPTION_CONFIG,
    OPTION_HELP,
    OPTION_VERSION,
    OPTIONS_GLOBAL, /**< how many of them */
    /* For some. */
    OPTION_NAME = OPTIONS_GLOBAL,
    OPTION_SERVER,
    OPTION_KEY,
    OPTION_ACCEPT_NEW_KEY,
    OPTION_INVITE,
    OPTION_ID,
    OPTION_QUEUE,
    OPTION_EXPIRE,
    OPTION_WAIT,       /**< of recv: how long */
    OPTION_WAIT_STATE, /**< of send: for what */
    OPTION_REQUIRE_VERIFIED,
    OPTION_COUNT,
    OPTION_FOLLOW,
    OPTION_AS,
    OPTION_FROM,
    OPTION_SINCE,      /**< of recv: a time or an id */
    OPTION_SINCE_TIME, /**< of history */
    OPTION_UNTIL,
    OPTION_EXEC,
    OPTION_SKIP_FAILED,
    OPTION_FORGET,
    OPTION_UNREAD,
    OPTION_KEYS,
    OPTION_PEM,
    OPTION_KNOWN,
    OPTION_REPORT,
    OPTION_CARD,
    OPTION_NUMBER,
    OPTION_SHOW,
    OPTION_UNDO,
    OPTION_ACCEPT,
    OPTION_CONFIRM,      /**< of verify */
    OPTION_CONFIRM_NAME, /**< of leave */
    OPTION_KEEP_DATA,
    OPTIONS,
};

/** Whether a value follows: never, always, or only in the form --option=VALUE. */
enum option_takes { TAKES_NOTHING, TAKES_VALUE, TAKES_MAYBE };

struct option_row {
    const char *name; /**< without its dashes; NULL when there is only the letter */
    char letter;      /**< 0: none */
    enum option_takes takes;
    const char *value; /**< what the value is, in capitals */
    const char *purpose;
};

enum command_id {
    COMMAND_JOIN,
    COMMAND_REGISTER,
    COMMAND_LEAVE,
    COMMAND_SEND,
    COMMAND_RECV,
    COMMAND_USERS,
    COMMAND_VERIFY,
    COMMAND_CARD,
    COMMAND_HISTORY,
    COMMAND_OUTBOX,
    COMMAND_STATUS,
    COMMAND_DOCTOR,
    COMMAND_CONFIG,
    COMMAND_COMPLETION,
    COMMAND_VERSION,
    COMMAND_HELP,
    COMMAND_GROUP,
    COMMAND_DEVICE,
    COMMANDS,
    COMMAND_NONE = COMMANDS,
};

enum {
    COMMAND_OPTIONS_MAX = 12,
    COMMAND_EXAMPLES_MAX = 6,
    COMMAND_EXITS_MAX = 14,
    WORDS_ANY = 1 << 20, /**< no upper bound of arguments */
};

struct command_example {
    const char *line;
    const char *does;
};

struct command_row {
    const char *name;
    const char *group;     /**< its line in the overview */
    const char *brief;     /**< as the overview shows it */
    const char *arguments; /**< of the synopsis */
    const char *purpose;
    const char *notes; /**< lines for the help, or NULL */
    int words_min;     /**< arguments after the command */
    int words_max;
    bool is_reserved; /**< a word of a later version */
    int option_count;
    enum option_id options[COMMAND_OPTIONS_MAX];
    struct command_example examples[COMMAND_EXAMPLES_MAX]; /**< up to the first without a line */
    int exits[COMMAND_EXITS_MAX]; /**< up to the first 0; 0 is always one */
};

struct exit_row {
    int exit;
    const char *name;
    const char *meaning;
};

const struct option_row *option_row(enum option_id id);
/** The words that the value of an option can be ("queued|accepted|delivered"), or NULL. */
const char *option_choices(enum option_id id);
const struct command_row *command_row(enum command_id id);

/** The exit table, in order; `*count` rows. */
const struct exit_row *exit_rows(size_t *count);

/** The command with that very name, reserved ones too, or COMMAND_NONE. */
enum command_id command_find(const char *name);

/** The option with that very name or letter, or OPTIONS. Of two with one name it is the one that
 * `command` takes. */
enum option_id option_find(enum command_id command, const char *name, size_t size);
enum option_id option_find_letter(char letter);

/** Whether `command` takes `option`; global options belong to every command, also to none. */
bool command_takes(enum command_id command, enum option_id option);

#endif
