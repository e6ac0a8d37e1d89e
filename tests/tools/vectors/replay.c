/* SPDX-License-Identifier: ISC */
/* Plays a conversation on both sides with its own randomness, and compares every byte and key. */
#include "replay.h"

#include "recorded.h"
#include "report.h"
#include "session/receive.h"
#include "session/send.h"
#include "side.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct replay {
    const struct conversation *conversation;
    struct side sides[2];
    struct place place;
};

static struct bytes secret_view(const struct secret_32 *secret) {
    return bytes_make(secret->bytes, sizeof(secret->bytes));
}

/** Compares the secrets of 1.5 with the file's. */
static void same_secrets(const struct place *place, const struct handshake_secrets *have,
                         const struct handshake_secrets *want) {
    static const char *const DH[] = {"dh1", "dh2", "dh3", "dh4"};
    for (size_t i = 0; i < 4; i++) {
        same_bytes(place, DH[i], secret_view(&have->dh[i]), secret_view(&want->dh[i]));
    }
    same_bytes(place, "ss_prekey", secret_view(&have->ss_prekey), secret_view(&want->ss_prekey));
    same_bytes(place, "ss_identity", secret_view(&have->ss_identity),
               secret_view(&want->ss_identity));
    same_bytes(place, "s_rsa", secret_view(&have->s_rsa), secret_view(&want->s_rsa));
}

/** th, sid, prk and rk0 from the secrets of one side. */
static void same_root(const struct place *place, const struct conversation *conversation,
                      const struct hello_tail *tail, const struct handshake_secrets *secrets) {
    const struct recorded_handshake *recorded = &conversation->handshake;
    const struct device *b = &conversation->devices[RESPONDER];
    const struct recorded_prekey *set = prekey_find(b->sets, b->set_count, recorded->set_id);
    const struct recorded_prekey *one_time =
        prekey_find(b->one_times, b->one_time_count, recorded->one_time_id);
    uint8_t th[HASH_BYTES];
    uint8_t sid[SESSION_ID_BYTES];
    struct secret_32 prk;
    struct secret_32 root;
    went_well(place, "th",
              handshake_transcript(conversation->devices[INITIATOR].parsed.cid, tail,
                                   set->secret.hash, one_time ? one_time->secret.hash : NULL, th,
                                   sid));
    went_well(place, "rk0", handshake_root(secrets, th, &prk, &root));
    same_bytes(place, "th", bytes_of(th), bytes_of(recorded->th));
    same_bytes(place, "sid", bytes_of(sid), bytes_of(recorded->sid));
    same_bytes(place, "prk", secret_view(&prk), secret_view(&recorded->prk));
    same_bytes(place, "rk0", secret_view(&root), secret_view(&recorded->root));
    secret_32_clear(&prk);
    secret_32_clear(&root);
}

/** B's bundle as A fetches it. */
static void make_bundle(const struct place *place, const struct conversation *conversation,
                        struct bundle *bundle) {
    const struct device *b = &conversation->devices[RESPONDER];
    const struct recorded_handshake *recorded = &conversation->handshake;
    const struct recorded_prekey *set = prekey_find(b->sets, b->set_count, recorded->set_id);
    const struct recorded_prekey *one_time =
        prekey_find(b->one_times, b->one_time_count, recorded->one_time_id);
    uint8_t bytes[CERTIFICATE_BYTES + PREKEY_SET_BYTES + ONE_TIME_PREKEY_BYTES];
    size_t size = CERTIFICATE_BYTES + PREKEY_SET_BYTES;
    if (set == NULL || (one_time == NULL && recorded->one_time_id != 0)) {
        differs(place, "the responder has no such prekeys");
    }
    memcpy(bytes, b->certificate, CERTIFICATE_BYTES);
    memcpy(bytes + CERTIFICATE_BYTES, set->object, PREKEY_SET_BYTES);
    if (one_time != NULL) {
        memcpy(bytes + size, one_time->object, ONE_TIME_PREKEY_BYTES);
        size += ONE_TIME_PREKEY_BYTES;
    }
    went_well(place, "the bundle",
              bundle_verify(bytes_make(bytes, size), &b->parsed.name, b->now_ms, b->afp, bundle));
}

/** A's half: the secrets, then the session itself from the same randomness, then HELLO. */
static void start(struct replay *replay) {
    const struct conversation *conversation = replay->conversation;
    const struct recorded_handshake *recorded = &conversation->handshake;
    struct side *a = &replay->sides[INITIATOR];
    struct place *place = &replay->place;
    struct bundle *bundle = calloc(1, sizeof(*bundle));
    struct encapsulation ct[2];
    struct hello_tail tail;
    struct handshake_secrets secrets;
    (void)snprintf(place->at, sizeof(place->at), "handshake (initiator)");
    if (bundle == NULL) {
        differs(place, "out of memory");
    }
    make_bundle(place, conversation, bundle);

    struct recorded draws = recorded_of_handshake(recorded, ct);
    struct entropy entropy = entropy_recorded(&draws);
    went_well(place, "the handshake",
              handshake_initiate(&a->device->keys, bundle, &entropy, &tail, &secrets));
    same_secrets(place, &secrets, &recorded->secrets);
    same_root(place, conversation, &tail, &secrets);
    handshake_secrets_clear(&secrets);

    draws = recorded_of_handshake(recorded, ct);
    went_well(place, "session_start",
              session_start(&a->own, bundle, &entropy, a->device->now_ms, &a->session));
    a->has_session = true;
    uint8_t hello[HELLO_BYTES];
    memcpy(hello, a->session.hello, 2);
    memcpy(hello + 2, a->device->certificate, CERTIFICATE_BYTES);
    memcpy(hello + 2 + CERTIFICATE_BYTES, a->session.hello + 2, sizeof(a->session.hello) - 2);
    same_bytes(place, "hello", bytes_of(hello), bytes_of(recorded->hello));
    same_bytes(place, "sid", bytes_of(a->session.sid), bytes_of(recorded->sid));
    same_bytes(place, "rk0", secret_view(&a->session.root), secret_view(&recorded->root));
    wipe(ct, sizeof(ct));
    free(bundle);
}

/** B's half of the secrets: the recorded ciphertexts decrypt to the recorded secrets. */
static void respond(struct replay *replay) {
    const struct conversation *conversation = replay->conversation;
    struct side *b = &replay->sides[RESPONDER];
    struct place *place = &replay->place;
    const struct recorded_prekey *set = NULL;
    const struct recorded_prekey *one_time = NULL;
    struct handshake_secrets secrets;
    struct initial initial;
    (void)snprintf(place->at, sizeof(place->at), "handshake (responder)");
    if (conversation->message_count == 0) {
        differs(place, "there is no message");
    }
    went_well(place, "the first message",
              initial_parse(buffer_view(&conversation->messages[0].wire), &initial));
    went_well(place, "the keys it names", side_find_keys(b, &initial, &set, &one_time));
    const struct hello_tail *tail =
        (const struct hello_tail *)(initial.hello.data + 2 + CERTIFICATE_BYTES);
    went_well(place, "the handshake",
              handshake_respond(&b->own, &conversation->devices[INITIATOR].parsed, tail,
                                &set->secret, one_time == NULL ? NULL : &one_time->secret,
                                &secrets));
    same_secrets(place, &secrets, &conversation->handshake.secrets);
    same_root(place, conversation, tail, &secrets);
    handshake_secrets_clear(&secrets);
}

/** The keys of the next message, before it is sealed. */
static void same_sending_keys(const struct replay *replay, const struct side *side,
                              const struct recorded_message *message) {
    const struct place *place = &replay->place;
    struct recorded draws = recorded_of_message(message);
    struct entropy entropy = entropy_recorded(&draws);
    struct sending_step step;
    struct message_keys keys;
    went_well(place, "the sending step",
              sending_step_make(&side->session, &entropy, side->device->now_ms, &step));
    same_number(place, "n", step.n, message->n);
    if (step.is_new != (message->chain != NULL)) {
        differs(place, step.is_new ? "a chain begins here and the file has none"
                                   : "the file begins a chain and none begins here");
    }
    same_bytes(place, "rk", secret_view(step.is_new ? &step.root : &side->session.root),
               secret_view(&message->root));
    same_bytes(place, "mk", secret_view(&step.message_key), secret_view(&message->message_key));
    went_well(place, "the message keys", message_keys_derive(&step.message_key, step.n, &keys));
    same_bytes(place, "enc_key", secret_view(&keys.encrypt), secret_view(&message->keys.encrypt));
    same_bytes(place, "mac_key", secret_view(&keys.authenticate),
               secret_view(&message->keys.authenticate));
    sending_step_clear(&step);
    message_keys_clear(&keys);
}

static void send(struct replay *replay, size_t index) {
    const struct recorded_message *message = &replay->conversation->messages[index];
    struct side *side = &replay->sides[message->sender];
    struct place *place = &replay->place;
    (void)snprintf(place->at, sizeof(place->at), "messages[%zu] (%s sends)", index,
                   side->device->key);
    if (!side->has_session) {
        differs(place, "the sender has no session yet");
    }
    side_store(place, side);
    same_sending_keys(replay, side, message);

    struct recorded draws = recorded_of_message(message);
    struct entropy entropy = entropy_recorded(&draws);
    struct buffer wire;
    uint8_t chain_id[CHAIN_ID_BYTES];
    uint32_t n = 0;
    buffer_init(&wire, ENVELOPE_MAX_BYTES);
    went_well(place, "session_seal",
              session_seal(&side->session, &side->own, &entropy, side->device->now_ms,
                           buffer_view(&message->body), &wire, chain_id, &n));
    const char *left = recorded_left(&draws);
    if (left != NULL) {
        differs(place, "the file has %s that the rules do not call for", left);
    }
    same_bytes(place, "wire", buffer_view(&wire), buffer_view(&message->wire));
    same_number(place, "type", wire.data[1], message->type);
    buffer_clear(&wire);
}

/** The recorded encapsulations of a chain are for the keys of who receives it. */
static void same_encapsulations(const struct place *place, const struct side *side,
                                const struct recorded_chain *chain) {
    struct secret_32 opened;
    if (!chain->has_auth) {
        return;
    }
    went_well(place, "auth_ct_rsa", rsa_decrypt(&side->device->keys.rsa, chain->auth_rsa, &opened));
    same_bytes(place, "auth_s_rsa", secret_view(&opened), secret_view(&chain->auth_s));
    went_well(place, "auth_ct_kem",
              kem_decapsulate(&side->device->keys.kem, chain->auth_kem.ciphertext, &opened));
    same_bytes(place, "auth_ss_kem", secret_view(&opened), secret_view(&chain->auth_kem.shared));
    secret_32_clear(&opened);
}

static void deliver(struct replay *replay, size_t after, const struct delivery *delivery) {
    const struct recorded_message *message = &replay->conversation->messages[delivery->message];
    struct side *side = &replay->sides[1 - message->sender];
    struct place *place = &replay->place;
    struct received received;
    struct buffer body;
    (void)snprintf(place->at, sizeof(place->at), "messages[%zu] (to %s, after messages[%zu])",
                   delivery->message, side->device->key, after);
    side_store(place, side);
    if (message->chain != NULL) {
        same_encapsulations(place, side, message->chain);
    }
    buffer_init(&body, BODY_MAX_BYTES);
    enum error error = side_receive(side, buffer_view(&message->wire), &body, &received);
    if (outcome_of(error) != delivery->outcome) {
        differs(place, "deliver is %s in the file and %s here (%s)",
                outcome_word(delivery->outcome), outcome_word(outcome_of(error)),
                error_word(error));
    }
    if (error == OK) {
        same_bytes(place, "body", buffer_view(&body), buffer_view(&message->body));
    }
    if (error == OK && received.has_keys) {
        same_bytes(place, "mk", secret_view(&received.message_key),
                   secret_view(&message->message_key));
    }
    if (error == OK && received.has_root) {
        same_bytes(place, "rk", secret_view(&received.root), secret_view(&message->root));
    }
    wipe(&received, sizeof(received));
    buffer_clear(&body);
}

void replay_messages(const char *file, const struct conversation *conversation) {
    struct replay replay = {.conversation = conversation, .place = {.file = file}};
    side_init(&replay.sides[INITIATOR], &conversation->devices[INITIATOR]);
    side_init(&replay.sides[RESPONDER], &conversation->devices[RESPONDER]);
    start(&replay);
    respond(&replay);
    for (size_t i = 0; i < conversation->message_count; i++) {
        const struct recorded_message *message = &conversation->messages[i];
        send(&replay, i);
        for (size_t j = 0; j < message->delivery_count; j++) {
            deliver(&replay, i, &message->deliveries[j]);
        }
    }
    side_clear(&replay.sides[INITIATOR]);
    side_clear(&replay.sides[RESPONDER]);
}

/** Whether nothing of a session is there. */
static bool is_untouched(const struct session *session) {
    static const struct session EMPTY;
    return memcmp(session, &EMPTY, sizeof(EMPTY)) == 0;
}

/** Offers `wire` to a fresh device and returns what it says; a refusal leaves nothing behind. */
static enum error offer(const struct place *place, const struct device *device, struct bytes wire) {
    struct side side;
    struct received received;
    struct buffer body;
    buffer_init(&body, BODY_MAX_BYTES);
    side_init(&side, device);
    enum error error = side_receive(&side, wire, &body, &received);
    if (error != OK && (side.has_session || !is_untouched(&side.session) || body.size > 0)) {
        differs(place, "refused (%s), but the device is not as it was", error_word(error));
    }
    side_clear(&side);
    buffer_clear(&body);
    return error;
}

void replay_refusals(const char *file, const struct conversation *conversation) {
    const struct device *device = &conversation->devices[RESPONDER];
    struct place place = {.file = file};
    struct bytes good = buffer_view(&conversation->messages[0].wire);
    (void)snprintf(place.at, sizeof(place.at), "messages[0] (to a fresh device)");
    went_well(&place, "the good first message", offer(&place, device, good));
    for (size_t i = 0; i < conversation->refusal_count; i++) {
        const struct refusal *refusal = &conversation->refusals[i];
        (void)snprintf(place.at, sizeof(place.at), "refuse[%zu] (%s)", i, refusal->name);
        if (offer(&place, device, buffer_view(&refusal->wire)) == OK) {
            differs(&place, "accepted");
        }
    }
}
