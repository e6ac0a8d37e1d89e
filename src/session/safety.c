/* SPDX-License-Identifier: ISC */
/* Safety numbers. docs/PROTOCOL.md 1.11. */
#include "session/card.h"
#include "session/suite.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    SAFETY_ROUNDS = 5200,
    SAFETY_GROUPS = 6,
    SAFETY_GROUP_DIGITS = 5,
    SAFETY_HALF = SAFETY_GROUPS * SAFETY_GROUP_DIGITS,
};

/** One account's half: six groups of five digits from 5200 hashes. */
static enum error half_number(const struct certificate *certificate, char out[SAFETY_HALF + 1]) {
    uint8_t key[SHA512_BYTES];
    uint8_t value[SHA512_BYTES];
    const struct bytes keys[] = {lb(LABEL_SAFETY_KEY), bytes_of(certificate->account_ed25519),
                                 bytes_of(certificate->account_mldsa)};
    enum error error = sha512(keys, 3, key);
    const struct bytes seed[] = {lb(LABEL_SAFETY), bytes_of(key),
                                 bytes_make(certificate->name.text, NAME_MAX_BYTES)};
    /* The first round hashes seed || seed: v begins as the seed itself. */
    if (error == OK) {
        const struct bytes first[] = {seed[0], seed[1], seed[2], seed[0], seed[1], seed[2]};
        error = sha512(first, 6, value);
    }
    for (int i = 1; i < SAFETY_ROUNDS && error == OK; i++) {
        const struct bytes round[] = {bytes_of(value), seed[0], seed[1], seed[2]};
        error = sha512(round, 4, value);
    }
    for (size_t i = 0; i < SAFETY_GROUPS && error == OK; i++) {
        const uint8_t *at = value + 5 * i;
        uint64_t number = ((uint64_t)at[0] << 32) | get_u32(at + 1);
        (void)snprintf(out + SAFETY_GROUP_DIGITS * i, SAFETY_GROUP_DIGITS + 1, "%05" PRIu64,
                       number % 100000);
    }
    return error;
}

must_check enum error safety_number(const struct certificate *a, const struct certificate *b,
                                    char *out) {
    char halves[2][SAFETY_HALF + 1];
    enum error error = half_number(a, halves[0]);
    if (error == OK) {
        error = half_number(b, halves[1]);
    }
    if (error == OK) {
        size_t low = strcmp(halves[0], halves[1]) <= 0 ? 0 : 1;
        memcpy(out, halves[low], SAFETY_HALF);
        memcpy(out + SAFETY_HALF, halves[1 - low], SAFETY_HALF + 1);
    }
    return error;
}
