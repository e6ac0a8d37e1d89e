/* SPDX-License-Identifier: ISC */
/* Frames: u32 length of what follows, u8 type, u32 request, body. A client numbers its requests 1,
 * 2, 3, ... on each connection and may send many before the first answer; the answer to one carries
 * its number. What the server sends unasked carries 0. docs/PROTOCOL.md section 4. */
#ifndef SOTTO_WIRE_FRAME_H
#define SOTTO_WIRE_FRAME_H

#include "base/bytes.h"

/** The version of the wire protocol is the ALPN name (RFC 7301). */
#define WIRE_ALPN "sotto-wire/1"

enum wire_type {
    /* client to server, before login */
    WIRE_LOGIN = 0x01,
    WIRE_REGISTER = 0x02,
    /* client to server, after login */
    WIRE_PING = 0x10,
    WIRE_PUBLISH = 0x11,
    WIRE_GET_CERTIFICATE = 0x12,
    WIRE_GET_BUNDLE = 0x13,
    WIRE_LIST_USERS = 0x14,
    WIRE_SEND = 0x15,
    WIRE_FETCH = 0x16,
    WIRE_ACK = 0x17,
    WIRE_RENEW = 0x18,
    WIRE_LEAVE = 0x19,
    /* server to client */
    WIRE_WELCOME = 0x81,
    WIRE_DONE = 0x90,
    WIRE_CERTIFICATE = 0x91,
    WIRE_BUNDLE = 0x92,
    WIRE_USERS = 0x93,
    WIRE_ACCEPTED = 0x94,
    WIRE_DELIVER = 0x95,
    WIRE_CAUGHT_UP = 0x96,
    WIRE_ERROR = 0xff,
};

/** States of a connection as both ends see it. */
enum wire_state {
    WIRE_STATE_LOGIN, /**< until WELCOME */
    WIRE_STATE_OPEN,
    WIRE_STATE_COUNT,
};

enum wire_direction {
    WIRE_TO_SERVER,
    WIRE_TO_CLIENT,
    WIRE_DIRECTION_COUNT,
};

/** Whether a frame of that type may come in that state and direction; anything not listed may not.
 */
bool wire_allowed(enum wire_state state, enum wire_direction direction, uint8_t type);

/** The largest whole frame in that state and direction: FRAME_LOGIN_MAX_BYTES for what a client
 * sends before login, FRAME_MAX_BYTES otherwise. */
size_t wire_frame_max(enum wire_state state, enum wire_direction direction);

/** One frame, its body a view into the stream it was cut from. */
struct wire_frame {
    uint8_t type;
    uint32_t request;
    struct bytes body;
};

/** Cuts the first frame off `stream`. OK: `*frame` and the bytes it took in `*used`. ERR_WAIT: not
 * whole yet. ERR_LIMIT: longer than `max` (known from the first four bytes on). ERR_MALFORMED:
 * shorter than its header. */
must_check enum error wire_frame_cut(struct bytes stream, size_t max, struct wire_frame *frame,
                                     size_t *used);

#endif
