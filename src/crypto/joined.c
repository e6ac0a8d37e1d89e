/* SPDX-License-Identifier: ISC */
#include "crypto/joined.h"

/* The largest object that is signed is a certificate's body, 3,546 bytes. */
enum { JOINED_MAX_BYTES = 8192 };

must_check enum error joined(struct bytes label, struct bytes message, struct buffer *room,
                             struct bytes *whole) {
    buffer_init(room, JOINED_MAX_BYTES);
    if (label.size == 0) {
        *whole = message;
        return OK;
    }
    enum error error = buffer_append(room, label);
    if (error == OK) {
        error = buffer_append(room, message);
    }
    *whole = buffer_view(room);
    return error;
}
