/* SPDX-License-Identifier: ISC */
/* Waiting messages and the memory of their ids. */
#include "server/store/query.h"

#include <stdio.h>
#include <string.h>

/** All that a row says of a message except its envelope. */
struct row {
    uint64_t device;
    uint64_t place;
    uint64_t sender;
    const struct envelope *envelope;
};

/* The first half of SHA-256 over the row: a bit that turned on the disk is noticed before it is
 * handed over. */
static enum error checksum(const struct row *row, uint8_t out[DIGEST_BYTES]) {
    uint8_t numbers[32];
    uint8_t hash[HASH_BYTES];
    const struct envelope *envelope = row->envelope;
    put_u64(numbers, row->device);
    put_u64(numbers + 8, row->place);
    put_u64(numbers + 16, row->sender);
    put_u64(numbers + 24, envelope->accepted_ms);
    const struct bytes parts[] = {
        bytes_of(numbers),
        bytes_make(envelope->from.text, sizeof(envelope->from.text)),
        bytes_of(envelope->id),
        bytes_make(envelope->bytes, envelope->size),
    };
    enum error error = sha256(parts, sizeof(parts) / sizeof(parts[0]), hash);
    memcpy(out, hash, DIGEST_BYTES);
    return error;
}

static void latch(struct sqlite_store *store, enum error error) {
    if (store->error == OK && error != OK) {
        store->error = error;
        snprintf(store->cause, sizeof(store->cause), "a row could not be prepared");
    }
}

/* Columns from 0: place, sender, sender_name, envelope_id, accepted_ms, checksum, envelope. NULL:
 * damaged. */
static struct envelope *read_row(struct query *query, uint64_t device) {
    uint8_t expected[DIGEST_BYTES];
    struct bytes name = sql_bytes(query, 2);
    struct bytes id = sql_bytes(query, 3);
    struct bytes stored = sql_bytes(query, 5);
    struct bytes data = sql_bytes(query, 6);
    if (data.size < ENVELOPE_MIN_BYTES || data.size > ENVELOPE_MAX_BYTES ||
        id.size != ENVELOPE_ID_BYTES || stored.size != DIGEST_BYTES) {
        return NULL;
    }
    struct envelope *envelope = envelope_new(data);
    if (envelope == NULL) {
        latch(query->store, ERR_MEMORY);
        return NULL;
    }
    memcpy(envelope->id, id.data, id.size);
    envelope->accepted_ms = sql_u64(query, 4);
    struct row row = {.device = device,
                      .place = sql_u64(query, 0),
                      .sender = sql_u64(query, 1),
                      .envelope = envelope};
    if (user_name_parse(name, &envelope->from) != OK || checksum(&row, expected) != OK ||
        memcmp(expected, stored.data, DIGEST_BYTES) != 0) {
        envelope_free(envelope);
        return NULL;
    }
    return envelope;
}

static bool device_exists(struct sqlite_store *store, uint64_t device) {
    struct query query = sql_begin(store, SQL_DEVICE_EXISTS);
    sql_bind_u64(&query, device);
    bool exists = sql_row(&query);
    sql_end(&query);
    return exists;
}

/* ERR_NOT_FOUND, ERR_DUPLICATE (`*place`: where it waits, 0: it has left the mailbox),
 * ERR_CONFLICT. */
static enum error find_id(struct sqlite_store *store, const struct store_insert *in,
                          uint64_t *place) {
    enum error result = ERR_NOT_FOUND;
    struct query query = sql_begin(store, SQL_ID_FIND);
    *place = 0;
    sql_bind_u64(&query, in->recipient);
    sql_bind_u64(&query, in->sender);
    sql_bind_bytes(&query, bytes_of(in->envelope->id));
    if (sql_row(&query)) {
        struct bytes digest = sql_bytes(&query, 0);
        result = bytes_equal(digest, bytes_of(in->digest)) ? ERR_DUPLICATE : ERR_CONFLICT;
        *place = sql_u64(&query, 1) == 0 ? sql_u64(&query, 2) : 0;
    }
    sql_end(&query);
    return result;
}

/* Offered again while its row is damaged: the same bytes (their digest says so) mend it in its
 * place. */
static void mend(struct sqlite_store *store, const struct store_insert *in, uint64_t place) {
    struct row row = {
        .device = in->recipient, .place = place, .sender = in->sender, .envelope = in->envelope};
    uint8_t sum[DIGEST_BYTES];
    bool is_damaged = false;
    struct query query = sql_begin(store, SQL_MESSAGE_STORED);
    sql_bind_u64(&query, in->recipient);
    sql_bind_u64(&query, place);
    if (sql_row(&query)) {
        struct envelope *stored = read_row(&query, in->recipient);
        is_damaged = stored == NULL;
        envelope_free(stored);
    }
    sql_end(&query);
    if (!is_damaged) {
        return;
    }
    latch(store, checksum(&row, sum));
    query = sql_begin(store, SQL_MESSAGE_MEND);
    sql_bind_text(&query, in->envelope->from.text);
    sql_bind_u64(&query, in->envelope->accepted_ms);
    sql_bind_bytes(&query, bytes_of(sum));
    sql_bind_bytes(&query, bytes_make(in->envelope->bytes, in->envelope->size));
    sql_bind_u64(&query, in->recipient);
    sql_bind_u64(&query, place);
    sql_run(&query);
}

static void remember(struct sqlite_store *store, const struct store_insert *in) {
    struct query query = sql_begin(store, SQL_ID_INSERT);
    sql_bind_u64(&query, in->recipient);
    sql_bind_u64(&query, in->sender);
    sql_bind_bytes(&query, bytes_of(in->envelope->id));
    sql_bind_bytes(&query, bytes_of(in->digest));
    sql_bind_u64(&query, in->order);
    sql_bind_null(&query); /* not gone yet */
    sql_run(&query);
}

static void insert(struct sqlite_store *store, const struct store_insert *in) {
    struct row row = {.device = in->recipient,
                      .place = in->order,
                      .sender = in->sender,
                      .envelope = in->envelope};
    uint8_t sum[DIGEST_BYTES];
    latch(store, checksum(&row, sum));
    struct query query = sql_begin(store, SQL_MESSAGE_INSERT);
    sql_bind_u64(&query, row.device);
    sql_bind_u64(&query, row.place);
    sql_bind_u64(&query, row.sender);
    sql_bind_text(&query, in->envelope->from.text);
    sql_bind_bytes(&query, bytes_of(in->envelope->id));
    sql_bind_u64(&query, in->envelope->accepted_ms);
    sql_bind_bytes(&query, bytes_of(sum));
    sql_bind_bytes(&query, bytes_make(in->envelope->bytes, in->envelope->size));
    sql_run(&query);
}

static bool follows_conflict(const struct sqlite_store *store, const struct store_op *op) {
    for (size_t i = 0; i < store->conflict_count; i++) {
        if (store->conflicts[i].connection == op->connection &&
            store->conflicts[i].recipient == op->insert->recipient) {
            return true;
        }
    }
    return false;
}

void run_insert(struct sqlite_store *store, struct store_op *op, uint64_t now_ms) {
    (void)now_ms;
    const struct store_insert *in = op->insert;
    uint64_t place;
    if (!device_exists(store, in->recipient)) {
        op->result = ERR_NOT_FOUND;
        return;
    }
    op->result = find_id(store, in, &place);
    if (op->result == ERR_DUPLICATE && place != 0) {
        mend(store, in, place);
    } else if (op->result == ERR_CONFLICT) {
        store->conflicts[store->conflict_count++] =
            (struct conflict){op->connection, in->recipient};
    } else if (op->result == ERR_NOT_FOUND && follows_conflict(store, op)) {
        op->result = ERR_EARLIER_REFUSED;
    } else if (op->result == ERR_NOT_FOUND) {
        remember(store, in);
        insert(store, in);
        op->result = OK;
    }
}

void run_recall(struct sqlite_store *store, struct store_op *op, uint64_t now_ms) {
    (void)now_ms;
    uint64_t place;
    op->result = find_id(store, op->insert, &place);
    if (op->result == ERR_DUPLICATE && place != 0) {
        mend(store, op->insert, place);
    }
}

void run_read(struct sqlite_store *store, struct store_op *op, uint64_t now_ms) {
    (void)now_ms;
    struct store_read *read = op->read;
    size_t bytes = 0;
    read->count = 0;
    read->is_exhausted = true;
    struct query query = sql_begin(store, SQL_MESSAGE_READ);
    sql_bind_u64(&query, read->device);
    sql_bind_u64(&query, read->after);
    sql_bind_u64(&query, read->until);
    sql_bind_u64(&query, read->max_messages + 1);
    while (sql_row(&query)) {
        size_t size = sql_bytes(&query, 6).size;
        if (read->count == read->max_messages ||
            (read->count > 0 && bytes + size > read->max_bytes)) {
            read->is_exhausted = false;
            break;
        }
        struct store_message *message = &read->messages[read->count++];
        message->order = sql_u64(&query, 0);
        message->envelope = read_row(&query, read->device);
        message->is_damaged = message->envelope == NULL;
        bytes += size;
    }
    sql_end(&query);
    op->result = OK;
}

/* Its id is remembered for a while after the message is gone. */
static void leave(struct sqlite_store *store, uint64_t device, uint64_t sender,
                  const uint8_t id[ENVELOPE_ID_BYTES], uint64_t now_ms) {
    struct query query = sql_begin(store, SQL_ID_LEAVE);
    sql_bind_u64(&query, now_ms);
    sql_bind_u64(&query, device);
    sql_bind_u64(&query, sender);
    sql_bind_bytes(&query, bytes_make(id, ENVELOPE_ID_BYTES));
    sql_run(&query);
}

static void delete_one(struct sqlite_store *store, struct store_delete *removal, uint64_t order,
                       uint64_t now_ms) {
    uint8_t id[ENVELOPE_ID_BYTES] = {0};
    uint64_t sender = 0;
    uint64_t size = 0;
    struct query query = sql_begin(store, SQL_MESSAGE_AT);
    sql_bind_u64(&query, removal->device);
    sql_bind_u64(&query, order);
    bool is_there = sql_row(&query);
    if (is_there) {
        sender = sql_u64(&query, 0);
        sql_copy(&query, 1, id, sizeof(id));
        size = sql_u64(&query, 2);
    }
    sql_end(&query);
    if (!is_there) {
        return;
    }
    leave(store, removal->device, sender, id, now_ms);
    query = sql_begin(store, SQL_MESSAGE_DELETE);
    sql_bind_u64(&query, removal->device);
    sql_bind_u64(&query, order);
    sql_run(&query);
    removal->removed_messages++;
    removal->removed_bytes += size;
}

void run_delete(struct sqlite_store *store, struct store_op *op, uint64_t now_ms) {
    struct store_delete *removal = op->removal;
    removal->removed_messages = 0;
    removal->removed_bytes = 0;
    for (size_t i = 0; i < removal->count; i++) {
        delete_one(store, removal, removal->orders[i], now_ms);
    }
    op->result = OK;
}

uint64_t messages_damaged(struct sqlite_store *store) {
    uint64_t damaged = 0;
    struct query query = sql_begin(store, SQL_MESSAGE_ALL);
    while (sql_row(&query)) {
        struct envelope *envelope = read_row(&query, sql_u64(&query, 7));
        damaged += envelope == NULL ? 1 : 0;
        envelope_free(envelope);
    }
    return damaged;
}
