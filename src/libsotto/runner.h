/* SPDX-License-Identifier: ISC */
/* Runs the engine over a connection on a loop of its own until a piece of work is done; work that
 * lasts goes on over further connections, each with an engine of its own. Internal. */
#ifndef SOTTO_LIBSOTTO_RUNNER_H
#define SOTTO_LIBSOTTO_RUNNER_H

#include "client/engine.h"
#include "libsotto/profile.h"
#include "net/client.h"

struct owner;

struct runner {
    struct sotto *client;
    struct engine *engine;
    struct owner *owner; /**< serves other processes; NULL: nobody is served */
    uv_loop_t loop;
    uv_timer_t timer;
    bool has_loop;
    struct net_client *net;
    bool is_closed;
    unsigned connections; /**< that were begun */
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
/** The same if nobody owns the profile at the moment; else ERR_STORE_BUSY. */
must_check enum error runner_try(struct runner *runner, struct sotto *client);
/** Begins to connect. What waits on the server is taken in whatever the connection is for. */
must_check enum error runner_connect(struct runner *runner);
/** From here on other processes of the user are served through the profile's socket, with the
 * engine of this runner; for runners that log in. Nothing for a profile that was borrowed or is
 * only being made. ERR_MEMORY. */
must_check enum error runner_serve(struct runner *runner);
/** The work is nearly done: nobody new is served, so that it ends. */
void runner_shut(struct runner *runner);
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

/** The same for work that lasts, in stay.c. Where somebody else needs the profile, it is lent once
 * everything under way is done, and the work goes on afterwards. With `reconnects` it also goes on
 * when the connection is lost or cannot be made, after 1 s, 2 s .. STAY_RETRY_MAX_MS (at once, when
 * others have something to send); notices say so. Else, and when to connect again would not help,
 * it ends like runner_run, with the engine over. Failures of the profile and the store: there may
 * be no engine then. */
must_check enum error runner_stay(struct runner *runner, runner_done_fn *done, void *context,
                                  uint64_t until_ms, bool reconnects);

/** Turns the loop, also without a connection, until something happened or `wake_ms` came. */
void runner_pause(struct runner *runner);

/** The work is done: lets receipts, confirmations and what else is to be said leave, for WIND_UP_MS
 * at most. Nothing without a login, or when it was done before. */
void runner_finish(struct runner *runner);

/** Finishes what others handed in and the work itself, closes the connection and frees everything
 * but the profile. */
void runner_clear(struct runner *runner);

/* ---- for stay.c */

/** One round of the loop, at most until `until_ms`, `wake_ms` or what the engine or others wait
 * for.
 */
void runner_turn(struct runner *runner, uint64_t until_ms);
/** Has nothing under way any more that others handed in. */
void runner_settle(struct runner *runner);
/** Closes the connection and frees the engine. */
void runner_part(struct runner *runner);
/** Makes the next engine, with the cards as they are now. */
must_check enum error runner_engine(struct runner *runner);

#endif
