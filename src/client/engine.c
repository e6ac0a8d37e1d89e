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
    buffer_init(&made->in, 2 * FRAME_MAX_BYTES);
    buffer_init(&made->out, OUTPUT_MAX_BYTES);
    enum error error = account_load(store, &made->account);
    if (error == OK) {
        error = device_load(store, made->account.cid, &made->device);
        error = error == ERR_NOT_FOUND ? ERR_STORE_BROKEN : error;
    }
    made->own = device_view(&made->device);
    if (error == OK) {
        error = outbox_load(made);
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
    buffer_clear(&engine->in);
    buffer_clear(&engine->out);
    free(engine->jobs);
    free(engine->correspondents);
    free(engine->notices);
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

must_check enum error engine_tell(struct engine *engine, const struct engine_notice *notice) {
    if (engine->notice_count == engine->notice_capacity) {
        size_t capacity = engine->notice_capacity == 0 ? 8 : 2 * engine->notice_capacity;
        struct engine_notice *grown = realloc(engine->notices, capacity * sizeof(*grown));
        if (grown == NULL) {
            return ERR_MEMORY;
        }
        engine->notices = grown;
        engine->notice_capacity = capacity;
    }
    engine->notices[engine->notice_count++] = *notice;
    return OK;
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
    engine->phase = ENGINE_OVER;
    outbox_closed(engine, engine->failure.error, engine->failure.cause);
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
    if (engine->out.size > 0) {
        engine->events.write(engine->events.context, buffer_view(&engine->out));
        buffer_reset(&engine->out);
    }
    for (size_t i = 0; i < engine->notice_count; i++) {
        engine->events.notice(engine->events.context, &engine->notices[i]);
    }
    engine->notice_count = 0;
}

must_check enum error engine_end(struct engine *engine, enum error error) {
    bool is_result = error_is_listed(error) && error != ERR_STORE_BROKEN;
    engine_finish(engine, is_result ? OK : error);
    return engine->phase == ENGINE_OVER ? engine->failure.error : error;
}

void engine_fetch(struct engine *engine) {
    engine->wants_fetch = true;
}

void engine_pin_server(struct engine *engine, const uint8_t hash[HASH_BYTES]) {
    engine->account.server_bits = 8 * HASH_BYTES;
    memcpy(engine->account.server_hash, hash, HASH_BYTES);
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
    if (engine->is_asking) {
        engine->is_asking = false;
        engine->answer.is_done = true;
        failure_set(&engine->answer.failure, error == OK ? ERR_CONNECTION_LOST : error, cause);
    }
}

void engine_tick(struct engine *engine, uint64_t now_ms) {
    if (engine->phase == ENGINE_OVER || now_ms < engine->release_at_ms) {
        return;
    }
    engine->now_ms = now_ms;
    engine_finish(engine, inbox_release_all(engine));
}

uint64_t engine_deadline(const struct engine *engine) {
    return engine->release_at_ms;
}

/* ---- frames
 * --------------------------------------------------------------------------------------- */

must_check enum error engine_request(struct engine *engine, enum request_kind kind, size_t subject,
                                     uint32_t *number) {
    require(engine->request_count < PENDING_REQUESTS_MAX);
    *number = ++engine->last_request;
    engine->requests[engine->request_count++] =
        (struct request){.number = *number, .kind = kind, .subject = subject};
    return OK;
}

/* The request that a frame answers; it is over then. */
static bool take_request(struct engine *engine, uint32_t number, struct request *request) {
    for (size_t i = 0; i < engine->request_count; i++) {
        if (engine->requests[i].number == number) {
            *request = engine->requests[i];
            memmove(&engine->requests[i], &engine->requests[i + 1],
                    (engine->request_count - i - 1) * sizeof(*request));
            engine->request_count--;
            return true;
        }
    }
    return false;
}

static void answered(struct engine *engine, const struct wire_error *error) {
    engine->is_asking = false;
    engine->answer.is_done = true;
    if (error != NULL) {
        engine->answer.failure.error = error->error;
        engine->answer.failure.retry_after_s = error->retry_after_s;
    }
}

static enum error request_failed(struct engine *engine, const struct request *request,
                                 const struct wire_error *error) {
    switch (request->kind) {
    case REQUEST_SEND:
        return outbox_refused(engine, request->subject, error);
    case REQUEST_BUNDLE:
        return handshake_refused(engine, request->subject, error);
    case REQUEST_CHECK:
        return handshake_unchecked(engine, request->subject, error);
    case REQUEST_PUBLISH:
        failure_set(&engine->failure, error->error, "prekeys");
        engine->failure.retry_after_s = error->retry_after_s;
        return error->error;
    case REQUEST_USERS:
    case REQUEST_CERTIFICATE:
    case REQUEST_PING:
        answered(engine, error);
        return OK;
    }
    return engine_protocol(engine, "an answer to nothing");
}

static enum error handle_error(struct engine *engine, const struct wire_frame *frame) {
    struct wire_error message;
    struct request request;
    if (wire_read_error(frame->body, &message) != OK) {
        return engine_protocol(engine, "a malformed error");
    }
    if (frame->request != 0 && engine->phase == ENGINE_OPEN) {
        return take_request(engine, frame->request, &request)
                   ? request_failed(engine, &request, &message)
                   : engine_protocol(engine, "an answer to nothing");
    }
    /* About the connection as a whole, or the login: it ends here. */
    failure_set(&engine->failure, message.error, NULL);
    size_t size =
        message.detail.size < ERROR_DETAIL_MAX_BYTES ? message.detail.size : ERROR_DETAIL_MAX_BYTES;
    if (size > 0) {
        memcpy(engine->failure.cause, message.detail.data, size);
    }
    engine->failure.retry_after_s = message.retry_after_s;
    return message.error;
}

static enum error handle_done(struct engine *engine, const struct wire_frame *frame) {
    struct request request;
    if (wire_read_empty(frame->body) != OK || !take_request(engine, frame->request, &request)) {
        return engine_protocol(engine, "an answer to nothing");
    }
    if (request.kind == REQUEST_PUBLISH) {
        return login_published(engine);
    }
    if (request.kind == REQUEST_PING) {
        answered(engine, NULL);
        return OK;
    }
    return engine_protocol(engine, "an answer of another kind");
}

static enum error handle_accepted(struct engine *engine, const struct wire_frame *frame) {
    struct request request;
    if (wire_read_empty(frame->body) != OK || !take_request(engine, frame->request, &request) ||
        request.kind != REQUEST_SEND) {
        return engine_protocol(engine, "an acceptance of nothing");
    }
    return outbox_accepted(engine, request.subject);
}

static enum error handle_certificate(struct engine *engine, const struct wire_frame *frame) {
    struct request request;
    struct bytes certificate;
    if (wire_read_certificate(frame->body, &certificate) != OK ||
        !take_request(engine, frame->request, &request)) {
        return engine_protocol(engine, "a certificate that was not asked for");
    }
    if (request.kind == REQUEST_CHECK) {
        return handshake_certificate(engine, request.subject, certificate);
    }
    if (request.kind != REQUEST_CERTIFICATE) {
        return engine_protocol(engine, "a certificate that was not asked for");
    }
    memcpy(engine->certificate, certificate.data, CERTIFICATE_BYTES);
    engine->answer.certificate = bytes_of(engine->certificate);
    answered(engine, NULL);
    return OK;
}

static enum error handle_bundle(struct engine *engine, const struct wire_frame *frame) {
    struct request request;
    struct bytes bundle;
    if (wire_read_bundle(frame->body, &bundle) != OK ||
        !take_request(engine, frame->request, &request) || request.kind != REQUEST_BUNDLE) {
        return engine_protocol(engine, "a bundle that was not asked for");
    }
    return handshake_bundle(engine, request.subject, bundle);
}

static enum error handle_users(struct engine *engine, const struct wire_frame *frame) {
    struct request request;
    if (wire_read_users(frame->body, &engine->users) != OK ||
        !take_request(engine, frame->request, &request) || request.kind != REQUEST_USERS) {
        return engine_protocol(engine, "a directory that was not asked for");
    }
    engine->answer.users = &engine->users;
    answered(engine, NULL);
    return OK;
}

static enum error handle_deliver(struct engine *engine, const struct wire_frame *frame) {
    struct wire_deliver deliver;
    if (!engine->has_fetched || frame->request != 0 ||
        wire_read_deliver(frame->body, &deliver) != OK) {
        return engine_protocol(engine, "a delivery that was not asked for");
    }
    return inbox_deliver(engine, &deliver);
}

static enum error handle_caught_up(struct engine *engine, const struct wire_frame *frame) {
    if (!engine->has_fetched || engine->is_caught_up || wire_read_empty(frame->body) != OK) {
        return engine_protocol(engine, "an end of nothing");
    }
    engine->is_caught_up = true;
    return OK;
}

static enum error handle_welcome(struct engine *engine, const struct wire_frame *frame) {
    struct wire_welcome welcome;
    if (frame->request != engine->last_request || wire_read_welcome(frame->body, &welcome) != OK) {
        return engine_protocol(engine, "a malformed welcome");
    }
    return login_welcome(engine, &welcome);
}

static enum error handle(struct engine *engine, const struct wire_frame *frame) {
    enum wire_state state = engine->phase == ENGINE_OPEN ? WIRE_STATE_OPEN : WIRE_STATE_LOGIN;
    if (!wire_allowed(state, WIRE_TO_CLIENT, frame->type)) {
        return engine_protocol(engine, "a message out of place");
    }
    switch (frame->type) {
    case WIRE_WELCOME:
        return handle_welcome(engine, frame);
    case WIRE_DONE:
        return handle_done(engine, frame);
    case WIRE_ACCEPTED:
        return handle_accepted(engine, frame);
    case WIRE_CERTIFICATE:
        return handle_certificate(engine, frame);
    case WIRE_BUNDLE:
        return handle_bundle(engine, frame);
    case WIRE_USERS:
        return handle_users(engine, frame);
    case WIRE_DELIVER:
        return handle_deliver(engine, frame);
    case WIRE_CAUGHT_UP:
        return handle_caught_up(engine, frame);
    case WIRE_ERROR:
        return handle_error(engine, frame);
    default:
        return engine_protocol(engine, "an unknown message");
    }
}

/* Handles the whole frames at the front of `*stream` and moves it past them. */
static enum error handle_frames(struct engine *engine, struct bytes *stream) {
    for (;;) {
        enum wire_state state = engine->phase == ENGINE_OPEN ? WIRE_STATE_OPEN : WIRE_STATE_LOGIN;
        struct wire_frame frame;
        size_t used = 0;
        enum error error =
            wire_frame_cut(*stream, wire_frame_max(state, WIRE_TO_CLIENT), &frame, &used);
        if (error == ERR_WAIT) {
            return OK;
        }
        if (error != OK) {
            return engine_protocol(engine, "a malformed frame");
        }
        engine->frames++;
        error = handle(engine, &frame);
        if (error != OK) {
            return error;
        }
        *stream = bytes_make(stream->data + used, stream->size - used);
    }
}

/* Adds bytes in pieces that fit, so that any amount may come at once. */
static enum error take_in(struct engine *engine, struct bytes bytes) {
    while (bytes.size > 0) {
        size_t room = engine->in.cap - engine->in.size;
        size_t size = bytes.size < room ? bytes.size : room;
        require(size > 0);
        enum error error = buffer_append(&engine->in, bytes_make(bytes.data, size));
        if (error != OK) {
            return error;
        }
        bytes = bytes_make(bytes.data + size, bytes.size - size);
        struct bytes stream = buffer_view(&engine->in);
        error = handle_frames(engine, &stream);
        buffer_consume(&engine->in, engine->in.size - stream.size);
        if (error != OK) {
            return error;
        }
    }
    return OK;
}

void engine_received(struct engine *engine, uint64_t now_ms, struct bytes bytes) {
    if (engine->phase != ENGINE_LOGIN && engine->phase != ENGINE_OPEN) {
        return;
    }
    engine->now_ms = now_ms;
    enum error error = take_in(engine, bytes);
    if (error == OK && engine->phase == ENGINE_OPEN) {
        error = outbox_run(engine);
    }
    if (error == OK && engine->phase == ENGINE_OPEN && engine->wants_fetch) {
        error = inbox_fetch(engine);
    }
    engine_finish(engine, error);
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

void engine_ping(struct engine *engine) {
    uint32_t number = 0;
    enum error error = ask(engine, REQUEST_PING, &number);
    if (error == OK) {
        error = wire_write_empty(&engine->out, WIRE_PING, number);
    }
    engine_finish(engine, error);
}

const struct answer *engine_answer(const struct engine *engine) {
    return &engine->answer;
}

/* ---- state
 * ---------------------------------------------------------------------------------------- */

enum engine_phase engine_phase(const struct engine *engine) {
    return engine->phase;
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

const struct send_result *engine_result(const struct engine *engine, size_t number) {
    require(number < engine->job_count);
    return &engine->jobs[number].result;
}
