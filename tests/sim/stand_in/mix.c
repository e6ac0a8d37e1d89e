/* SPDX-License-Identifier: ISC */
#include "mix.h"

#include <string.h>

enum { LANES = 4, BLOCK_BYTES = 8 * LANES };

struct state {
    uint64_t lane[LANES];
    uint8_t block[BLOCK_BYTES];
    size_t held;
    uint64_t total;
};

/* The constants of splitmix64 (Steele, Lea, Flood, 2014). */
static uint64_t scramble(uint64_t z) {
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static void absorb(struct state *state, const uint8_t *block) {
    for (size_t i = 0; i < LANES; i++) {
        uint64_t word;
        memcpy(&word, block + 8 * i, sizeof(word));
        uint64_t x = (state->lane[i] ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        state->lane[i] = x ^ (x >> 29) ^ (x << 17);
    }
}

/* Every lane comes to depend on every other one. */
static void stir(struct state *state) {
    for (size_t round = 0; round < 2; round++) {
        for (size_t i = 0; i < LANES; i++) {
            state->lane[i] = scramble(state->lane[i] + UINT64_C(0x9e3779b97f4a7c15) * (i + 1) +
                                      state->lane[(i + 1) % LANES]);
        }
    }
}

static void update(struct state *state, struct bytes bytes) {
    const uint8_t *data = bytes.data;
    size_t size = bytes.size;
    state->total += size;
    while (size > 0) {
        if (state->held == 0 && size >= BLOCK_BYTES) {
            absorb(state, data);
            data += BLOCK_BYTES;
            size -= BLOCK_BYTES;
            continue;
        }
        size_t room = BLOCK_BYTES - state->held;
        size_t take = size < room ? size : room;
        memcpy(state->block + state->held, data, take);
        state->held += take;
        data += take;
        size -= take;
        if (state->held == BLOCK_BYTES) {
            absorb(state, state->block);
            state->held = 0;
        }
    }
}

static void finish(struct state *state, uint8_t *out, size_t size) {
    uint64_t counter = 0;
    memset(state->block + state->held, 0, BLOCK_BYTES - state->held);
    absorb(state, state->block);
    state->lane[0] ^= state->total;
    stir(state);
    for (size_t at = 0; at < size; at += 8) {
        uint64_t word =
            scramble(state->lane[(at / 8) % LANES] + counter * UINT64_C(0x9e3779b97f4a7c15));
        counter++;
        memcpy(out + at, &word, size - at < 8 ? size - at : 8);
    }
}

void mix(const char *label, const struct bytes *parts, size_t count, uint8_t *out, size_t size) {
    struct state state = {.lane = {1, 2, 3, 4}};
    update(&state, bytes_make(label, strlen(label) + 1));
    for (size_t i = 0; i < count; i++) {
        update(&state, parts[i]);
    }
    finish(&state, out, size);
}

void mix_two(const char *label, struct bytes a, struct bytes b, uint8_t *out, size_t size) {
    const struct bytes parts[] = {a, b};
    mix(label, parts, 2, out, size);
}
