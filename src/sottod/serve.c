/* SPDX-License-Identifier: ISC */
#include "sottod/serve.h"

#include "base/require.h"
#include "crypto/entropy.h"
#include "net/listener.h"
#include "platform/clock.h"
#include "platform/process.h"
#include "platform/sandbox.h"
#include "platform/terminal.h"
#include "server/core.h"
#include "sottod/admin.h"
#include "sottod/banner.h"
#include "sottod/data.h"
#include "sottod/invite.h"
#include "sottod/reload.h"
#include "sottod/rotation.h"
#include "sottod/say.h"
#include "sottod/service.h"
#include "sottod/writer.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    DISK_CHECK_MS = 1000,
    FIGURES_MS = 60 * 1000,
    STOP_MAX_MS = 5000,
};

enum { DISK_LOOK_MS = 10 };

struct serving {
    struct options options; /* what holds: of the command line, sottod.conf and the defaults */
    struct reload reload;
    struct service service;
    struct logger logger;
    struct clock clock;
    struct random_source random;
    struct data data;
    struct rotation rotation;
    uv_loop_t loop;
    struct server *server;
    struct listener *listeners[BINDS_MAX];
    size_t listener_count;
    struct admin *admin;
    struct writer_thread writer;
    bool has_writer;
    uv_check_t round; /* at the end of each round: outputs, batch, next tick */
    uv_timer_t tick;
    uv_timer_t disk;
    uv_timer_t stop_limit;
    uv_signal_t interrupted;
    uv_signal_t terminated;
    uv_signal_t hung_up;
    size_t connections;
    uint64_t disk_seen_ms; /* monotonic */
    uint64_t figures_said_ms;
    bool is_stopping;
    bool is_over;
    int status;
    char address[ADDRESS_MAX_BYTES];
};

/* One connection as the core and the listener know it. */
struct peer {
    struct serving *serving;
    struct connection *connection;
    uint64_t number;
};

static struct moment now_of(const struct serving *serving) {
    const struct clock *clock = &serving->clock;
    return (struct moment){.wall_ms = clock->wall_ms(clock->context),
                           .monotonic_ms = clock->monotonic_ms(clock->context)};
}

/* --- connections --------------------------------------------------------------------------- */

static bool on_accepted(void *context, struct connection *connection,
                        const struct peer_address *address, void **data) {
    struct serving *serving = context;
    struct peer *peer = serving->is_stopping ? NULL : malloc(sizeof(*peer));
    if (peer == NULL) {
        return false;
    }
    *peer = (struct peer){.serving = serving, .connection = connection};
    if (server_open(serving->server, address->bytes, address->is_v4, peer, now_of(serving),
                    &peer->number) != OK) {
        free(peer);
        return false;
    }
    serving->connections++;
    *data = peer;
    return true;
}

static void on_established(void *context, void *data, const uint8_t exporter[EXPORTER_BYTES]) {
    struct serving *serving = context;
    const struct peer *peer = data;
    server_established(serving->server, peer->number, exporter, now_of(serving));
}

/* Before a message is taken there has to be room for it: looked at often, and not for each message.
 */
static void look_at_disk(struct serving *serving) {
    uint64_t bytes = 0;
    uint64_t now_ms = now_of(serving).monotonic_ms;
    if (now_ms - serving->disk_seen_ms >= DISK_LOOK_MS &&
        disk_free(serving->data.folder, &bytes) == OK) {
        serving->disk_seen_ms = now_ms;
        server_disk_free(serving->server, bytes);
    }
}

static void on_received(void *context, void *data, struct bytes bytes) {
    struct serving *serving = context;
    const struct peer *peer = data;
    look_at_disk(serving);
    server_receive(serving->server, peer->number, bytes, now_of(serving));
}

static void on_drained(void *context, void *data) {
    struct serving *serving = context;
    const struct peer *peer = data;
    server_drained(serving->server, peer->number, now_of(serving));
}

static void on_closed(void *context, void *data) {
    struct serving *serving = context;
    server_closed(serving->server, ((struct peer *)data)->number, now_of(serving));
    serving->connections--;
    free(data);
}

/* --- the end ------------------------------------------------------------------------------- */

static void close_handle(uv_handle_t *handle, void *context) {
    (void)context;
    if (!uv_is_closing(handle)) {
        uv_close(handle, NULL);
    }
}

/* Everything is said: what is left are handles to close. */
static void end(struct serving *serving) {
    if (serving->is_over) {
        return;
    }
    serving->is_over = true;
    admin_close(serving->admin);
    for (size_t i = 0; i < serving->listener_count; i++) {
        listener_close(serving->listeners[i]);
    }
    if (serving->has_writer) {
        writer_stop(&serving->writer);
    }
    uv_handle_t *own[] = {
        (uv_handle_t *)&serving->round,       (uv_handle_t *)&serving->tick,
        (uv_handle_t *)&serving->disk,        (uv_handle_t *)&serving->stop_limit,
        (uv_handle_t *)&serving->interrupted, (uv_handle_t *)&serving->terminated,
        (uv_handle_t *)&serving->hung_up,
    };
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        close_handle(own[i], NULL);
    }
}

static void on_stop_limit(uv_timer_t *timer) {
    end(timer->data);
}

/* For -v: how much there is to do, without a name or an address. */
static void say_figures(struct serving *serving, uint64_t now_ms) {
    const struct server_figures figures = server_figures(serving->server);
    char line[160];
    serving->figures_said_ms = now_ms;
    snprintf(line, sizeof(line),
             "%zu clients, %" PRIu64 " messages accepted, %" PRIu64 " offered again, %" PRIu64
             " delivered, %zu operations waiting",
             figures.logged_in, figures.accepted, figures.repeated, figures.delivered,
             figures.queued);
    say_detail(&serving->logger, line);
}

/* Told to stop: what is committed is finished, at most for STOP_MAX_MS. Told twice: at once. */
static void on_signal(uv_signal_t *handle, int number) {
    struct serving *serving = handle->data;
    if (serving->is_stopping) {
        serving->status = 128 + number;
        end(serving);
        return;
    }
    serving->is_stopping = true;
    say_line(&serving->logger, "stopping");
    service_stopping(&serving->service);
    say_figures(serving, now_of(serving).monotonic_ms);
    server_shut_down(serving->server, ERR_SHUTTING_DOWN, now_of(serving));
    (void)uv_timer_start(&serving->stop_limit, on_stop_limit, STOP_MAX_MS, 0);
}

static void on_hangup(uv_signal_t *handle, int number) {
    struct serving *serving = handle->data;
    (void)number;
    if (!serving->is_stopping) {
        service_reloading(&serving->service, now_of(serving).monotonic_ms);
        reload_settings(&serving->reload, now_of(serving));
        service_ready(&serving->service, now_of(serving).monotonic_ms);
    }
}

/* The store failed: nobody is told anything any more; a restart recovers what is on the disk. */
static void fail(struct serving *serving) {
    serving->status = say_failure(ERR_STORAGE_FAILED, serving->data.database,
                                  sqlite_store_cause(serving->data.store), NULL, NULL);
    end(serving);
}

/* --- the end of each round ----------------------------------------------------------------- */

static void carry_output(const struct server_output *output) {
    struct peer *peer = output->data;
    if (output->bytes.size > 0 && connection_write(peer->connection, output->bytes) != OK) {
        connection_close(peer->connection, false); /* it does not read, or is gone */
        return;
    }
    connection_pause(peer->connection, output->pause);
    if (output->close) {
        connection_close(peer->connection, true);
    }
}

static void on_tick(uv_timer_t *timer) {
    struct serving *serving = timer->data;
    server_tick(serving->server, now_of(serving));
}

static void arm_tick(struct serving *serving) {
    uint64_t deadline = server_deadline(serving->server);
    uint64_t now = now_of(serving).monotonic_ms;
    uint64_t wait = deadline > now ? deadline - now : 0;
    (void)uv_timer_start(&serving->tick, on_tick, wait < 60000 ? wait : 60000, 0);
}

static void on_round(uv_check_t *check) {
    struct serving *serving = check->data;
    struct server_output output;
    if (serving->is_over) {
        return;
    }
    while (server_next_output(serving->server, &output)) {
        carry_output(&output);
    }
    if (server_is_failed(serving->server)) {
        fail(serving);
        return;
    }
    struct store_batch *batch = server_take_batch(serving->server, now_of(serving));
    if (batch != NULL) {
        writer_give(&serving->writer, batch);
    }
    arm_tick(serving);
    if (serving->is_stopping && serving->connections == 0 && !server_is_busy(serving->server)) {
        end(serving);
    }
}

static void on_batch_done(void *context, struct store_batch *batch) {
    struct serving *serving = context;
    server_batch_done(serving->server, batch, batch->result, now_of(serving));
}

static void on_second(uv_timer_t *timer) {
    struct serving *serving = timer->data;
    uint64_t now_ms = now_of(serving).monotonic_ms;
    look_at_disk(serving);
    rotation_tick(&serving->rotation);
    service_tick(&serving->service, serving->server, now_ms);
    if (now_ms - serving->figures_said_ms >= FIGURES_MS) {
        say_figures(serving, now_ms);
    }
}

/* --- the start ----------------------------------------------------------------------------- */

static enum error make_server(struct serving *serving) {
    struct server_config config = settings_config(serving->reload.settings);
    memcpy(config.store_epoch, sqlite_store_epoch(serving->data.store), STORE_EPOCH_BYTES);
    config.log = say_alarm; /* disk full, damaged rows, a clock that jumped */
    config.log_context = &serving->logger;
    enum error error = server_new(&config, &serving->random, now_of(serving), &serving->server);
    serving->reload.server = serving->server;
    return error;
}

static int listen_on_all(struct serving *serving) {
    static const char *const everywhere[] = {"::"};
    const struct options *options = &serving->options;
    const char *const *binds = options->bind_count == 0 ? everywhere : options->binds;
    size_t count = options->bind_count == 0 ? 1 : options->bind_count;
    const struct listener_events events = {.context = serving,
                                           .accepted = on_accepted,
                                           .established = on_established,
                                           .received = on_received,
                                           .drained = on_drained,
                                           .closed = on_closed};
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

static void start_handles(struct serving *serving) {
    uv_loop_t *loop = &serving->loop;
    void *handles[] = {&serving->round,      &serving->tick,        &serving->disk,
                       &serving->stop_limit, &serving->interrupted, &serving->terminated,
                       &serving->hung_up};
    (void)uv_check_init(loop, &serving->round);
    (void)uv_timer_init(loop, &serving->tick);
    (void)uv_timer_init(loop, &serving->disk);
    (void)uv_timer_init(loop, &serving->stop_limit);
    (void)uv_signal_init(loop, &serving->interrupted);
    (void)uv_signal_init(loop, &serving->terminated);
    (void)uv_signal_init(loop, &serving->hung_up);
    for (size_t i = 0; i < sizeof(handles) / sizeof(handles[0]); i++) {
        ((uv_handle_t *)handles[i])->data = serving;
    }
    /* Started last, it runs before the listeners' own end of the round, so that what the core says
     * in a round leaves in it. */
    (void)uv_check_start(&serving->round, on_round);
    (void)uv_timer_start(&serving->disk, on_second, DISK_CHECK_MS, DISK_CHECK_MS);
    (void)uv_signal_start(&serving->interrupted, on_signal, SIGINT);
    (void)uv_signal_start(&serving->terminated, on_signal, SIGTERM);
    (void)uv_signal_start(&serving->hung_up, on_hangup, SIGHUP);
    on_second(&serving->disk);
    arm_tick(serving);
}

static enum error start_parts(struct serving *serving) {
    enum error error =
        writer_start(&serving->writer, &serving->loop, serving->data.store, serving, on_batch_done);
    serving->has_writer = error == OK;
    if (error == OK) {
        const struct admin_host host = {.server = serving->server,
                                        .clock = &serving->clock,
                                        .random = &serving->random,
                                        .address = serving->address,
                                        .spki_hash = serving->rotation.key_hash,
                                        .rotation = &serving->rotation,
                                        .settings = serving->reload.settings,
                                        .started_ms = now_of(serving).monotonic_ms};
        error = admin_open(&serving->loop, serving->data.socket, &host, &serving->admin);
    }
    return error;
}

/* The first invite, for the person at the terminal; it is on the disk before it is shown. */
static enum error first_invite(struct serving *serving, char link[LINK_MAX_CHARACTERS + 1]) {
    struct store_invite invite;
    enum error error =
        invite_make(&serving->random, tls_identity_hash(serving->data.identity), serving->address,
                    now_of(serving).wall_ms + INVITE_LIFE_MS, true, &invite, link);
    struct store_op *op = error == OK ? store_op_new(STORE_INVITE) : NULL;
    if (error != OK || op == NULL) {
        return error == OK ? ERR_MEMORY : error;
    }
    *op->invite = invite;
    struct store_batch batch = {.now_ms = now_of(serving).wall_ms, .first = op, .count = 1};
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

static int say_data(const struct serving *serving, enum error error) {
    const struct data *data = &serving->data;
    return say_failure(error, data->path, data->cause, data->detail, NULL);
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

static int start(struct serving *serving) {
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
    serving->figures_said_ms = now_of(serving).monotonic_ms;
    start_handles(serving);
    greet(serving, accounts > 0, shows_link ? link : NULL);
    service_ready(&serving->service, now_of(serving).monotonic_ms);
    return 0;
}

int serve(const struct options *given, struct settings *settings) {
    struct serving *serving = calloc(1, sizeof(*serving));
    unsigned long files = 0;
    if (serving == NULL) {
        return say_failure(ERR_MEMORY, NULL, "out of memory", NULL, NULL);
    }
    serving->options = settings_options(settings, given);
    const struct options *options = &serving->options;
    serving->clock = clock_system();
    serving->random = random_system();
    serving->logger = (struct logger){.clock = serving->clock,
                                      .as_json = options->log_json,
                                      .is_quiet = options->is_quiet,
                                      .is_verbose = options->is_verbose};
    unsigned long wanted = settings_files(settings);
    if (process_raise_files(wanted, &files) != OK) {
        char cause[CAUSE_MAX_BYTES];
        snprintf(cause, sizeof(cause),
                 "--max-clients %zu needs %lu open files, the system allows %lu",
                 options->max_clients, wanted, files);
        free(serving);
        return say_failure(ERR_USAGE, NULL, cause,
                           "Raise the limit (ulimit -n), or lower --max-clients.", NULL);
    }
    serving->reload =
        (struct reload){.given = given, .settings = settings, .logger = &serving->logger};
    service_begin(&serving->service, &serving->logger);
    serving->rotation = (struct rotation){
        .data = &serving->data, .clock = &serving->clock, .logger = &serving->logger};
    enum error error = data_init(&serving->data, options->data);
    if (error == OK) {
        error = data_open(&serving->data, true, &serving->random);
    }
    if (error == OK) {
        error = rotation_load(&serving->rotation);
    }
    require(uv_loop_init(&serving->loop) == 0);
    int status = error == OK ? start(serving) : say_data(serving, error);
    if (status != 0) {
        serving->status = status;
        for (size_t i = 0; i < serving->listener_count; i++) {
            listener_close(serving->listeners[i]);
        }
        if (serving->has_writer) {
            writer_stop(&serving->writer);
        }
    }
    (void)uv_run(&serving->loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&serving->loop);
    server_free(serving->server);
    data_close(&serving->data);
    status = serving->status;
    free(serving);
    return status;
}
