/* SPDX-License-Identifier: ISC */
#include "sottod/options.h"

#include "base/suggest.h"
#include "sottod/words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** What stands behind the words of a command. */
enum argument { NO_ARGUMENT, A_FILE, A_USER, AN_INVITE };

static const struct {
    const char *noun;
    const char *verb;
    enum argument argument;
} COMMANDS[COMMAND_COUNT] = {
    [COMMAND_SERVE] = {"serve", NULL, NO_ARGUMENT},
    [COMMAND_INVITE_CREATE] = {"invite", "create", NO_ARGUMENT},
    [COMMAND_INVITE_LIST] = {"invite", "list", NO_ARGUMENT},
    [COMMAND_INVITE_REVOKE] = {"invite", "revoke", AN_INVITE},
    [COMMAND_KEY_ROTATE] = {"key", "rotate", NO_ARGUMENT},
    [COMMAND_KEY] = {"key", NULL, NO_ARGUMENT},
    [COMMAND_USER_REMOVE] = {"user", "remove", A_USER},
    [COMMAND_USER_LIST] = {"user", "list", NO_ARGUMENT},
    [COMMAND_USER_SHOW] = {"user", "show", A_USER},
    [COMMAND_USER_DISABLE] = {"user", "disable", A_USER},
    [COMMAND_USER_ENABLE] = {"user", "enable", A_USER},
    [COMMAND_CONFIG] = {"config", NULL, NO_ARGUMENT},
    [COMMAND_STATS] = {"stats", NULL, NO_ARGUMENT},
    [COMMAND_BACKUP] = {"backup", NULL, A_FILE},
    [COMMAND_RESTORE] = {"restore", NULL, A_FILE},
    [COMMAND_CHECK] = {"check", NULL, NO_ARGUMENT},
};

/* --- the command
 * ------------------------------------------------------------------------------------------- */

static enum error unknown_command(struct words *words, const char *text) {
    static const char *const names[] = {"serve",   "invite", "key",    "user", "backup",  "check",
                                        "restore", "help",   "create", "list", "remove",  "rotate",
                                        "config",  "stats",  "revoke", "show", "disable", "enable"};
    const char *near = word_suggest(text, names, sizeof(names) / sizeof(names[0]));
    char detail[USAGE_MAX_BYTES] = "See:  sottod --help";
    if (near != NULL) {
        snprintf(detail, sizeof(detail), "Did you mean '%s'?", near);
    }
    return words_wrong(words, detail, "there is no command '%.60s'", text);
}

/* `*used` words name the command. */
static enum error find_command(struct words *words, const char *const *text, int count,
                               enum command *command, int *used) {
    *command = COMMAND_SERVE;
    *used = 0;
    if (count == 0) {
        return OK;
    }
    bool noun_known = false;
    for (int i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(COMMANDS[i].noun, text[0]) != 0) {
            continue;
        }
        noun_known = true;
        if (COMMANDS[i].verb == NULL || (count > 1 && strcmp(COMMANDS[i].verb, text[1]) == 0)) {
            *command = (enum command)i;
            *used = COMMANDS[i].verb == NULL ? 1 : 2;
            return OK;
        }
    }
    if (!noun_known) {
        return unknown_command(words, text[0]);
    }
    return count > 1 ? unknown_command(words, text[1])
                     : words_wrong(words, "See:  sottod --help",
                                   "'%.60s' needs to be told what to do", text[0]);
}

/* --- values
 * -------------------------------------------------------------------------------------------------
 */

static enum error read_number(struct words *words, enum option option, uint64_t min, uint64_t max,
                              uint64_t *out) {
    const char *text = words->value[option];
    char *end = NULL;
    if (text == NULL) {
        return OK;
    }
    unsigned long long value = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || value < min || value > max) {
        return words_wrong(words, "", "--%s takes a number from %llu to %llu, not '%.40s'",
                           option_name(option), (unsigned long long)min, (unsigned long long)max,
                           text);
    }
    *out = value;
    return OK;
}

/* Reads one of `count` words; its place is the value. */
static enum error read_choice(struct words *words, enum option option, const char *const *names,
                              size_t count, size_t *out) {
    const char *text = words->value[option];
    for (size_t i = 0; text != NULL && i < count; i++) {
        if (strcmp(text, names[i]) == 0) {
            *out = i;
            return OK;
        }
    }
    char list[USAGE_MAX_BYTES] = "";
    for (size_t i = 0; i < count; i++) {
        size_t at = strlen(list);
        snprintf(list + at, sizeof(list) - at, "%s%s", i == 0 ? "It takes: " : ", ", names[i]);
    }
    return text == NULL
               ? OK
               : words_wrong(words, list, "--%s does not take '%.40s'", option_name(option), text);
}

static enum error read_duration(struct words *words, uint64_t *out) {
    static const struct {
        char unit;
        uint64_t ms;
    } UNITS[] = {{'s', SECOND_MS}, {'m', MINUTE_MS}, {'h', HOUR_MS}, {'d', DAY_MS}};
    const char *text = words->value[OPTION_EXPIRES];
    char *end = NULL;
    if (text == NULL) {
        return OK;
    }
    unsigned long long value = strtoull(text, &end, 10);
    for (size_t i = 0; i < sizeof(UNITS) / sizeof(UNITS[0]); i++) {
        if (text[0] >= '0' && text[0] <= '9' && end[0] == UNITS[i].unit && end[1] == '\0' &&
            value >= 1 && value <= 365 * DAY_MS / UNITS[i].ms) {
            *out = value * UNITS[i].ms;
            return OK;
        }
    }
    return words_wrong(words, "Examples:  --expires 30m   --expires 24h   --expires 7d",
                       "'%.40s' is not a time that an "
                       "invite can last (at most 365d)",
                       text);
}

static enum error read_values(struct words *words, struct options *options) {
    static const char *const REGISTRATIONS[] = {"invite", "open", "closed"};
    static const char *const LOGS[] = {"text", "json"};
    uint64_t port = DEFAULT_PORT;
    uint64_t clients = DEFAULT_MAX_CLIENTS;
    size_t registration = WIRE_REGISTRATION_INVITE;
    size_t log = 0;
    options->expires_ms = INVITE_LIFE_MS;
    enum error error = read_number(words, OPTION_PORT, 0, UINT16_MAX, &port);
    if (error == OK) {
        error = read_number(words, OPTION_MAX_CLIENTS, 1, MAX_CLIENTS_MAX, &clients);
    }
    if (error == OK) {
        error = read_choice(words, OPTION_REGISTRATION, REGISTRATIONS, 3, &registration);
    }
    if (error == OK) {
        error = read_choice(words, OPTION_LOG, LOGS, 2, &log);
    }
    if (error == OK) {
        error = read_duration(words, &options->expires_ms);
    }
    options->config = words->value[OPTION_CONFIG];
    options->as_json = words->given[OPTION_JSON];
    options->as_prometheus = words->given[OPTION_PROMETHEUS];
    options->is_watching = words->given[OPTION_WATCH];
    options->has_port = words->given[OPTION_PORT];
    options->has_max_clients = words->given[OPTION_MAX_CLIENTS];
    options->has_registration = words->given[OPTION_REGISTRATION];
    options->has_log = words->given[OPTION_LOG];
    options->port = (uint16_t)port;
    options->max_clients = (size_t)clients;
    options->registration = (enum wire_registration)registration;
    options->log_json = log == 1;
    options->is_quiet = words->given[OPTION_QUIET];
    options->is_verbose = words->given[OPTION_VERBOSE];
    options->is_admin = words->given[OPTION_ADMIN];
    options->is_deep = words->given[OPTION_DEEP];
    options->at = words->value[OPTION_AT];
    options->data = words->value[OPTION_DATA];
    options->public_host = words->value[OPTION_PUBLIC_HOST];
    memcpy(options->binds, words->binds, sizeof(options->binds));
    options->bind_count = words->bind_count;
    return error;
}

static enum error ask_for_argument(struct words *words, enum command command) {
    const char *noun = COMMANDS[command].noun;
    const char *verb = COMMANDS[command].verb;
    if (COMMANDS[command].argument == A_USER) {
        return words_wrong(words, "See all:  sottod user list", "which user? sottod %s %s NAME%s",
                           noun, verb, command == COMMAND_USER_REMOVE ? " --confirm NAME" : "");
    }
    if (COMMANDS[command].argument == AN_INVITE) {
        return words_wrong(words, "See all:  sottod invite list", "which invite? sottod %s %s ID",
                           noun, verb);
    }
    return words_wrong(words, "", "which file? sottod %s FILE", noun);
}

static enum error check_fit(struct words *words, enum command command, int arguments) {
    for (int i = 0; i < OPTION_COUNT; i++) {
        if (words->given[i] && !option_belongs((enum option)i, command)) {
            return words_wrong(words, "See:  sottod --help", "--%s does not belong to '%s%s%s'",
                               option_name((enum option)i), COMMANDS[command].noun,
                               COMMANDS[command].verb == NULL ? "" : " ",
                               COMMANDS[command].verb == NULL ? "" : COMMANDS[command].verb);
        }
    }
    /* The page for a scraper may go to a file. */
    bool may_have_file = command == COMMAND_STATS && words->given[OPTION_PROMETHEUS];
    int needed = COMMANDS[command].argument == NO_ARGUMENT ? 0 : 1;
    if (arguments > needed + (may_have_file ? 1 : 0)) {
        return words_wrong(words, "See:  sottod --help", "'%.60s' is one word too many",
                           words->words[words->count - 1]);
    }
    return arguments < needed ? ask_for_argument(words, command) : OK;
}

static enum error read_user(struct words *words, struct options *options) {
    const char *name = words->words[words->count - 1];
    snprintf(words->cause, USAGE_MAX_BYTES, "%.60s", name);
    snprintf(words->detail, USAGE_MAX_BYTES, "Nothing was changed.");
    return user_name_parse(bytes_of_string(name), &options->name);
}

static enum error read_invite(struct words *words, struct options *options) {
    const char *id = words->words[words->count - 1];
    return base32_decode(bytes_of_string(id), INVITE_ID_CHARACTERS, options->invite) == OK
               ? OK
               : words_wrong(words, "It has 8 letters and digits. See all:  sottod invite list",
                             "'%.40s' is not the id of an invite", id);
}

static enum error read_removal(struct words *words, struct options *options) {
    const char *name = words->words[words->count - 1];
    const char *confirm = words->value[OPTION_CONFIRM];
    enum error error = read_user(words, options);
    if (error != OK) {
        return error;
    }
    if (confirm == NULL || strcmp(confirm, name) != 0) {
        char detail[USAGE_MAX_BYTES];
        snprintf(detail, sizeof(detail),
                 "Nothing was changed. To go on:  sottod user remove %s --confirm %s",
                 options->name.text, options->name.text);
        return words_wrong(words, detail, "removing %s and what waits for them cannot be undone",
                           options->name.text);
    }
    return OK;
}

static enum error read_argument(struct words *words, struct options *options, bool is_there) {
    enum argument argument = COMMANDS[options->command].argument;
    options->file = is_there ? words->words[words->count - 1] : NULL;
    if (argument == AN_INVITE) {
        return read_invite(words, options);
    }
    if (argument == A_USER) {
        return options->command == COMMAND_USER_REMOVE ? read_removal(words, options)
                                                       : read_user(words, options);
    }
    return OK;
}

must_check enum error options_parse(int argc, char **argv, struct options *options, char *cause,
                                    char *detail) {
    struct words words = {.cause = cause, .detail = detail};
    int used = 0;
    *options = (struct options){0};
    enum error error = words_read(&words, argc, argv);
    bool asks_help = words.count > 0 && strcmp(words.words[0], "help") == 0;
    options->wants_help = asks_help || words.given[OPTION_HELP];
    options->wants_version = words.given[OPTION_VERSION];
    if (options->wants_help) {
        int skip = asks_help ? 1 : 0;
        options->is_overview = find_command(&words, words.words + skip, words.count - skip,
                                            &options->command, &used) != OK ||
                               used == 0;
        return OK;
    }
    if (options->wants_version) {
        return OK;
    }
    if (error == OK) {
        error = find_command(&words, words.words, words.count, &options->command, &used);
    }
    if (error == OK) {
        error = check_fit(&words, options->command, words.count - used);
    }
    if (error == OK) {
        error = read_values(&words, options);
    }
    if (error == OK) {
        error = read_argument(&words, options, words.count > used);
    }
    if (error == OK && options->as_json && options->as_prometheus) {
        error = words_wrong(&words, "", "--json and --prometheus exclude each other");
    }
    return error;
}
