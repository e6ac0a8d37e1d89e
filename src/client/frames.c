/* SPDX-License-Identifier: ISC */
/* What the server says: bytes become frames, frames find the request that they answer and the file
 * that knows what they mean. */
#include "client/engine_inner.h"

#include "base/require.h"

#include <string.h>

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
    case REQUEST_RENEW:
        return renewal_failed(engine, error);
    case REQUEST_PUBLISH:
        failure_set(&engine->failure, error->error, "prekeys");
        engine->failure.retry_after_s = error->retry_after_s;
        return error->error;
    case REQUEST_USERS:
    case REQUEST_CERTIFICATE:
    case REQUEST_PING:
    case REQUEST_LEAVE:
        answered(engine, error);
        return OK;
    }
    return engine_protocol(engine, "an answer to nothing");
}

/* While logging in waits for a renewal, WELCOME has already come. */
static enum wire_state state_of(const struct engine *engine) {
    return engine->phase == ENGINE_OPEN || engine->login.is_renewing ? WIRE_STATE_OPEN
                                                                     : WIRE_STATE_LOGIN;
}

static enum error handle_error(struct engine *engine, const struct wire_frame *frame) {
    struct wire_error message;
    struct request request;
    if (wire_read_error(frame->body, &message) != OK) {
        return engine_protocol(engine, "a malformed error");
    }
    if (frame->request != 0 && state_of(engine) == WIRE_STATE_OPEN) {
        return take_request(engine, frame->request, &request)
                   ? request_failed(engine, &request, &message)
                   : engine_protocol(engine, "an answer to nothing");
    }
    if (frame->request != 0) {
        return login_refused(engine, frame->request, &message);
    }
    login_failed(engine, &message);
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
    if (request.kind == REQUEST_RENEW) {
        return renewal_done(engine);
    }
    if (request.kind == REQUEST_PING || request.kind == REQUEST_LEAVE) {
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
    if (wire_read_certificate(frame->body, &certificate) != OK) {
        return engine_protocol(engine, "a malformed certificate");
    }
    if (state_of(engine) == WIRE_STATE_LOGIN) {
        return login_certificate(engine, frame->request, certificate);
    }
    if (!take_request(engine, frame->request, &request)) {
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
    if (!wire_allowed(state_of(engine), WIRE_TO_CLIENT, frame->type)) {
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
        struct wire_frame frame;
        size_t used = 0;
        enum error error = wire_frame_cut(*stream, wire_frame_max(state_of(engine), WIRE_TO_CLIENT),
                                          &frame, &used);
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
must_check enum error frames_take(struct engine *engine, struct bytes bytes) {
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
