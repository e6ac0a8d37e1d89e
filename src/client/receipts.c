/* SPDX-License-Identifier: ISC */
/* Receipts: that a message arrived on the recipient's device, said inside the encryption.
 * docs/PROTOCOL.md 1.7 and 1.12. */
#include "client/engine_inner.h"

#include <string.h>

/* By chance up to RECEIPT_DELAY_MS: the time of a receipt tells less about the device then. */
static enum error choose_delay(struct engine *engine, uint64_t *delay_ms) {
    uint8_t random[4];
    enum error error = engine->entropy.fill(engine->entropy.context, random, sizeof(random));
    *delay_ms = get_u32(random) % (RECEIPT_DELAY_MS + 1);
    return error;
}

must_check enum error receipt_owe(struct engine *engine, const struct user_name *to,
                                  const uint8_t afp[HASH_BYTES],
                                  const uint8_t msg_id[MESSAGE_ID_BYTES]) {
    struct stored_peer peer;
    uint64_t delay_ms = 0;
    enum error error = job_find_peer(engine, to, &peer);
    if (error != OK || !duty_is_accepted(engine, &peer)) {
        return error;
    }
    error = engine->store->receipt_add(engine->store->context, to, afp, msg_id);
    if (error == OK) {
        error = choose_delay(engine, &delay_ms);
    }
    return error == OK ? duty_owe(engine, to, DUTY_RECEIPTS, NULL, engine->now_ms + delay_ms)
                       : error;
}

must_check enum error receipts_send(struct engine *engine, const struct user_name *to,
                                    struct stored_session *session, bool *left) {
    const uint8_t *afp = session->info.afp;
    uint8_t content[2 + RECEIPTS_MAX * MESSAGE_ID_BYTES];
    uint8_t ids[RECEIPTS_MAX][MESSAGE_ID_BYTES];
    size_t count = 0;
    *left = false;
    enum error error = engine->store->receipt_list(engine->store->context, to, afp, ids, &count);
    if (error != OK || count == 0) {
        return error;
    }
    content[0] = (uint8_t)(count >> 8);
    content[1] = (uint8_t)count;
    memcpy(content + 2, ids, count * MESSAGE_ID_BYTES);
    error = control_send(engine, to, session, BODY_DELIVERED,
                         bytes_make(content, 2 + count * MESSAGE_ID_BYTES));
    if (error == OK) {
        error = engine->store->receipt_clear(engine->store->context, to, afp, count);
    }
    *left = count == RECEIPTS_MAX;
    return error;
}

/* ---- those of others */

/* What becomes of a message that its recipient has: its ciphertext is needed no more, unless its
 * number in the chain was used and has never left. */
static const struct bytes *settle(struct outgoing *message, uint64_t now_ms) {
    static const struct bytes NOTHING = {0};
    bool was_accepted = message->accepted_ms > 0;
    message->delivered_ms = now_ms;
    message->accepted_ms = was_accepted ? message->accepted_ms : now_ms;
    if (message->state == OUTGOING_SEALED && !was_accepted) {
        return NULL;
    }
    message->state = message->state == OUTGOING_FAILED ? OUTGOING_FAILED : OUTGOING_ACCEPTED;
    return &NOTHING;
}

static void tell_jobs(struct engine *engine, const struct outgoing *message) {
    for (size_t i = 0; i < engine->job_count; i++) {
        struct job *job = &engine->jobs[i];
        if (job->result.message.row != message->row) {
            continue;
        }
        job->result.message = *message;
        if (!job->result.is_done && !job->is_in_flight && message->state != OUTGOING_SEALED) {
            job_conclude(job, NULL);
        }
    }
}

must_check enum error receipts_take(struct engine *engine, const struct session_info *info,
                                    const struct body *body) {
    const struct client_store *store = engine->store;
    enum error error = OK;
    for (size_t i = 0; error == OK && i < body->count; i++) {
        struct outgoing message;
        error = store->outgoing_of_id(store->context, &info->peer,
                                      body->content.data + i * MESSAGE_ID_BYTES, &message);
        if (error == ERR_NOT_FOUND) {
            error = OK;
            continue;
        }
        if (error != OK || message.delivered_ms > 0 || !message.has_afp ||
            memcmp(message.afp, info->afp, HASH_BYTES) != 0) {
            continue;
        }
        const struct bytes *envelope = settle(&message, engine->now_ms);
        error = store->outgoing_update(store->context, &message, envelope);
        if (error == OK) {
            tell_jobs(engine, &message);
        }
    }
    return error;
}
