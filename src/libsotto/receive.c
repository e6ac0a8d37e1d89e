/* SPDX-License-Identifier: ISC */
#include "libsotto/account.h"

#include "client/body.h"

#include <stdio.h>
#include <string.h>

static const char EFFECT[] = "No message is lost.";

struct receiving {
    struct runner runner;
    sotto_message_fn *each;
    void *context;
    uint64_t place;
    uint32_t wanted; /**< 0: all */
    uint32_t handed;
    bool is_waiting; /**< for a first message, also after all that waited has come */
    bool is_stopped; /**< the application took no more */
    enum error error;
};

static enum error message_trust(struct sotto *client, const struct incoming *incoming,
                                enum sotto_trust *trust) {
    struct stored_peer peer;
    enum error error = client->store->peer_get(client->store->context, &incoming->from, &peer);
    /* What is shown came under the accepted key, also when another one was seen since. */
    *trust = peer.verified_ms > 0 ? SOTTO_VERIFIED : SOTTO_UNVERIFIED;
    return error == ERR_NOT_FOUND ? OK : error;
}

/* Shows one message; the cursor moves only when the application has taken it. */
static enum error hand_over(struct receiving *receiving, const struct incoming *incoming,
                            struct buffer *text) {
    struct sotto *client = receiving->runner.client;
    char id[SOTTO_ID_SIZE];
    enum sotto_trust trust;
    const struct bytes end = bytes_make("", 1);
    enum error error = message_trust(client, incoming, &trust);
    if (error == OK) {
        error = buffer_append(text, end);
    }
    if (error != OK) {
        return error;
    }
    body_id_text(incoming->msg_id, id);
    const struct sotto_message message = {
        .id = id,
        .from = incoming->from.text,
        .kind = incoming->kind == BODY_TEXT ? "text" : "unsupported",
        .text = (const char *)text->data,
        .size = text->size - 1,
        .time_ms = incoming->sent_ms,
        .received_ms = incoming->received_ms,
        .trust = trust,
        .is_confirmed = incoming->is_confirmed,
        .missing = incoming->missing,
    };
    if (!receiving->each(receiving->context, &message)) {
        receiving->is_stopped = true;
        return OK;
    }
    receiving->handed++;
    receiving->place = incoming->place;
    return client->store->cursor_put(client->store->context, RECV_CURSOR, receiving->place);
}

static bool has_enough(const struct receiving *receiving) {
    return receiving->is_stopped || receiving->error != OK ||
           (receiving->wanted > 0 && receiving->handed >= receiving->wanted);
}

/* Shows what the store has behind the cursor. */
static void show(struct receiving *receiving) {
    struct sotto *client = receiving->runner.client;
    struct buffer text;
    buffer_init(&text, TEXT_MAX_BYTES + 1);
    while (!has_enough(receiving)) {
        struct incoming incoming;
        buffer_reset(&text);
        enum error error = client->store->incoming_next(client->store->context, receiving->place,
                                                        &incoming, &text);
        if (error == OK) {
            error = hand_over(receiving, &incoming, &text);
        }
        if (error == ERR_NOT_FOUND) {
            break;
        }
        receiving->error = error;
    }
    buffer_clear(&text);
}

/* Asked after every event of the connection: what was committed is shown at once. */
static bool is_done(void *context) {
    struct receiving *receiving = context;
    const struct engine *engine = receiving->runner.engine;
    show(receiving);
    if (has_enough(receiving)) {
        return true;
    }
    bool is_quiet = engine_is_caught_up(engine) && engine_is_settled(engine) &&
                    engine_deadline(engine) == UINT64_MAX;
    return is_quiet && (!receiving->is_waiting || receiving->handed > 0);
}

static int no_message(const struct receiving *receiving, uint64_t wait_ms,
                      struct sotto_error *error) {
    struct report report = profile_report(receiving->runner.client, EFFECT);
    char time[32];
    if (wait_ms % SECOND_MS == 0) {
        snprintf(time, sizeof(time), "%llu s", (unsigned long long)(wait_ms / SECOND_MS));
    } else {
        snprintf(time, sizeof(time), "%llu ms", (unsigned long long)wait_ms);
    }
    report.cause = time;
    return report_error(error, ERR_NO_MESSAGE, &report);
}

static int run(struct receiving *receiving, uint64_t wait_ms, struct sotto_error *error) {
    struct runner *runner = &receiving->runner;
    struct sotto *client = runner->client;
    uint64_t now = client->clock.monotonic_ms(client->clock.context);
    uint64_t until = wait_ms == 0 || wait_ms > UINT64_MAX - now ? UINT64_MAX : now + wait_ms;
    engine_fetch(runner->engine);
    enum error status = runner_connect(runner);
    if (status != OK) {
        engine_closed(runner->engine, profile_now(client), status, NULL);
    }
    runner_run(runner, is_done, receiving, until, receiving->is_waiting);
    show(receiving);
    if (receiving->error != OK) {
        return profile_fail(client, receiving->error, EFFECT, error);
    }
    if (has_enough(receiving)) {
        return report_error(error, OK, NULL);
    }
    if (engine_phase(runner->engine) == ENGINE_OVER) {
        return runner_fail(runner, engine_failure(runner->engine), profile_report(client, EFFECT),
                           error);
    }
    if (receiving->is_waiting && receiving->handed == 0) {
        return no_message(receiving, wait_ms, error);
    }
    return report_error(error, OK, NULL);
}

int sotto_receive(struct sotto *client, uint64_t wait_ms, uint32_t count, sotto_message_fn *each,
                  void *context, uint32_t *handed, struct sotto_error *error) {
    struct receiving receiving = {
        .each = each, .context = context, .wanted = count, .is_waiting = wait_ms > 0};
    enum error status = runner_init(&receiving.runner, client);
    if (status == OK) {
        status = client->store->cursor_get(client->store->context, RECV_CURSOR, &receiving.place);
    }
    int result = status == OK ? run(&receiving, wait_ms, error)
                              : profile_fail(client, status, EFFECT, error);
    runner_clear(&receiving.runner);
    if (handed != NULL) {
        *handed = receiving.handed;
    }
    return result;
}
