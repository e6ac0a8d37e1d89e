/* SPDX-License-Identifier: ISC */
#include "session/ahead.h"

#include "base/require.h"

#include <stdlib.h>
#include <string.h>

enum { AHEAD_FIRST = 16 };

/** Room for `need` keys; the old memory held secrets. */
static enum error reserve(struct chain_ahead *ahead, size_t need) {
    if (need <= ahead->capacity) {
        return OK;
    }
    size_t larger = ahead->capacity < AHEAD_FIRST ? AHEAD_FIRST : 2 * ahead->capacity;
    if (larger < need) {
        larger = need;
    }
    struct secret_32 *moved = calloc(larger, sizeof(*moved));
    if (moved == NULL) {
        return ERR_MEMORY;
    }
    size_t count = ahead->count;
    if (count > 0) {
        memcpy(moved, ahead->keys, count * sizeof(*moved));
    }
    ahead_clear(ahead);
    *ahead = (struct chain_ahead){.keys = moved, .count = count, .capacity = larger};
    return OK;
}

const struct secret_32 *ahead_key(const struct chain_ahead *ahead, const struct chain *chain,
                                  uint32_t n) {
    require(n >= chain->next && n - chain->next <= ahead->count);
    return n == chain->next ? &chain->key : &ahead->keys[n - chain->next - 1];
}

must_check enum error ahead_reach(struct chain_ahead *ahead, const struct chain *chain,
                                  uint32_t n) {
    require(n >= chain->next && n - chain->next <= SKIP_MAX_MESSAGES);
    size_t need = n - chain->next;
    enum error error = reserve(ahead, need);
    while (error == OK && ahead->count < need) {
        struct secret_32 *next = &ahead->keys[ahead->count];
        *next = *ahead_key(ahead, chain, chain->next + (uint32_t)ahead->count);
        error = chain_step(next, NULL);
        if (error == OK) {
            ahead->count++;
        } else {
            secret_32_clear(next);
        }
    }
    return error;
}

void ahead_pass(struct chain_ahead *ahead, size_t count) {
    if (count >= ahead->count) {
        ahead_clear(ahead);
        return;
    }
    size_t left = ahead->count - count;
    memmove(ahead->keys, ahead->keys + count, left * sizeof(*ahead->keys));
    wipe(ahead->keys + left, count * sizeof(*ahead->keys));
    ahead->count = left;
}

void ahead_clear(struct chain_ahead *ahead) {
    if (ahead->keys != NULL) {
        wipe(ahead->keys, ahead->count * sizeof(*ahead->keys));
        free(ahead->keys);
    }
    memset(ahead, 0, sizeof(*ahead));
}
