/* SPDX-License-Identifier: ISC */
/* What goes: messages become envelopes in ratchet order, are committed, leave, and stay in the
 * outbox until the server answers. */
#include "client/engine_inner.h"

#include "base/require.h"
#include "client/body.h"

#include <stdlib.h>
#include <string.h>

static enum error offer(struct engine *engine, size_t index, struct bytes envelope) {
    struct job *job = &engine->jobs[index];
    struct wire_send message = {.to = job->result.message.to, .envelope = envelope};
    uint32_t number = 0;
    memcpy(message.envelope_id, job->result.message.envelope_id, ENVELOPE_ID_BYTES);
    enum error error = engine_request(engine, REQUEST_SEND, index, &number);
    if (error == OK) {
        job->is_in_flight = true;
        engine->sends_in_flight++;
        error = wire_write_send(&engine->out, number, &message);
    }
    return error;
}

static enum error offer_again(struct engine *engine, size_t index) {
    struct buffer envelope;
    buffer_init(&envelope, ENVELOPE_MAX_BYTES);
    enum error error = engine->store->outgoing_envelope(
        engine->store->context, engine->jobs[index].result.message.row, &envelope);
    if (error == OK) {
        error = offer(engine, index, buffer_view(&envelope));
    }
    buffer_clear(&envelope);
    return error;
}

static enum error write_sealed(struct engine *engine, struct job *job, struct bytes text,
                               struct bytes envelope) {
    struct outgoing *message = &job->result.message;
    message->state = OUTGOING_SEALED;
    enum error error =
        engine->entropy.fill(engine->entropy.context, message->envelope_id, ENVELOPE_ID_BYTES);
    if (error != OK) {
        return error;
    }
    error = message->row == 0
                ? engine->store->outgoing_add(engine->store->context, message, text, envelope)
                : engine->store->outgoing_update(engine->store->context, message, &envelope);
    job->result.is_stored = error == OK;
    return error;
}

static enum error mark_contact(struct engine *engine, struct stored_peer *peer) {
    if (peer->is_contact) {
        return OK;
    }
    peer->is_contact = true;
    return engine->store->peer_put(engine->store->context, peer);
}

/* Seals the text in the session; ratchet state and envelope go into one transaction. ERR_NOT_FOUND:
 * the session is at its end. */
static enum error seal(struct engine *engine, size_t index, struct stored_session *session,
                       struct bytes text) {
    struct job *job = &engine->jobs[index];
    struct outgoing *message = &job->result.message;
    struct buffer body;
    struct buffer envelope;
    buffer_init(&body, BODY_MAX_BYTES);
    buffer_init(&envelope, ENVELOPE_MAX_BYTES);
    enum error error = engine_write(engine);
    if (error == OK && message->row == 0) {
        error = job_next_sent(engine, &message->sent_ms);
    }
    if (error == OK) {
        error = body_write_text(&body, message->msg_id, message->sent_ms, text);
    }
    if (error == OK) {
        error = session_seal(&session->state, &engine->own, &engine->entropy, engine->now_ms,
                             buffer_view(&body), &envelope, message->chain_id, &message->number);
        if (error == ERR_EXPIRED || error == ERR_LIMIT || error == ERR_MISMATCH) {
            error = ERR_NOT_FOUND;
        }
    }
    if (error == OK) {
        memcpy(message->sid, session->info.sid, SESSION_ID_BYTES);
        memcpy(message->afp, session->info.afp, HASH_BYTES);
        message->has_afp = true;
        error = sessions_update(engine, session, NULL);
    }
    if (error == OK) {
        error = write_sealed(engine, job, text, buffer_view(&envelope));
    }
    if (error == OK) {
        error = mark_contact(engine, &job->result.peer);
    }
    if (error == OK) {
        error = offer(engine, index, buffer_view(&envelope));
    }
    buffer_clear(&body);
    buffer_clear(&envelope);
    return error;
}

static enum error seal_text(struct engine *engine, size_t index, struct stored_session *session) {
    struct job *job = &engine->jobs[index];
    struct buffer text;
    if (job->result.message.row == 0) {
        return seal(engine, index, session, buffer_view(&job->text));
    }
    buffer_init(&text, TEXT_MAX_BYTES);
    enum error error =
        engine->store->outgoing_text(engine->store->context, job->result.message.row, &text);
    if (error == OK) {
        error = seal(engine, index, session, buffer_view(&text));
    }
    buffer_clear(&text);
    return error;
}

static bool is_permanent(enum error error) {
    return error == ERR_NO_SUCH_USER || error == ERR_NAME_INVALID ||
           error == ERR_ENVELOPE_CONFLICT || error == ERR_SELF_RECIPIENT;
}

/* The message can't go now: a patient one stays where it is, an impatient one is as if it had never
 * been. */
static enum error cannot_go(struct engine *engine, struct job *job, const struct failure *failure) {
    enum error error = job_find_peer(engine, &job->result.message.to, &job->result.peer);
    if (error != OK) {
        return error;
    }
    if (!job->result.is_stored && failure->error == ERR_WAITING_FOR_KEYS) {
        error = job_enqueue(engine, job, &job->result.peer);
    } else if (job->result.is_stored && is_permanent(failure->error)) {
        struct engine_notice notice = {.error = failure->error,
                                       .peer = job->result.message.to,
                                       .has_id = true,
                                       .time_ms = job->result.message.sent_ms};
        memcpy(notice.msg_id, job->result.message.msg_id, MESSAGE_ID_BYTES);
        job->result.message.state = OUTGOING_FAILED;
        job->result.is_stored = false;
        error = engine_write(engine);
        if (error == OK) {
            error =
                engine->store->outgoing_update(engine->store->context, &job->result.message, NULL);
        }
        if (error == OK && !job->is_own) {
            error = engine_tell(engine, &notice);
        }
    }
    job_conclude(job, failure);
    return error;
}

static enum error cannot_go_because(struct engine *engine, struct job *job, enum error reason) {
    struct failure failure;
    failure_set(&failure, reason, NULL);
    return cannot_go(engine, job, &failure);
}

/* Encrypts and sends one message, or finds out what it waits for. `*waits`: later ones to the same
 * person wait too. */
static enum error go(struct engine *engine, size_t index, bool *waits) {
    struct job *job = &engine->jobs[index];
    struct stored_peer *peer = &job->result.peer;
    struct stored_session *session = NULL;
    enum error error = job_find_peer(engine, &job->result.message.to, peer);
    if (error != OK) {
        return error;
    }
    bool is_bound_elsewhere = job->result.message.has_afp && peer->has_pin &&
                              memcmp(job->result.message.afp, peer->afp, HASH_BYTES) != 0;
    if (peer->is_changed || is_bound_elsewhere) {
        return cannot_go_because(engine, job, ERR_PEER_KEY_CHANGED);
    }
    error =
        peer->has_pin ? sessions_active(engine, &peer->name, peer->afp, &session) : ERR_NOT_FOUND;
    if (error == OK && !engine->clock_is_wrong &&
        !engine->correspondents[job->correspondent].is_checked) {
        *waits = true;
        return handshake_check(engine, job->correspondent);
    }
    if (error == OK) {
        error = seal_text(engine, index, session);
    }
    if (error != ERR_NOT_FOUND) {
        return error;
    }
    if (engine->clock_is_wrong) {
        return cannot_go_because(engine, job, ERR_CLOCK_SKEW);
    }
    *waits = true;
    if (!engine->is_caught_up) {
        engine->wants_fetch = true;
        return OK;
    }
    return handshake_ask(engine, job->correspondent);
}

static enum error advance(struct engine *engine, size_t index, bool *waits) {
    struct job *job = &engine->jobs[index];
    const struct failure *blocked = &engine->correspondents[job->correspondent].blocked;
    if (job->result.message.state == OUTGOING_SEALED) {
        return offer_again(engine, index);
    }
    return blocked->error != OK ? cannot_go(engine, job, blocked) : go(engine, index, waits);
}

must_check enum error outbox_run(struct engine *engine) {
    enum error error = OK;
    bool *waits = calloc(engine->correspondent_count + 1, sizeof(*waits));
    if (waits == NULL) {
        return ERR_MEMORY;
    }
    for (size_t i = engine->first_open_job; error == OK && i < engine->job_count; i++) {
        const struct job *job = &engine->jobs[i];
        if (job->result.is_done || job->is_in_flight || waits[job->correspondent]) {
            continue;
        }
        if (engine->sends_in_flight == SENDS_IN_FLIGHT_MAX) {
            break;
        }
        error = advance(engine, i, &waits[job->correspondent]);
    }
    free(waits);
    while (engine->first_open_job < engine->job_count &&
           engine->jobs[engine->first_open_job].result.is_done) {
        engine->first_open_job++;
    }
    return error;
}

/* ---- answers
 * -------------------------------------------------------------------------------------- */

must_check enum error outbox_accepted(struct engine *engine, size_t index) {
    struct job *job = &engine->jobs[index];
    const struct bytes nothing = {0};
    engine->sends_in_flight--;
    job->result.message.state = OUTGOING_ACCEPTED;
    enum error error = engine_write(engine);
    if (error == OK) {
        error =
            engine->store->outgoing_update(engine->store->context, &job->result.message, &nothing);
    }
    if (error == OK) {
        error = job_find_peer(engine, &job->result.message.to, &job->result.peer);
    }
    job_conclude(job, NULL);
    return error;
}

/* The number in the chain is lost: the next message carries a whole header. */
static enum error give_up(struct engine *engine, struct job *job, bool is_kept) {
    struct outgoing *message = &job->result.message;
    struct stored_session *session = NULL;
    const struct bytes nothing = {0};
    enum error error = engine_write(engine);
    if (error == OK) {
        error = sessions_borrow(engine, &message->to, message->sid, &session);
    }
    if (error == OK) {
        session_full_next(&session->state);
        error = sessions_update(engine, session, NULL);
    }
    if (error == OK || error == ERR_NOT_FOUND) {
        message->state = is_kept ? OUTGOING_QUEUED : OUTGOING_FAILED;
        job->result.is_stored = is_kept;
        error = engine->store->outgoing_update(engine->store->context, message, &nothing);
    }
    return error;
}

must_check enum error outbox_refused(struct engine *engine, size_t index,
                                     const struct wire_error *answer) {
    struct job *job = &engine->jobs[index];
    struct failure failure;
    enum error error = OK;
    failure_set(&failure, answer->error, NULL);
    failure.retry_after_s = answer->retry_after_s;
    engine->sends_in_flight--;
    engine->correspondents[job->correspondent].blocked = failure;
    bool may_pass = error_retry(answer->error);
    /* One that an earlier connection offered may have been accepted then: it is offered until that
     * is known. */
    if (!(job->was_offered && may_pass)) {
        error = give_up(engine, job, job->result.message.is_patient && may_pass);
    }
    if (error == OK && !job->is_own && !may_pass) {
        struct engine_notice notice = {.error = answer->error,
                                       .peer = job->result.message.to,
                                       .has_id = true,
                                       .time_ms = job->result.message.sent_ms};
        memcpy(notice.msg_id, job->result.message.msg_id, MESSAGE_ID_BYTES);
        error = engine_tell(engine, &notice);
    }
    if (error == OK) {
        error = job_find_peer(engine, &job->result.message.to, &job->result.peer);
    }
    job_conclude(job, &failure);
    return error;
}

void outbox_closed(struct engine *engine, enum error error, const char *cause) {
    for (size_t i = engine->first_open_job; i < engine->job_count; i++) {
        struct job *job = &engine->jobs[i];
        struct failure failure;
        bool is_out = job->result.message.state == OUTGOING_SEALED && job->result.is_stored;
        if (job->result.is_done) {
            continue;
        }
        failure_set(&failure,
                    is_out        ? ERR_SEND_UNKNOWN
                    : error == OK ? ERR_CONNECTION_LOST
                                  : error,
                    cause);
        if (!is_out) {
            failure.retry_after_s = engine->failure.retry_after_s;
        }
        job_conclude(job, &failure);
    }
    engine->first_open_job = engine->job_count;
}
