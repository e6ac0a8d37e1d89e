/* SPDX-License-Identifier: ISC */
#include "client/store/tables.h"

#include "client/store/database.h"

#include <string.h>

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

static enum error cursor_get(void *context, const char *name, uint64_t *place) {
    struct query query;
    query_begin(&query, context, "SELECT place FROM cursor WHERE name=?");
    query_text(&query, name);
    enum error error = query_row(&query);
    *place = error == OK ? query_get_u64(&query, 0) : 0;
    return query_end(&query, error == ERR_NOT_FOUND ? OK : error);
}

static enum error cursor_move(void *context, const char *name, uint64_t place) {
    struct query query;
    query_begin(&query, context,
                "INSERT INTO cursor(name, place) VALUES(?,?)"
                " ON CONFLICT(name) DO UPDATE SET place=MAX(place, excluded.place)");
    query_text(&query, name);
    query_u64(&query, place);
    return query_run(&query);
}

/* A cursor moves once for each message that is shown. A message shown twice after a power cut is
 * allowed, a sync for each one is not worth it; the end of the process loses nothing either way. */
static enum error cursor_put(void *context, const char *name, uint64_t place) {
    enum error error = database_run(context, "PRAGMA synchronous=NORMAL");
    if (error != OK) {
        return error;
    }
    error = cursor_move(context, name, place);
    enum error full = database_run(context, "PRAGMA synchronous=FULL");
    return error == OK ? full : error;
}

static enum error mark_passed(void *context, uint64_t place, bool is_passed) {
    struct query query;
    query_begin(&query, context, "UPDATE incoming SET passed=? WHERE place=?");
    query_flag(&query, is_passed);
    query_u64(&query, place);
    return query_run(&query);
}

/* Mark and cursor together: nothing is shown twice or never. */
static enum error incoming_pass(void *context, const char *name, uint64_t place, bool is_passed) {
    enum error error = database_run(context, "PRAGMA synchronous=NORMAL");
    if (error == OK) {
        error = database_begin(context);
    }
    if (error != OK) {
        return error;
    }
    error = mark_passed(context, place, is_passed);
    if (error == OK) {
        error = cursor_move(context, name, place);
    }
    if (error == OK) {
        error = database_commit(context);
    }
    if (error != OK) {
        database_rollback(context);
    }
    enum error full = database_run(context, "PRAGMA synchronous=FULL");
    return error == OK ? full : error;
}

static enum error passed_next(void *context, uint64_t place, uint64_t *next) {
    struct query query;
    query_begin(&query, context,
                "SELECT place FROM incoming INDEXED BY incoming_passed WHERE passed=1 AND place>?"
                " ORDER BY place LIMIT 1");
    query_u64(&query, place);
    enum error error = query_row(&query);
    *next = error == OK ? query_get_u64(&query, 0) : 0;
    return query_end(&query, error);
}

static enum error passed_sender(void *context, const struct user_name *after,
                                struct user_name *from, uint32_t *count) {
    struct query query;
    query_begin(&query, context,
                "SELECT peer, COUNT(*) FROM incoming INDEXED BY incoming_passed WHERE passed=1"
                " AND peer>? GROUP BY peer ORDER BY peer LIMIT 1");
    query_text(&query, after->text);
    enum error error = query_row(&query);
    if (error == OK) {
        query_get_name(&query, 0, from);
        *count = query_get_u32(&query, 1);
    }
    return query_end(&query, error);
}

static enum error counts(void *context, const char *cursor, struct store_counts *counts) {
    struct query query;
    memset(counts, 0, sizeof(*counts));
    query_begin(&query, context,
                "SELECT (SELECT COUNT(*) FROM outgoing INDEXED BY outgoing_by_state"
                "  WHERE state<>2 AND state<>3 AND delivered=0 AND kind IN (1,7,8)),"
                " (SELECT COUNT(*) FROM incoming WHERE place>"
                "  IFNULL((SELECT place FROM cursor WHERE name=?1), 0))"
                " +(SELECT COUNT(*) FROM incoming WHERE passed=1)"
                " +(SELECT COUNT(*) FROM incoming WHERE place IS NULL AND held=0),"
                " IFNULL(SUM(changed_afp IS NULL AND verified>0), 0),"
                " IFNULL(SUM(changed_afp IS NULL AND verified=0), 0),"
                " IFNULL(SUM(changed_afp IS NOT NULL), 0) FROM peer WHERE afp IS NOT NULL");
    query_text(&query, cursor);
    enum error error = query_row(&query);
    if (error == OK) {
        counts->outbox = query_get_u32(&query, 0);
        counts->unread = query_get_u32(&query, 1);
        counts->verified = query_get_u32(&query, 2);
        counts->unverified = query_get_u32(&query, 3);
        counts->changed = query_get_u32(&query, 4);
    }
    return query_end(&query, error);
}

static enum error unread_next(void *context, const char *cursor, const struct user_name *after,
                              struct user_name *from, uint32_t *count) {
    struct query query;
    query_begin(&query, context,
                "SELECT peer, COUNT(*) FROM incoming WHERE held=0 AND peer>?2 AND (place IS NULL"
                " OR passed=1 OR place>IFNULL((SELECT place FROM cursor WHERE name=?1), 0))"
                " GROUP BY peer ORDER BY peer LIMIT 1");
    query_text(&query, cursor);
    query_text(&query, after->text);
    enum error error = query_row(&query);
    if (error == OK) {
        query_get_name(&query, 0, from);
        *count = query_get_u32(&query, 1);
    }
    return query_end(&query, error);
}

void reading_table(struct client_store *store) {
    store->waiting_add = waiting_add;
    store->waiting_next = waiting_next;
    store->waiting_delete = waiting_delete;
    store->waiting_expire = waiting_expire;
    store->cursor_get = cursor_get;
    store->cursor_put = cursor_put;
    store->incoming_pass = incoming_pass;
    store->passed_next = passed_next;
    store->passed_sender = passed_sender;
    store->counts = counts;
    store->unread_next = unread_next;
}
