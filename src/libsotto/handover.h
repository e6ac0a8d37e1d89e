/* SPDX-License-Identifier: ISC */
/* The other end of the profile's socket: what is asked of the process that owns the profile.
 * Nothing of the engine, of TLS or of libuv is needed for it. Internal. */
#ifndef SOTTO_LIBSOTTO_HANDOVER_H
#define SOTTO_LIBSOTTO_HANDOVER_H

#include "libsotto/owner_wire.h"

/** The socket's name in the profile's folder. */
#define OWNER_SOCKET "owner.sock"

struct handover {
    int handle; /**< -1: not connected */
    uint32_t last_request;
    struct buffer in;
    struct buffer out;
    bool is_watching; /**< news were asked for .. */
    bool has_news;    /**< .. and came while something else was waited for */
    struct owner_news news;
};

/** Not connected. */
void handover_init(struct handover *handover);

/** Connects to whoever owns the profile in `folder` and exchanges hellos, until `until_ms` of the
 * monotonic clock. ERR_NOT_FOUND: nobody serves there who could be asked (also: an owner of another
 * version, one that is just ending). ERR_WAIT: no answer in time. */
must_check enum error handover_open(struct handover *handover, const char *folder,
                                    uint64_t until_ms);

/** Hands in a message; `*number` is that of its answer. No more than OWNER_REQUESTS_MAX may be
 * unanswered. ERR_CLOSED: the owner ended. ERR_WAIT: it does not listen in time. ERR_MEMORY,
 * ERR_LIMIT. */
must_check enum error handover_send(struct handover *handover, const struct owner_send *message,
                                    uint64_t until_ms, uint32_t *number);

/** Waits for the answer to one of them, whichever comes first. ERR_CLOSED: the owner ended, or does
 * not take them; whether those without an answer are on their way is not known, and the same
 * msg_ids may be handed in elsewhere. ERR_WAIT: no answer in time. ERR_MEMORY. */
must_check enum error handover_sent(struct handover *handover, uint64_t until_ms, uint32_t *number,
                                    struct owner_sent *sent);

/** Waits until the owner has given the profile's lock up for this process; it takes it again when
 * the handover is closed. ERR_CLOSED: it ended. ERR_WAIT: not in time. */
must_check enum error handover_borrow(struct handover *handover, uint64_t until_ms);

/** Waits until something else than `*news` is so, and says what. ERR_WAIT: not in time; the next
 * call goes on waiting. ERR_CLOSED: the owner ended, or is not what it should be. ERR_MEMORY. */
must_check enum error handover_watch(struct handover *handover, uint64_t until_ms,
                                     struct owner_news *news);

/** Has a cursor written, however long that takes. ERR_CLOSED: the owner ended; whether it was
 * written is not known, and to have it written again does no harm. ERR_LIMIT: too many cursors.
 * ERR_MEMORY. */
must_check enum error handover_cursor(struct handover *handover, const struct owner_cursor *cursor,
                                      uint64_t *place);

/** Nothing when it is not connected. */
void handover_close(struct handover *handover);

#endif
