/* SPDX-License-Identifier: ISC */
/* The administrator's commands: through the running server if there is one, else on its data. */
#include "sottod/commands.h"

#include "crypto/entropy.h"
#include "platform/clock.h"
#include "sottod/admin.h"
#include "sottod/invite.h"
#include "sottod/say.h"

#include <stdio.h>
#include <string.h>

static enum error run_now(struct sqlite_store *store, struct store_op *op, uint64_t now_ms) {
    struct store_batch batch = {.now_ms = now_ms, .first = op, .count = 1};
    enum error error = sqlite_store_run(store, &batch);
    if (error == OK) {
        error = op->result;
    }
    store_op_free(op);
    return error;
}

must_check enum error store_invite_now(struct sqlite_store *store,
                                       const struct store_invite *invite, uint64_t now_ms) {
    struct store_op *op = store_op_new(STORE_INVITE);
    if (op == NULL) {
        return ERR_MEMORY;
    }
    *op->invite = *invite;
    return run_now(store, op, now_ms);
}

must_check enum error store_remove_now(struct sqlite_store *store, const struct user_name *name,
                                       uint64_t now_ms) {
    struct store_op *op = store_op_new(STORE_REMOVE);
    if (op == NULL) {
        return ERR_MEMORY;
    }
    op->remove->name = *name;
    return run_now(store, op, now_ms);
}

static uint64_t wall_ms(void) {
    struct clock clock = clock_system();
    return clock.wall_ms(clock.context);
}

/* Statuses of modules become what a person can be told. */
static enum error listed(enum error error) {
    switch ((int)error) {
    case ERR_NOT_FOUND:
        return ERR_NO_SUCH_USER;
    case ERR_FULL:
        return ERR_DISK_FULL;
    case ERR_IO:
    case ERR_CLOSED:
    case ERR_LIMIT:
        return ERR_STORAGE_FAILED;
    default:
        return error;
    }
}

static int report(const struct data *data, enum error error) {
    return say_failure(listed(error), data->path, data->cause, data->detail, NULL);
}

/* The answer of the running server; ERR_WAIT: none runs, the data is open instead. */
static enum error ask(struct data *data, const struct options *options, const char *line,
                      char *answer, size_t size) {
    struct random_source random = random_system();
    enum error error = data_init(data, options->data);
    if (error == OK) {
        error = data_find(data);
    }
    if (error != OK) {
        return error;
    }
    error = admin_ask(data->socket, line, answer, size);
    data->path = data->socket;
    if (error != ERR_NOT_FOUND) {
        if (error == ERR_CLOSED) {
            snprintf(data->cause, sizeof(data->cause), "the server does not answer");
        }
        return error;
    }
    error = data_open(data, false, &random);
    return error == OK ? ERR_WAIT : error;
}

/* --- invite create
 * ---------------------------------------------------------------------------------------- */

static enum error invite_offline(struct data *data, const struct options *options, char *link) {
    char host[ADDRESS_MAX_BYTES];
    struct store_invite invite;
    struct random_source random = random_system();
    data_read_address(data, host, sizeof(host));
    if (options->public_host != NULL) {
        snprintf(host, sizeof(host), "%s", options->public_host);
    } else if (host[0] == '\0') {
        public_address(NULL, DEFAULT_PORT, host, sizeof(host));
    }
    enum error error =
        invite_make(&random, tls_identity_hash(data->identity), host,
                    wall_ms() + options->expires_ms, options->is_admin, &invite, link);
    return error == OK ? store_invite_now(data->store, &invite, wall_ms()) : error;
}

int command_invite_create(const struct options *options) {
    struct data data;
    char line[ADMIN_LINE_MAX_BYTES];
    char link[LINK_MAX_CHARACTERS + 1];
    struct server_address address;
    if (options->public_host != NULL &&
        server_address_parse(bytes_of_string(options->public_host), &address) != OK) {
        return say_failure(ERR_USAGE, NULL, "--public-host takes HOST or HOST:PORT", "", NULL);
    }
    snprintf(line, sizeof(line), "invite %llu %d %s\n", (unsigned long long)options->expires_ms,
             options->is_admin, options->public_host == NULL ? "-" : options->public_host);
    enum error error = ask(&data, options, line, link, sizeof(link));
    if (error == ERR_WAIT) {
        error = invite_offline(&data, options, link);
    }
    int status = 0;
    if (error != OK) {
        status = report(&data, error);
    } else if (printf("%s\n", link) < 0 || fflush(stdout) != 0) {
        status =
            say_failure(ERR_STORAGE_FAILED, "stdout", "the link could not be written", NULL, NULL);
    }
    wipe(link, sizeof(link));
    data_close(&data);
    return status;
}

/* --- key
 * ----------------------------------------------------------------------------------------------------
 */

int command_key(const struct options *options) {
    struct data data;
    char key[64];
    enum error error = data_init(&data, options->data);
    if (error == OK) {
        error = data_find(&data);
    }
    if (error == OK) {
        error = data_load_key(&data, false);
    }
    int status = 0;
    if (error != OK) {
        status = report(&data, error);
    } else {
        key_print(tls_identity_hash(data.identity), key, sizeof(key));
        if (printf("%s\n", key) < 0 || fflush(stdout) != 0) {
            status = say_failure(ERR_STORAGE_FAILED, "stdout", "the key could not be written", NULL,
                                 NULL);
        }
    }
    data_close(&data);
    return status;
}

/* --- user remove
 * -------------------------------------------------------------------------------------------- */

int command_user_remove(const struct options *options) {
    struct data data;
    char line[ADMIN_LINE_MAX_BYTES];
    char answer[ADMIN_LINE_MAX_BYTES];
    snprintf(line, sizeof(line), "remove %s\n", options->name.text);
    enum error error = ask(&data, options, line, answer, sizeof(answer));
    if (error == ERR_WAIT) {
        error = store_remove_now(data.store, &options->name, wall_ms());
    }
    int status = 0;
    if (error == ERR_NOT_FOUND || error == ERR_NO_SUCH_USER) {
        status =
            say_failure(ERR_NO_SUCH_USER, data.folder, options->name.text, NULL, "this server");
    } else if (error != OK) {
        status = report(&data, error);
    } else if (!options->is_quiet) {
        fprintf(stderr, "Removed %s and what waited for them.\n", options->name.text);
    }
    data_close(&data);
    return status;
}

int command_version(void) {
    printf("sottod %s\n"
           "protocol   %s\n"
           "OpenSSL    %s (%s)\n"
           "SQLite     %s\n",
           SOTTO_VERSION, WIRE_ALPN, crypto_library_version(),
           crypto_library_is_private() ? "private, linked statically" : "the system's",
           sqlite_store_version());
    return fflush(stdout) == 0 ? 0 : error_exit(ERR_STORAGE_FAILED);
}
