/* SPDX-License-Identifier: ISC */
/* COMPACT messages whose chain is not known yet: they wait in the store, sealed, until the head of
 * it comes, and are given up when it does not. docs/PROTOCOL.md 1.7. */
#include "client/engine_inner.h"

/* Whether an envelope belongs to a session that is known here and not used any more. */
static enum error names_left_session(struct engine *engine, const struct user_name *from,
                                     const uint8_t afp[HASH_BYTES], struct bytes envelope,
                                     bool *is_left) {
    enum envelope_type type;
    uint8_t sid[SESSION_ID_BYTES];
    struct session_info info;
    *is_left = false;
    if (envelope_inspect(envelope, &type, sid) != OK) {
        return OK;
    }
    enum error error = sessions_find(engine, from, afp, sid, &info);
    *is_left = error == OK && !info.is_active;
    return error == ERR_NOT_FOUND ? OK : error;
}

/* A message that was given up before it could be opened. Nothing is said of sessions that were
 * replaced: what was lost in them is sent again. */
static enum error count_lost(struct engine *engine, const struct user_name *from,
                             struct bytes envelope) {
    enum envelope_type type;
    uint8_t sid[SESSION_ID_BYTES];
    struct stored_peer peer;
    struct session_info info;
    size_t correspondent = 0;
    enum error error = job_find_peer(engine, from, &peer);
    if (error != OK || envelope_inspect(envelope, &type, sid) != OK || !peer.has_pin) {
        return error;
    }
    error = sessions_find(engine, from, peer.afp, sid, &info);
    if (error != OK || !info.is_active) {
        return error == ERR_NOT_FOUND ? OK : error;
    }
    error = job_correspondent(engine, from, &correspondent);
    if (error == OK) {
        engine->correspondents[correspondent].lost_now++;
        engine->has_lost = true;
    }
    return error;
}

must_check enum error waiting_tell_lost(struct engine *engine) {
    enum error error = OK;
    for (size_t i = 0; error == OK && i < engine->correspondent_count; i++) {
        struct correspondent *from = &engine->correspondents[i];
        const struct engine_notice notice = {.error = ERR_MESSAGE_LOST,
                                             .peer = from->name,
                                             .time_ms = engine->now_ms,
                                             .count = from->lost + from->lost_now};
        if (notice.count > 0) {
            from->lost = 0;
            from->lost_now = 0;
            error = engine_tell(engine, &notice);
        }
    }
    return error;
}

void waiting_settle_lost(struct engine *engine, bool is_committed) {
    for (size_t i = 0; engine->has_lost && i < engine->correspondent_count; i++) {
        struct correspondent *from = &engine->correspondents[i];
        from->lost += is_committed ? from->lost_now : 0;
        from->lost_now = 0;
    }
    engine->has_lost = false;
}

/* Nothing is forced for the sake of more chains than a peer can have honestly. */
static enum error expect_chain(struct engine *engine, const struct user_name *from,
                               struct bytes envelope) {
    enum { CHAINS_MAX = 16 };
    uint8_t data[DUTY_DATA_BYTES];
    struct stored_peer peer;
    uint32_t count = 0;
    bool is_left = false;
    enum error error = job_find_peer(engine, from, &peer);
    if (error != OK || !peer.has_pin || !duty_is_accepted(engine, &peer)) {
        return error;
    }
    error = names_left_session(engine, from, peer.afp, envelope, &is_left);
    if (error != OK || is_left) {
        return error; /* what was lost in it is sent again */
    }
    duty_waiting_data(envelope, data);
    error = engine->store->duty_count(engine->store->context, from, DUTY_WAITING, &count);
    return error == OK && count < CHAINS_MAX
               ? duty_owe(engine, from, DUTY_WAITING, data, engine->now_ms + WAITING_HANDSHAKE_MS)
               : error;
}

must_check enum error waiting_put_aside(struct engine *engine, const struct wire_deliver *deliver) {
    struct buffer lost;
    buffer_init(&lost, ENVELOPE_MAX_BYTES);
    enum error error = engine_write(engine);
    if (error == OK) {
        error = engine->store->waiting_add(engine->store->context, &deliver->from,
                                           deliver->envelope, engine->now_ms, &lost);
    }
    if (error == OK && lost.size > 0) {
        error = count_lost(engine, &deliver->from, buffer_view(&lost));
    }
    buffer_clear(&lost);
    return error == OK ? expect_chain(engine, &deliver->from, deliver->envelope) : error;
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
            error = inbox_open(engine, from, session, buffer_view(&envelope), &status);
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

must_check enum error waiting_retry(struct engine *engine, const struct user_name *from) {
    bool opened = true;
    enum error error = OK;
    while (error == OK && opened) {
        error = retry_once(engine, from, &opened);
    }
    return error;
}

must_check enum error waiting_give_up(struct engine *engine) {
    struct user_name from;
    struct buffer envelope;
    enum error error = OK;
    buffer_init(&envelope, ENVELOPE_MAX_BYTES);
    while (error == OK && engine->now_ms > WAITING_COMPACT_MS) {
        buffer_reset(&envelope);
        error = engine->store->waiting_expire(
            engine->store->context, engine->now_ms - WAITING_COMPACT_MS, &from, &envelope);
        if (error == OK) {
            error = count_lost(engine, &from, buffer_view(&envelope));
        }
    }
    buffer_clear(&envelope);
    return error == ERR_NOT_FOUND ? OK : error;
}
