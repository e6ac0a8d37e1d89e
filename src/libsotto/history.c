/* SPDX-License-Identifier: ISC */
/* Reading back: two rows of messages, received by place and own by the time of writing, are merged
 * by the own clock. The last of them are found by walking back over their indexes, then all are
 * read forwards one by one: neither the age of the store nor the length of the answer counts.
 * A time costs one pass over an index of what came since. */
#include "libsotto/reading.h"
#include "libsotto/sent.h"

#include "client/body.h"

#include <string.h>

/* The next message of each row, as far as it has been read. */
struct head {
    bool is_read;
    bool is_over;
    uint64_t ms; /**< by the own clock */
    struct buffer text;
};

struct telling {
    const struct sotto *client;
    const struct user_name *with; /**< NULL: everybody */
    sotto_past_fn *each;
    void *context;
    uint64_t now_ms;
    uint64_t place; /**< received ones behind it are wanted .. */
    uint64_t place_end;
    uint64_t written; /**< own ones written after it .. */
    uint64_t written_end;
    struct head in;
    struct head out;
    struct incoming incoming;
    struct outgoing outgoing;
    bool is_stopped;
};

/* ---- where it begins */

static const struct client_store *store_of(const struct telling *telling) {
    return telling->client->store;
}

static enum error find_range(struct telling *telling, const struct sotto_history *request) {
    const struct client_store *store = store_of(telling);
    enum error error = OK;
    telling->place_end = INT64_MAX;
    telling->written_end = INT64_MAX;
    if (request->since_ms > 0) {
        error = store->place_since(store->context, request->since_ms, &telling->place);
        telling->written = request->since_ms - 1;
    }
    if (error == OK && request->until_ms > 0) {
        error = store->place_since(store->context, request->until_ms, &telling->place_end);
        telling->place_end += error == OK ? 1 : 0;
        telling->written_end = request->until_ms;
    }
    return error;
}

/* The row that ends later gives one message to those that are wanted, until there are enough. */
static enum error walk_back(struct telling *telling, uint32_t count) {
    const struct client_store *store = store_of(telling);
    uint64_t place = telling->place_end;
    uint64_t written = telling->written_end;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t earlier_place = 0;
        uint64_t earlier_written = 0;
        uint64_t received_ms = 0;
        enum error in = store->received_back(store->context, telling->with, place, &earlier_place,
                                             &received_ms);
        enum error out =
            store->written_back(store->context, telling->with, written, &earlier_written);
        bool has_in = in == OK && earlier_place > telling->place;
        bool has_out = out == OK && earlier_written > telling->written;
        if ((in != OK && in != ERR_NOT_FOUND) || (out != OK && out != ERR_NOT_FOUND)) {
            return in != OK && in != ERR_NOT_FOUND ? in : out;
        }
        if (!has_in && !has_out) {
            return OK;
        }
        if (has_in && (!has_out || received_ms > earlier_written)) {
            place = earlier_place;
        } else {
            written = earlier_written;
        }
    }
    telling->place = place > 0 ? place - 1 : 0;
    telling->written = written > 0 ? written - 1 : 0;
    return OK;
}

/* ---- one message */

static bool is_over(const struct telling *telling, uint8_t kind, uint64_t since_ms, uint32_t life_s,
                    const struct buffer *text) {
    bool is_gone = kind == BODY_TEXT_WITH_LIFE && text->size == 0;
    return is_gone || (life_s > 0 && since_ms + life_s * SECOND_MS < telling->now_ms);
}

static enum error tell(struct telling *telling, struct sotto_past *past, uint8_t kind,
                       const uint8_t msg_id[MESSAGE_ID_BYTES], struct buffer *text) {
    char id[SOTTO_ID_SIZE];
    bool is_text = kind == BODY_TEXT || kind == BODY_TEXT_WITH_LIFE;
    if (past->is_erased) {
        buffer_reset(text);
    }
    enum error error = buffer_append(text, bytes_make("", 1));
    if (error != OK) {
        return error;
    }
    body_id_text(msg_id, id);
    past->message.id = id;
    past->message.kind = is_text ? "text" : "unsupported";
    past->message.text = (const char *)text->data;
    past->message.size = text->size - 1;
    telling->is_stopped = !telling->each(telling->context, past);
    return OK;
}

static enum error tell_received(struct telling *telling) {
    const struct incoming *incoming = &telling->incoming;
    enum sotto_trust trust = SOTTO_UNVERIFIED;
    enum error error = message_trust(telling->client, incoming, &trust);
    struct sotto_past past = {
        .message = {.from = incoming->from.text,
                    .time_ms = incoming->sent_ms,
                    .received_ms = incoming->received_ms,
                    .trust = trust,
                    .is_confirmed = incoming->is_confirmed,
                    .is_late = incoming->is_late,
                    .life_s = incoming->life_s},
        .with = incoming->from.text,
        .is_erased = is_over(telling, incoming->kind, incoming->received_ms, incoming->life_s,
                             &telling->in.text),
    };
    telling->place = incoming->place;
    telling->in.is_read = false;
    return error == OK ? tell(telling, &past, incoming->kind, incoming->msg_id, &telling->in.text)
                       : error;
}

static enum error tell_written(struct telling *telling) {
    const struct outgoing *outgoing = &telling->outgoing;
    const struct client_store *store = store_of(telling);
    struct stored_peer peer;
    enum error error = store->peer_get(store->context, &outgoing->to, &peer);
    struct sotto_past past = {
        .message = {.from = telling->client->account.name.text,
                    .time_ms = outgoing->sent_ms,
                    .trust = cards_trust(&telling->client->cards, &peer),
                    .is_confirmed = true,
                    .life_s = outgoing->life_s},
        .with = outgoing->to.text,
        .state = sent_state(outgoing),
        .is_erased = is_over(telling, outgoing->kind, outgoing->sent_ms, outgoing->life_s,
                             &telling->out.text),
    };
    telling->written = outgoing->sent_ms;
    telling->out.is_read = false;
    return error == OK || error == ERR_NOT_FOUND
               ? tell(telling, &past, outgoing->kind, outgoing->msg_id, &telling->out.text)
               : error;
}

/* ---- both rows */

static enum error read_received(struct telling *telling) {
    const struct client_store *store = store_of(telling);
    struct head *head = &telling->in;
    if (head->is_read || head->is_over) {
        return OK;
    }
    buffer_reset(&head->text);
    enum error error = store->received_next(store->context, telling->with, telling->place,
                                            &telling->incoming, &head->text);
    head->is_over =
        error == ERR_NOT_FOUND || (error == OK && telling->incoming.place >= telling->place_end);
    head->is_read = error == OK && !head->is_over;
    /* A clock that was set back does not tear a row apart. */
    head->ms = telling->incoming.received_ms > head->ms ? telling->incoming.received_ms : head->ms;
    return error == ERR_NOT_FOUND ? OK : error;
}

static enum error read_written(struct telling *telling) {
    const struct client_store *store = store_of(telling);
    struct head *head = &telling->out;
    if (head->is_read || head->is_over) {
        return OK;
    }
    buffer_reset(&head->text);
    enum error error = store->written_next(store->context, telling->with, telling->written,
                                           &telling->outgoing, &head->text);
    head->is_over = error == ERR_NOT_FOUND ||
                    (error == OK && telling->outgoing.sent_ms >= telling->written_end);
    head->is_read = error == OK && !head->is_over;
    head->ms = telling->outgoing.sent_ms;
    return error == ERR_NOT_FOUND ? OK : error;
}

static enum error tell_all(struct telling *telling) {
    enum error error = OK;
    while (error == OK && !telling->is_stopped) {
        error = read_received(telling);
        if (error == OK) {
            error = read_written(telling);
        }
        if (error != OK || (!telling->in.is_read && !telling->out.is_read)) {
            break;
        }
        bool is_received =
            telling->in.is_read && (!telling->out.is_read || telling->in.ms <= telling->out.ms);
        error = is_received ? tell_received(telling) : tell_written(telling);
    }
    return error;
}

int sotto_history(struct sotto *client, const struct sotto_history *request, sotto_past_fn *each,
                  void *context, struct sotto_error *error) {
    struct user_name with;
    struct telling telling = {
        .client = client, .each = each, .context = context, .now_ms = profile_now(client)};
    struct sotto_history bounded = *request;
    client->cause[0] = '\0';
    bounded.since_ms = bounded.since_ms > INT64_MAX ? INT64_MAX : bounded.since_ms;
    bounded.until_ms = bounded.until_ms > INT64_MAX ? INT64_MAX : bounded.until_ms;
    if (request->with != NULL) {
        struct report report = profile_report(client, "");
        report.peer = request->with;
        if (user_name_parse(bytes_of_string(request->with), &with) != OK) {
            return report_error(error, ERR_NAME_INVALID, &report);
        }
        telling.with = &with;
    }
    buffer_init(&telling.in.text, TEXT_MAX_BYTES + 1);
    buffer_init(&telling.out.text, TEXT_MAX_BYTES + 1);
    enum error status = cards_load(client);
    if (status == OK) {
        status = find_range(&telling, &bounded);
    }
    if (status == OK && request->count > 0) {
        status = walk_back(&telling, request->count);
    }
    if (status == OK) {
        status = tell_all(&telling);
    }
    buffer_clear(&telling.in.text);
    buffer_clear(&telling.out.text);
    return profile_fail(client, status, "", error);
}
