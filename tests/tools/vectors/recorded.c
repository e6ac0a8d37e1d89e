/* SPDX-License-Identifier: ISC */
#include "recorded.h"

#include <string.h>

static enum error recorded_fill(void *context, uint8_t *out, size_t size) {
    struct recorded *recorded = context;
    const void *from = NULL;
    switch (size) {
    case 4:
        from = recorded->id;
        recorded->id = NULL;
        break;
    case CBC_IV_BYTES:
        from = recorded->iv;
        recorded->iv = NULL;
        break;
    case sizeof(struct secret_32):
        from = recorded->dh;
        recorded->dh = NULL;
        break;
    case sizeof(struct secret_64):
        from = recorded->kem;
        recorded->kem = NULL;
        break;
    default:
        break;
    }
    if (from == NULL) {
        return ERR_RANDOM;
    }
    memcpy(out, from, size);
    return OK;
}

static enum error recorded_encapsulate(void *context, const uint8_t public_key[KEM_PUBLIC_BYTES],
                                       uint8_t ciphertext[KEM_CIPHERTEXT_BYTES],
                                       struct secret_32 *shared) {
    struct recorded *recorded = context;
    const struct encapsulation *made = recorded->encapsulations[0];
    (void)public_key; /* the other side shows that the ciphertext is for this key */
    recorded->encapsulations[0] = recorded->encapsulations[1];
    recorded->encapsulations[1] = NULL;
    if (made == NULL) {
        return ERR_RANDOM;
    }
    memcpy(ciphertext, made->ciphertext, KEM_CIPHERTEXT_BYTES);
    *shared = made->shared;
    return OK;
}

static enum error recorded_encrypt(void *context, const uint8_t modulus[RSA_MODULUS_BYTES],
                                   uint8_t ciphertext[RSA_CIPHERTEXT_BYTES],
                                   struct secret_32 *secret) {
    struct recorded *recorded = context;
    (void)modulus;
    if (recorded->rsa == NULL) {
        return ERR_RANDOM;
    }
    memcpy(ciphertext, recorded->rsa, RSA_CIPHERTEXT_BYTES);
    *secret = *recorded->s;
    recorded->rsa = NULL;
    return OK;
}

static enum error no_rsa_key(void *context, struct rsa_private *key) {
    (void)context;
    (void)key;
    return ERR_RANDOM;
}

struct entropy entropy_recorded(struct recorded *recorded) {
    return (struct entropy){
        .context = recorded,
        .fill = recorded_fill,
        .encapsulate = recorded_encapsulate,
        .encrypt = recorded_encrypt,
        .generate_rsa = no_rsa_key,
    };
}

struct recorded recorded_of_message(const struct recorded_message *message) {
    struct recorded recorded = {.iv = message->iv};
    const struct recorded_chain *chain = message->chain;
    size_t made = 0;
    if (chain == NULL) {
        return recorded;
    }
    recorded.dh = &chain->dh;
    recorded.kem = chain->has_ek ? &chain->ek : NULL;
    if (chain->has_ct) {
        recorded.encapsulations[made++] = &chain->ct;
    }
    if (chain->has_auth) {
        recorded.encapsulations[made] = &chain->auth_kem;
        recorded.rsa = chain->auth_rsa;
        recorded.s = &chain->auth_s;
    }
    return recorded;
}

struct recorded recorded_of_handshake(const struct recorded_handshake *handshake,
                                      struct encapsulation ct[2]) {
    const struct hello_tail *tail =
        (const struct hello_tail *)(handshake->hello + 2 + CERTIFICATE_BYTES);
    memcpy(ct[0].ciphertext, tail->ct_identity, KEM_CIPHERTEXT_BYTES);
    ct[0].shared = handshake->secrets.ss_identity;
    memcpy(ct[1].ciphertext, tail->ct_prekey, KEM_CIPHERTEXT_BYTES);
    ct[1].shared = handshake->secrets.ss_prekey;
    return (struct recorded){
        .dh = &handshake->ek,
        .encapsulations = {&ct[0], &ct[1]},
        .rsa = tail->ct_rsa,
        .s = &handshake->secrets.s_rsa,
    };
}

const char *recorded_left(const struct recorded *recorded) {
    if (recorded->id != NULL) {
        return "an id";
    }
    if (recorded->iv != NULL) {
        return "an IV";
    }
    if (recorded->dh != NULL) {
        return "an X25519 key";
    }
    if (recorded->kem != NULL) {
        return "an ML-KEM seed";
    }
    if (recorded->encapsulations[0] != NULL) {
        return "an ML-KEM encapsulation";
    }
    return recorded->rsa != NULL ? "an RSA encryption" : NULL;
}

static enum error recording_fill(void *context, uint8_t *out, size_t size) {
    struct recording *recording = context;
    struct entropy system = entropy_system();
    enum error error = system.fill(system.context, out, size);
    if (error != OK) {
        return error;
    }
    switch (size) {
    case sizeof(recording->id):
        memcpy(recording->id, out, size);
        break;
    case CBC_IV_BYTES:
        memcpy(recording->iv, out, size);
        break;
    case sizeof(struct secret_32):
        memcpy(recording->dh.bytes, out, size);
        break;
    case sizeof(struct secret_64):
        memcpy(recording->kem.bytes, out, size);
        recording->has_kem = true;
        break;
    default:
        error = ERR_RANDOM;
        break;
    }
    return error;
}

static enum error recording_encapsulate(void *context, const uint8_t public_key[KEM_PUBLIC_BYTES],
                                        uint8_t ciphertext[KEM_CIPHERTEXT_BYTES],
                                        struct secret_32 *shared) {
    struct recording *recording = context;
    enum error error = kem_encapsulate(public_key, ciphertext, shared);
    if (error == OK && recording->encapsulation_count == 2) {
        error = ERR_RANDOM;
    }
    if (error == OK) {
        struct encapsulation *made = &recording->encapsulations[recording->encapsulation_count++];
        memcpy(made->ciphertext, ciphertext, KEM_CIPHERTEXT_BYTES);
        made->shared = *shared;
    }
    return error;
}

static enum error recording_encrypt(void *context, const uint8_t modulus[RSA_MODULUS_BYTES],
                                    uint8_t ciphertext[RSA_CIPHERTEXT_BYTES],
                                    struct secret_32 *secret) {
    struct recording *recording = context;
    enum error error = rsa_encrypt(modulus, ciphertext, secret);
    if (error == OK) {
        memcpy(recording->rsa, ciphertext, RSA_CIPHERTEXT_BYTES);
        recording->s = *secret;
        recording->has_rsa = true;
    }
    return error;
}

static enum error system_rsa_key(void *context, struct rsa_private *key) {
    (void)context;
    return rsa_generate(key);
}

struct entropy entropy_recording(struct recording *recording) {
    return (struct entropy){
        .context = recording,
        .fill = recording_fill,
        .encapsulate = recording_encapsulate,
        .encrypt = recording_encrypt,
        .generate_rsa = system_rsa_key,
    };
}
