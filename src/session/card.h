/* SPDX-License-Identifier: ISC */
/* What people hand to each other: join links, cards, safety numbers, pins. docs/PROTOCOL.md 1.11.
 *
 * A pin is the first 130 bits of SHA-256 over the server's SubjectPublicKeyInfo, 26 characters of
 * base 32. Link   sotto://HOST[:PORT]/PAYLOAD, PAYLOAD = pin 26 || token 16 || check 2 Card
 * sotto-card:1:NAME@HOST[:PORT]:FINGERPRINT:CHECK, FINGERPRINT = first 130 bits of afp check =
 * first 10 bits of SHA-256 over "sotto-link:" or "sotto-card:" and the canonical text before it. */
#ifndef SOTTO_SESSION_CARD_H
#define SOTTO_SESSION_CARD_H

#include "session/certificate.h"

enum {
    PIN_BITS = 130,
    PIN_BYTES = 17, /**< 130 bits; the low 6 bits of the last byte are zero */
    PIN_CHARACTERS = 26,
    TOKEN_CHARACTERS = 16,
    CHECK_CHARACTERS = 2,
    LINK_MAX_CHARACTERS = 8 + HOST_MAX_BYTES + 2 + 6 + 1 + 44,
    CARD_MAX_CHARACTERS = 13 + NAME_MAX_BYTES + 1 + HOST_MAX_BYTES + 2 + 6 + 1 + 26 + 1 + 2,
};

/** HOST[:PORT]; an IPv6 address stands in brackets in text and without them here. */
struct server_address {
    char host[HOST_MAX_BYTES + 1];
    uint16_t port; /**< DEFAULT_PORT when the text has none */
};
/** Reads HOST, HOST:PORT, [V6], [V6]:PORT. Letters of the host are folded to lower case.
 * ERR_MALFORMED. */
must_check enum error server_address_parse(struct bytes text, struct server_address *address);
/** Canonical text: always with the port. `size` at least HOST_MAX_BYTES + 9. */
void server_address_print(const struct server_address *address, char *out, size_t size);

struct join_link {
    struct server_address server;
    uint8_t pin[PIN_BYTES];
    uint8_t token[INVITE_TOKEN_BYTES];
};
/** ERR_MALFORMED: not of a link's form. ERR_LINK_MISTYPED: the check characters do not fit. */
must_check enum error join_link_parse(struct bytes text, struct join_link *link);
must_check enum error join_link_print(const struct join_link *link, char *out, size_t size);

struct card {
    struct user_name name;
    struct server_address server;
    uint8_t fingerprint[PIN_BYTES];
};
/** Surrounding white space is ignored. ERR_MALFORMED, ERR_CARD_MISTYPED. */
must_check enum error card_parse(struct bytes text, struct card *card);
must_check enum error card_print(const struct card *card, char *out, size_t size);

/** The first PIN_BITS of a 32-byte hash, as pins and card fingerprints carry it. */
void pin_of_hash(const uint8_t hash[HASH_BYTES], uint8_t pin[PIN_BYTES]);
/** "7QK4-V2TM-…": a pin in groups of four; `out` holds at least 40 characters. */
void pin_print(const uint8_t pin[PIN_BYTES], char *out, size_t size);

/** The 60-digit safety number of two accounts, the same for both (1.11); `out` holds 61 characters.
 */
must_check enum error safety_number(const struct certificate *a, const struct certificate *b,
                                    char *out);

#endif
