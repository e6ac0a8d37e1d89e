/* SPDX-License-Identifier: ISC */
/* Which envelope ids are remembered for a mailbox. */
#include "server/store/query.h"

#include <string.h>

/* Columns: row, heads or marks one after the other. */
static void take(struct sqlite_store *store, struct store_ids *ids, enum statement which,
                 size_t step) {
    struct query query = sql_begin(store, which);
    sql_bind_u64(&query, ids->device);
    while (ids->is_all && sql_row(&query)) {
        const struct bytes all = sql_bytes(&query, 1);
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
    sql_end(&query);
}

void run_ids(struct sqlite_store *store, struct store_op *op, uint64_t now_ms) {
    (void)now_ms;
    op->ids->count = 0;
    op->ids->is_all = true;
    take(store, op->ids, SQL_HEADS_OF, HEAD_BYTES);
    take(store, op->ids, SQL_MARKS_OF, MARK_BYTES);
    op->result = OK;
}
