/* SPDX-License-Identifier: ISC */
/* Randomness out of a record, and the other way round. */
#ifndef SOTTO_TESTS_VECTORS_RECORDED_H
#define SOTTO_TESTS_VECTORS_RECORDED_H

#include "conversation.h"

/** What one call may draw. Each part is handed out once; nothing else is random. Sizes tell the
 * parts apart: 4 bytes are an id, 16 an IV, 32 an X25519 key, 64 an ML-KEM seed. */
struct recorded {
    const uint8_t *id;
    const uint8_t *iv;
    const struct secret_32 *dh;
    const struct secret_64 *kem;
    const struct encapsulation *encapsulations[2]; /**< in the order in which they are made */
    const uint8_t *rsa;
    const struct secret_32 *s;
};

/** Entropy that hands `recorded` out; ERR_RANDOM for what is not there or was handed out before. */
struct entropy entropy_recorded(struct recorded *recorded);

/** The parts of a message: its IV and, where it opens a chain, that of the chain. */
struct recorded recorded_of_message(const struct recorded_message *message);
/** The parts of a handshake; the encapsulations are borrowed from `ct` (identity, prekey). */
struct recorded recorded_of_handshake(const struct recorded_handshake *handshake,
                                      struct encapsulation ct[2]);

/** The first part that nobody drew, or NULL. */
const char *recorded_left(const struct recorded *recorded);

/** Entropy that draws from OpenSSL and writes down what it drew. */
struct recording {
    uint8_t id[4];
    uint8_t iv[CBC_IV_BYTES];
    struct secret_32 dh;
    bool has_kem;
    struct secret_64 kem;
    size_t encapsulation_count;
    struct encapsulation encapsulations[2];
    bool has_rsa;
    uint8_t rsa[RSA_CIPHERTEXT_BYTES];
    struct secret_32 s;
};
struct entropy entropy_recording(struct recording *recording);

#endif
