/* SPDX-License-Identifier: ISC */
#include "sotto/completion.h"

#include "sotto/commands.h"
#include "sotto/fault.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* What a placeholder of the table stands for: capitals by their name, other words are choices. */
static struct completion judge(const char *text, size_t size) {
    static const struct {
        const char *name;
        enum completion_kind kind;
    } KNOWN[] = {
        {"WHO", COMPLETES_PEOPLE}, {"PATTERN", COMPLETES_PEOPLE},   {"FILE", COMPLETES_FILES},
        {"PATH", COMPLETES_FILES}, {"PROGRAM", COMPLETES_PROGRAMS}, {"COMMAND", COMPLETES_COMMANDS},
    };
    struct completion found = {.kind = COMPLETES_NOTHING};
    size_t capitals = 0;
    while (capitals < size && isupper((unsigned char)text[capitals])) {
        capitals++;
    }
    for (size_t i = 0; i < sizeof(KNOWN) / sizeof(KNOWN[0]); i++) {
        if (capitals == strlen(KNOWN[i].name) && memcmp(text, KNOWN[i].name, capitals) == 0) {
            found.kind = KNOWN[i].kind;
        }
    }
    if (capitals == 0 && size > 0 && size < sizeof(found.choices)) {
        found.kind = COMPLETES_CHOICES;
        for (size_t i = 0; i < size; i++) {
            found.choices[i] = (char)(text[i] == '|' ? ' ' : text[i]);
        }
    }
    return found;
}

struct completion completion_of_option(enum option_id option) {
    const char *choices = option_choices(option);
    const char *value = choices != NULL ? choices : option_row(option)->value;
    return judge(value, value == NULL ? 0 : strlen(value));
}

struct completion completion_of_command(enum command_id command) {
    const char *word = command_row(command)->arguments;
    if (word == NULL || command_row(command)->words_max == 0) {
        return (struct completion){.kind = COMPLETES_NOTHING};
    }
    word += word[0] == '[' ? 1 : 0;
    return judge(word, strcspn(word, " ].["));
}

must_check int command_completion(struct app *app, struct sotto_error *error) {
    const char *shell = app->request->words[0];
    struct buffer out;
    buffer_init(&out, COMPLETION_MAX_BYTES);
    if (strcmp(shell, "bash") == 0) {
        return app_write_made(app, completion_bash(&out), &out, "", error);
    }
    if (strcmp(shell, "zsh") == 0) {
        return app_write_made(app, completion_zsh(&out), &out, "", error);
    }
    return fault_usage(error, "There are:  sotto completion bash\n            sotto completion zsh",
                       "there is no completion for '%.60s'", shell);
}
