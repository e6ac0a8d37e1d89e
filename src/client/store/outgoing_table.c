/* SPDX-License-Identifier: ISC */
#include "client/store/tables.h"

#include "client/store/database.h"

#include <string.h>

#define OUTGOING_COLUMNS                                                                           \
    "row, peer, msg_id, key, sent, state, patient, afp IS NOT NULL, afp, sid, chain, number,"      \
    " envelope_id"

static void read_row(struct query *query, struct outgoing *message) {
    memset(message, 0, sizeof(*message));
    message->row = query_get_u64(query, 0);
    query_get_name(query, 1, &message->to);
    query_get_fixed(query, 2, message->msg_id, MESSAGE_ID_BYTES);
    query_get_text(query, 3, message->key, sizeof(message->key));
    message->sent_ms = query_get_u64(query, 4);
    uint32_t state = query_get_u32(query, 5);
    message->state = OUTGOING_FAILED;
    if (state <= OUTGOING_FAILED) {
        message->state = (enum outgoing_state)state;
    } else if (query->error == OK) {
        query->error = ERR_STORE_BROKEN;
    }
    message->is_patient = query_get_flag(query, 6);
    message->has_afp = query_get_flag(query, 7);
    if (message->has_afp) {
        query_get_fixed(query, 8, message->afp, HASH_BYTES);
    }
    if (message->state == OUTGOING_SEALED || message->state == OUTGOING_ACCEPTED) {
        query_get_fixed(query, 9, message->sid, SESSION_ID_BYTES);
        query_get_fixed(query, 10, message->chain_id, CHAIN_ID_BYTES);
        message->number = query_get_u32(query, 11);
        query_get_fixed(query, 12, message->envelope_id, ENVELOPE_ID_BYTES);
    }
}

static void bind_optional(struct query *query, bool present, const uint8_t *data, size_t size) {
    if (present) {
        query_blob(query, bytes_make(data, size));
    } else {
        query_null(query);
    }
}

static void bind_values(struct query *query, const struct outgoing *message) {
    bool is_sealed = message->state != OUTGOING_QUEUED;
    query_text(query, message->key);
    query_u64(query, message->sent_ms);
    query_u64(query, message->state);
    query_flag(query, message->is_patient);
    bind_optional(query, message->has_afp, message->afp, HASH_BYTES);
    bind_optional(query, is_sealed, message->sid, SESSION_ID_BYTES);
    bind_optional(query, is_sealed, message->chain_id, CHAIN_ID_BYTES);
    query_u64(query, message->number);
    bind_optional(query, is_sealed, message->envelope_id, ENVELOPE_ID_BYTES);
}

static enum error outgoing_add(void *context, struct outgoing *message, struct bytes text,
                               struct bytes envelope) {
    struct query query;
    struct database *database = context;
    query_begin(&query, context,
                "INSERT INTO outgoing(key, sent, state, patient, afp, sid, chain, number,"
                " envelope_id, peer, msg_id, text, envelope) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?)");
    bind_values(&query, message);
    query_text(&query, message->to.text);
    query_blob(&query, bytes_of(message->msg_id));
    query_blob(&query, text);
    bind_optional(&query, envelope.size > 0, envelope.data, envelope.size);
    enum error error = query_run(&query);
    if (error == OK) {
        message->row = (uint64_t)sqlite3_last_insert_rowid(database->handle);
    }
    return error;
}

static enum error outgoing_find(void *context, const struct user_name *to, const char *key,
                                uint64_t since_ms, struct outgoing *message) {
    struct query query;
    query_begin(&query, context,
                "SELECT " OUTGOING_COLUMNS " FROM outgoing WHERE peer=? AND key=? AND state<>3"
                " AND sent>=? ORDER BY row DESC LIMIT 1");
    query_text(&query, to->text);
    query_text(&query, key);
    query_u64(&query, since_ms);
    enum error error = query_row(&query);
    if (error == OK) {
        read_row(&query, message);
    }
    return query_end(&query, error);
}

static enum error outgoing_next(void *context, uint64_t row, struct outgoing *message) {
    struct query query;
    query_begin(&query, context,
                "SELECT " OUTGOING_COLUMNS " FROM outgoing INDEXED BY outgoing_open"
                " WHERE state<2 AND row>? ORDER BY row LIMIT 1");
    query_u64(&query, row);
    enum error error = query_row(&query);
    if (error == OK) {
        read_row(&query, message);
    }
    return query_end(&query, error);
}

static enum error read_buffer(void *context, const char *sql, uint64_t row, struct buffer *out) {
    struct query query;
    query_begin(&query, context, sql);
    query_u64(&query, row);
    enum error error = query_row(&query);
    if (error == OK) {
        query_get_buffer(&query, 0, out);
    }
    return query_end(&query, error == ERR_NOT_FOUND ? ERR_STORE_BROKEN : error);
}

static enum error outgoing_text(void *context, uint64_t row, struct buffer *text) {
    return read_buffer(context, "SELECT text FROM outgoing WHERE row=?", row, text);
}

static enum error outgoing_envelope(void *context, uint64_t row, struct buffer *envelope) {
    return read_buffer(context, "SELECT envelope FROM outgoing WHERE row=?", row, envelope);
}

static enum error set_envelope(void *context, uint64_t row, struct bytes envelope) {
    struct query query;
    query_begin(&query, context, "UPDATE outgoing SET envelope=? WHERE row=?");
    bind_optional(&query, envelope.size > 0, envelope.data, envelope.size);
    query_u64(&query, row);
    return query_run(&query);
}

static enum error outgoing_update(void *context, const struct outgoing *message,
                                  const struct bytes *envelope) {
    struct query query;
    query_begin(&query, context,
                "UPDATE outgoing SET key=?, sent=?, state=?, patient=?, afp=?, sid=?, chain=?,"
                " number=?, envelope_id=? WHERE row=?");
    bind_values(&query, message);
    query_u64(&query, message->row);
    enum error error = query_run(&query);
    return error == OK && envelope != NULL ? set_envelope(context, message->row, *envelope) : error;
}

void outgoing_table(struct client_store *store) {
    store->outgoing_add = outgoing_add;
    store->outgoing_find = outgoing_find;
    store->outgoing_next = outgoing_next;
    store->outgoing_text = outgoing_text;
    store->outgoing_envelope = outgoing_envelope;
    store->outgoing_update = outgoing_update;
}
