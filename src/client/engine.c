/* SPDX-License-Identifier: ISC */
#include "client/engine_inner.h"

#include "base/require.h"

#include <stdlib.h>
#include <string.h>

void failure_set(struct failure *failure, enum error error, const char *cause) {
    memset(failure, 0, sizeof(*failure));
    failure->error = error;
    if (cause != NULL) {
        size_t size = strlen(cause);
        size = size < sizeof(failure->cause) ? size : sizeof(failure->cause) - 1;
        memcpy(failure->cause, cause, size);
    }
}

must_check enum error engine_new(const struct client_store *store, const struct entropy *entropy,
                                 const struct engine_events *events, struct engine **engine) {
    struct engine *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return ERR_MEMORY;
    }
    made->store = store;
    made->entropy = *entropy;
    made->events = *events;
    made->release_at_ms = UINT64_MAX;
    made->next_duty_ms = UINT64_MAX;
    made->maintain_at_ms = UINT64_MAX;
    made->has_new_duties = true;
    buffer_init(&made->in, 2 * FRAME_MAX_BYTES);
    buffer_init(&made->out, OUTPUT_MAX_BYTES);
    enum error error = account_load(store, &made->account);
    if (error == OK) {
        error = device_load(store, made->account.cid, &made->device);
        error = error == ERR_NOT_FOUND ? ERR_STORE_BROKEN : error;
    }
    made->own = device_view(&made->device);
    if (error == OK) {
        error = jobs_load(made, OUTGOING_SEALED);
    }
    if (error == OK) {
        error = jobs_load(made, OUTGOING_QUEUED);
    }
    if (error != OK) {
        engine_free(made);
        return error;
    }
    *engine = made;
    return OK;
}

void engine_free(struct engine *engine) {
    if (engine == NULL) {
        return;
    }
    if (engine->in_transaction) {
        engine->store->rollback(engine->store->context);
    }
    for (size_t i = 0; i < engine->job_count; i++) {
        buffer_clear(&engine->jobs[i].text);
    }
    sessions_clear(engine);
    device_clear(&engine->device);
    devices_forget(engine);
    buffer_clear(&engine->in);
    buffer_clear(&engine->out);
    free(engine->vouched);
    free(engine->jobs);
    free(engine->correspondents);
    free(engine->notices);
    wipe(engine, sizeof(*engine)); /* the invite, and what ties a login to its connection */
    free(engine);
}

/* ---- one event
 * ------------------------------------------------------------------------------------ */

must_check enum error engine_write(struct engine *engine) {
    if (engine->in_transaction) {
        return OK;
    }
    enum error error = engine->store->begin(engine->store->context);
    engine->in_transaction = error == OK;
    return error;
}

must_check enum error engine_protocol(struct engine *engine, const char *cause) {
    failure_set(&engine->failure, ERR_PROTOCOL_ERROR, cause);
    return ERR_PROTOCOL_ERROR;
}

must_check enum error engine_grow(void **items, size_t size, size_t count, size_t *capacity) {
    if (count < *capacity) {
        return OK;
    }
    size_t larger = *capacity == 0 ? 16 : 2 * *capacity;
    void *grown = realloc(*items, larger * size);
    if (grown == NULL) {
        return ERR_MEMORY;
    }
    *items = grown;
    *capacity = larger;
    return OK;
}

must_check enum error engine_tell(struct engine *engine, const struct engine_notice *notice) {
    void *items = engine->notices;
    enum error error = engine_grow(&items, sizeof(*engine->notices), engine->notice_count,
                                   &engine->notice_capacity);
    engine->notices = items;
    if (error == OK) {
        engine->notices[engine->notice_count++] = *notice;
    }
    return error;
}

must_check enum error engine_tell_peer(struct engine *engine, enum error error,
                                       const struct user_name *peer, const char *cause) {
    const struct engine_notice notice = {
        .error = error, .peer = *peer, .time_ms = engine->now_ms, .cause = cause};
    return engine_tell(engine, &notice);
}

static enum error commit(struct engine *engine) {
    if (!engine->in_transaction) {
        return OK;
    }
    enum error error = engine->store->commit(engine->store->context);
    if (error == OK) {
        engine->in_transaction = false;
    }
    return error;
}

static void tell_all(struct engine *engine) {
    for (size_t i = 0; i < engine->notice_count; i++) {
        engine->events.notice(engine->events.context, &engine->notices[i]);
    }
    engine->notice_count = 0;
}

/* The connection ends: what earlier events gave up is told now or never. */
static void tell_last(struct engine *engine) {
    enum error error = waiting_tell_lost(engine);
    if (error != OK && engine->failure.error == OK) {
        failure_set(&engine->failure, error, NULL);
    }
    tell_all(engine);
}

static void give_up(struct engine *engine, enum error error) {
    if (engine->in_transaction) {
        engine->store->rollback(engine->store->context);
        engine->in_transaction = false;
    }
    if (engine->failure.error == OK) {
        failure_set(&engine->failure, error, NULL);
    }
    buffer_reset(&engine->out);
    engine->notice_count = 0;
    waiting_settle_lost(engine, false);
    jobs_settle(engine, false);
    engine->phase = ENGINE_OVER;
    outbox_closed(engine, engine->failure.error, engine->failure.cause);
    tell_last(engine);
}

/* Ends an event: commit first, then what it has to say. */
void engine_finish(struct engine *engine, enum error error) {
    if (error == OK) {
        error = inbox_acknowledge(engine);
    }
    if (error == OK) {
        error = commit(engine);
    }
    if (error != OK) {
        give_up(engine, error);
        return;
    }
    waiting_settle_lost(engine, true);
    jobs_settle(engine, true);
    if (engine->out.size > 0) {
        engine->events.write(engine->events.context, buffer_view(&engine->out));
        buffer_reset(&engine->out);
    }
    tell_all(engine);
}

must_check enum error engine_end(struct engine *engine, enum error error) {
    bool is_result = error_is_listed(error) && error != ERR_STORE_BROKEN;
    engine_finish(engine, is_result ? OK : error);
    return engine->phase == ENGINE_OVER ? engine->failure.error : error;
}

void engine_fetch(struct engine *engine) {
    engine->wants_fetch = true;
}

uint64_t engine_frames(const struct engine *engine) {
    return engine->frames;
}

void engine_connected(struct engine *engine, uint64_t now_ms, const uint8_t exporter[32]) {
    require(engine->phase == ENGINE_IDLE);
    engine->now_ms = now_ms;
    engine->phase = ENGINE_LOGIN;
    engine_finish(engine, login_start(engine, exporter));
}

void engine_closed(struct engine *engine, uint64_t now_ms, enum error error, const char *cause) {
    engine->now_ms = now_ms;
    if (engine->phase == ENGINE_OVER) {
        return;
    }
    engine->phase = ENGINE_OVER;
    failure_set(&engine->failure, error, cause);
    outbox_closed(engine, error, cause);
    tell_last(engine);
    if (engine->is_asking) {
        engine->is_asking = false;
        engine->answer.is_done = true;
        failure_set(&engine->answer.failure, error == OK ? ERR_CONNECTION_LOST : error, cause);
    }
}

/* What follows from an event: what is owed first, since it may make messages to send. */
must_check enum error engine_work(struct engine *engine) {
    bool is_over = engine->is_caught_up || engine->is_winding_up;
    enum error error = is_over ? waiting_tell_lost(engine) : OK;
    if (error == OK && engine->phase == ENGINE_OPEN) {
        error = duties_run(engine);
    }
    if (error == OK && engine->phase == ENGINE_OPEN) {
        error = outbox_run(engine);
    }
    if (error == OK && engine->phase == ENGINE_OPEN && engine->wants_fetch) {
        error = inbox_fetch(engine);
    }
    return error;
}

static uint64_t smaller(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

uint64_t engine_deadline(const struct engine *engine) {
    bool is_open = engine->phase == ENGINE_OPEN;
    uint64_t owed = is_open && engine->is_caught_up ? engine->next_duty_ms : UINT64_MAX;
    uint64_t upkeep = is_open ? engine->maintain_at_ms : UINT64_MAX;
    return smaller(engine->release_at_ms, smaller(owed, upkeep));
}

void engine_tick(struct engine *engine, uint64_t now_ms) {
    if (engine->phase == ENGINE_OVER || now_ms < engine_deadline(engine)) {
        return;
    }
    engine->now_ms = now_ms;
    enum error error = OK;
    if (now_ms >= engine->release_at_ms) {
        error = inbox_release_all(engine);
    }
    if (error == OK && engine->phase == ENGINE_OPEN && now_ms >= engine->maintain_at_ms) {
        error = login_upkeep(engine);
        if (error == OK) {
            error = engine_maintain(engine);
        }
    }
    if (now_ms >= engine->next_duty_ms) {
        engine->has_new_duties = true;
    }
    engine_finish(engine, error == OK ? engine_work(engine) : error);
}

void engine_wind_up(struct engine *engine, uint64_t now_ms) {
    engine->is_winding_up = true;
    engine->has_new_duties = true;
    if (engine->phase != ENGINE_OPEN) {
        return;
    }
    engine->now_ms = now_ms;
    engine_finish(engine, engine_work(engine));
}

void engine_received(struct engine *engine, uint64_t now_ms, struct bytes bytes) {
    if (engine->phase != ENGINE_LOGIN && engine->phase != ENGINE_OPEN) {
        return;
    }
    engine->now_ms = now_ms;
    enum error error = frames_take(engine, bytes);
    engine_finish(engine, error == OK ? engine_work(engine) : error);
}

must_check enum error engine_card(struct engine *engine, const struct user_name *name,
                                  const uint8_t fingerprint[PIN_BYTES]) {
    void *items = engine->vouched;
    enum error error = engine_grow(&items, sizeof(*engine->vouched), engine->vouched_count,
                                   &engine->vouched_capacity);
    engine->vouched = items;
    if (error != OK) {
        return error;
    }
    struct vouched *added = &engine->vouched[engine->vouched_count++];
    added->name = *name;
    memcpy(added->fingerprint, fingerprint, PIN_BYTES);
    return OK;
}

/* ---- questions
 * ------------------------------------------------------------------------------------ */

static enum error ask(struct engine *engine, enum request_kind kind, uint32_t *number) {
    require(engine->phase == ENGINE_OPEN && !engine->is_asking);
    memset(&engine->answer, 0, sizeof(engine->answer));
    engine->is_asking = true;
    return engine_request(engine, kind, 0, number);
}

void engine_ask_users(struct engine *engine, struct bytes pattern, struct bytes after) {
    uint32_t number = 0;
    const struct wire_list_users message = {.pattern = pattern, .after = after};
    enum error error = ask(engine, REQUEST_USERS, &number);
    if (error == OK) {
        error = wire_write_list_users(&engine->out, number, &message);
    }
    engine_finish(engine, error);
}

void engine_ask_certificate(struct engine *engine, const struct user_name *name) {
    uint32_t number = 0;
    enum error error = ask(engine, REQUEST_CERTIFICATE, &number);
    if (error == OK) {
        error = wire_write_name(&engine->out, WIRE_GET_CERTIFICATE, number, name);
    }
    engine_finish(engine, error);
}

static void ask_empty(struct engine *engine, enum request_kind kind, enum wire_type type) {
    uint32_t number = 0;
    enum error error = ask(engine, kind, &number);
    if (error == OK) {
        error = wire_write_empty(&engine->out, type, number);
    }
    engine_finish(engine, error);
}

void engine_ping(struct engine *engine) {
    ask_empty(engine, REQUEST_PING, WIRE_PING);
}

void engine_ask_leave(struct engine *engine) {
    ask_empty(engine, REQUEST_LEAVE, WIRE_LEAVE);
}

const struct answer *engine_answer(const struct engine *engine) {
    return &engine->answer;
}

/* ---- state
 * ---------------------------------------------------------------------------------------- */

enum engine_phase engine_phase(const struct engine *engine) {
    return engine->phase;
}

bool engine_has_asked(const struct engine *engine) {
    return engine->login.tries > 0;
}

const struct failure *engine_failure(const struct engine *engine) {
    return &engine->failure;
}

const struct account *engine_account(const struct engine *engine) {
    return &engine->account;
}

const struct wire_welcome *engine_welcome(const struct engine *engine) {
    return &engine->welcome;
}

bool engine_is_settled(const struct engine *engine) {
    return engine->phase == ENGINE_OPEN && engine->publishes == 0 && !engine->is_asking &&
           engine->first_open_job == engine->job_count;
}

bool engine_is_at_rest(const struct engine *engine) {
    return engine_is_settled(engine) && engine->is_caught_up && engine->bundles_in_flight == 0 &&
           !engine->has_new_duties;
}

const struct send_result *engine_result(const struct engine *engine, size_t number) {
    require(number < engine->job_count);
    return &engine->jobs[number].result;
}

bool engine_clock_is_wrong(const struct engine *engine) {
    return engine->clock_is_wrong;
}
