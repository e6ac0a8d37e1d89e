/* SPDX-License-Identifier: ISC */
/* What time takes away, a small batch at a time, so that nobody waits for it. */
#include "server/store/leave.h"
#include "server/store/marks.h"

enum { REST_MAX = 1000, INVITE_MEMORY_DAYS = 30 };

static uint64_t before(uint64_t now_ms, uint64_t age_ms) {
    return now_ms < age_ms ? 0 : now_ms - age_ms;
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
    out->messages = 0;
    out->more = false;
    op->result = OK;
    if (!out->is_due) {
        return;
    }
    leave_expired(store, out, before(now_ms, out->keep_ms), now_ms);
    bool more = marks_forget(store, before(now_ms, ENVELOPE_ID_MEMORY_MS));
    more = expire_rest(store, SQL_EXPIRED_ONE_TIME, now_ms) || more;
    more = expire_rest(store, SQL_EXPIRED_HANDOUTS, before(now_ms, DAY_MS)) || more;
    more = expire_rest(store, SQL_EXPIRED_INVITES, before(now_ms, INVITE_MEMORY_DAYS * DAY_MS)) ||
           more;
    out->more = out->more || more;
}
