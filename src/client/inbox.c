/* SPDX-License-Identifier: ISC */
/* What comes: deliveries are opened, committed, acknowledged, and released in sending order. */
#include "client/engine_inner.h"

#include "client/body.h"

#include <string.h>

must_check enum error inbox_fetch(struct engine *engine) {
    if (engine->has_fetched) {
        return OK;
    }
    uint16_t window = engine->welcome.window_max < DELIVERY_WINDOW_MAX
                          ? engine->welcome.window_max
                          : (uint16_t)DELIVERY_WINDOW_MAX;
    engine->has_fetched = true;
    return wire_write_fetch(&engine->out, ++engine->last_request, window);
}

must_check enum error inbox_acknowledge(struct engine *engine) {
    if (engine->ack.count == 0) {
        return OK;
    }
    enum error error = wire_write_ack(&engine->out, ++engine->last_request, &engine->ack);
    engine->ack.count = 0;
    return error;
}

/* Acknowledgements are output, and output leaves after the commit. */
static enum error acknowledge(struct engine *engine, uint64_t handle) {
    engine->ack.handles[engine->ack.count++] = handle;
    return engine->ack.count == ACKS_PER_FRAME_MAX ? inbox_acknowledge(engine) : OK;
}

must_check enum error inbox_undecryptable(struct engine *engine, const struct user_name *from,
                                          uint64_t time_ms, const char *cause) {
    const struct engine_notice notice = {
        .error = ERR_UNDECRYPTABLE, .peer = *from, .time_ms = time_ms, .cause = cause};
    return engine_tell(engine, &notice);
}

/* ---- storing
 * -------------------------------------------------------------------------------------- */

static enum error release_ready(struct engine *engine, const struct user_name *from, bool *again) {
    enum { BATCH = 16 };
    struct incoming pending[BATCH];
    size_t count = BATCH;
    enum error error =
        engine->store->incoming_pending(engine->store->context, from, pending, &count);
    *again = count == BATCH;
    for (size_t i = 0; error == OK && i < count; i++) {
        uint64_t due = pending[i].received_ms + GAP_WAIT_MS;
        if (pending[i].missing > 0 && due > engine->now_ms &&
            pending[i].received_ms <= engine->now_ms) {
            *again = false;
            engine->release_at_ms = due < engine->release_at_ms ? due : engine->release_at_ms;
            return OK;
        }
        error = engine_write(engine);
        if (error == OK) {
            error = engine->store->incoming_release(engine->store->context, pending[i].row);
        }
    }
    return error;
}

static enum error release(struct engine *engine, const struct user_name *from) {
    bool again = true;
    enum error error = OK;
    while (error == OK && again) {
        error = release_ready(engine, from, &again);
    }
    return error;
}

must_check enum error inbox_release_all(struct engine *engine) {
    struct user_name after = {{0}};
    struct user_name from;
    engine->release_at_ms = UINT64_MAX;
    enum error error = engine->store->incoming_sender(engine->store->context, &after, &from);
    while (error == OK) {
        error = release(engine, &from);
        after = from;
        if (error == OK) {
            error = engine->store->incoming_sender(engine->store->context, &after, &from);
        }
    }
    return error == ERR_NOT_FOUND ? OK : error;
}

/* Where the message stands in its session, and how many before it have not come. */
static enum error find_position(struct engine *engine, const struct opened *opened,
                                struct incoming *message) {
    const struct session *state = &opened->session->state;
    const struct session_change *change = opened->change;
    memcpy(message->sid, state->sid, SESSION_ID_BYTES);
    if (change != NULL && change->used_skipped) {
        memcpy(message->chain_id, change->used_chain, CHAIN_ID_BYTES);
        message->number = change->used_n;
        return engine->store->incoming_chain(engine->store->context, message->sid,
                                             message->chain_id, &message->chain_number);
    }
    memcpy(message->chain_id, state->receiving.id, CHAIN_ID_BYTES);
    message->number = state->receiving.next - 1;
    message->chain_number = state->chains_received;
    message->missing = (uint32_t)(change != NULL ? change->added_count : state->skipped_count);
    return OK;
}

/* Counts a message under a key that is not accepted; `*is_kept` when it is among those that are
 * held. */
static enum error hold(struct engine *engine, const struct opened *opened, bool *is_kept) {
    struct stored_identity identity;
    const struct client_store *store = engine->store;
    enum error error = store->identity_get(store->context, opened->session->info.afp, &identity);
    if (error != OK) {
        return error == ERR_NOT_FOUND ? ERR_STORE_BROKEN : error;
    }
    *is_kept = identity.held < HELD_MESSAGES_MAX;
    identity.held++;
    error = store->identity_put(store->context, &identity);
    return error == OK ? engine_tell_peer(engine, ERR_HELD, opened->from, NULL) : error;
}

static enum error add(struct engine *engine, const struct opened *opened, const struct body *body) {
    const struct session_info *info = &opened->session->info;
    struct incoming message = {
        .from = *opened->from,
        .kind = body->kind,
        .sent_ms = body->sent_ms < INT64_MAX ? body->sent_ms : engine->now_ms,
        .received_ms = engine->now_ms,
        .is_held = opened->is_foreign,
        .is_confirmed = info->is_confirmed || !info->replaced_confirmed,
    };
    memcpy(message.afp, info->afp, HASH_BYTES);
    memcpy(message.msg_id, body->msg_id, MESSAGE_ID_BYTES);
    enum error error = find_position(engine, opened, &message);
    if (error == OK) {
        error = engine->store->incoming_add(engine->store->context, &message, body->content);
    }
    if (error == OK && opened->change != NULL && opened->change->used_skipped) {
        error = engine->store->incoming_filled(engine->store->context, &message);
    }
    return error == OK && !message.is_held ? release(engine, opened->from) : error;
}

must_check enum error inbox_store(struct engine *engine, const struct opened *opened) {
    struct body body;
    struct session_info *info = &opened->session->info;
    bool is_kept = true;
    if (body_read(opened->body, &body) != OK) {
        engine->dropped++;
        return OK;
    }
    uint64_t sent = body.sent_ms < engine->now_ms ? body.sent_ms : engine->now_ms;
    if (sent > info->newest_sent_ms) {
        info->newest_sent_ms = sent;
    }
    enum error error =
        engine->store->seen_add(engine->store->context, info->afp, body.msg_id, engine->now_ms);
    if (error == ERR_DUPLICATE) {
        return OK; /* the same message in another ciphertext */
    }
    if (error == OK && opened->is_foreign) {
        error = hold(engine, opened, &is_kept);
    }
    return error == OK && is_kept ? add(engine, opened, &body) : error;
}

/* ---- opening
 * -------------------------------------------------------------------------------------- */

static enum error is_foreign(struct engine *engine, const struct session_info *info,
                             bool *foreign) {
    struct stored_peer peer;
    enum error error = engine->store->peer_get(engine->store->context, &info->peer, &peer);
    *foreign = !peer.has_pin || memcmp(peer.afp, info->afp, HASH_BYTES) != 0;
    return error == ERR_NOT_FOUND ? OK : error;
}

/* A message that its session has opened: state and text go into the same transaction. */
static enum error keep(struct engine *engine, const struct user_name *from,
                       struct stored_session *session, const struct session_change *change,
                       struct bytes body) {
    struct opened opened = {.from = from, .session = session, .change = change, .body = body};
    enum error error = is_foreign(engine, &session->info, &opened.is_foreign);
    if (error == OK) {
        error = engine_write(engine);
    }
    session->info.is_confirmed = session->state.is_confirmed;
    if (error == OK) {
        error = inbox_store(engine, &opened);
    }
    return error == OK ? sessions_update(engine, session, change) : error;
}

/* Opens an envelope of a known session. `*status`: OK, ERR_WAIT (its chain is not known yet), or
 * why not. */
static enum error open_known(struct engine *engine, const struct user_name *from,
                             struct stored_session *session, struct bytes envelope,
                             enum error *status) {
    struct session_change change;
    struct buffer body;
    buffer_init(&body, BODY_MAX_BYTES);
    *status = session_open(&session->state, &engine->own, envelope, engine->now_ms, &body, &change);
    enum error error = OK;
    if (*status == OK) {
        error = keep(engine, from, session, &change, buffer_view(&body));
    } else if (*status == ERR_MEMORY || *status == ERR_CRYPTO) {
        error = *status;
    }
    buffer_clear(&body);
    return error;
}

static enum error put_aside(struct engine *engine, const struct wire_deliver *deliver) {
    uint32_t lost = 0;
    enum error error = engine_write(engine);
    if (error == OK) {
        error = engine->store->waiting_add(engine->store->context, &deliver->from,
                                           deliver->envelope, engine->now_ms, &lost);
    }
    for (uint32_t i = 0; error == OK && i < lost; i++) {
        error = inbox_undecryptable(engine, &deliver->from, engine->now_ms,
                                    "the start of its chain never came");
    }
    return error;
}

/* One pass over the COMPACT messages that wait; `*opened` when the state has moved. */
static enum error retry_once(struct engine *engine, const struct user_name *from, bool *opened) {
    struct buffer envelope;
    uint64_t row = 0;
    *opened = false;
    buffer_init(&envelope, ENVELOPE_MAX_BYTES);
    enum error error = engine->store->waiting_next(engine->store->context, from, &row, &envelope);
    while (error == OK) {
        struct stored_session *session = NULL;
        enum envelope_type type;
        uint8_t sid[SESSION_ID_BYTES];
        enum error status = envelope_inspect(buffer_view(&envelope), &type, sid);
        if (status == OK) {
            status = sessions_borrow(engine, from, sid, &session);
        }
        if (status == OK) {
            error = open_known(engine, from, session, buffer_view(&envelope), &status);
            *opened = *opened || status == OK;
        }
        if (error == OK && status != ERR_WAIT && status != ERR_NOT_FOUND) {
            error = engine_write(engine);
            if (error == OK) {
                error = engine->store->waiting_delete(engine->store->context, row);
            }
        }
        buffer_reset(&envelope);
        if (error == OK) {
            error = engine->store->waiting_next(engine->store->context, from, &row, &envelope);
        }
    }
    buffer_clear(&envelope);
    return error == ERR_NOT_FOUND ? OK : error;
}

must_check enum error inbox_retry(struct engine *engine, const struct user_name *from) {
    bool opened = true;
    enum error error = OK;
    while (error == OK && opened) {
        error = retry_once(engine, from, &opened);
    }
    return error;
}

static enum error take_known(struct engine *engine, const struct wire_deliver *deliver,
                             enum envelope_type type, struct stored_session *session) {
    enum error status = OK;
    enum error error = open_known(engine, &deliver->from, session, deliver->envelope, &status);
    if (error != OK) {
        return error;
    }
    if (status == ERR_WAIT) {
        return put_aside(engine, deliver);
    }
    if (status == OK && type != ENVELOPE_COMPACT) {
        return inbox_retry(engine, &deliver->from);
    }
    if (status != OK && status != ERR_DUPLICATE) {
        engine->dropped++;
    }
    return OK;
}

static enum error take(struct engine *engine, const struct wire_deliver *deliver) {
    enum envelope_type type;
    uint8_t sid[SESSION_ID_BYTES];
    struct stored_session *session = NULL;
    if (envelope_inspect(deliver->envelope, &type, sid) != OK) {
        engine->dropped++;
        return OK;
    }
    enum error error = sessions_borrow(engine, &deliver->from, sid, &session);
    if (error != ERR_NOT_FOUND) {
        return error == OK ? take_known(engine, deliver, type, session) : error;
    }
    switch (type) {
    case ENVELOPE_INITIAL:
        return accept_initial(engine, deliver);
    case ENVELOPE_COMPACT:
        return put_aside(engine, deliver);
    case ENVELOPE_FULL:
        return inbox_undecryptable(engine, &deliver->from, deliver->accepted_ms,
                                   "its session is not known here");
    }
    return OK;
}

must_check enum error inbox_deliver(struct engine *engine, const struct wire_deliver *deliver) {
    enum error error = take(engine, deliver);
    return error == OK ? acknowledge(engine, deliver->handle) : error;
}

static enum error expire_waiting(struct engine *engine) {
    struct user_name from;
    enum error error = OK;
    while (error == OK && engine->now_ms > WAITING_COMPACT_MS) {
        error = engine->store->waiting_expire(engine->store->context,
                                              engine->now_ms - WAITING_COMPACT_MS, &from);
        if (error == OK) {
            error = inbox_undecryptable(engine, &from, engine->now_ms,
                                        "the start of its chain never came");
        }
    }
    return error == ERR_NOT_FOUND ? OK : error;
}

must_check enum error inbox_expire(struct engine *engine) {
    static const char EXPIRED[] = "expired";
    uint64_t last = 0;
    enum error error = setting_get_u64(engine->store, EXPIRED, &last);
    if (error != OK || engine->clock_is_wrong || engine->now_ms < last + DAY_MS) {
        return error;
    }
    error = engine_write(engine);
    if (error == OK) {
        error = expire_waiting(engine);
    }
    if (error == OK && engine->now_ms > MESSAGE_ID_MEMORY_MS) {
        error = engine->store->seen_expire(engine->store->context,
                                           engine->now_ms - MESSAGE_ID_MEMORY_MS);
    }
    return error == OK ? setting_put_u64(engine->store, EXPIRED, engine->now_ms) : error;
}

bool engine_is_caught_up(const struct engine *engine) {
    return engine->is_caught_up;
}
