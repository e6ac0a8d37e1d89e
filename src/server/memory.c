/* SPDX-License-Identifier: ISC */
/* Which envelope ids the store may know, so that only new envelopes are handed over before their
 * commit; and the last ones that never reached the store, so that one offered again is accepted
 * again and other bytes under its id are an error (contract 4).
 *
 * The first is a set of keys that never says "new" of an id that is stored: a mailbox counts only
 * once its ids were read, and everything that goes to the store is noted. It is forgotten after a
 * day or when it is full, and read again mailbox by mailbox. */
#include "server/state.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_ROOM = 1024, PROBES_MAX = 64 };

/* Ids are chosen by strangers, the seed is not known to them. 0 is no key. */
static uint64_t key_of(const struct server *server, uint64_t recipient, uint64_t sender,
                       const uint8_t id[ENVELOPE_ID_BYTES]) {
    const uint64_t words[] = {recipient, sender, get_u64(id), get_u64(id + 8)};
    uint64_t key = server->seed;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        key = (key ^ words[i]) * UINT64_C(0xff51afd7ed558ccd);
        key ^= key >> 32;
    }
    return key == 0 ? 1 : key;
}

void memory_forget(struct server *server) {
    struct id_memory *memory = &server->memory;
    free(memory->keys);
    memory->keys = NULL;
    memory->room = 0;
    memory->count = 0;
    memory->epoch++;
    memory->since_ms = server->now.monotonic_ms;
}

/* NULL: neither there nor room for it nearby. */
static uint64_t *find(uint64_t *keys, size_t room, uint64_t key) {
    for (size_t i = 0; i < PROBES_MAX; i++) {
        uint64_t *at = &keys[(key + i) & (room - 1)];
        if (*at == key || *at == 0) {
            return at;
        }
    }
    return NULL;
}

static bool grow(struct id_memory *memory) {
    size_t room = memory->room == 0 ? FIRST_ROOM : 2 * memory->room;
    uint64_t *keys = room > IDS_ROOM_MAX ? NULL : calloc(room, sizeof(*keys));
    bool fits = keys != NULL;
    for (size_t i = 0; i < memory->room && fits; i++) {
        if (memory->keys[i] != 0) {
            uint64_t *at = find(keys, room, memory->keys[i]);
            fits = at != NULL;
            if (fits) {
                *at = memory->keys[i];
            }
        }
    }
    if (!fits) {
        free(keys);
        return false;
    }
    free(memory->keys);
    memory->keys = keys;
    memory->room = room;
    return true;
}

static void note(struct server *server, uint64_t key) {
    struct id_memory *memory = &server->memory;
    uint64_t *at = NULL;
    if (memory->count * 2 < memory->room || grow(memory)) {
        at = find(memory->keys, memory->room, key);
    }
    if (at == NULL) {
        memory_forget(server);
    } else if (*at == 0) {
        *at = key;
        memory->count++;
    }
}

void memory_note(struct server *server, const struct store_insert *insert) {
    note(server, key_of(server, insert->recipient, insert->sender, insert->envelope->id));
}

void memory_ask(struct server *server, struct mailbox *mailbox) {
    uint64_t now_ms = server->now.monotonic_ms;
    if (server->config.early_wait_ms == 0 || mailbox->ids_epoch == server->memory.epoch ||
        now_ms < mailbox->ids_ask_ms) {
        return;
    }
    struct store_op *op = store_op_new(STORE_IDS);
    if (op != NULL) {
        mailbox->ids_ask_ms = now_ms + IDS_ASK_AGAIN_MS;
        op->ids->device = mailbox->device;
        op->ids->epoch = server->memory.epoch;
        mailbox_keep(mailbox, op);
        queue_add(server, op);
    }
}

void ids_done(struct server *server, struct store_op *op) {
    const struct store_ids *ids = op->ids;
    if (op->result != OK || !ids->is_all || ids->epoch != server->memory.epoch) {
        return;
    }
    op->mailbox->ids_epoch = server->memory.epoch;
    for (size_t i = 0; i < ids->count; i++) {
        note(server, key_of(server, ids->device, ids->of[i].sender, ids->of[i].id));
    }
}

bool memory_is_new(struct server *server, struct mailbox *mailbox,
                   const struct store_insert *insert) {
    const struct id_memory *memory = &server->memory;
    if (mailbox->ids_epoch != memory->epoch) {
        memory_ask(server, mailbox);
        return false;
    }
    if (memory->room == 0) {
        return true;
    }
    const uint64_t *at =
        find(memory->keys, memory->room,
             key_of(server, insert->recipient, insert->sender, insert->envelope->id));
    return at != NULL && *at == 0;
}

/* --- those that never reached the store --- */

static struct settled *place_of(struct server *server, uint64_t key) {
    return server->memory.settled[key % SETTLED_SETS];
}

void memory_settled(struct server *server, const struct store_insert *insert) {
    uint64_t key = key_of(server, insert->recipient, insert->sender, insert->envelope->id);
    struct settled *set = place_of(server, key);
    /* The newest stands first. */
    memmove(set + 1, set, (SETTLED_WAYS - 1) * sizeof(*set));
    set[0] = (struct settled){
        .key = key, .digest = get_u64(insert->digest), .since_ms = server->now.monotonic_ms};
}

enum error memory_recall(struct server *server, const struct store_insert *insert) {
    uint64_t key = key_of(server, insert->recipient, insert->sender, insert->envelope->id);
    const struct settled *set = place_of(server, key);
    for (size_t i = 0; i < SETTLED_WAYS; i++) {
        if (set[i].key == key &&
            server->now.monotonic_ms - set[i].since_ms < ENVELOPE_ID_MEMORY_MS) {
            return set[i].digest == get_u64(insert->digest) ? ERR_DUPLICATE : ERR_CONFLICT;
        }
    }
    return ERR_NOT_FOUND;
}
