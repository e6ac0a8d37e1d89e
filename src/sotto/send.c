/* SPDX-License-Identifier: ISC */
#include "sotto/commands.h"
#include "sotto/fault.h"
#include "sotto/json.h"
#include "sotto/message_text.h"
#include "sotto/tell.h"

#include "base/limits.h"

#include <string.h>

static int check_recipient(const char *who, char name[SOTTO_NAME_SIZE], struct sotto_error *error) {
    if (strchr(who, ',') != NULL) {
        return fault_usage(error, "Run it once for each. Nothing was sent.",
                           "one recipient at a time, not '%.60s'", who);
    }
    return sotto_name_check(who, name, error);
}

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
    int status = app_check(json_end(&line, &out), error);
    if (status == 0) {
        const char *effect =
            strcmp(sent->state, "queued") == 0 ? "The message is stored." : "The message was sent.";
        status = app_write(app, buffer_view(&out), effect, error);
    }
    buffer_clear(&out);
    return status;
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

static int send_text(struct app *app, const char *to, const struct buffer *text,
                     enum sotto_wait wait, struct sotto_error *error) {
    struct sotto *client = NULL;
    struct sotto_sent sent = {.repeated = false};
    struct sotto_send message = {
        .to = to,
        .text = text->data,
        .size = text->size,
        .key = app->request->value[OPTION_ID],
        .wait = wait,
        .require_verified = app->request->given[OPTION_REQUIRE_VERIFIED] > 0,
    };
    int status = app_open(app, &client, error);
    if (status == 0) {
        status = sotto_send(client, &message, &sent, error);
    }
    sotto_close(client);
    if (status == 0) {
        return report(app, &sent, error);
    }
    struct sotto_error unwritten;
    int failed = has_left(&sent) ? report(app, &sent, &unwritten) : 0;
    if (failed != 0) {
        *error = unwritten;
    }
    return failed != 0 ? failed : status;
}

must_check int command_send(struct app *app, struct sotto_error *error) {
    const struct request *request = app->request;
    const char *const *words = (const char *const *)request->words + 1;
    int count = request->word_count - 1;
    char name[SOTTO_NAME_SIZE];
    enum sotto_wait wait = SOTTO_WAIT_ACCEPTED;
    struct buffer text;
    buffer_init(&text, MESSAGE_TEXT_CAP);
    int status = check_recipient(request->words[0], name, error);
    if (status == 0) {
        status = check_key(request->value[OPTION_ID], error);
    }
    if (status == 0) {
        status = read_wait(request, &wait, error);
    }
    if (status == 0 && message_text_is_asked(app, words, count)) {
        status = check_account(app, error);
    }
    /* The text is whole before the profile is opened: a slow pipe keeps nobody else waiting. */
    if (status == 0) {
        status = message_text_take(app, name, words, count, &text, error);
    }
    if (status == 0) {
        status = send_text(app, name, &text, wait, error);
    }
    buffer_clear(&text);
    return status;
}
