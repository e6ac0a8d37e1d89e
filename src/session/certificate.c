/* SPDX-License-Identifier: ISC */
#include "session/certificate.h"

#include "base/require.h"
#include "base/weaken.h"
#include "session/suite.h"
#include "wire/codec.h"

#include <string.h>

/** Device 1 is the only one of an account so far (1.2). */
enum { DEVICE_ID = 1, ACCOUNT_SIGNATURE_BYTES = ED25519_SIGNATURE_BYTES + MLDSA_SIGNATURE_BYTES };

_Static_assert(CERTIFICATE_BODY_BYTES + ACCOUNT_SIGNATURE_BYTES == CERTIFICATE_BYTES,
               "the layout of 1.3");

/** The public keys of both levels, where the body has them. */
struct public_keys {
    uint8_t account_ed25519[ED25519_PUBLIC_BYTES];
    uint8_t account_mldsa[MLDSA_PUBLIC_BYTES];
    uint8_t signing[ED25519_PUBLIC_BYTES];
    uint8_t dh[DH_PUBLIC_BYTES];
    uint8_t rsa[RSA_MODULUS_BYTES];
    uint8_t kem[KEM_PUBLIC_BYTES];
};

static enum error public_keys_of(const struct account_keys *account,
                                 const struct device_keys *device, struct public_keys *keys) {
    enum error error = ed25519_public(&account->ed25519, keys->account_ed25519);
    if (error == OK) {
        error = mldsa_public(&account->mldsa, keys->account_mldsa);
    }
    if (error == OK) {
        error = ed25519_public(&device->signing, keys->signing);
    }
    if (error == OK) {
        error = dh_public(&device->dh, keys->dh);
    }
    if (error == OK) {
        error = rsa_modulus(&device->rsa, keys->rsa);
    }
    if (error == OK) {
        error = kem_public(&device->kem, keys->kem);
    }
    return error;
}

must_check enum error certificate_make(const struct account_keys *account,
                                       const struct device_keys *device,
                                       const struct user_name *name, uint32_t epoch,
                                       uint64_t created_ms, uint8_t out[CERTIFICATE_BYTES]) {
    require(epoch >= 1);
    require(user_name_is_canonical(bytes_of_string(name->text)));
    struct public_keys keys;
    enum error error = public_keys_of(account, device, &keys);
    if (error != OK) {
        return error;
    }
    out[0] = SUITE;
    out[1] = OBJECT_CERTIFICATE;
    put_u32(out + 2, epoch);
    put_u64(out + 6, created_ms);
    put_u64(out + 14, created_ms + CERTIFICATE_LIFE_MS);
    put_u32(out + 22, DEVICE_ID);
    uint8_t *at = place(out + 26, name->text, NAME_MAX_BYTES);
    at = place(at, &keys, sizeof(keys));
    require(at == out + CERTIFICATE_BODY_BYTES);

    /* Deterministic: one key signs one body once, and a certificate follows from its inputs alone.
     */
    struct bytes body = bytes_make(out, CERTIFICATE_BODY_BYTES);
    error = ed25519_sign(&account->ed25519, lb(LABEL_SIG_CERT), body, at);
    if (error == OK) {
        error = mldsa_sign(&account->mldsa, lb(LABEL_SIG_CERT), body, true,
                           at + ED25519_SIGNATURE_BYTES);
    }
    return error;
}

/** 32 bytes: a canonical name and zeros. */
static void read_name(struct reader *reader, struct user_name *name) {
    memset(name, 0, sizeof(*name));
    reader_copy(reader, (uint8_t *)name->text, NAME_MAX_BYTES);
    size_t size = strlen(name->text);
    for (size_t i = size; i < NAME_MAX_BYTES; i++) {
        if (name->text[i] != '\0') {
            reader_fail(reader);
        }
    }
    if (!user_name_is_canonical(bytes_make(name->text, size))) {
        reader_fail(reader);
    }
}

static enum error hash_identity(struct bytes body, struct certificate *certificate) {
    const struct bytes cid[] = {lb(LABEL_CERT), body};
    enum error error = sha256(cid, 2, certificate->cid);
    if (error != OK) {
        return error;
    }
    const struct bytes afp[] = {lb(LABEL_ACCOUNT), bytes_of(certificate->account_ed25519),
                                bytes_of(certificate->account_mldsa)};
    return sha256(afp, 3, certificate->afp);
}

must_check enum error certificate_parse(struct bytes data, struct certificate *certificate) {
    struct reader reader;
    reader_init(&reader, data);
    if (reader_u8(&reader) != SUITE || reader_u8(&reader) != OBJECT_CERTIFICATE) {
        reader_fail(&reader);
    }
    certificate->epoch = reader_u32(&reader);
    certificate->created_ms = reader_u64(&reader);
    certificate->expires_ms = reader_u64(&reader);
    certificate->device_id = reader_u32(&reader);
    read_name(&reader, &certificate->name);
    reader_copy(&reader, certificate->account_ed25519, sizeof(certificate->account_ed25519));
    reader_copy(&reader, certificate->account_mldsa, sizeof(certificate->account_mldsa));
    reader_copy(&reader, certificate->signing, sizeof(certificate->signing));
    reader_copy(&reader, certificate->dh, sizeof(certificate->dh));
    reader_copy(&reader, certificate->rsa, sizeof(certificate->rsa));
    reader_copy(&reader, certificate->kem, sizeof(certificate->kem));
    (void)reader_bytes(&reader, ACCOUNT_SIGNATURE_BYTES);
    if (certificate->epoch == 0) {
        reader_fail(&reader);
    }
    enum error error = reader_finish(&reader);
    return error == OK ? hash_identity(bytes_make(data.data, CERTIFICATE_BODY_BYTES), certificate)
                       : error;
}

/** SIGa: both algorithms over the same input, valid only if both verify. */
static enum error verify_account(struct bytes data, const struct certificate *certificate) {
    struct bytes body = bytes_make(data.data, CERTIFICATE_BODY_BYTES);
    const uint8_t *signature = data.data + CERTIFICATE_BODY_BYTES;
    enum error error =
        weakened(WEAK_NO_ED25519)
            ? OK
            : ed25519_verify(certificate->account_ed25519, lb(LABEL_SIG_CERT), body, signature);
    if (error == OK && !weakened(WEAK_NO_MLDSA)) {
        error = mldsa_verify(certificate->account_mldsa, lb(LABEL_SIG_CERT), body,
                             signature + ED25519_SIGNATURE_BYTES);
    }
    return error;
}

must_check enum error certificate_verify(struct bytes data, uint64_t now_ms, uint64_t grace_ms,
                                         struct certificate *certificate) {
    enum error error = certificate_parse(data, certificate);
    if (error == OK) {
        error = verify_account(data, certificate);
    }
    if (error != OK) {
        return error;
    }
    if (certificate->created_ms > now_ms + CLOCK_TOLERANCE_MS) {
        return ERR_EXPIRED;
    }
    /* created is at most a day ahead, so that this sum does not wrap. */
    if ((certificate->expires_ms != certificate->created_ms + CERTIFICATE_LIFE_MS &&
         !weakened(WEAK_NO_CERTIFICATE_LIFE)) ||
        (certificate->device_id != DEVICE_ID && !weakened(WEAK_NO_DEVICE_RULE))) {
        return ERR_MALFORMED;
    }
    if (now_ms > certificate->expires_ms + grace_ms && !weakened(WEAK_NO_CERTIFICATE_LIFE)) {
        return ERR_EXPIRED;
    }
    error = rsa_check_modulus(certificate->rsa);
    return error == OK ? kem_check_public(certificate->kem) : error;
}

/** exporter || cid, what a login proof signs after its label. */
static void login_message(const uint8_t exporter[32], const uint8_t cid[HASH_BYTES],
                          uint8_t out[32 + HASH_BYTES]) {
    static const uint8_t ANY[32] = {0};
    (void)place(place(out, weakened(WEAK_NO_EXPORTER) ? ANY : exporter, 32), cid, HASH_BYTES);
}

must_check enum error login_sign(const struct device_keys *device, const uint8_t exporter[32],
                                 const uint8_t cid[HASH_BYTES],
                                 uint8_t signature[ED25519_SIGNATURE_BYTES]) {
    uint8_t message[32 + HASH_BYTES];
    login_message(exporter, cid, message);
    return ed25519_sign(&device->signing, lb(LABEL_SIG_AUTH), bytes_of(message), signature);
}

must_check enum error login_verify(const uint8_t signing_key[ED25519_PUBLIC_BYTES],
                                   const uint8_t exporter[32], const uint8_t cid[HASH_BYTES],
                                   const uint8_t signature[ED25519_SIGNATURE_BYTES]) {
    uint8_t message[32 + HASH_BYTES];
    login_message(exporter, cid, message);
    return ed25519_verify(signing_key, lb(LABEL_SIG_AUTH), bytes_of(message), signature);
}
