/* SPDX-License-Identifier: ISC */
/* The profile's socket on a loop: who may come in, and for how long. Processes of the same user
 * (and of root, who can read the profile anyway) connect, say which version they speak, and then
 * each frame of theirs is handed on. Bounds are those of base/limits.h; whoever breaks them, is
 * silent in the middle of a frame, or does not read, is shown out, alone. Internal. */
#ifndef SOTTO_LIBSOTTO_PORCH_H
#define SOTTO_LIBSOTTO_PORCH_H

#include "base/env.h"
#include "libsotto/owner_wire.h"

#include <uv.h>

struct porch;
struct guest;

struct porch_events {
    void *context;
    /** A frame after the hellos; its body ends with the call. `false`: nothing that may come, the
     * guest is shown out. */
    bool (*asked)(void *context, struct guest *guest, const struct wire_frame *frame);
    /** The last that is heard of a guest, whoever ended it. */
    void (*left)(void *context, struct guest *guest);
};

/** Listens in `folder`, whose lock is held. ERR_DUPLICATE: somebody listens there (an owner that
 * has lent the lock). Failures of local_listen, ERR_MEMORY. */
must_check enum error porch_open(uv_loop_t *loop, const char *folder, const struct clock *clock,
                                 const struct porch_events *events, struct porch **porch);

/** Nobody else comes in; who waits outside hears that the socket is gone and looks elsewhere. */
void porch_shut(struct porch *porch);

/** Shows out who was silent for too long; needed at porch_deadline. */
void porch_tick(struct porch *porch);
/** On the monotonic clock; UINT64_MAX: never. */
uint64_t porch_deadline(const struct porch *porch);

/** Ends everything: guests leave without another word to them. The memory goes while the loop
 * closes its handles. NULL is fine. */
void porch_close(struct porch *porch);

/** Queues a frame that was written; a guest that does not read what it is told is shown out. The
 * guest may be gone when this returns. */
void guest_tell(struct guest *guest, struct bytes frame);

/** One answer more, or less, that the guest waits for: who waits may be silent. */
void guest_expect(struct guest *guest, int more);
unsigned guest_expects(const struct guest *guest);

void guest_show_out(struct guest *guest);

#endif
