/* SPDX-License-Identifier: ISC */
/* HMAC-SHA-256, HKDF-SHA-256 and AES-256-CBC. */
#include "crypto/cbc.h"
#include "crypto/hmac.h"
#include "suite.h"

#include <string.h>

enum { KEY_BITS = 256, TAG_BITS = 256 };

enum verdict run_hmac(const struct vector_case *c) {
    struct field key;
    struct field message;
    struct field tag;
    uint8_t made[TAG_BYTES];
    if (number_of(c->group, "tagSize") != TAG_BITS) {
        return NOT_APPLICABLE;
    }
    field_read(c->test, "key", &key);
    field_read(c->test, "msg", &message);
    field_read(c->test, "tag", &tag);
    struct bytes part = field_view(&message);
    enum error error = hmac_sha256_any(field_view(&key), &part, 1, made);
    if (error == OK && key.size == sizeof(struct secret_32)) {
        struct secret_32 fixed;
        memcpy(fixed.bytes, key.data, sizeof(fixed.bytes));
        error = hmac_sha256(&fixed, &part, 1, made);
    }
    bool same = secret_equal(bytes_of(made), field_view(&tag));
    return verdict_of(error == OK && same == is_valid(c));
}

static enum error extract(const struct field *salt, const struct field *ikm,
                          struct secret_32 *prk) {
    struct bytes part = field_view(ikm);
    struct secret_32 fixed;
    if (salt->size != sizeof(fixed.bytes)) {
        return hkdf_extract_any(field_view(salt), &part, 1, prk);
    }
    memcpy(fixed.bytes, salt->data, sizeof(fixed.bytes));
    return hkdf_extract(&fixed, &part, 1, prk);
}

enum verdict run_hkdf(const struct vector_case *c) {
    struct field ikm;
    struct field salt;
    struct field info;
    struct field okm;
    struct secret_32 prk;
    uint8_t made[FIELD_MAX_BYTES];
    size_t size = number_of(c->test, "size");
    field_read(c->test, "ikm", &ikm);
    field_read(c->test, "salt", &salt);
    field_read(c->test, "info", &info);
    field_read(c->test, "okm", &okm);
    if (size > sizeof(made)) {
        return DIFFERS;
    }
    struct bytes part = field_view(&info);
    enum error error = extract(&salt, &ikm, &prk);
    if (error == OK) {
        error = hkdf_expand(&prk, &part, 1, made, size);
    }
    bool same = error == OK && bytes_equal(bytes_make(made, size), field_view(&okm));
    return verdict_of(is_valid(c) ? same : error == ERR_LIMIT);
}

/* Valid cases both ways, invalid ones decrypted. */
enum verdict run_cbc(const struct vector_case *c) {
    struct field key;
    struct field iv;
    struct field plain;
    struct field cipher;
    struct secret_32 secret;
    struct buffer made;
    struct buffer opened;
    if (number_of(c->group, "keySize") != KEY_BITS) {
        return NOT_APPLICABLE;
    }
    field_read(c->test, "key", &key);
    field_read(c->test, "iv", &iv);
    field_read(c->test, "msg", &plain);
    field_read(c->test, "ct", &cipher);
    memcpy(secret.bytes, key.data, sizeof(secret.bytes));
    buffer_init(&made, FIELD_MAX_BYTES);
    buffer_init(&opened, FIELD_MAX_BYTES);
    enum error error = cbc_decrypt(&secret, iv.data, field_view(&cipher), &opened);
    bool agrees = error == ERR_MALFORMED && opened.size == 0;
    if (is_valid(c)) {
        agrees = error == OK && bytes_equal(buffer_view(&opened), field_view(&plain)) &&
                 cbc_encrypt(&secret, iv.data, field_view(&plain), &made) == OK &&
                 bytes_equal(buffer_view(&made), field_view(&cipher));
    }
    buffer_clear(&made);
    buffer_clear(&opened);
    return verdict_of(agrees);
}
