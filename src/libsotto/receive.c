/* SPDX-License-Identifier: ISC */
/* Receiving: what was committed is handed over at once; by this process, over connections of its
 * own, or by the one that owns the profile, which this one watches. */
#include "libsotto/watch.h"

static const char EFFECT[] = "No message is lost.";

struct receiving {
    struct runner runner;
    struct reading reading;
    const struct sotto_receive *request;
    uint64_t until_ms;    /**< when waiting ends; UINT64_MAX: never, or nothing is waited for */
    unsigned connections; /**< of the runner, when it was looked at last */
};

static bool lasts(const struct receiving *receiving) {
    return receiving->request->follow || receiving->request->wait_ms > 0;
}

/* Hands over what the store has, and has the loop come back when a message is to be offered again.
 */
static void show(struct receiving *receiving) {
    if (receiving->connections != receiving->runner.connections) {
        receiving->connections = receiving->runner.connections;
        reading_again(&receiving->reading); /* others may have worked in between */
    }
    reading_show(&receiving->reading);
    receiving->runner.wake_ms = receiving->reading.wake_ms;
}

/* Whether a message that came is held back for an earlier one, which is waited for a moment. */
static bool is_holding_back(struct receiving *receiving) {
    const struct client_store *store = receiving->runner.client->store;
    const struct user_name first = {{0}};
    struct user_name from;
    if (engine_deadline(receiving->runner.engine) == UINT64_MAX) {
        return false;
    }
    enum error error = store->incoming_sender(store->context, &first, &from);
    receiving->reading.error = error == ERR_NOT_FOUND ? OK : error;
    return error == OK;
}

/* Asked after every event of the connection. */
static bool is_done(void *context) {
    struct receiving *receiving = context;
    const struct engine *engine = receiving->runner.engine;
    const struct sotto_receive *request = receiving->request;
    show(receiving);
    if (reading_has_enough(&receiving->reading)) {
        return true;
    }
    bool is_quiet = receiving->reading.later == 0 && engine_is_caught_up(engine) &&
                    engine_is_settled(engine) && !is_holding_back(receiving);
    if (is_quiet && request->follow) {
        reading_tell_passed(&receiving->reading);
    }
    if (engine_is_caught_up(engine) && !request->follow && request->wait_ms == 0) {
        runner_shut(&receiving->runner); /* or messages of others might keep this busy for ever */
    }
    return is_quiet && !request->follow && (request->wait_ms == 0 || receiving->reading.handed > 0);
}

static int no_message(const struct receiving *receiving, struct sotto_error *error) {
    struct report report = profile_report(receiving->runner.client, EFFECT);
    char time[32];
    explain_duration(receiving->request->wait_ms, time, sizeof(time));
    report.cause = time;
    return report_error(error, ERR_NO_MESSAGE, &report);
}

/* A message that the application works on is settled, also when connection or time are over. */
static void finish(struct receiving *receiving) {
    show(receiving);
    while (receiving->reading.later > 0 && receiving->reading.error == OK) {
        runner_pause(&receiving->runner);
        show(receiving);
    }
}

/* What is to be said of it all; `failure`: why the connection is over, if it is. */
static int conclude(struct receiving *receiving, const struct failure *failure,
                    struct sotto_error *error) {
    struct sotto *client = receiving->runner.client;
    struct reading *reading = &receiving->reading;
    if (reading->error != OK) {
        return profile_fail(client, reading->error, EFFECT, error);
    }
    if (!reading->is_stopped) {
        reading_tell_passed(reading);
    }
    if (reading_has_enough(reading)) {
        return report_error(error, OK, NULL);
    }
    if (failure != NULL) {
        return explain_failure(&receiving->runner, failure, profile_report(client, EFFECT), error);
    }
    return lasts(receiving) && reading->handed == 0 ? no_message(receiving, error)
                                                    : report_error(error, OK, NULL);
}

/* As the profile's owner. */
static int receive_here(struct receiving *receiving, struct sotto_error *error) {
    struct runner *runner = &receiving->runner;
    struct sotto *client = runner->client;
    enum error status = runner_serve(runner);
    int result = profile_fail(client, status, EFFECT, error);
    if (result == 0) {
        result = reading_open(&receiving->reading, error);
    }
    if (result != 0) {
        return result;
    }
    show(receiving); /* no server waits while an application reads what is here */
    if (reading_has_enough(&receiving->reading)) {
        return conclude(receiving, NULL, error);
    }
    status = runner_connect(runner);
    if (status != OK) {
        engine_closed(runner->engine, profile_now(client), status, NULL);
        status = OK;
    }
    if (lasts(receiving)) {
        status = runner_stay(runner, is_done, receiving, receiving->until_ms,
                             receiving->request->follow);
    } else {
        runner_run(runner, is_done, receiving, UINT64_MAX, false);
    }
    if (status != OK) {
        return profile_fail(client, status, EFFECT, error);
    }
    finish(receiving);
    bool is_over = engine_phase(runner->engine) == ENGINE_OVER;
    return conclude(receiving, is_over ? engine_failure(runner->engine) : NULL, error);
}

/* Work that lasts goes on beside an owner, until that one ends. OK: it is done, without an engine.
 */
static enum error watch_or_own(struct receiving *receiving, struct sotto *client,
                               struct sotto_error *error) {
    uint64_t patience_ms = profile_patience(client);
    enum error status = runner_try(&receiving->runner, client);
    while (status == ERR_STORE_BUSY) {
        status = watch_owner(&receiving->reading, patience_ms, receiving->until_ms, error);
        if (status != ERR_CLOSED && status != ERR_STORE_BUSY) {
            break;
        }
        patience_ms = status == ERR_CLOSED ? profile_patience(client) : patience_ms;
        status = runner_try(&receiving->runner, client);
        if (status == ERR_STORE_BUSY && profile_pause(client, patience_ms) != OK) {
            break;
        }
    }
    return status;
}

static int receive(struct receiving *receiving, struct sotto *client, struct sotto_error *error) {
    enum error status = lasts(receiving) ? watch_or_own(receiving, client, error)
                                         : runner_init(&receiving->runner, client);
    bool is_told = status == ERR_WRONG_STATE; /* by watch_owner */
    int result = is_told ? error->exit : profile_fail(client, status, EFFECT, error);
    if (result == 0) {
        bool is_watched = receiving->runner.engine == NULL;
        result = is_watched ? conclude(receiving, NULL, error) : receive_here(receiving, error);
    }
    runner_clear(&receiving->runner);
    return result;
}

static uint64_t until_of(const struct sotto *client, const struct sotto_receive *request) {
    uint64_t now = profile_time(client);
    bool is_bounded = !request->follow && request->wait_ms > 0;
    return is_bounded && request->wait_ms <= UINT64_MAX - now ? now + request->wait_ms : UINT64_MAX;
}

int sotto_receive(struct sotto *client, const struct sotto_receive *request, sotto_message_fn *each,
                  void *context, uint32_t *handed, struct sotto_error *error) {
    struct receiving receiving = {.request = request,
                                  .until_ms = until_of(client, request),
                                  .reading = {.each = each, .context = context}};
    int result = reading_check(&receiving.reading, client, request, error);
    if (result == 0) {
        result = receive(&receiving, client, error);
    }
    if (handed != NULL) {
        *handed = receiving.reading.handed;
    }
    return result;
}
