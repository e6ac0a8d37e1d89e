/* SPDX-License-Identifier: ISC */
/* The body of a message inside its encryption: kind, msg_id, sent, content. docs/PROTOCOL.md 1.7.
 */
#ifndef SOTTO_CLIENT_BODY_H
#define SOTTO_CLIENT_BODY_H

#include "base/bytes.h"
#include "base/limits.h"

enum { BODY_HEADER_BYTES = 1 + MESSAGE_ID_BYTES + 8, BODY_ID_CHARACTERS = 26 };

enum body_kind {
    BODY_TEXT = 1,
    BODY_DELIVERED = 2, /**< receipt */
    BODY_RESEND = 4,    /**< a session of the recipient's is not known here */
    BODY_NOTICE = 5,    /**< numbers that were given up; or only a turn of the ratchet */
    BODY_FILE = 7,
    BODY_TEXT_WITH_LIFE = 8,
};

struct body {
    uint8_t kind;
    uint8_t msg_id[MESSAGE_ID_BYTES];
    uint64_t sent_ms;
    struct bytes content; /**< a view; empty for what is no text that this client can show */
};

/** Appends a body of kind 1. `text` has 1 to TEXT_MAX_BYTES bytes. */
must_check enum error body_write_text(struct buffer *out, const uint8_t msg_id[MESSAGE_ID_BYTES],
                                      uint64_t sent_ms, struct bytes text);

/** ERR_MALFORMED: too short for a header, or a text that is not UTF-8 or too long. */
must_check enum error body_read(struct bytes data, struct body *body);

/** The id as people see it: 26 characters of base 32 and a NUL. */
void body_id_text(const uint8_t msg_id[MESSAGE_ID_BYTES], char out[BODY_ID_CHARACTERS + 1]);

#endif
