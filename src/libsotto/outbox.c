/* SPDX-License-Identifier: ISC */
/* What waits to be sent: looking at it, and taking a message back. */
#include "libsotto/account.h"
#include "libsotto/sent.h"

#include "client/body.h"

#include <string.h>

static const char EFFECT[] = "Nothing was dropped.";

struct listing {
    struct sotto *client;
    sotto_past_fn *each;
    void *context;
    struct buffer text;
    bool is_stopped;
};

static enum error tell(struct listing *listing, const struct outgoing *message) {
    const struct client_store *store = listing->client->store;
    struct stored_peer peer;
    char id[SOTTO_ID_SIZE];
    buffer_reset(&listing->text);
    enum error error = store->outgoing_text(store->context, message->row, &listing->text);
    if (error == OK) {
        error = buffer_append(&listing->text, bytes_make("", 1));
    }
    if (error == OK) {
        error = store->peer_get(store->context, &message->to, &peer);
    }
    if (error != OK && error != ERR_NOT_FOUND) {
        return error;
    }
    body_id_text(message->msg_id, id);
    const struct sotto_past past = {
        .message = {.id = id,
                    .from = listing->client->account.name.text,
                    .kind = "text",
                    .text = (const char *)listing->text.data,
                    .size = listing->text.size - 1,
                    .time_ms = message->sent_ms,
                    .trust = cards_trust(&listing->client->cards, &peer),
                    .is_confirmed = true,
                    .life_s = message->life_s},
        .with = message->to.text,
        .state = sent_state(message),
    };
    listing->is_stopped = !listing->each(listing->context, &past);
    return OK;
}

static enum error tell_all(struct listing *listing, enum outgoing_state state) {
    const struct client_store *store = listing->client->store;
    struct outgoing message = {.row = 0};
    enum error error = OK;
    while (error == OK && !listing->is_stopped) {
        error = store->outgoing_next(store->context, state, message.turn, message.row, &message);
        if (error == OK && body_is_for_people(message.kind) && message.delivered_ms == 0) {
            error = tell(listing, &message);
        }
    }
    return error == ERR_NOT_FOUND ? OK : error;
}

int sotto_outbox(struct sotto *client, sotto_past_fn *each, void *context,
                 struct sotto_error *error) {
    static const enum outgoing_state states[] = {OUTGOING_SEALED, OUTGOING_REPAIR, OUTGOING_QUEUED};
    struct listing listing = {.client = client, .each = each, .context = context};
    client->cause[0] = '\0';
    buffer_init(&listing.text, TEXT_MAX_BYTES + 1);
    enum error status = cards_load(client);
    for (size_t i = 0; status == OK && i < sizeof(states) / sizeof(states[0]); i++) {
        status = tell_all(&listing, states[i]);
    }
    buffer_clear(&listing.text);
    return profile_fail(client, status, "", error);
}

int sotto_drop(struct sotto *client, const char *id, struct sotto_dropped *dropped,
               struct sotto_error *error) {
    struct runner runner = {.client = client};
    struct outgoing message = {.row = 0};
    struct report report = profile_report(client, EFFECT);
    uint8_t msg_id[MESSAGE_ID_BYTES + 1];
    memset(dropped, 0, sizeof(*dropped));
    report.id = id;
    enum error status = base32_decode(bytes_of_string(id), BODY_ID_CHARACTERS, msg_id);
    if (status != OK) {
        return report_error(error, ERR_NO_SUCH_MESSAGE, &report);
    }
    status = runner_init(&runner, client);
    if (status == OK) {
        status = engine_drop(runner.engine, profile_now(client), msg_id, &message);
    }
    runner_clear(&runner);
    if (status == ERR_NOT_FOUND) {
        return report_error(error, ERR_NO_SUCH_MESSAGE, &report);
    }
    if (status == OK) {
        body_id_text(message.msg_id, dropped->id);
        memcpy(dropped->to, message.to.text, sizeof(dropped->to));
        dropped->may_arrive = message.state != OUTGOING_QUEUED;
    }
    return profile_fail(client, status, EFFECT, error);
}
