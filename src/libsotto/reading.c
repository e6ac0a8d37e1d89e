/* SPDX-License-Identifier: ISC */
#include "libsotto/reading.h"

#include "base/text.h"
#include "client/body.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static const char EFFECT[] = "No message is lost.";

static_assert((int)SOTTO_CURSOR_MAX == (int)CURSOR_NAME_MAX_BYTES &&
                  (int)SOTTO_FROM_MAX == (int)FROM_MAX,
              "the header promises what the store keeps");

/* ---- what is asked for */

static bool is_cursor_name(const char *name) {
    size_t size = strlen(name);
    return size > 0 && size <= CURSOR_NAME_MAX_BYTES && strchr("._-", name[0]) == NULL &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
               size;
}

static int usage(struct sotto_error *error, const char *cause, const char *detail) {
    const struct report report = {.cause = cause, .detail = detail};
    return report_error(error, ERR_USAGE, &report);
}

static int check_cursor(const char *cursor, struct sotto_error *error) {
    char cause[128];
    if (is_cursor_name(cursor)) {
        return report_error(error, OK, NULL);
    }
    snprintf(cause, sizeof(cause), "'%.80s' is not the name of a cursor", cursor);
    return usage(error, cause,
                 "1 to 64 letters, digits and . _ - , beginning with a letter or digit.");
}

static int check_from(struct reading *reading, struct sotto_error *error) {
    const struct sotto_receive *request = reading->request;
    if (request->from_count > FROM_MAX) {
        return usage(error, "those are too many senders", "At most 64 can be named.");
    }
    for (size_t i = 0; i < request->from_count; i++) {
        struct report report = profile_report(reading->client, "Nothing was received.");
        report.peer = request->from[i];
        if (user_name_parse(bytes_of_string(request->from[i]), &reading->from[i]) != OK) {
            return report_error(error, ERR_NAME_INVALID, &report);
        }
    }
    return report_error(error, OK, NULL);
}

/* From where it is read again. */
static int find_since(struct reading *reading, struct sotto_error *error) {
    const struct client_store *store = reading->client->store;
    const struct sotto_receive *request = reading->request;
    uint8_t msg_id[MESSAGE_ID_BYTES + 1];
    struct report report = profile_report(reading->client, "Nothing was received.");
    enum error status = OK;
    report.id = request->since_id;
    reading->is_again = request->since_ms > 0 || request->since_id != NULL;
    if (request->since_ms > 0 && request->since_id != NULL) {
        return usage(error, "a time and an id were given", "Give one of them.");
    }
    if (request->since_id != NULL) {
        status = base32_decode(bytes_of_string(request->since_id), BODY_ID_CHARACTERS, msg_id);
        status = status == OK ? store->place_of(store->context, msg_id, &reading->since) : status;
        if (status == ERR_MALFORMED || status == ERR_NOT_FOUND) {
            return report_error(error, ERR_NO_SUCH_MESSAGE, &report);
        }
    } else if (request->since_ms > 0) {
        uint64_t since_ms = request->since_ms > INT64_MAX ? INT64_MAX : request->since_ms;
        status = store->place_since(store->context, since_ms, &reading->since);
    }
    return profile_fail(reading->client, status, EFFECT, error);
}

static int too_many(const struct reading *reading, struct sotto_error *error) {
    const struct client_store *store = reading->client->store;
    char name[CURSOR_NAME_MAX_BYTES + 1];
    char count[24];
    enum error status = store->cursor_least_used(store->context, name);
    if (status != OK) {
        return profile_fail(reading->client, status, EFFECT, error);
    }
    struct report report = profile_report(reading->client, "Nothing was received.");
    snprintf(count, sizeof(count), "%d", CURSORS_MAX);
    report.cause = name;
    report.detail = count;
    return report_error(error, ERR_TOO_MANY_CURSORS, &report);
}

/* A new cursor begins with what comes from now on; the first reader of a profile sees all. */
static int find_cursor(struct reading *reading, struct sotto_error *error) {
    bool is_first = strcmp(reading->cursor, RECV_CURSOR) == 0;
    uint64_t start = is_first ? 0 : INT64_MAX;
    start = reading->is_again && !is_first ? reading->since : start;
    enum error status = reading->cursors.open(reading->cursors.context, reading->cursor, start,
                                              profile_now(reading->client), &reading->noted);
    if (status == ERR_LIMIT) {
        return too_many(reading, error);
    }
    reading->error = status == ERR_CLOSED ? status : OK;
    return profile_fail(reading->client, status, EFFECT, error);
}

int reading_check(struct reading *reading, struct sotto *client,
                  const struct sotto_receive *request, struct sotto_error *error) {
    reading->client = client;
    reading->request = request;
    reading->cursor = request->cursor == NULL ? RECV_CURSOR : request->cursor;
    reading->wake_ms = UINT64_MAX;
    reading_write_here(reading);
    int result = check_cursor(reading->cursor, error);
    return result == 0 ? check_from(reading, error) : result;
}

void reading_write_here(struct reading *reading) {
    const struct client_store *store = reading->client->store;
    reading->cursors = (struct cursors){.context = store->context,
                                        .open = store->cursor_open,
                                        .put = store->cursor_put,
                                        .pass = store->cursor_pass,
                                        .take = store->passed_take};
}

int reading_open(struct reading *reading, struct sotto_error *error) {
    if (reading->is_open) {
        return report_error(error, OK, NULL);
    }
    int result = find_since(reading, error);
    if (result == 0) {
        result = find_cursor(reading, error);
    }
    reading->is_open = result == 0;
    bool is_again = reading->is_again && reading->since < reading->noted;
    reading->place = is_again ? reading->since : reading->noted;
    reading_again(reading);
    return result;
}

void reading_again(struct reading *reading) {
    reading->passed = 0;
    reading->passed_end = reading->is_again ? 0 : reading->noted;
}

/* ---- one message */

/* Verified is who was compared, or has a card, with the very key that the message came under; that
 * another key was seen since does not matter. */
must_check enum error message_trust(const struct sotto *client, const struct incoming *incoming,
                                    enum sotto_trust *trust) {
    struct stored_peer peer;
    enum error error = client->store->peer_get(client->store->context, &incoming->from, &peer);
    bool is_verified = error == OK && peer.verified_ms > 0 && peer.has_pin &&
                       memcmp(peer.afp, incoming->afp, HASH_BYTES) == 0;
    is_verified = is_verified || cards_vouch(&client->cards, &incoming->from, incoming->afp);
    *trust = is_verified ? SOTTO_VERIFIED : SOTTO_UNVERIFIED;
    return error == ERR_NOT_FOUND ? OK : error;
}

static bool is_from(const struct reading *reading, const struct user_name *sender) {
    size_t count = reading->request->from_count;
    bool is_named = count == 0;
    for (size_t i = 0; i < count && !is_named; i++) {
        is_named = user_name_equal(&reading->from[i], sender);
    }
    return is_named;
}

/* A message that was offered already stays wanted, whatever happens to the trust meanwhile. */
static bool is_wanted(const struct reading *reading, const struct incoming *incoming,
                      enum sotto_trust trust) {
    bool is_late_enough = !reading->is_again || incoming->place > reading->since;
    bool is_trusted = !reading->request->require_verified || trust == SOTTO_VERIFIED;
    return incoming->place == reading->later ||
           (is_late_enough && is_trusted && is_from(reading, &incoming->from));
}

/* Its life was over before this reader came to it. */
static bool is_erased(const struct incoming *incoming, const struct buffer *text) {
    return incoming->kind == BODY_TEXT_WITH_LIFE && incoming->life_s == 0 && text->size == 0;
}

/* Notes what the application said. */
static bool is_taken(struct reading *reading, uint64_t place, enum sotto_verdict verdict) {
    if (verdict == SOTTO_LATER) {
        uint64_t pause = reading->later == place ? 2 * reading->pause_ms : 1;
        reading->pause_ms = pause < LATER_MAX_MS ? pause : LATER_MAX_MS;
        reading->wake_ms = profile_time(reading->client) + reading->pause_ms;
        reading->later = place;
        return false;
    }
    bool taken = verdict == SOTTO_TAKEN || verdict == SOTTO_TAKEN_LAST;
    reading->later = 0;
    reading->wake_ms = UINT64_MAX;
    reading->is_stopped = verdict != SOTTO_TAKEN;
    reading->handed += taken ? 1 : 0;
    return taken;
}

static enum error offer(struct reading *reading, const struct incoming *incoming,
                        enum sotto_trust trust, struct buffer *text, bool *taken) {
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
    *taken = is_taken(reading, incoming->place, reading->each(reading->context, &message));
    return OK;
}

/* ---- the cursor */

/* Notes the run of messages that were passed over since the cursor moved last. */
static enum error note_passed(struct reading *reading) {
    const struct cursors *cursors = &reading->cursors;
    if (reading->place <= reading->noted) {
        return OK;
    }
    enum error error =
        cursors->pass(cursors->context, reading->cursor, reading->noted, reading->place);
    reading->noted = error == OK ? reading->place : reading->noted;
    return error;
}

/* The message at `place` is done with. Until that is noted it is owed: whoever notes it next, it is
 * not handed over again. */
static enum error note_taken(struct reading *reading, uint64_t place) {
    const struct cursors *cursors = &reading->cursors;
    enum error error = OK;
    reading->owed = place;
    if (place <= reading->noted) {
        error = cursors->take(cursors->context, reading->cursor, place);
    } else {
        error = cursors->put(cursors->context, reading->cursor, place);
        reading->noted = error == OK ? place : reading->noted;
    }
    reading->owed = error == OK ? 0 : place;
    return error;
}

/* What another one who was to write it left undone. */
static enum error note_owed(struct reading *reading) {
    uint64_t place = reading->owed;
    enum error error = place == 0 ? OK : note_taken(reading, place);
    if (error == OK && place > reading->place) {
        reading->place = place;
    }
    return error;
}

/* Hands over the first message behind `*place`, or passes it over. ERR_NOT_FOUND: there is none.
 * ERR_WAIT: it is not done with. */
static enum error step(struct reading *reading, uint64_t *place, struct buffer *text) {
    const struct client_store *store = reading->client->store;
    struct incoming incoming;
    enum sotto_trust trust = SOTTO_UNVERIFIED;
    buffer_reset(text);
    enum error error = store->incoming_next(store->context, *place, &incoming, text);
    if (error == OK) {
        error = message_trust(reading->client, &incoming, &trust);
    }
    if (error != OK) {
        return error;
    }
    bool taken = is_erased(&incoming, text);
    bool wanted = !taken && is_wanted(reading, &incoming, trust);
    if (taken || wanted) {
        error = note_passed(reading);
    }
    if (error == OK && wanted) {
        error = offer(reading, &incoming, trust, text, &taken);
    }
    if (error == OK && taken) {
        error = note_taken(reading, incoming.place);
    }
    if (error == OK && wanted && !taken) {
        return ERR_WAIT;
    }
    *place = error == OK ? incoming.place : *place;
    return error;
}

/* The first that an earlier call passed over, of those that can be wanted. */
static enum error find_passed(const struct reading *reading, uint64_t *place) {
    const struct client_store *store = reading->client->store;
    size_t count = reading->request->from_count;
    enum error error = OK;
    *place = UINT64_MAX;
    for (size_t i = 0; i < (count == 0 ? 1 : count) && error == OK; i++) {
        uint64_t next = 0;
        error = store->passed_next(store->context, reading->cursor,
                                   count == 0 ? NULL : &reading->from[i], reading->passed, &next);
        *place = error == OK && next < *place ? next : *place;
        error = error == ERR_NOT_FOUND ? OK : error;
    }
    return error == OK && *place > reading->passed_end ? ERR_NOT_FOUND : error;
}

static enum error next_passed(struct reading *reading, struct buffer *text) {
    uint64_t place = 0;
    if (reading->passed >= reading->passed_end) {
        return ERR_NOT_FOUND;
    }
    enum error error = find_passed(reading, &place);
    if (error != OK) {
        reading->passed = error == ERR_NOT_FOUND ? reading->passed_end : reading->passed;
        return error;
    }
    reading->passed = place - 1;
    return step(reading, &reading->passed, text);
}

/* What earlier calls passed over comes first. */
static enum error next(struct reading *reading, struct buffer *text) {
    enum error error = next_passed(reading, text);
    if (error == ERR_NOT_FOUND) {
        error = step(reading, &reading->place, text);
    }
    if (error == OK && reading->place > reading->noted + PASSED_AT_ONCE_MAX) {
        error = note_passed(reading);
    }
    return error;
}

bool reading_has_enough(const struct reading *reading) {
    uint32_t wanted = reading->request->count;
    return reading->error != OK ||
           (reading->owed == 0 &&
            (reading->is_stopped || (wanted > 0 && reading->handed >= wanted)));
}

void reading_show(struct reading *reading) {
    struct buffer text;
    enum error error = note_owed(reading);
    if (error == OK && reading->later > 0 && profile_time(reading->client) < reading->wake_ms) {
        return;
    }
    buffer_init(&text, TEXT_MAX_BYTES + 1);
    while (error == OK && !reading_has_enough(reading)) {
        error = next(reading, &text);
    }
    if (error == ERR_NOT_FOUND) {
        error = note_passed(reading);
    }
    if (error != OK && error != ERR_WAIT) {
        reading->error = error;
    }
    buffer_clear(&text);
}

/* ---- what waits for others */

void reading_tell_passed(struct reading *reading) {
    const struct sotto *client = reading->client;
    struct user_name from = {{0}};
    enum error error = reading->is_passed_told ? ERR_NOT_FOUND : OK;
    reading->is_passed_told = true;
    while (reading->request->require_verified && client->notice != NULL && error == OK) {
        struct user_name after = from;
        struct report report = profile_report(client, "");
        struct sotto_error told;
        char cause[32];
        uint32_t count = 0;
        error = client->store->passed_sender(client->store->context, reading->cursor, &after, &from,
                                             &count);
        if (error == OK && is_from(reading, &from)) {
            snprintf(cause, sizeof(cause), "%u message%s", count, count == 1 ? "" : "s");
            report.peer = from.text;
            report.cause = cause;
            report_notice(&told, ERR_PASSED_OVER, &report);
            client->notice(client->context, &told);
        }
    }
}

int sotto_forget_cursor(struct sotto *client, const char *cursor, bool *was_there,
                        struct sotto_error *error) {
    int result = check_cursor(cursor, error);
    *was_there = false;
    if (result != 0) {
        return result;
    }
    if (strcmp(cursor, RECV_CURSOR) == 0) {
        return usage(error, "the cursor 'recv' cannot be forgotten",
                     "It is the one that is used without --as.");
    }
    bool has_taken_lock = !client->is_owner;
    enum error status = profile_own(client);
    if (status == OK) {
        status = client->store->cursor_drop(client->store->context, cursor);
        *was_there = status == OK;
        status = status == ERR_NOT_FOUND ? OK : status;
    }
    result = profile_fail(client, status, "Nothing was changed.", error);
    if (has_taken_lock) {
        profile_release(client);
    }
    return result;
}
