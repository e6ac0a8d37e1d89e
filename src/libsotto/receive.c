/* SPDX-License-Identifier: ISC */
#include "libsotto/account.h"

#include "client/body.h"

#include <stdio.h>
#include <string.h>

static const char EFFECT[] = "No message is lost.";

struct receiving {
    struct runner runner;
    const struct sotto_receive *request;
    sotto_message_fn *each;
    void *context;
    uint64_t place;        /**< up to which messages were handed over or passed over */
    uint64_t passed_place; /**< the same for those that an earlier call passed over */
    uint32_t handed;
    bool is_stopped; /**< the application took no more */
    enum error error;
};

/* Verified is who was compared, or has a card, with the very key that the message came under; that
 * another key was seen since does not matter. */
static enum error message_trust(struct sotto *client, const struct incoming *incoming,
                                enum sotto_trust *trust) {
    struct stored_peer peer;
    enum error error = client->store->peer_get(client->store->context, &incoming->from, &peer);
    bool is_verified = error == OK && peer.verified_ms > 0 && peer.has_pin &&
                       memcmp(peer.afp, incoming->afp, HASH_BYTES) == 0;
    is_verified = is_verified || cards_vouch(&client->cards, &incoming->from, incoming->afp);
    *trust = is_verified ? SOTTO_VERIFIED : SOTTO_UNVERIFIED;
    return error == ERR_NOT_FOUND ? OK : error;
}

/* The application takes the message, or stops. */
static enum error offer(struct receiving *receiving, const struct incoming *incoming,
                        enum sotto_trust trust, struct buffer *text) {
    char id[SOTTO_ID_SIZE];
    const struct bytes end = bytes_make("", 1);
    bool is_text = incoming->kind == BODY_TEXT || incoming->kind == BODY_TEXT_WITH_LIFE;
    enum error error = buffer_append(text, end);
    if (error != OK) {
        return error;
    }
    body_id_text(incoming->msg_id, id);
    const struct sotto_message message = {
        .id = id,
        .from = incoming->from.text,
        .kind = is_text ? "text" : "unsupported",
        .text = (const char *)text->data,
        .size = text->size - 1,
        .time_ms = incoming->sent_ms,
        .received_ms = incoming->received_ms,
        .trust = trust,
        .is_confirmed = incoming->is_confirmed,
        .is_late = incoming->is_late,
        .life_s = incoming->life_s,
    };
    receiving->is_stopped = !receiving->each(receiving->context, &message);
    receiving->handed += receiving->is_stopped ? 0 : 1;
    return OK;
}

/* Hands over the first message behind `*place`, or passes it over; only what was taken moves the
 * cursor. `was_passed`: an earlier call passed it over, and it stands before the cursor. */
static enum error step(struct receiving *receiving, uint64_t *place, bool was_passed,
                       struct buffer *text) {
    struct sotto *client = receiving->runner.client;
    const struct client_store *store = client->store;
    struct incoming incoming;
    enum sotto_trust trust = SOTTO_UNVERIFIED;
    buffer_reset(text);
    enum error error = store->incoming_next(store->context, *place, &incoming, text);
    if (error == OK) {
        error = message_trust(client, &incoming, &trust);
    }
    if (error != OK) {
        return error;
    }
    bool is_passed = receiving->request->require_verified && trust != SOTTO_VERIFIED;
    if (!is_passed) {
        error = offer(receiving, &incoming, trust, text);
    }
    if (error != OK || receiving->is_stopped) {
        return error;
    }
    *place = incoming.place;
    if (was_passed || is_passed) {
        return is_passed && was_passed
                   ? OK
                   : store->incoming_pass(store->context, RECV_CURSOR, incoming.place, is_passed);
    }
    return store->cursor_put(store->context, RECV_CURSOR, incoming.place);
}

static bool has_enough(const struct receiving *receiving) {
    uint32_t wanted = receiving->request->count;
    return receiving->is_stopped || receiving->error != OK ||
           (wanted > 0 && receiving->handed >= wanted);
}

/* What earlier calls passed over comes first. */
static enum error next_passed(struct receiving *receiving, struct buffer *text) {
    const struct client_store *store = receiving->runner.client->store;
    uint64_t place = 0;
    enum error error = store->passed_next(store->context, receiving->passed_place, &place);
    if (error != OK) {
        return error;
    }
    receiving->passed_place = place - 1;
    return step(receiving, &receiving->passed_place, true, text);
}

/* Shows what the store has. */
static void show(struct receiving *receiving) {
    struct buffer text;
    buffer_init(&text, TEXT_MAX_BYTES + 1);
    while (!has_enough(receiving)) {
        enum error error = next_passed(receiving, &text);
        if (error == ERR_NOT_FOUND) {
            error = step(receiving, &receiving->place, false, &text);
        }
        if (error == ERR_NOT_FOUND) {
            break;
        }
        receiving->error = error;
    }
    buffer_clear(&text);
}

/* Says whose messages wait for somebody who takes those of unverified people too. */
static void tell_passed(const struct receiving *receiving) {
    struct sotto *client = receiving->runner.client;
    struct user_name from = {{0}};
    enum error error = OK;
    while (receiving->request->require_verified && client->notice != NULL && error == OK) {
        struct user_name after = from;
        struct report report = profile_report(client, "");
        struct sotto_error told;
        char cause[32];
        uint32_t count = 0;
        error = client->store->passed_sender(client->store->context, &after, &from, &count);
        if (error == OK) {
            snprintf(cause, sizeof(cause), "%u message%s", count, count == 1 ? "" : "s");
            report.peer = from.text;
            report.cause = cause;
            report_notice(&told, ERR_PASSED_OVER, &report);
            client->notice(client->context, &told);
        }
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
    receiving->error = error == ERR_NOT_FOUND ? OK : error;
    return error == OK;
}

/* Asked after every event of the connection: what was committed is shown at once. */
static bool is_done(void *context) {
    struct receiving *receiving = context;
    const struct engine *engine = receiving->runner.engine;
    show(receiving);
    if (has_enough(receiving)) {
        return true;
    }
    bool is_quiet =
        engine_is_caught_up(engine) && engine_is_settled(engine) && !is_holding_back(receiving);
    return is_quiet && (receiving->request->wait_ms == 0 || receiving->handed > 0);
}

static int no_message(const struct receiving *receiving, struct sotto_error *error) {
    struct report report = profile_report(receiving->runner.client, EFFECT);
    char time[32];
    explain_duration(receiving->request->wait_ms, time, sizeof(time));
    report.cause = time;
    return report_error(error, ERR_NO_MESSAGE, &report);
}

static int run(struct receiving *receiving, struct sotto_error *error) {
    struct runner *runner = &receiving->runner;
    struct sotto *client = runner->client;
    uint64_t wait_ms = receiving->request->wait_ms;
    uint64_t now = client->clock.monotonic_ms(client->clock.context);
    uint64_t until = wait_ms == 0 || wait_ms > UINT64_MAX - now ? UINT64_MAX : now + wait_ms;
    enum error status = runner_connect(runner);
    if (status != OK) {
        engine_closed(runner->engine, profile_now(client), status, NULL);
    }
    runner_run(runner, is_done, receiving, until, wait_ms > 0);
    show(receiving);
    if (receiving->error != OK) {
        return profile_fail(client, receiving->error, EFFECT, error);
    }
    if (!receiving->is_stopped) {
        tell_passed(receiving);
    }
    if (has_enough(receiving)) {
        return report_error(error, OK, NULL);
    }
    if (engine_phase(runner->engine) == ENGINE_OVER) {
        return explain_failure(runner, engine_failure(runner->engine),
                               profile_report(client, EFFECT), error);
    }
    if (wait_ms > 0 && receiving->handed == 0) {
        return no_message(receiving, error);
    }
    return report_error(error, OK, NULL);
}

int sotto_receive(struct sotto *client, const struct sotto_receive *request, sotto_message_fn *each,
                  void *context, uint32_t *handed, struct sotto_error *error) {
    struct receiving receiving = {.request = request, .each = each, .context = context};
    enum error status = runner_init(&receiving.runner, client);
    if (status == OK) {
        status = client->store->cursor_get(client->store->context, RECV_CURSOR, &receiving.place);
    }
    int result =
        status == OK ? run(&receiving, error) : profile_fail(client, status, EFFECT, error);
    runner_clear(&receiving.runner);
    if (handed != NULL) {
        *handed = receiving.handed;
    }
    return result;
}
