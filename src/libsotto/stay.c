/* SPDX-License-Identifier: ISC */
/* Work that lasts: one connection after the other, and the profile lent in between. */
#include "libsotto/explain.h"
#include "libsotto/owner.h"

#include <string.h>

struct staying {
    struct runner *runner;
    runner_done_fn *done;
    void *context;
    uint64_t until_ms;
    unsigned tries; /**< connections that failed since the last one that worked */
    bool is_done;
    bool is_lost; /**< and that was told */
};

static bool is_done_or_asked(void *context) {
    struct staying *staying = context;
    bool is_open = engine_phase(staying->runner->engine) == ENGINE_OPEN;
    if (is_open && staying->is_lost) {
        explain_connected(staying->runner);
    }
    staying->is_lost = staying->is_lost && !is_open;
    staying->tries = is_open ? 0 : staying->tries;
    staying->is_done = staying->done(staying->context);
    return staying->is_done || owner_is_asked(staying->runner->owner);
}

/* ---- lending */

/* The borrower works as if it were alone, until it closes its connection. */
static void lend_once(struct runner *runner) {
    owner_lend(runner->owner);
    while (owner_is_lent(runner->owner)) {
        runner_turn(runner, UINT64_MAX);
    }
}

/* Others may have been faster; they take their turn, which this process has no right to shorten. */
static enum error take_back(struct runner *runner) {
    enum error error = profile_own_now(runner->client);
    while (error == ERR_STORE_BUSY) {
        runner_turn(runner, profile_time(runner->client) + OWNER_RETRY_MS);
        error = profile_own_now(runner->client);
    }
    return error == OK ? profile_account(runner->client) : error;
}

/* Everything under way comes to its end first, then the lock is free. What is handed in meanwhile
 * waits. */
static enum error lend(struct runner *runner) {
    uint64_t wake_ms = runner->wake_ms;
    owner_hold(runner->owner, true);
    runner_settle(runner);
    runner_finish(runner);
    runner_part(runner);
    profile_release(runner->client);
    runner->wake_ms = UINT64_MAX; /* nothing is offered to the application while it is lent */
    do {
        lend_once(runner);
    } while (owner_is_asked(runner->owner) && !owner_has_waiting(runner->owner));
    enum error error = take_back(runner);
    runner->wake_ms = wake_ms;
    owner_hold(runner->owner, false);
    return error;
}

/* ---- connecting again */

/* Half of the time at least, the rest by chance: those who lost a server do not all come back in
 * the same moment. */
static uint64_t pause_ms(const struct staying *staying) {
    const struct entropy entropy = entropy_system();
    uint64_t most = SECOND_MS;
    uint16_t chance = 0;
    for (unsigned i = 1; i < staying->tries && most < STAY_RETRY_MAX_MS; i++) {
        most *= 2;
    }
    most = most < STAY_RETRY_MAX_MS ? most : STAY_RETRY_MAX_MS;
    if (entropy.fill(entropy.context, (uint8_t *)&chance, sizeof(chance)) != OK) {
        chance = UINT16_MAX;
    }
    return most / 2 + most / 2 * chance / UINT16_MAX;
}

/* Waits until it is time to connect again, or somebody has something to do. */
static void hold_off(struct staying *staying) {
    struct runner *runner = staying->runner;
    uint64_t at = profile_time(runner->client) + pause_ms(staying);
    at = at < staying->until_ms ? at : staying->until_ms;
    while (profile_time(runner->client) < at && !owner_has_waiting(runner->owner) &&
           !is_done_or_asked(staying)) {
        runner_turn(runner, at);
    }
}

/* Said once, however often it is tried. */
static void tell_lost(struct staying *staying) {
    struct runner *runner = staying->runner;
    if (!staying->is_lost) {
        staying->is_lost = true;
        explain_lost(runner, engine_failure(runner->engine));
    }
}

static enum error connect_again(struct runner *runner) {
    runner_part(runner);
    enum error error = runner_engine(runner);
    if (error == OK) {
        enum error status = runner_connect(runner);
        if (status != OK) {
            engine_closed(runner->engine, profile_now(runner->client), status, NULL);
        }
    }
    return error;
}

/* Whether the next connection may succeed where this one has failed. */
static bool may_pass(const struct runner *runner) {
    return engine_phase(runner->engine) == ENGINE_OVER &&
           error_retry(engine_failure(runner->engine)->error);
}

must_check enum error runner_stay(struct runner *runner, runner_done_fn *done, void *context,
                                  uint64_t until_ms, bool reconnects) {
    struct staying staying = {
        .runner = runner, .done = done, .context = context, .until_ms = until_ms};
    enum error error = OK;
    while (error == OK) {
        runner_run(runner, is_done_or_asked, &staying, until_ms, true);
        owner_turn(runner->owner);
        bool is_asked = owner_is_asked(runner->owner);
        bool is_over = engine_phase(runner->engine) == ENGINE_OVER;
        if (staying.is_done || profile_time(runner->client) >= until_ms ||
            (is_over && !is_asked && !(reconnects && may_pass(runner)))) {
            break;
        }
        if (is_over && !is_asked) {
            staying.tries++;
            tell_lost(&staying);
            hold_off(&staying);
            is_asked = owner_is_asked(runner->owner);
        }
        if (staying.is_done) {
            break;
        }
        error = is_asked ? lend(runner) : OK;
        if (error == OK) {
            error = connect_again(runner);
        }
    }
    return error;
}
