/* SPDX-License-Identifier: ISC */
/* Runs the engine over one connection on a loop of its own until a piece of work is done. */
#ifndef SOTTO_LIBSOTTO_RUNNER_H
#define SOTTO_LIBSOTTO_RUNNER_H

#include "client/engine.h"
#include "libsotto/profile.h"
#include "net/client.h"

struct runner {
    struct sotto *client;
    struct engine *engine;
    uv_loop_t loop;
    uv_timer_t timer;
    bool has_loop;
    struct net_client *net;
    bool is_closed;
    uint64_t wake_ms; /**< of the monotonic clock: `done` is to be asked again then at the latest */
    bool has_taken_lock;                 /**< and gives it back */
    uint8_t shown_hash[SPKI_HASH_BYTES]; /**< the server's key, as it was shown */
    bool is_probe;  /**< no pin is known: the connection only shows the key and is closed */
    bool has_shown; /**< a probe has seen the key; the engine is over with ERR_INPUT_REQUIRED */
    bool is_finished;
};

/** Owns the profile until runner_clear, makes the engine, and gives it the cards that an
 * administrator vouches for; nothing is connected yet. Failures of the profile, of the store, and
 * of cards_load. */
must_check enum error runner_init(struct runner *runner, struct sotto *client);
/** Begins to connect. What waits on the server is taken in whatever the connection is for. */
must_check enum error runner_connect(struct runner *runner);
/** Connects only to see the server's key, whichever it is: nothing is sent. */
must_check enum error runner_probe(struct runner *runner);

/** Whether the work is done; asked after every event. */
typedef bool runner_done_fn(void *context);
/** Runs until `done`, until the engine is over, or until the server has made no progress for the
 * profile's timeout (the engine is over then too). `until_ms` of the monotonic clock ends it
 * without an error; UINT64_MAX: never. With `is_patient` a silent server is no failure: it is asked
 * for a sign of life each minute. */
void runner_run(struct runner *runner, runner_done_fn *done, void *context, uint64_t until_ms,
                bool is_patient);

/** Turns the loop, also without a connection, until something happened or `wake_ms` came. */
void runner_pause(struct runner *runner);

/** The work is done: lets receipts, confirmations and what else is to be said leave, for WIND_UP_MS
 * at most. Nothing without a login, or when it was done before. */
void runner_finish(struct runner *runner);

/** Finishes, closes the connection and frees everything but the profile. */
void runner_clear(struct runner *runner);

#endif
