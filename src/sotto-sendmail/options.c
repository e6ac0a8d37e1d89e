/* SPDX-License-Identifier: ISC */
#include "sotto-sendmail/options.h"

#include <string.h>

/* How an option of one letter is read. */
enum form {
    FORM_UNKNOWN,
    FORM_ALONE,  /* -t */
    FORM_VALUE,  /* -fADDRESS or -f ADDRESS */
    FORM_JOINED, /* -oi: the rest of the word */
};

static enum form form_of(char letter) {
    static const char ALONE[] = "tivUGnm"; /* m: "also to me"; n: no aliases */
    static const char VALUE[] = "fFrNRVhLXODCpA";
    static const char JOINED[] = "obBd";
    if (letter == '\0') {
        return FORM_UNKNOWN;
    }
    return strchr(ALONE, letter) != NULL    ? FORM_ALONE
           : strchr(VALUE, letter) != NULL  ? FORM_VALUE
           : strchr(JOINED, letter) != NULL ? FORM_JOINED
                                            : FORM_UNKNOWN;
}

struct reading {
    int argc;
    char **argv;
    int at;
    struct mail_options *options;
};

static enum error wrong(struct reading *reading) {
    reading->options->wrong = reading->argv[reading->at];
    return ERR_USAGE;
}

static enum error read_long(struct reading *reading) {
    struct mail_options *options = reading->options;
    const char *word = reading->argv[reading->at];
    if (strcmp(word, "--help") == 0) {
        options->wants_help = true;
    } else if (strcmp(word, "--version") == 0) {
        options->wants_version = true;
    } else if (strncmp(word, "--profile=", strlen("--profile=")) == 0) {
        options->profile = strchr(word, '=') + 1;
    } else if (strcmp(word, "--profile") == 0 && reading->at + 1 < reading->argc) {
        options->profile = reading->argv[++reading->at];
    } else {
        return wrong(reading);
    }
    return OK;
}

static enum error read_joined(struct reading *reading, const char *word) {
    struct mail_options *options = reading->options;
    if (word[1] == 'b' && strcmp(word, "-bm") != 0) {
        return wrong(reading);
    }
    if (word[1] == 'o' && word[2] == 'i') {
        options->dot_is_text = true;
    }
    bool has_next = word[2] == '\0' && (word[1] == 'o' || word[1] == 'B');
    if (has_next && reading->at + 1 == reading->argc) {
        return wrong(reading);
    }
    reading->at += has_next ? 1 : 0;
    return OK;
}

static enum error read_option(struct reading *reading) {
    struct mail_options *options = reading->options;
    const char *word = reading->argv[reading->at];
    switch (form_of(word[1])) {
    case FORM_ALONE:
        for (const char *letter = word + 1; *letter != '\0'; letter++) {
            if (form_of(*letter) != FORM_ALONE) {
                return wrong(reading);
            }
            options->from_headers = options->from_headers || *letter == 't';
            options->dot_is_text = options->dot_is_text || *letter == 'i';
        }
        return OK;
    case FORM_VALUE:
        if (word[2] == '\0' && ++reading->at == reading->argc) {
            reading->at--;
            return wrong(reading);
        }
        return OK;
    case FORM_JOINED:
        return read_joined(reading, word);
    case FORM_UNKNOWN:
        break;
    }
    return wrong(reading);
}

must_check enum error mail_options_read(int argc, char **argv, struct mail_options *options) {
    struct reading reading = {.argc = argc, .argv = argv, .at = 1, .options = options};
    *options = (struct mail_options){.from_headers = false};
    enum error error = OK;
    for (; reading.at < argc && error == OK; reading.at++) {
        const char *word = argv[reading.at];
        if (strcmp(word, "--") == 0) {
            reading.at++;
            break;
        }
        if (word[0] != '-' || word[1] == '\0') {
            break; /* options come first, as in sendmail */
        }
        error = word[1] == '-' ? read_long(&reading) : read_option(&reading);
    }
    options->words = argv + reading.at;
    options->word_count = argc > reading.at ? argc - reading.at : 0;
    return error;
}
