/* SPDX-License-Identifier: ISC */
#include "server/store/bodies.h"

#include <stdlib.h>
#include <string.h>

enum { SCRATCH_FIRST_BYTES = 64 * 1024 };

void runs_clear(struct runs *runs) {
    runs_forget(runs);
    free(runs->open);
    free(runs->same_bucket);
    free(runs->scratch);
    *runs = (struct runs){.count = 0};
}

void runs_forget(struct runs *runs) {
    runs->count = 0;
    memset(runs->buckets, 0, sizeof(runs->buckets));
    runs->next_row = 0;
    runs->next_mark = 0;
}

uint8_t *runs_scratch(struct sqlite_store *store, size_t size) {
    struct runs *runs = &store->runs;
    if (size > runs->scratch_size || runs->scratch == NULL) {
        size_t room = size < SCRATCH_FIRST_BYTES ? SCRATCH_FIRST_BYTES : size;
        uint8_t *more = realloc(runs->scratch, room);
        if (more == NULL) {
            store_fail(store, ERR_MEMORY, "out of memory");
            return NULL;
        }
        runs->scratch = more;
        runs->scratch_size = room;
    }
    return store->error == OK ? runs->scratch : NULL;
}

static uint64_t next(struct sqlite_store *store, uint64_t *number, enum statement which) {
    if (*number == 0) {
        struct query query = sql_begin(store, which);
        if (sql_row(&query)) {
            *number = sql_u64(&query, 0);
        }
        sql_end(&query);
    }
    return (*number)++;
}

uint64_t runs_next_row(struct sqlite_store *store) {
    return next(store, &store->runs.next_row, SQL_RUN_NEXT);
}

uint64_t runs_next_mark(struct sqlite_store *store) {
    return next(store, &store->runs.next_mark, SQL_MARK_NEXT);
}

/* --- what gathers --- */

static bool grow(struct sqlite_store *store) {
    struct runs *runs = &store->runs;
    size_t room = runs->room == 0 ? 64 : 2 * runs->room;
    struct open_run *open = realloc(runs->open, room * sizeof(*open));
    runs->open = open == NULL ? runs->open : open;
    uint16_t *same = realloc(runs->same_bucket, room * sizeof(*same));
    runs->same_bucket = same == NULL ? runs->same_bucket : same;
    if (open == NULL || same == NULL) {
        store_fail(store, ERR_MEMORY, "out of memory");
        return false;
    }
    runs->room = room;
    return true;
}

struct open_run *runs_find(struct runs *runs, uint64_t device) {
    size_t at = runs->buckets[device % OPEN_BUCKETS];
    while (at != 0 && runs->open[at - 1].device != device) {
        at = runs->same_bucket[at - 1];
    }
    return at == 0 ? NULL : &runs->open[at - 1];
}

struct open_run *runs_begin(struct sqlite_store *store, uint64_t device) {
    struct runs *runs = &store->runs;
    struct open_run *run = runs_find(runs, device);
    if (run != NULL) {
        return run;
    }
    if (runs->count == runs->room && !grow(store)) {
        return NULL;
    }
    run = &runs->open[runs->count];
    *run = (struct open_run){.device = device};
    runs->same_bucket[runs->count] = runs->buckets[device % OPEN_BUCKETS];
    runs->buckets[device % OPEN_BUCKETS] = (uint16_t)++runs->count;
    return run;
}

void runs_make_room(struct sqlite_store *store, struct open_run *run, size_t size) {
    if (run->count == RUN_MAX_MESSAGES || (run->count > 0 && run->bytes + size > RUN_MAX_BYTES)) {
        runs_write(store, run);
    }
    if (run->count == 0) {
        run->row = runs_next_row(store);
        run->first = NULL;
    }
}

void runs_append(struct open_run *run, struct store_insert *insert) {
    insert->next_in_run = NULL;
    *(run->first == NULL ? &run->first : &run->newest->next_in_run) = insert;
    run->newest = insert;
    run->count++;
    run->bytes += insert->envelope->size;
}

/* Writes heads and envelopes behind each other into `out`. */
static enum error pack(const struct open_run *run, uint8_t *heads, uint8_t *envelopes) {
    enum error error = OK;
    uint32_t at = 0;
    for (const struct store_insert *in = run->first; in != NULL && error == OK;
         in = in->next_in_run) {
        const struct envelope *envelope = in->envelope;
        struct head head = {.place = in->order,
                            .accepted_ms = envelope->accepted_ms,
                            .from = envelope->from,
                            .at = at,
                            .size = (uint32_t)envelope->size};
        head.mark = mark_of(in);
        error = head_write(heads, run->device, &head);
        memcpy(envelopes + at, envelope->bytes, envelope->size);
        at += head.size;
        heads += HEAD_BYTES;
    }
    return error;
}

void runs_insert(struct sqlite_store *store, const struct new_run *run) {
    struct body body = body_put(store, run->row, run->envelopes, run->size, false);
    struct query query = sql_begin(store, SQL_RUN_INSERT);
    sql_bind_u64(&query, run->row);
    sql_bind_u64(&query, run->device);
    sql_bind_u64(&query, run->last);
    sql_bind_u64(&query, run->count);
    sql_bind_u64(&query, run->size);
    sql_bind_u64(&query, run->accepted_ms);
    body_bind(&query, &body);
    sql_bind_bytes(&query, run->heads);
    sql_run(&query);
    secret_32_clear(&body.key);
}

void runs_write(struct sqlite_store *store, struct open_run *run) {
    size_t heads = run->count * HEAD_BYTES;
    uint8_t *scratch =
        run->count == 0 ? NULL : runs_scratch(store, heads + run->bytes + GCM_TAG_BYTES);
    if (scratch == NULL) {
        return;
    }
    enum error error = pack(run, scratch, scratch + heads);
    if (error != OK) {
        store_fail(store, error, "a row could not be prepared");
        return;
    }
    const struct new_run made = {.row = run->row,
                                 .device = run->device,
                                 .last = run->newest->order,
                                 .count = run->count,
                                 .accepted_ms = run->newest->envelope->accepted_ms,
                                 .heads = bytes_make(scratch, heads),
                                 .envelopes = scratch + heads,
                                 .size = run->bytes};
    runs_insert(store, &made);
    run->count = 0;
    run->bytes = 0;
}

void runs_write_all(struct sqlite_store *store) {
    struct runs *runs = &store->runs;
    for (size_t i = 0; i < runs->count; i++) {
        runs_write(store, &runs->open[i]);
        runs->buckets[runs->open[i].device % OPEN_BUCKETS] = 0;
    }
    runs->count = 0;
}

/* --- what is changed --- */

static struct loaded_run take(const struct query *query) {
    struct loaded_run run = {.row = 0};
    const struct bytes heads = sql_bytes(query, 0);
    /* No row is written with more: what is behind them is none of it. */
    const size_t there = heads.size / HEAD_BYTES;
    const size_t count = there < RUN_MAX_MESSAGES ? there : RUN_MAX_MESSAGES;
    run.heads = malloc(count * HEAD_BYTES + 1);
    if (run.heads == NULL) {
        store_fail(query->store, ERR_MEMORY, "out of memory");
        return run;
    }
    if (count > 0) {
        memcpy(run.heads, heads.data, count * HEAD_BYTES);
    }
    run.count = count;
    run.last = sql_u64(query, 1);
    run.row = sql_u64(query, 2);
    run.bytes = sql_u64(query, 3);
    run.is_apart = sql_u64(query, 4) != 0;
    run.device = sql_u64(query, 5);
    run.accepted_ms = sql_u64(query, 6);
    return run;
}

static struct loaded_run load(struct query *query) {
    struct loaded_run run = {.row = 0};
    if (sql_row(query)) {
        run = take(query);
    }
    sql_end(query);
    return run;
}

struct loaded_run runs_load_oldest(struct sqlite_store *store) {
    struct query query = sql_begin(store, SQL_RUN_OLDEST);
    return load(&query);
}

struct loaded_run runs_load_any(struct sqlite_store *store, uint64_t device) {
    struct query query = sql_begin(store, SQL_RUN_OF);
    sql_bind_u64(&query, device);
    return load(&query);
}

struct loaded_run runs_load(struct sqlite_store *store, uint64_t device, uint64_t place) {
    struct query query = sql_begin(store, SQL_RUN_AT);
    sql_bind_u64(&query, device);
    sql_bind_u64(&query, place);
    return load(&query);
}

struct loaded_run runs_load_row(struct sqlite_store *store, uint64_t device, uint64_t row) {
    struct query query = sql_begin(store, SQL_RUN_HEADS);
    sql_bind_u64(&query, row);
    sql_bind_u64(&query, device);
    return load(&query);
}

void runs_unload(struct loaded_run *run) {
    free(run->heads);
    *run = (struct loaded_run){.row = 0};
}

/* The bytes of a message as far as they are there. */
static struct bytes part_of(const uint8_t *head, struct bytes envelopes) {
    size_t at = head_at(head);
    size_t size = head_size(head);
    if (at > envelopes.size || size > envelopes.size - at) {
        return bytes_make(NULL, 0);
    }
    return bytes_make(envelopes.data + at, size);
}

/* Heads move to the front of `run`, envelopes to `out`; the number of bytes there. */
static size_t repack(struct loaded_run *run, const struct run_change *change,
                     struct bytes envelopes, uint8_t *out) {
    size_t kept = 0;
    size_t bytes = 0;
    for (size_t i = 0; i < run->count; i++) {
        uint8_t *head = run->heads + kept * HEAD_BYTES;
        if (change->gone != NULL && change->gone[i]) {
            continue;
        }
        memmove(head, run->heads + i * HEAD_BYTES, HEAD_BYTES);
        struct bytes part = part_of(head, envelopes);
        if (change->mended == i) {
            memcpy(head, change->head, HEAD_BYTES);
            part = change->envelope;
        }
        head_set_at(head, (uint32_t)bytes);
        if (part.size > 0) {
            memcpy(out + bytes, part.data, part.size);
        }
        bytes += part.size;
        kept++;
    }
    run->count = kept;
    return bytes;
}

static void update(struct sqlite_store *store, const struct loaded_run *run, uint8_t *envelopes,
                   size_t size) {
    struct body body = body_put(store, run->row, envelopes, size, run->is_apart);
    struct query query = sql_begin(store, SQL_RUN_UPDATE);
    sql_bind_u64(&query, run->last);
    sql_bind_u64(&query, run->count);
    sql_bind_u64(&query, size);
    body_bind(&query, &body);
    sql_bind_bytes(&query, bytes_make(run->heads, run->count * HEAD_BYTES));
    sql_bind_u64(&query, run->row);
    sql_run(&query);
    secret_32_clear(&body.key);
}

/* What the run has now, repacked; the number of bytes at `*out`. */
static size_t read_and_repack(struct sqlite_store *store, struct loaded_run *run,
                              const struct run_change *change, uint8_t **out) {
    struct query query = sql_begin(store, SQL_RUN_ENVELOPES);
    size_t size = 0;
    sql_bind_u64(&query, run->row);
    *out = NULL;
    if (sql_row(&query)) {
        /* What they say of their places may overlap. */
        const size_t before = body_size(&query, 0);
        uint8_t *scratch = runs_scratch(store, before + before * run->count +
                                                   change->envelope.size + GCM_TAG_BYTES);
        if (scratch != NULL) {
            const struct opened_body body = body_open(&query, 0, scratch);
            *out = scratch + before;
            size = repack(run, change, body.envelopes, *out);
        }
    }
    sql_end(&query);
    return size;
}

void runs_change(struct sqlite_store *store, struct loaded_run *run,
                 const struct run_change *change) {
    struct head head;
    uint8_t *envelopes;
    const bool is_last_gone = change->gone != NULL && change->gone[run->count - 1];
    const size_t size = read_and_repack(store, run, change, &envelopes);
    if (envelopes == NULL) {
        return;
    }
    if (is_last_gone && run->count > 0 &&
        head_read(run->heads + (run->count - 1) * HEAD_BYTES, run->device, &head)) {
        run->last = head.place;
    }
    update(store, run, envelopes, size);
}

void runs_remove(struct sqlite_store *store, const struct loaded_run *run) {
    sql_run_on(store, SQL_RUN_DELETE, run->row);
    if (run->is_apart) {
        body_remove(store, run->row);
    }
}
