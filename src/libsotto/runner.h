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
    bool has_taken_lock;                 /**< and gives it back */
    uint8_t shown_hash[SPKI_HASH_BYTES]; /**< the server's key, as it was shown */
    bool is_probe;  /**< no pin is known: the connection only shows the key and is closed */
    bool has_shown; /**< a probe has seen the key; the engine is over with ERR_INPUT_REQUIRED */
};

/** Owns the profile until runner_clear and makes the engine; nothing is connected yet. */
must_check enum error runner_init(struct runner *runner, struct sotto *client);
/** Begins to connect. */
must_check enum error runner_connect(struct runner *runner);

/** Whether the work is done; asked after every event. */
typedef bool runner_done_fn(void *context);
/** Runs until `done`, until the engine is over, or until the server has made no progress for the
 * profile's timeout (the engine is over then too). `until_ms` of the monotonic clock ends it
 * without an error; UINT64_MAX: never. With `is_patient` a silent server is no failure: it is asked
 * for a sign of life each minute. */
void runner_run(struct runner *runner, runner_done_fn *done, void *context, uint64_t until_ms,
                bool is_patient);

/** Closes the connection and frees everything but the profile. */
void runner_clear(struct runner *runner);

/** Fills `*error` with a failure of the connection or of one piece of work. */
int runner_fail(struct runner *runner, const struct failure *failure, struct report report,
                struct sotto_error *error);

#endif
