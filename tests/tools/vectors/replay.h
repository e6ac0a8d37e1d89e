/* SPDX-License-Identifier: ISC */
/* The commands of sotto-vectors. Each ends the program with 1, and the place, where something
 * differs. */
#ifndef SOTTO_TESTS_VECTORS_REPLAY_H
#define SOTTO_TESTS_VECTORS_REPLAY_H

#include "conversation.h"

/** Checks the keys and objects of both devices, safety number and fingerprints; fills what the file
 * does not state (parsed certificates, hashes and times of prekeys). */
void replay_devices(const char *file, struct conversation *conversation);

/** Plays the conversation on both sides. */
void replay_messages(const char *file, const struct conversation *conversation);

/** Offers every bad first message to a fresh device. */
void replay_refusals(const char *file, const struct conversation *conversation);

/** Kinds of secrets that an attacker is given. */
enum reveal {
    REVEAL_RSA = 1,
    REVEAL_X25519 = 2,
    REVEAL_KEM = 4,
    REVEAL_ALL = REVEAL_RSA | REVEAL_X25519 | REVEAL_KEM,
};

/** How many messages open for an attacker who has everything public and all secrets of these kinds.
 */
size_t reveal_messages(const char *file, const struct conversation *conversation, unsigned kinds);

/** A fresh conversation of `count` messages, with or without a one-time prekey. */
struct conversation *generate_conversation(size_t count, bool is_last_resort);

/** First messages that must be refused, made from the good one and another account's certificate.
 */
void generate_refusals(struct conversation *conversation,
                       const uint8_t other_certificate[CERTIFICATE_BYTES]);

#endif
