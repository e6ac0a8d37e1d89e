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
    struct bytes name = query_bytes(query, 2);
    struct bytes id = query_bytes(query, 3);
    struct bytes stored = query_bytes(query, 5);
    struct bytes data = query_bytes(query, 6);
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
    envelope->accepted_ms = query_u64(query, 4);
    struct row row = {.device = device,
                      .place = query_u64(query, 0),
                      .sender = query_u64(query, 1),
                      .envelope = envelope};
    if (user_name_parse(name, &envelope->from) != OK || checksum(&row, expected) != OK ||
        memcmp(expected, stored.data, DIGEST_BYTES) != 0) {
        envelope_drop(envelope);
        return NULL;
    }
    return envelope;
}

static bool device_exists(struct sqlite_store *store, uint64_t device) {
    struct query query = query_begin(store, SQL_DEVICE_EXISTS);
    query_bind_u64(&query, device);
    bool exists = query_row(&query);
    query_end(&query);
    return exists;
}

/* ERR_NOT_FOUND, ERR_DUPLICATE (`*place`: where it waits, 0: it has left the mailbox),
 * ERR_CONFLICT. */
static enum error find_id(struct sqlite_store *store, const struct store_insert *in,
                          uint64_t *place) {
    enum error result = ERR_NOT_FOUND;
    struct query query = query_begin(store, SQL_ID_FIND);
    *place = 0;
    query_bind_u64(&query, in->recipient);
    query_bind_u64(&query, in->sender);
    query_bind_bytes(&query, bytes_of(in->envelope->id));
    if (query_row(&query)) {
        struct bytes digest = query_bytes(&query, 0);
        result = bytes_equal(digest, bytes_of(in->digest)) ? ERR_DUPLICATE : ERR_CONFLICT;
        *place = query_u64(&query, 1) == 0 ? query_u64(&query, 2) : 0;
    }
    query_end(&query);
    return result;
}

/* Offered again while its row is damaged: the same bytes (their digest says so) mend it in its
 * place. */
static void mend(struct sqlite_store *store, const struct store_insert *in, uint64_t place) {
    struct row row = {
        .device = in->recipient, .place = place, .sender = in->sender, .envelope = in->envelope};
    uint8_t sum[DIGEST_BYTES];
    bool is_damaged = false;
    struct query query = query_begin(store, SQL_MESSAGE_STORED);
    query_bind_u64(&query, in->recipient);
    query_bind_u64(&query, place);
    if (query_row(&query)) {
        struct envelope *stored = read_row(&query, in->recipient);
        is_damaged = stored == NULL;
        envelope_drop(stored);
    }
    query_end(&query);
    if (!is_damaged) {
        return;
    }
    latch(store, checksum(&row, sum));
    query = query_begin(store, SQL_MESSAGE_MEND);
    query_bind_text(&query, in->envelope->from.text);
    query_bind_u64(&query, in->envelope->accepted_ms);
    query_bind_bytes(&query, bytes_of(sum));
    query_bind_bytes(&query, bytes_make(in->envelope->bytes, in->envelope->size));
    query_bind_u64(&query, in->recipient);
    query_bind_u64(&query, place);
    query_run(&query);
}

static void remember(struct sqlite_store *store, const struct store_insert *in, uint64_t now_ms) {
    struct query query = query_begin(store, SQL_ID_INSERT);
    query_bind_u64(&query, in->recipient);
    query_bind_u64(&query, in->sender);
    query_bind_bytes(&query, bytes_of(in->envelope->id));
    query_bind_bytes(&query, bytes_of(in->digest));
    query_bind_u64(&query, in->order);
    if (in->is_acknowledged) {
        query_bind_u64(&query, now_ms);
    } else {
        query_bind_null(&query);
    }
    query_run(&query);
}

static void insert(struct sqlite_store *store, const struct store_insert *in) {
    struct row row = {.device = in->recipient,
                      .place = in->order,
                      .sender = in->sender,
                      .envelope = in->envelope};
    uint8_t sum[DIGEST_BYTES];
    latch(store, checksum(&row, sum));
    struct query query = query_begin(store, SQL_MESSAGE_INSERT);
    query_bind_u64(&query, row.device);
    query_bind_u64(&query, row.place);
    query_bind_u64(&query, row.sender);
    query_bind_text(&query, in->envelope->from.text);
    query_bind_bytes(&query, bytes_of(in->envelope->id));
    query_bind_u64(&query, in->envelope->accepted_ms);
    query_bind_bytes(&query, bytes_of(sum));
    query_bind_bytes(&query, bytes_make(in->envelope->bytes, in->envelope->size));
    query_run(&query);
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
        remember(store, in, now_ms);
        if (!in->is_acknowledged) {
            insert(store, in);
        }
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
    struct query query = query_begin(store, SQL_MESSAGE_READ);
    query_bind_u64(&query, read->device);
    query_bind_u64(&query, read->after);
    query_bind_u64(&query, read->until);
    query_bind_u64(&query, read->max_messages + 1);
    while (query_row(&query)) {
        size_t size = query_bytes(&query, 6).size;
        if (read->count == read->max_messages ||
            (read->count > 0 && bytes + size > read->max_bytes)) {
            read->is_exhausted = false;
            break;
        }
        struct store_message *message = &read->messages[read->count++];
        message->order = query_u64(&query, 0);
        message->envelope = read_row(&query, read->device);
        message->is_damaged = message->envelope == NULL;
        bytes += size;
    }
    query_end(&query);
    op->result = OK;
}

/* Its id is remembered for a while after the message is gone. */
static void leave(struct sqlite_store *store, uint64_t device, uint64_t sender,
                  const uint8_t id[ENVELOPE_ID_BYTES], uint64_t now_ms) {
    struct query query = query_begin(store, SQL_ID_LEAVE);
    query_bind_u64(&query, now_ms);
    query_bind_u64(&query, device);
    query_bind_u64(&query, sender);
    query_bind_bytes(&query, bytes_make(id, ENVELOPE_ID_BYTES));
    query_run(&query);
}

static void delete_one(struct sqlite_store *store, struct store_delete *removal, uint64_t order,
                       uint64_t now_ms) {
    uint8_t id[ENVELOPE_ID_BYTES] = {0};
    uint64_t sender = 0;
    uint64_t size = 0;
    struct query query = query_begin(store, SQL_MESSAGE_AT);
    query_bind_u64(&query, removal->device);
    query_bind_u64(&query, order);
    bool is_there = query_row(&query);
    if (is_there) {
        sender = query_u64(&query, 0);
        query_copy(&query, 1, id, sizeof(id));
        size = query_u64(&query, 2);
    }
    query_end(&query);
    if (!is_there) {
        return;
    }
    leave(store, removal->device, sender, id, now_ms);
    query = query_begin(store, SQL_MESSAGE_DELETE);
    query_bind_u64(&query, removal->device);
    query_bind_u64(&query, order);
    query_run(&query);
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
