/* SPDX-License-Identifier: ISC */
/* Receiving over one connection: what was committed is handed over at once. */
#include "libsotto/reading.h"

static const char EFFECT[] = "No message is lost.";

struct receiving {
    struct runner runner;
    struct reading reading;
    const struct sotto_receive *request;
    unsigned connections; /**< of the runner, when it was looked at last */
    bool is_passed_told;
};

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

/* Once: the list does not get shorter by being told again. */
static void tell_passed(struct receiving *receiving) {
    if (!receiving->is_passed_told) {
        receiving->is_passed_told = true;
        reading_tell_passed(&receiving->reading);
    }
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
        tell_passed(receiving);
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

static int run(struct receiving *receiving, struct sotto_error *error) {
    struct runner *runner = &receiving->runner;
    struct sotto *client = runner->client;
    const struct sotto_receive *request = receiving->request;
    uint64_t wait_ms = request->follow ? UINT64_MAX : request->wait_ms;
    uint64_t now = client->clock.monotonic_ms(client->clock.context);
    uint64_t until = wait_ms == 0 || wait_ms > UINT64_MAX - now ? UINT64_MAX : now + wait_ms;
    enum error status = runner_connect(runner);
    if (status != OK) {
        engine_closed(runner->engine, profile_now(client), status, NULL);
        status = OK;
    }
    if (wait_ms > 0) {
        status = runner_stay(runner, is_done, receiving, until, request->follow);
    } else {
        runner_run(runner, is_done, receiving, until, false);
    }
    if (status != OK) {
        return profile_fail(client, status, EFFECT, error);
    }
    finish(receiving);
    if (receiving->reading.error != OK) {
        return profile_fail(client, receiving->reading.error, EFFECT, error);
    }
    if (!receiving->reading.is_stopped) {
        tell_passed(receiving);
    }
    if (reading_has_enough(&receiving->reading)) {
        return report_error(error, OK, NULL);
    }
    if (engine_phase(runner->engine) == ENGINE_OVER) {
        return explain_failure(runner, engine_failure(runner->engine),
                               profile_report(client, EFFECT), error);
    }
    if (wait_ms > 0 && receiving->reading.handed == 0) {
        return no_message(receiving, error);
    }
    return report_error(error, OK, NULL);
}

static int receive(struct receiving *receiving, struct sotto *client, struct sotto_error *error) {
    enum error status = runner_init(&receiving->runner, client);
    if (status == OK) {
        status = runner_serve(&receiving->runner);
    }
    int result = profile_fail(client, status, EFFECT, error);
    if (result == 0) {
        result = reading_open(&receiving->reading, error);
    }
    if (result == 0) {
        result = run(receiving, error);
    }
    runner_clear(&receiving->runner);
    return result;
}

int sotto_receive(struct sotto *client, const struct sotto_receive *request, sotto_message_fn *each,
                  void *context, uint32_t *handed, struct sotto_error *error) {
    struct receiving receiving = {.request = request,
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
