/* SPDX-License-Identifier: ISC */
#include "conversation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** The tool has nothing to save when memory is short. */
static void *must_have(void *memory) {
    if (memory == NULL) {
        (void)fputs("sotto-vectors: out of memory\n", stderr);
        exit(1);
    }
    return memory;
}

const char *outcome_word(enum outcome outcome) {
    static const char *const WORDS[] = {
        [OUTCOME_OK] = "ok",
        [OUTCOME_WAIT] = "wait",
        [OUTCOME_REFUSED] = "refused",
    };
    return WORDS[outcome];
}

struct conversation *conversation_new(void) {
    return must_have(calloc(1, sizeof(struct conversation)));
}

static void device_clear(struct device *device) {
    account_keys_clear(&device->account);
    device_keys_clear(&device->keys);
    for (size_t i = 0; i < PREKEYS_MAX; i++) {
        prekey_secret_clear(&device->sets[i].secret);
        prekey_secret_clear(&device->one_times[i].secret);
    }
}

void conversation_free(struct conversation *conversation) {
    if (conversation == NULL) {
        return;
    }
    device_clear(&conversation->devices[INITIATOR]);
    device_clear(&conversation->devices[RESPONDER]);
    for (size_t i = 0; i < conversation->message_count; i++) {
        struct recorded_message *message = &conversation->messages[i];
        buffer_clear(&message->body);
        buffer_clear(&message->wire);
        free(message->chain);
    }
    for (size_t i = 0; i < conversation->refusal_count; i++) {
        buffer_clear(&conversation->refusals[i].wire);
    }
    free(conversation->messages);
    free(conversation->refusals);
    wipe(conversation, sizeof(*conversation));
    free(conversation);
}

struct recorded_message *conversation_add_message(struct conversation *conversation) {
    size_t count = conversation->message_count;
    struct recorded_message *messages =
        must_have(realloc(conversation->messages, (count + 1) * sizeof(*messages)));
    conversation->messages = messages;
    conversation->message_count++;
    memset(&messages[count], 0, sizeof(messages[count]));
    buffer_init(&messages[count].body, BODY_MAX_BYTES);
    buffer_init(&messages[count].wire, ENVELOPE_MAX_BYTES);
    return &messages[count];
}

struct refusal *conversation_add_refusal(struct conversation *conversation, const char *name) {
    size_t count = conversation->refusal_count;
    struct refusal *refusals =
        must_have(realloc(conversation->refusals, (count + 1) * sizeof(*refusals)));
    conversation->refusals = refusals;
    conversation->refusal_count++;
    memset(&refusals[count], 0, sizeof(refusals[count]));
    (void)snprintf(refusals[count].name, sizeof(refusals[count].name), "%s", name);
    buffer_init(&refusals[count].wire, ENVELOPE_MAX_BYTES + 1);
    return &refusals[count];
}

const struct recorded_prekey *prekey_find(const struct recorded_prekey *prekeys, size_t count,
                                          uint32_t id) {
    for (size_t i = 0; i < count; i++) {
        if (prekeys[i].secret.id == id) {
            return &prekeys[i];
        }
    }
    return NULL;
}
