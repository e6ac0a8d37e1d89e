/* SPDX-License-Identifier: ISC */
/* An attacker who recorded everything that travels, and later learns every secret of some kinds:
 * all RSA keys, all X25519 keys, all ML-KEM keys. What it does not know it guesses as zeros. It
 * runs the key schedule over the whole conversation and tries every message. With one kind left
 * unknown nothing may open; with all three known everything does, which shows that the attacker is
 * a real one. */
#include "replay.h"
#include "report.h"

#include <stdio.h>
#include <string.h>

struct attacker {
    const struct conversation *conversation;
    unsigned kinds;
    uint8_t th[HASH_BYTES];
    struct secret_32 root;
    struct chain chains[2];         /**< the latest of each sender */
    uint8_t dh[2][DH_PUBLIC_BYTES]; /**< the latest public ratchet key of each */
    struct place place;
};

/** Sets what is not known to zeros. */
static void guess(const struct attacker *attacker, unsigned kind, struct secret_32 *secret) {
    if ((attacker->kinds & kind) == 0) {
        memset(secret->bytes, 0, sizeof(secret->bytes));
    }
}

static void break_handshake(struct attacker *attacker) {
    const struct conversation *conversation = attacker->conversation;
    const struct recorded_handshake *recorded = &conversation->handshake;
    const struct device *b = &conversation->devices[RESPONDER];
    const struct recorded_prekey *set = prekey_find(b->sets, b->set_count, recorded->set_id);
    const struct recorded_prekey *one_time =
        prekey_find(b->one_times, b->one_time_count, recorded->one_time_id);
    struct handshake_secrets secrets = recorded->secrets;
    struct secret_32 prk;
    uint8_t sid[SESSION_ID_BYTES];
    for (size_t i = 0; i < 4; i++) {
        guess(attacker, REVEAL_X25519, &secrets.dh[i]);
    }
    guess(attacker, REVEAL_KEM, &secrets.ss_prekey);
    guess(attacker, REVEAL_KEM, &secrets.ss_identity);
    guess(attacker, REVEAL_RSA, &secrets.s_rsa);
    /* The transcript is public: HELLO and the objects that the server hands out. */
    const struct hello_tail *tail =
        (const struct hello_tail *)(recorded->hello + 2 + CERTIFICATE_BYTES);
    went_well(&attacker->place, "th",
              handshake_transcript(conversation->devices[INITIATOR].parsed.cid, tail,
                                   set->secret.hash, one_time ? one_time->secret.hash : NULL,
                                   attacker->th, sid));
    went_well(&attacker->place, "rk0",
              handshake_root(&secrets, attacker->th, &prk, &attacker->root));
    went_well(&attacker->place, "the public key of the set",
              dh_public(&set->secret.dh, attacker->dh[RESPONDER]));
    handshake_secrets_clear(&secrets);
    secret_32_clear(&prk);
}

/** A new chain: its header is public, its secrets as far as they are known. */
static void break_chain(struct attacker *attacker, const struct recorded_message *recorded,
                        const struct message *message) {
    const struct recorded_chain *chain = recorded->chain;
    struct chain_secrets secrets = {
        .has_ct = message->chain.ct != NULL,
        .ss_ct = chain->ct.shared,
        .has_auth = message->chain.auth_rsa != NULL,
        .s_rsa = chain->auth_s,
        .ss_kem = chain->auth_kem.shared,
    };
    went_well(&attacker->place, "dh",
              dh_derive(&chain->dh, attacker->dh[1 - recorded->sender], &secrets.dh));
    guess(attacker, REVEAL_X25519, &secrets.dh);
    guess(attacker, REVEAL_KEM, &secrets.ss_ct);
    guess(attacker, REVEAL_RSA, &secrets.s_rsa);
    guess(attacker, REVEAL_KEM, &secrets.ss_kem);

    struct chain *own = &attacker->chains[recorded->sender];
    own->next = 0;
    went_well(&attacker->place, "rk",
              chain_root(&attacker->root, &secrets, message->cth, &attacker->root, &own->key));
    memcpy(attacker->dh[recorded->sender], message->chain.dh, DH_PUBLIC_BYTES);
    chain_secrets_clear(&secrets);
}

/** Whether the message opens and is what was sent. */
static bool try_message(struct attacker *attacker, const struct recorded_message *recorded) {
    struct bytes wire = buffer_view(&recorded->wire);
    struct initial initial;
    struct message message;
    struct secret_32 key;
    struct buffer body;
    if (recorded->type == ENVELOPE_INITIAL) {
        went_well(&attacker->place, "wire", initial_parse(wire, &initial));
        wire = initial.full;
    }
    went_well(&attacker->place, "wire", message_parse(wire, &message));
    if (recorded->chain != NULL) {
        break_chain(attacker, recorded, &message);
    }
    went_well(&attacker->place, "mk", chain_step(&attacker->chains[recorded->sender].key, &key));
    buffer_init(&body, BODY_MAX_BYTES);
    enum session_role from = recorded->sender == INITIATOR ? SESSION_INITIATOR : SESSION_RESPONDER;
    enum error error = message_open(&key, attacker->th, from, &message, &body);
    if (error != OK && error != ERR_SIGNATURE) {
        differs(&attacker->place, "the attack failed (%s)", error_word(error));
    }
    bool is_open = error == OK && bytes_equal(buffer_view(&body), buffer_view(&recorded->body));
    buffer_clear(&body);
    secret_32_clear(&key);
    return is_open;
}

size_t reveal_messages(const char *file, const struct conversation *conversation, unsigned kinds) {
    struct attacker attacker = {
        .conversation = conversation,
        .kinds = kinds,
        .place = {.file = file, .at = "handshake"},
    };
    size_t opened = 0;
    break_handshake(&attacker);
    for (size_t i = 0; i < conversation->message_count; i++) {
        (void)snprintf(attacker.place.at, sizeof(attacker.place.at), "messages[%zu]", i);
        opened += try_message(&attacker, &conversation->messages[i]) ? 1 : 0;
    }
    wipe(&attacker, sizeof(attacker));
    return opened;
}
