/* SPDX-License-Identifier: ISC */
/* Answers without a body, and ERROR. */
#include "wire/fields.h"

must_check enum error wire_read_empty(struct bytes body) {
    struct reader reader;
    reader_init(&reader, body);
    return reader_finish(&reader);
}

must_check enum error wire_write_empty(struct buffer *out, enum wire_type type, uint32_t request) {
    struct writer writer;
    frame_begin(&writer, out, type, request);
    return frame_end(&writer);
}

must_check enum error wire_read_error(struct bytes body, struct wire_error *message) {
    struct reader reader;
    reader_init(&reader, body);
    message->error = error_from_number(reader_u16(&reader));
    message->retry_after_s = reader_u32(&reader);
    message->detail = reader_text(&reader, ERROR_DETAIL_MAX_BYTES);
    return reader_finish(&reader);
}

must_check enum error wire_write_error(struct buffer *out, uint32_t request,
                                       const struct wire_error *message) {
    /* What has no number of its own says the least: that the two ends could not go on together. */
    uint16_t number = error_number(message->error);
    if (number == 0) {
        number = error_number(ERR_PROTOCOL_ERROR);
    }
    struct writer writer;
    frame_begin(&writer, out, WIRE_ERROR, request);
    writer_u16(&writer, number);
    writer_u32(&writer, message->retry_after_s);
    if (message->detail.size > ERROR_DETAIL_MAX_BYTES || !text_is_utf8(message->detail)) {
        writer_fail(&writer);
    }
    writer_text(&writer, message->detail);
    return frame_end(&writer);
}
