/* SPDX-License-Identifier: ISC */
#include "libsotto/sent.h"

#include "libsotto/account.h"

#include "client/body.h"

#include <stdio.h>
#include <string.h>

const char *sent_state(const struct outgoing *message) {
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

void sent_describe(const struct runner *runner, const struct send_result *result,
                   const uint8_t msg_id[MESSAGE_ID_BYTES], struct sotto_sent *sent) {
    const struct outgoing *message = &result->message;
    memset(sent, 0, sizeof(*sent));
    memcpy(sent->to, message->to.text, sizeof(sent->to));
    sent->trust = cards_trust(&runner->client->cards, &result->peer);
    sent->repeated = memcmp(message->msg_id, msg_id, MESSAGE_ID_BYTES) != 0;
    if (result->is_stored) {
        body_id_text(message->msg_id, sent->id);
        sent->time_ms = message->sent_ms;
        snprintf(sent->state, sizeof(sent->state), "%s", sent_state(message));
    }
}

bool sent_is_open(const struct send_result *result, enum sotto_wait wait) {
    switch (wait) {
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

bool sent_is_done(const struct send_result *result, enum sotto_wait wait) {
    bool is_confirmed = result->message.delivered_ms > 0 || result->failure.error != OK;
    return result->is_done && (wait != SOTTO_WAIT_DELIVERED || is_confirmed);
}

static enum sent_effect effect_of(const struct send_result *result, enum error error) {
    if (error == ERR_SEND_UNKNOWN) {
        return SENT_IS_UNKNOWN;
    }
    if (!result->is_stored) {
        return SENT_NOT;
    }
    if (error == ERR_WAITING_FOR_KEYS) {
        return SENT_WAITS;
    }
    return result->message.accepted_ms > 0 || result->message.state == OUTGOING_ACCEPTED
               ? SENT_UNCONFIRMED
               : SENT_LATER;
}

void sent_effect_text(enum sent_effect effect, const char *name, char out[SENT_EFFECT_SIZE]) {
    static const char *const TEXTS[] = {
        [SENT_IS_UNKNOWN] = "Whether the message was sent is not known.",
        [SENT_NOT] = SENT_NOTHING,
        [SENT_WAITS] = "The message is stored and goes out then (tried daily, for 30 days).",
        [SENT_LATER] = "The message is stored and goes out later.",
        [SENT_UNCONFIRMED] = "The message was sent; whether it was delivered is not known.",
    };
    if (effect == SENT_NOT && name != NULL) {
        snprintf(out, SENT_EFFECT_SIZE, "Nothing was sent to %s.", name);
    } else {
        snprintf(out, SENT_EFFECT_SIZE, "%s", TEXTS[effect]);
    }
}

const char *sent_key(const char *key) {
    static const char PLAIN[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:/@%+=-";
    return key[0] == '-' || key[strspn(key, PLAIN)] != '\0' ? "KEY" : key;
}

static void fail(struct runner *runner, const struct send_result *result,
                 const struct failure *failure, bool is_one_of_many, struct owner_sent *answer) {
    struct explained_keys keys;
    char id[SOTTO_ID_SIZE] = "";
    struct report report = profile_report(runner->client, REPORT_EFFECT_LATER);
    answer->effect = effect_of(result, failure->error);
    report.peer = result->message.to.text;
    if (result->is_stored) {
        body_id_text(result->message.msg_id, id);
        report.id = id;
    }
    if (failure->error == ERR_SEND_UNKNOWN) {
        report.detail = sent_key(result->message.key);
    }
    if (failure->error == ERR_SERVER_UNREACHABLE && is_one_of_many) {
        report.detail = "Or store it:   sotto send --queue WHO,... \"...\"";
    }
    if (failure->error == ERR_PEER_KEY_CHANGED) {
        explain_keys(runner->client, &result->peer, &keys);
        report.known = keys.trusted;
        report.shown = keys.shown;
    }
    (void)explain_failure(runner, failure, report, &answer->error);
}

static void not_confirmed(const struct runner *runner, const struct send_result *result,
                          uint64_t timeout_ms, struct owner_sent *answer) {
    struct report report = profile_report(runner->client, REPORT_EFFECT_LATER);
    char time[32];
    char id[SOTTO_ID_SIZE];
    answer->effect = SENT_UNCONFIRMED;
    explain_duration(timeout_ms, time, sizeof(time));
    body_id_text(result->message.msg_id, id);
    report.cause = time;
    report.detail = sent_key(result->message.key);
    report.peer = result->message.to.text;
    report.id = id;
    (void)report_error(&answer->error, ERR_NOT_CONFIRMED, &report);
}

void sent_explain(struct runner *runner, const struct send_result *result,
                  const struct sent_wish *wish, struct owner_sent *answer) {
    if (result->failure.error != OK) {
        fail(runner, result, &result->failure, wish->is_one_of_many, answer);
    } else if (wish->wait != SOTTO_WAIT_DELIVERED || result->message.delivered_ms > 0) {
        (void)report_error(&answer->error, OK, NULL);
    } else if (engine_phase(runner->engine) == ENGINE_OVER) {
        fail(runner, result, engine_failure(runner->engine), wish->is_one_of_many, answer);
    } else {
        not_confirmed(runner, result, wish->timeout_ms, answer);
    }
}
