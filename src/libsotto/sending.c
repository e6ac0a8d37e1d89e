/* SPDX-License-Identifier: ISC */
#include "libsotto/sending.h"

#include <string.h>

static uint64_t later(uint64_t time_ms, uint64_t more_ms) {
    return more_ms > UINT64_MAX - time_ms ? UINT64_MAX : time_ms + more_ms;
}

static struct owner_send frame_of(const struct sending *sending, const struct parcel *parcel,
                                  const struct sotto_send *message, uint64_t until_ms) {
    struct owner_send frame = {.until_ms = until_ms,
                               .timeout_ms = sending->runner.client->timeout_ms,
                               .to = parcel->to,
                               .text = bytes_make(message->text, message->size),
                               .wait = message->wait,
                               .require_verified = message->require_verified,
                               .is_one_of_many = sending->count > 1,
                               .life_s = message->life_s};
    memcpy(frame.msg_id, parcel->msg_id, MESSAGE_ID_BYTES);
    if (message->key != NULL) {
        memcpy(frame.key, message->key, strlen(message->key) + 1);
    }
    return frame;
}

static struct parcel *find(struct sending *sending, uint32_t request) {
    for (size_t i = 0; i < sending->count; i++) {
        struct parcel *parcel = &sending->parcels[i];
        if (request != 0 && !parcel->is_answered && parcel->request == request) {
            return parcel;
        }
    }
    return NULL;
}

/* An owner that was busy for so long that it has not begun says so. */
static enum error take_answer(struct sending *sending, uint32_t request,
                              const struct owner_sent *answer) {
    struct parcel *parcel = find(sending, request);
    if (parcel == NULL) {
        return ERR_CLOSED; /* it is not what it should be */
    }
    if (strcmp(answer->error.code, error_code(ERR_STORE_BUSY)) == 0) {
        parcel->was_taken = false;
        return ERR_STORE_BUSY;
    }
    parcel->is_answered = true;
    parcel->answer = *answer;
    return OK;
}

static enum error hand_over(struct sending *sending, const struct sotto_send *message,
                            struct handover *handover, uint64_t until_ms) {
    uint64_t timeout_ms = sending->runner.client->timeout_ms;
    /* As long as the same work may take here: to connect, and to hear of it. */
    uint64_t answer_ms = later(later(later(until_ms, timeout_ms), timeout_ms),
                               message->wait == SOTTO_WAIT_DELIVERED ? timeout_ms : 0);
    size_t open = 0;
    size_t next = 0;
    enum error error = OK;
    while (error == OK) {
        struct owner_sent answer;
        uint32_t request = 0;
        for (; error == OK && next < sending->count && open < OWNER_REQUESTS_MAX; next++) {
            struct parcel *parcel = &sending->parcels[next];
            if (!parcel->is_answered) {
                const struct owner_send frame = frame_of(sending, parcel, message, until_ms);
                error = handover_send(handover, &frame, until_ms, &parcel->request);
                parcel->was_taken = parcel->was_taken || error == OK;
                open++;
            }
        }
        if (error != OK || open == 0) {
            break;
        }
        error = handover_sent(handover, answer_ms, &request, &answer);
        error = error == OK ? take_answer(sending, request, &answer) : error;
        open--;
    }
    return error;
}

must_check enum error sending_hand_over(struct sending *sending, const struct sotto_send *message,
                                        uint64_t until_ms) {
    struct handover handover;
    bool is_open = false;
    for (size_t i = 0; i < sending->count; i++) {
        sending->parcels[i].request = 0;
    }
    handover_init(&handover);
    enum error error = handover_open(&handover, sending->runner.client->folder, until_ms);
    if (error == OK) {
        is_open = true;
        error = hand_over(sending, message, &handover, until_ms);
    }
    handover_close(&handover);
    if (error == ERR_WAIT && is_open) {
        return ERR_SEND_UNKNOWN;
    }
    return error == OK || error == ERR_MEMORY ? error : ERR_STORE_BUSY;
}
