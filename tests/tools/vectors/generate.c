/* SPDX-License-Identifier: ISC */
/* A fresh conversation: two devices with new keys, a network that loses, delays and doubles. */
#include "recorded.h"
#include "replay.h"
#include "report.h"
#include "session/send.h"
#include "side.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NOW_S = 1800000000, SETS = 1, ONE_TIMES = 4, UNDER_WAY_MAX = 64 };

struct generator {
    struct conversation *conversation;
    struct side sides[2];
    struct place place;
    size_t under_way[UNDER_WAY_MAX]; /**< sent, not delivered */
    size_t under_way_count;
    size_t delivered; /**< one that was, to be delivered again; valid when there is one */
    bool has_delivered;
};

/** A random number below `bound` (at most 65536); the bias does not matter here. */
static size_t chance(const struct generator *generator, size_t bound) {
    struct entropy system = entropy_system();
    uint8_t bytes[4];
    went_well(&generator->place, "randomness", system.fill(system.context, bytes, sizeof(bytes)));
    return get_u32(bytes) % bound;
}

static void make_prekeys(const struct place *place, struct device *device) {
    struct entropy system = entropy_system();
    const uint8_t *cid = device->parsed.cid;
    for (size_t i = 0; i < SETS; i++) {
        struct recorded_prekey *set = &device->sets[i];
        set->size = PREKEY_SET_BYTES;
        went_well(place, "a prekey set",
                  prekey_set_make(&system, &device->keys, cid, (uint32_t)i + 1, device->now_ms,
                                  &set->secret, set->object));
    }
    for (size_t i = 0; i < ONE_TIMES; i++) {
        struct recorded_prekey *one_time = &device->one_times[i];
        one_time->size = ONE_TIME_PREKEY_BYTES;
        went_well(place, "a one-time prekey",
                  one_time_prekey_make(&system, &device->keys, cid, device->now_ms,
                                       &one_time->secret, one_time->object));
    }
    device->set_count = SETS;
    device->one_time_count = ONE_TIMES;
}

static void make_device(const struct place *place, const char *key, struct device *device) {
    struct entropy system = entropy_system();
    struct user_name name;
    (void)snprintf(device->key, sizeof(device->key), "%s", key);
    device->now_ms = NOW_S * SECOND_MS;
    went_well(place, "the name", user_name_parse(bytes_of_string(key), &name));
    went_well(place, "an account", account_keys_generate(&system, &device->account));
    went_well(place, "a device", device_keys_generate(&system, &device->keys));
    went_well(place, "a certificate",
              certificate_make(&device->account, &device->keys, &name, 1, device->now_ms,
                               device->certificate));
    went_well(place, "a certificate",
              certificate_parse(bytes_of(device->certificate), &device->parsed));
    memcpy(device->cid, device->parsed.cid, HASH_BYTES);
    memcpy(device->afp, device->parsed.afp, HASH_BYTES);
    make_prekeys(place, device);
}

/** The handshake, its secrets written down; then the session from the same randomness. */
static void start(struct generator *generator, bool is_last_resort) {
    const struct place *place = &generator->place;
    struct recorded_handshake *handshake = &generator->conversation->handshake;
    struct side *a = &generator->sides[INITIATOR];
    const struct device *b = generator->sides[RESPONDER].device;
    struct bundle *bundle = calloc(1, sizeof(*bundle));
    if (bundle == NULL) {
        differs(place, "out of memory");
    }
    bundle->certificate = b->parsed;
    bundle->has_one_time = !is_last_resort;
    went_well(place, "the set",
              prekey_set_verify(bytes_make(b->sets[0].object, b->sets[0].size), &b->parsed,
                                b->now_ms, &bundle->set));
    went_well(place, "the one-time prekey",
              one_time_prekey_verify(bytes_make(b->one_times[0].object, b->one_times[0].size),
                                     &b->parsed, b->now_ms, &bundle->one_time));
    struct recording recording = {.has_kem = false};
    struct entropy entropy = entropy_recording(&recording);
    struct hello_tail tail;
    went_well(place, "the handshake",
              handshake_initiate(&a->device->keys, bundle, &entropy, &tail, &handshake->secrets));
    handshake->set_id = bundle->set.id;
    handshake->one_time_id = is_last_resort ? 0 : bundle->one_time.id;
    handshake->ek = recording.dh;
    handshake->hello[0] = 1;
    handshake->hello[1] = ENVELOPE_INITIAL;
    memcpy(handshake->hello + 2, a->device->certificate, CERTIFICATE_BYTES);
    memcpy(handshake->hello + 2 + CERTIFICATE_BYTES, &tail, sizeof(tail));
    went_well(place, "th",
              handshake_transcript(a->device->cid, &tail, bundle->set.hash,
                                   is_last_resort ? NULL : bundle->one_time.hash, handshake->th,
                                   handshake->sid));
    went_well(
        place, "rk0",
        handshake_root(&handshake->secrets, handshake->th, &handshake->prk, &handshake->root));

    struct encapsulation ct[2];
    struct recorded draws = recorded_of_handshake(handshake, ct);
    entropy = entropy_recorded(&draws);
    went_well(place, "the session",
              session_start(&a->own, bundle, &entropy, a->device->now_ms, &a->session));
    a->has_session = true;
    wipe(&recording, sizeof(recording));
    wipe(ct, sizeof(ct));
    free(bundle);
}

/** What a new chain drew, as the file keeps it. */
static struct recorded_chain *chain_of(const struct generator *generator,
                                       const struct recording *recording,
                                       const struct sending_step *step) {
    struct recorded_chain *chain = calloc(1, sizeof(*chain));
    if (chain == NULL) {
        differs(&generator->place, "out of memory");
    }
    chain->dh = step->dh;
    chain->has_ek = recording->has_kem;
    chain->ek = recording->kem;
    chain->has_ct = recording->encapsulation_count > 0;
    chain->ct = recording->encapsulations[0];
    chain->has_auth = recording->has_rsa;
    memcpy(chain->auth_rsa, recording->rsa, RSA_CIPHERTEXT_BYTES);
    chain->auth_s = recording->s;
    chain->auth_kem = recording->encapsulations[1];
    return chain;
}

/** A body of a size where something changes, or of any. */
static void make_body(const struct generator *generator, struct buffer *body) {
    static const size_t SIZES[] = {0, 1, 9, 40, 200, 251, 252, 507, 508, 700, 4091, 65531};
    enum { COUNT = sizeof(SIZES) / sizeof(SIZES[0]) };
    /* The large ones rarely: they make the file long. */
    size_t pick = chance(generator, 100) < 2 ? COUNT - 1 : chance(generator, COUNT - 1);
    struct entropy system = entropy_system();
    uint8_t *at = NULL;
    went_well(&generator->place, "a body", buffer_extend(body, SIZES[pick], &at));
    went_well(&generator->place, "a body", system.fill(system.context, at, SIZES[pick]));
}

static void send(struct generator *generator, size_t sender) {
    const struct place *place = &generator->place;
    struct side *side = &generator->sides[sender];
    struct recorded_message *message = conversation_add_message(generator->conversation);
    uint64_t now_ms = side->device->now_ms;
    struct recording recording = {.has_kem = false};
    struct entropy entropy = entropy_recording(&recording);
    struct sending_step step;
    message->sender = sender;
    make_body(generator, &message->body);
    went_well(place, "a step", sending_step_make(&side->session, &entropy, now_ms, &step));
    message->n = step.n;
    message->root = step.is_new ? step.root : side->session.root;
    message->message_key = step.message_key;
    message->chain = step.is_new ? chain_of(generator, &recording, &step) : NULL;
    went_well(place, "message keys",
              message_keys_derive(&step.message_key, step.n, &message->keys));
    went_well(place, "an IV", entropy.fill(entropy.context, message->iv, sizeof(message->iv)));

    struct recorded draws = recorded_of_message(message);
    uint8_t chain_id[CHAIN_ID_BYTES];
    uint32_t n = 0;
    entropy = entropy_recorded(&draws);
    went_well(place, "a message",
              session_seal(&side->session, &side->own, &entropy, now_ms,
                           buffer_view(&message->body), &message->wire, chain_id, &n));
    message->type = message->wire.data[1];
    sending_step_clear(&step);
    wipe(&recording, sizeof(recording));
}

/** Delivers one message now and writes the outcome down behind the last send. */
static enum outcome deliver(struct generator *generator, size_t index) {
    struct conversation *conversation = generator->conversation;
    struct recorded_message *last = &conversation->messages[conversation->message_count - 1];
    const struct recorded_message *message = &conversation->messages[index];
    struct side *side = &generator->sides[1 - message->sender];
    struct received received;
    struct buffer body;
    buffer_init(&body, BODY_MAX_BYTES);
    enum outcome outcome =
        outcome_of(side_receive(side, buffer_view(&message->wire), &body, &received));
    last->deliveries[last->delivery_count++] = (struct delivery){index, outcome};
    if (outcome == OUTCOME_OK) {
        generator->delivered = index;
        generator->has_delivered = true;
    }
    wipe(&received, sizeof(received));
    buffer_clear(&body);
    return outcome;
}

/** What the network does between two sends: mostly it delivers the newest, sometimes an older one,
 * sometimes one twice; some it forgets. */
static void network(struct generator *generator) {
    size_t *under_way = generator->under_way;
    under_way[generator->under_way_count++] = generator->conversation->message_count - 1;
    if (generator->under_way_count == UNDER_WAY_MAX) {
        memmove(under_way, under_way + 1, (UNDER_WAY_MAX - 1) * sizeof(*under_way));
        generator->under_way_count--;
    }
    for (size_t i = 0; i < 3 && generator->under_way_count > 0; i++) {
        size_t pick = generator->under_way_count - 1;
        size_t dice = chance(generator, 100);
        if (i > 0 ? dice >= 15 : dice >= 85) {
            continue;
        }
        if (i > 0) {
            pick = chance(generator, generator->under_way_count);
        }
        if (deliver(generator, under_way[pick]) != OUTCOME_WAIT) {
            generator->under_way_count--;
            memmove(under_way + pick, under_way + pick + 1,
                    (generator->under_way_count - pick) * sizeof(*under_way));
        }
    }
    if (generator->has_delivered && chance(generator, 100) < 8) {
        (void)deliver(generator, generator->delivered);
    }
}

struct conversation *generate_conversation(size_t count, bool is_last_resort) {
    struct conversation *conversation = conversation_new();
    struct device *other = calloc(1, sizeof(*other));
    struct generator generator = {
        .conversation = conversation,
        .place = {.file = "sotto-vectors", .at = "generate"},
    };
    if (other == NULL) {
        differs(&generator.place, "out of memory");
    }
    make_device(&generator.place, "alice", &conversation->devices[INITIATOR]);
    make_device(&generator.place, "bob", &conversation->devices[RESPONDER]);
    make_device(&generator.place, "carol", other);
    went_well(&generator.place, "the safety number",
              safety_number(&conversation->devices[INITIATOR].parsed,
                            &conversation->devices[RESPONDER].parsed, conversation->safety));
    side_init(&generator.sides[INITIATOR], &conversation->devices[INITIATOR]);
    side_init(&generator.sides[RESPONDER], &conversation->devices[RESPONDER]);
    start(&generator, is_last_resort);
    size_t sender = INITIATOR;
    for (size_t i = 0; i < count; i++) {
        if (generator.sides[1 - sender].has_session && chance(&generator, 100) < 45) {
            sender = 1 - sender;
        }
        send(&generator, sender);
        network(&generator);
    }
    generate_refusals(conversation, other->certificate);
    side_clear(&generator.sides[INITIATOR]);
    side_clear(&generator.sides[RESPONDER]);
    account_keys_clear(&other->account);
    device_keys_clear(&other->keys);
    wipe(other, sizeof(*other));
    free(other);
    return conversation;
}
