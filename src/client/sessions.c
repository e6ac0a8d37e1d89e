/* SPDX-License-Identifier: ISC */
/* Sessions of this connection: a few in memory, all in the store. */
#include "client/engine_inner.h"

#include <string.h>

static bool is_session(const struct session_info *info, const struct user_name *peer,
                       const uint8_t sid[SESSION_ID_BYTES]) {
    return user_name_equal(&info->peer, peer) && memcmp(info->sid, sid, SESSION_ID_BYTES) == 0;
}

static void slot_clear(struct session_slot *slot) {
    if (slot->is_used) {
        session_clear(&slot->session.state);
    }
    memset(slot, 0, sizeof(*slot));
}

/* The slot that has been left alone longest. */
static struct session_slot *free_slot(struct engine *engine) {
    struct session_slot *oldest = &engine->slots[0];
    for (size_t i = 0; i < SESSION_SLOTS; i++) {
        if (!engine->slots[i].is_used) {
            return &engine->slots[i];
        }
        if (engine->slots[i].turn < oldest->turn) {
            oldest = &engine->slots[i];
        }
    }
    slot_clear(oldest);
    return oldest;
}

static struct stored_session *use(struct engine *engine, struct session_slot *slot) {
    slot->is_used = true;
    slot->turn = ++engine->slot_turn;
    return &slot->session;
}

must_check enum error sessions_borrow(struct engine *engine, const struct user_name *peer,
                                      const uint8_t sid[SESSION_ID_BYTES],
                                      struct stored_session **session) {
    for (size_t i = 0; i < SESSION_SLOTS; i++) {
        struct session_slot *slot = &engine->slots[i];
        if (slot->is_used && is_session(&slot->session.info, peer, sid)) {
            *session = use(engine, slot);
            return OK;
        }
    }
    struct session_slot *slot = free_slot(engine);
    enum error error =
        engine->store->session_get(engine->store->context, peer, sid, &slot->session);
    if (error != OK) {
        memset(slot, 0, sizeof(*slot));
        return error;
    }
    *session = use(engine, slot);
    return OK;
}

must_check enum error sessions_add(struct engine *engine, struct stored_session *session,
                                   struct stored_session **added) {
    struct session_slot *slot = free_slot(engine);
    slot->session = *session;
    wipe(session, sizeof(*session));
    *added = use(engine, slot);
    return engine->store->session_insert(engine->store->context, *added);
}

must_check enum error sessions_update(struct engine *engine, struct stored_session *session,
                                      const struct session_change *change) {
    session->info.is_confirmed = session->state.is_confirmed;
    session->info.used_ms = engine->now_ms;
    return engine->store->session_update(engine->store->context, session, change);
}

/* Lists the sessions with `peer` under the account key `afp`. */
static enum error list(struct engine *engine, const struct user_name *peer,
                       const uint8_t afp[HASH_BYTES], struct session_info *sessions,
                       size_t *count) {
    size_t all = 0;
    size_t kept = 0;
    enum error error = engine->store->session_list(engine->store->context, peer, sessions, &all);
    for (size_t i = 0; error == OK && i < all; i++) {
        if (memcmp(sessions[i].afp, afp, HASH_BYTES) == 0) {
            sessions[kept++] = sessions[i];
        }
    }
    *count = kept;
    return error;
}

must_check enum error sessions_active(struct engine *engine, const struct user_name *peer,
                                      const uint8_t afp[HASH_BYTES],
                                      struct stored_session **session) {
    for (size_t i = 0; i < SESSION_SLOTS; i++) {
        struct session_slot *slot = &engine->slots[i];
        const struct session_info *info = &slot->session.info;
        if (slot->is_used && info->is_active && user_name_equal(&info->peer, peer) &&
            memcmp(info->afp, afp, HASH_BYTES) == 0) {
            *session = use(engine, slot);
            return OK;
        }
    }
    struct session_info sessions[SESSIONS_PER_PEER_MAX];
    size_t count = 0;
    enum error error = list(engine, peer, afp, sessions, &count);
    for (size_t i = 0; error == OK && i < count; i++) {
        if (sessions[i].is_active) {
            return sessions_borrow(engine, peer, sessions[i].sid, session);
        }
    }
    return error == OK ? ERR_NOT_FOUND : error;
}

must_check enum error sessions_find(struct engine *engine, const struct user_name *peer,
                                    const uint8_t afp[HASH_BYTES],
                                    const uint8_t sid[SESSION_ID_BYTES],
                                    struct session_info *info) {
    struct session_info sessions[SESSIONS_PER_PEER_MAX];
    size_t count = 0;
    enum error error = list(engine, peer, afp, sessions, &count);
    for (size_t i = 0; error == OK && i < count; i++) {
        if (memcmp(sessions[i].sid, sid, SESSION_ID_BYTES) == 0) {
            *info = sessions[i];
            return OK;
        }
    }
    return error == OK ? ERR_NOT_FOUND : error;
}

bool session_owes_chain(const struct session *state) {
    return state->need_send && (state->chains_sent == 0 ||
                                (state->role == SESSION_INITIATOR && state->chains_received == 1));
}

must_check enum error sessions_mark(struct engine *engine, const struct session_info *info) {
    for (size_t i = 0; i < SESSION_SLOTS; i++) {
        struct session_slot *slot = &engine->slots[i];
        if (slot->is_used && is_session(&slot->session.info, &info->peer, info->sid)) {
            slot->session.info = *info;
        }
    }
    return engine->store->session_mark(engine->store->context, info);
}

must_check enum error sessions_retire(struct engine *engine, const struct user_name *peer,
                                      const uint8_t afp[HASH_BYTES],
                                      const uint8_t sid[SESSION_ID_BYTES], const uint8_t *cid) {
    struct session_info sessions[SESSIONS_PER_PEER_MAX];
    size_t count = 0;
    enum error error = list(engine, peer, afp, sessions, &count);
    for (size_t i = 0; error == OK && i < count; i++) {
        struct session_info *info = &sessions[i];
        bool is_kept = memcmp(info->sid, sid, SESSION_ID_BYTES) == 0 || info->is_receive_only ||
                       (cid != NULL && memcmp(info->peer_cid, cid, HASH_BYTES) == 0);
        if (!is_kept) {
            info->is_active = false;
            info->is_receive_only = true;
            error = sessions_mark(engine, info);
        }
    }
    return error;
}

must_check enum error sessions_forget(struct engine *engine, const struct session_info *info) {
    for (size_t i = 0; i < SESSION_SLOTS; i++) {
        struct session_slot *slot = &engine->slots[i];
        if (slot->is_used && is_session(&slot->session.info, &info->peer, info->sid)) {
            slot_clear(slot);
        }
    }
    return engine->store->session_delete(engine->store->context, &info->peer, info->sid);
}

must_check enum error sessions_close(struct engine *engine, const struct user_name *peer,
                                     const uint8_t afp[HASH_BYTES]) {
    struct session_info sessions[SESSIONS_PER_PEER_MAX];
    size_t count = 0;
    enum error error = list(engine, peer, afp, sessions, &count);
    for (size_t i = 0; error == OK && i < count; i++) {
        error = sessions_forget(engine, &sessions[i]);
    }
    return error;
}

must_check enum error sessions_promote(struct engine *engine, const struct user_name *peer,
                                       const uint8_t afp[HASH_BYTES]) {
    struct session_info sessions[SESSIONS_PER_PEER_MAX];
    struct session_info *newest = NULL;
    size_t count = 0;
    enum error error = list(engine, peer, afp, sessions, &count);
    for (size_t i = 0; error == OK && i < count; i++) {
        if (newest == NULL || sessions[i].created_ms >= newest->created_ms) {
            newest = &sessions[i];
        }
    }
    if (error != OK || newest == NULL) {
        return error;
    }
    newest->is_active = true;
    newest->is_receive_only = false;
    return sessions_mark(engine, newest);
}

enum { KINDS = 3 };

/* Confirmed ones, own unconfirmed ones, the peer's unconfirmed ones (1.8). */
static int kind_of(const struct session_info *info) {
    return info->is_confirmed ? 0 : info->is_own ? 1 : 2;
}

must_check enum error sessions_limit(struct engine *engine, const struct user_name *peer,
                                     const uint8_t afp[HASH_BYTES]) {
    static const size_t limits[KINDS] = {CONFIRMED_SESSIONS_MAX, UNCONFIRMED_SESSIONS_MAX,
                                         UNCONFIRMED_SESSIONS_MAX};
    struct session_info sessions[SESSIONS_PER_PEER_MAX];
    size_t count = 0;
    enum error error = list(engine, peer, afp, sessions, &count);
    for (int kind = 0; kind < KINDS; kind++) {
        for (;;) {
            size_t have = 0;
            struct session_info *oldest = NULL;
            for (size_t i = 0; i < count; i++) {
                if (kind_of(&sessions[i]) != kind) {
                    continue;
                }
                have++;
                if (!sessions[i].is_active &&
                    (oldest == NULL || sessions[i].used_ms < oldest->used_ms)) {
                    oldest = &sessions[i];
                }
            }
            if (error != OK || have <= limits[kind] || oldest == NULL) {
                break;
            }
            error = sessions_forget(engine, oldest);
            *oldest = sessions[--count];
        }
    }
    return error;
}

void sessions_clear(struct engine *engine) {
    for (size_t i = 0; i < SESSION_SLOTS; i++) {
        slot_clear(&engine->slots[i]);
    }
}
