/* SPDX-License-Identifier: ISC */
#include "server/store/marks.h"

#include <string.h>

enum { ROWS_MAX = 1000 };

/* What a row says of itself, and which one was the newest of its mailbox before it. */
struct row {
    uint64_t row;
    uint64_t device;
    uint64_t earlier;
    uint64_t left_ms;
    struct bytes marks;
};

static enum error checksum(const struct row *row, uint8_t out[DIGEST_BYTES]) {
    uint8_t numbers[32];
    uint8_t hash[HASH_BYTES];
    put_u64(numbers, row->row);
    put_u64(numbers + 8, row->device);
    put_u64(numbers + 16, row->earlier);
    put_u64(numbers + 24, row->left_ms);
    const struct bytes parts[] = {bytes_of(numbers), row->marks};
    enum error error = sha256(parts, 2, hash);
    memcpy(out, hash, DIGEST_BYTES);
    return error;
}

static uint64_t newest(struct sqlite_store *store, uint64_t device) {
    uint64_t row = 0;
    struct query query = sql_begin(store, SQL_MARK_NEWEST);
    sql_bind_u64(&query, device);
    if (sql_row(&query)) {
        row = sql_u64(&query, 0);
    }
    sql_end(&query);
    return row;
}

static void set_newest(struct sqlite_store *store, uint64_t device, uint64_t row) {
    struct query query = sql_begin(store, SQL_MARK_SET_NEWEST);
    sql_bind_u64(&query, device);
    sql_bind_u64(&query, row);
    sql_run(&query);
}

void marks_add(struct sqlite_store *store, uint64_t row, uint64_t device, uint64_t left_ms,
               struct bytes marks) {
    uint8_t digest[DIGEST_BYTES];
    const struct row made = {.row = row,
                             .device = device,
                             .earlier = newest(store, device),
                             .left_ms = left_ms,
                             .marks = marks};
    store_fail(store, checksum(&made, digest), "a row could not be prepared");
    struct query query = sql_begin(store, SQL_MARK_INSERT);
    sql_bind_u64(&query, row);
    sql_bind_u64(&query, device);
    sql_bind_u64(&query, made.earlier);
    sql_bind_u64(&query, left_ms);
    sql_bind_bytes(&query, bytes_of(digest));
    sql_bind_bytes(&query, marks);
    sql_run(&query);
    set_newest(store, device, row);
}

/* Columns: row, device, earlier, left_ms, checksum, marks. */
static struct row read_row(const struct query *query, bool *is_damaged) {
    uint8_t digest[DIGEST_BYTES];
    const struct row row = {.row = sql_u64(query, 0),
                            .device = sql_u64(query, 1),
                            .earlier = sql_u64(query, 2),
                            .left_ms = sql_u64(query, 3),
                            .marks = sql_bytes(query, 5)};
    *is_damaged =
        checksum(&row, digest) != OK || !bytes_equal(bytes_of(digest), sql_bytes(query, 4));
    return row;
}

struct marks_way marks_from(struct sqlite_store *store, uint64_t device, uint64_t row) {
    return (struct marks_way){.query = {.store = store}, .device = device, .row = row};
}

struct marks_way marks_of(struct sqlite_store *store, uint64_t device) {
    return marks_from(store, device, newest(store, device));
}

/* A chain ends at a row that was forgotten. Numbers are given anew when all rows have gone, so the
 * next one has to be of this mailbox, and an earlier one. */
bool marks_next(struct marks_way *way, struct marks *marks) {
    struct sqlite_store *store = way->query.store;
    marks_end(way);
    if (way->row == 0) {
        return false;
    }
    way->query = sql_begin(store, SQL_MARK_AT);
    sql_bind_u64(&way->query, way->row);
    sql_bind_u64(&way->query, way->device);
    if (!sql_row(&way->query)) {
        return false;
    }
    const struct row row = read_row(&way->query, &marks->is_damaged);
    marks->row = row.row;
    marks->bytes = row.marks;
    way->row = row.earlier < row.row ? row.earlier : 0;
    return true;
}

void marks_end(struct marks_way *way) {
    sql_end(&way->query);
}

bool marks_forget(struct sqlite_store *store, uint64_t until_ms) {
    size_t count = 0;
    for (bool more = true; more && count < ROWS_MAX && store->error == OK;) {
        struct query query = sql_begin(store, SQL_MARK_OLDEST);
        uint64_t row = 0;
        uint64_t device = 0;
        if (sql_row(&query) && sql_u64(&query, 2) < until_ms) {
            row = sql_u64(&query, 0);
            device = sql_u64(&query, 1);
        }
        sql_end(&query);
        more = row != 0;
        if (more) {
            known_drop(&store->known, device);
            sql_run_on(store, SQL_MARK_DELETE, row);
            /* Of this mailbox none is left. */
            if (newest(store, device) == row) {
                sql_run_on(store, SQL_MARK_NO_NEWEST, device);
            }
            count++;
        }
    }
    return count == ROWS_MAX;
}

bool marks_erase(struct sqlite_store *store, uint64_t device) {
    struct marks_way way = marks_of(store, device);
    struct marks marks;
    size_t count = 0;
    while (count < ROWS_MAX && marks_next(&way, &marks)) {
        marks_end(&way);
        sql_run_on(store, SQL_MARK_DELETE, marks.row);
        count++;
    }
    marks_end(&way);
    if (count == ROWS_MAX) {
        set_newest(store, device, way.row);
    } else {
        sql_run_on(store, SQL_MARK_NO_NEWEST, device);
    }
    return count == ROWS_MAX;
}

uint64_t marks_damaged(struct sqlite_store *store) {
    uint64_t damaged = 0;
    bool is_damaged;
    struct query query = sql_begin(store, SQL_MARK_ALL);
    while (sql_row(&query)) {
        (void)read_row(&query, &is_damaged);
        damaged += is_damaged ? 1 : 0;
    }
    return damaged;
}
