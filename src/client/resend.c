/* SPDX-License-Identifier: ISC */
/* Messages that cannot be opened: the sender is told, inside the encryption only, which session is
 * not known here (kind 4), and begins again. docs/PROTOCOL.md 1.8 and 1.10. */
#include "client/engine_inner.h"

#include <string.h>

static enum error tell(struct engine *engine, const struct user_name *from, uint64_t time_ms,
                       const char *cause) {
    const struct engine_notice notice = {
        .error = ERR_UNDECRYPTABLE, .peer = *from, .time_ms = time_ms, .cause = cause};
    return engine_tell(engine, &notice);
}

/* Junk names sessions as it likes: nothing is written for more of them than can be asked about in a
 * day. */
static enum error has_room(struct engine *engine, const struct user_name *from, bool *room) {
    const struct client_store *store = engine->store;
    uint64_t since = engine->now_ms > DAY_MS ? engine->now_ms - DAY_MS : 0;
    uint64_t latest = 0;
    uint32_t asked = 0;
    uint32_t owed = 0;
    enum error error =
        store->forced_count(store->context, from, FORCED_RESEND, since, &asked, &latest);
    if (error == OK) {
        error = store->duty_count(store->context, from, DUTY_RESEND, &owed);
    }
    *room = asked + owed < FORCED_PER_DAY_MAX;
    return error;
}

must_check enum error resend_ask(struct engine *engine, const struct user_name *from,
                                 const uint8_t sid[SESSION_ID_BYTES], uint64_t time_ms,
                                 const char *cause) {
    struct stored_peer peer;
    bool room = false;
    enum error error = job_find_peer(engine, from, &peer);
    if (error == OK && (!peer.has_pin || peer.is_changed || !duty_is_accepted(engine, &peer))) {
        return tell(engine, from, time_ms, cause);
    }
    if (error == OK) {
        error = has_room(engine, from, &room);
    }
    if (error != OK || !room) {
        engine->dropped++;
        return error;
    }
    error = engine_write(engine);
    if (error == OK) {
        error = engine->store->asked_add(engine->store->context, sid, engine->now_ms);
    }
    if (error == ERR_DUPLICATE) {
        return OK; /* once for each session */
    }
    return error == OK ? duty_owe(engine, from, DUTY_RESEND, sid, engine->now_ms) : error;
}

/* ---- kind 4 */

/* An own session of which the peer holds nothing: it is over. Y, in which the peer says so, takes
 * its place if it is the newer one. */
static enum error close_own(struct engine *engine, const struct session_info *closed,
                            const struct session_info *in) {
    struct session_info active = *in;
    const uint8_t *keep = NULL;
    enum error error = sessions_forget(engine, closed);
    if (error == OK && closed->is_active && in->created_ms >= closed->created_ms) {
        active.is_active = true;
        active.is_receive_only = false;
        keep = active.sid;
        error = sessions_mark(engine, &active);
    } else if (error == OK && closed->is_active) {
        error = duty_owe(engine, &in->peer, DUTY_HANDSHAKE, NULL, engine->now_ms);
    }
    struct stored_session *session = NULL;
    if (error == OK && !closed->is_active) {
        error = sessions_active(engine, &in->peer, in->afp, &session);
        keep = error == OK ? session->info.sid : NULL;
        error = error == ERR_NOT_FOUND ? OK : error;
    }
    return error == OK ? repair_failed(engine, &in->peer, in->afp, keep) : error;
}

/* A session of the peer's that the peer does not know: somebody else made its first flight. */
static enum error leave_forged(struct engine *engine, struct session_info *forged) {
    forged->is_active = false;
    forged->is_receive_only = true;
    enum error error = sessions_mark(engine, forged);
    if (error == OK) {
        error = duty_owe(engine, &forged->peer, DUTY_HANDSHAKE, NULL, engine->now_ms);
    }
    return error == OK ? repair_failed(engine, &forged->peer, forged->afp, NULL) : error;
}

must_check enum error resend_take(struct engine *engine, const struct session_info *info,
                                  const struct body *body) {
    const struct session_info in = *info;
    struct session_info named;
    if (memcmp(body->content.data, in.sid, SESSION_ID_BYTES) == 0) {
        return OK;
    }
    enum error error = sessions_find(engine, &in.peer, in.afp, body->content.data, &named);
    if (error == ERR_NOT_FOUND || (error == OK && named.is_confirmed)) {
        return OK;
    }
    if (error != OK) {
        return error;
    }
    if (named.is_own) {
        return close_own(engine, &named, &in);
    }
    return named.is_active ? leave_forged(engine, &named) : OK;
}
