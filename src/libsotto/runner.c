/* SPDX-License-Identifier: ISC */
#include "libsotto/runner.h"

#include "client/body.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static uint64_t monotonic(const struct runner *runner) {
    return runner->client->clock.monotonic_ms(runner->client->clock.context);
}

static void on_write(void *context, struct bytes frames) {
    struct runner *runner = context;
    if (net_client_write(runner->net, frames) != OK) {
        net_client_close(runner->net);
    }
}

static void on_notice(void *context, const struct engine_notice *notice) {
    struct runner *runner = context;
    struct sotto *client = runner->client;
    struct report report = profile_report(client, "");
    struct sotto_error told;
    char id[SOTTO_ID_SIZE] = "";
    if (client->notice == NULL) {
        return;
    }
    if (notice->has_id) {
        body_id_text(notice->msg_id, id);
    }
    report.peer = notice->peer.text;
    report.cause = notice->cause;
    report.id = id;
    report.time_ms = notice->time_ms;
    report_notice(&told, notice->error, &report);
    client->notice(client->context, &told);
}

static void on_connected(void *context, const uint8_t exporter[EXPORTER_BYTES],
                         const uint8_t spki_hash[SPKI_HASH_BYTES]) {
    struct runner *runner = context;
    if (runner->is_probe) {
        memcpy(runner->shown_hash, spki_hash, SPKI_HASH_BYTES);
        runner->has_shown = true;
        net_client_close(runner->net);
        return;
    }
    if (engine_phase(runner->engine) != ENGINE_IDLE) {
        return; /* it took too long and was given up */
    }
    engine_pin_server(runner->engine, spki_hash);
    engine_connected(runner->engine, profile_now(runner->client), exporter);
}

static void on_received(void *context, struct bytes bytes) {
    struct runner *runner = context;
    engine_received(runner->engine, profile_now(runner->client), bytes);
}

static void on_closed(void *context, enum error error, const char *cause,
                      const uint8_t spki_hash[SPKI_HASH_BYTES]) {
    struct runner *runner = context;
    runner->net = NULL;
    runner->is_closed = true;
    if (spki_hash != NULL && !runner->has_shown) {
        memcpy(runner->shown_hash, spki_hash, SPKI_HASH_BYTES);
    }
    error = runner->has_shown ? ERR_INPUT_REQUIRED : error;
    engine_closed(runner->engine, profile_now(runner->client), error, cause);
}

static void on_timer(uv_timer_t *timer) {
    (void)timer; /* it only wakes the loop */
}

must_check enum error runner_init(struct runner *runner, struct sotto *client) {
    const struct entropy entropy = entropy_system();
    const struct engine_events events = {.context = runner, .write = on_write, .notice = on_notice};
    struct runner empty = {
        .client = client, .is_closed = true, .has_taken_lock = !client->is_owner};
    *runner = empty;
    enum error error = profile_own(client);
    return error == OK ? engine_new(client->store, &entropy, &events, &runner->engine) : error;
}

must_check enum error runner_connect(struct runner *runner) {
    const struct account *account = engine_account(runner->engine);
    struct server_pin pin = {.bits = account->server_bits};
    const struct net_client_events events = {
        .context = runner, .connected = on_connected, .received = on_received, .closed = on_closed};
    memcpy(pin.hash, account->server_hash, sizeof(pin.hash));
    runner->is_probe = pin.bits == 0;
    if (uv_loop_init(&runner->loop) != 0) {
        return ERR_MEMORY;
    }
    runner->has_loop = true;
    if (uv_timer_init(&runner->loop, &runner->timer) != 0) {
        return ERR_MEMORY;
    }
    enum error error = net_client_connect(&runner->loop, account->server.host, account->server.port,
                                          &pin, runner->client->timeout_ms, &events, &runner->net);
    runner->is_closed = error != OK;
    return error;
}

static uint64_t smaller(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

/* One round of the loop, at most until `wake_ms` or the engine's next deadline. */
static void turn(struct runner *runner, uint64_t wake_ms) {
    uint64_t now = monotonic(runner);
    uint64_t wait = wake_ms > now ? wake_ms - now : 0;
    uint64_t due = engine_deadline(runner->engine);
    uint64_t wall = profile_now(runner->client);
    if (due != UINT64_MAX) {
        wait = smaller(wait, due > wall ? due - wall : 0);
    }
    uv_update_time(&runner->loop);
    if (uv_timer_start(&runner->timer, on_timer, wait + 1, 0) == 0) {
        uv_run(&runner->loop, UV_RUN_ONCE);
    }
    uv_timer_stop(&runner->timer);
    engine_tick(runner->engine, profile_now(runner->client));
}

void runner_run(struct runner *runner, runner_done_fn *done, void *context, uint64_t until_ms,
                bool is_patient) {
    uint64_t frames = engine_frames(runner->engine);
    uint64_t progress = monotonic(runner);
    while (engine_phase(runner->engine) != ENGINE_OVER && !done(context)) {
        uint64_t now = monotonic(runner);
        if (engine_frames(runner->engine) != frames) {
            frames = engine_frames(runner->engine);
            progress = now;
        }
        bool is_silent = now - progress >= runner->client->timeout_ms;
        bool is_idle = is_patient && engine_is_settled(runner->engine);
        if (now >= until_ms) {
            return;
        }
        if (is_silent && !is_idle) {
            engine_closed(runner->engine, profile_now(runner->client), ERR_CONNECTION_LOST,
                          "no answer in time");
            return;
        }
        if (is_idle && now - progress >= PING_EVERY_MS) {
            engine_ping(runner->engine);
            progress = now;
        }
        uint64_t patience = is_idle ? (uint64_t)PING_EVERY_MS : runner->client->timeout_ms;
        turn(runner, smaller(until_ms, progress + patience));
    }
}

void runner_clear(struct runner *runner) {
    if (runner->net != NULL) {
        net_client_close(runner->net);
    }
    while (!runner->is_closed) {
        uv_run(&runner->loop, UV_RUN_ONCE);
    }
    if (runner->has_loop) {
        uv_close((uv_handle_t *)&runner->timer, NULL);
        uv_run(&runner->loop, UV_RUN_DEFAULT);
        int rc = uv_loop_close(&runner->loop);
        (void)rc; /* everything on it was closed above */
        runner->has_loop = false;
    }
    engine_free(runner->engine);
    runner->engine = NULL;
    if (runner->has_taken_lock) {
        profile_release(runner->client);
    }
}

static void print_key(const uint8_t hash[SPKI_HASH_BYTES], char *out, size_t size) {
    uint8_t pin[PIN_BYTES];
    pin_of_hash(hash, pin);
    pin_print(pin, out, size);
}

static void print_time(uint64_t wall_ms, char *out, size_t size) {
    time_t seconds = (time_t)(wall_ms / SECOND_MS);
    struct tm parts;
    if (gmtime_r(&seconds, &parts) == NULL ||
        strftime(out, size, "%Y-%m-%d %H:%M UTC", &parts) == 0) {
        snprintf(out, size, "out of range");
    }
}

int runner_fail(struct runner *runner, const struct failure *failure, struct report report,
                struct sotto_error *error) {
    char known[SOTTO_KEY_SIZE];
    char shown[SOTTO_KEY_SIZE];
    char here[32];
    char there[32];
    if (failure->cause[0] != '\0') {
        report.cause = failure->cause;
    }
    report.retry_after_s = failure->retry_after_s;
    if (failure->error == ERR_SERVER_KEY_CHANGED) {
        print_key(engine_account(runner->engine)->server_hash, known, sizeof(known));
        print_key(runner->shown_hash, shown, sizeof(shown));
        report.known = known;
        report.shown = shown;
    }
    if (failure->error == ERR_CLOCK_SKEW) {
        print_time(profile_now(runner->client), here, sizeof(here));
        print_time(engine_welcome(runner->engine)->server_time_ms, there, sizeof(there));
        report.detail = here;
        report.cause = there;
    }
    char store_it[128];
    if (failure->error == ERR_SERVER_UNREACHABLE && report.peer != NULL) {
        snprintf(store_it, sizeof(store_it), "Or store it:   sotto send --queue %s \"...\"",
                 report.peer);
        report.detail = store_it;
    }
    if (failure->error == ERR_NO_COMMON_VERSION) {
        report.detail = WIRE_ALPN;
    }
    if (failure->error == ERR_INPUT_REQUIRED) {
        report.cause = "the server's key";
        report.detail = "--key FINGERPRINT, or --accept-new-key";
    }
    enum error what = failure->error == OK ? ERR_CONNECTION_LOST : failure->error;
    return report_error(error, what, &report);
}
