/* SPDX-License-Identifier: ISC */
/* One recorded conversation of sotto/1 with every secret in it: docs/PROTOCOL.md section 6. */
#ifndef SOTTO_TESTS_VECTORS_CONVERSATION_H
#define SOTTO_TESTS_VECTORS_CONVERSATION_H

#include "session/card.h"
#include "session/handshake.h"
#include "session/message.h"

enum {
    PREKEYS_MAX = 8,    /**< of a kind, per device in a file */
    DELIVERIES_MAX = 8, /**< after one send */
    REFUSE_NAME_MAX = 63,
    SAFETY_DIGITS = 60,
    INITIATOR = 0, /**< index of a device: its role */
    RESPONDER = 1,
    MESSAGES_MAX = 10000,
};

/** A prekey set or a one-time prekey: both halves. */
struct recorded_prekey {
    struct prekey_secret secret;
    uint64_t created_ms; /**< sets only */
    uint8_t object[PREKEY_SET_BYTES];
    size_t size;
};

struct device {
    char key[NAME_MAX_BYTES + 1]; /**< what the file calls it */
    struct account_keys account;
    struct device_keys keys;
    uint8_t certificate[CERTIFICATE_BYTES];
    struct certificate parsed;
    uint8_t cid[HASH_BYTES];
    uint8_t afp[HASH_BYTES];
    uint64_t now_ms;
    struct recorded_prekey sets[PREKEYS_MAX];
    size_t set_count;
    struct recorded_prekey one_times[PREKEYS_MAX];
    size_t one_time_count;
};

struct recorded_handshake {
    uint32_t set_id;
    uint32_t one_time_id;
    struct secret_32 ek;
    struct handshake_secrets secrets;
    uint8_t th[HASH_BYTES];
    uint8_t sid[SESSION_ID_BYTES];
    struct secret_32 prk;
    struct secret_32 root;
    uint8_t hello[HELLO_BYTES];
};

/** An encapsulation as a whole: what OpenSSL draws inside. */
struct encapsulation {
    uint8_t ciphertext[KEM_CIPHERTEXT_BYTES];
    struct secret_32 shared;
};

/** The randomness of one sending chain. */
struct recorded_chain {
    struct secret_32 dh;
    bool has_ek;
    struct secret_64 ek;
    bool has_ct;
    struct encapsulation ct;
    bool has_auth;
    uint8_t auth_rsa[RSA_CIPHERTEXT_BYTES];
    struct secret_32 auth_s;
    struct encapsulation auth_kem;
};

enum outcome { OUTCOME_OK, OUTCOME_WAIT, OUTCOME_REFUSED };
const char *outcome_word(enum outcome outcome);

struct delivery {
    size_t message;
    enum outcome outcome;
};

struct recorded_message {
    size_t sender;
    uint8_t type;
    uint32_t n;
    struct secret_32 root;
    struct secret_32 message_key;
    struct message_keys keys;
    uint8_t iv[CBC_IV_BYTES];
    struct buffer body;
    struct buffer wire;
    struct recorded_chain *chain; /**< heap; NULL within a chain */
    struct delivery deliveries[DELIVERIES_MAX];
    size_t delivery_count;
};

struct refusal {
    char name[REFUSE_NAME_MAX + 1];
    struct buffer wire;
};

struct conversation {
    struct device devices[2];
    struct recorded_handshake handshake;
    struct recorded_message *messages;
    size_t message_count;
    struct refusal *refusals;
    size_t refusal_count;
    char safety[SAFETY_DIGITS + 1];
};

/** A conversation on the heap, empty. Ends the program when memory is short. */
struct conversation *conversation_new(void);
void conversation_free(struct conversation *conversation);

/** Adds one and returns it, empty; ends the program when memory is short. */
struct recorded_message *conversation_add_message(struct conversation *conversation);
struct refusal *conversation_add_refusal(struct conversation *conversation, const char *name);

/** Reads a file; on failure prints where and ends the program with 1. */
struct conversation *conversation_read(const char *path);

/** Writes a file; on failure prints why and ends the program with 1. */
void conversation_write(const struct conversation *conversation, const char *path);

/** The prekey with that id, or NULL. */
const struct recorded_prekey *prekey_find(const struct recorded_prekey *prekeys, size_t count,
                                          uint32_t id);

#endif
