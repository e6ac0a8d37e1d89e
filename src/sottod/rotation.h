/* SPDX-License-Identifier: ISC */
/* A planned change of the server's key while the server runs: announced to whoever connects, made
 * when it is due. docs/PROTOCOL.md 1.12. */
#ifndef SOTTO_SOTTOD_ROTATION_H
#define SOTTO_SOTTOD_ROTATION_H

#include "net/listener.h"
#include "server/core.h"
#include "sottod/data.h"
#include "sottod/say.h"

enum { KEY_AND_TIME_BYTES = 100 };

/** The first three are set by the caller; all are borrowed. */
struct rotation {
    struct data *data;
    const struct clock *clock;
    struct logger *logger;
    struct server *server;
    struct listener *const *listeners;
    const size_t *listener_count;
    uint8_t key_hash[SPKI_HASH_BYTES]; /**< of the key that is shown now */
    uint64_t retry_ms;                 /**< monotonic: a change that failed is tried again */
};

/** Loads the keys, making the first one. A change that fell due while no server ran is made. What
 * fails is said in `data`. */
must_check enum error rotation_load(struct rotation *rotation);

/** From now on clients hear of the next key, and `listeners` show the new one when it is due. */
void rotation_begin(struct rotation *rotation, struct server *server,
                    struct listener *const *listeners, const size_t *listener_count);

/** Plans a change, unless one is planned; it is on the disk when this returns. */
must_check enum error rotation_plan(struct rotation *rotation, uint64_t at_ms);

/** Makes the change when it is due. Call it about once a second. */
void rotation_tick(struct rotation *rotation);

/** The next key and its time, as `sottod key` prints them; empty when none is planned. */
void rotation_print(const struct rotation *rotation, char *out, size_t size);

#endif
