/* SPDX-License-Identifier: ISC */
/* Envelopes on their way: SEND, FETCH, DELIVER, ACK. */
#include "wire/fields.h"

must_check enum error wire_read_send(struct bytes body, struct wire_send *message) {
    struct reader reader;
    reader_init(&reader, body);
    reader_name(&reader, &message->to);
    reader_copy(&reader, message->envelope_id, sizeof(message->envelope_id));
    message->envelope = reader_envelope(&reader);
    return reader_finish(&reader);
}

must_check enum error wire_write_send(struct buffer *out, uint32_t request,
                                      const struct wire_send *message) {
    struct writer writer;
    frame_begin(&writer, out, WIRE_SEND, request);
    writer_name(&writer, &message->to);
    writer_bytes(&writer, bytes_of(message->envelope_id));
    writer_envelope(&writer, message->envelope);
    return frame_end(&writer);
}

must_check enum error wire_read_fetch(struct bytes body, uint16_t *window) {
    struct reader reader;
    reader_init(&reader, body);
    *window = reader_u16_within(&reader, 1, DELIVERY_WINDOW_MAX);
    return reader_finish(&reader);
}

must_check enum error wire_write_fetch(struct buffer *out, uint32_t request, uint16_t window) {
    struct writer writer;
    frame_begin(&writer, out, WIRE_FETCH, request);
    writer_u16_within(&writer, window, 1, DELIVERY_WINDOW_MAX);
    return frame_end(&writer);
}

must_check enum error wire_read_deliver(struct bytes body, struct wire_deliver *message) {
    struct reader reader;
    reader_init(&reader, body);
    message->handle = reader_u64(&reader);
    reader_name(&reader, &message->from);
    reader_copy(&reader, message->envelope_id, sizeof(message->envelope_id));
    message->accepted_ms = reader_time(&reader);
    message->envelope = reader_envelope(&reader);
    return reader_finish(&reader);
}

must_check enum error wire_write_deliver(struct buffer *out, const struct wire_deliver *message) {
    struct writer writer;
    frame_begin(&writer, out, WIRE_DELIVER, 0);
    writer_u64(&writer, message->handle);
    writer_name(&writer, &message->from);
    writer_bytes(&writer, bytes_of(message->envelope_id));
    writer_u64(&writer, message->accepted_ms);
    writer_envelope(&writer, message->envelope);
    return frame_end(&writer);
}

must_check enum error wire_read_ack(struct bytes body, struct wire_ack *message) {
    struct reader reader;
    reader_init(&reader, body);
    message->count = reader_u16_within(&reader, 1, ACKS_PER_FRAME_MAX);
    for (size_t i = 0; i < message->count; i++) {
        message->handles[i] = reader_u64(&reader);
    }
    return reader_finish(&reader);
}

must_check enum error wire_write_ack(struct buffer *out, uint32_t request,
                                     const struct wire_ack *message) {
    struct writer writer;
    frame_begin(&writer, out, WIRE_ACK, request);
    writer_u16_within(&writer, message->count, 1, ACKS_PER_FRAME_MAX);
    for (size_t i = 0; i < message->count && i < ACKS_PER_FRAME_MAX; i++) {
        writer_u64(&writer, message->handles[i]);
    }
    return frame_end(&writer);
}
