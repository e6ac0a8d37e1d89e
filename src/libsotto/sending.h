/* SPDX-License-Identifier: ISC */
/* One call that sends: its messages, and what became of each, here or with the process that owns
 * the profile. Internal. */
#ifndef SOTTO_LIBSOTTO_SENDING_H
#define SOTTO_LIBSOTTO_SENDING_H

#include "libsotto/sent.h"

/** One message on its way. */
struct parcel {
    struct user_name to;
    uint8_t msg_id[MESSAGE_ID_BYTES];
    size_t number;            /**< in the own engine .. */
    enum error refused;       /**< .. which did not take it */
    uint32_t request;         /**< or at the owner of this moment; 0: not handed in there */
    bool was_taken;           /**< by some owner that may have begun to send it */
    bool is_answered;         /**< by an owner */
    struct owner_sent answer; /**< its words, or in the end those for what came of it here */
};

struct sending {
    struct runner runner;
    enum sotto_wait wait;
    struct parcel *parcels;
    size_t count;
    enum error failed; /**< why this process itself could go no further */
};

/** Hands all that is not answered yet to the process that owns the profile, and waits for the
 * answers. OK: there are all of them. ERR_STORE_BUSY: not all; the owner ended, or could not be
 * asked. ERR_SEND_UNKNOWN: it took them and says nothing more. ERR_MEMORY. */
must_check enum error sending_hand_over(struct sending *sending, const struct sotto_send *message,
                                        uint64_t until_ms);

#endif
