/* SPDX-License-Identifier: ISC */
/* Sending: one text to one person or several, over one connection: the own one, or that of the
 * process that has one already. */
#include "libsotto/account.h"
#include "libsotto/sending.h"

#include "client/body.h"
#include "crypto/entropy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What came of them, for the one answer of the call. */
struct tally {
    size_t failed;
    bool is_alike; /**< every failure has the code of the first one */
    bool may_pass; /**< one of them may */
    struct sotto_error first;
    char names[160]; /**< of those that failed, as far as they fit */
};

static const struct send_result *result_of(const struct sending *sending, size_t i) {
    return engine_result(sending->runner.engine, sending->parcels[i].number);
}

/* Whether the own engine has the message. */
static bool is_here(const struct sending *sending, size_t i) {
    return !sending->parcels[i].is_answered && sending->parcels[i].refused == OK;
}

/* Whether anything is left that only a connection can bring. */
static bool is_open(const struct sending *sending) {
    for (size_t i = 0; i < sending->count; i++) {
        if (is_here(sending, i) && sent_is_open(result_of(sending, i), sending->wait)) {
            return true;
        }
    }
    return false;
}

static bool are_done(const struct sending *sending, enum sotto_wait wait) {
    for (size_t i = 0; i < sending->count; i++) {
        if (is_here(sending, i) && !sent_is_done(result_of(sending, i), wait)) {
            return false;
        }
    }
    return true;
}

static bool is_sent(void *context) {
    return are_done(context, SOTTO_WAIT_ACCEPTED);
}

/* Also what lay in the outbox before. */
static bool is_settled(void *context) {
    const struct sending *sending = context;
    return engine_is_settled(sending->runner.engine);
}

static bool is_confirmed(void *context) {
    return are_done(context, SOTTO_WAIT_DELIVERED);
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
    if (sending->wait == SOTTO_WAIT_DELIVERED) {
        runner_run(runner, is_confirmed, sending, profile_patience(client), true);
    }
    runner_shut(runner); /* or the messages of others might keep this one busy for ever */
    runner_run(runner, is_settled, sending, UINT64_MAX, false);
}

/* ---- what is asked */

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

static enum error check(const struct sotto_send *message, size_t count, char *cause, size_t size) {
    bool is_bad_key = message->key != NULL &&
                      (message->key[0] == '\0' || strlen(message->key) > REPEAT_KEY_MAX_BYTES);
    if (is_bad_key) {
        snprintf(cause, size, "a repeat key has 1 to %d bytes", REPEAT_KEY_MAX_BYTES);
        return ERR_USAGE;
    }
    if (count == 0 || count > RECIPIENTS_MAX) {
        snprintf(cause, size, "a message goes to 1 to %d people at once", RECIPIENTS_MAX);
        return ERR_USAGE;
    }
    return check_text(message, cause, size);
}

/* Reads the names and chooses the ids. `*wrong`: the name that cannot be a recipient. */
static enum error address(struct sending *sending, const char *const *to, const char **wrong,
                          char *cause, size_t size) {
    const struct entropy entropy = entropy_system();
    const struct user_name *own = &sending->runner.client->account.name;
    enum error error = OK;
    for (size_t i = 0; error == OK && i < sending->count; i++) {
        struct parcel *parcel = &sending->parcels[i];
        *wrong = to[i];
        error = user_name_parse(bytes_of_string(to[i]), &parcel->to);
        if (error == OK && user_name_equal(&parcel->to, own)) {
            error = ERR_SELF_RECIPIENT;
        }
        for (size_t j = 0; error == OK && j < i; j++) {
            if (user_name_equal(&parcel->to, &sending->parcels[j].to)) {
                snprintf(cause, size, "%s is named twice", parcel->to.text);
                error = ERR_USAGE;
            }
        }
        if (error == OK) {
            error = entropy.fill(entropy.context, parcel->msg_id, MESSAGE_ID_BYTES);
        }
    }
    return error;
}

static void submit(struct sending *sending, const struct sotto_send *message) {
    struct engine *engine = sending->runner.engine;
    struct submission submission = {.text = bytes_make(message->text, message->size),
                                    .key = message->key,
                                    .is_patient = message->wait == SOTTO_WAIT_QUEUED,
                                    .require_verified = message->require_verified,
                                    .life_s = message->life_s,
                                    .has_id = true};
    for (size_t i = 0; i < sending->count; i++) {
        struct parcel *parcel = &sending->parcels[i];
        if (parcel->is_answered) {
            continue;
        }
        submission.to = parcel->to;
        memcpy(submission.msg_id, parcel->msg_id, MESSAGE_ID_BYTES);
        enum error error = engine_submit(engine, profile_now(sending->runner.client), &submission,
                                         &parcel->number);
        /* An owner that has ended may have sent it before. */
        parcel->refused = error != OK && parcel->was_taken ? ERR_SEND_UNKNOWN : error;
    }
}

/* ---- what came of it */

/* Nobody has it, as far as is known. */
static void describe_refused(const struct sending *sending, const struct parcel *parcel,
                             const struct sotto_send *message, struct owner_sent *answer) {
    const struct sotto *client = sending->runner.client;
    struct report report = profile_report(client, REPORT_EFFECT_LATER);
    char id[SOTTO_ID_SIZE];
    memcpy(answer->sent.to, parcel->to.text, sizeof(answer->sent.to));
    answer->effect = parcel->refused == ERR_SEND_UNKNOWN ? SENT_IS_UNKNOWN : SENT_NOT;
    if (parcel->refused == sending->failed) {
        (void)profile_fail(client, parcel->refused, REPORT_EFFECT_LATER, &answer->error);
        return;
    }
    body_id_text(parcel->msg_id, id);
    report.peer = parcel->to.text;
    if (parcel->refused == ERR_SEND_UNKNOWN) {
        report.detail = sent_key(message->key == NULL ? id : message->key);
    }
    (void)report_error(&answer->error, parcel->refused, &report);
}

static void describe(struct sending *sending, size_t i, const struct sotto_send *message) {
    struct parcel *parcel = &sending->parcels[i];
    if (parcel->is_answered) {
        return;
    }
    if (parcel->refused != OK) {
        describe_refused(sending, parcel, message, &parcel->answer);
        return;
    }
    const struct sent_wish wish = {.wait = sending->wait,
                                   .timeout_ms = sending->runner.client->timeout_ms,
                                   .is_one_of_many = sending->count > 1};
    sent_describe(&sending->runner, result_of(sending, i), parcel->msg_id, &parcel->answer.sent);
    sent_explain(&sending->runner, result_of(sending, i), &wish, &parcel->answer);
}

static void count_failure(struct tally *tally, const char *name, const struct sotto_error *error) {
    static const char MORE[] = ", ...";
    size_t used = strlen(tally->names);
    size_t size = strlen(name);
    tally->is_alike =
        tally->failed == 0 || (tally->is_alike && strcmp(tally->first.code, error->code) == 0);
    tally->first = tally->failed == 0 ? *error : tally->first;
    tally->may_pass = tally->may_pass || error->retry;
    tally->failed++;
    bool is_cut = used >= sizeof(MORE) && strcmp(tally->names + used - strlen(MORE), MORE) == 0;
    if (is_cut) {
        return;
    }
    bool fits = used + 2 + size + sizeof(MORE) <= sizeof(tally->names);
    snprintf(tally->names + used, sizeof(tally->names) - used, "%s%s",
             !fits      ? MORE
             : used > 0 ? ", "
                        : "",
             fits ? name : "");
}

static int conclude(const struct sending *sending, const struct tally *tally,
                    struct sotto_error *error) {
    char cause[48];
    if (tally->failed == 0) {
        return report_error(error, OK, NULL);
    }
    if (tally->failed == sending->count && tally->is_alike) {
        *error = tally->first;
        return error->exit;
    }
    snprintf(cause, sizeof(cause), "%zu of %zu", tally->failed, sending->count);
    const struct report report = {
        .cause = cause,
        .detail = tally->names,
        .effect = tally->failed < sending->count ? "It worked for the others." : "",
    };
    int status = report_error(error, ERR_PARTIAL, &report);
    error->peer[0] = '\0';
    error->retry = tally->may_pass;
    return status;
}

/* Then "Nothing was sent." is true of the whole call. */
static bool is_nothing_sent(const struct sending *sending) {
    for (size_t i = 0; i < sending->count; i++) {
        const struct owner_sent *answer = &sending->parcels[i].answer;
        if (answer->error.exit == 0 || answer->effect != SENT_NOT) {
            return false;
        }
    }
    return true;
}

static int tell(struct sending *sending, const struct sotto_send *message, sotto_sent_fn *each,
                void *context, struct sotto_error *error) {
    struct tally tally = {.failed = 0};
    for (size_t i = 0; i < sending->count; i++) {
        describe(sending, i, message);
    }
    bool is_named = sending->count > 1 && !is_nothing_sent(sending);
    for (size_t i = 0; i < sending->count; i++) {
        struct owner_sent *answer = &sending->parcels[i].answer;
        if (answer->error.exit != 0) {
            char effect[SENT_EFFECT_SIZE];
            sent_effect_text(answer->effect, is_named ? answer->sent.to : NULL, effect);
            report_effect(&answer->error, effect);
            count_failure(&tally, answer->sent.to, &answer->error);
        }
        each(context, &answer->sent, &answer->error);
    }
    return conclude(sending, &tally, error);
}

/* ---- here or there */

/* Everything is handed to the process that owns the profile, or this one becomes it: its engine is
 * there then. An owner that ended is looked for again. */
static enum error find_way(struct sending *sending, const struct sotto_send *message) {
    struct sotto *client = sending->runner.client;
    uint64_t until_ms = profile_patience(client);
    enum error error = runner_try(&sending->runner, client);
    while (error == ERR_STORE_BUSY) {
        error = sending_hand_over(sending, message, until_ms);
        if (error == ERR_STORE_BUSY) {
            error = runner_try(&sending->runner, client);
        }
        if (error == ERR_STORE_BUSY && profile_pause(client, until_ms) != OK) {
            break;
        }
    }
    return error;
}

static enum error send_here(struct sending *sending, const struct sotto_send *message) {
    enum error error = runner_serve(&sending->runner);
    if (error == OK) {
        submit(sending, message);
        if (is_open(sending)) {
            deliver(sending);
        }
    }
    return error;
}

/* This process can do no more: what nobody has sent, or perhaps somebody. `false`: nobody has been
 * asked at all. */
static bool give_up(struct sending *sending, enum error error) {
    bool was_asked = false;
    sending->failed = error == ERR_SEND_UNKNOWN ? ERR_STORE_BUSY : error;
    for (size_t i = 0; i < sending->count; i++) {
        struct parcel *parcel = &sending->parcels[i];
        was_asked = was_asked || parcel->is_answered || parcel->was_taken;
        parcel->refused = parcel->was_taken ? ERR_SEND_UNKNOWN : sending->failed;
    }
    return was_asked;
}

static int run(struct sending *sending, const struct sotto_send *message, sotto_sent_fn *each,
               void *context, struct sotto_error *error) {
    enum error status = find_way(sending, message);
    if (status == OK && sending->runner.engine != NULL) {
        status = send_here(sending, message);
    }
    return status == OK || give_up(sending, status)
               ? tell(sending, message, each, context, error)
               : profile_fail(sending->runner.client, status, SENT_NOTHING, error);
}

int sotto_send_each(struct sotto *client, const struct sotto_send *message, const char *const *to,
                    size_t count, sotto_sent_fn *each, void *context, struct sotto_error *error) {
    struct sending sending = {.runner = {.client = client}, .wait = message->wait, .count = count};
    struct report report = profile_report(client, SENT_NOTHING);
    char cause[80];
    report.peer = count > 0 ? to[0] : NULL;
    report.cause = cause;
    enum error status = check(message, count, cause, sizeof(cause));
    if (status == OK) {
        sending.parcels = calloc(count, sizeof(*sending.parcels));
        status = sending.parcels == NULL
                     ? ERR_MEMORY
                     : address(&sending, to, &report.peer, cause, sizeof(cause));
    }
    if (status != OK) {
        report.detail = status == ERR_USAGE ? SENT_NOTHING : NULL;
        free(sending.parcels);
        return report_error(error, status, &report);
    }
    int result = run(&sending, message, each, context, error);
    runner_clear(&sending.runner);
    free(sending.parcels);
    return result;
}

static void take(void *context, const struct sotto_sent *sent, const struct sotto_error *error) {
    (void)error; /* it is the call's own */
    *(struct sotto_sent *)context = *sent;
}

int sotto_send(struct sotto *client, const struct sotto_send *message, struct sotto_sent *sent,
               struct sotto_error *error) {
    memset(sent, 0, sizeof(*sent));
    return sotto_send_each(client, message, &message->to, 1, take, sent, error);
}
