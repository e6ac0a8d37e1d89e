/* SPDX-License-Identifier: ISC */
/* Which envelope ids are remembered for a mailbox. */
#include "server/store/query.h"

void run_ids(struct sqlite_store *store, struct store_op *op, uint64_t now_ms) {
    (void)now_ms;
    struct store_ids *ids = op->ids;
    ids->count = 0;
    ids->is_all = true;
    struct query query = sql_begin(store, SQL_IDS_OF);
    sql_bind_u64(&query, ids->device);
    sql_bind_u64(&query, IDS_READ_MAX + 1);
    while (sql_row(&query)) {
        if (ids->count == IDS_READ_MAX) {
            ids->is_all = false;
            break;
        }
        ids->of[ids->count].sender = sql_u64(&query, 0);
        sql_copy(&query, 1, ids->of[ids->count].id, ENVELOPE_ID_BYTES);
        ids->count++;
    }
    sql_end(&query);
    op->result = OK;
}
