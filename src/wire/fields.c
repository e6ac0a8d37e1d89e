/* SPDX-License-Identifier: ISC */
#include "wire/fields.h"

enum { LENGTH_BYTES = 4 };

void frame_begin(struct writer *writer, struct buffer *out, enum wire_type type, uint32_t request) {
    writer_init(writer, out);
    writer_u32(writer, 0);
    writer_u8(writer, (uint8_t)type);
    writer_u32(writer, request);
}

must_check enum error frame_end(struct writer *writer) {
    size_t size = writer->out->size - writer->start;
    if (size > FRAME_MAX_BYTES) {
        writer_fail(writer);
    }
    enum error error = writer_finish(writer);
    if (error == OK) {
        put_u32(writer->out->data + writer->start, (uint32_t)(size - LENGTH_BYTES));
    }
    return error;
}

void writer_fixed(struct writer *writer, struct bytes bytes, size_t size) {
    if (bytes.size != size) {
        writer_fail(writer);
    }
    writer_bytes(writer, bytes);
}

uint16_t reader_u16_within(struct reader *reader, uint16_t min, uint16_t max) {
    uint16_t value = reader_u16(reader);
    if (value < min || value > max) {
        reader_fail(reader);
        return 0;
    }
    return value;
}

void writer_u16_within(struct writer *writer, uint16_t value, uint16_t min, uint16_t max) {
    if (value < min || value > max) {
        writer_fail(writer);
    }
    writer_u16(writer, value);
}

static bool is_envelope_size(size_t size) {
    return size >= ENVELOPE_MIN_BYTES && size <= ENVELOPE_MAX_BYTES;
}

struct bytes reader_envelope(struct reader *reader) {
    uint32_t size = reader_u32(reader);
    if (!is_envelope_size(size)) {
        reader_fail(reader);
    }
    return reader_bytes(reader, size);
}

void writer_envelope(struct writer *writer, struct bytes envelope) {
    if (!is_envelope_size(envelope.size)) {
        writer_fail(writer);
    }
    writer_u32(writer, (uint32_t)envelope.size);
    writer_bytes(writer, envelope);
}

/* Text that becomes a canonical name with a letter in front is made of the letters of names. */
static bool is_name_part(struct bytes text) {
    for (size_t i = 0; i < text.size; i++) {
        const uint8_t two[2] = {'a', text.data[i]};
        if (!user_name_is_canonical(bytes_of(two))) {
            return false;
        }
    }
    return text.size <= NAME_MAX_BYTES;
}

struct bytes reader_name_part(struct reader *reader) {
    struct bytes part = reader_text(reader, NAME_MAX_BYTES);
    if (!is_name_part(part)) {
        reader_fail(reader);
    }
    return part;
}

void writer_name_part(struct writer *writer, struct bytes part) {
    if (!is_name_part(part)) {
        writer_fail(writer);
    }
    writer_text(writer, part);
}

static bool is_name_or_none(struct bytes text) {
    return text.size == 0 || user_name_is_canonical(text);
}

struct bytes reader_name_or_none(struct reader *reader) {
    struct bytes name = reader_text(reader, NAME_MAX_BYTES);
    if (!is_name_or_none(name)) {
        reader_fail(reader);
    }
    return name;
}

void writer_name_or_none(struct writer *writer, struct bytes name) {
    if (!is_name_or_none(name)) {
        writer_fail(writer);
    }
    writer_text(writer, name);
}
