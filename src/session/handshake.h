/* SPDX-License-Identifier: ISC */
/* The first key agreement as functions of its inputs: which bytes travel, which secrets both ends
 * hold, and the root key that follows. docs/PROTOCOL.md 1.5. Inner to src/session; the vector tool
 * uses it too. */
#ifndef SOTTO_SESSION_HANDSHAKE_H
#define SOTTO_SESSION_HANDSHAKE_H

#include "session/prekey.h"
#include "session/session.h"

/** HELLO behind its certificate, as it stands on the wire. */
struct hello_tail {
    uint8_t cid_b[HASH_BYTES];
    uint8_t set_id[4];
    uint8_t one_time_id[4];
    uint8_t ek[DH_PUBLIC_BYTES];
    uint8_t ct_rsa[RSA_CIPHERTEXT_BYTES];
    uint8_t ct_identity[KEM_CIPHERTEXT_BYTES];
    uint8_t ct_prekey[KEM_CIPHERTEXT_BYTES];
};
_Static_assert(sizeof(struct hello_tail) == HELLO_BYTES - CERTIFICATE_BYTES - 2,
               "HELLO is suite, type, certificate and this");

/** Everything secret that goes into the root key, in the order of 1.5. */
struct handshake_secrets {
    struct secret_32 dh[4];       /**< DH1 to DH4; DH4 is zero without a one-time prekey */
    struct secret_32 ss_prekey;   /**< ssP */
    struct secret_32 ss_identity; /**< ssI */
    struct secret_32 s_rsa;       /**< sR */
};
void handshake_secrets_clear(struct handshake_secrets *secrets);

/** th and sid: public data only. `oth` is NULL without a one-time prekey. */
must_check enum error handshake_transcript(const uint8_t cid_a[HASH_BYTES],
                                           const struct hello_tail *tail,
                                           const uint8_t psh[HASH_BYTES], const uint8_t *oth,
                                           uint8_t th[HASH_BYTES], uint8_t sid[SESSION_ID_BYTES]);

/** prk and RK of the secrets and th. */
must_check enum error handshake_root(const struct handshake_secrets *secrets,
                                     const uint8_t th[HASH_BYTES], struct secret_32 *prk,
                                     struct secret_32 *root);

/** The initiator's half: draws EK_A and the three encapsulations to `peer`, and fills the tail.
 * ERR_KEY. */
must_check enum error handshake_initiate(const struct device_keys *own, const struct bundle *peer,
                                         const struct entropy *entropy, struct hello_tail *tail,
                                         struct handshake_secrets *secrets);

/** The own certified keys at work: RSA.dec(DRK, ct) and KEM.decaps(DKK, ct). */
must_check enum error own_decrypt(const struct own_device *own,
                                  const uint8_t ciphertext[RSA_CIPHERTEXT_BYTES],
                                  struct secret_32 *secret);
must_check enum error own_decapsulate(const struct own_device *own,
                                      const uint8_t ciphertext[KEM_CIPHERTEXT_BYTES],
                                      struct secret_32 *shared);

/** The responder's half: the same secrets from the private keys that the tail names. ERR_KEY. */
must_check enum error
handshake_respond(const struct own_device *own, const struct certificate *peer,
                  const struct hello_tail *tail, const struct prekey_secret *set,
                  const struct prekey_secret *one_time, struct handshake_secrets *secrets);

#endif
