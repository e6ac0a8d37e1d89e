/* SPDX-License-Identifier: ISC */
/* The body of a message inside its encryption: kind, msg_id, sent, content. docs/PROTOCOL.md 1.7.
 */
#ifndef SOTTO_CLIENT_BODY_H
#define SOTTO_CLIENT_BODY_H

#include "base/bytes.h"
#include "base/limits.h"

enum {
    BODY_HEADER_BYTES = 1 + MESSAGE_ID_BYTES + 8,
    BODY_ID_CHARACTERS = 26,
    BODY_PLACE_BYTES = CHAIN_ID_BYTES + 4, /**< in a notice: chain_id, u32 n */
};

enum body_kind {
    BODY_TEXT = 1,
    BODY_DELIVERED = 2, /**< receipt: u16 count, the msg_ids */
    BODY_RESEND = 4,    /**< a session of the recipient's is not known here: its sid */
    BODY_NOTICE = 5, /**< u8 count, places that were given up; none: only a turn of the ratchet */
    BODY_FILE = 7,
    BODY_TEXT_WITH_LIFE = 8, /**< u32 life_s, text */
};

struct body {
    uint8_t kind;
    uint8_t msg_id[MESSAGE_ID_BYTES];
    uint64_t sent_ms;
    /** A view: the text (1, 8), `count` msg_ids (2), a sid (4), `count` places (5); empty for what
     * this client can't show. */
    struct bytes content;
    uint16_t count;
    uint32_t life_s;
};

/** Appends a body; `content` is written as it stands, in kind 8 behind `life_s`. */
must_check enum error body_write(struct buffer *out, enum body_kind kind,
                                 const uint8_t msg_id[MESSAGE_ID_BYTES], uint64_t sent_ms,
                                 uint32_t life_s, struct bytes content);

/** ERR_MALFORMED: too short for a header, a text that is not UTF-8 or too long, a count or a length
 * that does not fit. */
must_check enum error body_read(struct bytes data, struct body *body);

/** A message for people, now or with a newer version; the others are the devices' own. */
bool body_is_for_people(uint8_t kind);
/** A message that gets a receipt: one that was shown. */
bool body_gets_receipt(uint8_t kind);

/** The id as people see it: 26 characters of base 32 and a NUL. */
void body_id_text(const uint8_t msg_id[MESSAGE_ID_BYTES], char out[BODY_ID_CHARACTERS + 1]);

#endif
