/* SPDX-License-Identifier: ISC */
/* Taking a message back that still stands in the outbox. What the server may have stays as it is:
 * only this device stops offering it. */
#include "client/engine_inner.h"

#include <string.h>

static enum error find(const struct client_store *store, const uint8_t msg_id[MESSAGE_ID_BYTES],
                       struct outgoing *message) {
    static const enum outgoing_state states[] = {OUTGOING_QUEUED, OUTGOING_SEALED, OUTGOING_REPAIR};
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        enum error error = OK;
        memset(message, 0, sizeof(*message));
        while (error == OK) {
            error = store->outgoing_next(store->context, states[i], message->turn, message->row,
                                         message);
            bool is_it = error == OK && memcmp(message->msg_id, msg_id, MESSAGE_ID_BYTES) == 0;
            if (is_it && body_is_for_people(message->kind) && message->delivered_ms == 0) {
                return OK;
            }
        }
        if (error != ERR_NOT_FOUND) {
            return error;
        }
    }
    return ERR_NOT_FOUND;
}

static enum error drop(struct engine *engine, const uint8_t msg_id[MESSAGE_ID_BYTES],
                       struct outgoing *message) {
    static const struct bytes NOTHING = {0};
    enum error error = find(engine->store, msg_id, message);
    if (error == OK) {
        error = engine_write(engine);
    }
    struct outgoing dropped = *message;
    if (error == OK && message->state == OUTGOING_SEALED && message->accepted_ms == 0) {
        error = outbox_lose_number(engine, message);
    }
    dropped.state = message->accepted_ms > 0 ? OUTGOING_ACCEPTED : OUTGOING_FAILED;
    return error == OK ? engine->store->outgoing_update(engine->store->context, &dropped, &NOTHING)
                       : error;
}

must_check enum error engine_drop(struct engine *engine, uint64_t now_ms,
                                  const uint8_t msg_id[MESSAGE_ID_BYTES],
                                  struct outgoing *message) {
    engine->now_ms = now_ms;
    enum error error = drop(engine, msg_id, message);
    return error == ERR_NOT_FOUND ? error : engine_end(engine, error);
}
