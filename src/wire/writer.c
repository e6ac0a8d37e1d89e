/* SPDX-License-Identifier: ISC */
#include "base/require.h"
#include "wire/codec.h"

#include <string.h>

void writer_init(struct writer *writer, struct buffer *out) {
    *writer = (struct writer){.out = out, .start = out->size};
}

/* Room for `size` more bytes, or NULL once anything has failed. */
static uint8_t *extend(struct writer *writer, size_t size) {
    uint8_t *at = NULL;
    if (writer->error == OK) {
        writer->error = buffer_extend(writer->out, size, &at);
    }
    return writer->error == OK ? at : NULL;
}

void writer_u8(struct writer *writer, uint8_t value) {
    uint8_t *p = extend(writer, 1);
    if (p != NULL) {
        *p = value;
    }
}

void writer_u16(struct writer *writer, uint16_t value) {
    uint8_t *p = extend(writer, 2);
    if (p != NULL) {
        put_u16(p, value);
    }
}

void writer_u32(struct writer *writer, uint32_t value) {
    uint8_t *p = extend(writer, 4);
    if (p != NULL) {
        put_u32(p, value);
    }
}

void writer_u64(struct writer *writer, uint64_t value) {
    uint8_t *p = extend(writer, 8);
    if (p != NULL) {
        put_u64(p, value);
    }
}

void writer_flag(struct writer *writer, bool value) {
    writer_u8(writer, value ? 1 : 0);
}

void writer_bytes(struct writer *writer, struct bytes bytes) {
    if (writer->error == OK && bytes.size > 0) {
        writer->error = buffer_append(writer->out, bytes);
    }
}

void writer_name(struct writer *writer, const struct user_name *name) {
    writer_text(writer, bytes_of_string(name->text));
}

void writer_text(struct writer *writer, struct bytes text) {
    if (text.size > UINT8_MAX) {
        writer_fail(writer);
        return;
    }
    writer_u8(writer, (uint8_t)text.size);
    writer_bytes(writer, text);
}

void writer_fail(struct writer *writer) {
    if (writer->error == OK) {
        writer->error = ERR_LIMIT;
    }
}

must_check enum error writer_finish(struct writer *writer) {
    struct buffer *out = writer->out;
    require(out->size >= writer->start);
    if (writer->error != OK && out->size > writer->start) {
        wipe(out->data + writer->start, out->size - writer->start);
        out->size = writer->start;
    }
    return writer->error;
}
