/* SPDX-License-Identifier: ISC */
#include "sotto/passphrase.h"

#include "sotto/fault.h"
#include "sotto/tell.h"

#include "base/limits.h"
#include "platform/files.h"
#include "platform/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { ATTEMPTS = 3 };

static const char HOW[] = "--passphrase-file FILE, --passphrase-fd N or SOTTO_PASSPHRASE_FILE";

/* Reads the first line of an open file, byte by byte: what follows it belongs to others. */
static int read_line(struct app *app, int handle, const char *path, struct sotto_error *error) {
    for (;;) {
        uint8_t byte = 0;
        ssize_t got = read(handle, &byte, 1);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return fault_storage(error, path, errno, "Nothing was done.");
        }
        if (got == 0 || byte == '\n') {
            break;
        }
        enum error kept = buffer_append(&app->passphrase, bytes_make(&byte, 1));
        wipe(&byte, sizeof(byte));
        if (kept != OK) {
            return fault_usage(error, "It may have up to 1,024 bytes.",
                               "the passphrase in '%.200s' is too long", path);
        }
    }
    if (app->passphrase.size > 0 && app->passphrase.data[app->passphrase.size - 1] == '\r') {
        app->passphrase.size--;
    }
    return 0;
}

static int read_file(struct app *app, const char *path, struct sotto_error *error) {
    int handle = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (handle < 0) {
        return fault_storage(error, path, errno, "Nothing was done.");
    }
    int status = read_line(app, handle, path, error);
    close(handle);
    return status;
}

bool passphrase_credential(const struct app *app, char path[PATH_MAX_BYTES]) {
    return app->credentials != NULL &&
           path_join(app->credentials, "sotto.passphrase", path, PATH_MAX_BYTES) == OK &&
           access(path, F_OK) == 0;
}

/* Reads from the first source that was named. `*found` tells whether there was one. */
static int read_source(struct app *app, bool *found, struct sotto_error *error) {
    char path[PATH_MAX_BYTES];
    buffer_reset(&app->passphrase);
    *found = true;
    if (app->passphrase_file != NULL && strcmp(app->passphrase_file, "-") == 0) {
        return read_line(app, STDIN_FILENO, "stdin", error);
    }
    if (app->passphrase_file != NULL) {
        return read_file(app, app->passphrase_file, error);
    }
    if (app->passphrase_handle >= 0) {
        return read_line(app, app->passphrase_handle, "--passphrase-fd", error);
    }
    if (passphrase_credential(app, path)) {
        return read_file(app, path, error);
    }
    const char *set = settings_value(app->settings, SETTING_PASSPHRASE_FILE);
    if (set != NULL) {
        return read_file(app, set, error);
    }
    *found = false;
    return 0;
}

static int ask(const char *question, struct buffer *answer, struct sotto_error *error) {
    buffer_reset(answer);
    enum error status = terminal_ask(question, true, answer);
    if (status == ERR_LIMIT) {
        return fault_usage(error, "It may have up to 1,024 bytes.", "the passphrase is too long");
    }
    return status == OK ? 0 : fault_input(error, "the passphrase", HOW);
}

must_check int passphrase_for_opening(struct app *app, struct sotto_error *error) {
    char question[128];
    bool found = false;
    int status = read_source(app, &found, error);
    if (status != 0 || found) {
        return status;
    }
    if (!app->may_ask) {
        return fault_input(error, "the passphrase", HOW);
    }
    snprintf(question, sizeof(question), "Passphrase of '%.64s': ", app->profile);
    return ask(question, &app->passphrase, error);
}

static int ask_twice(struct app *app, struct sotto_error *error) {
    struct buffer again;
    bool is_same = false;
    int status = 0;
    buffer_init(&again, PASSPHRASE_MAX_BYTES);
    for (int i = 0; i < ATTEMPTS && status == 0 && !is_same; i++) {
        status = ask("Passphrase for this device (empty: only file permissions protect it): ",
                     &app->passphrase, error);
        if (status == 0 && app->passphrase.size > 0) {
            status = ask("The same again: ", &again, error);
        }
        is_same = status == 0 && bytes_equal(buffer_view(&again), buffer_view(&app->passphrase));
        if (status == 0 && !is_same) {
            tell_prompt("These were not the same.");
        }
    }
    buffer_clear(&again);
    if (status == 0 && !is_same) {
        status =
            fault_usage(error, "No account was made.", "the passphrase was not the same twice");
    }
    return status;
}

must_check int passphrase_for_creating(struct app *app, struct sotto_error *error) {
    bool found = false;
    int status = read_source(app, &found, error);
    if (status != 0 || found) {
        return status;
    }
    if (app->may_ask) {
        return ask_twice(app, error);
    }
    tell_always(app,
                "sotto: no passphrase given; only file permissions protect this account's keys");
    return 0;
}
