/* SPDX-License-Identifier: ISC */
#include "wire/frame.h"

#include "base/limits.h"
#include "base/require.h"

enum { LENGTH_BYTES = 4, TYPE_COUNT = 256 };

/* What may come, by state, direction and type. What is not named here may not. */
static const bool ALLOWED[WIRE_STATE_COUNT][WIRE_DIRECTION_COUNT][TYPE_COUNT] = {
    [WIRE_STATE_LOGIN] =
        {
            [WIRE_TO_SERVER] =
                {
                    [WIRE_LOGIN] = true,
                    [WIRE_REGISTER] = true,
                },
            [WIRE_TO_CLIENT] =
                {
                    [WIRE_WELCOME] = true,
                    [WIRE_CERTIFICATE] = true,
                    [WIRE_ERROR] = true,
                },
        },
    [WIRE_STATE_OPEN] =
        {
            [WIRE_TO_SERVER] =
                {
                    [WIRE_PING] = true,
                    [WIRE_PUBLISH] = true,
                    [WIRE_GET_CERTIFICATE] = true,
                    [WIRE_GET_BUNDLE] = true,
                    [WIRE_LIST_USERS] = true,
                    [WIRE_SEND] = true,
                    [WIRE_FETCH] = true,
                    [WIRE_ACK] = true,
                    [WIRE_RENEW] = true,
                    [WIRE_LEAVE] = true,
                },
            [WIRE_TO_CLIENT] =
                {
                    [WIRE_DONE] = true,
                    [WIRE_CERTIFICATE] = true,
                    [WIRE_BUNDLE] = true,
                    [WIRE_USERS] = true,
                    [WIRE_ACCEPTED] = true,
                    [WIRE_DELIVER] = true,
                    [WIRE_CAUGHT_UP] = true,
                    [WIRE_ERROR] = true,
                },
        },
};

static const size_t MAX_BYTES[WIRE_STATE_COUNT][WIRE_DIRECTION_COUNT] = {
    [WIRE_STATE_LOGIN] = {FRAME_LOGIN_MAX_BYTES, FRAME_MAX_BYTES},
    [WIRE_STATE_OPEN] = {FRAME_MAX_BYTES, FRAME_MAX_BYTES},
};

bool wire_allowed(enum wire_state state, enum wire_direction direction, uint8_t type) {
    require((unsigned)state < WIRE_STATE_COUNT && (unsigned)direction < WIRE_DIRECTION_COUNT);
    return ALLOWED[state][direction][type];
}

size_t wire_frame_max(enum wire_state state, enum wire_direction direction) {
    require((unsigned)state < WIRE_STATE_COUNT && (unsigned)direction < WIRE_DIRECTION_COUNT);
    return MAX_BYTES[state][direction];
}

must_check enum error wire_frame_cut(struct bytes stream, size_t max, struct wire_frame *frame,
                                     size_t *used) {
    require(max >= FRAME_HEADER_BYTES && max <= FRAME_MAX_BYTES);
    *frame = (struct wire_frame){0};
    *used = 0;
    if (stream.size < LENGTH_BYTES) {
        return ERR_WAIT;
    }
    size_t length = get_u32(stream.data);
    if (length < FRAME_HEADER_BYTES - LENGTH_BYTES) {
        return ERR_MALFORMED;
    }
    if (length > max - LENGTH_BYTES) {
        return ERR_LIMIT;
    }
    if (stream.size - LENGTH_BYTES < length) {
        return ERR_WAIT;
    }
    *used = LENGTH_BYTES + length;
    frame->type = stream.data[LENGTH_BYTES];
    frame->request = get_u32(stream.data + LENGTH_BYTES + 1);
    frame->body = bytes_make(stream.data + FRAME_HEADER_BYTES, *used - FRAME_HEADER_BYTES);
    return OK;
}
