/* SPDX-License-Identifier: ISC */
#include "sottod/writer.h"

#include "base/require.h"

static void run(void *argument) {
    struct writer_thread *writer = argument;
    uv_mutex_lock(&writer->mutex);
    for (;;) {
        while (writer->todo == NULL && !writer->is_ending) {
            uv_cond_wait(&writer->changed, &writer->mutex);
        }
        struct store_batch *batch = writer->todo;
        if (batch == NULL) {
            break;
        }
        uv_mutex_unlock(&writer->mutex);
        const uint64_t began_ns = uv_hrtime();
        batch->result = sqlite_store_run(writer->store, batch);
        batch->took_us = (uv_hrtime() - began_ns) / 1000;
        uv_mutex_lock(&writer->mutex);
        writer->todo = NULL;
        writer->done = batch;
        uv_async_send(&writer->done_signal);
    }
    uv_mutex_unlock(&writer->mutex);
}

static void on_done(uv_async_t *signal) {
    struct writer_thread *writer = signal->data;
    uv_mutex_lock(&writer->mutex);
    struct store_batch *batch = writer->done;
    writer->done = NULL;
    uv_mutex_unlock(&writer->mutex);
    if (batch != NULL) {
        writer->batch_done(writer->context, batch);
    }
}

must_check enum error writer_start(struct writer_thread *writer, uv_loop_t *loop,
                                   struct sqlite_store *store, void *context,
                                   void (*batch_done)(void *context, struct store_batch *batch)) {
    *writer = (struct writer_thread){.store = store, .context = context, .batch_done = batch_done};
    if (uv_mutex_init(&writer->mutex) != 0) {
        return ERR_IO;
    }
    if (uv_cond_init(&writer->changed) != 0) {
        goto no_condition;
    }
    if (uv_async_init(loop, &writer->done_signal, on_done) != 0) {
        goto no_signal;
    }
    writer->done_signal.data = writer;
    if (uv_thread_create(&writer->thread, run, writer) != 0) {
        uv_close((uv_handle_t *)&writer->done_signal, NULL);
        goto no_signal;
    }
    return OK;

no_signal:
    uv_cond_destroy(&writer->changed);
no_condition:
    uv_mutex_destroy(&writer->mutex);
    return ERR_IO;
}

void writer_give(struct writer_thread *writer, struct store_batch *batch) {
    uv_mutex_lock(&writer->mutex);
    require(writer->todo == NULL && writer->done == NULL);
    writer->todo = batch;
    uv_cond_signal(&writer->changed);
    uv_mutex_unlock(&writer->mutex);
}

void writer_stop(struct writer_thread *writer) {
    uv_mutex_lock(&writer->mutex);
    writer->is_ending = true;
    uv_cond_signal(&writer->changed);
    uv_mutex_unlock(&writer->mutex);
    uv_thread_join(&writer->thread);
    uv_close((uv_handle_t *)&writer->done_signal, NULL);
    uv_cond_destroy(&writer->changed);
    uv_mutex_destroy(&writer->mutex);
}
