/* SPDX-License-Identifier: ISC */
#include "sotto/app.h"

#include "base/duration.h"
#include "sotto/fault.h"
#include "sotto/passphrase.h"
#include "sotto/screen.h"
#include "sotto/tell.h"

#include "base/limits.h"
#include "platform/clock.h"
#include "platform/process.h"
#include "platform/terminal.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A variable of the environment, NULL when it is empty. */
static const char *variable(const char *name) {
    const char *value = getenv(name); // NOLINT(concurrency-mt-unsafe): there is one thread
    return value == NULL || value[0] == '\0' ? NULL : value;
}

/* Whether NAME=1 was said; 0 says no. */
static bool is_switched_on(const char *name) {
    const char *value = variable(name);
    return value != NULL && strcmp(value, "0") != 0;
}

static const char *value_or(const struct request *request, enum option_id option,
                            const char *otherwise) {
    return request->value[option] != NULL ? request->value[option] : otherwise;
}

static int read_timeout(struct app *app, struct sotto_error *error) {
    const char *text =
        value_or(app->request, OPTION_TIMEOUT, settings_value(app->settings, SETTING_TIMEOUT));
    uint64_t ms = 0;
    if (text == NULL) {
        return 0;
    }
    if (!duration_parse(text, &ms) || ms > UINT32_MAX) {
        return fault_usage(error, "A whole number and a unit, up to 49 days:  --timeout 15s",
                           "'%.60s' is not a duration", text);
    }
    app->timeout_ms = (uint32_t)ms;
    return 0;
}

static int check_profile(const char *profile, struct sotto_error *error) {
    return setting_is_profile(profile)
               ? 0
               : fault_usage(
                     error, "1 to 64 letters, digits and . _ - , beginning with a letter or digit.",
                     "'%.80s' is not the name of a profile", profile);
}

/* Where the passphrase is to come from; nothing is read yet. */
static int read_passphrase_source(struct app *app, struct sotto_error *error) {
    const struct request *request = app->request;
    const char *handle = request->value[OPTION_PASSPHRASE_FD];
    uint64_t number = 0;
    app->passphrase_file = request->value[OPTION_PASSPHRASE_FILE];
    if (handle != NULL && app->passphrase_file == NULL) {
        if (!number_parse(handle, 0, INT32_MAX, &number) || fcntl((int)number, F_GETFD) < 0) {
            return fault_usage(error,
                               "Open it for the program:  sotto ... --passphrase-fd 3 3< FILE",
                               "'%.60s' is not an open file descriptor", handle);
        }
        app->passphrase_handle = (int)number;
        if (number == STDIN_FILENO) {
            app->passphrase_file = "-";
        }
    } else if (app->passphrase_file == NULL) {
        app->passphrase_file = variable("SOTTO_PASSPHRASE_FILE");
    }
    if (app->passphrase_file != NULL && strcmp(app->passphrase_file, "-") == 0) {
        return app_take_stdin(app, PASSPHRASE_FROM_STDIN, error);
    }
    return 0;
}

/* Where administrators put cards that they vouch for, and where sotto.conf is. */
static void find_folders(struct app *app) {
    static const char SYSTEM[] = "/etc/sotto/cards.d";
    char config[PATH_MAX_BYTES];
    if (process_config_folder("sotto", app->home, config, sizeof(config)) == OK) {
        if (path_join(config, "cards.d", app->own_cards, sizeof(app->own_cards)) == OK) {
            app->card_folders[app->card_folder_count++] = app->own_cards;
        }
        if (path_join(config, "sotto.conf", app->own_config, sizeof(app->own_config)) != OK) {
            app->own_config[0] = '\0';
        }
    }
    app->card_folders[app->card_folder_count++] = SYSTEM;
}

/* Help and versions are shown whatever the file holds; who looks for faults finds this one. */
static bool may_go_on(const struct request *request) {
    return request->wants_help || request->wants_version || request->command == COMMAND_NONE ||
           request->command == COMMAND_VERSION || request->command == COMMAND_HELP ||
           request->command == COMMAND_COMPLETION || request->command == COMMAND_DOCTOR;
}

static int read_settings(struct app *app, struct sotto_error *error) {
    const struct settings_files files = {
        .only = app->request->value[OPTION_CONFIG],
        .user = app->own_config[0] == '\0' ? NULL : app->own_config,
        .system = APP_SYSTEM_CONFIG,
    };
    int status = settings_load(&files, &app->settings, error);
    if (status != 0 && may_go_on(app->request)) {
        app->unreadable = *error;
        return 0;
    }
    return status;
}

/* The strongest first: option, environment, file, default. */
static int settle(struct app *app, struct sotto_error *error) {
    const struct request *request = app->request;
    const struct settings *settings = app->settings;
    const char *profile = variable("SOTTO_PROFILE");
    if (profile == NULL) {
        profile = settings_value(settings, SETTING_PROFILE);
    }
    app->profile = value_or(request, OPTION_PROFILE,
                            profile != NULL ? profile : setting_standard(SETTING_PROFILE));
    app->is_plain = request->given[OPTION_PLAIN] > 0 ||
                    (variable("SOTTO_PLAIN") != NULL ? is_switched_on("SOTTO_PLAIN")
                                                     : settings_is_on(settings, SETTING_PLAIN));
    app->require_verified = request->given[OPTION_REQUIRE_VERIFIED] > 0 ||
                            settings_is_on(settings, SETTING_REQUIRE_VERIFIED);
    int status = check_profile(app->profile, error);
    if (status == 0) {
        status = read_timeout(app, error);
    }
    return status != 0 ? status : read_passphrase_source(app, error);
}

static void on_notice(void *context, const struct sotto_error *notice) {
    tell_notice(context, notice);
}

must_check int app_init(struct app *app, const struct request *request, struct sotto_error *error) {
    *app = (struct app){
        .request = request,
        .clock = clock_system(),
        .out = {.handle = STDOUT_FILENO},
        .home = variable("SOTTO_HOME"),
        .profile = setting_standard(SETTING_PROFILE),
        .credentials = variable("CREDENTIALS_DIRECTORY"),
        .passphrase_handle = -1,
        .verbose = request->given[OPTION_VERBOSE],
        .is_json = request->given[OPTION_JSON] > 0,
        .is_quiet = request->given[OPTION_QUIET] > 0,
        .notice = on_notice,
        .notice_context = app,
    };
    buffer_init(&app->passphrase, PASSPHRASE_MAX_BYTES);
    for (int i = 0; i < 3; i++) {
        app->is_terminal[i] = terminal_is(i);
    }
    bool no_input = request->given[OPTION_NO_INPUT] > 0 || is_switched_on("SOTTO_NO_INPUT");
    app->may_ask = !no_input && app->is_terminal[STDIN_FILENO] && app->is_terminal[STDERR_FILENO];
    app->columns = app->is_terminal[STDOUT_FILENO] ? screen_columns(STDOUT_FILENO) : 0;
    find_folders(app);
    int status = read_settings(app, error);
    return status != 0 ? status : settle(app, error);
}

void app_clear(struct app *app) {
    buffer_clear(&app->passphrase);
    settings_free(app->settings);
}

struct sotto_options app_options(struct app *app) {
    return (struct sotto_options){
        .home = app->home,
        .profile = app->profile,
        .passphrase = app->passphrase.data,
        .passphrase_size = app->passphrase.size,
        .timeout_ms = app->timeout_ms,
        .notice = app->notice,
        .context = app->notice_context,
        .card_folders = app->card_folders,
        .card_folder_count = app->card_folder_count,
    };
}

must_check int app_profile(struct app *app, struct sotto_profile *profile,
                           struct sotto_error *error) {
    struct sotto_options options = app_options(app);
    *profile = (struct sotto_profile){.exists = false};
    return sotto_profile_check(&options, profile, error);
}

must_check int app_open(struct app *app, struct sotto **client, struct sotto_error *error) {
    struct sotto_profile profile;
    *client = NULL;
    int status = app_profile(app, &profile, error);
    if (status == 0 && profile.exists && profile.is_protected) {
        status = passphrase_for_opening(app, error);
    }
    if (status == 0) {
        struct sotto_options options = app_options(app);
        status = sotto_open(&options, client, error);
        buffer_clear(&app->passphrase); /* who follows for days does not hold it for days */
    }
    return status;
}

must_check int app_take_stdin(struct app *app, const char *what, struct sotto_error *error) {
    if (app->stdin_holds != NULL && strcmp(app->stdin_holds, what) != 0) {
        return fault_usage(error,
                           "Give one of them in a file or as an argument.\nMore:   sotto help",
                           "stdin cannot give both %s and %s", app->stdin_holds, what);
    }
    app->stdin_holds = what;
    return 0;
}

must_check int app_check(enum error status, struct sotto_error *error) {
    if (status == OK) {
        return 0;
    }
    const struct error_value values[] = {
        {"cause", status == ERR_LIMIT ? "a line over its limit" : "out of memory"}};
    return fault_set(error, ERR_INTERNAL, values, 1);
}

must_check int app_written(const struct app *app, const char *effect, struct sotto_error *error) {
    if (app->out.error_number == 0) {
        return 0;
    }
    if (output_is_abandoned(&app->out)) {
        *error = (struct sotto_error){.exit = EXIT_ABANDONED};
        return EXIT_ABANDONED;
    }
    return fault_storage(error, "stdout", app->out.error_number, effect);
}

must_check int app_write(struct app *app, struct bytes bytes, const char *effect,
                         struct sotto_error *error) {
    return output_write(&app->out, bytes) ? 0 : app_written(app, effect, error);
}

must_check int app_write_made(struct app *app, enum error made, struct buffer *out,
                              const char *effect, struct sotto_error *error) {
    int status = app_check(made, error);
    if (status == 0) {
        status = app_write(app, buffer_view(out), effect, error);
    }
    buffer_clear(out);
    return status;
}

must_check int app_outcome(const struct app *app, enum error own, const char *effect, int status,
                           struct sotto_error *error) {
    struct sotto_error first;
    int failed = app_written(app, effect, &first);
    if (failed == 0) {
        failed = app_check(own, &first);
    }
    if (failed == 0) {
        return status;
    }
    *error = first;
    return failed;
}
