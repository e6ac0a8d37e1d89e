/* SPDX-License-Identifier: ISC */
/* When a session has failed, what was encrypted in it and has no receipt is encrypted again in the
 * next one: the same msg_id, the same time of writing. docs/PROTOCOL.md 1.8. */
#include "client/engine_inner.h"

#include <string.h>

static enum error give_up_number(struct engine *engine, const struct outgoing *message) {
    struct chain_place place = {.number = message->number};
    memcpy(place.chain_id, message->chain_id, CHAIN_ID_BYTES);
    for (size_t i = 0; i < engine->correspondent_count; i++) {
        if (user_name_equal(&engine->correspondents[i].name, &message->to)) {
            engine->correspondents[i].has_given_up = true;
        }
    }
    return engine->store->given_up_add(engine->store->context, &message->to, message->afp, &place);
}

must_check enum error repair_message(struct engine *engine, struct outgoing *message) {
    static const struct bytes NOTHING = {0};
    struct job *job = job_open(engine, message->row);
    bool is_old = engine->now_ms > message->sent_ms + ENVELOPE_LIFE_MS;
    enum error error = engine_write(engine);
    if (error == OK && message->accepted_ms == 0) {
        error = give_up_number(engine, message);
    }
    if (error != OK) {
        return error;
    }
    if (!body_is_for_people(message->kind)) {
        if (job != NULL) {
            job->is_dropped = true;
        }
        if (job != NULL && !job->is_in_flight) {
            job_conclude(job, NULL);
        }
        /* What the server has may arrive, and a receipt does no harm twice; the rest is said again
         * when it has not even come to the server. */
        bool is_said_again = message->accepted_ms == 0 || message->kind == BODY_DELIVERED;
        return is_said_again ? control_take_back(engine, message, engine->now_ms)
                             : engine->store->outgoing_delete(engine->store->context, message->row);
    }
    message->state = is_old ? OUTGOING_ACCEPTED : OUTGOING_REPAIR;
    error = engine->store->outgoing_update(engine->store->context, message, &NOTHING);
    if (job != NULL) {
        job->result.message = *message;
        job->is_repair = true;
        engine->correspondents[job->correspondent].is_repairing = true;
    }
    return error == OK && !is_old
               ? duty_owe(engine, &message->to, DUTY_REPAIR, NULL, engine->now_ms)
               : error;
}

must_check enum error repair_failed(struct engine *engine, const struct user_name *peer,
                                    const uint8_t afp[HASH_BYTES], const uint8_t *keep) {
    const struct client_store *store = engine->store;
    struct outgoing message = {.row = 0};
    enum error error = OK;
    while (error == OK) {
        error = store->outgoing_sealed(store->context, peer, afp, message.row, &message);
        bool is_kept = keep != NULL && memcmp(message.sid, keep, SESSION_ID_BYTES) == 0;
        if (error == OK && !is_kept) {
            error = repair_message(engine, &message);
        }
    }
    return error == ERR_NOT_FOUND ? OK : error;
}

must_check enum error repair_load(struct engine *engine, const struct user_name *peer) {
    struct outgoing message = {.row = 0};
    enum error error = OK;
    while (error == OK) {
        size_t index = 0;
        error = engine->store->outgoing_next(engine->store->context, OUTGOING_REPAIR, message.turn,
                                             message.row, &message);
        if (error == OK && user_name_equal(&message.to, peer) &&
            job_open(engine, message.row) == NULL) {
            error = job_add(engine, &message, &index);
            if (error == OK) {
                struct job *job = &engine->jobs[index];
                job->is_repair = true;
                engine->correspondents[job->correspondent].is_repairing = true;
            }
        }
    }
    return error == ERR_NOT_FOUND ? OK : error;
}

must_check enum error repair_resume(struct engine *engine) {
    struct outgoing message = {.row = 0};
    struct user_name last = {{0}};
    enum error error = OK;
    while (error == OK) {
        error = engine->store->outgoing_next(engine->store->context, OUTGOING_REPAIR, message.turn,
                                             message.row, &message);
        if (error == OK && !user_name_equal(&message.to, &last)) {
            last = message.to;
            error = duty_owe(engine, &message.to, DUTY_REPAIR, NULL, engine->now_ms);
        }
    }
    return error == ERR_NOT_FOUND ? OK : error;
}
