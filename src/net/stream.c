/* SPDX-License-Identifier: ISC */
#include "net/stream.h"

#include "base/limits.h"
#include "base/require.h"

#include <string.h>

enum {
    /* What TLS may make on its own account (a flight of the handshake, alerts, answers to key
     * updates) while the other end does not read. */
    CIPHER_MAX_BYTES = 16 * 1024,
    /* A drained queue keeps this much memory for the next small answers. */
    KEPT_BYTES = 1024,
};

/* --- the end --- */

static void on_handle_closed(uv_handle_t *handle) {
    struct stream *stream = handle->data;
    struct hub *hub = stream->hub;
    require(stream->handles > 0);
    if (--stream->handles > 0) {
        return;
    }
    buffer_clear(&stream->flying);
    buffer_clear(&stream->early);
    link_remove(&stream->all);
    stream->events->closed(stream);
    hub_check_gone(hub);
}

static void close_handles(struct stream *stream) {
    if (stream->state == STREAM_CLOSING) {
        return;
    }
    stream->state = STREAM_CLOSING;
    link_remove(&stream->queued);
    hub_leave_turn(stream->hub, stream);
    stream->tls.out = NULL;
    tls_session_end(&stream->tls);
    buffer_clear(&stream->plain);
    buffer_clear(&stream->cipher);
    uv_close((uv_handle_t *)&stream->tcp, on_handle_closed);
    if (stream->has_timer) {
        uv_close((uv_handle_t *)&stream->timer, on_handle_closed);
    }
}

static void on_linger_timeout(uv_timer_t *timer) {
    close_handles(timer->data);
}

static void drop_plain(struct stream *stream) {
    buffer_clear(&stream->plain);
    stream->plain_at = 0;
}

/* Goes to FLUSHING. Reading goes on, to notice the other end's close; what comes is thrown away. */
static void begin_flush(struct stream *stream) {
    struct hub *hub = stream->hub;
    stream->state = STREAM_FLUSHING;
    bool timed = uv_timer_init(hub->loop, &stream->timer) == 0;
    if (timed) {
        stream->timer.data = stream;
        stream->has_timer = true;
        stream->handles++;
        timed = uv_timer_start(&stream->timer, on_linger_timeout, hub->linger_ms, 0) == 0;
    }
    if (!timed || !stream_read_start(stream)) {
        close_handles(stream);
        return;
    }
    hub_queue(hub, stream);
}

/* Ends an open stream for `end`. An alert that TLS left goes out first. */
void stream_fail(struct stream *stream, enum stream_end end) {
    if (stream->state != STREAM_OPEN) {
        close_handles(stream);
        return;
    }
    stream->end = end;
    if (end == STREAM_END_TLS && stream->cipher.size > 0) {
        stream->tls.out = NULL;
        tls_session_end(&stream->tls);
        drop_plain(stream);
        begin_flush(stream);
        return;
    }
    close_handles(stream);
}

void stream_fail_network(struct stream *stream, int error) {
    stream->network_error = error;
    stream_fail(stream, error == UV_EOF ? STREAM_END_PEER : STREAM_END_NETWORK);
}

void stream_close(struct stream *stream, bool flush) {
    if (stream->state == STREAM_OPEN) {
        stream->end = STREAM_END_OWN;
        if (flush && stream->tls.is_established) {
            begin_flush(stream);
            return;
        }
        close_handles(stream);
    } else if (!flush) {
        close_handles(stream);
    }
}

/* --- out --- */

size_t stream_pending(const struct stream *stream) {
    return stream->plain.size - stream->plain_at + stream->flying_plain;
}

must_check enum error stream_write(struct stream *stream, struct bytes bytes) {
    if (stream->state != STREAM_OPEN) {
        return ERR_CLOSED;
    }
    if (bytes.size > SEND_QUEUE_MAX_BYTES - stream_pending(stream)) {
        return ERR_LIMIT;
    }
    /* What is encrypted already makes room; not each time, since all behind it moves. */
    if (stream->plain_at >= stream->plain.size / 2 ||
        bytes.size > stream->plain.cap - stream->plain.size) {
        buffer_consume(&stream->plain, stream->plain_at);
        stream->plain_at = 0;
    }
    enum error error = buffer_append(&stream->plain, bytes);
    if (error == OK && bytes.size > 0) {
        stream->drain_is_due = true;
        if (stream->tls.is_established) {
            hub_queue(stream->hub, stream);
        }
    }
    return error;
}

/* Encrypts what is queued, a round's worth, behind what stands in `out`. */
static enum error encrypt(struct stream *stream, struct buffer *out, size_t *plain_size) {
    size_t left = stream->plain.size - stream->plain_at;
    *plain_size = left < HUB_ROUND_BYTES ? left : HUB_ROUND_BYTES;
    enum error error = OK;
    stream->tls.out = out;
    if (stream->tls.is_established && *plain_size > 0) {
        error = tls_session_write(&stream->tls,
                                  bytes_make(stream->plain.data + stream->plain_at, *plain_size));
        stream->plain_at += *plain_size;
    } else {
        *plain_size = 0;
    }
    bool is_last = stream->state == STREAM_FLUSHING && stream->plain_at == stream->plain.size;
    if (error == OK && is_last) {
        tls_session_end(&stream->tls); /* with close_notify, into `out` */
    }
    stream->tls.out = NULL;
    return error;
}

static void on_shutdown(uv_shutdown_t *request, int status) {
    struct stream *stream = request->data;
    if (status < 0 && stream->state != STREAM_CLOSING) {
        close_handles(stream);
    }
}

/* All has left. A close now could still destroy it: with input unread the kernel answers with a
 * reset, which makes the other end forget what it has not read. So say that nothing follows, and
 * wait for the other end to close. */
static void begin_linger(struct stream *stream) {
    stream->state = STREAM_LINGERING;
    stream->shutdown.data = stream;
    if (uv_shutdown(&stream->shutdown, (uv_stream_t *)&stream->tcp, on_shutdown) != 0) {
        close_handles(stream);
    }
}

/* The kernel has taken all records that there are. */
static void after_write(struct stream *stream) {
    if (stream->plain_at < stream->plain.size) {
        hub_queue(stream->hub, stream);
        return;
    }
    if (stream->plain.capacity > KEPT_BYTES) {
        buffer_clear(&stream->plain);
    } else {
        buffer_reset(&stream->plain);
    }
    stream->plain_at = 0;
    if (stream->state == STREAM_FLUSHING) {
        begin_linger(stream);
    } else if (stream->drain_is_due && stream->state == STREAM_OPEN) {
        stream->drain_is_due = false;
        stream->events->drained(stream);
    }
}

static void on_written(uv_write_t *request, int status) {
    struct stream *stream = request->data;
    stream->is_writing = false;
    stream->flying_plain = 0;
    buffer_clear(&stream->flying);
    if (stream->state == STREAM_CLOSING) {
        return;
    }
    if (status < 0) {
        stream_fail_network(stream, status);
    } else if (stream->cipher.size > 0) {
        hub_queue(stream->hub, stream);
    } else {
        after_write(stream);
    }
}

/* Keeps what the kernel did not take of `output` and lets libuv write it when it does. */
static void write_rest(struct stream *stream, struct buffer *output, size_t taken,
                       size_t plain_size) {
    struct bytes rest = bytes_make(output->data + taken, output->size - taken);
    buffer_init(&stream->flying, HUB_OUTPUT_BYTES);
    if (buffer_append(&stream->flying, rest) != OK) {
        stream_fail(stream, STREAM_END_MEMORY);
        return;
    }
    stream->write.data = stream;
    uv_buf_t buffer = uv_buf_init((char *)stream->flying.data, (unsigned)stream->flying.size);
    int result = uv_write(&stream->write, (uv_stream_t *)&stream->tcp, &buffer, 1, on_written);
    if (result != 0) {
        stream_fail_network(stream, result);
        return;
    }
    stream->is_writing = true;
    stream->flying_plain = plain_size;
}

/* One write for all that stands in `output`. */
static void write_out(struct stream *stream, struct buffer *output, size_t plain_size) {
    uv_buf_t buffer = uv_buf_init((char *)output->data, (unsigned)output->size);
    int taken = uv_try_write((uv_stream_t *)&stream->tcp, &buffer, 1);
    if (taken == UV_EAGAIN) {
        taken = 0;
    }
    if (taken < 0) {
        stream_fail_network(stream, taken);
    } else if ((size_t)taken < output->size) {
        write_rest(stream, output, (size_t)taken, plain_size);
    } else {
        after_write(stream);
    }
}

void stream_flush(struct stream *stream) {
    if (stream->is_writing || (stream->state != STREAM_OPEN && stream->state != STREAM_FLUSHING)) {
        return;
    }
    struct buffer *output = &stream->hub->output;
    buffer_reset(output);
    size_t plain_size = 0;
    enum error error = buffer_append(output, buffer_view(&stream->cipher));
    buffer_clear(&stream->cipher);
    if (error == OK) {
        error = encrypt(stream, output, &plain_size);
    }
    if (error != OK) {
        stream_fail(stream, error == ERR_MEMORY ? STREAM_END_MEMORY : STREAM_END_TLS);
    } else if (output->size > 0) {
        write_out(stream, output, plain_size);
    } else if (stream->state == STREAM_FLUSHING) {
        begin_linger(stream);
    }
}

/* --- the beginning --- */

must_check enum error stream_init(struct stream *stream, struct hub *hub,
                                  const struct stream_events *events) {
    memset(stream, 0, sizeof(*stream));
    if (uv_tcp_init(hub->loop, &stream->tcp) != 0) {
        return ERR_IO;
    }
    stream->tcp.data = stream;
    stream->handles = 1;
    stream->hub = hub;
    stream->events = events;
    buffer_init(&stream->plain, SEND_QUEUE_MAX_BYTES + HUB_ROUND_BYTES);
    buffer_init(&stream->cipher, CIPHER_MAX_BYTES);
    buffer_init(&stream->flying, HUB_OUTPUT_BYTES);
    buffer_init(&stream->early, STREAM_EARLY_MAX_BYTES);
    link_init(&stream->queued, stream);
    link_init(&stream->all, stream);
    link_init(&stream->hello, stream);
    link_append(&hub->streams, &stream->all);
    return OK;
}

must_check enum error stream_start(struct stream *stream, const struct server_pin *pin) {
    (void)uv_tcp_nodelay(&stream->tcp, 1); /* without it all works, only later */
    if (pin != NULL) {
        enum error error = tls_session_start(&stream->tls, &stream->hub->tls, pin);
        if (error != OK) {
            return error;
        }
    }
    if (!stream->is_paused && !stream_read_start(stream)) {
        return ERR_IO;
    }
    if (pin != NULL) {
        stream_feed(stream, bytes_make(NULL, 0)); /* the ClientHello */
    }
    return OK;
}
