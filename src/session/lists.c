/* SPDX-License-Identifier: ISC */
#include "session/lists.h"

#include "base/require.h"

#include <stdlib.h>
#include <string.h>

enum { LIST_FIRST = 16 };

/** Whether something stored then is over `life_ms` old; a clock that went back makes nothing old.
 */
static bool is_old(uint64_t stored_ms, uint64_t life_ms, uint64_t now_ms) {
    return now_ms > stored_ms && now_ms - stored_ms > life_ms;
}

must_check enum error skipped_find(const struct session *session,
                                   const uint8_t chain_id[CHAIN_ID_BYTES], uint32_t n,
                                   uint64_t now_ms, size_t *index) {
    for (size_t i = 0; i < session->skipped_count; i++) {
        const struct skipped_key *key = &session->skipped[i];
        if (key->n == n && memcmp(key->chain_id, chain_id, CHAIN_ID_BYTES) == 0 &&
            !is_old(key->stored_ms, SKIPPED_KEY_LIFE_MS, now_ms)) {
            *index = i;
            return OK;
        }
    }
    return ERR_NOT_FOUND;
}

bool past_contains(const struct session *session, const uint8_t chain_id[CHAIN_ID_BYTES]) {
    for (size_t i = session->past_count; i-- > 0;) {
        if (memcmp(session->past[i].chain_id, chain_id, CHAIN_ID_BYTES) == 0) {
            return true;
        }
    }
    return false;
}

/** Moves a list of `count` items to memory for `need`; the old memory held secrets. */
static enum error grow(void **items, size_t size, size_t count, size_t need, size_t *capacity) {
    if (need <= *capacity) {
        return OK;
    }
    size_t larger = *capacity < LIST_FIRST ? LIST_FIRST : *capacity * 2;
    if (larger < need) {
        larger = need;
    }
    void *moved = calloc(larger, size);
    if (moved == NULL) {
        return ERR_MEMORY;
    }
    if (count > 0) {
        memcpy(moved, *items, count * size);
        wipe(*items, count * size);
    }
    free(*items);
    *items = moved;
    *capacity = larger;
    return OK;
}

must_check enum error lists_reserve(struct session *session, size_t skipped, size_t past) {
    void *items = session->skipped;
    enum error error = grow(&items, sizeof(*session->skipped), session->skipped_count,
                            session->skipped_count + skipped, &session->skipped_capacity);
    session->skipped = items;
    if (error != OK) {
        return error;
    }
    items = session->past;
    error = grow(&items, sizeof(*session->past), session->past_count, session->past_count + past,
                 &session->past_capacity);
    session->past = items;
    return error;
}

/** Drops the `count` oldest keys. */
static void skipped_drop(struct session *session, size_t count) {
    if (count > 0) {
        size_t left = session->skipped_count - count;
        memmove(session->skipped, session->skipped + count, left * sizeof(*session->skipped));
        wipe(session->skipped + left, count * sizeof(*session->skipped));
        session->skipped_count = left;
    }
}

static void past_drop(struct session *session, size_t count) {
    if (count > 0) {
        session->past_count -= count;
        memmove(session->past, session->past + count, session->past_count * sizeof(*session->past));
    }
}

void lists_expire(struct session *session, uint64_t now_ms, struct session_change *change) {
    size_t count = 0;
    while (count < session->skipped_count &&
           is_old(session->skipped[count].stored_ms, SKIPPED_KEY_LIFE_MS, now_ms)) {
        count++;
    }
    skipped_drop(session, count);
    change->dropped_skipped += count;

    count = 0;
    while (count < session->past_count &&
           is_old(session->past[count].ended_ms, SKIPPED_KEY_LIFE_MS, now_ms)) {
        count++;
    }
    past_drop(session, count);
    change->dropped_past += count;
}

void skipped_remove(struct session *session, size_t index, struct session_change *change) {
    require(index < session->skipped_count);
    struct skipped_key *key = &session->skipped[index];
    change->used_skipped = true;
    memcpy(change->used_chain, key->chain_id, CHAIN_ID_BYTES);
    change->used_n = key->n;
    session->skipped_count--;
    memmove(key, key + 1, (session->skipped_count - index) * sizeof(*key));
    wipe(&session->skipped[session->skipped_count], sizeof(*key));
}

void skipped_append(struct session *session, const struct skipped_key *keys, size_t count,
                    struct session_change *change) {
    if (count == 0) {
        return;
    }
    size_t kept = count < SKIP_MAX_MESSAGES ? count : (size_t)SKIP_MAX_MESSAGES;
    size_t total = session->skipped_count + kept;
    size_t dropped = total > SKIP_MAX_MESSAGES ? total - SKIP_MAX_MESSAGES : 0;
    require(session->skipped_count + kept <= session->skipped_capacity);
    skipped_drop(session, dropped);
    change->dropped_skipped += dropped;
    memcpy(session->skipped + session->skipped_count, keys + (count - kept), kept * sizeof(*keys));
    change->added = session->skipped + session->skipped_count;
    change->added_count = kept;
    session->skipped_count += kept;
}

void past_append(struct session *session, const struct past_chain *chain,
                 struct session_change *change) {
    require(session->past_count < session->past_capacity);
    if (session->past_count == PAST_CHAINS_MAX) {
        past_drop(session, 1);
        change->dropped_past++;
    }
    session->past[session->past_count++] = *chain;
    change->added_past = true;
}

void lists_clear(struct session *session) {
    wipe(session->skipped, session->skipped_count * sizeof(*session->skipped));
    free(session->skipped);
    free(session->past);
    session->skipped = NULL;
    session->past = NULL;
    session->skipped_count = session->skipped_capacity = 0;
    session->past_count = session->past_capacity = 0;
}

must_check enum error session_add_skipped(struct session *session, const struct skipped_key *key) {
    if (session->skipped_count == SKIP_MAX_MESSAGES) {
        return ERR_LIMIT;
    }
    enum error error = lists_reserve(session, 1, 0);
    if (error == OK) {
        session->skipped[session->skipped_count++] = *key;
    }
    return error;
}

must_check enum error session_add_past(struct session *session, const struct past_chain *chain) {
    if (session->past_count == PAST_CHAINS_MAX) {
        return ERR_LIMIT;
    }
    enum error error = lists_reserve(session, 0, 1);
    if (error == OK) {
        session->past[session->past_count++] = *chain;
    }
    return error;
}
