/* SPDX-License-Identifier: ISC */
#include "server/store.h"

#include "base/require.h"

#include <stdlib.h>
#include <string.h>

static const size_t BODY_BYTES[] = {
    [STORE_LOGIN] = sizeof(struct store_device),
    [STORE_REGISTER] = sizeof(struct store_register),
    [STORE_RENEW] = sizeof(struct store_renew),
    [STORE_PUBLISH] = sizeof(struct store_publish),
    [STORE_CERTIFICATE] = sizeof(struct store_bundle),
    [STORE_BUNDLE] = sizeof(struct store_bundle),
    [STORE_USERS] = sizeof(struct store_users),
    [STORE_MAILBOX] = sizeof(struct store_device),
    [STORE_IDS] = sizeof(struct store_ids),
    [STORE_READ] = sizeof(struct store_read),
    [STORE_DELETE] = sizeof(struct store_delete),
    [STORE_EXPIRE] = sizeof(struct store_expire),
    [STORE_INVITE] = sizeof(struct store_invite),
    [STORE_REVOKE] = sizeof(struct store_revoke),
    [STORE_REMOVE] = sizeof(struct store_remove),
    [STORE_STATE] = sizeof(struct store_state),
    [STORE_LEAVE] = sizeof(struct store_leave),
    [STORE_SEEN] = sizeof(struct store_seen),
    [STORE_ERASE] = sizeof(struct store_erase),
};

static void fill(struct envelope *envelope, struct bytes bytes) {
    memset(envelope, 0, sizeof(*envelope));
    envelope->size = bytes.size;
    memcpy(envelope->bytes, bytes.data, bytes.size);
}

struct envelope *envelope_new(struct bytes bytes) {
    require(bytes.size <= ENVELOPE_MAX_BYTES);
    struct envelope *envelope = malloc(sizeof(*envelope) + bytes.size);
    if (envelope != NULL) {
        fill(envelope, bytes);
    }
    return envelope;
}

void envelope_free(struct envelope *envelope) {
    free(envelope);
}

must_check enum error envelope_digest(const struct envelope *envelope,
                                      uint8_t digest[DIGEST_BYTES]) {
    uint8_t hash[HASH_BYTES];
    const struct bytes part = bytes_make(envelope->bytes, envelope->size);
    enum error error = sha256(&part, 1, hash);
    memcpy(digest, hash, DIGEST_BYTES);
    return error;
}

struct store_op *store_op_new(enum store_kind kind) {
    /* The body stands behind the operation, in the same piece of memory. */
    require(kind != STORE_INSERT && kind != STORE_RECALL);
    struct store_op *op = calloc(1, sizeof(*op) + BODY_BYTES[kind]);
    if (op != NULL) {
        op->kind = kind;
        op->weight = sizeof(*op) + BODY_BYTES[kind];
        op->any = op + 1;
    }
    return op;
}

/* An insert; the envelope that it carries stands behind it, in the same piece of memory. */
struct insert_memory {
    struct store_op op;
    struct store_insert insert;
};

struct store_op *store_op_new_insert(struct bytes envelope) {
    require(envelope.size <= ENVELOPE_MAX_BYTES);
    size_t size = sizeof(struct insert_memory) + sizeof(struct envelope) + envelope.size;
    struct insert_memory *memory = malloc(size);
    if (memory == NULL) {
        return NULL;
    }
    memset(memory, 0, sizeof(*memory));
    memory->op.kind = STORE_INSERT;
    memory->op.weight = size;
    memory->op.insert = &memory->insert;
    memory->insert.envelope = (struct envelope *)(void *)(memory + 1);
    fill(memory->insert.envelope, envelope);
    return &memory->op;
}

void store_op_free(struct store_op *op) {
    if (op == NULL) {
        return;
    }
    if (op->kind == STORE_READ) {
        for (size_t i = 0; i < op->read->count; i++) {
            envelope_free(op->read->messages[i].envelope);
        }
    }
    free(op->admin);
    free(op);
}
