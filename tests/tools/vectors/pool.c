/* SPDX-License-Identifier: ISC */
/* Keys and randomness of the random conversations. */
#include "random.h"

#include <stdio.h>
#include <string.h>

void pool_make(const struct place *place, struct pool *pool) {
    struct entropy system = entropy_system();
    for (size_t i = 0; i < POOL_ACCOUNTS; i++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "user%zu", i);
        went_well(place, "a name", user_name_parse(bytes_of_string(name), &pool->names[i]));
        went_well(place, "an account", account_keys_generate(&system, &pool->accounts[i]));
    }
    for (size_t i = 0; i < POOL_DEVICES; i++) {
        went_well(place, "a device", device_keys_generate(&system, &pool->devices[i]));
        went_well(place, "its keys", device_pairs_new(&pool->devices[i], &pool->pairs[i]));
        size_t account = i / EPOCHS;
        went_well(place, "its certificate",
                  certificate_make(&pool->accounts[account], &pool->devices[i],
                                   &pool->names[account], (uint32_t)(i % EPOCHS) + 1,
                                   RANDOM_BEGIN_MS, pool->certificates[i]));
    }
}

void pool_clear(struct pool *pool) {
    for (size_t i = 0; i < POOL_ACCOUNTS; i++) {
        account_keys_clear(&pool->accounts[i]);
    }
    for (size_t i = 0; i < POOL_DEVICES; i++) {
        device_pairs_free(pool->pairs[i]);
        device_keys_clear(&pool->devices[i]);
    }
}

/** splitmix64 */
static uint64_t next(struct chance *chance) {
    uint64_t z = chance->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

size_t chance_below(struct chance *chance, size_t bound) {
    return (size_t)(next(chance) % bound);
}

bool chance_of(struct chance *chance, size_t percent) {
    return chance_below(chance, 100) < percent;
}

static enum error fill(void *context, uint8_t *out, size_t size) {
    for (size_t i = 0; i < size; i++) {
        out[i] = (uint8_t)(next(context) >> 24);
    }
    return OK;
}

static enum error encapsulate(void *context, const uint8_t public_key[KEM_PUBLIC_BYTES],
                              uint8_t ciphertext[KEM_CIPHERTEXT_BYTES], struct secret_32 *shared) {
    struct secret_32 m;
    enum error error = fill(context, m.bytes, sizeof(m.bytes));
    return error == OK ? kem_encapsulate_with(public_key, &m, ciphertext, shared) : error;
}

static enum error encrypt(void *context, const uint8_t modulus[RSA_MODULUS_BYTES],
                          uint8_t ciphertext[RSA_CIPHERTEXT_BYTES], struct secret_32 *secret) {
    struct chance *chance = context;
    struct taped *taped;
    if (chance->is_replay) {
        if (chance->played == chance->taped) {
            differs(chance->place, "an RSA encryption that was not made before");
        }
        taped = &chance->tape[chance->played++];
        memcpy(ciphertext, taped->ciphertext, RSA_CIPHERTEXT_BYTES);
        *secret = taped->secret;
        return OK;
    }
    if (chance->taped == TAPE_MAX) {
        differs(chance->place, "too many RSA encryptions");
    }
    enum error error = rsa_encrypt(modulus, ciphertext, secret);
    taped = &chance->tape[chance->taped++];
    memcpy(taped->ciphertext, ciphertext, RSA_CIPHERTEXT_BYTES);
    taped->secret = *secret;
    return error;
}

static enum error no_rsa_key(void *context, struct rsa_private *key) {
    (void)context;
    (void)key;
    return ERR_RANDOM; /* keys come from the pool */
}

struct entropy chance_entropy(struct chance *chance) {
    return (struct entropy){
        .context = chance,
        .fill = fill,
        .encapsulate = encapsulate,
        .encrypt = encrypt,
        .generate_rsa = no_rsa_key,
    };
}
