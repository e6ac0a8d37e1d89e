/* SPDX-License-Identifier: ISC */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "chance.h"

#include "base/require.h"

#include <openssl/rand.h>
#include <string.h>

enum { RSA_POOL = 2 };

/* OpenSSL's hook has no context: the one world of this process, and the pool that all of them
 * share. */
static struct chance *world;
static struct rsa_private rsa_pool[RSA_POOL];
static bool is_pool_made;
static uint32_t pool_next;

/* splitmix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014). */
static uint64_t next(uint64_t *state) {
    *state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = *state;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static enum error fill(void *context, uint8_t *out, size_t size) {
    struct chance *chance = context;
    for (size_t at = 0; at < size; at += 8) {
        uint8_t word[8];
        put_u64(word, next(&chance->entropy));
        memcpy(out + at, word, size - at < 8 ? size - at : 8);
    }
    return OK;
}

static int openssl_bytes(unsigned char *out, int size) {
    return fill(world, out, (size_t)size) == OK ? 1 : 0;
}

static int openssl_status(void) {
    return 1;
}

static const RAND_METHOD METHOD = {
    .bytes = openssl_bytes, .pseudorand = openssl_bytes, .status = openssl_status};

void chance_own_openssl(struct chance *chance) {
    struct chance pool;
    int rc = RAND_set_rand_method(&METHOD);
    require(rc == 1);
    if (!is_pool_made) {
        chance_init(&pool, 2048);
        world = &pool;
        for (size_t i = 0; i < RSA_POOL; i++) {
            enum error error = rsa_generate(&rsa_pool[i]);
            require(error == OK);
        }
        is_pool_made = true;
    }
    pool_next = 0;
    world = chance;
}

static enum error encapsulate(void *context, const uint8_t public_key[KEM_PUBLIC_BYTES],
                              uint8_t ciphertext[KEM_CIPHERTEXT_BYTES], struct secret_32 *shared) {
    struct secret_32 m;
    enum error error = fill(context, m.bytes, sizeof(m.bytes));
    return error == OK ? kem_encapsulate_with(public_key, &m, ciphertext, shared) : error;
}

static enum error encrypt(void *context, const uint8_t modulus[RSA_MODULUS_BYTES],
                          uint8_t ciphertext[RSA_CIPHERTEXT_BYTES], struct secret_32 *secret) {
    require(context == world);
    return rsa_encrypt(modulus, ciphertext, secret);
}

static enum error generate_rsa(void *context, struct rsa_private *key) {
    require(context == world);
    *key = rsa_pool[pool_next++ % RSA_POOL];
    return OK;
}

struct entropy chance_entropy(struct chance *chance) {
    return (struct entropy){.context = chance,
                            .fill = fill,
                            .encapsulate = encapsulate,
                            .encrypt = encrypt,
                            .generate_rsa = generate_rsa};
}

struct random_source chance_random(struct chance *chance) {
    return (struct random_source){.context = chance, .fill = fill};
}

void chance_init(struct chance *chance, uint64_t seed) {
    memset(chance, 0, sizeof(*chance));
    chance->state = seed;
    chance->entropy = ~seed;
}

void chance_note(struct chance *chance, const char *label, struct bytes bytes) {
    const struct bytes parts[] = {bytes_of(chance->trace), bytes_of_string(label), bytes};
    uint8_t trace[HASH_BYTES];
    enum error error = sha256(parts, 3, trace);
    require(error == OK);
    memcpy(chance->trace, trace, sizeof(trace));
}

uint32_t choose(struct chance *chance, const char *label, uint32_t n) {
    uint8_t choice[4];
    uint32_t chosen = (uint32_t)(next(&chance->state) % n);
    put_u32(choice, chosen);
    chance->decisions++;
    chance_note(chance, label, bytes_of(choice));
    return chosen;
}
