/* SPDX-License-Identifier: ISC */
/* One message becomes a ciphertext. What the session becomes by it is written in the transaction
 * that stores the ciphertext, before it leaves: no message key is ever used twice. */
#include "client/engine_inner.h"

#include <string.h>

/* The head of a chain that is old may have expired in the queue while its reader was away, and
 * nothing of the chain can be opened without it: the first message of a connection shows it again.
 */
static enum error show_head(struct engine *engine, struct stored_session *session) {
    size_t correspondent = 0;
    enum error error = job_correspondent(engine, &session->info.peer, &correspondent);
    if (error == OK && !engine->correspondents[correspondent].is_headed) {
        engine->correspondents[correspondent].is_headed = true;
        if (engine->now_ms >= session->info.chain_ms + HEAD_AGAIN_MS) {
            session_full_next(&session->state);
        }
    }
    return error;
}

static enum error encrypt(struct engine *engine, struct stored_session *session,
                          struct outgoing *message, struct bytes content, struct buffer *envelope) {
    const struct own_device *own = NULL;
    struct buffer body;
    buffer_init(&body, BODY_MAX_BYTES);
    enum error error = body_write(&body, (enum body_kind)message->kind, message->msg_id,
                                  message->sent_ms, message->life_s, content);
    if (error == OK) {
        error = devices_borrow(engine, session->state.own_cid, &own);
    }
    if (error == OK) {
        error = session_seal(&session->state, own, &engine->entropy, engine->now_ms,
                             buffer_view(&body), envelope, message->chain_id, &message->number);
        if (error == ERR_EXPIRED || error == ERR_LIMIT || error == ERR_MISMATCH) {
            error = ERR_NOT_FOUND;
        }
    }
    buffer_clear(&body);
    return error;
}

must_check enum error seal_message(struct engine *engine, struct stored_session *session,
                                   struct outgoing *message, struct bytes content,
                                   struct buffer *envelope) {
    uint64_t tick = 0;
    enum error error = engine_write(engine);
    if (error == OK) {
        error = job_next_sent(engine, &tick);
    }
    if (error == OK) {
        error = job_keep_sent(engine);
    }
    if (error != OK) {
        return error;
    }
    message->sent_ms = message->sent_ms == 0 ? tick : message->sent_ms;
    error = show_head(engine, session);
    if (error != OK) {
        return error;
    }
    error = encrypt(engine, session, message, content, envelope);
    if (error != OK) {
        return error;
    }
    if (message->number == 0) {
        session->info.chain_ms = engine->now_ms;
    }
    message->state = OUTGOING_SEALED;
    message->turn = tick;
    message->accepted_ms = 0; /* of this ciphertext */
    message->offers = 0;
    message->has_afp = true;
    memcpy(message->sid, session->info.sid, SESSION_ID_BYTES);
    memcpy(message->afp, session->info.afp, HASH_BYTES);
    error = engine->entropy.fill(engine->entropy.context, message->envelope_id, ENVELOPE_ID_BYTES);
    return error == OK ? sessions_update(engine, session, NULL) : error;
}
