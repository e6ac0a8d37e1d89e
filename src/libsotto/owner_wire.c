/* SPDX-License-Identifier: ISC */
#include "libsotto/owner_wire.h"

#include <string.h>

enum { LENGTH_BYTES = 4 };

static const uint8_t MAGIC[] = {'s', 'o', 't', 't', 'o'};

/* ---- frames and fields */

static void begin(struct writer *writer, struct buffer *out, enum owner_type type,
                  uint32_t request) {
    writer_init(writer, out);
    writer_u32(writer, 0);
    writer_u8(writer, (uint8_t)type);
    writer_u32(writer, request);
}

static enum error end(struct writer *writer) {
    size_t size = writer->out->size - writer->start;
    if (size > OWNER_FRAME_MAX_BYTES) {
        writer_fail(writer);
    }
    enum error error = writer_finish(writer);
    if (error == OK) {
        put_u32(writer->out->data + writer->start, (uint32_t)(size - LENGTH_BYTES));
    }
    return error;
}

/* u16 length and the characters of a string in an array of `size`, with room for its end. They need
 * not be UTF-8: paths and keys are what they are. */
static void write_chars(struct writer *writer, const char *text, size_t size) {
    size_t length = strnlen(text, size);
    if (length >= size || length > UINT16_MAX) {
        writer_fail(writer);
        return;
    }
    writer_u16(writer, (uint16_t)length);
    writer_bytes(writer, bytes_make(text, length));
}

static void read_chars(struct reader *reader, char *out, size_t size) {
    struct bytes text = reader_bytes(reader, reader_u16(reader));
    bool is_string = text.size == 0 || memchr(text.data, '\0', text.size) == NULL;
    memset(out, 0, size);
    if (text.size >= size || !is_string) {
        reader_fail(reader);
        return;
    }
    if (text.size > 0) {
        memcpy(out, text.data, text.size);
    }
}

static unsigned read_choice(struct reader *reader, unsigned count) {
    unsigned value = reader_u8(reader);
    if (value >= count) {
        reader_fail(reader);
        return 0;
    }
    return value;
}

/* ---- hello, and what has no body */

must_check enum error owner_write_empty(struct buffer *out, enum owner_type type,
                                        uint32_t request) {
    struct writer writer;
    begin(&writer, out, type, request);
    return end(&writer);
}

must_check enum error owner_read_empty(struct bytes body) {
    struct reader reader;
    reader_init(&reader, body);
    return reader_finish(&reader);
}

must_check enum error owner_write_hello(struct buffer *out, uint16_t version) {
    struct writer writer;
    begin(&writer, out, OWNER_HELLO, 0);
    writer_bytes(&writer, bytes_of(MAGIC));
    writer_u16(&writer, version);
    return end(&writer);
}

must_check enum error owner_read_hello(struct bytes body, uint16_t *version) {
    struct reader reader;
    reader_init(&reader, body);
    if (!bytes_equal(reader_bytes(&reader, sizeof(MAGIC)), bytes_of(MAGIC))) {
        reader_fail(&reader);
    }
    *version = reader_u16(&reader);
    return reader_finish(&reader);
}

/* ---- messages */

must_check enum error owner_write_send(struct buffer *out, uint32_t request,
                                       const struct owner_send *message) {
    struct writer writer;
    begin(&writer, out, OWNER_SEND, request);
    writer_u64(&writer, message->until_ms);
    writer_u64(&writer, message->timeout_ms);
    writer_bytes(&writer, bytes_of(message->msg_id));
    writer_name(&writer, &message->to);
    write_chars(&writer, message->key, sizeof(message->key));
    writer_u8(&writer, (uint8_t)message->wait);
    writer_flag(&writer, message->require_verified);
    writer_flag(&writer, message->is_one_of_many);
    writer_u32(&writer, message->life_s);
    if (message->text.size == 0 || message->text.size > TEXT_MAX_BYTES) {
        writer_fail(&writer);
    }
    writer_u32(&writer, (uint32_t)message->text.size);
    writer_bytes(&writer, message->text);
    return end(&writer);
}

must_check enum error owner_read_send(struct bytes body, struct owner_send *message) {
    struct reader reader;
    reader_init(&reader, body);
    message->until_ms = reader_u64(&reader);
    message->timeout_ms = reader_time(&reader);
    reader_copy(&reader, message->msg_id, MESSAGE_ID_BYTES);
    reader_name(&reader, &message->to);
    read_chars(&reader, message->key, sizeof(message->key));
    message->wait = (enum sotto_wait)read_choice(&reader, SOTTO_WAIT_DELIVERED + 1);
    message->require_verified = reader_flag(&reader);
    message->is_one_of_many = reader_flag(&reader);
    message->life_s = reader_u32(&reader);
    message->text = reader_bytes(&reader, reader_u32(&reader));
    if (message->text.size == 0 || message->text.size > TEXT_MAX_BYTES ||
        !text_is_utf8(message->text)) {
        reader_fail(&reader);
    }
    return reader_finish(&reader);
}

/* ---- what became of them */

static void write_error(struct writer *writer, const struct sotto_error *error) {
    if (error->exit < 0 || error->exit > UINT8_MAX) {
        writer_fail(writer);
    }
    write_chars(writer, error->code, sizeof(error->code));
    writer_u8(writer, (uint8_t)error->exit);
    writer_flag(writer, error->retry);
    writer_u32(writer, error->retry_after_s);
    write_chars(writer, error->message, sizeof(error->message));
    write_chars(writer, error->help, sizeof(error->help));
    write_chars(writer, error->peer, sizeof(error->peer));
    write_chars(writer, error->id, sizeof(error->id));
    writer_u64(writer, error->time_ms);
    write_chars(writer, error->cause, sizeof(error->cause));
}

static void read_error(struct reader *reader, struct sotto_error *error) {
    memset(error, 0, sizeof(*error));
    read_chars(reader, error->code, sizeof(error->code));
    error->exit = reader_u8(reader);
    error->retry = reader_flag(reader);
    error->retry_after_s = reader_u32(reader);
    read_chars(reader, error->message, sizeof(error->message));
    read_chars(reader, error->help, sizeof(error->help));
    read_chars(reader, error->peer, sizeof(error->peer));
    read_chars(reader, error->id, sizeof(error->id));
    error->time_ms = reader_time(reader);
    read_chars(reader, error->cause, sizeof(error->cause));
    if ((error->exit == 0) != (error->code[0] == '\0')) {
        reader_fail(reader); /* an error has both, success neither */
    }
}

must_check enum error owner_write_sent(struct buffer *out, uint32_t request,
                                       const struct owner_sent *message) {
    struct writer writer;
    const struct sotto_sent *sent = &message->sent;
    begin(&writer, out, OWNER_SENT, request);
    write_chars(&writer, sent->id, sizeof(sent->id));
    write_chars(&writer, sent->to, sizeof(sent->to));
    write_chars(&writer, sent->state, sizeof(sent->state));
    writer_u64(&writer, sent->time_ms);
    writer_u8(&writer, (uint8_t)sent->trust);
    writer_flag(&writer, sent->repeated);
    write_error(&writer, &message->error);
    writer_u8(&writer, (uint8_t)message->effect);
    return end(&writer);
}

must_check enum error owner_read_sent(struct bytes body, struct owner_sent *message) {
    struct reader reader;
    struct sotto_sent *sent = &message->sent;
    reader_init(&reader, body);
    memset(sent, 0, sizeof(*sent));
    read_chars(&reader, sent->id, sizeof(sent->id));
    read_chars(&reader, sent->to, sizeof(sent->to));
    read_chars(&reader, sent->state, sizeof(sent->state));
    sent->time_ms = reader_time(&reader);
    sent->trust = (enum sotto_trust)read_choice(&reader, SOTTO_CHANGED + 1);
    sent->repeated = reader_flag(&reader);
    read_error(&reader, &message->error);
    message->effect = (enum sent_effect)read_choice(&reader, SENT_EFFECT_LAST + 1);
    return reader_finish(&reader);
}

/* ---- cursors */

must_check enum error owner_write_news(struct buffer *out, enum owner_type type, uint32_t request,
                                       const struct owner_news *message) {
    struct writer writer;
    begin(&writer, out, type, request);
    writer_u64(&writer, message->place);
    writer_flag(&writer, message->is_caught_up);
    return end(&writer);
}

must_check enum error owner_read_news(struct bytes body, struct owner_news *message) {
    struct reader reader;
    reader_init(&reader, body);
    message->place = reader_time(&reader);
    message->is_caught_up = reader_flag(&reader);
    return reader_finish(&reader);
}

must_check enum error owner_write_cursor(struct buffer *out, uint32_t request,
                                         const struct owner_cursor *message) {
    struct writer writer;
    begin(&writer, out, OWNER_CURSOR, request);
    writer_u8(&writer, (uint8_t)message->move);
    write_chars(&writer, message->name, sizeof(message->name));
    writer_u64(&writer, message->first);
    writer_u64(&writer, message->second);
    return end(&writer);
}

/* Numbers as the store keeps them: below 2^63. */
must_check enum error owner_read_cursor(struct bytes body, struct owner_cursor *message) {
    struct reader reader;
    reader_init(&reader, body);
    message->move = (enum owner_move)read_choice(&reader, OWNER_CURSOR_LAST + 1);
    read_chars(&reader, message->name, sizeof(message->name));
    message->first = reader_time(&reader);
    message->second = reader_time(&reader);
    if (message->name[0] == '\0') {
        reader_fail(&reader);
    }
    return reader_finish(&reader);
}

must_check enum error owner_write_moved(struct buffer *out, uint32_t request,
                                        const struct owner_moved *message) {
    struct writer writer;
    begin(&writer, out, OWNER_MOVED, request);
    writer_flag(&writer, message->is_full);
    writer_u64(&writer, message->place);
    return end(&writer);
}

must_check enum error owner_read_moved(struct bytes body, struct owner_moved *message) {
    struct reader reader;
    reader_init(&reader, body);
    message->is_full = reader_flag(&reader);
    message->place = reader_time(&reader);
    return reader_finish(&reader);
}
