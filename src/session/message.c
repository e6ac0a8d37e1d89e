/* SPDX-License-Identifier: ISC */
#include "session/message.h"

#include "base/require.h"
#include "base/weaken.h"
#include "session/suite.h"
#include "wire/codec.h"

#include <string.h>

enum { LENGTH_BYTES = 4 };

/** Whether a ciphertext may have this length: one of the nine classes. */
static bool is_padded_size(size_t size) {
    return size >= PADDED_MIN_BYTES && size <= PADDED_MAX_BYTES && (size & (size - 1)) == 0;
}

/** IV, ciphertext and tag are the rest of the message. */
static void read_sealed(struct reader *reader, struct message *message) {
    size_t left = reader->data.size - reader->at;
    size_t around = CBC_IV_BYTES + TAG_BYTES;
    if (left < around || !is_padded_size(left - around)) {
        reader_fail(reader);
        return;
    }
    message->iv_and_cipher = reader_bytes(reader, left - TAG_BYTES);
    message->tag = reader_bytes(reader, TAG_BYTES).data;
}

static enum error parse_full(struct bytes data, struct message *message) {
    message->type = ENVELOPE_FULL;
    enum error error = chain_header_parse(data, &message->chain);
    if (error != OK) {
        return error;
    }
    struct reader reader;
    reader_init(&reader, data);
    (void)reader_bytes(&reader, message->chain.whole.size);
    message->n = reader_u32(&reader);
    message->header = bytes_make(data.data, reader.at);
    message->sid = message->chain.sid;
    read_sealed(&reader, message);
    error = reader_finish(&reader);
    if (error == OK) {
        error = chain_hash(message->chain.whole, message->cth);
        memcpy(message->chain_id, message->cth, CHAIN_ID_BYTES);
    }
    return error;
}

static enum error parse_compact(struct bytes data, struct message *message) {
    message->type = ENVELOPE_COMPACT;
    struct reader reader;
    reader_init(&reader, data);
    if (reader_u8(&reader) != SUITE || reader_u8(&reader) != ENVELOPE_COMPACT) {
        reader_fail(&reader);
    }
    message->sid = reader_bytes(&reader, SESSION_ID_BYTES).data;
    reader_copy(&reader, message->chain_id, CHAIN_ID_BYTES);
    message->n = reader_u32(&reader);
    message->header = bytes_make(data.data, reader.at);
    read_sealed(&reader, message);
    return reader_finish(&reader);
}

must_check enum error message_parse(struct bytes data, struct message *message) {
    memset(message, 0, sizeof(*message));
    if (data.size < 2) {
        return ERR_MALFORMED;
    }
    return data.data[1] == ENVELOPE_FULL ? parse_full(data, message) : parse_compact(data, message);
}

void message_keys_clear(struct message_keys *keys) {
    wipe(keys, sizeof(*keys));
}

/** enc_key || mac_key = Expand(MK, lb("msg") || n, 64). */
static enum error derive(struct mac *mac, const struct secret_32 *message_key, uint32_t n,
                         struct message_keys *keys) {
    struct secret_64 both;
    uint8_t number[4];
    put_u32(number, n);
    const struct bytes info[] = {lb(LABEL_MSG), bytes_of(number)};
    enum error error = mac_expand(mac, message_key, info, 2, both.bytes, sizeof(both.bytes));
    if (error == OK) {
        memcpy(keys->encrypt.bytes, both.bytes, sizeof(keys->encrypt.bytes));
        memcpy(keys->authenticate.bytes, both.bytes + 32, sizeof(keys->authenticate.bytes));
    }
    secret_64_clear(&both);
    return error;
}

must_check enum error message_keys_derive(const struct secret_32 *message_key, uint32_t n,
                                          struct message_keys *keys) {
    struct mac *mac = mac_new();
    enum error error = mac == NULL ? ERR_MEMORY : derive(mac, message_key, n, keys);
    mac_free(mac);
    return error;
}

/** HMAC over lb("mac") || th || dir || len(HDR) || HDR || IV || C. `sealed` is IV || C. */
static enum error compute_tag(struct mac *mac, const struct secret_32 *key,
                              const uint8_t th[HASH_BYTES], enum session_role from,
                              struct bytes header, struct bytes sealed, uint8_t tag[TAG_BYTES]) {
    uint8_t direction[5];
    direction[0] = (uint8_t)from;
    put_u32(direction + 1, (uint32_t)header.size);
    const struct bytes parts[] = {lb(LABEL_MAC), bytes_make(th, HASH_BYTES), bytes_of(direction),
                                  header, sealed};
    return mac_compute(mac, key, parts, sizeof(parts) / sizeof(parts[0]), tag);
}

size_t message_padded_size(size_t size) {
    require(size <= BODY_MAX_BYTES);
    if (weakened(WEAK_NO_PADDING)) {
        return (LENGTH_BYTES + size) / CBC_BLOCK_BYTES * CBC_BLOCK_BYTES + CBC_BLOCK_BYTES;
    }
    size_t padded = PADDED_MIN_BYTES;
    while (LENGTH_BYTES + size > padded - 1) {
        padded *= 2;
    }
    return padded;
}

/** inner = u32(len) || body || zeros to one byte less than the class; PKCS#7 adds that byte. */
static enum error pad(struct bytes body, struct buffer *inner) {
    uint8_t *at = NULL;
    enum error error = buffer_extend(inner, message_padded_size(body.size) - 1, &at);
    if (error == OK) {
        put_u32(at, (uint32_t)body.size);
        if (body.size > 0) {
            memcpy(at + LENGTH_BYTES, body.data, body.size);
        }
    }
    return error;
}

must_check enum error message_seal(const struct secret_32 *message_key, uint32_t n,
                                   const uint8_t th[HASH_BYTES], enum session_role from,
                                   const uint8_t iv[CBC_IV_BYTES], struct bytes body,
                                   size_t header_at, struct buffer *envelope) {
    struct message_keys keys;
    struct buffer inner;
    buffer_init(&inner, PADDED_MAX_BYTES);
    size_t sealed_at = envelope->size;
    struct mac *mac = mac_new();
    enum error error = mac == NULL ? ERR_MEMORY : derive(mac, message_key, n, &keys);
    if (error == OK) {
        error = pad(body, &inner);
    }
    if (error == OK) {
        error = buffer_reserve(envelope, CBC_IV_BYTES + inner.size + 1 + TAG_BYTES);
    }
    if (error == OK) {
        error = buffer_append(envelope, bytes_make(iv, CBC_IV_BYTES));
    }
    if (error == OK) {
        error = cbc_encrypt(&keys.encrypt, iv, buffer_view(&inner), envelope);
    }
    if (error == OK) {
        struct bytes header = bytes_make(envelope->data + header_at, sealed_at - header_at);
        struct bytes sealed = bytes_make(envelope->data + sealed_at, envelope->size - sealed_at);
        uint8_t tag[TAG_BYTES];
        error = compute_tag(mac, &keys.authenticate, th, from, header, sealed, tag);
        if (error == OK) {
            error = buffer_append(envelope, bytes_of(tag));
        }
    }
    mac_free(mac);
    buffer_clear(&inner);
    message_keys_clear(&keys);
    return error;
}

/** The body inside a decrypted message of class `padded`. The filler is secret no longer than the
 * body is. */
static enum error unpad(struct bytes inner, size_t padded, struct bytes *body) {
    if (inner.size != padded - 1) {
        return ERR_MALFORMED;
    }
    size_t size = get_u32(inner.data);
    if (size > inner.size - LENGTH_BYTES) {
        return ERR_MALFORMED;
    }
    uint8_t filler = 0;
    for (size_t i = LENGTH_BYTES + size; i < inner.size; i++) {
        filler = (uint8_t)(filler | inner.data[i]);
    }
    *body = bytes_make(inner.data + LENGTH_BYTES, size);
    return filler == 0 ? OK : ERR_MALFORMED;
}

must_check enum error message_open(const struct secret_32 *message_key,
                                   const uint8_t th[HASH_BYTES], enum session_role from,
                                   const struct message *message, struct buffer *body) {
    struct message_keys keys;
    struct buffer inner;
    uint8_t tag[TAG_BYTES];
    struct bytes sealed = message->iv_and_cipher;
    struct bytes cipher = bytes_make(sealed.data + CBC_IV_BYTES, sealed.size - CBC_IV_BYTES);
    buffer_init(&inner, PADDED_MAX_BYTES);
    struct mac *mac = mac_new();
    enum error error = mac == NULL ? ERR_MEMORY : derive(mac, message_key, message->n, &keys);
    if (error == OK) {
        error = compute_tag(mac, &keys.authenticate, th, from, message->header, sealed, tag);
    }
    size_t compared = weakened(WEAK_SHORT_TAG) ? 8 : TAG_BYTES;
    if (error == OK && !weakened(WEAK_NO_MAC_CHECK) &&
        !secret_equal(bytes_make(tag, compared), bytes_make(message->tag, compared))) {
        error = ERR_SIGNATURE;
    }
    if (error == OK) {
        error = buffer_reserve(&inner, cipher.size);
    }
    if (error == OK) {
        error = cbc_decrypt(&keys.encrypt, sealed.data, cipher, &inner);
    }
    struct bytes inside = {NULL, 0};
    if (error == OK) {
        error = unpad(buffer_view(&inner), cipher.size, &inside);
    }
    if (error == OK) {
        error = buffer_append(body, inside);
    }
    mac_free(mac);
    buffer_clear(&inner);
    message_keys_clear(&keys);
    wipe(tag, sizeof(tag));
    return error;
}
