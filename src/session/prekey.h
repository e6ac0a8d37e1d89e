/* SPDX-License-Identifier: ISC */
/* Prekey sets, one-time prekeys and the bundle a handshake starts from. docs/PROTOCOL.md 1.3
 * to 1.5. */
#ifndef SOTTO_SESSION_PREKEY_H
#define SOTTO_SESSION_PREKEY_H

#include "session/certificate.h"

/** The private half of a prekey set or of a one-time prekey, with what the handshake needs of the
 * public half. */
struct prekey_secret {
    uint32_t id;             /**< set_id or otk_id; never 0 */
    uint8_t cid[HASH_BYTES]; /**< certificate it belongs to */
    uint64_t expires_ms;
    struct secret_32 dh;      /**< SPK or OPK */
    struct secret_64 kem;     /**< LKK or OKK */
    uint8_t hash[HASH_BYTES]; /**< psh or oth */
};
void prekey_secret_clear(struct prekey_secret *secret);
must_check enum error prekey_secret_save(const struct prekey_secret *secret, struct buffer *out);
must_check enum error prekey_secret_load(struct bytes data, struct prekey_secret *secret);

/** Makes and signs a prekey set with the given id, valid for PREKEY_SET_LIFE_MS from `now_ms`. */
must_check enum error prekey_set_make(const struct entropy *entropy,
                                      const struct device_keys *device,
                                      const uint8_t cid[HASH_BYTES], uint32_t set_id,
                                      uint64_t now_ms, struct prekey_secret *secret,
                                      uint8_t out[PREKEY_SET_BYTES]);

/** Makes and signs a one-time prekey with a random id, valid for ONE_TIME_PREKEY_LIFE_MS. */
must_check enum error one_time_prekey_make(const struct entropy *entropy,
                                           const struct device_keys *device,
                                           const uint8_t cid[HASH_BYTES], uint64_t now_ms,
                                           struct prekey_secret *secret,
                                           uint8_t out[ONE_TIME_PREKEY_BYTES]);

/** The public half as a peer sees it. */
struct prekey {
    uint32_t id;
    uint64_t created_ms; /**< 0 for a one-time prekey */
    uint64_t expires_ms;
    uint8_t dh[DH_PUBLIC_BYTES];
    uint8_t kem[KEM_PUBLIC_BYTES];
    uint8_t hash[HASH_BYTES];
};

/** Checks length, suite, type, cid, lifetime bounds (24 h tolerance), ML-KEM key, signature under
 * the certificate. ERR_MALFORMED, ERR_MISMATCH (another cid), ERR_EXPIRED, ERR_KEY, ERR_SIGNATURE.
 */
must_check enum error prekey_set_verify(struct bytes data, const struct certificate *owner,
                                        uint64_t now_ms, struct prekey *set);
must_check enum error one_time_prekey_verify(struct bytes data, const struct certificate *owner,
                                             uint64_t now_ms, struct prekey *one_time);

/** A bundle: everything an initiator needs of the responder. */
struct bundle {
    struct certificate certificate;
    struct prekey set;
    bool has_one_time;
    struct prekey one_time;
};

/** All checks of 1.5 on a bundle for `name`, in its order; with `pin` (HASH_BYTES) not NULL the
 * account has to have that fingerprint. Epoch and set_id rules against earlier sightings are the
 * caller's. ERR_MISMATCH: name, or parts of different certificates. ERR_CONFLICT: all is well but
 * the account fingerprint is not `pin`; the bundle is filled. ERR_EXPIRED, ERR_MALFORMED, ERR_KEY,
 * ERR_SIGNATURE. */
must_check enum error bundle_verify(struct bytes data, const struct user_name *name,
                                    uint64_t now_ms, const uint8_t *pin, struct bundle *bundle);

#endif
