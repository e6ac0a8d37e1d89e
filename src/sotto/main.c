/* SPDX-License-Identifier: ISC */
/* sotto: from the words of a command line to an exit status. */
#include "sotto/commands.h"
#include "sotto/fault.h"
#include "sotto/help.h"
#include "sotto/streams.h"
#include "sotto/tell.h"

#include "base/weaken.h"
#include "platform/process.h"

#include <stdlib.h>
#include <string.h>

typedef int command_fn(struct app *app, struct sotto_error *error);

static command_fn *const command_table[COMMANDS] = {
    [COMMAND_JOIN] = command_join,
    [COMMAND_REGISTER] = command_register,
    [COMMAND_SEND] = command_send,
    [COMMAND_RECV] = command_recv,
    [COMMAND_USERS] = command_users,
    [COMMAND_VERIFY] = command_verify,
    [COMMAND_CARD] = command_card,
    [COMMAND_STATUS] = command_status,
    [COMMAND_DOCTOR] = command_doctor,
    [COMMAND_CONFIG] = command_config,
    [COMMAND_LEAVE] = command_leave,
    [COMMAND_HISTORY] = command_history,
    [COMMAND_OUTBOX] = command_outbox,
    [COMMAND_VERSION] = command_version,
    [COMMAND_COMPLETION] = command_completion,
};

static int print_help(struct app *app, struct sotto_error *error) {
    const char *topic = app->request->help_for;
    struct buffer out;
    buffer_init(&out, HELP_MAX_BYTES);
    enum error made = topic == NULL ? help_overview(&out) : help_command(command_find(topic), &out);
    return app_write_made(app, made, &out, "", error);
}

static int print_start(struct app *app, struct sotto_error *error) {
    struct buffer out;
    buffer_init(&out, HELP_MAX_BYTES);
    return app_write_made(app, help_start(&out), &out, "", error);
}

/* No command: a person sees the state or how to begin, a script an error. */
static int without_command(struct app *app, struct sotto_error *error) {
    struct sotto_profile profile;
    if (!app->is_terminal[1]) {
        struct buffer help;
        char text[sizeof(error->help)];
        buffer_init(&help, sizeof(text) - 1);
        int status = app_check(help_overview(&help), error);
        if (status == 0) {
            memcpy(text, help.data, help.size);
            text[help.size] = '\0';
            status = fault_usage(error, text, "no command was given");
        }
        buffer_clear(&help);
        return status;
    }
    int status = app_profile(app, &profile, error);
    if (status != 0) {
        return status;
    }
    return profile.exists ? command_status(app, error) : print_start(app, error);
}

static int run(struct app *app, struct sotto_error *error) {
    const struct request *request = app->request;
    if (request->wants_help) {
        return print_help(app, error);
    }
    if (request->wants_version) {
        return command_version(app, error);
    }
    if (request->command == COMMAND_NONE) {
        return without_command(app, error);
    }
    return command_table[request->command](app, error);
}

int main(int argc, char **argv) {
    struct request request;
    struct app app;
    struct sotto_error error = {.exit = 0};
    struct sotto_error setup = {.exit = 0};
    weaken_by(getenv);
    streams_prepare();
    enum error hardened = process_harden();
    int status = request_parse(argc, argv, &request, &error);
    int begun = app_init(&app, &request, &setup);
    if (status == 0) {
        error = setup;
        status = begun;
    }
    if (status == 0 && hardened != OK) {
        const struct error_value values[] = {{"cause", "the process cannot protect its memory"}};
        status = fault_set(&error, ERR_INTERNAL, values, 1);
    }
    if (status == 0) {
        status = run(&app, &error);
    }
    if (status != 0 && error.code[0] != '\0') {
        tell_error(&app, &error);
    }
    app_clear(&app);
    request_clear(&request);
    return status;
}
