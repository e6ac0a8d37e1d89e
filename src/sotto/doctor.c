/* SPDX-License-Identifier: ISC */
/* sotto doctor: the checks of the library between those of the command line itself. */
#include "sotto/commands.h"
#include "sotto/doctor_view.h"
#include "sotto/fault.h"
#include "sotto/passphrase.h"
#include "sotto/tell.h"

#include "platform/process.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

struct doctoring {
    struct app *app;
    struct buffer report;
    bool wants_report;
    int worst;         /* exit status of the worst failure so far */
    enum error status; /* a failure of our own, not of stdout */
};

/* Which of two failures decides: a person must look at trust first, then nothing works without the
 * store. */
static int worse(int a, int b) {
    static const int ORDER[] = {70, 4, 9, 6, 11, 5, 8, 2, 1};
    for (size_t i = 0; i < sizeof(ORDER) / sizeof(ORDER[0]); i++) {
        if (a == ORDER[i] || b == ORDER[i]) {
            return ORDER[i];
        }
    }
    return a != 0 ? a : b;
}

static void on_check(void *context, const struct sotto_check *check) {
    struct doctoring *doctoring = context;
    struct app *app = doctoring->app;
    struct buffer out;
    buffer_init(&out, DOCTOR_VIEW_MAX_BYTES);
    if (check->state == SOTTO_CHECK_FAIL) {
        doctoring->worst = worse(doctoring->worst, check->problem->exit);
    }
    if (doctoring->status == OK && doctoring->wants_report) {
        doctoring->status = doctor_report_line(check, &doctoring->report);
    }
    if (doctoring->status == OK) {
        doctoring->status =
            app->is_json ? doctor_json(check, &out) : doctor_text(check, app->is_plain, &out);
    }
    if (doctoring->status == OK) {
        bool is_written = output_write(&app->out, buffer_view(&out));
        (void)is_written; /* the checks go on, for the report; app_written says it at the end */
    }
    buffer_clear(&out);
}

/* ---- the checks of the command line */

static void config_fails(struct doctoring *doctoring, const char *where, const char *found,
                         const char *fix, const struct sotto_error *problem) {
    const struct sotto_check check = {.name = "config",
                                      .state = SOTTO_CHECK_FAIL,
                                      .found = found,
                                      .where = where,
                                      .fix = fix,
                                      .problem = problem};
    on_check(doctoring, &check);
}

/* Why the folder of sotto.conf could not be judged, or whom it is open to. */
static void config_folder_fails(struct doctoring *doctoring, const char *folder, unsigned mode,
                                enum error error, int error_number) {
    char detail[8];
    char fix[PATH_MAX_BYTES + 16];
    struct sotto_error problem;
    if (error != ERR_STORE_PERMISSIONS) {
        (void)fault_storage(&problem, folder, error_number, "It was not looked at.");
        config_fails(doctoring, folder, "cannot be looked at", problem.help, &problem);
        return;
    }
    snprintf(detail, sizeof(detail), "%04o", mode & 07777);
    snprintf(fix, sizeof(fix), "chmod go-w %s", folder);
    const struct error_value values[] = {{"path", folder}, {"detail", detail}, {"cause", "go-w"}};
    fault_set(&problem, error, values, 3);
    config_fails(doctoring, folder, "others can write it", fix, &problem);
}

/* sotto.conf, and the folder that it and cards.d are in: whoever can write there decides about
 * trust. */
static void check_config(struct doctoring *doctoring) {
    const struct app *app = doctoring->app;
    const struct sotto_error *unreadable = &app->unreadable;
    char folder[PATH_MAX_BYTES] = "";
    unsigned mode = 0;
    int error_number = ENAMETOOLONG; /* all that can be wrong before it is looked at */
    enum error error = process_config_folder("sotto", app->home, folder, sizeof(folder));
    if (error == OK) {
        error = file_check_shared(folder, &mode);
        error_number = errno;
    }
    if (unreadable->code[0] != '\0') {
        config_fails(doctoring, "", "sotto.conf cannot be read",
                     unreadable->help[0] == '\0' ? "Correct sotto.conf." : unreadable->help,
                     unreadable);
    } else if (error == OK || error == ERR_NOT_FOUND) {
        const struct sotto_check check = {.name = "config",
                                          .where = folder,
                                          .fix = "",
                                          .found = error == OK ? "is well-formed, and nobody else's"
                                                               : "there is none, none is needed"};
        on_check(doctoring, &check);
    } else {
        config_folder_fails(doctoring, folder, mode, error, error_number);
    }
}

static bool is_utf8(void) {
    static const char *const NAMES[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
        const char *value = getenv(NAMES[i]); // NOLINT(concurrency-mt-unsafe): there is one thread
        if (value != NULL && value[0] != '\0') {
            const char *set = strrchr(value, '.');
            return set != NULL &&
                   (strncasecmp(set, ".UTF-8", 6) == 0 || strncasecmp(set, ".utf8", 5) == 0);
        }
    }
    return false;
}

static void check_terminal(struct doctoring *doctoring) {
    const struct app *app = doctoring->app;
    char found[96];
    struct sotto_check check = {.name = "terminal", .where = "", .found = found, .fix = ""};
    if (!app->is_terminal[STDOUT_FILENO]) {
        snprintf(found, sizeof(found), "stdout is none");
    } else {
        snprintf(found, sizeof(found), "%zu columns, %s", app->columns,
                 is_utf8() ? "UTF-8" : "a locale without UTF-8");
    }
    on_check(doctoring, &check);
}

/* ---- the command */

/* As far as it can be had; without it the store is what fails. */
static int get_passphrase(struct app *app, struct sotto_error *error) {
    struct sotto_profile profile;
    struct sotto_error spare;
    if (app_profile(app, &profile, &spare) != 0 || !profile.exists || !profile.is_protected) {
        return 0;
    }
    int status = passphrase_for_opening(app, error);
    return strcmp(error->code, error_code(ERR_INPUT_REQUIRED)) == 0 ? 0 : status;
}

static int examine(struct doctoring *doctoring, struct sotto_error *error) {
    struct app *app = doctoring->app;
    int status = get_passphrase(app, error);
    if (status == 0 && doctoring->wants_report) {
        status = app_check(doctor_report_begin(app, &doctoring->report), error);
    }
    if (status != 0) {
        return status;
    }
    struct sotto_options options = app_options(app);
    check_config(doctoring);
    status = sotto_doctor(&options, on_check, doctoring, error);
    check_terminal(doctoring);
    if (status == 0) {
        status = app_check(doctoring->status, error);
    }
    return status != 0 ? status : app_written(app, "The checks were made.", error);
}

static int check_path(const char *path, struct sotto_error *error) {
    if (path != NULL && access(path, F_OK) == 0) {
        return fault_usage(error, "Name a new file: nothing is overwritten.",
                           "'%.200s' is there already", path);
    }
    return 0;
}

static int write_report(struct doctoring *doctoring, const char *path, struct sotto_error *error) {
    enum error written = file_write_private(path, buffer_view(&doctoring->report));
    if (written != OK) {
        const struct error_value values[] = {{"path", path},
                                             {"cause", "the report could not be written"},
                                             {"effect", "The checks were made."}};
        return fault_set(error, written, values, 3);
    }
    tell(doctoring->app, "Wrote %s: no names, texts, keys or addresses are in it.", path);
    return 0;
}

must_check int command_doctor(struct app *app, struct sotto_error *error) {
    const char *path = app->request->value[OPTION_REPORT];
    struct doctoring doctoring = {.app = app, .wants_report = path != NULL};
    buffer_init(&doctoring.report, DOCTOR_REPORT_MAX_BYTES);
    int status = check_path(path, error);
    if (status == 0) {
        status = examine(&doctoring, error);
    }
    if (status == 0 && path != NULL) {
        status = write_report(&doctoring, path, error);
    }
    buffer_clear(&doctoring.report);
    if (status == 0 && doctoring.worst != 0) {
        *error = (struct sotto_error){.exit = doctoring.worst}; /* everything has been said */
        status = doctoring.worst;
    }
    return status;
}
