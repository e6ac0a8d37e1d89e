/* SPDX-License-Identifier: ISC */
#include "session/prekey.h"

#include "base/require.h"
#include "base/weaken.h"
#include "session/suite.h"
#include "wire/codec.h"

#include <string.h>

enum { PREKEY_SECRET_VERSION = 1 };

void prekey_secret_clear(struct prekey_secret *secret) {
    secret_32_clear(&secret->dh);
    secret_64_clear(&secret->kem);
    wipe(secret, sizeof(*secret));
}

must_check enum error prekey_secret_save(const struct prekey_secret *secret, struct buffer *out) {
    struct writer writer;
    writer_init(&writer, out);
    writer_u8(&writer, PREKEY_SECRET_VERSION);
    writer_u32(&writer, secret->id);
    writer_bytes(&writer, bytes_of(secret->cid));
    writer_u64(&writer, secret->expires_ms);
    writer_bytes(&writer, bytes_of(secret->dh.bytes));
    writer_bytes(&writer, bytes_of(secret->kem.bytes));
    writer_bytes(&writer, bytes_of(secret->hash));
    return writer_finish(&writer);
}

must_check enum error prekey_secret_load(struct bytes data, struct prekey_secret *secret) {
    struct reader reader;
    reader_init(&reader, data);
    if (reader_u8(&reader) != PREKEY_SECRET_VERSION) {
        reader_fail(&reader);
    }
    secret->id = reader_u32(&reader);
    reader_copy(&reader, secret->cid, sizeof(secret->cid));
    secret->expires_ms = reader_u64(&reader);
    reader_copy(&reader, secret->dh.bytes, sizeof(secret->dh.bytes));
    reader_copy(&reader, secret->kem.bytes, sizeof(secret->kem.bytes));
    reader_copy(&reader, secret->hash, sizeof(secret->hash));
    enum error error = reader_finish(&reader);
    if (error != OK) {
        prekey_secret_clear(secret);
    }
    return error;
}

/** What tells the two kinds of prekey object apart. */
struct kind {
    uint8_t type;
    enum label sign;
    enum label hash;
    size_t body_bytes;
    bool has_created;
};

static const struct kind SET = {OBJECT_PREKEY_SET, LABEL_SIG_PREKEYS, LABEL_PREKEYS,
                                PREKEY_SET_BODY_BYTES, true};
static const struct kind ONE_TIME = {OBJECT_ONE_TIME_PREKEY, LABEL_SIG_OTK, LABEL_OTK,
                                     ONE_TIME_PREKEY_BODY_BYTES, false};

/** psh or oth. */
static enum error hash_body(const struct kind *kind, const uint8_t *body,
                            uint8_t hash[HASH_BYTES]) {
    const struct bytes parts[] = {lb(kind->hash), bytes_make(body, kind->body_bytes)};
    return sha256(parts, 2, hash);
}

/** Draws the key pairs of `secret` and writes the object; id, cid and times are in place already.
 */
static enum error make(const struct kind *kind, const struct entropy *entropy,
                       const struct device_keys *device, uint64_t created_ms,
                       struct prekey_secret *secret, uint8_t *out) {
    uint8_t dh[DH_PUBLIC_BYTES];
    uint8_t kem[KEM_PUBLIC_BYTES];
    enum error error = entropy->fill(entropy->context, secret->dh.bytes, sizeof(secret->dh.bytes));
    if (error == OK) {
        error = entropy->fill(entropy->context, secret->kem.bytes, sizeof(secret->kem.bytes));
    }
    if (error == OK) {
        error = dh_public(&secret->dh, dh);
    }
    if (error == OK) {
        error = kem_public(&secret->kem, kem);
    }
    if (error != OK) {
        goto out;
    }
    uint8_t *at = out;
    *at++ = SUITE;
    *at++ = kind->type;
    at = place(at, secret->cid, HASH_BYTES);
    put_u32(at, secret->id);
    at += 4;
    if (kind->has_created) {
        put_u64(at, created_ms);
        at += 8;
    }
    put_u64(at, secret->expires_ms);
    at = place(at + 8, dh, sizeof(dh));
    at = place(at, kem, sizeof(kem));
    require(at == out + kind->body_bytes);
    error = ed25519_sign(&device->signing, lb(kind->sign), bytes_make(out, kind->body_bytes), at);
    if (error == OK) {
        error = hash_body(kind, out, secret->hash);
    }
out:
    if (error != OK) {
        prekey_secret_clear(secret);
    }
    return error;
}

must_check enum error prekey_set_make(const struct entropy *entropy,
                                      const struct device_keys *device,
                                      const uint8_t cid[HASH_BYTES], uint32_t set_id,
                                      uint64_t now_ms, struct prekey_secret *secret,
                                      uint8_t out[PREKEY_SET_BYTES]) {
    require(set_id != 0);
    memset(secret, 0, sizeof(*secret));
    secret->id = set_id;
    secret->expires_ms = now_ms + PREKEY_SET_LIFE_MS;
    memcpy(secret->cid, cid, HASH_BYTES);
    return make(&SET, entropy, device, now_ms, secret, out);
}

must_check enum error one_time_prekey_make(const struct entropy *entropy,
                                           const struct device_keys *device,
                                           const uint8_t cid[HASH_BYTES], uint64_t now_ms,
                                           struct prekey_secret *secret,
                                           uint8_t out[ONE_TIME_PREKEY_BYTES]) {
    memset(secret, 0, sizeof(*secret));
    uint8_t id[4];
    enum error error = entropy->fill(entropy->context, id, sizeof(id));
    if (error != OK) {
        return error;
    }
    /* 0 says "none": the one drawing in four thousand million that hits it becomes 1. */
    secret->id = get_u32(id) == 0 ? 1 : get_u32(id);
    secret->expires_ms = now_ms + ONE_TIME_PREKEY_LIFE_MS;
    memcpy(secret->cid, cid, HASH_BYTES);
    return make(&ONE_TIME, entropy, device, 0, secret, out);
}

/** Reads an object and checks the certificate it names and its signature. */
static enum error parse(const struct kind *kind, struct bytes data, const struct certificate *owner,
                        struct prekey *prekey) {
    uint8_t cid[HASH_BYTES];
    struct reader reader;
    reader_init(&reader, data);
    if (reader_u8(&reader) != SUITE ||
        (reader_u8(&reader) != kind->type && !weakened(WEAK_NO_PREKEY_TYPE))) {
        reader_fail(&reader);
    }
    reader_copy(&reader, cid, sizeof(cid));
    prekey->id = reader_u32(&reader);
    prekey->created_ms = kind->has_created ? reader_u64(&reader) : 0;
    prekey->expires_ms = reader_u64(&reader);
    reader_copy(&reader, prekey->dh, sizeof(prekey->dh));
    reader_copy(&reader, prekey->kem, sizeof(prekey->kem));
    struct bytes signature = reader_bytes(&reader, ED25519_SIGNATURE_BYTES);
    if (prekey->id == 0) {
        reader_fail(&reader);
    }
    enum error error = reader_finish(&reader);
    if (error != OK) {
        return error;
    }
    if (memcmp(cid, owner->cid, HASH_BYTES) != 0 && !weakened(WEAK_NO_PART_BINDING)) {
        return ERR_MISMATCH;
    }
    if (!weakened(WEAK_NO_PREKEY_SIGNATURE)) {
        error = ed25519_verify(owner->signing, lb(kind->sign),
                               bytes_make(data.data, kind->body_bytes), signature.data);
    }
    return error == OK ? hash_body(kind, data.data, prekey->hash) : error;
}

must_check enum error prekey_set_verify(struct bytes data, const struct certificate *owner,
                                        uint64_t now_ms, struct prekey *set) {
    enum error error = parse(&SET, data, owner, set);
    if (error != OK) {
        return error;
    }
    if (set->created_ms > now_ms + CLOCK_TOLERANCE_MS) {
        return ERR_EXPIRED;
    }
    if (weakened(WEAK_NO_PREKEY_LIFE)) {
        return kem_check_public(set->kem);
    }
    if (set->expires_ms != set->created_ms + PREKEY_SET_LIFE_MS) {
        return ERR_MALFORMED;
    }
    if (now_ms > set->expires_ms + CLOCK_TOLERANCE_MS) {
        return ERR_EXPIRED;
    }
    return kem_check_public(set->kem);
}

must_check enum error one_time_prekey_verify(struct bytes data, const struct certificate *owner,
                                             uint64_t now_ms, struct prekey *one_time) {
    enum error error = parse(&ONE_TIME, data, owner, one_time);
    if (error != OK) {
        return error;
    }
    if (weakened(WEAK_NO_PREKEY_LIFE)) {
        return kem_check_public(one_time->kem);
    }
    if (one_time->expires_ms > now_ms + ONE_TIME_PREKEY_LIFE_MS + CLOCK_TOLERANCE_MS ||
        now_ms > one_time->expires_ms + CLOCK_TOLERANCE_MS) {
        return ERR_EXPIRED;
    }
    return kem_check_public(one_time->kem);
}

must_check enum error bundle_verify(struct bytes data, const struct user_name *name,
                                    uint64_t now_ms, const uint8_t *pin, struct bundle *bundle) {
    enum { WITHOUT = CERTIFICATE_BYTES + PREKEY_SET_BYTES, WITH = WITHOUT + ONE_TIME_PREKEY_BYTES };
    if (data.size != WITHOUT && data.size != WITH) {
        return ERR_MALFORMED;
    }
    /* No grace: nothing may be sent in a session whose certificate has expired (1.6). */
    struct bytes part = bytes_make(data.data, CERTIFICATE_BYTES);
    enum error error = certificate_verify(part, now_ms, 0, &bundle->certificate);
    if (error != OK && error != ERR_EXPIRED) {
        return error;
    }
    if (weakened(WEAK_NO_BUNDLE_NAME)) {
        bundle->certificate.name = *name;
    }
    if (!user_name_equal(&bundle->certificate.name, name)) {
        return ERR_MISMATCH;
    }
    if (error != OK) {
        return error;
    }
    part = bytes_make(data.data + CERTIFICATE_BYTES, PREKEY_SET_BYTES);
    error = prekey_set_verify(part, &bundle->certificate, now_ms, &bundle->set);
    if (error != OK) {
        return error;
    }
    bundle->has_one_time = data.size == WITH;
    memset(&bundle->one_time, 0, sizeof(bundle->one_time));
    if (bundle->has_one_time) {
        part = bytes_make(data.data + WITHOUT, ONE_TIME_PREKEY_BYTES);
        error = one_time_prekey_verify(part, &bundle->certificate, now_ms, &bundle->one_time);
        if (error != OK) {
            return error;
        }
    }
    if (pin != NULL && memcmp(pin, bundle->certificate.afp, HASH_BYTES) != 0) {
        return ERR_CONFLICT;
    }
    return OK;
}
