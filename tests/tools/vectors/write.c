/* SPDX-License-Identifier: ISC */
/* A conversation into the JSON that read.c reads. */
#include "conversation.h"
#include "report.h"

#include <jansson.h>
#include <string.h>

/** Adds a member; `value` is taken. Writing has one error, "out of memory", which the dump at the
 * end meets too. */
static void set(json_t *object, const char *name, json_t *value) {
    if (value == NULL || json_object_set_new(object, name, value) != 0) {
        const struct place place = {.file = "sotto-vectors", .at = "writing"};
        differs(&place, "out of memory");
    }
}

static json_t *hex(struct bytes data) {
    struct buffer text;
    uint8_t *at = NULL;
    buffer_init(&text, 2 * data.size + 1);
    json_t *value = NULL;
    if (buffer_extend(&text, 2 * data.size + 1, &at) == OK) {
        hex_encode(data, (char *)at);
        value = json_string((const char *)at);
    }
    buffer_clear(&text);
    return value;
}

static void set_hex(json_t *object, const char *name, const void *data, size_t size) {
    set(object, name, hex(bytes_make(data, size)));
}

static void set_secret(json_t *object, const char *name, const struct secret_32 *secret) {
    set_hex(object, name, secret->bytes, sizeof(secret->bytes));
}

static json_t *prekey_set_json(const struct recorded_prekey *prekey) {
    json_t *object = json_object();
    set(object, "set_id", json_integer(prekey->secret.id));
    set_secret(object, "spk_x25519_sk", &prekey->secret.dh);
    set_hex(object, "lkk_mlkem768_seed", prekey->secret.kem.bytes, 64);
    set_hex(object, "prekey_set", prekey->object, prekey->size);
    return object;
}

static json_t *one_time_json(const struct recorded_prekey *prekey) {
    json_t *object = json_object();
    set(object, "otk_id", json_integer(prekey->secret.id));
    set_secret(object, "opk_x25519_sk", &prekey->secret.dh);
    set_hex(object, "okk_mlkem768_seed", prekey->secret.kem.bytes, 64);
    set_hex(object, "otk", prekey->object, prekey->size);
    return object;
}

static json_t *device_json(const struct device *device) {
    json_t *object = json_object();
    json_t *sets = json_array();
    json_t *one_times = json_array();
    set(object, "name", json_string(device->parsed.name.text));
    set_secret(object, "aik_ed25519_sk", &device->account.ed25519);
    set_secret(object, "aik_mldsa65_seed", &device->account.mldsa);
    set_secret(object, "dsk_ed25519_sk", &device->keys.signing);
    set_secret(object, "dhk_x25519_sk", &device->keys.dh);
    set_hex(object, "dkk_mlkem768_seed", device->keys.kem.bytes, 64);
    set_hex(object, "drk_rsa2048_pkcs8", device->keys.rsa.pkcs8, device->keys.rsa.size);
    set_secret(object, "oaep_reject_key", &device->keys.rsa.reject);
    set_hex(object, "cert", device->certificate, CERTIFICATE_BYTES);
    set_hex(object, "cid", device->cid, HASH_BYTES);
    set(object, "now_ms", json_integer((json_int_t)device->now_ms));
    for (size_t i = 0; i < device->set_count; i++) {
        (void)json_array_append_new(sets, prekey_set_json(&device->sets[i]));
    }
    for (size_t i = 0; i < device->one_time_count; i++) {
        (void)json_array_append_new(one_times, one_time_json(&device->one_times[i]));
    }
    set(object, "prekey_sets", sets);
    set(object, "one_time_prekeys", one_times);
    return object;
}

static json_t *handshake_json(const struct conversation *conversation) {
    const struct recorded_handshake *handshake = &conversation->handshake;
    const struct handshake_secrets *secrets = &handshake->secrets;
    json_t *object = json_object();
    set(object, "initiator", json_string(conversation->devices[INITIATOR].key));
    set(object, "responder", json_string(conversation->devices[RESPONDER].key));
    set(object, "set_id", json_integer(handshake->set_id));
    set(object, "otk_id", json_integer(handshake->one_time_id));
    set_secret(object, "ek_x25519_sk", &handshake->ek);
    set_hex(object, "th", handshake->th, HASH_BYTES);
    set_hex(object, "sid", handshake->sid, SESSION_ID_BYTES);
    set_secret(object, "dh1", &secrets->dh[0]);
    set_secret(object, "dh2", &secrets->dh[1]);
    set_secret(object, "dh3", &secrets->dh[2]);
    set_secret(object, "dh4", &secrets->dh[3]);
    set_secret(object, "ss_prekey", &secrets->ss_prekey);
    set_secret(object, "ss_identity", &secrets->ss_identity);
    set_secret(object, "s_rsa", &secrets->s_rsa);
    set_secret(object, "prk", &handshake->prk);
    set_secret(object, "rk0", &handshake->root);
    set_hex(object, "hello", handshake->hello, HELLO_BYTES);
    return object;
}

static json_t *chain_json(const struct recorded_chain *chain) {
    json_t *object = json_object();
    set_secret(object, "dh_x25519_sk", &chain->dh);
    if (chain->has_ek) {
        set_hex(object, "ek_mlkem768_seed", chain->ek.bytes, 64);
    }
    if (chain->has_ct) {
        set_hex(object, "ct", chain->ct.ciphertext, KEM_CIPHERTEXT_BYTES);
        set_secret(object, "ct_ss", &chain->ct.shared);
    }
    if (chain->has_auth) {
        set_hex(object, "auth_ct_rsa", chain->auth_rsa, RSA_CIPHERTEXT_BYTES);
        set_secret(object, "auth_s_rsa", &chain->auth_s);
        set_hex(object, "auth_ct_kem", chain->auth_kem.ciphertext, KEM_CIPHERTEXT_BYTES);
        set_secret(object, "auth_ss_kem", &chain->auth_kem.shared);
    }
    return object;
}

static json_t *message_json(const struct conversation *conversation,
                            const struct recorded_message *message) {
    json_t *object = json_object();
    json_t *deliveries = json_array();
    set(object, "sender", json_string(conversation->devices[message->sender].key));
    set_hex(object, "type", &message->type, 1);
    set(object, "n", json_integer(message->n));
    set_secret(object, "rk", &message->root);
    set_secret(object, "mk", &message->message_key);
    set_secret(object, "enc_key", &message->keys.encrypt);
    set_secret(object, "mac_key", &message->keys.authenticate);
    set_hex(object, "iv", message->iv, CBC_IV_BYTES);
    set_hex(object, "body", message->body.data, message->body.size);
    set_hex(object, "wire", message->wire.data, message->wire.size);
    if (message->chain != NULL) {
        set(object, "chain", chain_json(message->chain));
    }
    for (size_t i = 0; i < message->delivery_count; i++) {
        const struct delivery *delivery = &message->deliveries[i];
        (void)json_array_append_new(deliveries, json_pack("[I, s]", (json_int_t)delivery->message,
                                                          outcome_word(delivery->outcome)));
    }
    set(object, "deliver", deliveries);
    return object;
}

static json_t *refusal_json(const struct conversation *conversation,
                            const struct refusal *refusal) {
    json_t *object = json_object();
    set(object, "name", json_string(refusal->name));
    set(object, "to", json_string(conversation->devices[RESPONDER].key));
    set_hex(object, "wire", refusal->wire.data, refusal->wire.size);
    return object;
}

static json_t *conversation_json(const struct conversation *conversation) {
    json_t *root = json_object();
    json_t *devices = json_object();
    json_t *afps = json_object();
    json_t *messages = json_array();
    json_t *refuse = json_array();
    for (size_t i = INITIATOR; i <= RESPONDER; i++) {
        const struct device *device = &conversation->devices[i];
        set(devices, device->key, device_json(device));
        set_hex(afps, device->key, device->afp, HASH_BYTES);
    }
    for (size_t i = 0; i < conversation->message_count; i++) {
        (void)json_array_append_new(messages,
                                    message_json(conversation, &conversation->messages[i]));
    }
    for (size_t i = 0; i < conversation->refusal_count; i++) {
        (void)json_array_append_new(refuse, refusal_json(conversation, &conversation->refusals[i]));
    }
    set(root, "suite", json_string("sotto/1"));
    set(root, "devices", devices);
    set(root, "handshake", handshake_json(conversation));
    set(root, "messages", messages);
    set(root, "safety_number", json_string(conversation->safety));
    set(root, "account_fingerprint", afps);
    set(root, "refuse", refuse);
    return root;
}

void conversation_write(const struct conversation *conversation, const char *path) {
    const struct place place = {.file = path, .at = "writing"};
    json_t *root = conversation_json(conversation);
    if (json_dump_file(root, path, JSON_INDENT(1)) != 0) {
        differs(&place, "the file cannot be written");
    }
    json_decref(root);
}
