/* SPDX-License-Identifier: ISC */
/* Bookmarks of readers, what they have passed over, and what is unread. */
#include "client/store/tables.h"

#include "client/store/database.h"

#include <string.h>

static enum error find(void *context, const char *name, uint64_t *place) {
    struct query query;
    query_begin(&query, context, "SELECT place FROM cursor WHERE name=?");
    query_text(&query, name);
    enum error error = query_row(&query);
    *place = error == OK ? query_get_u64(&query, 0) : 0;
    return query_end(&query, error);
}

static enum error check_room(void *context) {
    struct query query;
    query_begin(&query, context, "SELECT COUNT(*) FROM cursor");
    enum error error = query_row(&query);
    uint64_t count = error == OK ? query_get_u64(&query, 0) : 0;
    error = query_end(&query, error);
    return error == OK && count >= CURSORS_MAX ? ERR_LIMIT : error;
}

static enum error make(void *context, const char *name, uint64_t start, uint64_t now_ms) {
    struct query query;
    query_begin(&query, context,
                "INSERT INTO cursor(name, start, place, used)"
                " SELECT ?1, at, at, ?3 FROM (SELECT MIN(?2, IFNULL(MAX(place), 0)) AS at"
                " FROM incoming WHERE place IS NOT NULL)");
    query_text(&query, name);
    query_u64(&query, start);
    query_u64(&query, now_ms);
    return query_run(&query);
}

static enum error note_use(void *context, const char *name, uint64_t now_ms) {
    struct query query;
    query_begin(&query, context, "UPDATE cursor SET used=?2 WHERE name=?1 AND used+3600000<?2");
    query_text(&query, name);
    query_u64(&query, now_ms);
    return query_run(&query);
}

/* Ends a transaction: all of it, or nothing. */
static enum error conclude(void *context, enum error error) {
    if (error == OK) {
        error = database_commit(context);
    }
    if (error != OK) {
        database_rollback(context);
    }
    return error;
}

static enum error cursor_open(void *context, const char *name, uint64_t start, uint64_t now_ms,
                              uint64_t *place) {
    enum error error = find(context, name, place);
    if (error == OK) {
        return note_use(context, name, now_ms);
    }
    if (error == ERR_NOT_FOUND) {
        error = database_begin(context);
    }
    if (error != OK) {
        return error;
    }
    error = check_room(context);
    if (error == OK) {
        error = make(context, name, start, now_ms);
    }
    if (error == OK) {
        error = find(context, name, place);
    }
    return conclude(context, error);
}

static enum error cursor_least_used(void *context, char name[CURSOR_NAME_MAX_BYTES + 1]) {
    struct query query;
    query_begin(&query, context,
                "SELECT name FROM cursor WHERE name<>'recv' ORDER BY used, name LIMIT 1");
    enum error error = query_row(&query);
    if (error == OK) {
        query_get_text(&query, 0, name, CURSOR_NAME_MAX_BYTES + 1);
    }
    return query_end(&query, error);
}

static enum error cursor_move(void *context, const char *name, uint64_t place) {
    struct query query;
    query_begin(&query, context, "UPDATE cursor SET place=MAX(place, ?2) WHERE name=?1");
    query_text(&query, name);
    query_u64(&query, place);
    return query_run(&query);
}

/* A cursor moves once for each message that is shown. A message shown twice after a power cut is
 * allowed, a sync for each one is not worth it; the end of the process loses nothing either way. */
static enum error lazily(void *context) {
    return database_run(context, "PRAGMA synchronous=NORMAL");
}

static enum error strictly(void *context, enum error error) {
    enum error full = database_run(context, "PRAGMA synchronous=FULL");
    return error == OK ? full : error;
}

static enum error cursor_put(void *context, const char *name, uint64_t place) {
    enum error error = lazily(context);
    return error == OK ? strictly(context, cursor_move(context, name, place)) : error;
}

static enum error add_passed(void *context, const char *name, uint64_t after, uint64_t until) {
    struct query query;
    query_begin(&query, context,
                "INSERT INTO passed(cursor, place, peer) SELECT ?1, place, peer FROM incoming"
                " WHERE place>?2 AND place<=?3 ON CONFLICT DO NOTHING");
    query_text(&query, name);
    query_u64(&query, after);
    query_u64(&query, until);
    return query_run(&query);
}

/* Marks and cursor together: nothing is handed over twice or never. */
static enum error cursor_pass(void *context, const char *name, uint64_t after, uint64_t until) {
    enum error error = lazily(context);
    if (error != OK) {
        return error;
    }
    error = database_begin(context);
    if (error == OK) {
        error = add_passed(context, name, after, until);
    }
    if (error == OK) {
        error = cursor_move(context, name, until);
    }
    return strictly(context, conclude(context, error));
}

static enum error delete_passed(void *context, const char *name, uint64_t place) {
    struct query query;
    query_begin(&query, context, "DELETE FROM passed WHERE cursor=? AND place=?");
    query_text(&query, name);
    query_u64(&query, place);
    return query_run(&query);
}

static enum error passed_take(void *context, const char *name, uint64_t place) {
    enum error error = lazily(context);
    return error == OK ? strictly(context, delete_passed(context, name, place)) : error;
}

static enum error cursor_drop(void *context, const char *name) {
    struct query query;
    uint64_t place = 0;
    enum error error = find(context, name, &place);
    if (error == OK) {
        error = database_begin(context);
    }
    if (error != OK) {
        return error;
    }
    query_begin(&query, context, "DELETE FROM passed WHERE cursor=?");
    query_text(&query, name);
    error = query_run(&query);
    if (error == OK) {
        query_begin(&query, context, "DELETE FROM cursor WHERE name=?");
        query_text(&query, name);
        error = query_run(&query);
    }
    return conclude(context, error);
}

static enum error passed_next(void *context, const char *name, const struct user_name *from,
                              uint64_t place, uint64_t *next) {
    struct query query;
    if (from == NULL) {
        query_begin(&query, context,
                    "SELECT place FROM passed WHERE cursor=? AND place>? ORDER BY place LIMIT 1");
        query_text(&query, name);
    } else {
        query_begin(&query, context,
                    "SELECT place FROM passed INDEXED BY passed_by_sender WHERE cursor=? AND peer=?"
                    " AND place>? ORDER BY place LIMIT 1");
        query_text(&query, name);
        query_text(&query, from->text);
    }
    query_u64(&query, place);
    enum error error = query_row(&query);
    *next = error == OK ? query_get_u64(&query, 0) : 0;
    return query_end(&query, error);
}

static enum error passed_sender(void *context, const char *name, const struct user_name *after,
                                struct user_name *from, uint32_t *count) {
    struct query query;
    query_begin(&query, context,
                "SELECT peer, COUNT(*) FROM passed INDEXED BY passed_by_sender WHERE cursor=?"
                " AND peer>? GROUP BY peer ORDER BY peer LIMIT 1");
    query_text(&query, name);
    query_text(&query, after->text);
    enum error error = query_row(&query);
    if (error == OK) {
        query_get_name(&query, 0, from);
        *count = query_get_u32(&query, 1);
    }
    return query_end(&query, error);
}

static enum error place_since(void *context, uint64_t received_ms, uint64_t *place) {
    struct query query;
    query_begin(&query, context,
                "SELECT IFNULL((SELECT MIN(place)-1 FROM incoming INDEXED BY incoming_by_time"
                "  WHERE received>=? AND place IS NOT NULL),"
                " IFNULL((SELECT MAX(place) FROM incoming WHERE place IS NOT NULL), 0))");
    query_u64(&query, received_ms);
    enum error error = query_row(&query);
    if (error == OK) {
        *place = query_get_u64(&query, 0);
    }
    return query_end(&query, error);
}

static enum error place_of(void *context, const uint8_t msg_id[MESSAGE_ID_BYTES], uint64_t *place) {
    struct query query;
    query_begin(&query, context,
                "SELECT place FROM incoming WHERE msg_id=? AND place IS NOT NULL"
                " ORDER BY place LIMIT 1");
    query_blob(&query, bytes_make(msg_id, MESSAGE_ID_BYTES));
    enum error error = query_row(&query);
    if (error == OK) {
        *place = query_get_u64(&query, 0);
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
                " +(SELECT COUNT(*) FROM passed WHERE cursor=?1)"
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

/* Three kinds of unread, each by its own index: what stands behind the cursor, what it passed over,
 * and what is not released yet. */
static enum error unread_next(void *context, const char *cursor, const struct user_name *after,
                              struct user_name *from, uint32_t *count) {
    struct query query;
    query_begin(&query, context,
                "SELECT peer, SUM(part) FROM ("
                " SELECT peer, COUNT(*) AS part FROM incoming WHERE place>"
                "  IFNULL((SELECT place FROM cursor WHERE name=?1), 0) GROUP BY peer"
                " UNION ALL SELECT peer, COUNT(*) FROM passed WHERE cursor=?1 GROUP BY peer"
                " UNION ALL SELECT peer, COUNT(*) FROM incoming WHERE place IS NULL AND held=0"
                "  GROUP BY peer"
                ") WHERE peer>?2 GROUP BY peer ORDER BY peer LIMIT 1");
    query_text(&query, cursor);
    query_text(&query, after->text);
    enum error error = query_row(&query);
    if (error == OK) {
        query_get_name(&query, 0, from);
        *count = query_get_u32(&query, 1);
    }
    return query_end(&query, error);
}

void cursor_table(struct client_store *store) {
    store->cursor_open = cursor_open;
    store->cursor_least_used = cursor_least_used;
    store->cursor_put = cursor_put;
    store->cursor_pass = cursor_pass;
    store->cursor_drop = cursor_drop;
    store->passed_take = passed_take;
    store->passed_next = passed_next;
    store->passed_sender = passed_sender;
    store->place_since = place_since;
    store->place_of = place_of;
    store->counts = counts;
    store->unread_next = unread_next;
}
