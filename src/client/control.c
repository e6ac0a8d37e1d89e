/* SPDX-License-Identifier: ISC */
/* Messages that devices write to each other: receipts (kind 2), "that session is not known here"
 * (kind 4), numbers that never come (kind 5). They travel like texts, get no receipts, and never
 * begin a session by themselves. docs/PROTOCOL.md 1.7. */
#include "client/engine_inner.h"

#include <string.h>

bool control_may_go(const struct engine *engine, size_t correspondent) {
    return engine->phase == ENGINE_OPEN && !engine->is_backlogged &&
           engine->sends_in_flight < SENDS_IN_FLIGHT_MAX &&
           engine->correspondents[correspondent].blocked.error == OK;
}

must_check enum error control_send(struct engine *engine, const struct user_name *to,
                                   struct stored_session *session, enum body_kind kind,
                                   struct bytes content) {
    struct outgoing message = {.to = *to, .kind = (uint8_t)kind};
    struct buffer envelope;
    size_t index = 0;
    buffer_init(&envelope, ENVELOPE_MAX_BYTES);
    enum error error =
        engine->entropy.fill(engine->entropy.context, message.msg_id, MESSAGE_ID_BYTES);
    if (error == OK) {
        error = seal_message(engine, session, &message, content, &envelope);
    }
    if (error == OK) {
        error = engine->store->outgoing_add(engine->store->context, &message, content,
                                            buffer_view(&envelope));
    }
    if (error == OK) {
        error = job_add(engine, &message, &index);
    }
    if (error == OK) {
        error = outbox_offer(engine, index, buffer_view(&envelope));
    }
    buffer_clear(&envelope);
    return error;
}

must_check enum error control_notice(struct engine *engine, size_t correspondent,
                                     struct stored_session *session) {
    const struct user_name to = engine->correspondents[correspondent].name;
    const uint8_t *afp = session->info.afp;
    struct chain_place places[GIVEN_UP_MAX];
    uint8_t content[1 + GIVEN_UP_MAX * BODY_PLACE_BYTES];
    size_t count = 0;
    enum error error =
        engine->store->given_up_list(engine->store->context, &to, afp, places, &count);
    content[0] = (uint8_t)count;
    for (size_t i = 0; i < count; i++) {
        uint8_t *place = content + 1 + i * BODY_PLACE_BYTES;
        memcpy(place, places[i].chain_id, CHAIN_ID_BYTES);
        put_u32(place + CHAIN_ID_BYTES, places[i].number);
    }
    if (error == OK) {
        error = control_send(engine, &to, session, BODY_NOTICE,
                             bytes_make(content, 1 + count * BODY_PLACE_BYTES));
    }
    if (error == OK) {
        error = engine->store->given_up_clear(engine->store->context, &to, afp, count);
    }
    if (error == OK) {
        engine->correspondents[correspondent].has_given_up = count == GIVEN_UP_MAX;
        engine->correspondents[correspondent].is_repairing = false;
    }
    return error;
}

must_check enum error control_precede(struct engine *engine, size_t correspondent,
                                      struct stored_session *session, bool is_repair) {
    struct correspondent *to = &engine->correspondents[correspondent];
    struct chain_place places[GIVEN_UP_MAX];
    size_t count = 0;
    /* Repairs beyond the end of a chain are the first in the next session, too. */
    bool is_due = is_repair && (to->is_repairing || session->state.chains_sent == 0);
    if (!is_due && !to->has_given_up) {
        return OK;
    }
    enum error error = engine->store->given_up_list(engine->store->context, &to->name,
                                                    session->info.afp, places, &count);
    to->has_given_up = count > 0;
    return error == OK && (is_due || count > 0) ? control_notice(engine, correspondent, session)
                                                : error;
}

static enum error owe_receipts(struct engine *engine, const struct outgoing *message,
                               struct bytes content, uint64_t due_ms) {
    enum error error = OK;
    for (size_t at = 2; error == OK && at + MESSAGE_ID_BYTES <= content.size;
         at += MESSAGE_ID_BYTES) {
        error = engine->store->receipt_add(engine->store->context, &message->to, message->afp,
                                           content.data + at);
    }
    return error == OK ? duty_owe(engine, &message->to, DUTY_RECEIPTS, NULL, due_ms) : error;
}

static enum error owe_notice(struct engine *engine, const struct outgoing *message,
                             struct bytes content) {
    enum error error = OK;
    for (size_t at = 1; error == OK && at + BODY_PLACE_BYTES <= content.size;
         at += BODY_PLACE_BYTES) {
        struct chain_place place = {.number = get_u32(content.data + at + CHAIN_ID_BYTES)};
        memcpy(place.chain_id, content.data + at, CHAIN_ID_BYTES);
        error =
            engine->store->given_up_add(engine->store->context, &message->to, message->afp, &place);
    }
    return error;
}

must_check enum error control_take_back(struct engine *engine, const struct outgoing *message,
                                        uint64_t due_ms) {
    const struct client_store *store = engine->store;
    struct buffer content;
    buffer_init(&content, BODY_MAX_BYTES);
    enum error error = engine_write(engine);
    if (error == OK) {
        error = store->outgoing_text(store->context, message->row, &content);
    }
    if (error == OK && message->kind == BODY_DELIVERED) {
        error = owe_receipts(engine, message, buffer_view(&content), due_ms);
    }
    if (error == OK && message->kind == BODY_NOTICE) {
        error = owe_notice(engine, message, buffer_view(&content));
    }
    if (error == OK && message->kind == BODY_RESEND && content.size == SESSION_ID_BYTES) {
        error = duty_owe(engine, &message->to, DUTY_RESEND, content.data, due_ms);
    }
    if (error == OK) {
        error = store->outgoing_delete(store->context, message->row);
    }
    buffer_clear(&content);
    return error;
}
