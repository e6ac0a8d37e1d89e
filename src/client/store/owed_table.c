/* SPDX-License-Identifier: ISC */
/* What the device owes to people until it is done: receipts, numbers that were given up, duties;
 * and the records that limit what is done out of turn. docs/PROTOCOL.md 1.7, 1.8, 1.10. */
#include "client/store/tables.h"

#include "client/store/database.h"

#include <string.h>

/* SQLite's integers are signed. */
static uint64_t storable(uint64_t time_ms) {
    return time_ms > INT64_MAX ? INT64_MAX : time_ms;
}

static void bind_account(struct query *query, const struct user_name *to, const uint8_t *afp) {
    query_text(query, to->text);
    query_blob(query, bytes_make(afp, HASH_BYTES));
}

/* ---- receipts and given-up numbers: lists of which the oldest entries are taken */

static enum error drop_oldest(void *context, const char *sql, const struct user_name *to,
                              const uint8_t *afp, size_t count) {
    struct query query;
    query_begin(&query, context, sql);
    bind_account(&query, to, afp);
    query_u64(&query, count);
    return query_run(&query);
}

static enum error receipt_add(void *context, const struct user_name *to,
                              const uint8_t afp[HASH_BYTES],
                              const uint8_t msg_id[MESSAGE_ID_BYTES]) {
    struct query query;
    query_begin(&query, context,
                "INSERT INTO receipt(peer, afp, msg_id) VALUES(?,?,?) ON CONFLICT DO NOTHING");
    bind_account(&query, to, afp);
    query_blob(&query, bytes_make(msg_id, MESSAGE_ID_BYTES));
    return query_run(&query);
}

static enum error receipt_list(void *context, const struct user_name *to,
                               const uint8_t afp[HASH_BYTES],
                               uint8_t msg_ids[RECEIPTS_MAX][MESSAGE_ID_BYTES], size_t *count) {
    struct query query;
    size_t found = 0;
    query_begin(&query, context,
                "SELECT msg_id FROM receipt WHERE peer=? AND afp=? ORDER BY row LIMIT ?");
    bind_account(&query, to, afp);
    query_u64(&query, RECEIPTS_MAX);
    enum error error = query_row(&query);
    for (; error == OK && found < RECEIPTS_MAX; error = query_row(&query)) {
        query_get_fixed(&query, 0, msg_ids[found++], MESSAGE_ID_BYTES);
    }
    *count = found;
    return query_end(&query, error == ERR_NOT_FOUND ? OK : error);
}

static enum error receipt_clear(void *context, const struct user_name *to,
                                const uint8_t afp[HASH_BYTES], size_t count) {
    return drop_oldest(context,
                       "DELETE FROM receipt WHERE row IN (SELECT row FROM receipt WHERE peer=?"
                       " AND afp=? ORDER BY row LIMIT ?)",
                       to, afp, count);
}

static enum error given_up_add(void *context, const struct user_name *to,
                               const uint8_t afp[HASH_BYTES], const struct chain_place *place) {
    struct query query;
    query_begin(&query, context,
                "INSERT INTO given_up(peer, afp, chain, number) VALUES(?,?,?,?)"
                " ON CONFLICT DO NOTHING");
    bind_account(&query, to, afp);
    query_blob(&query, bytes_of(place->chain_id));
    query_u64(&query, place->number);
    return query_run(&query);
}

static enum error given_up_list(void *context, const struct user_name *to,
                                const uint8_t afp[HASH_BYTES],
                                struct chain_place places[GIVEN_UP_MAX], size_t *count) {
    struct query query;
    size_t found = 0;
    query_begin(&query, context,
                "SELECT chain, number FROM given_up WHERE peer=? AND afp=? ORDER BY row LIMIT ?");
    bind_account(&query, to, afp);
    query_u64(&query, GIVEN_UP_MAX);
    enum error error = query_row(&query);
    for (; error == OK && found < GIVEN_UP_MAX; error = query_row(&query)) {
        query_get_fixed(&query, 0, places[found].chain_id, CHAIN_ID_BYTES);
        places[found++].number = query_get_u32(&query, 1);
    }
    *count = found;
    return query_end(&query, error == ERR_NOT_FOUND ? OK : error);
}

static enum error given_up_clear(void *context, const struct user_name *to,
                                 const uint8_t afp[HASH_BYTES], size_t count) {
    return drop_oldest(context,
                       "DELETE FROM given_up WHERE row IN (SELECT row FROM given_up WHERE peer=?"
                       " AND afp=? ORDER BY row LIMIT ?)",
                       to, afp, count);
}

/* ---- duties */

static void bind_duty(struct query *query, const struct duty *duty) {
    query_text(query, duty->peer.text);
    query_u64(query, duty->kind);
    query_blob(query, bytes_of(duty->data));
}

static enum error duty_put(void *context, const struct duty *duty) {
    struct query query;
    query_begin(&query, context,
                "INSERT INTO duty(peer, kind, data, due) VALUES(?,?,?,?)"
                " ON CONFLICT DO UPDATE SET due=excluded.due"
                " WHERE excluded.due<due AND due<9223372036854775807");
    bind_duty(&query, duty);
    query_u64(&query, storable(duty->due_ms));
    return query_run(&query);
}

static enum error duty_move(void *context, const struct duty *duty, uint64_t due_ms) {
    struct query query;
    query_begin(&query, context, "UPDATE duty SET due=?4 WHERE peer=?1 AND kind=?2 AND data=?3");
    bind_duty(&query, duty);
    query_u64(&query, storable(due_ms));
    return query_run(&query);
}

static enum error duty_next(void *context, const struct duty *after, uint64_t now_ms,
                            struct duty *duty) {
    struct query query;
    query_begin(&query, context,
                "SELECT peer, kind, data, due FROM duty"
                " WHERE (due, peer, kind, data)>(?4, ?1, ?2, ?3) AND due<=?5"
                " ORDER BY due, peer, kind, data LIMIT 1");
    bind_duty(&query, after);
    query_u64(&query, storable(after->due_ms));
    query_u64(&query, now_ms);
    enum error error = query_row(&query);
    if (error == OK) {
        memset(duty, 0, sizeof(*duty));
        query_get_name(&query, 0, &duty->peer);
        duty->kind = (enum duty_kind)query_get_u32(&query, 1);
        query_get_fixed(&query, 2, duty->data, DUTY_DATA_BYTES);
        duty->due_ms = query_get_u64(&query, 3);
    }
    return query_end(&query, error);
}

static enum error duty_coming(void *context, uint64_t now_ms, uint64_t *due_ms) {
    struct query query;
    *due_ms = UINT64_MAX;
    query_begin(
        &query, context,
        "SELECT due FROM duty WHERE due>? AND due<9223372036854775807 ORDER BY due LIMIT 1");
    query_u64(&query, now_ms);
    enum error error = query_row(&query);
    if (error == OK) {
        *due_ms = query_get_u64(&query, 0);
    }
    return query_end(&query, error == ERR_NOT_FOUND ? OK : error);
}

static enum error duty_delete(void *context, const struct user_name *peer, enum duty_kind kind,
                              const uint8_t *data) {
    struct query query;
    query_begin(&query, context,
                "DELETE FROM duty WHERE peer=?1 AND kind=?2 AND (?3 IS NULL OR data=?3)");
    query_text(&query, peer->text);
    query_u64(&query, kind);
    if (data != NULL) {
        query_blob(&query, bytes_make(data, DUTY_DATA_BYTES));
    } else {
        query_null(&query);
    }
    return query_run(&query);
}

static enum error duty_delete_all(void *context, const struct user_name *peer) {
    struct query query;
    query_begin(&query, context, "DELETE FROM duty WHERE peer=?");
    query_text(&query, peer->text);
    return query_run(&query);
}

static enum error duty_count(void *context, const struct user_name *peer, enum duty_kind kind,
                             uint32_t *count) {
    struct query query;
    query_begin(&query, context, "SELECT COUNT(*) FROM duty WHERE peer=? AND kind=?");
    query_text(&query, peer->text);
    query_u64(&query, kind);
    enum error error = query_row(&query);
    *count = error == OK ? query_get_u32(&query, 0) : 0;
    return query_end(&query, error);
}

/* ---- limits */

static enum error forced_add(void *context, const struct user_name *peer, enum forced_kind kind,
                             uint64_t now_ms) {
    struct query query;
    query_begin(&query, context, "INSERT INTO forced(peer, kind, made) VALUES(?,?,?)");
    query_text(&query, peer->text);
    query_u64(&query, kind);
    query_u64(&query, now_ms);
    return query_run(&query);
}

static enum error forced_count(void *context, const struct user_name *peer, enum forced_kind kind,
                               uint64_t since_ms, uint32_t *count, uint64_t *latest_ms) {
    struct query query;
    query_begin(&query, context,
                "SELECT COUNT(*), IFNULL(MAX(made), 0) FROM forced WHERE peer=? AND kind=?"
                " AND made>=?");
    query_text(&query, peer->text);
    query_u64(&query, kind);
    query_u64(&query, since_ms);
    enum error error = query_row(&query);
    *count = error == OK ? query_get_u32(&query, 0) : 0;
    *latest_ms = error == OK ? query_get_u64(&query, 1) : 0;
    return query_end(&query, error);
}

static enum error expire(void *context, const char *sql, uint64_t before_ms) {
    struct query query;
    query_begin(&query, context, sql);
    query_u64(&query, before_ms);
    return query_run(&query);
}

static enum error forced_expire(void *context, uint64_t before_ms) {
    return expire(context, "DELETE FROM forced WHERE made<?", before_ms);
}

static enum error asked_add(void *context, const uint8_t sid[SESSION_ID_BYTES], uint64_t now_ms) {
    struct query query;
    struct database *database = context;
    query_begin(&query, context, "INSERT INTO asked(sid, made) VALUES(?,?) ON CONFLICT DO NOTHING");
    query_blob(&query, bytes_make(sid, SESSION_ID_BYTES));
    query_u64(&query, now_ms);
    enum error error = query_run(&query);
    return error == OK && sqlite3_changes(database->handle) == 0 ? ERR_DUPLICATE : error;
}

static enum error asked_expire(void *context, uint64_t before_ms) {
    return expire(context, "DELETE FROM asked WHERE made<?", before_ms);
}

void owed_table(struct client_store *store) {
    store->receipt_add = receipt_add;
    store->receipt_list = receipt_list;
    store->receipt_clear = receipt_clear;
    store->given_up_add = given_up_add;
    store->given_up_list = given_up_list;
    store->given_up_clear = given_up_clear;
    store->duty_put = duty_put;
    store->duty_move = duty_move;
    store->duty_next = duty_next;
    store->duty_coming = duty_coming;
    store->duty_delete = duty_delete;
    store->duty_delete_all = duty_delete_all;
    store->duty_count = duty_count;
    store->forced_add = forced_add;
    store->forced_count = forced_count;
    store->forced_expire = forced_expire;
    store->asked_add = asked_add;
    store->asked_expire = asked_expire;
}
