/* SPDX-License-Identifier: ISC */
#include "base/require.h"
#include "wire/codec.h"

#include <string.h>

void reader_init(struct reader *reader, struct bytes data) {
    *reader = (struct reader){.data = data};
}

void reader_fail(struct reader *reader) {
    reader->failed = true;
}

/* The next `size` bytes, or NULL once anything has failed: the only place where the cursor moves.
 */
static const uint8_t *take(struct reader *reader, size_t size) {
    require(reader->at <= reader->data.size);
    if (reader->failed || size > reader->data.size - reader->at) {
        reader->failed = true;
        return NULL;
    }
    const uint8_t *p = reader->data.data + reader->at;
    reader->at += size;
    return p;
}

uint8_t reader_u8(struct reader *reader) {
    const uint8_t *p = take(reader, 1);
    return p == NULL ? 0 : *p;
}

uint16_t reader_u16(struct reader *reader) {
    const uint8_t *p = take(reader, 2);
    return p == NULL ? 0 : get_u16(p);
}

uint32_t reader_u32(struct reader *reader) {
    const uint8_t *p = take(reader, 4);
    return p == NULL ? 0 : get_u32(p);
}

uint64_t reader_u64(struct reader *reader) {
    const uint8_t *p = take(reader, 8);
    return p == NULL ? 0 : get_u64(p);
}

uint64_t reader_time(struct reader *reader) {
    uint64_t time_ms = reader_u64(reader);
    if (time_ms > INT64_MAX) {
        reader_fail(reader);
        return 0;
    }
    return time_ms;
}

struct bytes reader_bytes(struct reader *reader, size_t size) {
    if (size == 0) {
        return bytes_make(NULL, 0);
    }
    const uint8_t *p = take(reader, size);
    return bytes_make(p, p == NULL ? 0 : size);
}

void reader_copy(struct reader *reader, uint8_t *out, size_t size) {
    struct bytes bytes = reader_bytes(reader, size);
    memset(out, 0, size);
    if (bytes.size > 0) {
        memcpy(out, bytes.data, bytes.size);
    }
}

bool reader_flag(struct reader *reader) {
    uint8_t value = reader_u8(reader);
    if (value > 1) {
        reader_fail(reader);
        return false;
    }
    return value == 1;
}

void reader_name(struct reader *reader, struct user_name *name) {
    struct bytes text = reader_bytes(reader, reader_u8(reader));
    memset(name, 0, sizeof(*name));
    if (!user_name_is_canonical(text)) {
        reader_fail(reader);
        return;
    }
    memcpy(name->text, text.data, text.size);
}

struct bytes reader_text(struct reader *reader, size_t max) {
    struct bytes text = reader_bytes(reader, reader_u8(reader));
    if (text.size > max || !text_is_utf8(text)) {
        reader_fail(reader);
        return bytes_make(NULL, 0);
    }
    return text;
}

must_check enum error reader_finish(const struct reader *reader) {
    return !reader->failed && reader->at == reader->data.size ? OK : ERR_MALFORMED;
}
