/* SPDX-License-Identifier: ISC */
#include "libsotto/account.h"

#include <string.h>

struct asking {
    struct runner runner;
    uint64_t asked_ms;
    bool is_asked;
};

/* Logs in, lets what is due happen, then measures one question and its answer. */
static bool is_answered(void *context) {
    struct asking *asking = context;
    struct sotto *client = asking->runner.client;
    if (!asking->is_asked && engine_is_settled(asking->runner.engine)) {
        asking->is_asked = true;
        asking->asked_ms = profile_time(client);
        engine_ping(asking->runner.engine);
    }
    return asking->is_asked && engine_answer(asking->runner.engine)->is_done;
}

static void look(struct asking *asking, struct sotto_status *status) {
    struct runner *runner = &asking->runner;
    struct sotto *client = runner->client;
    runner_run(runner, is_answered, asking, UINT64_MAX, false);
    if (engine_phase(runner->engine) == ENGINE_OVER) {
        (void)explain_failure(runner, engine_failure(runner->engine), profile_report(client, ""),
                              &status->problem);
        return;
    }
    uint64_t now = profile_time(client);
    status->is_connected = true;
    status->latency_ms = (uint32_t)(now - asking->asked_ms);
    runner_finish(runner);
    status->waiting =
        engine_is_caught_up(runner->engine) ? 0 : engine_welcome(runner->engine)->waiting;
}

int sotto_status(struct sotto *client, struct sotto_status *status, struct sotto_error *error) {
    struct asking asking = {.is_asked = false};
    memset(status, 0, sizeof(*status));
    enum error failed = runner_init(&asking.runner, client);
    if (failed == OK) {
        failed = runner_connect(&asking.runner);
    }
    if (failed == OK) {
        look(&asking, status);
    }
    runner_clear(&asking.runner);
    if (failed != OK) {
        (void)profile_fail(client, failed, "", &status->problem);
    }
    return profile_fail(client, account_describe(client, &status->account), "", error);
}
