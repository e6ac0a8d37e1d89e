/* SPDX-License-Identifier: ISC */
/* What age does: at most once a day, by whatever connects, and only while the clock is right, since
 * none of it can be undone. docs/PROTOCOL.md 1.2, 1.4, 1.6 to 1.9. */
#include "client/engine_inner.h"

static const char EXPIRED[] = "expired";

static uint64_t ago(const struct engine *engine, uint64_t age_ms) {
    return engine->now_ms > age_ms ? engine->now_ms - age_ms : 0;
}

/* Gaps of the sessions in use that nothing has filled for two days. */
static enum error tell_of_gaps(struct engine *engine) {
    enum error error = OK;
    while (error == OK) {
        struct engine_notice notice = {.error = ERR_MESSAGE_LOST, .time_ms = engine->now_ms};
        error = engine->store->session_lost(engine->store->context, ago(engine, GAP_TOLD_MS),
                                            &notice.peer, &notice.count);
        if (error == OK) {
            error = engine_tell(engine, &notice);
        }
    }
    return error == ERR_NOT_FOUND ? OK : error;
}

static enum error erase(struct engine *engine) {
    const struct client_store *store = engine->store;
    enum error error = store->session_expire(store->context, ago(engine, RECEIVE_ONLY_LIFE_MS));
    if (error == OK) {
        error = store->tombstone_expire(store->context, ago(engine, MESSAGE_ID_MEMORY_MS));
    }
    if (error == OK) {
        error = store->seen_expire(store->context, ago(engine, MESSAGE_ID_MEMORY_MS));
    }
    if (error == OK) {
        error = store->asked_expire(store->context, ago(engine, MESSAGE_ID_MEMORY_MS));
    }
    if (error == OK) {
        error = store->forced_expire(store->context, ago(engine, 2 * DAY_MS));
    }
    return error == OK ? store->outgoing_expire(store->context, engine->now_ms) : error;
}

static enum error run(struct engine *engine) {
    uint32_t count = 0;
    sessions_clear(engine); /* what is in memory may be erased below it */
    enum error error = engine_write(engine);
    if (error == OK) {
        error = tell_of_gaps(engine);
    }
    if (error == OK) {
        error = waiting_give_up(engine);
    }
    if (error == OK) {
        error = erase(engine);
    }
    if (error == OK) {
        error = engine->store->outgoing_offer_due(engine->store->context, engine->now_ms, &count);
    }
    if (error == OK && count > 0) {
        error = jobs_load(engine, OUTGOING_SEALED);
    }
    if (error == OK) {
        error = jobs_retry(engine, NULL);
    }
    return error == OK ? setting_put_u64(engine->store, EXPIRED, engine->now_ms) : error;
}

must_check enum error engine_maintain(struct engine *engine) {
    uint64_t last = 0;
    engine->maintain_at_ms = UINT64_MAX;
    enum error error = setting_get_u64(engine->store, EXPIRED, &last);
    if (error != OK || engine->clock_is_wrong) {
        return error;
    }
    bool is_due = engine->now_ms >= last + DAY_MS || engine->now_ms + DAY_MS < last;
    engine->maintain_at_ms = is_due ? engine->now_ms + DAY_MS : last + DAY_MS;
    error = engine_write(engine);
    if (error == OK) {
        error = engine->store->incoming_expire(engine->store->context, engine->now_ms);
    }
    if (error == OK) {
        error = engine->store->outgoing_forget(engine->store->context, engine->now_ms);
    }
    if (error == OK) {
        error = repair_resume(engine);
    }
    return error == OK && is_due ? run(engine) : error;
}
