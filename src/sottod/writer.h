/* SPDX-License-Identifier: ISC */
/* The one thread that has the store: it carries out a batch while the loop goes on, and wakes it
 * up. */
#ifndef SOTTO_SOTTOD_WRITER_H
#define SOTTO_SOTTOD_WRITER_H

#include "server/store/sqlite.h"

#include <uv.h>

struct writer_thread {
    struct sqlite_store *store;
    uv_thread_t thread;
    uv_mutex_t mutex;
    uv_cond_t changed;
    uv_async_t done_signal;
    struct store_batch *todo; /**< given, not begun */
    struct store_batch *done; /**< carried out, not taken back */
    bool is_ending;
    void *context;
    void (*batch_done)(void *context, struct store_batch *batch);
};

/** Starts the thread; from now on `store` is its. `batch_done` is called on the loop's thread, with
 * the result in the batch. ERR_IO. */
must_check enum error writer_start(struct writer_thread *writer, uv_loop_t *loop,
                                   struct sqlite_store *store, void *context,
                                   void (*batch_done)(void *context, struct store_batch *batch));

/** Hands over a batch; there must be none under way. */
void writer_give(struct writer_thread *writer, struct store_batch *batch);

/** Waits for the batch under way and ends the thread; the store is the caller's again. A batch that
 * was carried out and not taken back stays the core's. */
void writer_stop(struct writer_thread *writer);

#endif
