/* SPDX-License-Identifier: ISC */
/* What the device owes to people, done when it can be: each duty is a row that survives the end of
 * the process and goes away with the transaction that does it. Nothing is done before what waited
 * at login is taken in, nothing towards a key that is not accepted. docs/PROTOCOL.md 1.5 (step
 * 8), 1.7, 1.8, 1.10. */
#include "base/weaken.h"
#include "client/engine_inner.h"

#include <string.h>

enum { BLOCKED_RETRY_MS = 10 * 60 * 1000 };

bool duty_is_accepted(const struct engine *engine, const struct stored_peer *peer) {
    return peer->is_contact || peer->verified_ms > 0 || weakened(WEAK_RECEIPTS_TO_ALL) ||
           engine->welcome.registration != WIRE_REGISTRATION_OPEN;
}

must_check enum error duty_owe(struct engine *engine, const struct user_name *peer,
                               enum duty_kind kind, const uint8_t *data, uint64_t due_ms) {
    struct duty duty = {.peer = *peer, .kind = kind, .due_ms = due_ms};
    if (data != NULL) {
        memcpy(duty.data, data, DUTY_DATA_BYTES);
    }
    engine->has_new_duties = true;
    enum error error = engine_write(engine);
    return error == OK ? engine->store->duty_put(engine->store->context, &duty) : error;
}

must_check enum error duty_session_is_new(struct engine *engine, const struct user_name *peer) {
    static const enum duty_kind KINDS[] = {DUTY_HANDSHAKE, DUTY_BROKEN, DUTY_WAITING,
                                           DUTY_DIVERGED};
    enum error error = engine_write(engine);
    for (size_t i = 0; error == OK && i < sizeof(KINDS) / sizeof(KINDS[0]); i++) {
        error = engine->store->duty_delete(engine->store->context, peer, KINDS[i], NULL);
    }
    engine->has_new_duties = true;
    uint32_t waiting = 0;
    if (error == OK) {
        error = engine->store->duty_count(engine->store->context, peer, DUTY_RECEIPTS, &waiting);
    }
    return error == OK && waiting > 0 ? duty_owe(engine, peer, DUTY_RECEIPTS, NULL, engine->now_ms)
                                      : error;
}

static enum error done(struct engine *engine, const struct duty *duty) {
    enum error error = engine_write(engine);
    return error == OK ? engine->store->duty_delete(engine->store->context, &duty->peer, duty->kind,
                                                    duty->data)
                       : error;
}

static enum error later(struct engine *engine, const struct duty *duty, uint64_t due_ms) {
    enum error error = engine_write(engine);
    return error == OK ? engine->store->duty_move(engine->store->context, duty, due_ms) : error;
}

/* ---- one duty each */

static enum error confirm(struct engine *engine, const struct duty *duty, size_t correspondent,
                          struct stored_session *session) {
    bool left = false;
    enum error error = OK;
    if (session != NULL && session_owes_chain(&session->state)) {
        error = control_precede(engine, correspondent, session, false);
    }
    if (error == OK && session != NULL && session_owes_chain(&session->state)) {
        error = receipts_send(engine, &duty->peer, session, &left);
    }
    if (error == OK && session != NULL && session_owes_chain(&session->state)) {
        error = control_notice(engine, correspondent, session);
    }
    return error == OK || error == ERR_NOT_FOUND ? done(engine, duty) : error;
}

static enum error send_receipts(struct engine *engine, const struct duty *duty,
                                size_t correspondent, struct stored_session *session) {
    struct correspondent *to = &engine->correspondents[correspondent];
    bool left = false;
    if (session == NULL) {
        return later(engine, duty, engine->now_ms + DAY_MS);
    }
    if (!engine->is_winding_up && to->receipts_ms + RECEIPT_DELAY_MS > engine->now_ms &&
        to->receipts_ms <= engine->now_ms) {
        return later(engine, duty, to->receipts_ms + RECEIPT_DELAY_MS);
    }
    to->receipts_ms = engine->now_ms;
    enum error error = control_precede(engine, correspondent, session, false);
    if (error == OK) {
        error = receipts_send(engine, &duty->peer, session, &left);
    }
    if (error == ERR_NOT_FOUND) { /* the session is at its end: the next one takes them along */
        return later(engine, duty, engine->now_ms + DAY_MS);
    }
    if (error != OK || left) {
        engine->has_new_duties = true;
        return error;
    }
    return done(engine, duty);
}

/* When another one out of turn may follow; 0: now. */
static enum error next_forced(struct engine *engine, const struct user_name *peer,
                              enum forced_kind kind, uint64_t *at_ms) {
    uint64_t since = engine->now_ms > DAY_MS ? engine->now_ms - DAY_MS : 0;
    uint64_t latest = 0;
    uint32_t count = 0;
    enum error error =
        engine->store->forced_count(engine->store->context, peer, kind, since, &count, &latest);
    *at_ms = 0;
    if (count >= FORCED_PER_DAY_MAX) {
        *at_ms = engine->now_ms + DAY_MS / FORCED_PER_DAY_MAX;
    } else if (kind == FORCED_HANDSHAKE && count > 0 &&
               engine->now_ms < latest + FORCED_HANDSHAKE_EVERY_MS) {
        *at_ms = latest + FORCED_HANDSHAKE_EVERY_MS;
    }
    return error;
}

/* The way to say it has to be made first: once, whatever else waits for it. */
static enum error owe_handshake(struct engine *engine, const struct user_name *peer) {
    uint32_t count = 0;
    enum error error =
        engine->store->duty_count(engine->store->context, peer, DUTY_HANDSHAKE, &count);
    return error == OK && count == 0 ? duty_owe(engine, peer, DUTY_HANDSHAKE, NULL, engine->now_ms)
                                     : error;
}

static enum error say_resend(struct engine *engine, const struct duty *duty, size_t correspondent,
                             struct stored_session *session) {
    uint64_t at_ms = 0;
    bool is_usable = session != NULL && (session->info.is_own || session->info.is_confirmed);
    if (!is_usable) {
        return owe_handshake(engine, &duty->peer);
    }
    enum error error = next_forced(engine, &duty->peer, FORCED_RESEND, &at_ms);
    if (error == OK && at_ms > 0) {
        return later(engine, duty, at_ms);
    }
    if (error == OK) {
        error = control_precede(engine, correspondent, session, false);
    }
    if (error == OK) {
        error = control_send(engine, &duty->peer, session, BODY_RESEND,
                             bytes_make(duty->data, SESSION_ID_BYTES));
    }
    if (error == ERR_NOT_FOUND) {
        return owe_handshake(engine, &duty->peer);
    }
    if (error == OK) {
        error = engine->store->forced_add(engine->store->context, &duty->peer, FORCED_RESEND,
                                          engine->now_ms);
    }
    return error == OK ? done(engine, duty) : error;
}

static enum error shake_hands(struct engine *engine, const struct duty *duty,
                              size_t correspondent) {
    uint64_t at_ms = 0;
    if (engine->clock_is_wrong || engine->correspondents[correspondent].is_asked) {
        return OK;
    }
    enum error error = next_forced(engine, &duty->peer, FORCED_HANDSHAKE, &at_ms);
    if (error != OK || at_ms > 0) {
        return error == OK ? later(engine, duty, at_ms) : error;
    }
    engine->correspondents[correspondent].is_forced = true;
    return handshake_ask(engine, correspondent);
}

/* S4: the peer wrote elsewhere. When all that waited is taken in and the own chain has still found
 * no answer for long, the two have diverged. */
static enum error check_divergence(struct engine *engine, const struct duty *duty,
                                   const struct stored_session *session) {
    const struct session *state = session == NULL ? NULL : &session->state;
    bool is_unanswered = state != NULL && state->chains_sent > 0 && !state->need_send;
    bool is_long = is_unanswered && (state->sent_in_chain >= DIVERGED_MESSAGES ||
                                     engine->now_ms >= session->info.chain_ms + DIVERGED_MS);
    enum error error =
        is_long ? duty_owe(engine, &duty->peer, DUTY_HANDSHAKE, NULL, engine->now_ms) : OK;
    return error == OK ? done(engine, duty) : error;
}

/* Repaired texts go into a session that the peer has not forged: an own one, or a confirmed one. */
static enum error repair(struct engine *engine, const struct duty *duty,
                         const struct stored_session *session) {
    if (session != NULL && !session->info.is_own && !session->info.is_confirmed) {
        return OK;
    }
    enum error error = repair_load(engine, &duty->peer);
    return error == OK ? done(engine, duty) : error;
}

/* Where an envelope names its chain: in the header of COMPACT; of others the session stands for it.
 */
void duty_waiting_data(struct bytes envelope, uint8_t data[DUTY_DATA_BYTES]) {
    size_t at = envelope.data[1] == ENVELOPE_COMPACT ? 2 + SESSION_ID_BYTES : 2;
    memcpy(data, envelope.data + at, DUTY_DATA_BYTES);
}

static enum error is_waiting(struct engine *engine, const struct duty *duty, bool *waits) {
    const struct client_store *store = engine->store;
    struct buffer envelope;
    uint64_t row = 0;
    buffer_init(&envelope, ENVELOPE_MAX_BYTES);
    *waits = false;
    enum error error = OK;
    while (error == OK && !*waits) {
        uint8_t data[DUTY_DATA_BYTES];
        buffer_reset(&envelope);
        error = store->waiting_next(store->context, &duty->peer, &row, &envelope);
        if (error == OK) {
            duty_waiting_data(buffer_view(&envelope), data);
            *waits = memcmp(data, duty->data, DUTY_DATA_BYTES) == 0;
        }
    }
    buffer_clear(&envelope);
    return error == ERR_NOT_FOUND ? OK : error;
}

/* Nothing that could be opened has come since: begin again, once for each chain. */
static enum error lose_patience(struct engine *engine, const struct duty *duty) {
    bool waits = true;
    enum error error = duty->kind == DUTY_WAITING ? is_waiting(engine, duty, &waits) : OK;
    if (error == OK && waits) {
        error = duty_owe(engine, &duty->peer, DUTY_HANDSHAKE, NULL, engine->now_ms);
    }
    if (error != OK) {
        return error;
    }
    return duty->kind == DUTY_WAITING && waits ? later(engine, duty, UINT64_MAX)
                                               : done(engine, duty);
}

static enum error perform(struct engine *engine, const struct duty *duty, size_t correspondent,
                          struct stored_session *session) {
    switch (duty->kind) {
    case DUTY_RESEND:
        return say_resend(engine, duty, correspondent, session);
    case DUTY_CONFIRM:
        return confirm(engine, duty, correspondent, session);
    case DUTY_RECEIPTS:
        return send_receipts(engine, duty, correspondent, session);
    case DUTY_HANDSHAKE:
        return shake_hands(engine, duty, correspondent);
    case DUTY_REPAIR:
        return repair(engine, duty, session);
    case DUTY_BROKEN:
    case DUTY_WAITING:
        return lose_patience(engine, duty);
    case DUTY_DIVERGED:
        return check_divergence(engine, duty, session);
    }
    return ERR_STORE_BROKEN;
}

static bool needs_contact(enum duty_kind kind) {
    return kind == DUTY_RESEND || kind == DUTY_CONFIRM || kind == DUTY_RECEIPTS;
}

/* Whether it may be done to that person now, and in which session. */
static enum error attend(struct engine *engine, const struct duty *duty) {
    struct stored_peer peer;
    struct stored_session *session = NULL;
    size_t correspondent = 0;
    enum error error = job_find_peer(engine, &duty->peer, &peer);
    const struct vouched *card = trust_card(engine, &duty->peer);
    if (error != OK || !peer.has_pin || peer.is_changed ||
        (card != NULL && !trust_fits_card(card, peer.afp))) {
        return error; /* until a person has decided */
    }
    if (needs_contact(duty->kind) && !duty_is_accepted(engine, &peer)) {
        return done(engine, duty);
    }
    error = job_correspondent(engine, &duty->peer, &correspondent);
    if (error == OK && engine->correspondents[correspondent].blocked.error != OK) {
        return later(engine, duty, engine->now_ms + BLOCKED_RETRY_MS);
    }
    if (error == OK && !control_may_go(engine, correspondent)) {
        engine->has_new_duties = true;
        return OK;
    }
    if (error == OK) {
        error = sessions_active(engine, &duty->peer, peer.afp, &session);
    }
    return error == OK || error == ERR_NOT_FOUND
               ? perform(engine, duty, correspondent, error == OK ? session : NULL)
               : error;
}

must_check enum error duties_run(struct engine *engine) {
    /* One that does others' work may leave more to do; the bound keeps an event short. */
    enum { ROUNDS_MAX = 4 };
    if (engine->phase != ENGINE_OPEN || !engine->is_caught_up || engine->login.is_renewing) {
        return OK;
    }
    enum error error = OK;
    for (int round = 0; error == OK && engine->has_new_duties && round < ROUNDS_MAX; round++) {
        struct duty duty = {.due_ms = 0};
        uint64_t horizon =
            engine->is_winding_up ? engine->now_ms + RECEIPT_DELAY_MS : engine->now_ms;
        engine->has_new_duties = false;
        while (error == OK) {
            error = engine->store->duty_next(engine->store->context, &duty, horizon, &duty);
            if (error == OK) {
                const struct duty current = duty;
                error = attend(engine, &current);
                error = error == ERR_NOT_FOUND ? ERR_STORE_BROKEN : error;
            }
        }
        error = error == ERR_NOT_FOUND ? OK : error;
        if (error == OK) {
            error =
                engine->store->duty_coming(engine->store->context, horizon, &engine->next_duty_ms);
        }
    }
    return error;
}
