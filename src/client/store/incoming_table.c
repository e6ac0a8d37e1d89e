/* SPDX-License-Identifier: ISC */
#include "client/store/tables.h"

#include "client/store/database.h"

#include <string.h>

#define INCOMING_COLUMNS                                                                           \
    "row, peer, afp, msg_id, kind, sent, received, sid, chain_number, chain, number, missing,"     \
    " held, confirmed, IFNULL(place, 0)"

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
    message->chain_number = query_get_u32(query, 8);
    query_get_fixed(query, 9, message->chain_id, CHAIN_ID_BYTES);
    message->number = query_get_u32(query, 10);
    message->missing = query_get_u32(query, 11);
    message->is_held = query_get_flag(query, 12);
    message->is_confirmed = query_get_flag(query, 13);
    message->place = query_get_u64(query, 14);
}

static enum error incoming_add(void *context, struct incoming *message, struct bytes text) {
    struct query query;
    struct database *database = context;
    query_begin(&query, context,
                "INSERT INTO incoming(peer, afp, msg_id, kind, sent, received, sid, chain_number,"
                " chain, number, missing, held, confirmed, text)"
                " VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
    query_text(&query, message->from.text);
    query_blob(&query, bytes_of(message->afp));
    query_blob(&query, bytes_of(message->msg_id));
    query_u64(&query, message->kind);
    query_u64(&query, message->sent_ms);
    query_u64(&query, message->received_ms);
    query_blob(&query, bytes_of(message->sid));
    query_u64(&query, message->chain_number);
    query_blob(&query, bytes_of(message->chain_id));
    query_u64(&query, message->number);
    query_u64(&query, message->missing);
    query_flag(&query, message->is_held);
    query_flag(&query, message->is_confirmed);
    query_blob(&query, text);
    enum error error = query_run(&query);
    if (error == OK) {
        message->row = (uint64_t)sqlite3_last_insert_rowid(database->handle);
    }
    return error;
}

/* In sending order: sessions in the order in which their first pending message came, then by
 * counters. */
static enum error incoming_pending(void *context, const struct user_name *from,
                                   struct incoming *messages, size_t *count) {
    struct query query;
    size_t found = 0;
    query_begin(&query, context,
                "SELECT " INCOMING_COLUMNS " FROM incoming JOIN"
                " (SELECT sid AS s, MIN(row) AS first FROM incoming WHERE peer=?1 AND place IS NULL"
                " AND held=0 GROUP BY sid) ON s=sid"
                " WHERE peer=?1 AND place IS NULL AND held=0 ORDER BY first, chain_number, number"
                " LIMIT ?2");
    query_text(&query, from->text);
    query_u64(&query, *count);
    enum error error = query_row(&query);
    for (; error == OK && found < *count; error = query_row(&query)) {
        read_row(&query, &messages[found++]);
    }
    *count = found;
    return query_end(&query, error == ERR_NOT_FOUND ? OK : error);
}

static enum error incoming_filled(void *context, const struct incoming *late) {
    struct query query;
    query_begin(&query, context,
                "UPDATE incoming SET missing=missing-1 WHERE row=(SELECT row FROM incoming"
                " WHERE peer=? AND sid=? AND place IS NULL AND missing>0"
                " AND (chain_number, number)>(?,?) ORDER BY chain_number, number LIMIT 1)");
    query_text(&query, late->from.text);
    query_blob(&query, bytes_of(late->sid));
    query_u64(&query, late->chain_number);
    query_u64(&query, late->number);
    return query_run(&query);
}

static enum error incoming_release(void *context, uint64_t row) {
    struct query query;
    query_begin(&query, context,
                "UPDATE incoming SET place=(SELECT IFNULL(MAX(place), 0)+1 FROM incoming"
                " WHERE place IS NOT NULL) WHERE row=?");
    query_u64(&query, row);
    return query_run(&query);
}

static enum error incoming_chain(void *context, const uint8_t sid[SESSION_ID_BYTES],
                                 const uint8_t chain_id[CHAIN_ID_BYTES], uint32_t *chain_number) {
    struct query query;
    query_begin(&query, context,
                "SELECT IFNULL(MAX(chain_number), 0) FROM incoming WHERE sid=? AND chain=?");
    query_blob(&query, bytes_make(sid, SESSION_ID_BYTES));
    query_blob(&query, bytes_make(chain_id, CHAIN_ID_BYTES));
    enum error error = query_row(&query);
    *chain_number = error == OK ? query_get_u32(&query, 0) : 0;
    return query_end(&query, error);
}

static enum error incoming_next(void *context, uint64_t place, struct incoming *message,
                                struct buffer *text) {
    struct query query;
    query_begin(&query, context,
                "SELECT " INCOMING_COLUMNS ", text FROM incoming WHERE place>? ORDER BY place"
                " LIMIT 1");
    query_u64(&query, place);
    enum error error = query_row(&query);
    if (error == OK) {
        read_row(&query, message);
        query_get_buffer(&query, 15, text);
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
    store->incoming_filled = incoming_filled;
    store->incoming_release = incoming_release;
    store->incoming_chain = incoming_chain;
    store->incoming_next = incoming_next;
    store->incoming_sender = incoming_sender;
    store->incoming_accept = incoming_accept;
    store->seen_add = seen_add;
    store->seen_expire = seen_expire;
}
