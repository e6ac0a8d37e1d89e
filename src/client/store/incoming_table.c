/* SPDX-License-Identifier: ISC */
#include "client/store/tables.h"

#include "client/store/database.h"

#include <string.h>

#define INCOMING_COLUMNS                                                                           \
    "row, peer, afp, msg_id, kind, sent, received, sid, chain, number, from_gap, late, life,"      \
    " held, confirmed, IFNULL(place, 0)"

enum { INCOMING_COLUMN_COUNT = 16 };

static void read_row(struct query *query, struct incoming *message) {
    memset(message, 0, sizeof(*message));
    message->row = query_get_u64(query, 0);
    query_get_name(query, 1, &message->from);
    query_get_fixed(query, 2, message->afp, HASH_BYTES);
    query_get_fixed(query, 3, message->msg_id, MESSAGE_ID_BYTES);
    message->kind = (uint8_t)query_get_u32(query, 4);
    message->sent_ms = query_get_u64(query, 5);
    message->received_ms = query_get_u64(query, 6);
    query_get_fixed(query, 7, message->sid, SESSION_ID_BYTES);
    query_get_fixed(query, 8, message->chain_id, CHAIN_ID_BYTES);
    message->number = query_get_u32(query, 9);
    message->is_from_gap = query_get_flag(query, 10);
    message->is_late = query_get_flag(query, 11);
    message->life_s = query_get_u32(query, 12);
    message->is_held = query_get_flag(query, 13);
    message->is_confirmed = query_get_flag(query, 14);
    message->place = query_get_u64(query, 15);
}

static enum error incoming_add(void *context, struct incoming *message, struct bytes text) {
    struct query query;
    struct database *database = context;
    query_begin(&query, context,
                "INSERT INTO incoming(peer, afp, msg_id, kind, sent, received, sid, chain, number,"
                " from_gap, life, held, confirmed, text) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
    query_text(&query, message->from.text);
    query_blob(&query, bytes_of(message->afp));
    query_blob(&query, bytes_of(message->msg_id));
    query_u64(&query, message->kind);
    query_u64(&query, message->sent_ms);
    query_u64(&query, message->received_ms);
    query_blob(&query, bytes_of(message->sid));
    query_blob(&query, bytes_of(message->chain_id));
    query_u64(&query, message->number);
    query_flag(&query, message->is_from_gap);
    query_u64(&query, message->life_s);
    query_flag(&query, message->is_held);
    query_flag(&query, message->is_confirmed);
    query_blob(&query, text);
    enum error error = query_run(&query);
    if (error == OK) {
        message->row = (uint64_t)sqlite3_last_insert_rowid(database->handle);
    }
    return error;
}

/* `sent` grows strictly on each device. */
static enum error incoming_pending(void *context, const struct user_name *from,
                                   struct incoming *messages, size_t *count) {
    struct query query;
    size_t found = 0;
    query_begin(&query, context,
                "SELECT " INCOMING_COLUMNS " FROM incoming INDEXED BY incoming_pending"
                " WHERE peer=? AND place IS NULL AND held=0 ORDER BY sent, row LIMIT ?");
    query_text(&query, from->text);
    query_u64(&query, *count);
    enum error error = query_row(&query);
    for (; error == OK && found < *count; error = query_row(&query)) {
        read_row(&query, &messages[found++]);
    }
    *count = found;
    return query_end(&query, error == ERR_NOT_FOUND ? OK : error);
}

/* A gap is a stored key: of the same chain and lower, or of an earlier chain (one that came through
 * a gap itself says nothing about other chains). */
static enum error incoming_gap(void *context, const struct incoming *message, uint64_t since_ms,
                               uint64_t *noticed_ms) {
    struct query query;
    query_begin(&query, context,
                "SELECT MAX(stored) FROM skipped"
                " WHERE session=(SELECT row FROM session WHERE peer=? AND sid=?)"
                " AND told=0 AND stored>=? AND CASE WHEN chain=? THEN number<? ELSE ? END"
                " HAVING MAX(stored) IS NOT NULL");
    query_text(&query, message->from.text);
    query_blob(&query, bytes_of(message->sid));
    query_u64(&query, since_ms);
    query_blob(&query, bytes_of(message->chain_id));
    query_u64(&query, message->number);
    query_flag(&query, !message->is_from_gap);
    enum error error = query_row(&query);
    if (error == OK) {
        *noticed_ms = query_get_u64(&query, 0);
    }
    return query_end(&query, error);
}

static enum error incoming_release(void *context, const struct incoming *message) {
    struct query query;
    query_begin(&query, context,
                "UPDATE incoming SET place=(SELECT IFNULL(MAX(place), 0)+1 FROM incoming"
                " WHERE place IS NOT NULL), late=EXISTS(SELECT 1 FROM incoming INDEXED BY"
                " incoming_by_sender WHERE peer=?1 AND afp=?2 AND sent>?3 AND place IS NOT NULL)"
                " WHERE row=?4");
    query_text(&query, message->from.text);
    query_blob(&query, bytes_of(message->afp));
    query_u64(&query, message->sent_ms);
    query_u64(&query, message->row);
    return query_run(&query);
}

/* Runs a query of one row, with its text behind the columns. */
static enum error take_row(struct query *query, struct incoming *message, struct buffer *text) {
    enum error error = query_row(query);
    if (error == OK) {
        read_row(query, message);
        query_get_buffer(query, INCOMING_COLUMN_COUNT, text);
    }
    return query_end(query, error);
}

static enum error incoming_next(void *context, uint64_t place, struct incoming *message,
                                struct buffer *text) {
    struct query query;
    query_begin(&query, context,
                "SELECT " INCOMING_COLUMNS ", text FROM incoming WHERE place>? ORDER BY place"
                " LIMIT 1");
    query_u64(&query, place);
    return take_row(&query, message, text);
}

static enum error received_next(void *context, const struct user_name *with, uint64_t place,
                                struct incoming *message, struct buffer *text) {
    struct query query;
    if (with == NULL) {
        return incoming_next(context, place, message, text);
    }
    query_begin(&query, context,
                "SELECT " INCOMING_COLUMNS ", text FROM incoming INDEXED BY incoming_with"
                " WHERE peer=? AND place IS NOT NULL AND place>? ORDER BY place LIMIT 1");
    query_text(&query, with->text);
    query_u64(&query, place);
    return take_row(&query, message, text);
}

static enum error received_back(void *context, const struct user_name *with, uint64_t place,
                                uint64_t *found, uint64_t *received_ms) {
    struct query query;
    query_begin(&query, context,
                with == NULL ? "SELECT place, received FROM incoming INDEXED BY incoming_by_place"
                               " WHERE place IS NOT NULL AND place<? ORDER BY place DESC LIMIT 1"
                             : "SELECT place, received FROM incoming INDEXED BY incoming_with"
                               " WHERE place IS NOT NULL AND place<? AND peer=?"
                               " ORDER BY place DESC LIMIT 1");
    query_u64(&query, place);
    if (with != NULL) {
        query_text(&query, with->text);
    }
    enum error error = query_row(&query);
    if (error == OK) {
        *found = query_get_u64(&query, 0);
        *received_ms = query_get_u64(&query, 1);
    }
    return query_end(&query, error);
}

static enum error incoming_sender(void *context, const struct user_name *after,
                                  struct user_name *from) {
    struct query query;
    query_begin(&query, context,
                "SELECT peer FROM incoming WHERE place IS NULL AND held=0 AND peer>?"
                " ORDER BY peer LIMIT 1");
    query_text(&query, after->text);
    enum error error = query_row(&query);
    if (error == OK) {
        query_get_name(&query, 0, from);
    }
    return query_end(&query, error);
}

static enum error incoming_accept(void *context, const struct user_name *from,
                                  const uint8_t afp[HASH_BYTES], uint32_t *count) {
    struct query query;
    struct database *database = context;
    query_begin(&query, context,
                "UPDATE incoming SET held=0 WHERE peer=? AND afp=? AND place IS NULL AND held=1");
    query_text(&query, from->text);
    query_blob(&query, bytes_make(afp, HASH_BYTES));
    enum error error = query_run(&query);
    *count = error == OK ? (uint32_t)sqlite3_changes(database->handle) : 0;
    return error;
}

static enum error incoming_held(void *context, const struct user_name *from,
                                const uint8_t afp[HASH_BYTES], uint64_t *row,
                                uint8_t msg_id[MESSAGE_ID_BYTES]) {
    struct query query;
    query_begin(&query, context,
                "SELECT row, msg_id FROM incoming WHERE peer=? AND afp=? AND place IS NULL"
                " AND held=1 AND row>? AND kind IN (1,7,8) ORDER BY row LIMIT 1");
    query_text(&query, from->text);
    query_blob(&query, bytes_make(afp, HASH_BYTES));
    query_u64(&query, *row);
    enum error error = query_row(&query);
    if (error == OK) {
        *row = query_get_u64(&query, 0);
        query_get_fixed(&query, 1, msg_id, MESSAGE_ID_BYTES);
    }
    return query_end(&query, error);
}

/* The first reader counts: one that never comes again must not keep what is to be gone. */
static enum error incoming_expire(void *context, uint64_t now_ms) {
    struct query query;
    query_begin(&query, context,
                "UPDATE incoming SET text=x'', life=0 WHERE life>0 AND received+1000*life<?"
                " AND EXISTS(SELECT 1 FROM cursor WHERE incoming.place>cursor.start"
                "  AND incoming.place<=cursor.place AND NOT EXISTS(SELECT 1 FROM passed"
                "  WHERE passed.cursor=cursor.name AND passed.place=incoming.place))");
    query_u64(&query, now_ms);
    return query_run(&query);
}

static enum error seen_add(void *context, const uint8_t afp[HASH_BYTES],
                           const uint8_t msg_id[MESSAGE_ID_BYTES], uint64_t now_ms) {
    struct query query;
    struct database *database = context;
    query_begin(&query, context,
                "INSERT INTO seen(afp, msg_id, taken) VALUES(?,?,?) ON CONFLICT DO NOTHING");
    query_blob(&query, bytes_make(afp, HASH_BYTES));
    query_blob(&query, bytes_make(msg_id, MESSAGE_ID_BYTES));
    query_u64(&query, now_ms);
    enum error error = query_run(&query);
    return error == OK && sqlite3_changes(database->handle) == 0 ? ERR_DUPLICATE : error;
}

static enum error seen_expire(void *context, uint64_t before_ms) {
    struct query query;
    query_begin(&query, context, "DELETE FROM seen WHERE taken<?");
    query_u64(&query, before_ms);
    return query_run(&query);
}

void incoming_table(struct client_store *store) {
    store->incoming_add = incoming_add;
    store->incoming_pending = incoming_pending;
    store->incoming_gap = incoming_gap;
    store->incoming_release = incoming_release;
    store->incoming_next = incoming_next;
    store->received_next = received_next;
    store->received_back = received_back;
    store->incoming_sender = incoming_sender;
    store->incoming_held = incoming_held;
    store->incoming_accept = incoming_accept;
    store->incoming_expire = incoming_expire;
    store->seen_add = seen_add;
    store->seen_expire = seen_expire;
}
