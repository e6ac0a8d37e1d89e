/* SPDX-License-Identifier: ISC */
/* Everything that happens by chance in a simulated world comes from here: one seed, one world. */
#ifndef SOTTO_TESTS_SIM_CHANCE_H
#define SOTTO_TESTS_SIM_CHANCE_H

#include "crypto/entropy.h"
#include "crypto/kdf.h"

struct chance {
    uint64_t state;            /**< of the decisions */
    uint64_t entropy;          /**< of the random bytes: how many are drawn changes no decision */
    uint8_t trace[HASH_BYTES]; /**< over every decision and every byte moved */
    uint64_t decisions;
};

void chance_init(struct chance *chance, uint64_t seed);

/** One of 0 to n - 1; 0 stands for "no fault, first, shortest". */
uint32_t choose(struct chance *chance, const char *label, uint32_t n);

/** Adds what happened to the trace. */
void chance_note(struct chance *chance, const char *label, struct bytes bytes);

/** Random bytes, encapsulations and RSA encryptions of this world. RSA keys come from a pool that
 * the process makes once from a fixed seed. */
struct entropy chance_entropy(struct chance *chance);
struct random_source chance_random(struct chance *chance);

/** OpenSSL's own random bytes come from `chance` from now on: what it draws inside RSA-OAEP and
 * ML-DSA is part of the world too. One world at a time. */
void chance_own_openssl(struct chance *chance);

#endif
