/* SPDX-License-Identifier: ISC */
/* Messages that cannot be opened yet. */
#include "client/store/tables.h"

#include "client/store/database.h"

/* The oldest of a sender beyond the limit goes, its envelope into `lost`. */
static enum error waiting_drop_over(void *context, const struct user_name *from,
                                    struct buffer *lost) {
    struct query query;
    query_begin(&query, context,
                "DELETE FROM waiting WHERE row=(SELECT row FROM waiting WHERE peer=?"
                " ORDER BY row DESC LIMIT 1 OFFSET ?) RETURNING envelope");
    query_text(&query, from->text);
    query_u64(&query, WAITING_COMPACT_MAX);
    enum error error = query_row(&query);
    if (error == OK) {
        query_get_buffer(&query, 0, lost);
        error = query_row(&query); /* the end of the statement */
    }
    return query_end(&query, error == ERR_NOT_FOUND ? OK : error);
}

static enum error waiting_add(void *context, const struct user_name *from, struct bytes envelope,
                              uint64_t now_ms, struct buffer *lost) {
    struct query query;
    query_begin(&query, context, "INSERT INTO waiting(peer, received, envelope) VALUES(?,?,?)");
    query_text(&query, from->text);
    query_u64(&query, now_ms);
    query_blob(&query, envelope);
    enum error error = query_run(&query);
    return error == OK ? waiting_drop_over(context, from, lost) : error;
}

static enum error waiting_next(void *context, const struct user_name *from, uint64_t *row,
                               struct buffer *envelope) {
    struct query query;
    query_begin(&query, context,
                "SELECT row, envelope FROM waiting WHERE peer=? AND row>? ORDER BY row LIMIT 1");
    query_text(&query, from->text);
    query_u64(&query, *row);
    enum error error = query_row(&query);
    if (error == OK) {
        *row = query_get_u64(&query, 0);
        query_get_buffer(&query, 1, envelope);
    }
    return query_end(&query, error);
}

static enum error waiting_delete(void *context, uint64_t row) {
    struct query query;
    query_begin(&query, context, "DELETE FROM waiting WHERE row=?");
    query_u64(&query, row);
    return query_run(&query);
}

static enum error waiting_expire(void *context, uint64_t before_ms, struct user_name *from,
                                 struct buffer *envelope) {
    struct query query;
    uint64_t row = 0;
    query_begin(&query, context,
                "SELECT row, peer, envelope FROM waiting WHERE received<? ORDER BY row LIMIT 1");
    query_u64(&query, before_ms);
    enum error error = query_row(&query);
    if (error == OK) {
        row = query_get_u64(&query, 0);
        query_get_name(&query, 1, from);
        query_get_buffer(&query, 2, envelope);
    }
    error = query_end(&query, error);
    return error == OK ? waiting_delete(context, row) : error;
}

void waiting_table(struct client_store *store) {
    store->waiting_add = waiting_add;
    store->waiting_next = waiting_next;
    store->waiting_delete = waiting_delete;
    store->waiting_expire = waiting_expire;
}
