/* SPDX-License-Identifier: ISC */
#include "libsotto/account.h"

#include "client/body.h"

#include <stdio.h>
#include <string.h>

static const char EFFECT[] = "Nothing was sent.";

/* What is wrong with the text alone. */
static enum error check_text(const struct sotto_send *message, char *cause, size_t size) {
    struct bytes text = bytes_make(message->text, message->size);
    snprintf(cause, size, "the text");
    if (text.size == 0) {
        return ERR_EMPTY_MESSAGE;
    }
    if (text.size > TEXT_MAX_BYTES) {
        snprintf(cause, size, "%zu bytes", text.size);
        return ERR_TEXT_TOO_LARGE;
    }
    return text_is_utf8(text) ? OK : ERR_NOT_TEXT;
}

struct sending {
    struct runner runner;
    size_t number;
    enum sotto_wait wait;
};

static const struct send_result *result_of(const struct sending *sending) {
    return engine_result(sending->runner.engine, sending->number);
}

static bool is_sent(void *context) {
    const struct sending *sending = context;
    return result_of(sending)->is_done && engine_is_settled(sending->runner.engine);
}

static bool is_delivered(void *context) {
    return result_of(context)->message.delivered_ms > 0;
}

static const char *state_of(const struct outgoing *message) {
    if (message->delivered_ms > 0) {
        return "delivered";
    }
    switch (message->state) {
    case OUTGOING_ACCEPTED:
        return "accepted";
    case OUTGOING_FAILED:
        return "";
    case OUTGOING_QUEUED:
    case OUTGOING_SEALED:
    case OUTGOING_REPAIR:
        break;
    }
    return message->accepted_ms > 0 ? "accepted" : "queued";
}

static void fill_sent(const struct sending *sending, struct sotto_sent *sent) {
    const struct send_result *result = result_of(sending);
    memcpy(sent->to, result->message.to.text, sizeof(sent->to));
    sent->trust = cards_trust(&sending->runner.client->cards, &result->peer);
    sent->repeated = result->is_repeated;
    if (result->is_stored) {
        body_id_text(result->message.msg_id, sent->id);
        sent->time_ms = result->message.sent_ms;
        snprintf(sent->state, sizeof(sent->state), "%s", state_of(&result->message));
    }
}

static const char *effect_of(const struct send_result *result, enum error error) {
    if (!result->is_stored) {
        return EFFECT;
    }
    if (error == ERR_WAITING_FOR_KEYS) {
        return "The message is stored and goes out then (tried daily, for 30 days).";
    }
    return result->message.accepted_ms > 0 || result->message.state == OUTGOING_ACCEPTED
               ? "The message was sent; whether it was delivered is not known."
               : "The message is stored and goes out later.";
}

/* The key under which a repeat finds the message, as it can be pasted into a shell. */
static const char *key_of(const struct send_result *result) {
    static const char PLAIN[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:/@%+=-";
    const char *key = result->message.key;
    return key[0] == '-' || key[strspn(key, PLAIN)] != '\0' ? "KEY" : key;
}

static int fail(struct sending *sending, const struct failure *failure, struct sotto_error *error) {
    const struct send_result *result = result_of(sending);
    struct explained_keys keys;
    char id[SOTTO_ID_SIZE] = "";
    struct report report =
        profile_report(sending->runner.client, effect_of(result, failure->error));
    report.peer = result->message.to.text;
    if (result->is_stored) {
        body_id_text(result->message.msg_id, id);
        report.id = id;
    }
    if (failure->error == ERR_SEND_UNKNOWN) {
        report.detail = key_of(result);
    }
    if (failure->error == ERR_PEER_KEY_CHANGED) {
        explain_keys(sending->runner.client, &result->peer, &keys);
        report.known = keys.trusted;
        report.shown = keys.shown;
    }
    return explain_failure(&sending->runner, failure, report, error);
}

static int not_confirmed(const struct sending *sending, struct sotto_error *error) {
    const struct sotto *client = sending->runner.client;
    struct report report = profile_report(client, "");
    char time[32];
    char id[SOTTO_ID_SIZE];
    explain_duration(client->timeout_ms, time, sizeof(time));
    body_id_text(result_of(sending)->message.msg_id, id);
    report.cause = time;
    report.detail = key_of(result_of(sending));
    report.peer = result_of(sending)->message.to.text;
    report.id = id;
    return report_error(error, ERR_NOT_CONFIRMED, &report);
}

/* Whether there is something that only a connection can bring. */
static bool is_open(const struct sending *sending) {
    const struct send_result *result = result_of(sending);
    switch (sending->wait) {
    case SOTTO_WAIT_QUEUED:
        return !result->is_done && !result->is_stored;
    case SOTTO_WAIT_DELIVERED:
        return !result->is_done ||
               (result->failure.error == OK && result->message.delivered_ms == 0);
    case SOTTO_WAIT_ACCEPTED:
        break;
    }
    return !result->is_done;
}

static void deliver(struct sending *sending) {
    struct runner *runner = &sending->runner;
    struct sotto *client = runner->client;
    enum error status = runner_connect(runner);
    if (status != OK) {
        engine_closed(runner->engine, profile_now(client), status, NULL);
        return;
    }
    runner_run(runner, is_sent, sending, UINT64_MAX, false);
    if (sending->wait == SOTTO_WAIT_DELIVERED && result_of(sending)->failure.error == OK) {
        uint64_t now = client->clock.monotonic_ms(client->clock.context);
        runner_run(runner, is_delivered, sending, now + client->timeout_ms, true);
    }
}

/* Hands the message in and brings it as far as it is to be waited for. */
static int run(struct sending *sending, const struct submission *submission,
               struct sotto_sent *sent, struct sotto_error *error) {
    struct runner *runner = &sending->runner;
    struct sotto *client = runner->client;
    struct report report = profile_report(client, EFFECT);
    report.peer = submission->to.text;
    enum error status =
        engine_submit(runner->engine, profile_now(client), submission, &sending->number);
    if (status != OK) {
        return report_error(error, status, &report);
    }
    if (is_open(sending)) {
        deliver(sending);
    }
    fill_sent(sending, sent);
    if (result_of(sending)->failure.error != OK) {
        return fail(sending, &result_of(sending)->failure, error);
    }
    if (sending->wait != SOTTO_WAIT_DELIVERED || is_delivered(sending)) {
        return report_error(error, OK, NULL);
    }
    return engine_phase(runner->engine) == ENGINE_OVER
               ? fail(sending, engine_failure(runner->engine), error)
               : not_confirmed(sending, error);
}

int sotto_send(struct sotto *client, const struct sotto_send *message, struct sotto_sent *sent,
               struct sotto_error *error) {
    struct sending sending = {.wait = message->wait};
    struct report report = profile_report(client, EFFECT);
    char cause[40];
    struct submission submission = {.text = bytes_make(message->text, message->size),
                                    .key = message->key,
                                    .is_patient = message->wait == SOTTO_WAIT_QUEUED,
                                    .require_verified = message->require_verified};
    memset(sent, 0, sizeof(*sent));
    report.peer = message->to;
    report.cause = cause;
    enum error status = user_name_parse(bytes_of_string(message->to), &submission.to);
    if (status == OK) {
        status = check_text(message, cause, sizeof(cause));
    }
    if (status == OK && message->key != NULL &&
        (message->key[0] == '\0' || strlen(message->key) > REPEAT_KEY_MAX_BYTES)) {
        report.cause = "a repeat key has 1 to 128 bytes";
        report.detail = EFFECT;
        status = ERR_USAGE;
    }
    if (status != OK) {
        return report_error(error, status, &report);
    }
    status = runner_init(&sending.runner, client);
    int result = status == OK ? run(&sending, &submission, sent, error)
                              : profile_fail(client, status, EFFECT, error);
    runner_clear(&sending.runner);
    return result;
}
