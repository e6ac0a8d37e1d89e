/* SPDX-License-Identifier: ISC */
#include "client/store/tables.h"

#include "client/store/database.h"

#include <string.h>

#define OUTGOING_COLUMNS                                                                           \
    "row, peer, msg_id, key, sent, state, patient, afp IS NOT NULL, afp, sid IS NOT NULL, sid,"    \
    " chain, number, envelope_id, kind, turn, accepted, delivered, offers, life"

enum { OUTGOING_COLUMN_COUNT = 20 };

/* In the column `patient`. */
enum { IS_PATIENT = 1, IS_FOR_VERIFIED = 2 };

static void read_row(struct query *query, struct outgoing *message) {
    memset(message, 0, sizeof(*message));
    message->row = query_get_u64(query, 0);
    query_get_name(query, 1, &message->to);
    query_get_fixed(query, 2, message->msg_id, MESSAGE_ID_BYTES);
    query_get_text(query, 3, message->key, sizeof(message->key));
    message->sent_ms = query_get_u64(query, 4);
    uint32_t state = query_get_u32(query, 5);
    message->state = OUTGOING_FAILED;
    if (state <= OUTGOING_REPAIR) {
        message->state = (enum outgoing_state)state;
    } else if (query->error == OK) {
        query->error = ERR_STORE_BROKEN;
    }
    uint32_t wishes = query_get_u32(query, 6);
    message->is_patient = (wishes & IS_PATIENT) != 0;
    message->is_for_verified = (wishes & IS_FOR_VERIFIED) != 0;
    message->has_afp = query_get_flag(query, 7);
    if (message->has_afp) {
        query_get_fixed(query, 8, message->afp, HASH_BYTES);
    }
    if (query_get_flag(query, 9)) {
        query_get_fixed(query, 10, message->sid, SESSION_ID_BYTES);
        query_get_fixed(query, 11, message->chain_id, CHAIN_ID_BYTES);
        message->number = query_get_u32(query, 12);
        query_get_fixed(query, 13, message->envelope_id, ENVELOPE_ID_BYTES);
    }
    message->kind = (uint8_t)query_get_u32(query, 14);
    message->turn = query_get_u64(query, 15);
    message->accepted_ms = query_get_u64(query, 16);
    message->delivered_ms = query_get_u64(query, 17);
    message->offers = query_get_u32(query, 18);
    message->life_s = query_get_u32(query, 19);
}

static void bind_optional(struct query *query, bool present, const uint8_t *data, size_t size) {
    if (present) {
        query_blob(query, bytes_make(data, size));
    } else {
        query_null(query);
    }
}

/* What changes on the way; who, when and what stay as they were written, and with them their
 * indexes. */
static void bind_values(struct query *query, const struct outgoing *message) {
    bool is_sealed = message->turn > 0;
    uint64_t wishes =
        (message->is_patient ? IS_PATIENT : 0U) | (message->is_for_verified ? IS_FOR_VERIFIED : 0U);
    query_u64(query, message->state);
    query_u64(query, wishes);
    bind_optional(query, message->has_afp, message->afp, HASH_BYTES);
    bind_optional(query, is_sealed, message->sid, SESSION_ID_BYTES);
    bind_optional(query, is_sealed, message->chain_id, CHAIN_ID_BYTES);
    query_u64(query, message->number);
    bind_optional(query, is_sealed, message->envelope_id, ENVELOPE_ID_BYTES);
    query_u64(query, message->turn);
    query_u64(query, message->accepted_ms);
    query_u64(query, message->delivered_ms);
    query_u64(query, message->offers);
}

static enum error outgoing_add(void *context, struct outgoing *message, struct bytes text,
                               struct bytes envelope) {
    struct query query;
    struct database *database = context;
    query_begin(&query, context,
                "INSERT INTO outgoing(state, patient, afp, sid, chain, number, envelope_id, turn,"
                " accepted, delivered, offers, key, sent, life, kind, peer, msg_id, text, envelope)"
                " VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
    bind_values(&query, message);
    query_text(&query, message->key);
    query_u64(&query, message->sent_ms);
    query_u64(&query, message->life_s);
    query_u64(&query, message->kind);
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
                " AND kind IN (1,8) AND sent>=? ORDER BY row DESC LIMIT 1");
    query_text(&query, to->text);
    query_text(&query, key);
    query_u64(&query, since_ms);
    enum error error = query_row(&query);
    if (error == OK) {
        read_row(&query, message);
    }
    return query_end(&query, error);
}

/* Runs a query of one row. */
static enum error take_row(struct query *query, struct outgoing *message) {
    enum error error = query_row(query);
    if (error == OK) {
        read_row(query, message);
    }
    return query_end(query, error);
}

static enum error outgoing_of_id(void *context, const struct user_name *to,
                                 const uint8_t msg_id[MESSAGE_ID_BYTES], struct outgoing *message) {
    struct query query;
    query_begin(&query, context,
                "SELECT " OUTGOING_COLUMNS " FROM outgoing WHERE msg_id=? AND peer=?"
                " AND kind IN (1,7,8) ORDER BY row DESC LIMIT 1");
    query_blob(&query, bytes_make(msg_id, MESSAGE_ID_BYTES));
    query_text(&query, to->text);
    return take_row(&query, message);
}

static enum error outgoing_next(void *context, enum outgoing_state state, uint64_t turn,
                                uint64_t row, struct outgoing *message) {
    struct query query;
    query_begin(&query, context,
                "SELECT " OUTGOING_COLUMNS " FROM outgoing INDEXED BY outgoing_by_state"
                " WHERE state=?1 AND state<>2 AND state<>3 AND (turn, row)>(?2, ?3)"
                " ORDER BY turn, row LIMIT 1");
    query_u64(&query, state);
    query_u64(&query, turn);
    query_u64(&query, row);
    return take_row(&query, message);
}

static enum error outgoing_sealed(void *context, const struct user_name *to,
                                  const uint8_t afp[HASH_BYTES], uint64_t row,
                                  struct outgoing *message) {
    struct query query;
    query_begin(&query, context,
                "SELECT " OUTGOING_COLUMNS " FROM outgoing INDEXED BY outgoing_sealed"
                " WHERE peer=? AND row>? AND envelope IS NOT NULL AND delivered=0 AND afp=?"
                " ORDER BY row LIMIT 1");
    query_text(&query, to->text);
    query_u64(&query, row);
    query_blob(&query, bytes_make(afp, HASH_BYTES));
    return take_row(&query, message);
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
                "UPDATE outgoing SET state=?, patient=?, afp=?, sid=?, chain=?, number=?,"
                " envelope_id=?, turn=?, accepted=?, delivered=?, offers=? WHERE row=?");
    bind_values(&query, message);
    query_u64(&query, message->row);
    enum error error = query_run(&query);
    return error == OK && envelope != NULL ? set_envelope(context, message->row, *envelope) : error;
}

static enum error outgoing_delete(void *context, uint64_t row) {
    struct query query;
    query_begin(&query, context, "DELETE FROM outgoing WHERE row=?");
    query_u64(&query, row);
    return query_run(&query);
}

static enum error outgoing_is_overdue(void *context, const uint8_t sid[SESSION_ID_BYTES],
                                      uint64_t before_ms, bool *is_overdue) {
    struct query query;
    query_begin(&query, context,
                "SELECT 1 FROM outgoing INDEXED BY outgoing_by_session WHERE sid=? AND delivered=0"
                " AND accepted>0 AND accepted<? AND state=2 AND kind IN (1,7,8) LIMIT 1");
    query_blob(&query, bytes_make(sid, SESSION_ID_BYTES));
    query_u64(&query, before_ms);
    enum error error = query_row(&query);
    *is_overdue = error == OK;
    return query_end(&query, error == ERR_NOT_FOUND ? OK : error);
}

static uint64_t ago(uint64_t now_ms, uint64_t age_ms) {
    return now_ms > age_ms ? now_ms - age_ms : 0;
}

static enum error run_counted(struct query *query, uint32_t *count) {
    struct database *database = query->database;
    enum error error = query_run(query);
    *count = error == OK ? (uint32_t)sqlite3_changes(database->handle) : 0;
    return error;
}

static enum error outgoing_offer_all(void *context, uint64_t now_ms, uint32_t *count) {
    struct query query;
    query_begin(&query, context,
                "UPDATE outgoing INDEXED BY outgoing_unproven SET state=1 WHERE state=2"
                " AND envelope IS NOT NULL AND delivered=0 AND accepted>=?");
    query_u64(&query, ago(now_ms, ENVELOPE_LIFE_MS));
    return run_counted(&query, count);
}

/* On days 1, 7 and 21, the oldest first: a message that missed a day is offered once for it. */
static enum error outgoing_offer_due(void *context, uint64_t now_ms, uint32_t *count) {
    struct query query;
    query_begin(
        &query, context,
        "UPDATE outgoing SET state=1,"
        " offers=CASE WHEN accepted<?4 THEN 3 WHEN accepted<?3 THEN 2 ELSE 1 END WHERE row IN"
        " (SELECT row FROM (SELECT row, ROW_NUMBER() OVER (PARTITION BY peer ORDER BY turn) AS "
        "place"
        "  FROM outgoing INDEXED BY outgoing_unproven WHERE state=2 AND envelope IS NOT NULL"
        "  AND delivered=0 AND kind IN (1,7,8) AND accepted>=?1 AND accepted<?2"
        "  AND offers<CASE WHEN accepted<?4 THEN 3 WHEN accepted<?3 THEN 2 ELSE 1 END)"
        " WHERE place<=?5)");
    query_u64(&query, ago(now_ms, ENVELOPE_LIFE_MS));
    query_u64(&query, ago(now_ms, DAY_MS));
    query_u64(&query, ago(now_ms, 7 * DAY_MS));
    query_u64(&query, ago(now_ms, 21 * DAY_MS));
    query_u64(&query, OFFERS_PER_DAY_MAX);
    return run_counted(&query, count);
}

static enum error outgoing_expire(void *context, uint64_t now_ms) {
    struct query query;
    query_begin(&query, context,
                "DELETE FROM outgoing WHERE row IN (SELECT row FROM outgoing INDEXED BY"
                " outgoing_unproven WHERE envelope IS NOT NULL AND delivered=0 AND state=2"
                " AND accepted<? AND kind IN (2,4,5))");
    query_u64(&query, ago(now_ms, ENVELOPE_LIFE_MS));
    enum error error = query_run(&query);
    if (error == OK) {
        query_begin(&query, context,
                    "UPDATE outgoing INDEXED BY outgoing_unproven SET envelope=NULL"
                    " WHERE envelope IS NOT NULL AND delivered=0 AND state=2 AND accepted<?");
        query_u64(&query, ago(now_ms, ENVELOPE_LIFE_MS));
        error = query_run(&query);
    }
    return error;
}

static enum error outgoing_forget(void *context, uint64_t now_ms) {
    struct query query;
    query_begin(&query, context,
                "UPDATE outgoing INDEXED BY outgoing_living SET text=x'', life=0 WHERE life>0"
                " AND sent+1000*life<? AND (delivered>0 OR state=3 OR (state=2 AND envelope IS"
                " NULL))");
    query_u64(&query, now_ms);
    return query_run(&query);
}

static enum error written_next(void *context, const struct user_name *with, uint64_t sent_ms,
                               struct outgoing *message, struct buffer *text) {
    struct query query;
    query_begin(&query, context,
                with == NULL
                    ? "SELECT " OUTGOING_COLUMNS ", text FROM outgoing INDEXED BY outgoing_written"
                      " WHERE kind IN (1,7,8) AND sent>? AND state<>3 ORDER BY sent LIMIT 1"
                    : "SELECT " OUTGOING_COLUMNS ", text FROM outgoing INDEXED BY outgoing_with"
                      " WHERE kind IN (1,7,8) AND sent>? AND peer=? AND state<>3"
                      " ORDER BY sent LIMIT 1");
    query_u64(&query, sent_ms);
    if (with != NULL) {
        query_text(&query, with->text);
    }
    enum error error = query_row(&query);
    if (error == OK) {
        read_row(&query, message);
        query_get_buffer(&query, OUTGOING_COLUMN_COUNT, text);
    }
    return query_end(&query, error);
}

static enum error written_back(void *context, const struct user_name *with, uint64_t sent_ms,
                               uint64_t *found) {
    struct query query;
    query_begin(&query, context,
                with == NULL ? "SELECT sent FROM outgoing INDEXED BY outgoing_written"
                               " WHERE kind IN (1,7,8) AND sent<? AND state<>3"
                               " ORDER BY sent DESC LIMIT 1"
                             : "SELECT sent FROM outgoing INDEXED BY outgoing_with"
                               " WHERE kind IN (1,7,8) AND sent<? AND peer=? AND state<>3"
                               " ORDER BY sent DESC LIMIT 1");
    query_u64(&query, sent_ms);
    if (with != NULL) {
        query_text(&query, with->text);
    }
    enum error error = query_row(&query);
    if (error == OK) {
        *found = query_get_u64(&query, 0);
    }
    return query_end(&query, error);
}

void outgoing_table(struct client_store *store) {
    store->outgoing_add = outgoing_add;
    store->outgoing_find = outgoing_find;
    store->outgoing_of_id = outgoing_of_id;
    store->outgoing_next = outgoing_next;
    store->outgoing_sealed = outgoing_sealed;
    store->outgoing_text = outgoing_text;
    store->outgoing_envelope = outgoing_envelope;
    store->outgoing_update = outgoing_update;
    store->outgoing_delete = outgoing_delete;
    store->outgoing_is_overdue = outgoing_is_overdue;
    store->outgoing_offer_all = outgoing_offer_all;
    store->outgoing_offer_due = outgoing_offer_due;
    store->outgoing_expire = outgoing_expire;
    store->outgoing_forget = outgoing_forget;
    store->written_next = written_next;
    store->written_back = written_back;
}
