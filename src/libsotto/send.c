/* SPDX-License-Identifier: ISC */
#include "libsotto/account.h"

#include "client/body.h"

#include <stdio.h>
#include <string.h>

static const char EFFECT[] = "Nothing was sent.";

enum sotto_trust trust_of(const struct stored_peer *peer) {
    return peer->is_changed        ? SOTTO_CHANGED
           : peer->verified_ms > 0 ? SOTTO_VERIFIED
                                   : SOTTO_UNVERIFIED;
}

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
};

static bool is_sent(void *context) {
    const struct sending *sending = context;
    return engine_result(sending->runner.engine, sending->number)->is_done &&
           engine_is_settled(sending->runner.engine);
}

static void fill_sent(const struct send_result *result, struct sotto_sent *sent) {
    memcpy(sent->to, result->message.to.text, sizeof(sent->to));
    sent->trust = trust_of(&result->peer);
    sent->repeated = result->is_repeated;
    if (result->is_stored) {
        body_id_text(result->message.msg_id, sent->id);
        sent->time_ms = result->message.sent_ms;
        snprintf(sent->state, sizeof(sent->state), "%s",
                 result->message.state == OUTGOING_ACCEPTED ? "accepted"
                 : result->message.state == OUTGOING_FAILED ? ""
                                                            : "queued");
    }
}

static void print_fingerprint(const uint8_t afp[HASH_BYTES], char *out, size_t size) {
    uint8_t pin[PIN_BYTES];
    pin_of_hash(afp, pin);
    pin_print(pin, out, size);
}

static int fail(struct sending *sending, const struct send_result *result,
                const struct failure *failure, struct sotto_error *error) {
    char known[SOTTO_KEY_SIZE];
    char shown[SOTTO_KEY_SIZE];
    char id[SOTTO_ID_SIZE] = "";
    bool is_stored = result->is_stored;
    struct report report = profile_report(
        sending->runner.client, is_stored ? "The message is stored and goes out later." : EFFECT);
    report.peer = result->message.to.text;
    if (is_stored) {
        body_id_text(result->message.msg_id, id);
        report.id = id;
    }
    if (failure->error == ERR_PEER_KEY_CHANGED) {
        print_fingerprint(result->peer.afp, known, sizeof(known));
        print_fingerprint(result->peer.is_changed ? result->peer.changed_afp : result->peer.afp,
                          shown, sizeof(shown));
        report.known = known;
        report.shown = shown;
    }
    return runner_fail(&sending->runner, failure, report, error);
}

/* Hands the message in and, unless it is only to be stored, sends it. */
static int run(struct sending *sending, const struct submission *submission, bool queue,
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
    const struct send_result *result = engine_result(runner->engine, sending->number);
    if (!result->is_done && !(queue && result->is_stored)) {
        status = runner_connect(runner);
        if (status != OK) {
            engine_closed(runner->engine, profile_now(client), status, NULL);
        } else {
            runner_run(runner, is_sent, sending, UINT64_MAX, false);
        }
        result = engine_result(runner->engine, sending->number);
    }
    fill_sent(result, sent);
    return result->failure.error == OK ? report_error(error, OK, NULL)
                                       : fail(sending, result, &result->failure, error);
}

int sotto_send(struct sotto *client, const struct sotto_send *message, struct sotto_sent *sent,
               struct sotto_error *error) {
    struct sending sending;
    struct report report = profile_report(client, EFFECT);
    char cause[40];
    struct submission submission = {.text = bytes_make(message->text, message->size),
                                    .key = message->key,
                                    .is_patient = message->queue};
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
    int result = status == OK ? run(&sending, &submission, message->queue, sent, error)
                              : profile_fail(client, status, EFFECT, error);
    runner_clear(&sending.runner);
    return result;
}
