/* SPDX-License-Identifier: ISC */
#include "client/body.h"

#include "wire/codec.h"

#include <string.h>

enum { DELIVERED_MAX = 1000, SID_BYTES = SESSION_ID_BYTES };

must_check enum error body_write(struct buffer *out, enum body_kind kind,
                                 const uint8_t msg_id[MESSAGE_ID_BYTES], uint64_t sent_ms,
                                 uint32_t life_s, struct bytes content) {
    struct writer writer;
    writer_init(&writer, out);
    writer_u8(&writer, (uint8_t)kind);
    writer_bytes(&writer, bytes_make(msg_id, MESSAGE_ID_BYTES));
    writer_u64(&writer, sent_ms);
    if (kind == BODY_TEXT_WITH_LIFE) {
        writer_u32(&writer, life_s);
    }
    writer_bytes(&writer, content);
    return writer_finish(&writer);
}

static void read_text(struct reader *reader, size_t size, struct body *body) {
    body->content = reader_bytes(reader, size);
    if (body->content.size > TEXT_MAX_BYTES || !text_is_utf8(body->content)) {
        reader_fail(reader);
    }
}

/* What is left of the body, by its kind. */
static void read_content(struct reader *reader, size_t size, struct body *body) {
    switch (body->kind) {
    case BODY_TEXT:
        read_text(reader, size, body);
        break;
    case BODY_TEXT_WITH_LIFE:
        body->life_s = reader_u32(reader);
        read_text(reader, size < 4 ? 0 : size - 4, body);
        break;
    case BODY_DELIVERED:
        body->count = reader_u16(reader);
        if (body->count == 0 || body->count > DELIVERED_MAX) {
            reader_fail(reader);
            break;
        }
        body->content = reader_bytes(reader, (size_t)body->count * MESSAGE_ID_BYTES);
        break;
    case BODY_RESEND:
        body->content = reader_bytes(reader, SID_BYTES);
        break;
    case BODY_NOTICE:
        body->count = reader_u8(reader);
        body->content = reader_bytes(reader, (size_t)body->count * BODY_PLACE_BYTES);
        break;
    default: /* of a newer version */
        (void)reader_bytes(reader, size);
        break;
    }
}

must_check enum error body_read(struct bytes data, struct body *body) {
    struct reader reader;
    memset(body, 0, sizeof(*body));
    reader_init(&reader, data);
    body->kind = reader_u8(&reader);
    reader_copy(&reader, body->msg_id, MESSAGE_ID_BYTES);
    body->sent_ms = reader_u64(&reader);
    if (!reader.failed) {
        read_content(&reader, data.size - reader.at, body);
    }
    return reader_finish(&reader);
}

bool body_is_for_people(uint8_t kind) {
    return kind != BODY_DELIVERED && kind != BODY_RESEND && kind != BODY_NOTICE;
}

bool body_gets_receipt(uint8_t kind) {
    return kind == BODY_TEXT || kind == BODY_TEXT_WITH_LIFE;
}

void body_id_text(const uint8_t msg_id[MESSAGE_ID_BYTES], char out[BODY_ID_CHARACTERS + 1]) {
    base32_encode(msg_id, 8 * MESSAGE_ID_BYTES, out);
}
