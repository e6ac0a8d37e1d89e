/* SPDX-License-Identifier: ISC */
#include "sottod/commands.h"

#include "crypto/entropy.h"
#include "platform/clock.h"
#include "sottod/admin.h"
#include "sottod/data.h"
#include "sottod/invite.h"
#include "sottod/say.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

int command_failed(const struct data *data, enum error error) {
    return say_failure(error, data->path, data->cause, data->detail, NULL);
}

/* Who asks for what is not there. */
static int missing(const struct options *options, enum error error) {
    char id[INVITE_ID_CHARACTERS + 1];
    base32_encode(options->invite, 8 * sizeof(options->invite), id);
    return error == ERR_NO_SUCH_USER
               ? say_failure(error, NULL, options->name.text, NULL, "this server")
               : say_failure(error, NULL, id, NULL, NULL);
}

int command_on_data(const struct options *options, command_fn *work) {
    struct data data;
    enum error error = data_init(&data, options->data);
    if (error == OK) {
        error = data_find(&data);
    }
    if (error == OK) {
        error = work(&data, options);
    }
    int status = error == OK ? 0
                 : error == ERR_NO_SUCH_USER || error == ERR_NO_SUCH_INVITE
                     ? missing(options, error)
                     : command_failed(&data, error);
    data_close(&data);
    return status;
}

must_check enum error command_stdout_failed(struct data *data) {
    data->path = "stdout";
    snprintf(data->cause, sizeof(data->cause), "it is closed or full");
    return ERR_STORAGE_FAILED;
}

must_check enum error command_unread(struct data *data, enum error error) {
    data->path = data->database;
    switch ((int)error) {
    case ERR_STORE_BROKEN:
        return error;
    case ERR_STORE_NEWER:
        snprintf(data->detail, sizeof(data->detail), "%s", data->cause);
        return error;
    case ERR_MISMATCH:
        snprintf(data->cause, sizeof(data->cause), "an older server runs on it; restart it");
        return ERR_STORAGE_FAILED;
    default:
        return ERR_STORAGE_FAILED;
    }
}

must_check enum error command_ask(struct data *data, const char *line, char *answer, size_t size) {
    enum error error = admin_ask(data->socket, line, answer, size);
    if (error == ERR_CLOSED || error == ERR_IO) {
        data->path = data->socket;
        snprintf(data->cause, sizeof(data->cause), "the server does not answer");
        return ERR_STORAGE_FAILED;
    }
    data->path = error == ERR_NOT_ALLOWED ? data->socket : data->path;
    return error;
}

/* Carries out one operation on the store itself. */
static enum error run(struct data *data, struct store_op *op) {
    const struct clock clock = clock_system();
    struct store_batch batch = {.now_ms = clock.wall_ms(clock.context), .first = op, .count = 1};
    enum error error = sqlite_store_run(data->store, &batch);
    if (error != OK) {
        data->path = data->database;
        snprintf(data->cause, sizeof(data->cause), "%s", sqlite_store_cause(data->store));
    }
    return error == OK ? op->result : error;
}

static enum error invite_offline(struct data *data, const struct options *options, char *link) {
    const struct random_source random = random_system();
    const struct clock clock = clock_system();
    struct store_invite invite;
    char address[ADDRESS_MAX_BYTES];
    enum error error = data_open(data, false, &random);
    if (error == OK) {
        error = data_load_key(data, false);
    }
    if (error != OK) {
        return error;
    }
    data_read_address(data, address, sizeof(address));
    if (options->public_host != NULL) {
        snprintf(address, sizeof(address), "%s", options->public_host);
    } else if (address[0] == '\0') {
        public_address(NULL, DEFAULT_PORT, address, sizeof(address));
    }
    error = invite_make(&random, tls_identity_hash(data->identity), address,
                        clock.wall_ms(clock.context) + options->expires_ms, options->is_admin,
                        &invite, link);
    struct store_op *op = error == OK ? store_op_new(STORE_INVITE) : NULL;
    if (op != NULL) {
        *op->invite = invite;
        error = run(data, op);
    } else if (error == OK) {
        error = ERR_MEMORY;
    }
    store_op_free(op);
    return error;
}

int command_invite_create(const struct options *options) {
    struct data data;
    char line[ADMIN_LINE_MAX_BYTES];
    char link[ADMIN_LINE_MAX_BYTES];
    enum error error = data_init(&data, options->data);
    if (error == OK) {
        error = data_find(&data);
    }
    if (error == OK) {
        snprintf(line, sizeof(line), "invite %" PRIu64 " %d %.300s\n", options->expires_ms,
                 options->is_admin ? 1 : 0,
                 options->public_host == NULL ? "-" : options->public_host);
        error = command_ask(&data, line, link, sizeof(link));
        error = error == ERR_NOT_FOUND ? invite_offline(&data, options, link) : error;
    }
    int status = error == OK ? 0 : command_failed(&data, error);
    if (error == OK && (puts(link) == EOF || fflush(stdout) != 0)) {
        status = say_failure(ERR_STORAGE_FAILED, "stdout", "it is closed or full", NULL, NULL);
    }
    data_close(&data);
    return status;
}

/* Has the running server do what `line` asks, or does `op` on the store where none runs; takes
 * `op`. `not_found` is what it says where there is not what was named. */
static enum error change(struct data *data, const char *line, struct store_op *op,
                         enum error not_found) {
    char answer[ADMIN_LINE_MAX_BYTES];
    const struct random_source random = random_system();
    enum error error = op == NULL ? ERR_MEMORY : command_ask(data, line, answer, sizeof(answer));
    if (error == ERR_NOT_FOUND) {
        error = data_open(data, false, &random);
        error = error == OK ? run(data, op) : error;
        error = error == ERR_NOT_FOUND ? not_found : error;
    }
    store_op_free(op);
    return error;
}

static enum error change_user(struct data *data, const struct options *options) {
    char line[ADMIN_LINE_MAX_BYTES];
    const bool removes = options->command == COMMAND_USER_REMOVE;
    const bool disables = options->command == COMMAND_USER_DISABLE;
    struct store_op *op = store_op_new(removes ? STORE_REMOVE : STORE_STATE);
    if (op != NULL && removes) {
        op->remove->name = options->name;
    } else if (op != NULL) {
        *op->state = (struct store_state){.name = options->name, .is_disabled = disables};
    }
    snprintf(line, sizeof(line), "%s %s\n",
             removes    ? "remove"
             : disables ? "disable"
                        : "enable",
             options->name.text);
    return change(data, line, op, ERR_NO_SUCH_USER);
}

static enum error revoke_invite(struct data *data, const struct options *options) {
    char line[ADMIN_LINE_MAX_BYTES];
    char id[INVITE_ID_CHARACTERS + 1];
    struct store_op *op = store_op_new(STORE_REVOKE);
    if (op != NULL) {
        memcpy(op->revoke->id, options->invite, sizeof(op->revoke->id));
    }
    base32_encode(options->invite, 8 * sizeof(options->invite), id);
    snprintf(line, sizeof(line), "revoke %s\n", id);
    return change(data, line, op, ERR_NO_SUCH_INVITE);
}

int command_change_user(const struct options *options) {
    return command_on_data(options, change_user);
}

int command_invite_revoke(const struct options *options) {
    return command_on_data(options, revoke_invite);
}
