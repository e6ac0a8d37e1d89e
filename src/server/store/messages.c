/* SPDX-License-Identifier: ISC */
/* Messages that come in, and that are read. */
#include "server/store/bodies.h"
#include "server/store/marks.h"

#include <string.h>

/* --- whether an id is there --- */

static enum error judge(const struct mark *wanted, const uint8_t stored[MARK_BYTES]) {
    return memcmp(wanted->digest, mark_read(stored).digest, DIGEST_BYTES) == 0 ? ERR_DUPLICATE
                                                                               : ERR_CONFLICT;
}

/* Looks at the ids of one row, `step` bytes apart; `*at`: which of them it is. */
static enum error search(struct bytes stored, size_t step, const struct mark *wanted, size_t *at) {
    for (*at = 0; *at + step <= stored.size; *at += step) {
        if (mark_is(wanted, stored.data + *at)) {
            return judge(wanted, stored.data + *at);
        }
    }
    return ERR_NOT_FOUND;
}

/* Among heads; what a damaged one says of its envelope is no reason to refuse that one again. */
static enum error search_heads(struct bytes heads, uint64_t device, const struct mark *wanted,
                               size_t *at) {
    struct head head;
    enum error result = search(heads, HEAD_BYTES, wanted, at);
    bool is_damaged = result == ERR_CONFLICT && !head_read(heads.data + *at, device, &head);
    return is_damaged ? ERR_DUPLICATE : result;
}

/* Among the marks of one row; the same goes for those. */
static enum error search_marks(struct sqlite_store *store, uint64_t device, uint64_t row,
                               const struct mark *wanted) {
    size_t at;
    struct marks marks;
    struct marks_way way = marks_from(store, device, row);
    enum error result = ERR_NOT_FOUND;
    if (marks_next(&way, &marks)) {
        result = search(marks.bytes, MARK_BYTES, wanted, &at);
        result = result == ERR_CONFLICT && marks.is_damaged ? ERR_DUPLICATE : result;
    }
    marks_end(&way);
    return result;
}

static enum error look(struct sqlite_store *store, uint64_t device, const struct mark *wanted,
                       struct known_row row) {
    size_t at;
    enum error result = ERR_NOT_FOUND;
    if (row.is_mark) {
        return search_marks(store, device, row.row, wanted);
    }
    struct open_run *open = runs_find(&store->runs, device);
    if (open != NULL && open->count > 0 && open->row == row.row) {
        runs_write(store, open);
    }
    struct query query = sql_begin(store, SQL_RUN_HEADS);
    sql_bind_u64(&query, row.row);
    sql_bind_u64(&query, device);
    if (sql_row(&query)) {
        result = search_heads(sql_bytes(&query, 0), device, wanted, &at);
    }
    sql_end(&query);
    return result;
}

/* ERR_NOT_FOUND, ERR_DUPLICATE (`*row`: where it waits, 0: it has left the mailbox), ERR_CONFLICT.
 */
static enum error find_id(struct sqlite_store *store, const struct known_ids *ids,
                          const struct store_insert *in, uint64_t *row) {
    const struct mark mark = mark_of(in);
    enum error result = ERR_NOT_FOUND;
    struct known_row next;
    size_t at = 0;
    *row = 0;
    while (result == ERR_NOT_FOUND && known_next(&store->known, ids, &mark, &at, &next)) {
        result = look(store, in->recipient, &mark, next);
        *row = next.is_mark ? 0 : next.row;
    }
    return result;
}

/* --- mending --- */

/* The envelopes of the row that the query stands at; none when the store has failed. */
static struct opened_body body_of(struct query *query, int column) {
    uint8_t *scratch = runs_scratch(query->store, body_size(query, column));
    return scratch == NULL ? (struct opened_body){.is_whole = false}
                           : body_open(query, column, scratch);
}

static bool is_whole(struct sqlite_store *store, const struct loaded_run *run, size_t at) {
    enum error error = OK;
    struct query query = sql_begin(store, SQL_RUN_ENVELOPES);
    sql_bind_u64(&query, run->row);
    if (sql_row(&query)) {
        error = head_check(run->heads + at, run->device, body_of(&query, 0).envelopes);
    }
    sql_end(&query);
    return error == OK;
}

/* Offered again while it is damaged: the same bytes (their digest says so) mend it in its place. */
static void mend(struct sqlite_store *store, const struct store_insert *in, uint64_t row) {
    const struct mark mark = mark_of(in);
    struct loaded_run run = runs_load_row(store, in->recipient, row);
    const struct bytes heads = bytes_make(run.heads, run.count * HEAD_BYTES);
    size_t at;
    if (search_heads(heads, run.device, &mark, &at) == ERR_DUPLICATE &&
        !is_whole(store, &run, at)) {
        uint8_t bytes[HEAD_BYTES];
        struct head head = {.mark = mark,
                            .place = heads_place(heads, at, run.device, run.last),
                            .accepted_ms = in->envelope->accepted_ms,
                            .from = in->envelope->from,
                            .size = (uint32_t)in->envelope->size};
        store_fail(store, head_write(bytes, run.device, &head), "a row could not be prepared");
        const struct run_change change = {.mended = at / HEAD_BYTES,
                                          .head = bytes,
                                          .envelope =
                                              bytes_make(in->envelope->bytes, in->envelope->size)};
        runs_change(store, &run, &change);
    }
    runs_unload(&run);
}

/* --- insert, recall --- */

static bool follows_conflict(const struct sqlite_store *store, const struct store_op *op) {
    for (size_t i = 0; i < store->conflict_count; i++) {
        if (store->conflicts[i].connection == op->connection &&
            store->conflicts[i].recipient == op->insert->recipient) {
            return true;
        }
    }
    return false;
}

static void append(struct sqlite_store *store, struct open_run *run, struct known_ids *ids,
                   struct store_insert *in) {
    const struct mark mark = mark_of(in);
    runs_make_room(store, run, in->envelope->size);
    if (store->error == OK) {
        known_add(store, ids, &mark, (struct known_row){.row = run->row});
        runs_append(run, in);
    }
}

void run_insert(struct sqlite_store *store, struct store_op *op, uint64_t now_ms) {
    (void)now_ms;
    struct store_insert *in = op->insert;
    uint64_t row;
    op->result = ERR_NOT_FOUND;
    struct known_ids *ids = known_of(store, in->recipient);
    struct open_run *run = ids == NULL ? NULL : runs_begin(store, in->recipient);
    if (run == NULL) {
        return;
    }
    op->result = find_id(store, ids, in, &row);
    if (op->result == ERR_DUPLICATE && row != 0) {
        mend(store, in, row);
    } else if (op->result == ERR_CONFLICT) {
        store->conflicts[store->conflict_count++] =
            (struct conflict){op->connection, in->recipient};
    } else if (op->result == ERR_NOT_FOUND && follows_conflict(store, op)) {
        op->result = ERR_EARLIER_REFUSED;
    } else if (op->result == ERR_NOT_FOUND && in->reader == 0 &&
               known_count(ids) >= store->known.mailbox_max) {
        op->result = ERR_MAILBOX_FULL;
    } else if (op->result == ERR_NOT_FOUND) {
        append(store, run, ids, in);
        op->result = OK;
    }
}

void run_recall(struct sqlite_store *store, struct store_op *op, uint64_t now_ms) {
    (void)now_ms;
    uint64_t row;
    const struct known_ids *ids = known_of(store, op->insert->recipient);
    op->result = ids == NULL ? ERR_NOT_FOUND : find_id(store, ids, op->insert, &row);
    if (op->result == ERR_DUPLICATE && row != 0) {
        mend(store, op->insert, row);
    }
}

/* --- reading --- */

/* The next message for `read`; false: there is no room for it. */
static bool take(struct sqlite_store *store, struct store_read *read, uint64_t place,
                 struct envelope *envelope, size_t *bytes) {
    size_t size = envelope == NULL ? 0 : envelope->size;
    if (store->error != OK || read->count == read->max_messages ||
        (read->count > 0 && *bytes + size > read->max_bytes)) {
        envelope_free(envelope);
        return false;
    }
    read->messages[read->count++] = (struct store_message){
        .order = place, .is_damaged = envelope == NULL, .envelope = envelope};
    *bytes += size;
    return true;
}

/* What a run has for `read`; false: there was no room for all of it. */
static bool take_run(struct sqlite_store *store, struct store_read *read, struct query *query,
                     size_t *bytes) {
    const uint64_t last = sql_u64(query, 0);
    const struct bytes heads = sql_bytes(query, 1);
    const struct opened_body body = body_of(query, 3);
    size_t begin = 0;
    for (size_t at = 0; at + HEAD_BYTES <= heads.size; at += HEAD_BYTES) {
        enum error error = OK;
        struct head head;
        bool fits = head_read(heads.data + at, read->device, &head);
        /* A head's checksum does not cover where its envelope begins. */
        const bool is_sure = body.is_whole && head.at == begin;
        begin += head.size;
        uint64_t place = fits ? head.place : heads_place(heads, at, read->device, last);
        if (place <= read->after || place > read->until) {
            continue;
        }
        struct envelope *envelope = fits ? head_open(&head, body.envelopes, is_sure, &error) : NULL;
        store_fail(store, error == ERR_MEMORY ? error : OK, "out of memory");
        if (!take(store, read, place, envelope, bytes)) {
            return false;
        }
    }
    /* Heads that are missing: of their messages nothing is known but that there are some. */
    return sql_u64(query, 2) <= heads.size / HEAD_BYTES || last > read->until ||
           take(store, read, last, NULL, bytes);
}

/* Whatever the next row holds: stepping to it would read all of it for nothing. */
static bool is_full(const struct store_read *read, size_t bytes) {
    return read->count == read->max_messages || bytes >= read->max_bytes;
}

void run_read(struct sqlite_store *store, struct store_op *op, uint64_t now_ms) {
    (void)now_ms;
    struct store_read *read = op->read;
    size_t bytes = 0;
    uint64_t last = read->after;
    read->count = 0;
    read->is_exhausted = true;
    struct query query = sql_begin(store, SQL_RUN_READ);
    sql_bind_u64(&query, read->device);
    sql_bind_u64(&query, read->after);
    while (read->is_exhausted && last < read->until && sql_row(&query)) {
        last = sql_u64(&query, 0);
        read->is_exhausted =
            take_run(store, read, &query, &bytes) && (last >= read->until || !is_full(read, bytes));
    }
    sql_end(&query);
    op->result = OK;
}

uint64_t messages_damaged(struct sqlite_store *store, enum statement all) {
    uint64_t damaged = 0;
    struct query query = sql_begin(store, all);
    while (sql_row(&query)) {
        const struct bytes heads = sql_bytes(&query, 0);
        const uint64_t device = sql_u64(&query, 1);
        const uint64_t count = sql_u64(&query, 2);
        const struct bytes envelopes = body_of(&query, 3).envelopes;
        const uint64_t present = heads.size / HEAD_BYTES;
        damaged += count > present ? count - present : 0;
        for (size_t at = 0; at + HEAD_BYTES <= heads.size; at += HEAD_BYTES) {
            damaged += head_check(heads.data + at, device, envelopes) != OK ? 1 : 0;
        }
    }
    return damaged;
}
