/* SPDX-License-Identifier: ISC */
#include "sottod/serve.h"

#include "base/require.h"
#include "crypto/entropy.h"
#include "platform/process.h"
#include "sottod/serving.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    DISK_CHECK_MS = 1000,
    FIGURES_MS = 60 * 1000,
    STOP_MAX_MS = 5000,
};

enum { DISK_LOOK_MS = 10 };

/* One connection as the core and the listener know it. */
struct peer {
    struct serving *serving;
    struct connection *connection;
    uint64_t number;
};

struct moment serving_now(const struct serving *serving) {
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
    if (server_open(serving->server, address->bytes, address->is_v4, peer, serving_now(serving),
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
    server_established(serving->server, peer->number, exporter, serving_now(serving));
}

/* Before a message is taken there has to be room for it: looked at often, and not for each message.
 */
static void look_at_disk(struct serving *serving) {
    uint64_t bytes = 0;
    uint64_t now_ms = serving_now(serving).monotonic_ms;
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
    server_receive(serving->server, peer->number, bytes, serving_now(serving));
}

static void on_tick(uv_timer_t *timer);

/* Output leaves when on_round has been: what comes of that is for another round. */
static void on_drained(void *context, void *data) {
    struct serving *serving = context;
    const struct peer *peer = data;
    server_drained(serving->server, peer->number, serving_now(serving));
    if (server_has_work(serving->server)) {
        (void)uv_timer_start(&serving->tick, on_tick, 0, 0);
    }
}

static void on_closed(void *context, void *data) {
    struct serving *serving = context;
    server_closed(serving->server, ((struct peer *)data)->number, serving_now(serving));
    serving->connections--;
    free(data);
}

struct listener_events serving_events(struct serving *serving) {
    return (struct listener_events){.context = serving,
                                    .accepted = on_accepted,
                                    .established = on_established,
                                    .received = on_received,
                                    .drained = on_drained,
                                    .closed = on_closed};
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
    say_rest(&serving->logger, true);
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
    say_figures(serving, serving_now(serving).monotonic_ms);
    server_shut_down(serving->server, ERR_SHUTTING_DOWN, serving_now(serving));
    (void)uv_timer_start(&serving->stop_limit, on_stop_limit, STOP_MAX_MS, 0);
}

static void on_hangup(uv_signal_t *handle, int number) {
    struct serving *serving = handle->data;
    (void)number;
    if (!serving->is_stopping) {
        service_reloading(&serving->service, serving_now(serving).monotonic_ms);
        reload_settings(&serving->reload, serving_now(serving));
        service_ready(&serving->service, serving_now(serving).monotonic_ms);
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

/* The loop sleeps between its timers and the end of the round: it shall not before on_round, which
 * sets the timer anew, has seen what came of this. */
static void on_tick(uv_timer_t *timer) {
    struct serving *serving = timer->data;
    server_tick(serving->server, serving_now(serving));
    (void)uv_timer_start(timer, on_tick, 1, 0);
}

static void arm_tick(struct serving *serving) {
    uint64_t deadline = server_deadline(serving->server);
    uint64_t now = serving_now(serving).monotonic_ms;
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
    struct store_batch *batch = server_take_batch(serving->server, serving_now(serving));
    if (batch != NULL) {
        writer_give(&serving->writer, batch);
    }
    arm_tick(serving);
    if (serving->is_stopping && serving->connections == 0 && !server_is_busy(serving->server)) {
        end(serving);
    }
}

void serving_batch_done(void *context, struct store_batch *batch) {
    struct serving *serving = context;
    if (batch->is_written) {
        latency_add(&serving->commits, batch->took_us);
    }
    server_batch_done(serving->server, batch, batch->result, serving_now(serving));
}

static void on_second(uv_timer_t *timer) {
    struct serving *serving = timer->data;
    uint64_t now_ms = serving_now(serving).monotonic_ms;
    look_at_disk(serving);
    say_rest(&serving->logger, false);
    rotation_tick(&serving->rotation);
    service_tick(&serving->service, serving->server, now_ms);
    if (now_ms - serving->figures_said_ms >= FIGURES_MS) {
        say_figures(serving, now_ms);
    }
}

/* --- from the start to the last round --- */

void serving_begin(struct serving *serving) {
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

static int say_data(const struct serving *serving, enum error error) {
    const struct data *data = &serving->data;
    return say_failure(error, data->path, data->cause, data->detail, NULL);
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
    serving->logger =
        (struct logger){.clock = serving->clock,
                        .as_json = options->log_json,
                        .with_addresses = settings->values[SETTING_LOG_ADDRESSES] == 1,
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
    int status = error == OK ? serving_start(serving) : say_data(serving, error);
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
