/* SPDX-License-Identifier: ISC */
#include "client/store/key_file.h"

#include "crypto/cbc.h"
#include "wire/codec.h"

#include <string.h>

enum {
    KEY_FILE_VERSION = 1,
    KEY_PLAIN = 0,
    KEY_WRAPPED = 1,
    HEADER_BYTES = 10,
    SALT_BYTES = 16,
    WRAPPED_KEY_BYTES = 48,
    TAGGED_BYTES = 102,
    /* A file that asks for more is damaged or hostile. */
    COST_MEMORY_MAX_KIB = 1024 * 1024,
    COST_PASSES_MAX = 64,
    COST_LANES_MAX = 4,
};

static const char MAGIC[] = "sottokey";

struct wrapping {
    struct argon2_cost cost;
    uint8_t salt[SALT_BYTES];
    uint8_t iv[CBC_IV_BYTES];
    struct bytes wrapped;
    struct bytes tag;
};

struct wrapping_keys {
    struct secret_32 encrypt;
    struct secret_32 authenticate;
};

struct argon2_cost key_file_cost(void) {
    return (struct argon2_cost){.memory_kib = 64 * 1024, .passes = 3, .lanes = 1};
}

static enum error derive(struct bytes passphrase, const uint8_t salt[SALT_BYTES],
                         const struct argon2_cost *cost, struct wrapping_keys *keys) {
    struct secret_32 stretched;
    struct secret_64 both;
    const struct bytes info = bytes_of_string("sotto store key");
    enum error error = argon2id(passphrase, salt, cost, &stretched);
    if (error == OK) {
        error = hkdf_expand(&stretched, &info, 1, both.bytes, sizeof(both.bytes));
    }
    if (error == OK) {
        memcpy(keys->encrypt.bytes, both.bytes, 32);
        memcpy(keys->authenticate.bytes, both.bytes + 32, 32);
    }
    secret_32_clear(&stretched);
    secret_64_clear(&both);
    return error;
}

static void clear_keys(struct wrapping_keys *keys) {
    secret_32_clear(&keys->encrypt);
    secret_32_clear(&keys->authenticate);
}

static enum error wrap(const struct random_source *random, struct bytes passphrase,
                       const struct argon2_cost *cost, const struct secret_32 *key,
                       struct buffer *file) {
    struct wrapping_keys keys;
    uint8_t salt[SALT_BYTES];
    uint8_t iv[CBC_IV_BYTES];
    uint8_t tag[TAG_BYTES];
    enum error error = random_fill(random, salt, sizeof(salt));
    if (error == OK) {
        error = random_fill(random, iv, sizeof(iv));
    }
    if (error == OK) {
        error = derive(passphrase, salt, cost, &keys);
    }
    if (error == OK) {
        struct writer writer;
        writer_init(&writer, file);
        writer_u32(&writer, cost->memory_kib);
        writer_u32(&writer, cost->passes);
        writer_u32(&writer, cost->lanes);
        writer_bytes(&writer, bytes_of(salt));
        writer_bytes(&writer, bytes_of(iv));
        error = writer_finish(&writer);
    }
    if (error == OK) {
        error = cbc_encrypt(&keys.encrypt, iv, bytes_of(key->bytes), file);
    }
    if (error == OK) {
        struct bytes tagged = buffer_view(file);
        error = hmac_sha256(&keys.authenticate, &tagged, 1, tag);
    }
    if (error == OK) {
        error = buffer_append(file, bytes_of(tag));
    }
    clear_keys(&keys);
    return error;
}

must_check enum error key_file_make(const struct random_source *random, struct bytes passphrase,
                                    const struct argon2_cost *cost, struct secret_32 *key,
                                    struct buffer *file) {
    struct writer writer;
    writer_init(&writer, file);
    writer_bytes(&writer, bytes_of_string(MAGIC));
    writer_u8(&writer, KEY_FILE_VERSION);
    writer_u8(&writer, passphrase.size == 0 ? KEY_PLAIN : KEY_WRAPPED);
    enum error error = writer_finish(&writer);
    if (error == OK) {
        error = random_fill(random, key->bytes, sizeof(key->bytes));
    }
    if (error == OK) {
        error = passphrase.size == 0 ? buffer_append(file, bytes_of(key->bytes))
                                     : wrap(random, passphrase, cost, key, file);
    }
    if (error != OK) {
        secret_32_clear(key);
    }
    return error;
}

/* What every version will have: the magic word, the version, the kind. */
static enum error read_header(struct reader *reader, struct bytes file, uint8_t *kind) {
    reader_init(reader, file);
    struct bytes magic = reader_bytes(reader, strlen(MAGIC));
    uint8_t version = reader_u8(reader);
    *kind = reader_u8(reader);
    if (reader->failed || !bytes_equal(magic, bytes_of_string(MAGIC)) || version == 0) {
        return ERR_STORE_BROKEN;
    }
    if (version > KEY_FILE_VERSION) {
        return ERR_STORE_NEWER;
    }
    return *kind == KEY_PLAIN || *kind == KEY_WRAPPED ? OK : ERR_STORE_BROKEN;
}

static bool is_sane(const struct argon2_cost *cost) {
    return cost->passes >= 1 && cost->passes <= COST_PASSES_MAX && cost->lanes >= 1 &&
           cost->lanes <= COST_LANES_MAX && cost->memory_kib >= 8 * cost->lanes &&
           cost->memory_kib <= COST_MEMORY_MAX_KIB;
}

static enum error read_wrapping(struct reader *reader, struct wrapping *wrapping) {
    wrapping->cost.memory_kib = reader_u32(reader);
    wrapping->cost.passes = reader_u32(reader);
    wrapping->cost.lanes = reader_u32(reader);
    reader_copy(reader, wrapping->salt, SALT_BYTES);
    reader_copy(reader, wrapping->iv, CBC_IV_BYTES);
    wrapping->wrapped = reader_bytes(reader, WRAPPED_KEY_BYTES);
    wrapping->tag = reader_bytes(reader, TAG_BYTES);
    return reader_finish(reader) == OK && is_sane(&wrapping->cost) ? OK : ERR_STORE_BROKEN;
}

static enum error unwrap(struct bytes file, struct bytes passphrase,
                         const struct wrapping *wrapping, struct secret_32 *key) {
    struct wrapping_keys keys;
    struct buffer plain;
    uint8_t tag[TAG_BYTES];
    struct bytes tagged = bytes_make(file.data, TAGGED_BYTES);
    buffer_init(&plain, WRAPPED_KEY_BYTES);
    enum error error = derive(passphrase, wrapping->salt, &wrapping->cost, &keys);
    if (error == OK) {
        error = hmac_sha256(&keys.authenticate, &tagged, 1, tag);
    }
    if (error == OK && !secret_equal(bytes_of(tag), wrapping->tag)) {
        error = ERR_WRONG_PASSPHRASE;
    }
    if (error == OK) {
        error = cbc_decrypt(&keys.encrypt, wrapping->iv, wrapping->wrapped, &plain);
    }
    if (error == OK && plain.size != sizeof(key->bytes)) {
        error = ERR_STORE_BROKEN;
    }
    if (error == OK) {
        memcpy(key->bytes, plain.data, sizeof(key->bytes));
    }
    buffer_clear(&plain);
    wipe(tag, sizeof(tag));
    clear_keys(&keys);
    return error;
}

must_check enum error key_file_is_protected(struct bytes file, bool *is_protected) {
    struct reader reader;
    uint8_t kind = KEY_PLAIN;
    enum error error = read_header(&reader, file, &kind);
    *is_protected = kind == KEY_WRAPPED;
    return error;
}

must_check enum error key_file_open(struct bytes file, struct bytes passphrase,
                                    struct secret_32 *key) {
    struct reader reader;
    struct wrapping wrapping;
    uint8_t kind = KEY_PLAIN;
    enum error error = read_header(&reader, file, &kind);
    if (error != OK) {
        return error;
    }
    if (kind == KEY_WRAPPED) {
        error = read_wrapping(&reader, &wrapping);
        return error == OK ? unwrap(file, passphrase, &wrapping, key) : error;
    }
    reader_copy(&reader, key->bytes, sizeof(key->bytes));
    if (reader_finish(&reader) != OK) {
        return ERR_STORE_BROKEN;
    }
    return passphrase.size == 0 ? OK : ERR_WRONG_PASSPHRASE;
}
