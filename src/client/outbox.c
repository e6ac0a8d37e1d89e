/* SPDX-License-Identifier: ISC */
/* What goes: messages become envelopes in ratchet order, are committed, leave, and stay in the
 * outbox until the server answers. */
#include "client/engine_inner.h"

#include "base/require.h"
#include "client/body.h"

#include <stdlib.h>
#include <string.h>

must_check enum error outbox_offer(struct engine *engine, size_t index, struct bytes envelope) {
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
        error = outbox_offer(engine, index, buffer_view(&envelope));
    }
    buffer_clear(&envelope);
    return error;
}

/* The job is over; those of the engine's own messages give their places to others. */
static void conclude(struct engine *engine, size_t index, const struct failure *failure) {
    struct job *job = &engine->jobs[index];
    job_conclude(job, failure);
    if (!body_is_for_people(job->result.message.kind)) {
        job_spare(engine, job);
    }
}

must_check enum error outbox_new_epoch(struct engine *engine) {
    uint32_t count = 0;
    enum error error = engine_write(engine);
    if (error == OK) {
        error = engine->store->outgoing_offer_all(engine->store->context, engine->now_ms, &count);
    }
    return error == OK && count > 0 ? jobs_load(engine, OUTGOING_SEALED) : error;
}

static enum error write_sealed(struct engine *engine, struct job *job, struct bytes text,
                               struct bytes envelope) {
    struct outgoing *message = &job->result.message;
    enum error error =
        message->row == 0
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
    struct buffer envelope;
    buffer_init(&envelope, ENVELOPE_MAX_BYTES);
    job_touch(engine, job);
    enum error error = seal_message(engine, session, &job->result.message, text, &envelope);
    if (error == OK) {
        error = write_sealed(engine, job, text, buffer_view(&envelope));
    }
    if (error == OK) {
        error = mark_contact(engine, &job->result.peer);
    }
    if (error == OK) {
        error = outbox_offer(engine, index, buffer_view(&envelope));
    }
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

/* Keys that have expired are waited for as long as the server would keep the message. */
static bool is_permanent(const struct engine *engine, const struct outgoing *message,
                         enum error error) {
    bool is_old = engine->now_ms > message->sent_ms + ENVELOPE_LIFE_MS;
    return (error == ERR_WAITING_FOR_KEYS && is_old) || error == ERR_NO_SUCH_USER ||
           error == ERR_NAME_INVALID || error == ERR_ENVELOPE_CONFLICT ||
           error == ERR_SELF_RECIPIENT;
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
    } else if (job->result.is_stored &&
               is_permanent(engine, &job->result.message, failure->error)) {
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

/* An unconfirmed session that holds a message without a receipt for a week leads nowhere (1.8). */
static enum error is_unanswered(struct engine *engine, const struct session_info *info,
                                bool *unanswered) {
    uint64_t before = engine->now_ms > UNANSWERED_MS ? engine->now_ms - UNANSWERED_MS : 0;
    *unanswered = false;
    return info->is_confirmed || engine->clock_is_wrong
               ? OK
               : engine->store->outgoing_is_overdue(engine->store->context, info->sid, before,
                                                    unanswered);
}

/* In a session that is there. ERR_NOT_FOUND: it is at its end. */
static enum error go_in(struct engine *engine, size_t index, struct stored_session *session) {
    bool unanswered = false;
    enum error error = is_unanswered(engine, &session->info, &unanswered);
    if (error != OK || unanswered) {
        engine->correspondents[engine->jobs[index].correspondent].is_unanswered = unanswered;
        return error == OK ? ERR_NOT_FOUND : error;
    }
    if (engine->jobs[index].is_repair && !session->info.is_own && !session->info.is_confirmed) {
        /* Old texts wait until the peer has proved itself. */
        conclude(engine, index, NULL);
        return duty_owe(engine, &session->info.peer, DUTY_REPAIR, NULL, engine->now_ms);
    }
    error = control_precede(engine, engine->jobs[index].correspondent, session,
                            engine->jobs[index].is_repair);
    return error == OK ? seal_text(engine, index, session) : error;
}

/* Whether the key that is pinned may be written to; a card that does not fit lets the server show
 * the right one. */
static enum error judge_peer(struct engine *engine, const struct job *job, bool *is_open) {
    const struct stored_peer *peer = &job->result.peer;
    const struct vouched *card = trust_card(engine, &peer->name);
    bool fits = card != NULL && peer->has_pin && trust_fits_card(card, peer->afp);
    bool is_bound_elsewhere = job->result.message.has_afp && peer->has_pin &&
                              memcmp(job->result.message.afp, peer->afp, HASH_BYTES) != 0;
    *is_open = peer->has_pin && (card == NULL || fits);
    if (is_bound_elsewhere || (peer->is_changed && (card == NULL || fits))) {
        return ERR_PEER_KEY_CHANGED;
    }
    return job->result.message.is_for_verified && !trust_is_verified(engine, peer)
               ? ERR_NOT_VERIFIED
               : OK;
}

/* Who was away for long may find several sessions that the peer has begun one after the other, and
 * given up: the answer has to go into the last one. */
static bool may_be_one_of_many(const struct engine *engine, const struct stored_session *session) {
    return !engine->is_caught_up && !session->info.is_own && session->state.chains_sent == 0;
}

/* Encrypts and sends one message, or finds out what it waits for. `*waits`: later ones to the same
 * person wait too. */
static enum error go(struct engine *engine, size_t index, bool *waits) {
    struct job *job = &engine->jobs[index];
    struct stored_peer *peer = &job->result.peer;
    struct stored_session *session = NULL;
    size_t correspondent = job->correspondent;
    bool is_open = false;
    enum error error = job_find_peer(engine, &job->result.message.to, peer);
    if (error != OK) {
        return error;
    }
    enum error refusal = judge_peer(engine, job, &is_open);
    if (refusal != OK) {
        return cannot_go_because(engine, job, refusal);
    }
    error = is_open ? sessions_active(engine, &peer->name, peer->afp, &session) : ERR_NOT_FOUND;
    if (error == OK && !engine->clock_is_wrong &&
        !engine->correspondents[correspondent].is_checked) {
        *waits = true;
        return handshake_check(engine, correspondent);
    }
    if (error == OK && may_be_one_of_many(engine, session)) {
        *waits = true;
        engine->wants_fetch = true;
        return OK;
    }
    if (error == OK) {
        error = go_in(engine, index, session);
    }
    if (error != ERR_NOT_FOUND) {
        return error;
    }
    if (engine->clock_is_wrong) {
        return cannot_go_because(engine, &engine->jobs[index], ERR_CLOCK_SKEW);
    }
    *waits = true;
    if (!engine->is_caught_up) {
        engine->wants_fetch = true;
        return OK;
    }
    return handshake_ask(engine, correspondent);
}

/* A ciphertext of an earlier connection goes as it is, unless its session is gone or has ended:
 * then it is encrypted again. */
static enum error go_sealed(struct engine *engine, size_t index) {
    struct job *job = &engine->jobs[index];
    struct session_info info;
    enum error error = job_find_peer(engine, &job->result.message.to, &job->result.peer);
    if (error == OK && job->result.peer.is_changed) {
        return cannot_go_because(engine, job, ERR_PEER_KEY_CHANGED);
    }
    if (error == OK) {
        error = sessions_find(engine, &job->result.message.to, job->result.message.afp,
                              job->result.message.sid, &info);
    }
    bool is_over = error == ERR_NOT_FOUND ||
                   (error == OK && !engine->clock_is_wrong && engine->now_ms > info.expires_ms);
    if (error != OK && error != ERR_NOT_FOUND) {
        return error;
    }
    if (!is_over) {
        return offer_again(engine, index);
    }
    struct outgoing message = job->result.message;
    error = repair_message(engine, &message);
    job = &engine->jobs[index];
    bool waits_for_repair = job->result.message.state == OUTGOING_REPAIR;
    if (error == OK && !job->result.is_done && !waits_for_repair) {
        conclude(engine, index, NULL);
    }
    return error;
}

static enum error advance(struct engine *engine, size_t index, bool *waits) {
    struct job *job = &engine->jobs[index];
    const struct failure *blocked = &engine->correspondents[job->correspondent].blocked;
    if (job->result.message.state == OUTGOING_SEALED) {
        return go_sealed(engine, index);
    }
    return blocked->error != OK ? cannot_go(engine, job, blocked) : go(engine, index, waits);
}

/* Takes the jobs in order: first those that are sealed, since their numbers come first. */
static enum error run_some(struct engine *engine, bool is_sealed, bool *waits) {
    enum error error = OK;
    for (size_t i = engine->first_open_job; error == OK && i < engine->job_count; i++) {
        const struct job *job = &engine->jobs[i];
        bool is_its_turn = (job->result.message.state == OUTGOING_SEALED) == is_sealed;
        if (job->result.is_done || job->is_in_flight || !is_its_turn || waits[job->correspondent]) {
            continue;
        }
        if (engine->sends_in_flight >= SENDS_IN_FLIGHT_MAX) {
            engine->is_backlogged = true;
            break;
        }
        error = advance(engine, i, &waits[job->correspondent]);
    }
    return error;
}

must_check enum error outbox_run(struct engine *engine) {
    bool *waits = calloc(engine->correspondent_count + 1, sizeof(*waits));
    if (waits == NULL) {
        return ERR_MEMORY;
    }
    engine->is_backlogged = false;
    enum error error = run_some(engine, true, waits);
    if (error == OK && !engine->is_backlogged) {
        error = run_some(engine, false, waits);
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
    static const struct bytes NOTHING = {0};
    struct job *job = &engine->jobs[index];
    struct outgoing *message = &job->result.message;
    engine->sends_in_flight--;
    engine->has_new_duties = true;
    if (job->is_dropped) {
        conclude(engine, index, NULL);
        return OK;
    }
    message->accepted_ms = message->accepted_ms == 0 ? engine->now_ms : message->accepted_ms;
    bool is_to_repair = message->state == OUTGOING_REPAIR; /* its session has failed meanwhile */
    message->state = is_to_repair ? OUTGOING_REPAIR : OUTGOING_ACCEPTED;
    enum error error = engine_write(engine);
    if (error == OK) {
        error = engine->store->outgoing_update(engine->store->context, message,
                                               message->delivered_ms > 0 ? &NOTHING : NULL);
    }
    if (error == OK && is_to_repair) {
        error = duty_owe(engine, &message->to, DUTY_REPAIR, NULL, engine->now_ms);
    }
    if (error == OK) {
        error = job_find_peer(engine, &message->to, &job->result.peer);
    }
    conclude(engine, index, NULL);
    return error;
}

/* What a refused message becomes: one for people that may pass later is kept in the way it came. */
static enum error put_back(struct engine *engine, struct job *job, bool may_pass) {
    static const struct bytes NOTHING = {0};
    struct outgoing *message = &job->result.message;
    bool is_kept = may_pass && (message->is_patient || job->is_repair);
    if (job->was_offered && message->accepted_ms > 0) {
        message->state = OUTGOING_ACCEPTED; /* it was there once; that it is not now is not news */
    } else if (!is_kept) {
        message->state = OUTGOING_FAILED;
    } else if (job->is_repair) {
        message->state = OUTGOING_REPAIR;
    } else {
        message->state = OUTGOING_QUEUED;
        message->turn = 0;
    }
    job->result.is_stored = is_kept;
    return engine->store->outgoing_update(engine->store->context, message, &NOTHING);
}

must_check enum error outbox_lose_number(struct engine *engine, const struct outgoing *message) {
    struct stored_session *session = NULL;
    struct chain_place place = {.number = message->number};
    memcpy(place.chain_id, message->chain_id, CHAIN_ID_BYTES);
    enum error error =
        engine->store->given_up_add(engine->store->context, &message->to, message->afp, &place);
    if (error == OK) {
        error = sessions_borrow(engine, &message->to, message->sid, &session);
    }
    if (error == OK) {
        session_full_next(&session->state);
        error = sessions_update(engine, session, NULL);
    }
    return error == ERR_NOT_FOUND ? OK : error;
}

static enum error give_up(struct engine *engine, struct job *job, bool may_pass,
                          uint64_t retry_ms) {
    struct outgoing *message = &job->result.message;
    engine->correspondents[job->correspondent].has_given_up = true;
    enum error error = engine_write(engine);
    if (error == OK) {
        error = outbox_lose_number(engine, message);
    }
    if (error != OK) {
        return error;
    }
    return body_is_for_people(message->kind)
               ? put_back(engine, job, may_pass)
               : control_take_back(engine, message, engine->now_ms + retry_ms);
}

static enum error tell_refused(struct engine *engine, const struct job *job, enum error refusal) {
    struct engine_notice notice = {.error = refusal,
                                   .peer = job->result.message.to,
                                   .has_id = true,
                                   .time_ms = job->result.message.sent_ms};
    memcpy(notice.msg_id, job->result.message.msg_id, MESSAGE_ID_BYTES);
    return engine_tell(engine, &notice);
}

must_check enum error outbox_refused(struct engine *engine, size_t index,
                                     const struct wire_error *answer) {
    struct job *job = &engine->jobs[index];
    struct failure failure;
    enum error error = OK;
    failure_set(&failure, answer->error, NULL);
    failure.retry_after_s = answer->retry_after_s;
    engine->sends_in_flight--;
    engine->has_new_duties = true;
    engine->correspondents[job->correspondent].blocked = failure;
    engine->correspondents[job->correspondent].blocked_ms = engine->now_ms;
    bool may_pass = error_retry(answer->error);
    if (job->is_dropped) {
        conclude(engine, index, NULL);
        return OK;
    }
    /* One that an earlier connection offered may have been accepted then: it is offered until that
     * is known. */
    bool is_lost = !(job->was_offered && may_pass);
    uint64_t retry_ms = answer->retry_after_s > 0 ? answer->retry_after_s * SECOND_MS : MINUTE_MS;
    if (is_lost && job->result.message.state != OUTGOING_REPAIR) {
        error = give_up(engine, job, may_pass, retry_ms);
    }
    bool is_news = !job->is_own && job->result.message.state == OUTGOING_FAILED &&
                   body_is_for_people(job->result.message.kind);
    if (error == OK && is_news) {
        error = tell_refused(engine, job, answer->error);
    }
    if (error == OK) {
        error = job_find_peer(engine, &job->result.message.to, &job->result.peer);
    }
    conclude(engine, index, &failure);
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
