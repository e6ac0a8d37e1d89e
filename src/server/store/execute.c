/* SPDX-License-Identifier: ISC */
/* A batch as one transaction. */
#include "server/store/query.h"

#include "base/require.h"

enum { LOG_GROWN_PAGES = 2000 };

static void (*const RUN[])(struct sqlite_store *, struct store_op *, uint64_t) = {
    [STORE_LOGIN] = run_login,
    [STORE_REGISTER] = run_register,
    [STORE_RENEW] = run_renew,
    [STORE_PUBLISH] = run_publish,
    [STORE_CERTIFICATE] = run_certificate,
    [STORE_BUNDLE] = run_bundle,
    [STORE_USERS] = run_users,
    [STORE_MAILBOX] = run_mailbox,
    [STORE_INSERT] = run_insert,
    [STORE_RECALL] = run_recall,
    [STORE_IDS] = run_ids,
    [STORE_READ] = run_read,
    [STORE_DELETE] = run_delete,
    [STORE_EXPIRE] = run_expire,
    [STORE_INVITE] = run_invite,
    [STORE_REVOKE] = run_revoke,
    [STORE_REMOVE] = run_remove,
    [STORE_STATE] = run_state,
    [STORE_LEAVE] = run_leave,
    [STORE_SEEN] = run_seen,
    [STORE_ERASE] = run_erase,
};

/* TRUNCATE: what was deleted leaves the log too. PASSIVE: the log is written from its start again.
 * A busy reader or a full disk only puts it off; a failed write or sync is one like any other:
 * nothing is accepted after it. */
static enum error empty_log(struct sqlite_store *store, int how) {
    int result = sqlite3_wal_checkpoint_v2(store->database, NULL, how, NULL, NULL);
    store->log_pages = 0; /* looked at again after the next commit */
    if ((result & 0xff) == SQLITE_IOERR || (result & 0xff) == SQLITE_CORRUPT) {
        store_latch(store, result);
    }
    return store->error;
}

/* What gathered in runs is written before anything else looks at it. */
static void write_runs(struct sqlite_store *store, const struct store_op *op) {
    if (op->kind == STORE_READ || op->kind == STORE_DELETE) {
        struct open_run *run = runs_find(
            &store->runs, op->kind == STORE_READ ? op->read->device : op->removal->device);
        if (run != NULL) {
            runs_write(store, run);
        }
    } else if (op->kind != STORE_INSERT) {
        runs_write_all(store);
    }
}

/* BEGIN takes no lock before the first write: a batch that only reads costs no sync. */
must_check enum error sqlite_store_run(struct sqlite_store *store, struct store_batch *batch) {
    bool expired = false;
    const uint64_t commits = store->commits;
    require(store->error == OK);
    store->conflict_count = 0;
    store_execute(store, "BEGIN");
    for (struct store_op *op = batch->first; op != NULL && store->error == OK; op = op->next) {
        write_runs(store, op);
        RUN[op->kind](store, op, batch->now_ms);
        expired = expired || op->kind == STORE_EXPIRE;
    }
    runs_write_all(store);
    store_execute(store, "COMMIT");
    batch->is_written = store->commits != commits;
    enum error error = store->error;
    if (error == ERR_FULL) {
        known_clear(&store->known);
        runs_forget(&store->runs);
        /* Without the commit mark nothing of it is there. If that cannot be made sure, it is not
         * known. */
        store->error = OK;
        if (!sqlite3_get_autocommit(store->database)) {
            store_execute(store, "ROLLBACK");
        }
        error = store->error == OK ? ERR_FULL : ERR_IO;
    } else if (error == OK && (expired || store->log_pages >= LOG_GROWN_PAGES) &&
               sqlite3_get_autocommit(store->database)) {
        error = empty_log(store, expired ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE);
    }
    return error;
}
