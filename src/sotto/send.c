/* SPDX-License-Identifier: ISC */
#include "sotto/commands.h"
#include "sotto/fault.h"
#include "sotto/json.h"
#include "sotto/message_text.h"
#include "sotto/recipients.h"
#include "sotto/tell.h"

#include "base/duration.h"
#include "base/limits.h"
#include "base/require.h"

#include <stdlib.h>
#include <string.h>

/* What is to be sent, and what became of it. */
struct sending {
    struct app *app;
    struct recipients recipients;
    struct sotto_send message;
    struct sotto_error *failures; /**< of people, in their order */
    size_t failure_count;
    int unwritten; /**< exit status of stdout's failure */
    struct sotto_error unwritten_error;
};

static int check_key(const char *key, struct sotto_error *error) {
    size_t size = key == NULL ? 1 : strlen(key);
    if (size == 0 || size > REPEAT_KEY_MAX_BYTES) {
        return fault_usage(error, "Nothing was sent.", "--id has 1 to %d bytes",
                           REPEAT_KEY_MAX_BYTES);
    }
    return 0;
}

static int read_wait(const struct request *request, enum sotto_wait *wait,
                     struct sotto_error *error) {
    static const char *const words[] = {[SOTTO_WAIT_ACCEPTED] = "accepted",
                                        [SOTTO_WAIT_QUEUED] = "queued",
                                        [SOTTO_WAIT_DELIVERED] = "delivered"};
    const char *text = request->value[OPTION_WAIT_STATE];
    bool is_queue = request->given[OPTION_QUEUE] > 0;
    *wait = is_queue ? SOTTO_WAIT_QUEUED : SOTTO_WAIT_ACCEPTED;
    if (text == NULL) {
        return 0;
    }
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(text, words[i]) != 0) {
            continue;
        }
        if (is_queue && i != SOTTO_WAIT_QUEUED) {
            return fault_usage(error, "Nothing was sent.",
                               "--queue and --wait=%s exclude each other", text);
        }
        *wait = (enum sotto_wait)i;
        return 0;
    }
    return fault_usage(error, "It is one of:  queued  accepted  delivered",
                       "'%.60s' is nothing that can be waited for", text);
}

static int read_life(const struct request *request, uint32_t *life_s, struct sotto_error *error) {
    const char *text = request->value[OPTION_EXPIRE];
    uint64_t ms = 0;
    *life_s = 0;
    if (text == NULL) {
        return 0;
    }
    if (!duration_parse(text, &ms)) {
        return fault_usage(error, "A whole number and a unit:  --expire 10m\nNothing was sent.",
                           "'%.60s' is not a duration", text);
    }
    *life_s = (uint32_t)(ms / SECOND_MS);
    return 0;
}

static int read_options(struct sending *sending, struct sotto_error *error) {
    const struct app *app = sending->app;
    struct sotto_send *message = &sending->message;
    message->key = app->request->value[OPTION_ID];
    message->require_verified = app->require_verified;
    int status = check_key(message->key, error);
    if (status == 0) {
        status = read_wait(app->request, &message->wait, error);
    }
    return status == 0 ? read_life(app->request, &message->life_s, error) : status;
}

/* Before a person types a text: there has to be an account to send it from. */
static int check_account(struct app *app, struct sotto_error *error) {
    struct sotto_profile profile;
    int status = app_profile(app, &profile, error);
    if (status == 0 && !profile.exists) {
        const struct error_value values[] = {{"profile", app->profile}};
        status = fault_set(error, ERR_NO_ACCOUNT, values, 1);
    }
    return status;
}

static int report_json(struct app *app, const struct sotto_sent *sent, struct sotto_error *error) {
    struct json_line line;
    struct buffer out;
    buffer_init(&out, JSON_LINE_MAX_BYTES);
    json_begin(&line, "sent");
    json_text(&line, line.root, "id", sent->id);
    json_text(&line, line.root, "to", sent->to);
    json_text(&line, line.root, "state", sent->state);
    json_time(&line, line.root, "time", sent->time_ms);
    json_text(&line, line.root, "trust", sotto_trust_word(sent->trust));
    json_flag(&line, line.root, "repeated", sent->repeated);
    const char *effect =
        strcmp(sent->state, "queued") == 0 ? "The message is stored." : "The message was sent.";
    return app_write_made(app, json_end(&line, &out), &out, effect, error);
}

static int report(struct app *app, const struct sotto_sent *sent, struct sotto_error *error) {
    const char *repeated = sent->repeated ? " by an earlier command with this --id" : "";
    if (app->is_json) {
        return report_json(app, sent, error);
    }
    if (strcmp(sent->state, "queued") == 0) {
        tell(app, "Stored for %s%s; a later command sends it.", sent->to, repeated);
    } else {
        tell(app, "Sent to %s (%s)%s.", sent->to, sent->state, repeated);
    }
    if (app->verbose > 0) {
        tell(app, "  id %s, %s", sent->id, sotto_trust_word(sent->trust));
    }
    return 0;
}

/* Whether the message has left although the command failed. */
static bool has_left(const struct sotto_sent *sent) {
    return strcmp(sent->state, "accepted") == 0 || strcmp(sent->state, "delivered") == 0;
}

static void on_sent(void *context, const struct sotto_sent *sent, const struct sotto_error *error) {
    struct sending *sending = context;
    bool is_shown = error->exit == 0 || has_left(sent);
    if (error->exit != 0) {
        sending->failures[sending->failure_count++] = *error;
    }
    if (is_shown && sending->unwritten == 0) {
        sending->unwritten = report(sending->app, sent, &sending->unwritten_error);
    }
}

/* Whether what happened to one happened to all, in the same words. */
static bool are_alike(const struct sending *sending) {
    for (size_t i = 1; i < sending->failure_count; i++) {
        if (strcmp(sending->failures[0].message, sending->failures[i].message) != 0 ||
            strcmp(sending->failures[0].help, sending->failures[i].help) != 0) {
            return false;
        }
    }
    return true;
}

/* A line for each person who did not get it; `error` is the last word, and said by whoever called.
 */
static void tell_failures(const struct sending *sending, struct sotto_error *error) {
    const struct app *app = sending->app;
    size_t count = sending->failure_count;
    bool is_partial = error->exit == error_exit(ERR_PARTIAL);
    if (count < 2 && !is_partial) {
        return;
    }
    if (!is_partial && !app->is_json && are_alike(sending)) {
        error->peer[0] = '\0';
        return;
    }
    for (size_t i = 0; i + (is_partial ? 0 : 1) < count; i++) {
        tell_error(app, &sending->failures[i]);
    }
    if (!is_partial) {
        *error = sending->failures[count - 1];
    }
}

static int send_each(struct sending *sending, struct sotto *client, struct sotto_error *error) {
    struct recipients *recipients = &sending->recipients;
    const char *names[RECIPIENTS_MAX];
    int status = recipients_settle(recipients, client, error);
    if (status != 0) {
        return status;
    }
    for (size_t i = 0; i < recipients->count; i++) {
        names[i] = recipients->names[i];
    }
    require(recipients->count > 0);
    sending->failures = calloc(recipients->count, sizeof(*sending->failures));
    if (sending->failures == NULL) {
        return app_check(ERR_MEMORY, error);
    }
    return sotto_send_each(client, &sending->message, names, recipients->count, on_sent, sending,
                           error);
}

static int send_text(struct sending *sending, const struct buffer *text,
                     struct sotto_error *error) {
    struct sotto *client = NULL;
    sending->message.text = text->data;
    sending->message.size = text->size;
    int status = app_open(sending->app, &client, error);
    if (status == 0) {
        status = send_each(sending, client, error);
    }
    sotto_close(client);
    if (status != 0) {
        tell_failures(sending, error);
    }
    if (sending->unwritten != 0) {
        *error = sending->unwritten_error;
        status = sending->unwritten;
    }
    free(sending->failures);
    return status;
}

must_check int command_send(struct app *app, struct sotto_error *error) {
    const struct request *request = app->request;
    const char *const *words = (const char *const *)request->words + 1;
    int count = request->word_count - 1;
    struct sending sending = {.app = app};
    struct buffer text;
    buffer_init(&text, MESSAGE_TEXT_CAP);
    int status = recipients_read(app->settings, request->words[0], &sending.recipients, error);
    if (status == 0) {
        status = read_options(&sending, error);
    }
    if (status == 0 && message_text_is_asked(app, words, count)) {
        status = check_account(app, error);
    }
    bool is_one = sending.recipients.count == 1 && sending.recipients.alias_count == 0;
    const char *who = is_one ? sending.recipients.names[0] : request->words[0];
    /* The text is whole before the profile is opened: a slow pipe keeps nobody else waiting. */
    if (status == 0) {
        status = message_text_take(app, who, words, count, &text, error);
    }
    if (status == 0) {
        status = send_text(&sending, &text, error);
    }
    buffer_clear(&text);
    return status;
}
