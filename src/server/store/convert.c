/* SPDX-License-Identifier: ISC */
#include "server/store/convert.h"
#include "server/store/bodies.h"
#include "server/store/marks.h"

#include <string.h>

/* A row of OLD_MESSAGES. */
struct old_message {
    uint64_t device;
    struct head head;
    struct bytes envelope;
    bool is_whole;
};

/* The first half of SHA-256 over the row, as schema 1 had it. */
static bool has_checksum(const struct old_message *message, struct bytes stored) {
    uint8_t numbers[32];
    uint8_t hash[HASH_BYTES];
    const struct head *head = &message->head;
    put_u64(numbers, message->device);
    put_u64(numbers + 8, head->place);
    put_u64(numbers + 16, head->mark.sender);
    put_u64(numbers + 24, head->accepted_ms);
    const struct bytes parts[] = {
        bytes_of(numbers),
        bytes_make(head->from.text, sizeof(head->from.text)),
        bytes_of(head->mark.id),
        message->envelope,
    };
    return stored.size == DIGEST_BYTES &&
           sha256(parts, sizeof(parts) / sizeof(parts[0]), hash) == OK &&
           memcmp(hash, stored.data, DIGEST_BYTES) == 0;
}

/* A value of another length is none: what it belongs to is damaged, or is not known again. */
static void copy(struct bytes from, uint8_t *to, size_t size) {
    if (from.size == size) {
        memcpy(to, from.data, size);
    }
}

static struct old_message read_message(const struct query *query) {
    struct old_message message = {
        .device = sql_u64(query, 0),
        .head = {.place = sql_u64(query, 1), .accepted_ms = sql_u64(query, 5)},
        .envelope = sql_bytes(query, 7),
    };
    struct head *head = &message.head;
    head->mark.sender = sql_u64(query, 2);
    head->size = (uint32_t)message.envelope.size;
    bool has_name = user_name_parse(sql_bytes(query, 3), &head->from) == OK;
    copy(sql_bytes(query, 4), head->mark.id, sizeof(head->mark.id));
    copy(sql_bytes(query, 8), head->mark.digest, sizeof(head->mark.digest));
    message.is_whole = has_name && message.envelope.size >= ENVELOPE_MIN_BYTES &&
                       message.envelope.size <= ENVELOPE_MAX_BYTES &&
                       has_checksum(&message, sql_bytes(query, 6));
    return message;
}

/* The envelopes are copied: those that stand apart are encrypted where they are. */
static void put_run(struct sqlite_store *store, struct new_run run, struct bytes envelopes) {
    run.row = runs_next_row(store);
    run.envelopes = runs_scratch(store, envelopes.size + GCM_TAG_BYTES);
    run.size = envelopes.size;
    if (run.envelopes == NULL) {
        return;
    }
    if (envelopes.size > 0) {
        memcpy(run.envelopes, envelopes.data, envelopes.size);
    }
    runs_insert(store, &run);
}

static void put_message(struct sqlite_store *store, const struct old_message *message) {
    uint8_t head[HEAD_BYTES];
    store_fail(store, head_write(head, message->device, &message->head),
               "a row could not be prepared");
    if (!message->is_whole) {
        head_spoil(head);
    }
    const struct new_run run = {.device = message->device,
                                .last = message->head.place,
                                .count = 1,
                                .accepted_ms = message->head.accepted_ms,
                                .heads = bytes_of(head)};
    put_run(store, run, message->envelope);
}

static void convert_ids(struct sqlite_store *store) {
    struct query old = sql_begin(store, SQL_OLD_IDS);
    while (sql_row(&old)) {
        uint8_t mark[MARK_BYTES] = {0};
        put_u64(mark, sql_u64(&old, 1));
        copy(sql_bytes(&old, 2), mark + 8, ENVELOPE_ID_BYTES);
        copy(sql_bytes(&old, 3), mark + 8 + ENVELOPE_ID_BYTES, DIGEST_BYTES);
        marks_add(store, runs_next_mark(store), sql_u64(&old, 0), sql_u64(&old, 4), bytes_of(mark));
    }
}

void convert_messages(struct sqlite_store *store) {
    struct query old = sql_begin(store, SQL_OLD_MESSAGES);
    while (sql_row(&old)) {
        const struct old_message message = read_message(&old);
        put_message(store, &message);
    }
    convert_ids(store);
    store_execute(store, "PRAGMA secure_delete = ON; DROP TABLE messages; DROP TABLE ids");
}

void convert_runs(struct sqlite_store *store) {
    struct query old = sql_begin(store, SQL_OLD_RUNS);
    while (sql_row(&old)) {
        const struct new_run run = {.device = sql_u64(&old, 0),
                                    .last = sql_u64(&old, 1),
                                    .count = sql_u64(&old, 2),
                                    .accepted_ms = sql_u64(&old, 3),
                                    .heads = sql_bytes(&old, 4)};
        put_run(store, run, sql_bytes(&old, 5));
    }
    old = sql_begin(store, SQL_OLD_MARKS);
    while (sql_row(&old)) {
        marks_add(store, runs_next_mark(store), sql_u64(&old, 0), sql_u64(&old, 1),
                  sql_bytes(&old, 2));
    }
    store_execute(store, "PRAGMA secure_delete = ON; DROP TABLE old_runs; DROP TABLE old_marks");
}

uint64_t convert_damaged(struct sqlite_store *store) {
    uint64_t damaged = 0;
    struct query old = sql_begin(store, SQL_OLD_MESSAGES);
    while (sql_row(&old)) {
        damaged += read_message(&old).is_whole ? 0 : 1;
    }
    return damaged;
}
