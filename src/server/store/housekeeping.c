/* SPDX-License-Identifier: ISC */
/* What time takes away, a small batch at a time, so that nobody waits for it. */
#include "server/store/query.h"

#include <string.h>

enum { REST_MAX = 1000, INVITE_MEMORY_DAYS = 30 };

static uint64_t before(uint64_t now_ms, uint64_t age_ms) {
    return now_ms < age_ms ? 0 : now_ms - age_ms;
}

struct expired {
    uint64_t device;
    uint64_t place;
    uint64_t sender;
    uint8_t id[ENVELOPE_ID_BYTES];
    uint64_t size;
};

/* Rows stand in the order in which they came: the first that is young enough ends the search. */
static size_t find_expired(struct sqlite_store *store, uint64_t until_ms, struct expired *found,
                           bool *more) {
    size_t count = 0;
    struct query query = sql_begin(store, SQL_EXPIRED_MESSAGES);
    sql_bind_u64(&query, EXPIRE_MAX);
    while (sql_row(&query) && sql_u64(&query, 5) < until_ms) {
        struct expired *row = &found[count++];
        row->device = sql_u64(&query, 0);
        row->place = sql_u64(&query, 1);
        row->sender = sql_u64(&query, 2);
        sql_copy(&query, 3, row->id, sizeof(row->id));
        row->size = sql_u64(&query, 4);
        if (count == EXPIRE_MAX) {
            break;
        }
    }
    sql_end(&query);
    *more = count == EXPIRE_MAX;
    return count;
}

static void expire_messages(struct sqlite_store *store, struct store_expire *out, uint64_t now_ms) {
    struct expired found[EXPIRE_MAX];
    out->count = find_expired(store, before(now_ms, out->keep_ms), found, &out->more);
    for (size_t i = 0; i < out->count; i++) {
        struct query query = sql_begin(store, SQL_ID_LEAVE);
        sql_bind_u64(&query, now_ms);
        sql_bind_u64(&query, found[i].device);
        sql_bind_u64(&query, found[i].sender);
        sql_bind_bytes(&query, bytes_of(found[i].id));
        sql_run(&query);
        query = sql_begin(store, SQL_MESSAGE_DELETE);
        sql_bind_u64(&query, found[i].device);
        sql_bind_u64(&query, found[i].place);
        sql_run(&query);
        out->removed[i].device = found[i].device;
        out->removed[i].bytes = found[i].size;
    }
}

static bool expire_rest(struct sqlite_store *store, enum statement which, uint64_t until_ms) {
    struct query query = sql_begin(store, which);
    sql_bind_u64(&query, until_ms);
    sql_bind_u64(&query, REST_MAX);
    return sql_run(&query) == REST_MAX;
}

void run_expire(struct sqlite_store *store, struct store_op *op, uint64_t now_ms) {
    struct store_expire *out = op->expire;
    out->count = 0;
    out->more = false;
    op->result = OK;
    if (!out->is_due) {
        return;
    }
    expire_messages(store, out, now_ms);
    bool more = expire_rest(store, SQL_EXPIRED_IDS, before(now_ms, ENVELOPE_ID_MEMORY_MS));
    more = expire_rest(store, SQL_EXPIRED_ONE_TIME, now_ms) || more;
    more = expire_rest(store, SQL_EXPIRED_HANDOUTS, before(now_ms, DAY_MS)) || more;
    more = expire_rest(store, SQL_EXPIRED_INVITES, before(now_ms, INVITE_MEMORY_DAYS * DAY_MS)) ||
           more;
    out->more = out->more || more;
}
