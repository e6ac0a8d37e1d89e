/* SPDX-License-Identifier: ISC */
/* Account keys, device keys and the certificate that binds them to a name. docs/PROTOCOL.md 1.2
 * and 1.3. */
#ifndef SOTTO_SESSION_CERTIFICATE_H
#define SOTTO_SESSION_CERTIFICATE_H

#include "base/limits.h"
#include "base/text.h"
#include "crypto/dh.h"
#include "crypto/entropy.h"
#include "crypto/kdf.h"
#include "crypto/kem.h"
#include "crypto/rsa.h"
#include "crypto/signature.h"

/** AIK, the account's identity: signs device certificates and nothing else. */
struct account_keys {
    struct secret_32 ed25519;
    struct secret_32 mldsa;
};
void account_keys_clear(struct account_keys *keys);
must_check enum error account_keys_generate(const struct entropy *entropy,
                                            struct account_keys *keys);

/** The private keys behind one certificate: DSK, DHK, DRK, DKK. */
struct device_keys {
    struct secret_32 signing;
    struct secret_32 dh;
    struct rsa_private rsa;
    struct secret_64 kem;
};
void device_keys_clear(struct device_keys *keys);
must_check enum error device_keys_generate(const struct entropy *entropy, struct device_keys *keys);

/** The keys of one device that every first message to it uses, in OpenSSL's form: for who keeps
 * them in memory. Making them takes as long as the decapsulations themselves. */
struct device_pairs {
    struct rsa_pair *rsa;
    struct kem_pair *kem;
};
must_check enum error device_pairs_new(const struct device_keys *keys, struct device_pairs **pairs);
void device_pairs_free(struct device_pairs *pairs);

/** Keys as bytes for a store that encrypts: load checks every length (ERR_MALFORMED). */
must_check enum error account_keys_save(const struct account_keys *keys, struct buffer *out);
must_check enum error account_keys_load(struct bytes data, struct account_keys *keys);
must_check enum error device_keys_save(const struct device_keys *keys, struct buffer *out);
must_check enum error device_keys_load(struct bytes data, struct device_keys *keys);

/** A parsed certificate. */
struct certificate {
    uint32_t epoch;
    uint64_t created_ms;
    uint64_t expires_ms;
    uint32_t device_id;
    struct user_name name;
    uint8_t account_ed25519[ED25519_PUBLIC_BYTES];
    uint8_t account_mldsa[MLDSA_PUBLIC_BYTES];
    uint8_t signing[ED25519_PUBLIC_BYTES]; /**< DSK */
    uint8_t dh[DH_PUBLIC_BYTES];           /**< DHK */
    uint8_t rsa[RSA_MODULUS_BYTES];        /**< DRK */
    uint8_t kem[KEM_PUBLIC_BYTES];         /**< DKK */
    uint8_t cid[HASH_BYTES];               /**< H(lb("cert") || body) */
    uint8_t afp[HASH_BYTES];               /**< account fingerprint */
};

/** Makes and signs a certificate for device 1 of `name`, valid for CERTIFICATE_LIFE_MS from
 * `created_ms`. */
must_check enum error certificate_make(const struct account_keys *account,
                                       const struct device_keys *device,
                                       const struct user_name *name, uint32_t epoch,
                                       uint64_t created_ms, uint8_t out[CERTIFICATE_BYTES]);

/** Reads the fields and computes cid and afp; checks lengths, suite, type and a canonical name, no
 * signature. ERR_MALFORMED. */
must_check enum error certificate_parse(struct bytes data, struct certificate *certificate);

/** Every check that an initiator makes (1.5): certificate_parse, device_id 1, exact lifetime,
 * created at most CLOCK_TOLERANCE_MS ahead, `now_ms` at most `grace_ms` after expiry, RSA modulus,
 * ML-KEM key, both signatures. ERR_MALFORMED, ERR_EXPIRED, ERR_KEY, ERR_SIGNATURE. */
must_check enum error certificate_verify(struct bytes data, uint64_t now_ms, uint64_t grace_ms,
                                         struct certificate *certificate);

/** Login proof (1.12): signature under DSK over lb("sig auth") || exporter || cid. */
must_check enum error login_sign(const struct device_keys *device, const uint8_t exporter[32],
                                 const uint8_t cid[HASH_BYTES],
                                 uint8_t signature[ED25519_SIGNATURE_BYTES]);
must_check enum error login_verify(const uint8_t signing_key[ED25519_PUBLIC_BYTES],
                                   const uint8_t exporter[32], const uint8_t cid[HASH_BYTES],
                                   const uint8_t signature[ED25519_SIGNATURE_BYTES]);

#endif
