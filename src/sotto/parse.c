/* SPDX-License-Identifier: ISC */
#include "sotto/parse.h"

#include "base/suggest.h"
#include "sotto/fault.h"

#include "base/require.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HINT_BYTES = 400 };

/* The reading of one command line. `word` is the first word, which names the command; an option
 * that is wrong is remembered, since -h further on makes it not matter. */
struct reading {
    int argc;
    char **argv;
    int at;
    const char *word;
    struct request *request;
    struct sotto_error first; /**< the first mistake; its code is empty when there is none */
};

static struct sotto_error *mistake(struct reading *reading, struct sotto_error *spare) {
    return reading->first.code[0] == '\0' ? &reading->first : spare;
}

/* The option nearest to what was typed, of those that the command takes; "" or a sentence. */
static void suggest_option(const struct reading *reading, const char *name, char *hint,
                           size_t size) {
    const char *known[OPTIONS];
    enum command_id command = reading->word ? command_find(reading->word) : COMMAND_NONE;
    for (int i = 0; i < OPTIONS; i++) {
        bool fits = command == COMMAND_NONE || command_takes(command, (enum option_id)i);
        known[i] = fits ? option_row((enum option_id)i)->name : NULL;
    }
    const char *near = word_suggest(name, known, OPTIONS);
    hint[0] = '\0';
    if (near != NULL) {
        snprintf(hint, size, ". Did you mean '--%s'?", near);
    }
}

static void usage_of(enum command_id command, char *out, size_t size) {
    const struct command_row *row = command_row(command);
    const char *space = row->arguments != NULL && row->arguments[0] != '\0' ? " " : "";
    snprintf(out, size, "Usage:  sotto %s%s%s\nMore:   sotto help %s", row->name, space,
             row->arguments == NULL ? "" : row->arguments, row->name);
}

/* What begins with '-' and is no option was perhaps meant for somebody else. */
static const char *way_out(const struct reading *reading, enum command_id command) {
    if (command == COMMAND_SEND) {
        return "Text that begins with '-' goes after '--':  sotto send WHO -- TEXT\n";
    }
    if (command == COMMAND_RECV && reading->request->given[OPTION_EXEC] > 0) {
        return "Options of PROGRAM go after '--':  sotto recv --exec PROGRAM -- ARG\n";
    }
    return "";
}

static void unknown_option(struct reading *reading, const char *shown, const char *name) {
    struct sotto_error spare;
    char hint[80];
    char help[HINT_BYTES];
    suggest_option(reading, name, hint, sizeof(hint));
    enum command_id command = reading->word ? command_find(reading->word) : COMMAND_NONE;
    bool is_known = command != COMMAND_NONE;
    snprintf(help, sizeof(help), "%sMore:   sotto help%s%s", way_out(reading, command),
             is_known ? " " : "", is_known ? command_row(command)->name : "");
    fault_usage(mistake(reading, &spare), help, "there is no option '%.60s'%s", shown, hint);
}

/* Whether a word that stands where a value should is rather the next option. */
static bool is_option(const char *word) {
    return word[0] == '-' && (word[1] == '-' || option_find_letter(word[1]) != OPTIONS);
}

static bool takes_next(struct reading *reading, enum option_id option, const char *shown) {
    const char *next = reading->at + 1 < reading->argc ? reading->argv[reading->at + 1] : NULL;
    if (next == NULL || is_option(next)) {
        struct sotto_error spare;
        const struct option_row *row = option_row(option);
        char help[HINT_BYTES];
        if (next != NULL && row->name != NULL) {
            snprintf(help, sizeof(help), "If '%.60s' is the value:  --%s=%.60s", next, row->name,
                     next);
        } else {
            snprintf(help, sizeof(help), "%s is: %s", row->value, row->purpose);
        }
        fault_usage(mistake(reading, &spare), help, "'%.60s' needs %s after it", shown, row->value);
        return false;
    }
    reading->request->value[option] = next;
    reading->at++;
    return true;
}

static void read_long(struct reading *reading, const char *word) {
    struct request *request = reading->request;
    const char *name = word + 2;
    size_t size = strcspn(name, "=");
    const char *value = name[size] == '=' ? name + size + 1 : NULL;
    enum command_id command = reading->word ? command_find(reading->word) : COMMAND_NONE;
    enum option_id option = option_find(command, name, size);
    if (option == OPTIONS) {
        char typed[SUGGEST_WORD_MAX + 2];
        snprintf(typed, sizeof(typed), "%.*s", (int)(size < sizeof(typed) ? size : sizeof(typed)),
                 name);
        char shown[SUGGEST_WORD_MAX + 4];
        snprintf(shown, sizeof(shown), "--%s", typed);
        unknown_option(reading, shown, typed);
        return;
    }
    const struct option_row *row = option_row(option);
    if (row->takes == TAKES_NOTHING && value != NULL) {
        struct sotto_error spare;
        fault_usage(mistake(reading, &spare), "More:   sotto help", "'--%s' takes no value",
                    row->name);
        return;
    }
    request->given[option]++;
    request->value[option] = value;
    if (row->takes == TAKES_VALUE && value == NULL && !takes_next(reading, option, word)) {
        request->given[option]--;
    }
}

static void read_letters(struct reading *reading, const char *word) {
    struct request *request = reading->request;
    for (const char *p = word + 1; *p != '\0'; p++) {
        enum option_id option = option_find_letter(*p);
        if (option == OPTIONS) {
            unknown_option(reading, word, word[2] == '\0' ? "" : word + 1);
            return;
        }
        request->given[option]++;
        if (option_row(option)->takes == TAKES_NOTHING) {
            continue;
        }
        if (p[1] != '\0') {
            request->value[option] = p[1] == '=' ? p + 2 : p + 1;
        } else if (!takes_next(reading, option, word)) {
            request->given[option]--;
        }
        return;
    }
}

static void read_words(struct reading *reading) {
    bool only_words = false;
    for (reading->at = 1; reading->at < reading->argc; reading->at++) {
        const char *word = reading->argv[reading->at];
        if (!only_words && strcmp(word, "--") == 0) {
            only_words = true;
        } else if (!only_words && word[0] == '-' && word[1] == '-') {
            read_long(reading, word);
        } else if (!only_words && word[0] == '-' && word[1] != '\0') {
            read_letters(reading, word);
        } else if (reading->word == NULL) {
            reading->word = word;
        } else {
            reading->request->words[reading->request->word_count++] = word;
            reading->request->words_before += only_words ? 0 : 1;
        }
    }
}

static int unknown_command(const char *word, struct sotto_error *error) {
    const char *known[COMMANDS];
    char help[HINT_BYTES];
    for (int i = 0; i < COMMANDS; i++) {
        const struct command_row *row = command_row((enum command_id)i);
        known[i] = row->is_reserved ? NULL : row->name;
    }
    const char *near = word_suggest(word, known, COMMANDS);
    snprintf(help, sizeof(help), "All commands:  sotto help");
    if (near != NULL) {
        return fault_usage(error, help, "There is no command '%.60s'. Did you mean '%s'?", word,
                           near);
    }
    return fault_usage(error, help, "There is no command '%.60s'.", word);
}

static int check_command(const struct reading *reading, struct sotto_error *error) {
    enum command_id command = command_find(reading->word);
    if (command == COMMAND_NONE) {
        return unknown_command(reading->word, error);
    }
    if (command_row(command)->is_reserved) {
        return fault_usage(error,
                           "This version of sotto does not have it yet.\nAll commands:  sotto help",
                           "'%s' is reserved for later", command_row(command)->name);
    }
    return 0;
}

/* An option before the command was read as the first of its name: it is the one that the command
 * takes. */
static int settle_options(struct request *request, struct sotto_error *error) {
    for (int i = 0; i < OPTIONS; i++) {
        const struct option_row *row = option_row((enum option_id)i);
        if (request->given[i] == 0 || row->name == NULL ||
            command_takes(request->command, (enum option_id)i)) {
            continue;
        }
        enum option_id meant = option_find(request->command, row->name, strlen(row->name));
        if (!command_takes(request->command, meant)) {
            continue;
        }
        if (option_row(meant)->takes == TAKES_VALUE && request->value[i] == NULL) {
            return fault_usage(error, "After the command a space will do too.",
                               "before the command it is '--%s=%s'", row->name,
                               option_row(meant)->value);
        }
        if (request->given[meant] == 0) {
            request->value[meant] = request->value[i];
        }
        request->given[meant] += request->given[i];
        request->given[i] = 0;
    }
    return 0;
}

static int check_words(const struct request *request, struct sotto_error *error) {
    const struct command_row *row = command_row(request->command);
    char usage[HINT_BYTES];
    usage_of(request->command, usage, sizeof(usage));
    for (int i = 0; i < OPTIONS; i++) {
        if (request->given[i] == 0 || command_takes(request->command, (enum option_id)i)) {
            continue;
        }
        const struct option_row *option = option_row((enum option_id)i);
        if (option->name == NULL) {
            return fault_usage(error, usage, "'%s' has no option '-%c'", row->name, option->letter);
        }
        return fault_usage(error, usage, "'%s' has no option '--%s'", row->name, option->name);
    }
    if (request->word_count < row->words_min) {
        size_t size = strcspn(row->arguments, " ");
        return fault_usage(error, usage, "'%s' needs %.*s", row->name, (int)size, row->arguments);
    }
    if (request->word_count > row->words_max) {
        const char *extra = request->words[row->words_max];
        return row->words_max == 0
                   ? fault_usage(error, usage, "'%s' takes no argument ('%.60s')", row->name, extra)
                   : fault_usage(error, usage, "'%.60s' is one argument too many for '%s'", extra,
                                 row->name);
    }
    return 0;
}

/* Whether -h or -V or "help" or "version" ends the reading; what is to be explained is then set. */
static int finish_help(const struct reading *reading, struct request *request,
                       struct sotto_error *error) {
    const char *topic = reading->word;
    bool is_command = topic != NULL && strcmp(topic, "help") == 0;
    if (is_command && request->word_count > 0) {
        topic = request->words[0];
    } else if (is_command && request->given[OPTION_HELP] == 0) {
        topic = NULL;
    }
    enum command_id command = topic == NULL ? COMMAND_NONE : command_find(topic);
    bool is_known = command != COMMAND_NONE && !command_row(command)->is_reserved;
    if (topic != NULL && is_command && !is_known) {
        struct reading asked = *reading;
        asked.word = topic;
        return check_command(&asked, error);
    }
    request->wants_help = true;
    request->help_for = is_known ? topic : NULL;
    return 0;
}

must_check int request_parse(int argc, char **argv, struct request *request,
                             struct sotto_error *error) {
    *request = (struct request){.command = COMMAND_NONE};
    request->words = calloc((size_t)argc + 1, sizeof(*request->words));
    if (request->words == NULL) {
        const struct error_value values[] = {{"cause", "out of memory"}};
        return fault_set(error, ERR_INTERNAL, values, 1);
    }
    struct reading reading = {.argc = argc, .argv = argv, .request = request};
    read_words(&reading);
    if (request->given[OPTION_HELP] > 0) {
        return finish_help(&reading, request, error);
    }
    if (request->given[OPTION_VERSION] > 0) {
        request->wants_version = true;
        return 0;
    }
    int status = reading.word == NULL ? 0 : check_command(&reading, error);
    if (status != 0) {
        return status;
    }
    if (reading.first.code[0] != '\0') {
        *error = reading.first;
        return error->exit;
    }
    if (reading.word == NULL) {
        return 0;
    }
    request->command = command_find(reading.word);
    status = settle_options(request, error);
    if (status == 0) {
        status = check_words(request, error);
    }
    if (status == 0 && request->command == COMMAND_HELP) {
        return finish_help(&reading, request, error);
    }
    request->wants_version = status == 0 && request->command == COMMAND_VERSION;
    return status;
}

void request_clear(struct request *request) {
    free(request->words);
    *request = (struct request){.command = COMMAND_NONE};
}
