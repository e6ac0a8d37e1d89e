/* SPDX-License-Identifier: ISC */
#include "sottod/words.h"

#include "base/suggest.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define FOR(command) (1u << (command))
#define FOR_SERVE (FOR(COMMAND_SERVE) | FOR(COMMAND_CONFIG))
#define FOR_ALL (FOR(COMMAND_COUNT) - 1)

static const struct {
    const char *name;
    char letter;
    bool has_value;
    unsigned commands;
} OPTIONS[OPTION_COUNT] = {
    [OPTION_PORT] = {"port", 'p', true, FOR_SERVE},
    [OPTION_BIND] = {"bind", 0, true, FOR_SERVE},
    [OPTION_MAX_CLIENTS] = {"max-clients", 0, true, FOR_SERVE},
    [OPTION_DATA] = {"data", 0, true, FOR_ALL},
    [OPTION_CONFIG] = {"config", 0, true, FOR_ALL},
    [OPTION_JSON] = {"json", 0, false,
                     FOR(COMMAND_CONFIG) | FOR(COMMAND_STATS) | FOR(COMMAND_USER_LIST) |
                         FOR(COMMAND_USER_SHOW) | FOR(COMMAND_INVITE_LIST)},
    [OPTION_PROMETHEUS] = {"prometheus", 0, false, FOR(COMMAND_STATS)},
    [OPTION_WATCH] = {"watch", 0, false, FOR(COMMAND_STATS)},
    [OPTION_PUBLIC_HOST] = {"public-host", 0, true, FOR_SERVE | FOR(COMMAND_INVITE_CREATE)},
    [OPTION_REGISTRATION] = {"registration", 0, true, FOR_SERVE},
    [OPTION_LOG] = {"log", 0, true, FOR_SERVE},
    [OPTION_QUIET] = {"quiet", 'q', false, FOR_ALL},
    [OPTION_VERBOSE] = {"verbose", 'v', false, FOR_SERVE},
    [OPTION_EXPIRES] = {"expires", 0, true, FOR(COMMAND_INVITE_CREATE)},
    [OPTION_ADMIN] = {"admin", 0, false, FOR(COMMAND_INVITE_CREATE)},
    [OPTION_AT] = {"at", 0, true, FOR(COMMAND_KEY_ROTATE)},
    [OPTION_CONFIRM] = {"confirm", 0, true, FOR(COMMAND_USER_REMOVE)},
    [OPTION_DEEP] = {"deep", 0, false, FOR(COMMAND_CHECK)},
    [OPTION_HELP] = {"help", 'h', false, FOR_ALL},
    [OPTION_VERSION] = {"version", 'V', false, FOR_ALL},
};

const char *option_name(enum option option) {
    return OPTIONS[option].name;
}

bool option_belongs(enum option option, enum command command) {
    return (OPTIONS[option].commands & FOR(command)) != 0;
}

must_check printf_like(3, 4) enum error
    words_wrong(struct words *words, const char *detail, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(words->cause, USAGE_MAX_BYTES, format, arguments);
    va_end(arguments);
    snprintf(words->detail, USAGE_MAX_BYTES, "%s", detail);
    return ERR_USAGE;
}

static enum option option_of_letter(char letter) {
    for (int i = 0; i < OPTION_COUNT; i++) {
        if (OPTIONS[i].letter != 0 && OPTIONS[i].letter == letter) {
            return (enum option)i;
        }
    }
    return OPTION_COUNT;
}

static enum option option_of_name(const char *name, size_t size) {
    for (int i = 0; i < OPTION_COUNT; i++) {
        if (strlen(OPTIONS[i].name) == size && memcmp(OPTIONS[i].name, name, size) == 0) {
            return (enum option)i;
        }
    }
    return OPTION_COUNT;
}

static enum error unknown_option(struct words *words, const char *text) {
    const char *names[OPTION_COUNT];
    for (int i = 0; i < OPTION_COUNT; i++) {
        names[i] = OPTIONS[i].name;
    }
    const char *near = word_suggest(text + strspn(text, "-"), names, OPTION_COUNT);
    char detail[USAGE_MAX_BYTES] = "See:  sottod --help";
    if (near != NULL) {
        snprintf(detail, sizeof(detail), "Did you mean '--%s'?", near);
    }
    return words_wrong(words, detail, "there is no option '%.60s'", text);
}

static enum error give(struct words *words, enum option option, const char *value) {
    words->given[option] = true;
    words->value[option] = value;
    if (option == OPTION_BIND) {
        if (words->bind_count == BINDS_MAX) {
            return words_wrong(words, "", "--bind may be given %d times", BINDS_MAX);
        }
        words->binds[words->bind_count++] = value;
    }
    return OK;
}

/* One word that begins with '-'; `*at` moves over a value in the next word. */
static enum error read_option(struct words *words, int argc, char **argv, int *at) {
    const char *text = argv[*at];
    const char *equals = strchr(text, '=');
    enum option option = OPTION_COUNT;
    const char *value = NULL;
    if (text[1] == '-') {
        size_t size = equals == NULL ? strlen(text + 2) : (size_t)(equals - text - 2);
        option = option_of_name(text + 2, size);
        value = equals == NULL ? NULL : equals + 1;
    } else {
        option = option_of_letter(text[1]);
        value = text[1] != 0 && text[2] != 0 ? text + 2 : NULL;
        if (option != OPTION_COUNT && !OPTIONS[option].has_value && value != NULL) {
            option = OPTION_COUNT;
        }
    }
    if (option == OPTION_COUNT) {
        return unknown_option(words, text);
    }
    if (!OPTIONS[option].has_value) {
        return value == NULL ? give(words, option, NULL)
                             : words_wrong(words, "", "--%s takes no value", OPTIONS[option].name);
    }
    if (value == NULL && *at + 1 < argc && argv[*at + 1][0] != '-') {
        value = argv[++*at];
    }
    if (value == NULL || value[0] == '\0') {
        return words_wrong(words, "See:  sottod --help", "--%s needs a value",
                           OPTIONS[option].name);
    }
    return give(words, option, value);
}

must_check enum error words_read(struct words *words, int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        enum error error = OK;
        if (argv[i][0] == '-' && argv[i][1] != '\0') {
            error = read_option(words, argc, argv, &i);
        } else if (words->count == WORDS_MAX) {
            error = words_wrong(words, "See:  sottod --help", "too many words");
        } else {
            words->words[words->count++] = argv[i];
        }
        if (error != OK) {
            return error;
        }
    }
    return OK;
}
