/* SPDX-License-Identifier: ISC */
#include "session/handshake.h"

#include "session/suite.h"

#include <string.h>

static const uint8_t ZERO_32[32];

void handshake_secrets_clear(struct handshake_secrets *secrets) {
    wipe(secrets, sizeof(*secrets));
}

must_check enum error handshake_transcript(const uint8_t cid_a[HASH_BYTES],
                                           const struct hello_tail *tail,
                                           const uint8_t psh[HASH_BYTES], const uint8_t *oth,
                                           uint8_t th[HASH_BYTES], uint8_t sid[SESSION_ID_BYTES]) {
    const struct bytes parts[] = {
        lb(LABEL_TH),
        bytes_make(cid_a, HASH_BYTES),
        bytes_of(tail->cid_b),
        bytes_make(psh, HASH_BYTES),
        bytes_make(oth == NULL ? ZERO_32 : oth, HASH_BYTES),
        bytes_of(tail->ek),
        bytes_of(tail->ct_rsa),
        bytes_of(tail->ct_identity),
        bytes_of(tail->ct_prekey),
    };
    enum error error = sha256(parts, sizeof(parts) / sizeof(parts[0]), th);
    if (error != OK) {
        return error;
    }
    uint8_t hash[HASH_BYTES];
    const struct bytes name[] = {lb(LABEL_SID), bytes_make(th, HASH_BYTES)};
    error = sha256(name, 2, hash);
    if (error == OK) {
        memcpy(sid, hash, SESSION_ID_BYTES);
    }
    return error;
}

must_check enum error handshake_root(const struct handshake_secrets *secrets,
                                     const uint8_t th[HASH_BYTES], struct secret_32 *prk,
                                     struct secret_32 *root) {
    const struct secret_32 salt = {{0}};
    const struct bytes ikm[] = {
        bytes_of(secrets->dh[0].bytes),     bytes_of(secrets->dh[1].bytes),
        bytes_of(secrets->dh[2].bytes),     bytes_of(secrets->dh[3].bytes),
        bytes_of(secrets->ss_prekey.bytes), bytes_of(secrets->ss_identity.bytes),
        bytes_of(secrets->s_rsa.bytes),
    };
    enum error error = hkdf_extract(&salt, ikm, sizeof(ikm) / sizeof(ikm[0]), prk);
    if (error == OK) {
        const struct bytes info[] = {lb(LABEL_ROOT0), bytes_make(th, HASH_BYTES)};
        error = hkdf_expand(prk, info, 2, root->bytes, sizeof(root->bytes));
    }
    return error;
}

/** DH1 to DH4 of the initiator. */
static enum error initiate_dh(const struct device_keys *own, const struct secret_32 *ek,
                              const struct bundle *peer, struct secret_32 dh[4]) {
    enum error error = dh_derive(&own->dh, peer->set.dh, &dh[0]);
    if (error == OK) {
        error = dh_derive(ek, peer->certificate.dh, &dh[1]);
    }
    if (error == OK) {
        error = dh_derive(ek, peer->set.dh, &dh[2]);
    }
    if (error == OK && peer->has_one_time) {
        error = dh_derive(ek, peer->one_time.dh, &dh[3]);
    }
    return error;
}

must_check enum error handshake_initiate(const struct device_keys *own, const struct bundle *peer,
                                         const struct entropy *entropy, struct hello_tail *tail,
                                         struct handshake_secrets *secrets) {
    memset(secrets, 0, sizeof(*secrets));
    memcpy(tail->cid_b, peer->certificate.cid, HASH_BYTES);
    put_u32(tail->set_id, peer->set.id);
    put_u32(tail->one_time_id, peer->has_one_time ? peer->one_time.id : 0);

    void *context = entropy->context;
    struct secret_32 ek;
    enum error error = entropy->fill(context, ek.bytes, sizeof(ek.bytes));
    if (error == OK) {
        error = dh_public(&ek, tail->ek);
    }
    if (error == OK) {
        error = initiate_dh(own, &ek, peer, secrets->dh);
    }
    if (error == OK) {
        error = entropy->encrypt(context, peer->certificate.rsa, tail->ct_rsa, &secrets->s_rsa);
    }
    if (error == OK) {
        error = entropy->encapsulate(context, peer->certificate.kem, tail->ct_identity,
                                     &secrets->ss_identity);
    }
    if (error == OK) {
        const struct prekey *prekey = peer->has_one_time ? &peer->one_time : &peer->set;
        error = entropy->encapsulate(context, prekey->kem, tail->ct_prekey, &secrets->ss_prekey);
    }
    secret_32_clear(&ek);
    if (error != OK) {
        handshake_secrets_clear(secrets);
    }
    return error;
}

/** DH1 to DH4 of the responder. */
static enum error respond_dh(const struct device_keys *own, const struct certificate *peer,
                             const uint8_t ek[DH_PUBLIC_BYTES], const struct prekey_secret *set,
                             const struct prekey_secret *one_time, struct secret_32 dh[4]) {
    enum error error = dh_derive(&set->dh, peer->dh, &dh[0]);
    if (error == OK) {
        error = dh_derive(&own->dh, ek, &dh[1]);
    }
    if (error == OK) {
        error = dh_derive(&set->dh, ek, &dh[2]);
    }
    if (error == OK && one_time != NULL) {
        error = dh_derive(&one_time->dh, ek, &dh[3]);
    }
    return error;
}

must_check enum error own_decrypt(const struct own_device *own,
                                  const uint8_t ciphertext[RSA_CIPHERTEXT_BYTES],
                                  struct secret_32 *secret) {
    const struct rsa_pair *pair = own->pairs == NULL ? NULL : own->pairs->rsa;
    return rsa_decrypt_with(&own->keys->rsa, pair, ciphertext, secret);
}

must_check enum error own_decapsulate(const struct own_device *own,
                                      const uint8_t ciphertext[KEM_CIPHERTEXT_BYTES],
                                      struct secret_32 *shared) {
    return own->pairs == NULL ? kem_decapsulate(&own->keys->kem, ciphertext, shared)
                              : kem_pair_decapsulate(own->pairs->kem, ciphertext, shared);
}

must_check enum error
handshake_respond(const struct own_device *own, const struct certificate *peer,
                  const struct hello_tail *tail, const struct prekey_secret *set,
                  const struct prekey_secret *one_time, struct handshake_secrets *secrets) {
    memset(secrets, 0, sizeof(*secrets));
    enum error error = respond_dh(own->keys, peer, tail->ek, set, one_time, secrets->dh);
    if (error == OK) {
        const struct prekey_secret *prekey = one_time != NULL ? one_time : set;
        error = kem_decapsulate(&prekey->kem, tail->ct_prekey, &secrets->ss_prekey);
    }
    if (error == OK) {
        error = own_decapsulate(own, tail->ct_identity, &secrets->ss_identity);
    }
    if (error == OK) {
        error = own_decrypt(own, tail->ct_rsa, &secrets->s_rsa);
    }
    if (error != OK) {
        handshake_secrets_clear(secrets);
    }
    return error;
}
