/* SPDX-License-Identifier: ISC */
/* What comes: deliveries are opened, committed, acknowledged, and released in sending order. */
#include "client/engine_inner.h"

#include "base/weaken.h"
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

/* ---- storing
 * -------------------------------------------------------------------------------------- */

/* Whether a message is waited for that was sent before this one; then until when. */
static enum error find_gap(struct engine *engine, const struct incoming *message, bool *waits) {
    uint64_t since = engine->now_ms > GAP_WAIT_MS ? engine->now_ms - GAP_WAIT_MS : 0;
    uint64_t noticed = 0;
    enum error error =
        engine->store->incoming_gap(engine->store->context, message, since, &noticed);
    *waits = error == OK && !weakened(WEAK_NO_ORDER) && noticed <= engine->now_ms &&
             noticed + GAP_WAIT_MS > engine->now_ms;
    if (*waits && noticed + GAP_WAIT_MS < engine->release_at_ms) {
        engine->release_at_ms = noticed + GAP_WAIT_MS;
    }
    return error == ERR_NOT_FOUND ? OK : error;
}

static enum error release_ready(struct engine *engine, const struct user_name *from, bool *again) {
    enum { BATCH = 16 };
    struct incoming pending[BATCH];
    size_t count = BATCH;
    bool waits = false;
    enum error error =
        engine->store->incoming_pending(engine->store->context, from, pending, &count);
    *again = count == BATCH;
    for (size_t i = 0; error == OK && i < count; i++) {
        error = find_gap(engine, &pending[i], &waits);
        if (error != OK || waits) {
            *again = false;
            return error;
        }
        error = engine_write(engine);
        if (error == OK) {
            error = engine->store->incoming_release(engine->store->context, &pending[i]);
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

/* Where the message stands in its session. */
static void find_position(const struct opened *opened, struct incoming *message) {
    const struct session *state = &opened->session->state;
    const struct session_change *change = opened->change;
    memcpy(message->sid, state->sid, SESSION_ID_BYTES);
    message->is_from_gap = change != NULL && change->used_skipped;
    if (message->is_from_gap) {
        memcpy(message->chain_id, change->used_chain, CHAIN_ID_BYTES);
        message->number = change->used_n;
        return;
    }
    memcpy(message->chain_id, state->receiving.id, CHAIN_ID_BYTES);
    message->number = state->receiving.next - 1;
}

/* Once in a connection: a hundred of them say no more than one. */
static enum error tell_held(struct engine *engine, const struct user_name *from) {
    size_t index = 0;
    enum error error = job_correspondent(engine, from, &index);
    if (error != OK || engine->correspondents[index].is_held_told) {
        return error;
    }
    engine->correspondents[index].is_held_told = true;
    return engine_tell_peer(engine, ERR_HELD, from, NULL);
}

/* Counts a message under a key that is not accepted. */
static enum error hold(struct engine *engine, const struct opened *opened) {
    struct stored_identity identity;
    const struct client_store *store = engine->store;
    enum error error = store->identity_get(store->context, opened->session->info.afp, &identity);
    if (error != OK) {
        return error == ERR_NOT_FOUND ? ERR_STORE_BROKEN : error;
    }
    identity.held++;
    error = store->identity_put(store->context, &identity);
    return error == OK ? tell_held(engine, opened->from) : error;
}

static enum error add(struct engine *engine, const struct opened *opened, const struct body *body) {
    const struct session_info *info = &opened->session->info;
    struct incoming message = {
        .from = *opened->from,
        .kind = body->kind,
        .sent_ms = body->sent_ms < INT64_MAX ? body->sent_ms : engine->now_ms,
        .received_ms = engine->now_ms,
        .life_s = body->life_s,
        .is_held = opened->is_foreign,
        .is_confirmed = info->is_confirmed || !info->replaced_confirmed,
    };
    memcpy(message.afp, info->afp, HASH_BYTES);
    memcpy(message.msg_id, body->msg_id, MESSAGE_ID_BYTES);
    find_position(opened, &message);
    enum error error = engine->store->incoming_add(engine->store->context, &message, body->content);
    return error == OK && !message.is_held ? release(engine, opened->from) : error;
}

/* A message for people: shown once, whatever the number of its ciphertexts, and each of those gets
 * the receipt. */
static enum error take_text(struct engine *engine, const struct opened *opened,
                            const struct body *body) {
    const struct session_info *info = &opened->session->info;
    enum error error =
        engine->store->seen_add(engine->store->context, info->afp, body->msg_id, engine->now_ms);
    bool is_new = error == OK || weakened(WEAK_NO_MESSAGE_IDS);
    if (error == ERR_DUPLICATE) {
        error = OK;
    }
    if (error == OK && is_new && opened->is_foreign) {
        error = hold(engine, opened);
    }
    if (error == OK && is_new) {
        error = add(engine, opened, body);
    }
    return error == OK && !opened->is_foreign && body_gets_receipt(body->kind)
               ? receipt_owe(engine, opened->from, info->afp, body->msg_id)
               : error;
}

/* Numbers that never come; who waits for one of them need not. */
static enum error take_notice(struct engine *engine, const struct opened *opened,
                              const struct body *body) {
    enum error error = OK;
    for (size_t i = 0; error == OK && i < body->count; i++) {
        const uint8_t *at = body->content.data + i * BODY_PLACE_BYTES;
        struct chain_place place = {.number = get_u32(at + CHAIN_ID_BYTES)};
        memcpy(place.chain_id, at, CHAIN_ID_BYTES);
        error = engine->store->session_given_up(engine->store->context, opened->from,
                                                opened->session->info.afp, &place);
    }
    return error == OK ? release(engine, opened->from) : error;
}

static enum error store(struct engine *engine, const struct opened *opened,
                        const struct body *body) {
    if (body_is_for_people(body->kind)) {
        return take_text(engine, opened, body);
    }
    if (opened->is_foreign) {
        return OK; /* a key that is not accepted says nothing about messages */
    }
    switch (body->kind) {
    case BODY_DELIVERED:
        return receipts_take(engine, &opened->session->info, body);
    case BODY_RESEND:
        return resend_take(engine, &opened->session->info, body);
    default:
        return take_notice(engine, opened, body);
    }
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

/* S4: the peer writes in another session than the one in use. What was written before that one's
 * own chain was begun says nothing about it. */
static enum error note_elsewhere(struct engine *engine, const struct session_info *info) {
    struct stored_session *active = NULL;
    enum error error = sessions_active(engine, &info->peer, info->afp, &active);
    if (error != OK) {
        return error == ERR_NOT_FOUND ? OK : error;
    }
    return info->newest_sent_ms > active->info.chain_ms
               ? duty_owe(engine, &info->peer, DUTY_DIVERGED, NULL, engine->now_ms)
               : OK;
}

/* What a good message changes beside itself. `session` is given back to its slot after this. */
static enum error note_good(struct engine *engine, struct stored_session *session,
                            const struct opened *opened) {
    const struct session_info info = session->info;
    struct stored_peer peer;
    if (opened->is_foreign) {
        return OK;
    }
    engine->has_new_duties = true;
    enum error error =
        engine->store->duty_delete(engine->store->context, opened->from, DUTY_BROKEN, NULL);
    if (error == OK) {
        error = job_find_peer(engine, opened->from, &peer);
    }
    if (error == OK && info.is_active && session_owes_chain(&session->state) &&
        duty_is_accepted(engine, &peer)) {
        error = duty_owe(engine, opened->from, DUTY_CONFIRM, NULL, engine->now_ms);
    }
    if (error == OK && !info.is_active) {
        error = note_elsewhere(engine, &info);
    }
    return error == OK && info.is_confirmed && !opened->was_confirmed
               ? sessions_limit(engine, opened->from, info.afp)
               : error;
}

/* A message that its session has opened: state and text go into the same transaction. */
must_check enum error inbox_keep(struct engine *engine, const struct opened *opened) {
    struct stored_session *session = opened->session;
    const struct user_name peer = session->info.peer;
    uint8_t sid[SESSION_ID_BYTES];
    memcpy(sid, session->info.sid, SESSION_ID_BYTES);
    struct body body;
    bool is_read = body_read(opened->body, &body) == OK;
    session->info.is_confirmed = session->state.is_confirmed;
    if (is_read) {
        /* A time to come counts as now. */
        uint64_t sent = body.sent_ms < engine->now_ms ? body.sent_ms : engine->now_ms;
        uint64_t newest = session->info.newest_sent_ms;
        session->info.newest_sent_ms = sent > newest ? sent : newest;
    }
    enum error error = sessions_update(engine, session, opened->change);
    if (error == OK && is_read) {
        error = store(engine, opened, &body);
    } else if (error == OK) {
        engine->dropped++;
    }
    if (error == OK) {
        error = sessions_borrow(engine, &peer, sid, &session);
    }
    if (error == ERR_NOT_FOUND) {
        return OK; /* the message has closed its own session */
    }
    return error == OK ? note_good(engine, session, opened) : error;
}

/* Under a key that is not accepted only so much is held. What comes beyond it stays unopened: its
 * sender offers it again, and by then somebody may have decided. */
must_check enum error inbox_holds_enough(struct engine *engine, const uint8_t afp[HASH_BYTES],
                                         bool *is_enough) {
    struct stored_identity identity;
    enum error error = engine->store->identity_get(engine->store->context, afp, &identity);
    *is_enough = error == OK && identity.held >= HELD_MESSAGES_MAX;
    return error == ERR_NOT_FOUND ? OK : error;
}

must_check enum error inbox_open(struct engine *engine, const struct user_name *from,
                                 struct stored_session *session, struct bytes envelope,
                                 enum error *status) {
    const struct own_device *own = &engine->own;
    struct session_change change;
    struct buffer body;
    bool foreign = false;
    bool is_enough = false;
    enum error error = is_foreign(engine, &session->info, &foreign);
    if (error == OK && foreign) {
        error = inbox_holds_enough(engine, session->info.afp, &is_enough);
    }
    if (error != OK || is_enough) {
        *status = ERR_FULL;
        return error;
    }
    error = devices_borrow(engine, session->state.own_cid, &own);
    if (error != OK && error != ERR_NOT_FOUND) {
        return error;
    }
    own = error == OK ? own : &engine->own;
    buffer_init(&body, BODY_MAX_BYTES);
    *status = session_open(&session->state, own, envelope, engine->now_ms, &body, &change);
    error = OK;
    if (*status == OK) {
        struct opened opened = {.from = from,
                                .session = session,
                                .change = &change,
                                .body = buffer_view(&body),
                                .is_foreign = foreign,
                                .was_confirmed = session->info.is_confirmed};
        error = engine_write(engine);
        if (error == OK) {
            error = inbox_keep(engine, &opened);
        }
    } else if (*status == ERR_MEMORY || *status == ERR_CRYPTO) {
        error = *status;
    }
    buffer_clear(&body);
    return error;
}

/* A bad message in a known session: if nothing good follows within a day, the session is broken. */
static enum error note_bad(struct engine *engine, const struct user_name *from) {
    struct stored_peer peer;
    uint32_t count = 0;
    engine->dropped++;
    enum error error = job_find_peer(engine, from, &peer);
    if (error != OK || !peer.has_pin || !duty_is_accepted(engine, &peer)) {
        return error;
    }
    error = engine->store->duty_count(engine->store->context, from, DUTY_BROKEN, &count);
    return error == OK && count == 0
               ? duty_owe(engine, from, DUTY_BROKEN, NULL, engine->now_ms + WAITING_HANDSHAKE_MS)
               : error;
}

static enum error take_known(struct engine *engine, const struct wire_deliver *deliver,
                             enum envelope_type type, struct stored_session *session) {
    enum error status = OK;
    enum error error = inbox_open(engine, &deliver->from, session, deliver->envelope, &status);
    if (error != OK) {
        return error;
    }
    if (status == ERR_WAIT) {
        return waiting_put_aside(engine, deliver);
    }
    if (status == OK && type != ENVELOPE_COMPACT) {
        return waiting_retry(engine, &deliver->from);
    }
    if (status == ERR_FULL) {
        engine->dropped++;
        return OK;
    }
    /* A copied HELLO costs nothing to put before bad bytes: that counts against nobody. */
    bool is_bad = status != OK && status != ERR_DUPLICATE && type != ENVELOPE_INITIAL;
    return is_bad ? note_bad(engine, &deliver->from) : OK;
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
        return waiting_put_aside(engine, deliver);
    case ENVELOPE_FULL:
        return resend_ask(engine, &deliver->from, sid, deliver->accepted_ms,
                          "its session is not known here");
    }
    return OK;
}

must_check enum error inbox_deliver(struct engine *engine, const struct wire_deliver *deliver) {
    enum error error = take(engine, deliver);
    return error == OK ? acknowledge(engine, deliver->handle) : error;
}

bool engine_is_caught_up(const struct engine *engine) {
    return engine->is_caught_up;
}
