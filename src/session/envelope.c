/* SPDX-License-Identifier: ISC */
/* Outer forms of what travels: which kind an envelope is, and an INITIAL taken apart.
 * docs/PROTOCOL.md 1.5. */
#include "session/handshake.h"
#include "session/message.h"
#include "session/suite.h"
#include "wire/codec.h"

#include <string.h>

must_check enum error initial_parse(struct bytes envelope, struct initial *initial) {
    struct reader reader;
    reader_init(&reader, envelope);
    if (reader_u8(&reader) != SUITE || reader_u8(&reader) != ENVELOPE_INITIAL) {
        reader_fail(&reader);
    }
    initial->certificate = reader_bytes(&reader, CERTIFICATE_BYTES);
    reader_copy(&reader, initial->own_cid, sizeof(initial->own_cid));
    initial->set_id = reader_u32(&reader);
    initial->one_time_id = reader_u32(&reader);
    (void)reader_bytes(&reader, DH_PUBLIC_BYTES + RSA_CIPHERTEXT_BYTES + 2 * KEM_CIPHERTEXT_BYTES);
    if (reader.failed) {
        return ERR_MALFORMED;
    }
    initial->hello = bytes_make(envelope.data, reader.at);
    initial->full = reader_bytes(&reader, envelope.size - reader.at);

    struct message message;
    enum error error = reader_finish(&reader);
    if (error == OK) {
        error = message_parse(initial->full, &message);
    }
    if (error == OK && message.type != ENVELOPE_FULL) {
        error = ERR_MALFORMED;
    }
    if (error == OK) {
        memcpy(initial->sid, message.sid, SESSION_ID_BYTES);
    }
    return error;
}

must_check enum error envelope_inspect(struct bytes envelope, enum envelope_type *type,
                                       uint8_t sid[SESSION_ID_BYTES]) {
    if (envelope.size >= 2 && envelope.data[1] == ENVELOPE_INITIAL) {
        struct initial initial;
        enum error error = initial_parse(envelope, &initial);
        if (error == OK) {
            *type = ENVELOPE_INITIAL;
            memcpy(sid, initial.sid, SESSION_ID_BYTES);
        }
        return error;
    }
    struct message message;
    enum error error = message_parse(envelope, &message);
    if (error == OK) {
        *type = message.type;
        memcpy(sid, message.sid, SESSION_ID_BYTES);
    }
    return error;
}
