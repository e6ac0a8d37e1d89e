/* SPDX-License-Identifier: ISC */
/* Messages that leave their mailbox, acknowledged or too old: their bytes go, their ids are
 * remembered for a while. */
#include "server/store/leave.h"
#include "server/store/marks.h"

#include <stdlib.h>
#include <string.h>

/* --- acknowledged --- */

/* The marks of what leaves one mailbox at one time: a row. */
struct leaving {
    uint64_t device;
    uint64_t row;
    size_t count;
    uint8_t marks[ACKS_PER_FRAME_MAX * MARK_BYTES];
};

static void remember(struct sqlite_store *store, struct leaving *leaving, uint64_t from,
                     const uint8_t *head) {
    const struct mark mark = mark_read(head);
    if (leaving->count == 0) {
        leaving->row = runs_next_mark(store);
    }
    memcpy(leaving->marks + leaving->count++ * MARK_BYTES, head, MARK_BYTES);
    known_move(store, leaving->device, &mark, (struct known_row){.row = from},
               (struct known_row){.is_mark = true, .row = leaving->row});
}

static void write_marks(struct sqlite_store *store, const struct leaving *leaving,
                        uint64_t now_ms) {
    if (leaving->count > 0) {
        marks_add(store, leaving->row, leaving->device, now_ms,
                  bytes_make(leaving->marks, leaving->count * MARK_BYTES));
    }
}

static int by_number(const void *a, const void *b) {
    const uint64_t *x = a;
    const uint64_t *y = b;
    return *x < *y ? -1 : *x > *y;
}

static bool is_acknowledged(const struct store_delete *removal, uint64_t place) {
    return bsearch(&place, removal->orders, removal->count, sizeof(place), by_number) != NULL;
}

/* Takes out of a run what was acknowledged. A head that is damaged was not handed over, whatever
 * place it names. */
static void take_out(struct sqlite_store *store, struct loaded_run *run,
                     struct store_delete *removal, struct leaving *leaving) {
    bool gone[RUN_MAX_MESSAGES] = {false};
    size_t count = 0;
    struct head head;
    for (size_t i = 0; i < run->count; i++) {
        const uint8_t *stored = run->heads + i * HEAD_BYTES;
        gone[i] = leaving->count < ACKS_PER_FRAME_MAX &&
                  is_acknowledged(removal, head_place(stored)) &&
                  head_read(stored, run->device, &head);
        if (gone[i]) {
            remember(store, leaving, run->row, stored);
            removal->removed_messages++;
            removal->removed_bytes += head.size;
            count++;
        }
    }
    if (count > 0 && count == run->count) {
        runs_remove(store, run);
    } else if (count > 0) {
        const struct run_change change = {.gone = gone, .mended = run->count};
        runs_change(store, run, &change);
    }
}

void run_delete(struct sqlite_store *store, struct store_op *op, uint64_t now_ms) {
    struct store_delete *removal = op->removal;
    struct leaving leaving = {.device = removal->device, .count = 0};
    bool more = true;
    removal->removed_messages = 0;
    removal->removed_bytes = 0;
    qsort(removal->orders, removal->count, sizeof(removal->orders[0]), by_number);
    for (size_t at = 0; at < removal->count && more && store->error == OK;) {
        struct loaded_run run = runs_load(store, removal->device, removal->orders[at]);
        const uint64_t last = run.last;
        more = run.row != 0;
        if (more) {
            take_out(store, &run, removal, &leaving);
        }
        /* All that this run may hold is done. */
        while (at < removal->count && removal->orders[at] <= last) {
            at++;
        }
        runs_unload(&run);
    }
    write_marks(store, &leaving, now_ms);
    op->result = OK;
}

/* --- too old --- */

static void expire(struct sqlite_store *store, const struct loaded_run *run, uint64_t now_ms) {
    struct leaving leaving = {.device = run->device, .count = 0};
    for (size_t i = 0; i < run->count; i++) {
        remember(store, &leaving, run->row, run->heads + i * HEAD_BYTES);
    }
    runs_remove(store, run);
    write_marks(store, &leaving, now_ms);
}

/* Rows stand in the order in which they came: the first that is young enough ends the search. */
void leave_expired(struct sqlite_store *store, struct store_expire *out, uint64_t until_ms,
                   uint64_t now_ms) {
    out->count = 0;
    out->messages = 0;
    out->more = true;
    while (out->count < EXPIRE_MAX && out->more) {
        struct loaded_run run = runs_load_oldest(store);
        out->more = run.row != 0 && run.accepted_ms < until_ms;
        if (out->more) {
            out->removed[out->count].device = run.device;
            out->removed[out->count].messages = run.count;
            out->removed[out->count].bytes = run.bytes;
            out->messages += run.count;
            out->count++;
            expire(store, &run, now_ms);
        }
        runs_unload(&run);
    }
}

/* --- of a device that has gone --- */

enum { ERASE_RUNS_MAX = 32 };

void leave_erase_later(struct sqlite_store *store, uint64_t device) {
    known_drop(&store->known, device);
    sql_run_on(store, SQL_ERASE_BEGIN, device);
}

static uint64_t next_to_erase(struct sqlite_store *store) {
    uint64_t device = 0;
    struct query query = sql_begin(store, SQL_ERASE_NEXT);
    if (sql_row(&query)) {
        device = sql_u64(&query, 0);
    }
    sql_end(&query);
    return device;
}

/* Whether there may be more. */
static bool erase_runs(struct sqlite_store *store, uint64_t device) {
    size_t count = 0;
    for (bool more = true; more && count < ERASE_RUNS_MAX && store->error == OK;) {
        struct loaded_run run = runs_load_any(store, device);
        more = run.row != 0;
        if (more) {
            runs_remove(store, &run);
            count++;
        }
        runs_unload(&run);
    }
    return count == ERASE_RUNS_MAX;
}

void run_erase(struct sqlite_store *store, struct store_op *op, uint64_t now_ms) {
    (void)now_ms;
    const uint64_t device = next_to_erase(store);
    op->erase->more = device != 0;
    op->result = OK;
    if (device != 0 && !erase_runs(store, device) && !marks_erase(store, device)) {
        sql_run_on(store, SQL_ERASE_END, device);
    }
}
