/* SPDX-License-Identifier: ISC */
/* What processes of one profile say to each other through its socket: a frame each, cut by
 * wire_frame_cut, with the number of the request that it belongs to. Internal.
 *
 *   both ways     HELLO, first of all: which version is spoken
 *   to the owner  SEND, LEND, WATCH, CURSOR
 *   from it       SENT, LENT, NEWS, MOVED
 *
 * HELLO stays as it is in all versions; any other frame may change with the version. Whoever hears
 * another version than its own says no more and closes. */
#ifndef SOTTO_LIBSOTTO_OWNER_WIRE_H
#define SOTTO_LIBSOTTO_OWNER_WIRE_H

#include "base/limits.h"
#include "wire/codec.h"
#include "wire/frame.h"

#include <sotto/sotto.h>

enum { OWNER_VERSION = 2 };

enum owner_type {
    OWNER_HELLO = 0x01,
    OWNER_SEND = 0x02,   /**< a message to be sent; answered with SENT */
    OWNER_LEND = 0x03,   /**< the profile's lock is wanted for a while; answered with LENT */
    OWNER_WATCH = 0x04,  /**< what is known; answered with NEWS once that is not the latest */
    OWNER_CURSOR = 0x05, /**< a cursor is to be written; answered with MOVED */
    OWNER_SENT = 0x82,
    OWNER_LENT = 0x83, /**< the lock is free for who asked, until its connection is closed */
    OWNER_NEWS = 0x84,
    OWNER_MOVED = 0x85, /**< it is committed, or cannot be */
};

/** A message that is handed in. Views live as long as the frame. */
struct owner_send {
    /** Of the monotonic clock, which all processes of a machine share: later than that the request
     * is not begun any more, since nobody waits for it. */
    uint64_t until_ms;
    uint64_t timeout_ms; /**< for a confirmation, with SOTTO_WAIT_DELIVERED */
    uint8_t msg_id[MESSAGE_ID_BYTES];
    struct user_name to;
    struct bytes text;
    char key[REPEAT_KEY_MAX_BYTES + 1]; /**< empty: none */
    enum sotto_wait wait;
    bool require_verified;
    bool is_one_of_many; /**< of several recipients: the words fit a list of people */
    uint32_t life_s;
};

/** What a failure means for the message. */
enum sent_effect {
    SENT_IS_UNKNOWN = 0,
    SENT_NOT,         /**< it is nowhere */
    SENT_WAITS,       /**< stored, for keys */
    SENT_LATER,       /**< stored */
    SENT_UNCONFIRMED, /**< it was sent */
    SENT_EFFECT_LAST = SENT_UNCONFIRMED,
};

/** What became of it: as sotto_send would tell, but for the effect, whose sentence depends on what
 * became of the call's other messages. */
struct owner_sent {
    struct sotto_sent sent;
    struct sotto_error error; /**< with a gap for the effect: REPORT_EFFECT_LATER */
    enum sent_effect effect;  /**< of an error */
};

/** How far the store is. */
struct owner_news {
    uint64_t place;    /**< of the last message that may be shown */
    bool is_caught_up; /**< what waited on the server is in the store */
};

enum owner_move {
    OWNER_CURSOR_OPEN = 0, /**< the store's cursor_open: start, now */
    OWNER_CURSOR_PUT = 1,  /**< cursor_put: place */
    OWNER_CURSOR_PASS = 2, /**< cursor_pass: after, until */
    OWNER_CURSOR_TAKE = 3, /**< passed_take: place */
    OWNER_CURSOR_LAST = OWNER_CURSOR_TAKE,
};

/** What is to be written about a cursor. */
struct owner_cursor {
    enum owner_move move;
    char name[CURSOR_NAME_MAX_BYTES + 1];
    uint64_t first;
    uint64_t second; /**< 0 where there is one value */
};

struct owner_moved {
    bool is_full;   /**< OPEN: there are as many cursors as a profile keeps */
    uint64_t place; /**< OPEN: where it stands; else 0 */
};

/** Frames without a body: LEND, LENT. */
must_check enum error owner_write_empty(struct buffer *out, enum owner_type type, uint32_t request);
must_check enum error owner_read_empty(struct bytes body);

must_check enum error owner_write_hello(struct buffer *out, uint16_t version);
/** ERR_MALFORMED: not a hello of any version. */
must_check enum error owner_read_hello(struct bytes body, uint16_t *version);

must_check enum error owner_write_send(struct buffer *out, uint32_t request,
                                       const struct owner_send *message);
must_check enum error owner_read_send(struct bytes body, struct owner_send *message);

must_check enum error owner_write_sent(struct buffer *out, uint32_t request,
                                       const struct owner_sent *message);
must_check enum error owner_read_sent(struct bytes body, struct owner_sent *message);

/** WATCH says what is known, NEWS what is so. */
must_check enum error owner_write_news(struct buffer *out, enum owner_type type, uint32_t request,
                                       const struct owner_news *message);
must_check enum error owner_read_news(struct bytes body, struct owner_news *message);

must_check enum error owner_write_cursor(struct buffer *out, uint32_t request,
                                         const struct owner_cursor *message);
must_check enum error owner_read_cursor(struct bytes body, struct owner_cursor *message);

must_check enum error owner_write_moved(struct buffer *out, uint32_t request,
                                        const struct owner_moved *message);
must_check enum error owner_read_moved(struct bytes body, struct owner_moved *message);

#endif
