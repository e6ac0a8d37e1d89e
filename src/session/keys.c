/* SPDX-License-Identifier: ISC */
/* Private keys of accounts and devices: made, stored, wiped. docs/PROTOCOL.md 1.2. */
#include "session/certificate.h"

#include "wire/codec.h"

#include <stdlib.h>
#include <string.h>

enum { KEYS_VERSION = 1 };

void account_keys_clear(struct account_keys *keys) {
    secret_32_clear(&keys->ed25519);
    secret_32_clear(&keys->mldsa);
}

must_check enum error account_keys_generate(const struct entropy *entropy,
                                            struct account_keys *keys) {
    memset(keys, 0, sizeof(*keys));
    enum error error =
        entropy->fill(entropy->context, keys->ed25519.bytes, sizeof(keys->ed25519.bytes));
    if (error == OK) {
        error = entropy->fill(entropy->context, keys->mldsa.bytes, sizeof(keys->mldsa.bytes));
    }
    if (error != OK) {
        account_keys_clear(keys);
    }
    return error;
}

void device_keys_clear(struct device_keys *keys) {
    secret_32_clear(&keys->signing);
    secret_32_clear(&keys->dh);
    rsa_private_clear(&keys->rsa);
    secret_64_clear(&keys->kem);
}

must_check enum error device_keys_generate(const struct entropy *entropy,
                                           struct device_keys *keys) {
    memset(keys, 0, sizeof(*keys));
    void *context = entropy->context;
    enum error error = entropy->fill(context, keys->signing.bytes, sizeof(keys->signing.bytes));
    if (error == OK) {
        error = entropy->fill(context, keys->dh.bytes, sizeof(keys->dh.bytes));
    }
    if (error == OK) {
        error = entropy->fill(context, keys->kem.bytes, sizeof(keys->kem.bytes));
    }
    if (error == OK) {
        error = entropy->generate_rsa(context, &keys->rsa);
    }
    if (error != OK) {
        device_keys_clear(keys);
    }
    return error;
}

must_check enum error device_pairs_new(const struct device_keys *keys,
                                       struct device_pairs **pairs) {
    struct device_pairs *made = calloc(1, sizeof(*made));
    enum error error = made == NULL ? ERR_MEMORY : rsa_pair_new(&keys->rsa, &made->rsa);
    if (error == OK) {
        error = kem_pair_new(&keys->kem, &made->kem);
    }
    if (error != OK) {
        device_pairs_free(made);
        made = NULL;
    }
    *pairs = made;
    return error;
}

void device_pairs_free(struct device_pairs *pairs) {
    if (pairs != NULL) {
        rsa_pair_free(pairs->rsa);
        kem_pair_free(pairs->kem);
        free(pairs);
    }
}

must_check enum error account_keys_save(const struct account_keys *keys, struct buffer *out) {
    struct writer writer;
    writer_init(&writer, out);
    writer_u8(&writer, KEYS_VERSION);
    writer_bytes(&writer, bytes_of(keys->ed25519.bytes));
    writer_bytes(&writer, bytes_of(keys->mldsa.bytes));
    return writer_finish(&writer);
}

must_check enum error account_keys_load(struct bytes data, struct account_keys *keys) {
    struct reader reader;
    reader_init(&reader, data);
    if (reader_u8(&reader) != KEYS_VERSION) {
        reader_fail(&reader);
    }
    reader_copy(&reader, keys->ed25519.bytes, sizeof(keys->ed25519.bytes));
    reader_copy(&reader, keys->mldsa.bytes, sizeof(keys->mldsa.bytes));
    enum error error = reader_finish(&reader);
    if (error != OK) {
        account_keys_clear(keys);
    }
    return error;
}

must_check enum error device_keys_save(const struct device_keys *keys, struct buffer *out) {
    struct writer writer;
    writer_init(&writer, out);
    writer_u8(&writer, KEYS_VERSION);
    writer_bytes(&writer, bytes_of(keys->signing.bytes));
    writer_bytes(&writer, bytes_of(keys->dh.bytes));
    writer_bytes(&writer, bytes_of(keys->kem.bytes));
    writer_bytes(&writer, bytes_of(keys->rsa.reject.bytes));
    writer_u16(&writer, (uint16_t)keys->rsa.size);
    writer_bytes(&writer, bytes_make(keys->rsa.pkcs8, keys->rsa.size));
    return writer_finish(&writer);
}

must_check enum error device_keys_load(struct bytes data, struct device_keys *keys) {
    memset(keys, 0, sizeof(*keys));
    struct reader reader;
    reader_init(&reader, data);
    if (reader_u8(&reader) != KEYS_VERSION) {
        reader_fail(&reader);
    }
    reader_copy(&reader, keys->signing.bytes, sizeof(keys->signing.bytes));
    reader_copy(&reader, keys->dh.bytes, sizeof(keys->dh.bytes));
    reader_copy(&reader, keys->kem.bytes, sizeof(keys->kem.bytes));
    reader_copy(&reader, keys->rsa.reject.bytes, sizeof(keys->rsa.reject.bytes));
    keys->rsa.size = reader_u16(&reader);
    if (keys->rsa.size == 0 || keys->rsa.size > sizeof(keys->rsa.pkcs8)) {
        reader_fail(&reader);
    } else {
        reader_copy(&reader, keys->rsa.pkcs8, keys->rsa.size);
    }
    enum error error = reader_finish(&reader);
    if (error != OK) {
        device_keys_clear(keys);
    }
    return error;
}
