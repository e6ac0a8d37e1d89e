/* SPDX-License-Identifier: ISC */
/* The file's JSON into a conversation. A field that is missing, has another kind or another length
 * ends the program with its place. */
#include "conversation.h"
#include "report.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** Names the object that the next fields are read from. */
static void enter(struct place *place, const char *name, size_t index) {
    (void)snprintf(place->at, sizeof(place->at), "%s[%zu]", name, index);
}

static const json_t *member(const struct place *place, const json_t *object, const char *name,
                            json_type type) {
    const json_t *value = json_object_get(object, name);
    if (value == NULL || json_typeof(value) != type) {
        differs(place, "%s is missing or of another kind", name);
    }
    return value;
}

static const char *text_of(const struct place *place, const json_t *object, const char *name) {
    return json_string_value(member(place, object, name, JSON_STRING));
}

static uint64_t number_of(const struct place *place, const json_t *object, const char *name,
                          uint64_t max) {
    json_int_t value = json_integer_value(member(place, object, name, JSON_INTEGER));
    if (value < 0 || (uint64_t)value > max) {
        differs(place, "%s is out of range", name);
    }
    return (uint64_t)value;
}

static void bytes_fixed(const struct place *place, const json_t *object, const char *name,
                        uint8_t *out, size_t size) {
    if (hex_decode(bytes_of_string(text_of(place, object, name)), out, size) != OK) {
        differs(place, "%s is not %zu bytes of hex", name, size);
    }
}

static void bytes_any(const struct place *place, const json_t *object, const char *name,
                      struct buffer *out) {
    struct bytes text = bytes_of_string(text_of(place, object, name));
    uint8_t *at = NULL;
    if (text.size % 2 != 0 || buffer_extend(out, text.size / 2, &at) != OK ||
        hex_decode(text, at, text.size / 2) != OK) {
        differs(place, "%s is not hex or too long", name);
    }
}

static void read_rsa(const struct place *place, const json_t *object, struct rsa_private *key) {
    const char *text = text_of(place, object, "drk_rsa2048_pkcs8");
    key->size = strlen(text) / 2;
    if (key->size > sizeof(key->pkcs8)) {
        differs(place, "drk_rsa2048_pkcs8 is too long");
    }
    bytes_fixed(place, object, "drk_rsa2048_pkcs8", key->pkcs8, key->size);
    bytes_fixed(place, object, "oaep_reject_key", key->reject.bytes, sizeof(key->reject.bytes));
}

/** Names of the fields of the two kinds of prekey. */
struct prekey_fields {
    const char *list;
    const char *id;
    const char *dh;
    const char *kem;
    const char *object;
    size_t size;
};

static const struct prekey_fields SET_FIELDS = {
    "prekey_sets", "set_id", "spk_x25519_sk", "lkk_mlkem768_seed", "prekey_set", PREKEY_SET_BYTES};
static const struct prekey_fields ONE_TIME_FIELDS = {
    "one_time_prekeys",  "otk_id", "opk_x25519_sk",
    "okk_mlkem768_seed", "otk",    ONE_TIME_PREKEY_BYTES};

static void read_prekey(const struct place *place, const json_t *object,
                        const struct prekey_fields *fields, const uint8_t cid[HASH_BYTES],
                        struct recorded_prekey *prekey) {
    struct prekey_secret *secret = &prekey->secret;
    secret->id = (uint32_t)number_of(place, object, fields->id, UINT32_MAX);
    memcpy(secret->cid, cid, HASH_BYTES);
    bytes_fixed(place, object, fields->dh, secret->dh.bytes, sizeof(secret->dh.bytes));
    bytes_fixed(place, object, fields->kem, secret->kem.bytes, sizeof(secret->kem.bytes));
    prekey->size = fields->size;
    bytes_fixed(place, object, fields->object, prekey->object, prekey->size);
}

static size_t read_prekeys(struct place *place, const json_t *device,
                           const struct prekey_fields *fields, const uint8_t cid[HASH_BYTES],
                           struct recorded_prekey *prekeys) {
    const json_t *list = member(place, device, fields->list, JSON_ARRAY);
    size_t count = json_array_size(list);
    if (count > PREKEYS_MAX) {
        differs(place, "%s has more than %d entries", fields->list, PREKEYS_MAX);
    }
    for (size_t i = 0; i < count; i++) {
        enter(place, fields->list, i);
        read_prekey(place, json_array_get(list, i), fields, cid, &prekeys[i]);
    }
    return count;
}

static void read_device(struct place *place, const json_t *root, const char *key,
                        struct device *device) {
    const json_t *devices = member(place, root, "devices", JSON_OBJECT);
    const json_t *object = member(place, devices, key, JSON_OBJECT);
    (void)snprintf(place->at, sizeof(place->at), "devices.%.64s", key);
    if (strlen(key) > NAME_MAX_BYTES) {
        differs(place, "the name is too long");
    }
    (void)snprintf(device->key, sizeof(device->key), "%s", key);
    bytes_fixed(place, object, "aik_ed25519_sk", device->account.ed25519.bytes, 32);
    bytes_fixed(place, object, "aik_mldsa65_seed", device->account.mldsa.bytes, 32);
    bytes_fixed(place, object, "dsk_ed25519_sk", device->keys.signing.bytes, 32);
    bytes_fixed(place, object, "dhk_x25519_sk", device->keys.dh.bytes, 32);
    bytes_fixed(place, object, "dkk_mlkem768_seed", device->keys.kem.bytes, 64);
    read_rsa(place, object, &device->keys.rsa);
    bytes_fixed(place, object, "cert", device->certificate, CERTIFICATE_BYTES);
    bytes_fixed(place, object, "cid", device->cid, HASH_BYTES);
    device->now_ms = number_of(place, object, "now_ms", INT64_MAX);
    const json_t *afps = member(place, root, "account_fingerprint", JSON_OBJECT);
    bytes_fixed(place, afps, key, device->afp, HASH_BYTES);
    device->set_count = read_prekeys(place, object, &SET_FIELDS, device->cid, device->sets);
    device->one_time_count =
        read_prekeys(place, object, &ONE_TIME_FIELDS, device->cid, device->one_times);
}

static void read_handshake(struct place *place, const json_t *object,
                           struct recorded_handshake *handshake) {
    static const char *const DH[] = {"dh1", "dh2", "dh3", "dh4"};
    (void)snprintf(place->at, sizeof(place->at), "handshake");
    struct handshake_secrets *secrets = &handshake->secrets;
    handshake->set_id = (uint32_t)number_of(place, object, "set_id", UINT32_MAX);
    handshake->one_time_id = (uint32_t)number_of(place, object, "otk_id", UINT32_MAX);
    bytes_fixed(place, object, "ek_x25519_sk", handshake->ek.bytes, 32);
    for (size_t i = 0; i < 4; i++) {
        bytes_fixed(place, object, DH[i], secrets->dh[i].bytes, 32);
    }
    bytes_fixed(place, object, "ss_prekey", secrets->ss_prekey.bytes, 32);
    bytes_fixed(place, object, "ss_identity", secrets->ss_identity.bytes, 32);
    bytes_fixed(place, object, "s_rsa", secrets->s_rsa.bytes, 32);
    bytes_fixed(place, object, "th", handshake->th, HASH_BYTES);
    bytes_fixed(place, object, "sid", handshake->sid, SESSION_ID_BYTES);
    bytes_fixed(place, object, "prk", handshake->prk.bytes, 32);
    bytes_fixed(place, object, "rk0", handshake->root.bytes, 32);
    bytes_fixed(place, object, "hello", handshake->hello, HELLO_BYTES);
}

static struct recorded_chain *read_chain(const struct place *place, const json_t *object) {
    struct recorded_chain *chain = calloc(1, sizeof(*chain));
    if (chain == NULL) {
        differs(place, "out of memory");
    }
    bytes_fixed(place, object, "dh_x25519_sk", chain->dh.bytes, 32);
    chain->has_ek = json_object_get(object, "ek_mlkem768_seed") != NULL;
    if (chain->has_ek) {
        bytes_fixed(place, object, "ek_mlkem768_seed", chain->ek.bytes, 64);
    }
    chain->has_ct = json_object_get(object, "ct") != NULL;
    if (chain->has_ct) {
        bytes_fixed(place, object, "ct", chain->ct.ciphertext, KEM_CIPHERTEXT_BYTES);
        bytes_fixed(place, object, "ct_ss", chain->ct.shared.bytes, 32);
    }
    chain->has_auth = json_object_get(object, "auth_ct_rsa") != NULL;
    if (chain->has_auth) {
        bytes_fixed(place, object, "auth_ct_rsa", chain->auth_rsa, RSA_CIPHERTEXT_BYTES);
        bytes_fixed(place, object, "auth_s_rsa", chain->auth_s.bytes, 32);
        bytes_fixed(place, object, "auth_ct_kem", chain->auth_kem.ciphertext, KEM_CIPHERTEXT_BYTES);
        bytes_fixed(place, object, "auth_ss_kem", chain->auth_kem.shared.bytes, 32);
    }
    return chain;
}

static enum outcome read_outcome(const struct place *place, const char *word) {
    for (enum outcome outcome = OUTCOME_OK; outcome <= OUTCOME_REFUSED; outcome++) {
        if (word != NULL && strcmp(word, outcome_word(outcome)) == 0) {
            return outcome;
        }
    }
    differs(place, "deliver has an outcome that is none of ok, wait, refused");
}

static void read_deliveries(const struct place *place, const json_t *list, size_t sent,
                            struct recorded_message *message) {
    message->delivery_count = json_array_size(list);
    if (message->delivery_count > DELIVERIES_MAX) {
        differs(place, "deliver has more than %d entries", DELIVERIES_MAX);
    }
    for (size_t i = 0; i < message->delivery_count; i++) {
        const json_t *pair = json_array_get(list, i);
        json_int_t index = json_integer_value(json_array_get(pair, 0));
        if (json_array_size(pair) != 2 || index < 0 || (size_t)index >= sent) {
            differs(place, "deliver[%zu] names no message sent so far", i);
        }
        message->deliveries[i].message = (size_t)index;
        message->deliveries[i].outcome =
            read_outcome(place, json_string_value(json_array_get(pair, 1)));
    }
}

/** Which device a message names. */
static size_t read_side(const struct place *place, const json_t *object, const char *name,
                        const struct conversation *conversation) {
    const char *key = text_of(place, object, name);
    for (size_t i = INITIATOR; i <= RESPONDER; i++) {
        if (strcmp(key, conversation->devices[i].key) == 0) {
            return i;
        }
    }
    differs(place, "%s is neither initiator nor responder", name);
}

static void read_message(const struct place *place, const json_t *object, size_t index,
                         struct conversation *conversation) {
    struct recorded_message *message = conversation_add_message(conversation);
    message->sender = read_side(place, object, "sender", conversation);
    bytes_fixed(place, object, "type", &message->type, 1);
    message->n = (uint32_t)number_of(place, object, "n", UINT32_MAX);
    bytes_fixed(place, object, "rk", message->root.bytes, 32);
    bytes_fixed(place, object, "mk", message->message_key.bytes, 32);
    bytes_fixed(place, object, "enc_key", message->keys.encrypt.bytes, 32);
    bytes_fixed(place, object, "mac_key", message->keys.authenticate.bytes, 32);
    bytes_fixed(place, object, "iv", message->iv, CBC_IV_BYTES);
    bytes_any(place, object, "body", &message->body);
    bytes_any(place, object, "wire", &message->wire);
    const json_t *chain = json_object_get(object, "chain");
    message->chain = chain == NULL ? NULL : read_chain(place, chain);
    read_deliveries(place, member(place, object, "deliver", JSON_ARRAY), index + 1, message);
}

static void read_lists(struct place *place, const json_t *root, struct conversation *conversation) {
    const json_t *messages = member(place, root, "messages", JSON_ARRAY);
    const json_t *refuse = member(place, root, "refuse", JSON_ARRAY);
    for (size_t i = 0; i < json_array_size(messages); i++) {
        enter(place, "messages", i);
        read_message(place, json_array_get(messages, i), i, conversation);
    }
    for (size_t i = 0; i < json_array_size(refuse); i++) {
        const json_t *object = json_array_get(refuse, i);
        enter(place, "refuse", i);
        struct refusal *refusal =
            conversation_add_refusal(conversation, text_of(place, object, "name"));
        if (read_side(place, object, "to", conversation) != RESPONDER) {
            differs(place, "to is not the responder");
        }
        bytes_any(place, object, "wire", &refusal->wire);
    }
}

struct conversation *conversation_read(const char *path) {
    struct place place = {.file = path, .at = "top"};
    json_error_t error;
    json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (root == NULL) {
        (void)snprintf(place.at, sizeof(place.at), "line %d", error.line);
        differs(&place, "%s", error.text);
    }
    struct conversation *conversation = conversation_new();
    if (strcmp(text_of(&place, root, "suite"), "sotto/1") != 0) {
        differs(&place, "suite is not sotto/1");
    }
    const char *safety = text_of(&place, root, "safety_number");
    if (strlen(safety) != SAFETY_DIGITS) {
        differs(&place, "safety_number has not %d digits", SAFETY_DIGITS);
    }
    memcpy(conversation->safety, safety, SAFETY_DIGITS + 1);
    const json_t *handshake = member(&place, root, "handshake", JSON_OBJECT);
    read_device(&place, root, text_of(&place, handshake, "initiator"),
                &conversation->devices[INITIATOR]);
    read_device(&place, root, text_of(&place, handshake, "responder"),
                &conversation->devices[RESPONDER]);
    read_handshake(&place, handshake, &conversation->handshake);
    read_lists(&place, root, conversation);
    json_decref(root);
    return conversation;
}
