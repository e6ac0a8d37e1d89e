/* SPDX-License-Identifier: ISC */
#include "libsotto/runner.h"

#include "libsotto/explain.h"
#include "libsotto/owner.h"

#include <string.h>

static uint64_t monotonic(const struct runner *runner) {
    return profile_time(runner->client);
}

static void on_write(void *context, struct bytes frames) {
    struct runner *runner = context;
    if (net_client_write(runner->net, frames) != OK) {
        net_client_close(runner->net);
    }
}

static void on_notice(void *context, const struct engine_notice *notice) {
    explain_notice(context, notice);
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
    bool was_open = engine_phase(runner->engine) == ENGINE_OPEN;
    engine_received(runner->engine, profile_now(runner->client), bytes);
    if (!was_open && engine_phase(runner->engine) == ENGINE_OPEN) {
        explain_clock(runner);
    }
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

/* Who somebody is by the cards that an administrator vouches for. */
static enum error take_cards(struct runner *runner) {
    struct sotto *client = runner->client;
    enum error error = client->account.is_registered ? cards_load(client) : OK;
    for (size_t i = 0; error == OK && i < client->cards.count; i++) {
        const struct vouched *card = &client->cards.list[i];
        error = engine_card(runner->engine, &card->name, card->fingerprint);
    }
    return error;
}

must_check enum error runner_engine(struct runner *runner) {
    const struct entropy entropy = entropy_system();
    const struct engine_events events = {.context = runner, .write = on_write, .notice = on_notice};
    runner->has_shown = false;
    runner->is_finished = false;
    enum error error = engine_new(runner->client->store, &entropy, &events, &runner->engine);
    return error == OK ? take_cards(runner) : error;
}

static void prepare(struct runner *runner, struct sotto *client) {
    struct runner empty = {.client = client,
                           .is_closed = true,
                           .wake_ms = UINT64_MAX,
                           .has_taken_lock = !client->is_owner};
    *runner = empty;
    client->cause[0] = '\0';
}

must_check enum error runner_init(struct runner *runner, struct sotto *client) {
    prepare(runner, client);
    enum error error = profile_own(client);
    return error == OK ? runner_engine(runner) : error;
}

must_check enum error runner_try(struct runner *runner, struct sotto *client) {
    prepare(runner, client);
    enum error error = profile_own_now(client);
    return error == OK ? runner_engine(runner) : error;
}

static enum error need_loop(struct runner *runner) {
    if (runner->has_loop) {
        return OK;
    }
    if (uv_loop_init(&runner->loop) != 0) {
        return ERR_MEMORY;
    }
    runner->has_loop = true;
    return uv_timer_init(&runner->loop, &runner->timer) == 0 ? OK : ERR_MEMORY;
}

must_check enum error runner_serve(struct runner *runner) {
    bool is_lenders = runner->client->loan.handle >= 0;
    if (is_lenders || !runner->has_taken_lock) {
        return OK;
    }
    enum error error = need_loop(runner);
    return error == OK ? owner_open(runner, &runner->owner) : error;
}

void runner_shut(struct runner *runner) {
    owner_shut(runner->owner);
}

/* Begins to connect to what `pin` allows. */
static enum error begin(struct runner *runner, const struct server_pin *pin) {
    const struct server_address *server = &engine_account(runner->engine)->server;
    const struct net_client_events events = {
        .context = runner, .connected = on_connected, .received = on_received, .closed = on_closed};
    enum error error = need_loop(runner);
    if (error == OK) {
        error = net_client_connect(&runner->loop, server->host, server->port, pin,
                                   runner->client->timeout_ms, &events, &runner->net);
        runner->is_closed = error != OK;
    }
    return error;
}

must_check enum error runner_connect(struct runner *runner) {
    const struct account *account = engine_account(runner->engine);
    struct server_pin pin = {.bits = account->server_bits, .has_next = account->has_next_key};
    memcpy(pin.hash, account->server_hash, sizeof(pin.hash));
    memcpy(pin.next, account->next_key, sizeof(pin.next));
    runner->is_probe = pin.bits == 0;
    runner->connections++;
    engine_fetch(runner->engine);
    return begin(runner, &pin);
}

must_check enum error runner_probe(struct runner *runner) {
    const struct server_pin any = {.bits = 0};
    runner->is_probe = true;
    return begin(runner, &any);
}

static uint64_t smaller(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

static uint64_t wait_of(const struct runner *runner, uint64_t until_ms) {
    uint64_t now = monotonic(runner);
    uint64_t wall = profile_now(runner->client);
    uint64_t due = runner->engine == NULL ? UINT64_MAX : engine_deadline(runner->engine);
    uint64_t wake = smaller(smaller(until_ms, runner->wake_ms), owner_deadline(runner->owner));
    uint64_t wait = wake > now ? wake - now : 0;
    return due == UINT64_MAX ? wait : smaller(wait, due > wall ? due - wall : 0);
}

void runner_turn(struct runner *runner, uint64_t until_ms) {
    uv_update_time(&runner->loop);
    if (uv_timer_start(&runner->timer, on_timer, wait_of(runner, until_ms) + 1, 0) == 0) {
        uv_run(&runner->loop, UV_RUN_ONCE);
    }
    uv_timer_stop(&runner->timer);
    if (runner->engine != NULL) {
        engine_tick(runner->engine, profile_now(runner->client));
    }
    owner_turn(runner->owner);
}

void runner_run(struct runner *runner, runner_done_fn *done, void *context, uint64_t until_ms,
                bool is_patient) {
    uint64_t frames = engine_frames(runner->engine);
    uint64_t progress = monotonic(runner);
    bool was_idle = false;
    while (engine_phase(runner->engine) != ENGINE_OVER && !done(context)) {
        uint64_t now = monotonic(runner);
        bool is_idle = is_patient && engine_is_settled(runner->engine);
        if (engine_frames(runner->engine) != frames || (was_idle && !is_idle)) {
            frames = engine_frames(runner->engine);
            progress = now; /* nobody was silent who was not asked */
        }
        was_idle = is_idle;
        bool is_silent = now - progress >= runner->client->timeout_ms;
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
        runner_turn(runner, smaller(until_ms, progress + patience));
    }
}

void runner_pause(struct runner *runner) {
    uint64_t now = monotonic(runner);
    if (runner->has_loop) {
        runner_turn(runner, runner->wake_ms);
    } else if (runner->wake_ms > now) {
        uv_sleep((unsigned)smaller(runner->wake_ms - now, SECOND_MS));
    }
}

static bool is_at_rest(void *context) {
    const struct runner *runner = context;
    return engine_is_at_rest(runner->engine);
}

void runner_finish(struct runner *runner) {
    if (runner->net == NULL || engine_phase(runner->engine) != ENGINE_OPEN || runner->is_finished) {
        return;
    }
    runner->is_finished = true;
    engine_wind_up(runner->engine, profile_now(runner->client));
    runner_run(runner, is_at_rest, runner, monotonic(runner) + WIND_UP_MS, true);
}

static bool are_others_done(void *context) {
    const struct runner *runner = context;
    return owner_is_settled(runner->owner);
}

void runner_settle(struct runner *runner) {
    if (runner->net != NULL && runner->engine != NULL) {
        runner_run(runner, are_others_done, runner, UINT64_MAX, true);
    }
    owner_turn(runner->owner); /* the last answers */
}

void runner_part(struct runner *runner) {
    if (runner->net != NULL) {
        net_client_close(runner->net);
    }
    while (!runner->is_closed) {
        uv_run(&runner->loop, UV_RUN_ONCE);
    }
    owner_part(runner->owner);
    engine_free(runner->engine);
    runner->engine = NULL;
}

/* Who was not answered leaves before the lock is free, and finds it so. */
void runner_clear(struct runner *runner) {
    runner_shut(runner);
    runner_settle(runner);
    runner_finish(runner);
    runner_part(runner);
    owner_close(runner->owner);
    runner->owner = NULL;
    if (runner->has_loop) {
        uv_close((uv_handle_t *)&runner->timer, NULL);
        uv_run(&runner->loop, UV_RUN_DEFAULT);
        int rc = uv_loop_close(&runner->loop);
        (void)rc; /* everything on it was closed above */
        runner->has_loop = false;
    }
    if (runner->has_taken_lock) {
        profile_release(runner->client);
    }
}
