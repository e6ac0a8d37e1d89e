/* SPDX-License-Identifier: ISC */
/* A stream's input: from the socket through TLS to its owner. */
#include "net/stream.h"

#include "base/require.h"

/* Hands what was decrypted upwards in one piece, and only then judges how the reading ended. */
static void receive(struct stream *stream) {
    struct hub *hub = stream->hub;
    size_t size = 0;
    enum tls_status status = tls_session_read(&stream->tls, hub->plain, sizeof(hub->plain), &size);
    if (size > 0) {
        stream->events->received(stream, bytes_make(hub->plain, size));
        wipe(hub->plain, size);
    }
    if (stream->state != STREAM_OPEN) {
        return;
    }
    if (status == TLS_ENDED) {
        stream_fail(stream, STREAM_END_PEER);
    } else if (status != TLS_WAITS) {
        stream_fail(stream, STREAM_END_TLS);
    } else if (stream->cipher.size > 0) {
        hub_queue(hub, stream);
    }
}

/* TLS's own records go to `cipher`, which the end of the round sends. */
void stream_feed(struct stream *stream, struct bytes bytes) {
    stream->tls.in = bytes;
    stream->tls.out = &stream->cipher;
    if (!stream->tls.is_established) {
        uint8_t exporter[EXPORTER_BYTES];
        enum tls_status status = tls_session_handshake(&stream->tls, exporter);
        if (stream->cipher.size > 0) {
            hub_queue(stream->hub, stream);
        }
        if (status == TLS_WAITS) {
            return;
        }
        if (status != TLS_DONE) {
            stream_fail(stream, STREAM_END_TLS);
            return;
        }
        stream->events->established(stream, exporter);
        wipe(exporter, sizeof(exporter));
        if (stream->state == STREAM_OPEN && stream->plain.size > 0) {
            hub_queue(stream->hub, stream);
        }
    }
    if (stream->state == STREAM_OPEN) {
        receive(stream);
    }
}

/* How many bytes the record in `early` still needs, as far as can be said: first its header, then
 * the rest. */
static size_t early_missing(const struct stream *stream) {
    const struct buffer *early = &stream->early;
    size_t whole = TLS_RECORD_HEADER_BYTES;
    if (early->size >= TLS_RECORD_HEADER_BYTES) {
        whole += get_u16(early->data + TLS_RECORD_HEADER_BYTES - 2);
    }
    return whole - early->size;
}

/* Whether the first record is a ClientHello, as far as it has come; those behind it TLS judges. */
static bool may_begin(const struct stream *stream, bool is_whole) {
    if (stream->tls.ssl != NULL) {
        return true;
    }
    enum tls_status status = tls_hello_check(buffer_view(&stream->early));
    return status == TLS_DONE || (status == TLS_WAITS && !is_whole);
}

/* A record of the handshake is whole: TLS takes it, and has to be made for the first one. */
static void feed_early_record(struct stream *stream) {
    if (stream->tls.ssl == NULL && tls_session_start(&stream->tls, &stream->hub->tls, NULL) != OK) {
        stream_fail(stream, STREAM_END_MEMORY);
        return;
    }
    stream_feed(stream, buffer_view(&stream->early));
    buffer_clear(&stream->early);
}

void stream_greet(struct stream *stream) {
    require(stream->state == STREAM_OPEN && stream->tls.ssl == NULL);
    feed_early_record(stream);
}

static bool waits_for_turn(const struct stream *stream) {
    return !link_is_alone(&stream->hello);
}

/* A server's handshake goes to TLS in whole records, and a record that is too long for one not at
 * all. OpenSSL takes memory for the largest record there may be as soon as one has begun, and we as
 * bytes come: so a stranger costs what it sends. There is no TLS object before a whole ClientHello
 * has come, and none before its turn; nobody has anything to say behind it until it is answered. */
static void feed_early(struct stream *stream, struct bytes bytes) {
    while (bytes.size > 0 && stream->state == STREAM_OPEN && !stream->tls.is_established) {
        if (waits_for_turn(stream)) {
            stream_fail(stream, STREAM_END_TLS);
            return;
        }
        size_t missing = early_missing(stream);
        size_t part = bytes.size < missing ? bytes.size : missing;
        enum error error = buffer_append(&stream->early, bytes_make(bytes.data, part));
        bytes = bytes_make(bytes.data + part, bytes.size - part);
        missing = early_missing(stream);
        if (error != OK || missing > STREAM_EARLY_MAX_BYTES || !may_begin(stream, missing == 0)) {
            stream_fail(stream, error == ERR_MEMORY ? STREAM_END_MEMORY : STREAM_END_TLS);
        } else if (missing == 0 && stream->tls.ssl == NULL) {
            hub_wait_for_turn(stream->hub, stream);
        } else if (missing == 0) {
            feed_early_record(stream);
        }
    }
    if (bytes.size > 0 && stream->state == STREAM_OPEN) {
        stream_feed(stream, bytes);
    }
}

static void on_allocate(uv_handle_t *handle, size_t wanted, uv_buf_t *buffer) {
    (void)wanted;
    struct stream *stream = handle->data;
    *buffer = uv_buf_init((char *)stream->hub->input, HUB_INPUT_BYTES);
}

static void on_read(uv_stream_t *handle, ssize_t size, const uv_buf_t *buffer) {
    struct stream *stream = handle->data;
    if (size < 0) {
        stream_fail_network(stream, (int)size);
        return;
    }
    if (size == 0 || stream->state != STREAM_OPEN) {
        return;
    }
    struct bytes bytes = bytes_make(buffer->base, (size_t)size);
    if (stream->hub->tls.is_server && !stream->tls.is_established) {
        feed_early(stream, bytes);
    } else {
        stream_feed(stream, bytes);
    }
}

bool stream_read_start(struct stream *stream) {
    if (!stream->is_reading) {
        stream->is_reading = uv_read_start((uv_stream_t *)&stream->tcp, on_allocate, on_read) == 0;
    }
    return stream->is_reading;
}

void stream_pause(struct stream *stream, bool pause) {
    stream->is_paused = pause;
    if (stream->state != STREAM_OPEN) {
        return;
    }
    if (pause && stream->is_reading) {
        (void)uv_read_stop((uv_stream_t *)&stream->tcp);
        stream->is_reading = false;
    } else if (!pause && !stream_read_start(stream)) {
        stream_fail(stream, STREAM_END_NETWORK);
    }
}
