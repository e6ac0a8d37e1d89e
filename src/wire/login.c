/* SPDX-License-Identifier: ISC */
/* LOGIN, REGISTER and their answer WELCOME (docs/PROTOCOL.md 1.12). */
#include "wire/fields.h"

#include <string.h>

enum { PROOF_SUITE = 0x01, PROOF_TYPE = 0x20 };

static void read_proof(struct reader *reader, struct wire_login *login) {
    if (reader_u8(reader) != PROOF_SUITE || reader_u8(reader) != PROOF_TYPE) {
        reader_fail(reader);
    }
    reader_copy(reader, login->cid, sizeof(login->cid));
    reader_copy(reader, login->signature, sizeof(login->signature));
}

static void write_proof(struct writer *writer, const struct wire_login *login) {
    writer_u8(writer, PROOF_SUITE);
    writer_u8(writer, PROOF_TYPE);
    writer_bytes(writer, bytes_of(login->cid));
    writer_bytes(writer, bytes_of(login->signature));
}

must_check enum error wire_read_login(struct bytes body, struct wire_login *login) {
    struct reader reader;
    reader_init(&reader, body);
    read_proof(&reader, login);
    return reader_finish(&reader);
}

must_check enum error wire_write_login(struct buffer *out, uint32_t request,
                                       const struct wire_login *login) {
    struct writer writer;
    frame_begin(&writer, out, WIRE_LOGIN, request);
    write_proof(&writer, login);
    return frame_end(&writer);
}

must_check enum error wire_read_register(struct bytes body, struct wire_register *message) {
    struct reader reader;
    reader_init(&reader, body);
    *message = (struct wire_register){0};
    read_proof(&reader, &message->login);
    message->has_token = reader_flag(&reader);
    if (message->has_token) {
        reader_copy(&reader, message->token, sizeof(message->token));
    }
    message->certificate = reader_bytes(&reader, CERTIFICATE_BYTES);
    return reader_finish(&reader);
}

must_check enum error wire_write_register(struct buffer *out, uint32_t request,
                                          const struct wire_register *message) {
    struct writer writer;
    frame_begin(&writer, out, WIRE_REGISTER, request);
    write_proof(&writer, &message->login);
    writer_flag(&writer, message->has_token);
    if (message->has_token) {
        writer_bytes(&writer, bytes_of(message->token));
    }
    writer_fixed(&writer, message->certificate, CERTIFICATE_BYTES);
    return frame_end(&writer);
}

/* One encoding for "no change of the key": zeros. */
static bool is_next_key_canonical(const struct wire_welcome *message) {
    static const uint8_t none[sizeof(message->next_key)];
    return message->has_next_key ||
           (message->next_key_ms == 0 && memcmp(message->next_key, none, sizeof(none)) == 0);
}

must_check enum error wire_read_welcome(struct bytes body, struct wire_welcome *message) {
    struct reader reader;
    reader_init(&reader, body);
    message->server_time_ms = reader_time(&reader);
    reader_copy(&reader, message->store_epoch, sizeof(message->store_epoch));
    reader_name(&reader, &message->name);
    message->registration = reader_u8(&reader);
    if (message->registration > WIRE_REGISTRATION_CLOSED) {
        reader_fail(&reader);
    }
    message->set_id = reader_u32(&reader);
    message->one_time_left = reader_u16(&reader);
    message->waiting = reader_u32(&reader);
    message->window_max = reader_u16_within(&reader, 1, DELIVERY_WINDOW_MAX);
    message->is_renewal = reader_flag(&reader);
    message->has_next_key = reader_flag(&reader);
    reader_copy(&reader, message->next_key, sizeof(message->next_key));
    message->next_key_ms = reader_time(&reader);
    if (!is_next_key_canonical(message)) {
        reader_fail(&reader);
    }
    return reader_finish(&reader);
}

must_check enum error wire_write_welcome(struct buffer *out, uint32_t request,
                                         const struct wire_welcome *message) {
    struct writer writer;
    frame_begin(&writer, out, WIRE_WELCOME, request);
    writer_u64(&writer, message->server_time_ms);
    writer_bytes(&writer, bytes_of(message->store_epoch));
    writer_name(&writer, &message->name);
    if (message->registration > WIRE_REGISTRATION_CLOSED) {
        writer_fail(&writer);
    }
    writer_u8(&writer, message->registration);
    writer_u32(&writer, message->set_id);
    writer_u16(&writer, message->one_time_left);
    writer_u32(&writer, message->waiting);
    writer_u16_within(&writer, message->window_max, 1, DELIVERY_WINDOW_MAX);
    writer_flag(&writer, message->is_renewal);
    writer_flag(&writer, message->has_next_key);
    writer_bytes(&writer, bytes_of(message->next_key));
    writer_u64(&writer, message->next_key_ms);
    if (!is_next_key_canonical(message)) {
        writer_fail(&writer);
    }
    return frame_end(&writer);
}
