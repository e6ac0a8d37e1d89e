/* SPDX-License-Identifier: ISC */
#include "client/store/tables.h"

#include "base/weaken.h"
#include "client/store/database.h"

#include <string.h>

enum { SESSION_STATE_MAX_BYTES = 16 * 1024 };

#define SESSION_COLUMNS                                                                            \
    "sid, peer, afp, peer_cid, own, confirmed, active, receive_only, replaced, created, used,"     \
    " newest_sent, chain_begun, expires"

static void read_info(struct query *query, struct session_info *info) {
    query_get_fixed(query, 0, info->sid, SESSION_ID_BYTES);
    query_get_name(query, 1, &info->peer);
    query_get_fixed(query, 2, info->afp, HASH_BYTES);
    query_get_fixed(query, 3, info->peer_cid, HASH_BYTES);
    info->is_own = query_get_flag(query, 4);
    info->is_confirmed = query_get_flag(query, 5);
    info->is_active = query_get_flag(query, 6);
    info->is_receive_only = query_get_flag(query, 7);
    info->replaced_confirmed = query_get_flag(query, 8);
    info->created_ms = query_get_u64(query, 9);
    info->used_ms = query_get_u64(query, 10);
    info->newest_sent_ms = query_get_u64(query, 11);
    info->chain_ms = query_get_u64(query, 12);
    info->expires_ms = query_get_u64(query, 13);
}

static void bind_key(struct query *query, const struct user_name *peer, const uint8_t *sid) {
    query_text(query, peer->text);
    query_blob(query, bytes_make(sid, SESSION_ID_BYTES));
}

static enum error session_list(void *context, const struct user_name *peer,
                               struct session_info *sessions, size_t *count) {
    struct query query;
    size_t found = 0;
    query_begin(&query, context,
                "SELECT " SESSION_COLUMNS " FROM session WHERE peer=? ORDER BY row");
    query_text(&query, peer->text);
    enum error error = query_row(&query);
    for (; error == OK && found < SESSIONS_PER_PEER_MAX; error = query_row(&query)) {
        read_info(&query, &sessions[found++]);
    }
    *count = found;
    return query_end(&query, error == ERR_NOT_FOUND ? OK : error);
}

static enum error read_skipped(void *context, uint64_t row, struct session *state) {
    struct query query;
    query_begin(&query, context,
                "SELECT chain, number, key, stored FROM skipped WHERE session=? ORDER BY row");
    query_u64(&query, row);
    enum error error = query_row(&query);
    for (; error == OK; error = error == OK ? query_row(&query) : error) {
        struct skipped_key key;
        query_get_fixed(&query, 0, key.chain_id, CHAIN_ID_BYTES);
        key.n = query_get_u32(&query, 1);
        query_get_fixed(&query, 2, key.key.bytes, sizeof(key.key.bytes));
        key.stored_ms = query_get_u64(&query, 3);
        error = session_add_skipped(state, &key);
        wipe(&key, sizeof(key));
    }
    return query_end(&query, error == ERR_NOT_FOUND ? OK : error);
}

static enum error read_past(void *context, uint64_t row, struct session *state) {
    struct query query;
    query_begin(&query, context, "SELECT chain, ended FROM past WHERE session=? ORDER BY row");
    query_u64(&query, row);
    enum error error = query_row(&query);
    for (; error == OK; error = error == OK ? query_row(&query) : error) {
        struct past_chain chain;
        query_get_fixed(&query, 0, chain.chain_id, CHAIN_ID_BYTES);
        chain.ended_ms = query_get_u64(&query, 1);
        error = session_add_past(state, &chain);
    }
    return query_end(&query, error == ERR_NOT_FOUND ? OK : error);
}

static enum error session_get(void *context, const struct user_name *peer,
                              const uint8_t sid[SESSION_ID_BYTES], struct stored_session *session) {
    struct query query;
    struct buffer state;
    uint64_t row = 0;
    memset(session, 0, sizeof(*session));
    buffer_init(&state, SESSION_STATE_MAX_BYTES);
    query_begin(&query, context,
                "SELECT " SESSION_COLUMNS ", row, state FROM session WHERE peer=? AND sid=?");
    bind_key(&query, peer, sid);
    enum error error = query_row(&query);
    if (error == OK) {
        read_info(&query, &session->info);
        row = query_get_u64(&query, 14);
        query_get_buffer(&query, 15, &state);
    }
    error = query_end(&query, error);
    if (error == OK && session_load(buffer_view(&state), &session->state) != OK) {
        error = ERR_STORE_BROKEN;
    }
    buffer_clear(&state);
    if (error == OK) {
        error = read_skipped(context, row, &session->state);
    }
    if (error == OK) {
        error = read_past(context, row, &session->state);
    }
    if (error != OK) {
        session_clear(&session->state);
    }
    return error == ERR_LIMIT ? ERR_STORE_BROKEN : error;
}

static enum error row_of(void *context, const struct session_info *info, uint64_t *row) {
    struct query query;
    query_begin(&query, context, "SELECT row FROM session WHERE peer=? AND sid=?");
    bind_key(&query, &info->peer, info->sid);
    enum error error = query_row(&query);
    *row = error == OK ? query_get_u64(&query, 0) : 0;
    return query_end(&query, error == ERR_NOT_FOUND ? ERR_STORE_BROKEN : error);
}

static enum error add_skipped(void *context, uint64_t row, const struct skipped_key *keys,
                              size_t count) {
    enum error error = OK;
    for (size_t i = 0; error == OK && i < count; i++) {
        struct query query;
        query_begin(&query, context,
                    "INSERT INTO skipped(session, chain, number, key, stored) VALUES(?,?,?,?,?)");
        query_u64(&query, row);
        query_blob(&query, bytes_of(keys[i].chain_id));
        query_u64(&query, keys[i].n);
        query_blob(&query, bytes_of(keys[i].key.bytes));
        query_u64(&query, keys[i].stored_ms);
        error = query_run(&query);
    }
    return error;
}

static enum error add_past(void *context, uint64_t row, const struct past_chain *chains,
                           size_t count) {
    enum error error = OK;
    for (size_t i = 0; error == OK && i < count; i++) {
        struct query query;
        query_begin(&query, context, "INSERT INTO past(session, chain, ended) VALUES(?,?,?)");
        query_u64(&query, row);
        query_blob(&query, bytes_of(chains[i].chain_id));
        query_u64(&query, chains[i].ended_ms);
        error = query_run(&query);
    }
    return error;
}

static enum error drop_used(void *context, uint64_t row, const struct session_change *change) {
    struct query query;
    query_begin(&query, context, "DELETE FROM skipped WHERE session=? AND chain=? AND number=?");
    query_u64(&query, row);
    query_blob(&query, bytes_of(change->used_chain));
    query_u64(&query, change->used_n);
    return query_run(&query);
}

static enum error drop_oldest(void *context, const char *sql, uint64_t row, size_t count) {
    struct query query;
    if (count == 0) {
        return OK;
    }
    query_begin(&query, context, sql);
    query_u64(&query, row);
    query_u64(&query, count);
    return query_run(&query);
}

/* The lists are kept oldest first, and so are the rows. */
static enum error write_change(void *context, uint64_t row, const struct session *state,
                               const struct session_change *change) {
    enum error error = change->used_skipped && !weakened(WEAK_KEEP_USED_KEYS)
                           ? drop_used(context, row, change)
                           : OK;
    if (error == OK) {
        error = drop_oldest(context,
                            "DELETE FROM skipped WHERE row IN"
                            " (SELECT row FROM skipped WHERE session=? ORDER BY row LIMIT ?)",
                            row, change->dropped_skipped);
    }
    if (error == OK) {
        error = drop_oldest(context,
                            "DELETE FROM past WHERE row IN"
                            " (SELECT row FROM past WHERE session=? ORDER BY row LIMIT ?)",
                            row, change->dropped_past);
    }
    if (error == OK) {
        error = add_skipped(context, row, change->added, change->added_count);
    }
    if (error == OK && change->added_past) {
        error = add_past(context, row, &state->past[state->past_count - 1], 1);
    }
    return error;
}

static void bind_use(struct query *query, const struct session_info *info) {
    query_flag(query, info->is_confirmed);
    query_flag(query, info->is_active);
    query_flag(query, info->is_receive_only);
    query_flag(query, info->replaced_confirmed);
    query_u64(query, info->used_ms);
    query_u64(query, info->newest_sent_ms);
    query_u64(query, info->chain_ms);
}

static enum error write_row(void *context, const struct session_info *info, struct bytes state) {
    struct query query;
    query_begin(&query, context,
                "INSERT INTO session(confirmed, active, receive_only, replaced, used, newest_sent,"
                " chain_begun, peer, sid, afp, peer_cid, own, created, expires, state)"
                " VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
    bind_use(&query, info);
    bind_key(&query, &info->peer, info->sid);
    query_blob(&query, bytes_of(info->afp));
    query_blob(&query, bytes_of(info->peer_cid));
    query_flag(&query, info->is_own);
    query_u64(&query, info->created_ms);
    query_u64(&query, info->expires_ms);
    query_blob(&query, state);
    return query_run(&query);
}

static enum error session_insert(void *context, const struct stored_session *session) {
    struct buffer state;
    uint64_t row = 0;
    buffer_init(&state, SESSION_STATE_MAX_BYTES);
    enum error error = session_save(&session->state, &state);
    if (error == OK) {
        error = write_row(context, &session->info, buffer_view(&state));
    }
    buffer_clear(&state);
    if (error == OK) {
        error = row_of(context, &session->info, &row);
    }
    if (error == OK) {
        error = add_skipped(context, row, session->state.skipped, session->state.skipped_count);
    }
    if (error == OK) {
        error = add_past(context, row, session->state.past, session->state.past_count);
    }
    return error;
}

static enum error session_update(void *context, const struct stored_session *session,
                                 const struct session_change *change) {
    struct buffer state;
    struct query query;
    uint64_t row = 0;
    buffer_init(&state, SESSION_STATE_MAX_BYTES);
    enum error error = session_save(&session->state, &state);
    if (error == OK) {
        query_begin(&query, context,
                    "UPDATE session SET confirmed=?, active=?, receive_only=?, replaced=?, used=?,"
                    " newest_sent=?, chain_begun=?, state=? WHERE peer=? AND sid=?");
        bind_use(&query, &session->info);
        query_blob(&query, buffer_view(&state));
        bind_key(&query, &session->info.peer, session->info.sid);
        error = query_run(&query);
    }
    buffer_clear(&state);
    if (error == OK && change != NULL) {
        error = row_of(context, &session->info, &row);
    }
    if (error == OK && change != NULL) {
        error = write_change(context, row, &session->state, change);
    }
    return error;
}

static enum error session_mark(void *context, const struct session_info *info) {
    struct query query;
    query_begin(&query, context,
                "UPDATE session SET confirmed=?, active=?, receive_only=?, replaced=?, used=?,"
                " newest_sent=?, chain_begun=? WHERE peer=? AND sid=?");
    bind_use(&query, info);
    bind_key(&query, &info->peer, info->sid);
    return query_run(&query);
}

static enum error drop_rows(void *context, const char *sql, const struct user_name *peer,
                            const uint8_t *sid) {
    struct query query;
    query_begin(&query, context, sql);
    bind_key(&query, peer, sid);
    return query_run(&query);
}

static enum error session_delete(void *context, const struct user_name *peer,
                                 const uint8_t sid[SESSION_ID_BYTES]) {
    enum error error = drop_rows(
        context,
        "DELETE FROM skipped WHERE session=(SELECT row FROM session WHERE peer=? AND sid=?)", peer,
        sid);
    if (error == OK) {
        error = drop_rows(
            context,
            "DELETE FROM past WHERE session=(SELECT row FROM session WHERE peer=? AND sid=?)", peer,
            sid);
    }
    if (error == OK) {
        error = drop_rows(context, "DELETE FROM session WHERE peer=? AND sid=?", peer, sid);
    }
    return error;
}

static const char *const EXPIRE[] = {
    "DELETE FROM skipped WHERE stored<?1",
    "DELETE FROM past WHERE ended<?1",
    "DELETE FROM skipped WHERE session IN"
    " (SELECT row FROM session WHERE expires<?1 OR (receive_only=1 AND used<?1))",
    "DELETE FROM past WHERE session IN"
    " (SELECT row FROM session WHERE expires<?1 OR (receive_only=1 AND used<?1))",
    "DELETE FROM session WHERE expires<?1 OR (receive_only=1 AND used<?1)",
};

static enum error session_expire(void *context, uint64_t before_ms) {
    enum error error = OK;
    for (size_t i = 0; error == OK && i < sizeof(EXPIRE) / sizeof(EXPIRE[0]); i++) {
        struct query query;
        query_begin(&query, context, EXPIRE[i]);
        query_u64(&query, before_ms);
        error = query_run(&query);
    }
    return error;
}

static enum error session_lost(void *context, uint64_t before_ms, struct user_name *peer,
                               uint32_t *count) {
    struct query query;
    uint64_t session = 0;
    query_begin(&query, context,
                "SELECT session.row, peer, COUNT(*) FROM skipped INDEXED BY skipped_untold"
                " JOIN session ON session.row=skipped.session"
                " WHERE told=0 AND stored<? AND active=1 GROUP BY session.row LIMIT 1");
    query_u64(&query, before_ms);
    enum error error = query_row(&query);
    if (error == OK) {
        session = query_get_u64(&query, 0);
        query_get_name(&query, 1, peer);
        *count = query_get_u32(&query, 2);
    }
    error = query_end(&query, error);
    if (error == OK) {
        query_begin(&query, context,
                    "UPDATE skipped SET told=1 WHERE session=? AND told=0 AND stored<?");
        query_u64(&query, session);
        query_u64(&query, before_ms);
        error = query_run(&query);
    }
    return error;
}

static enum error session_given_up(void *context, const struct user_name *peer,
                                   const uint8_t afp[HASH_BYTES], const struct chain_place *place) {
    struct query query;
    query_begin(&query, context,
                "UPDATE skipped SET told=1 WHERE chain=?1 AND number=?2 AND session IN"
                " (SELECT row FROM session WHERE peer=?3 AND afp=?4)");
    query_blob(&query, bytes_of(place->chain_id));
    query_u64(&query, place->number);
    query_text(&query, peer->text);
    query_blob(&query, bytes_make(afp, HASH_BYTES));
    return query_run(&query);
}

void session_table(struct client_store *store) {
    store->session_list = session_list;
    store->session_get = session_get;
    store->session_insert = session_insert;
    store->session_update = session_update;
    store->session_mark = session_mark;
    store->session_delete = session_delete;
    store->session_expire = session_expire;
    store->session_lost = session_lost;
    store->session_given_up = session_given_up;
}
