/* SPDX-License-Identifier: ISC */
#include "sotto/message_text.h"

#include "base/duration.h"
#include "sotto/fault.h"
#include "sotto/tell.h"

#include "base/text.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_stdin(const char *const *words, int count) {
    return count == 0 || (count == 1 && strcmp(words[0], "-") == 0);
}

bool message_text_is_asked(const struct app *app, const char *const *words, int count) {
    return is_stdin(words, count) && app->is_terminal[STDIN_FILENO];
}

static int too_large(const char *size, struct sotto_error *error) {
    const struct error_value values[] = {{"cause", size}};
    return fault_set(error, ERR_TEXT_TOO_LARGE, values, 1);
}

/* A regular file says how much is in it; of a pipe only the part that was read is known. */
static int stdin_too_large(struct sotto_error *error) {
    char size[32] = "over 65,000 bytes";
    struct stat file;
    off_t at = lseek(STDIN_FILENO, 0, SEEK_CUR);
    if (fstat(STDIN_FILENO, &file) == 0 && S_ISREG(file.st_mode) && at >= 0 && file.st_size >= at) {
        size_print((uint64_t)file.st_size, size, sizeof(size));
    }
    return too_large(size, error);
}

static int read_stdin(struct buffer *text, struct sotto_error *error) {
    for (;;) {
        uint8_t chunk[4096];
        ssize_t got = read(STDIN_FILENO, chunk, sizeof(chunk));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0 && errno != EBADF) { /* a closed stdin is an empty one */
            return fault_storage(error, "stdin", errno, "Nothing was sent.");
        }
        if (got <= 0) {
            break;
        }
        enum error status = buffer_append(text, bytes_make(chunk, (size_t)got));
        wipe(chunk, sizeof(chunk));
        if (status != OK) {
            return status == ERR_LIMIT ? stdin_too_large(error) : app_check(status, error);
        }
    }
    if (text->size > 0 && text->data[text->size - 1] == '\n') {
        text->size--;
    }
    return text->size > SOTTO_TEXT_MAX ? stdin_too_large(error) : 0;
}

static int join_words(const char *const *words, int count, struct buffer *text,
                      struct sotto_error *error) {
    uint64_t size = (uint64_t)count - 1;
    for (int i = 0; i < count; i++) {
        size += strlen(words[i]);
    }
    if (size > SOTTO_TEXT_MAX) {
        char shown[32];
        size_print(size, shown, sizeof(shown));
        return too_large(shown, error);
    }
    enum error status = OK;
    for (int i = 0; i < count && status == OK; i++) {
        if (i > 0) {
            status = buffer_append(text, bytes_of_string(" "));
        }
        if (status == OK) {
            status = buffer_append(text, bytes_of_string(words[i]));
        }
    }
    return app_check(status, error);
}

static int check(const char *who, const char *where, const struct buffer *text,
                 struct sotto_error *error) {
    const struct error_value values[] = {{"cause", where}, {"peer", who}};
    int status = 0;
    if (text->size == 0) {
        status = fault_set(error, ERR_EMPTY_MESSAGE, values, 2);
    } else if (!text_is_utf8(buffer_view(text))) {
        status = fault_set(error, ERR_NOT_TEXT, values, 2);
    }
    if (status != 0 && strchr(who, ',') != NULL) {
        error->peer[0] = '\0'; /* it is about several */
    }
    return status;
}

must_check int message_text_take(struct app *app, const char *who, const char *const *words,
                                 int count, struct buffer *text, struct sotto_error *error) {
    int status = 0;
    if (!is_stdin(words, count)) {
        status = join_words(words, count, text, error);
        return status != 0 ? status : check(who, "the text", text, error);
    }
    status = app_take_stdin(app, "the text", error);
    if (status == 0 && app->is_terminal[STDIN_FILENO]) {
        if (!app->may_ask) {
            return fault_input(error, "the text", "words after the name, or on stdin");
        }
        tell_prompt("Message to %s (Ctrl-D sends, Ctrl-C cancels):", who);
    }
    if (status == 0) {
        status = read_stdin(text, error);
    }
    return status != 0 ? status : check(who, "stdin", text, error);
}
