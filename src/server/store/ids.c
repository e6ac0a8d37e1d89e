/* SPDX-License-Identifier: ISC */
/* Which envelope ids are remembered for a mailbox. */
#include "server/store/marks.h"

#include <string.h>

static void take(struct store_ids *ids, struct bytes all, size_t step) {
    for (size_t at = 0; at + step <= all.size && ids->is_all; at += step) {
        const struct mark mark = mark_read(all.data + at);
        ids->is_all = ids->count < IDS_READ_MAX;
        if (ids->is_all) {
            ids->of[ids->count].sender = mark.sender;
            memcpy(ids->of[ids->count].id, mark.id, sizeof(mark.id));
            ids->count++;
        }
    }
}

void run_ids(struct sqlite_store *store, struct store_op *op, uint64_t now_ms) {
    (void)now_ms;
    struct store_ids *ids = op->ids;
    struct marks marks;
    struct marks_way way = marks_of(store, ids->device);
    struct query query = sql_begin(store, SQL_HEADS_OF);
    sql_bind_u64(&query, ids->device);
    ids->count = 0;
    ids->is_all = true;
    while (ids->is_all && sql_row(&query)) {
        take(ids, sql_bytes(&query, 1), HEAD_BYTES);
    }
    sql_end(&query);
    while (ids->is_all && marks_next(&way, &marks)) {
        take(ids, marks.bytes, MARK_BYTES);
    }
    marks_end(&way);
    op->result = OK;
}
