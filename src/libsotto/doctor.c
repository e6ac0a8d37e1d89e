/* SPDX-License-Identifier: ISC */
/* The order of the checks, how a finding is told, and the last two: login and clock. */
#include "libsotto/doctor.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FOUND_BYTES = 160 };

/* What to do about an error, where its help says more than that. */
static const char *fix_of(const struct sotto_error *problem) {
    static const struct {
        enum error error;
        const char *fix;
    } FIXES[] = {
        {ERR_CLOCK_SKEW, "Set the clock:   timedatectl set-ntp true"},
        {ERR_INPUT_REQUIRED,
         "Give the passphrase of this device:   sotto doctor --passphrase-file FILE"},
        {ERR_SERVER_KEY_CHANGED,
         "Ask the admin, not by sotto, what \"sottod key\" prints:   sotto config "
         "server-key"},
        {ERR_SERVER_UNREACHABLE,
         "Check that the server runs, and names and firewalls on the way to it."},
        {ERR_CONNECTION_LOST, "Ask the server's admin whether sottod answers there."},
        {ERR_NO_ACCOUNT, "Make an account with an invite link:   sotto join LINK"},
        {ERR_WRONG_PASSPHRASE, "It is the one chosen for this device; no one can reset it."},
        {ERR_LOGIN_REFUSED, "A fresh invite registers the same identity again:   sotto join LINK"},
        {ERR_STORE_BROKEN, "Put a copy of the folder back, or move it away and join again."},
        {ERR_STORE_NEWER, "Update sotto."},
        {ERR_STORAGE_FAILED, "Check the disk and the permissions."},
        {ERR_DISK_FULL, "Free some space."},
        {ERR_USAGE, "Correct that file, or take it away."},
        {ERR_NO_COMMON_VERSION, "Update sotto, or ask the server's admin to update sottod."},
    };
    for (size_t i = 0; i < sizeof(FIXES) / sizeof(FIXES[0]); i++) {
        if (strcmp(problem->code, error_code(FIXES[i].error)) == 0) {
            return FIXES[i].fix;
        }
    }
    return problem->help;
}

/* The first line of a help text that says something. */
static void first_line(const char *text, char *out, size_t size) {
    text += strspn(text, " \n");
    snprintf(out, size, "%.*s", (int)strcspn(text, "\n"), text);
}

void doctor_problem(const struct doctor *doctor, const char *name, const char *where,
                    const char *found, const struct sotto_error *problem, bool is_warning) {
    char fix[sizeof(problem->help)];
    struct sotto_error told = *problem;
    first_line(fix_of(problem), fix, sizeof(fix));
    told.exit = is_warning ? 0 : problem->exit;
    const struct sotto_check check = {.name = name,
                                      .state = is_warning ? SOTTO_CHECK_WARN : SOTTO_CHECK_FAIL,
                                      .found = found,
                                      .where = where,
                                      .fix = fix,
                                      .problem = &told};
    doctor->each(doctor->context, &check);
}

void doctor_failed(const struct doctor *doctor, const char *name, const char *where,
                   enum error failure) {
    struct sotto_error problem;
    (void)profile_fail(doctor->client, failure, "", &problem);
    doctor_problem(doctor, name, where, "", &problem, false);
}

static void tell(const struct doctor *doctor, const char *name, enum sotto_check_state state,
                 const char *where, const char *found) {
    const struct sotto_check check = {
        .name = name, .state = state, .found = found, .where = where, .fix = ""};
    doctor->each(doctor->context, &check);
}

void doctor_fine(const struct doctor *doctor, const char *name, const char *where,
                 const char *format, ...) {
    char found[FOUND_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(found, sizeof(found), format, arguments);
    va_end(arguments);
    tell(doctor, name, SOTTO_CHECK_OK, where, found);
}

void doctor_skip(const struct doctor *doctor, const char *name, const char *because) {
    tell(doctor, name, SOTTO_CHECK_SKIPPED, "", because);
}

/* ---- login and clock */

struct visit {
    struct runner runner;
    uint64_t asked_ms;
    bool is_asked;
};

static bool is_answered(void *context) {
    struct visit *visit = context;
    if (!visit->is_asked && engine_is_settled(visit->runner.engine)) {
        visit->is_asked = true;
        visit->asked_ms = profile_time(visit->runner.client);
        engine_ping(visit->runner.engine);
    }
    return visit->is_asked && engine_answer(visit->runner.engine)->is_done;
}

/* More than a day apart nothing is begun or renewed; more than an hour deserves a word. */
static void judge_clock(const struct doctor *doctor, struct runner *runner) {
    uint64_t here = profile_now(doctor->client);
    uint64_t there = engine_welcome(runner->engine)->server_time_ms;
    uint64_t apart = here > there ? here - there : there - here;
    const char *side = here < there ? "behind" : "ahead of";
    char found[FOUND_BYTES];
    snprintf(found, sizeof(found), "%" PRIu64 " s %s the server's", apart / SECOND_MS, side);
    if (!engine_clock_is_wrong(runner->engine) && apart < CLOCK_NOTE_MS) {
        doctor_fine(doctor, "clock", "", "%s", found);
        return;
    }
    struct sotto_error problem;
    const struct failure failure = {.error = ERR_CLOCK_SKEW};
    (void)explain_failure(runner, &failure, profile_report(doctor->client, ""), &problem);
    doctor_problem(doctor, "clock", "", found, &problem, !engine_clock_is_wrong(runner->engine));
}

static void visit(const struct doctor *doctor, struct visit *visit) {
    struct runner *runner = &visit->runner;
    struct sotto *client = doctor->client;
    bool has_time = false;
    runner_run(runner, is_answered, visit, UINT64_MAX, false);
    if (engine_phase(runner->engine) == ENGINE_OVER) {
        struct sotto_error problem;
        const struct failure *failure = engine_failure(runner->engine);
        (void)explain_failure(runner, failure, profile_report(client, ""), &problem);
        doctor_problem(doctor, "login", client->server, "", &problem, false);
        has_time = failure->error == ERR_CLOCK_SKEW;
    } else {
        has_time = true;
        doctor_fine(doctor, "login", client->server, "answered in %" PRIu64 " ms",
                    profile_time(client) - visit->asked_ms);
    }
    if (has_time) {
        judge_clock(doctor, runner);
    } else {
        doctor_skip(doctor, "clock", "no login");
    }
}

void doctor_login(const struct doctor *doctor, bool is_reachable) {
    struct visit visiting = {.is_asked = false};
    if (!is_reachable) {
        doctor_skip(doctor, "login", "no way to the server");
        doctor_skip(doctor, "clock", "no login");
        return;
    }
    enum error status = runner_init(&visiting.runner, doctor->client);
    if (status == OK) {
        status = runner_connect(&visiting.runner);
    }
    if (status == OK) {
        visit(doctor, &visiting);
    } else {
        doctor_failed(doctor, "login", doctor->client->server, status);
        doctor_skip(doctor, "clock", "no login");
    }
    runner_clear(&visiting.runner);
}

int sotto_doctor(const struct sotto_options *options, sotto_check_fn *each, void *context,
                 struct sotto_error *error) {
    struct sotto *client = malloc(sizeof(*client));
    if (client == NULL) {
        return report_error(error, ERR_INTERNAL, &(struct report){.cause = "out of memory"});
    }
    enum error status = profile_init(client, options);
    if (status != OK && status != ERR_NO_ACCOUNT) {
        (void)profile_fail(client, status, "", error);
    } else {
        const struct doctor doctor = {.client = client, .each = each, .context = context};
        client->notice = NULL; /* everything is a finding */
        bool is_open = doctor_store(&doctor, options);
        doctor_login(&doctor, doctor_network(&doctor, is_open));
        (void)report_error(error, OK, NULL);
    }
    profile_close(client);
    free(client);
    return error->exit;
}
