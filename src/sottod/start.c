/* SPDX-License-Identifier: ISC */
/* How a server starts: core, listeners, address, first invite, writer, greeting; and what it gives
 * up before anybody can talk to it. */
#include "sottod/serving.h"

#include "platform/sandbox.h"
#include "platform/terminal.h"
#include "sottod/banner.h"

#include <stdio.h>
#include <string.h>

static enum error make_server(struct serving *serving) {
    struct server_config config = settings_config(serving->reload.settings);
    memcpy(config.store_epoch, sqlite_store_epoch(serving->data.store), STORE_EPOCH_BYTES);
    config.log = say_warning; /* disk full, damaged rows, a clock that jumped */
    config.note = say_note;
    config.log_context = &serving->logger;
    enum error error =
        server_new(&config, &serving->random, serving_now(serving), &serving->server);
    serving->reload.server = serving->server;
    return error;
}

static int listen_on_all(struct serving *serving) {
    static const char *const everywhere[] = {"::"};
    const struct options *options = &serving->options;
    const char *const *binds = options->bind_count == 0 ? everywhere : options->binds;
    size_t count = options->bind_count == 0 ? 1 : options->bind_count;
    const struct listener_events events = serving_events(serving);
    for (size_t i = 0; i < count; i++) {
        char cause[CAUSE_MAX_BYTES];
        uint16_t port = i == 0 ? options->port : listener_port(serving->listeners[0]);
        enum error error = listener_open(&serving->loop, serving->data.identity, binds[i], port,
                                         &events, &serving->listeners[i], cause, sizeof(cause));
        if (error != OK) {
            char where[ADDRESS_MAX_BYTES + 2];
            snprintf(where, sizeof(where),
                     strchr(binds[i], ':') == NULL ? "%.250s:%u" : "[%.250s]:%u", binds[i], port);
            return say_failure(error, NULL, cause, NULL, where);
        }
        serving->listener_count++;
    }
    return 0;
}

static enum error start_parts(struct serving *serving) {
    enum error error = writer_start(&serving->writer, &serving->loop, serving->data.store, serving,
                                    serving_batch_done);
    serving->has_writer = error == OK;
    if (error == OK) {
        const struct admin_host host = {.server = serving->server,
                                        .clock = &serving->clock,
                                        .random = &serving->random,
                                        .address = serving->address,
                                        .spki_hash = serving->rotation.key_hash,
                                        .rotation = &serving->rotation,
                                        .settings = serving->reload.settings,
                                        .commits = &serving->commits,
                                        .started_ms = serving_now(serving).monotonic_ms};
        error = admin_open(&serving->loop, serving->data.socket, &host, &serving->admin);
    }
    return error;
}

/* The first invite, for the person at the terminal; it is on the disk before it is shown. */
static enum error first_invite(struct serving *serving, char link[LINK_MAX_CHARACTERS + 1]) {
    struct store_invite invite;
    enum error error =
        invite_make(&serving->random, tls_identity_hash(serving->data.identity), serving->address,
                    serving_now(serving).wall_ms + INVITE_LIFE_MS, true, &invite, link);
    struct store_op *op = error == OK ? store_op_new(STORE_INVITE) : NULL;
    if (error != OK || op == NULL) {
        return error == OK ? ERR_MEMORY : error;
    }
    *op->invite = invite;
    struct store_batch batch = {.now_ms = serving_now(serving).wall_ms, .first = op, .count = 1};
    error = sqlite_store_run(serving->data.store, &batch);
    error = error == OK ? op->result : error;
    store_op_free(op);
    return error;
}

static void greet(struct serving *serving, bool has_accounts, const char *link) {
    const struct options *options = &serving->options;
    char listening[ADDRESS_MAX_BYTES + 2];
    char key[64];
    char next[KEY_AND_TIME_BYTES];
    const char *bind = options->bind_count == 0 ? "::" : options->binds[0];
    snprintf(listening, sizeof(listening), strchr(bind, ':') == NULL ? "%.250s:%u" : "[%.250s]:%u",
             bind, listener_port(serving->listeners[0]));
    key_print(serving->rotation.key_hash, key, sizeof(key));
    rotation_print(&serving->rotation, next, sizeof(next));
    const struct banner banner = {.listening = listening,
                                  .folder = serving->data.folder,
                                  .key = key,
                                  .next_key = next,
                                  .link = link,
                                  .address = serving->address,
                                  .has_accounts = has_accounts};
    banner_print(options, &banner);
}

/* What links name: --public-host with its port or the one listened on, or the best guess. */
static enum error find_address(struct serving *serving) {
    const struct options *options = &serving->options;
    uint16_t port = listener_port(serving->listeners[0]);
    if (options->public_host == NULL) {
        public_address(options->bind_count == 0 ? NULL : options->binds[0], port, serving->address,
                       sizeof(serving->address));
    } else {
        const char *host = options->public_host;
        bool has_port = host[0] == '[' ? strstr(host, "]:") != NULL : strchr(host, ':') != NULL;
        snprintf(serving->address, sizeof(serving->address), has_port ? "%s" : "%s:%u", host, port);
    }
    return data_keep_address(&serving->data, serving->address);
}

/* Before the writer's thread is started, so that it is shut in too. SIGHUP reads sottod.conf again,
 * and an editor may put another file in its place: its folder stays readable. */
static void shut_in(struct serving *serving) {
    char configuration[PATH_MAX_BYTES];
    snprintf(configuration, sizeof(configuration), "%s", serving->reload.settings->file);
    char *slash = strrchr(configuration, '/');
    if (slash == NULL) {
        snprintf(configuration, sizeof(configuration), ".");
    } else {
        slash[slash == configuration ? 1 : 0] = '\0';
    }
    const char *const readable[] = {configuration, "/etc", "/usr/share/zoneinfo"};
    unsigned lacks = sandbox_enter(serving->data.folder, readable, 3);
    if ((lacks & SANDBOX_IS_SANITIZED) != 0) {
        say_line(&serving->logger, "a build for tests: neither calls nor paths are given up");
    }
    if ((lacks & SANDBOX_LACKS_CALLS) != 0) {
        say_line(&serving->logger, "this system has no seccomp: no system calls are given up");
    }
    if ((lacks & SANDBOX_LACKS_PATHS) != 0) {
        say_line(&serving->logger, "this system has no Landlock: no paths are given up");
    }
}

int serving_start(struct serving *serving) {
    const struct options *options = &serving->options;
    char link[LINK_MAX_CHARACTERS + 1];
    uint64_t accounts = 0;
    bool shows_link = false;
    enum error error = sqlite_store_accounts(serving->data.store, &accounts);
    if (error == OK) {
        error = make_server(serving);
    }
    if (error != OK) {
        return say_failure(error, serving->data.database, "the database cannot be read", NULL,
                           NULL);
    }
    rotation_begin(&serving->rotation, serving->server, serving->listeners,
                   &serving->listener_count);
    int status = listen_on_all(serving);
    if (status != 0) {
        return status;
    }
    error = find_address(serving);
    shows_link = accounts == 0 && terminal_is(2) && !options->is_quiet;
    if (error == OK && shows_link) {
        error = first_invite(serving, link);
    }
    if (error == OK) {
        shut_in(serving);
        error = start_parts(serving);
    }
    if (error != OK) {
        return say_failure(error, serving->data.folder, "the server cannot start", NULL,
                           serving->data.socket);
    }
    serving->figures_said_ms = serving_now(serving).monotonic_ms;
    serving_begin(serving);
    greet(serving, accounts > 0, shows_link ? link : NULL);
    service_ready(&serving->service, serving_now(serving).monotonic_ms);
    return 0;
}
