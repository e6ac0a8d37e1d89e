/* SPDX-License-Identifier: ISC */
/* A good first message spoilt in one place each. */
#include "replay.h"
#include "report.h"

#include <stdio.h>
#include <string.h>

/** Where a byte is flipped. */
struct flip {
    const char *name;
    size_t at;
    uint8_t mask;
};

enum {
    TAIL = 2 + CERTIFICATE_BYTES,
    FULL = HELLO_BYTES,
    HEADER = FULL + 2 + SESSION_ID_BYTES,
    EK = HEADER + 1 + DH_PUBLIC_BYTES + 4,
    N = EK + KEM_PUBLIC_BYTES,
    IV = N + 4,
    CIPHER = IV + CBC_IV_BYTES,
};

static const struct flip FLIPS[] = {
    {"suite", 0, 0x02},
    {"type", 1, 0x01},
    {"cert username", 2 + 26, 0x01},
    {"cert ml-dsa signature", 2 + CERTIFICATE_BYTES - 100, 0x01},
    {"cid_B", TAIL + 5, 0x01},
    {"set id", TAIL + 32 + 3, 0x40},
    {"otk id", TAIL + 36 + 3, 0x40},
    {"EK_A", TAIL + 40 + 3, 0x01},
    {"EK_A high bit", TAIL + 40 + 31, 0x80},
    {"ctR", TAIL + 72 + 9, 0x01},
    {"ctI", TAIL + 328 + 9, 0x01},
    {"ctP", TAIL + 1416 + 9, 0x01},
    {"sid", FULL + 2, 0x01},
    {"flags", HEADER, 0x01},
    {"ratchet key", HEADER + 1, 0x01},
    {"pn", HEADER + 1 + DH_PUBLIC_BYTES + 3, 0x01},
    {"ek", EK + 7, 0x01},
    {"n", N + 3, 0x01},
    {"iv", IV, 0x01},
    {"ciphertext", CIPHER + 11, 0x01},
};

static struct refusal *add(struct conversation *conversation, const char *name) {
    const struct place place = {.file = "sotto-vectors", .at = "refuse"};
    struct refusal *refusal = conversation_add_refusal(conversation, name);
    went_well(&place, "a refusal",
              buffer_append(&refusal->wire, buffer_view(&conversation->messages[0].wire)));
    return refusal;
}

void generate_refusals(struct conversation *conversation,
                       const uint8_t other_certificate[CERTIFICATE_BYTES]) {
    const struct place place = {.file = "sotto-vectors", .at = "refuse"};
    char name[REFUSE_NAME_MAX + 1];
    for (size_t i = 0; i < sizeof(FLIPS) / sizeof(FLIPS[0]); i++) {
        (void)snprintf(name, sizeof(name), "initial, flipped: %s", FLIPS[i].name);
        uint8_t *byte = &add(conversation, name)->wire.data[FLIPS[i].at];
        *byte = (uint8_t)(*byte ^ FLIPS[i].mask);
    }
    struct refusal *refusal = add(conversation, "initial, flipped: tag");
    uint8_t *last = &refusal->wire.data[refusal->wire.size - 1];
    *last = (uint8_t)(*last ^ 0x01);
    add(conversation, "initial, truncated")->wire.size--;
    refusal = add(conversation, "initial, one byte more");
    went_well(&place, "a refusal", buffer_append(&refusal->wire, bytes_make("", 1)));
    refusal = add(conversation, "initial, sender certificate of another account");
    memcpy(refusal->wire.data + 2, other_certificate, CERTIFICATE_BYTES);
}
