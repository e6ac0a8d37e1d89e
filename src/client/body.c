/* SPDX-License-Identifier: ISC */
#include "client/body.h"

#include "wire/codec.h"

#include <string.h>

must_check enum error body_write_text(struct buffer *out, const uint8_t msg_id[MESSAGE_ID_BYTES],
                                      uint64_t sent_ms, struct bytes text) {
    struct writer writer;
    writer_init(&writer, out);
    writer_u8(&writer, BODY_TEXT);
    writer_bytes(&writer, bytes_make(msg_id, MESSAGE_ID_BYTES));
    writer_u64(&writer, sent_ms);
    writer_bytes(&writer, text);
    return writer_finish(&writer);
}

must_check enum error body_read(struct bytes data, struct body *body) {
    struct reader reader;
    memset(body, 0, sizeof(*body));
    reader_init(&reader, data);
    body->kind = reader_u8(&reader);
    reader_copy(&reader, body->msg_id, MESSAGE_ID_BYTES);
    body->sent_ms = reader_u64(&reader);
    struct bytes content = {0};
    if (!reader.failed) {
        content = reader_bytes(&reader, data.size - reader.at);
    }
    if (body->kind == BODY_TEXT) {
        if (content.size > TEXT_MAX_BYTES || !text_is_utf8(content)) {
            reader_fail(&reader);
        }
        body->content = content;
    }
    return reader_finish(&reader);
}

void body_id_text(const uint8_t msg_id[MESSAGE_ID_BYTES], char out[BODY_ID_CHARACTERS + 1]) {
    base32_encode(msg_id, 8 * MESSAGE_ID_BYTES, out);
}
