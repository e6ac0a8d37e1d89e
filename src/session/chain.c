/* SPDX-License-Identifier: ISC */
#include "session/chain.h"

#include "base/require.h"
#include "session/suite.h"
#include "wire/codec.h"

#include <string.h>

_Static_assert(CHAIN_HEADER_MAX_BYTES == CHAIN_HEADER_MIN_BYTES + 2 * KEM_CIPHERTEXT_BYTES +
                                             KEM_PUBLIC_BYTES + RSA_CIPHERTEXT_BYTES,
               "the layout of 1.6");

/** The field that `flag` announces, or NULL. */
static const uint8_t *optional(struct reader *reader, unsigned flag, size_t size) {
    return flag != 0 ? reader_bytes(reader, size).data : NULL;
}

must_check enum error chain_header_parse(struct bytes data, struct chain_header *header) {
    struct reader reader;
    reader_init(&reader, data);
    if (reader_u8(&reader) != SUITE || reader_u8(&reader) != ENVELOPE_FULL) {
        reader_fail(&reader);
    }
    header->sid = reader_bytes(&reader, SESSION_ID_BYTES).data;
    header->flags = reader_u8(&reader);
    if ((header->flags & ~(unsigned)CHAIN_FLAGS) != 0) {
        reader_fail(&reader);
    }
    header->dh = reader_bytes(&reader, DH_PUBLIC_BYTES).data;
    header->pn = reader_u32(&reader);
    header->ct = optional(&reader, header->flags & CHAIN_CT, KEM_CIPHERTEXT_BYTES);
    header->ek = optional(&reader, header->flags & CHAIN_EK, KEM_PUBLIC_BYTES);
    header->auth_rsa = optional(&reader, header->flags & CHAIN_AUTH, RSA_CIPHERTEXT_BYTES);
    header->auth_kem = optional(&reader, header->flags & CHAIN_AUTH, KEM_CIPHERTEXT_BYTES);
    header->whole = bytes_make(data.data, reader.at);
    return reader.failed ? ERR_MALFORMED : OK;
}

size_t chain_header_write(const struct chain_header *header, uint8_t out[CHAIN_HEADER_MAX_BYTES]) {
    require((header->flags & ~(unsigned)CHAIN_FLAGS) == 0);
    uint8_t *at = out;
    *at++ = SUITE;
    *at++ = ENVELOPE_FULL;
    at = place(at, header->sid, SESSION_ID_BYTES);
    *at++ = header->flags;
    at = place(at, header->dh, DH_PUBLIC_BYTES);
    put_u32(at, header->pn);
    at += 4;
    if ((header->flags & CHAIN_CT) != 0) {
        at = place(at, header->ct, KEM_CIPHERTEXT_BYTES);
    }
    if ((header->flags & CHAIN_EK) != 0) {
        at = place(at, header->ek, KEM_PUBLIC_BYTES);
    }
    if ((header->flags & CHAIN_AUTH) != 0) {
        at = place(at, header->auth_rsa, RSA_CIPHERTEXT_BYTES);
        at = place(at, header->auth_kem, KEM_CIPHERTEXT_BYTES);
    }
    return (size_t)(at - out);
}

must_check enum error chain_hash(struct bytes header, uint8_t cth[HASH_BYTES]) {
    const struct bytes parts[] = {lb(LABEL_CHAIN), header};
    return sha256(parts, 2, cth);
}

void chain_secrets_clear(struct chain_secrets *secrets) {
    wipe(secrets, sizeof(*secrets));
}

must_check enum error chain_root(const struct secret_32 *root, const struct chain_secrets *secrets,
                                 const uint8_t cth[HASH_BYTES], struct secret_32 *next_root,
                                 struct secret_32 *chain_key) {
    struct bytes ikm[4];
    size_t count = 0;
    ikm[count++] = bytes_of(secrets->dh.bytes);
    if (secrets->has_ct) {
        ikm[count++] = bytes_of(secrets->ss_ct.bytes);
    }
    if (secrets->has_auth) {
        ikm[count++] = bytes_of(secrets->s_rsa.bytes);
        ikm[count++] = bytes_of(secrets->ss_kem.bytes);
    }
    struct secret_32 prk;
    struct secret_64 keys;
    enum error error = hkdf_extract(root, ikm, count, &prk);
    if (error == OK) {
        const struct bytes info[] = {lb(LABEL_ROOT), bytes_make(cth, HASH_BYTES)};
        error = hkdf_expand(&prk, info, 2, keys.bytes, sizeof(keys.bytes));
    }
    if (error == OK) {
        memcpy(next_root->bytes, keys.bytes, sizeof(next_root->bytes));
        memcpy(chain_key->bytes, keys.bytes + 32, sizeof(chain_key->bytes));
    }
    secret_32_clear(&prk);
    secret_64_clear(&keys);
    return error;
}

static const uint8_t MESSAGE[] = {0x01};
static const uint8_t NEXT[] = {0x02};

must_check enum error chain_message_key(const struct secret_32 *chain_key,
                                        struct secret_32 *message_key) {
    const struct bytes message = bytes_of(MESSAGE);
    return hmac_sha256(chain_key, &message, 1, message_key->bytes);
}

must_check enum error chain_step(struct secret_32 *chain_key, struct secret_32 *message_key) {
    const struct bytes message = bytes_of(MESSAGE);
    const struct bytes next = bytes_of(NEXT);
    struct secret_32 moved;
    enum error error = message_key == NULL ? hmac_sha256(chain_key, &next, 1, moved.bytes)
                                           : hmac_sha256_two(chain_key, message, next,
                                                             message_key->bytes, moved.bytes);
    if (error == OK) {
        *chain_key = moved;
    }
    secret_32_clear(&moved);
    return error;
}
