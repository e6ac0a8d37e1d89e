/* SPDX-License-Identifier: ISC */
#include "client/account.h"

#include "wire/codec.h"

#include <string.h>

enum {
    ACCOUNT_FORMAT_FIRST = 1, /* without renewals and the server's next key */
    ACCOUNT_FORMAT = 2,
    ACCOUNT_MAX_BYTES = 1024,
    KEYS_MAX_BYTES = 4096,
    EPOCH_FIRST = 1,
};

static const char ACCOUNT[] = "account";
static const char ACCOUNT_KEYS[] = "account_keys";

must_check enum error account_save(const struct client_store *store,
                                   const struct account *account) {
    struct buffer saved;
    struct writer writer;
    buffer_init(&saved, ACCOUNT_MAX_BYTES);
    writer_init(&writer, &saved);
    writer_u8(&writer, ACCOUNT_FORMAT);
    writer_flag(&writer, account->is_registered);
    writer_flag(&writer, account->is_published);
    writer_name(&writer, &account->name);
    writer_text(&writer, bytes_of_string(account->server.host));
    writer_u16(&writer, account->server.port);
    writer_bytes(&writer, bytes_of(account->server_hash));
    writer_u16(&writer, account->server_bits);
    writer_flag(&writer, account->has_token);
    writer_bytes(&writer, bytes_of(account->token));
    writer_bytes(&writer, bytes_of(account->cid));
    writer_bytes(&writer, bytes_of(account->afp));
    writer_u64(&writer, account->created_ms);
    writer_u32(&writer, account->epoch);
    writer_flag(&writer, account->has_pending);
    writer_bytes(&writer, bytes_of(account->pending_cid));
    writer_flag(&writer, account->has_previous);
    writer_bytes(&writer, bytes_of(account->previous_cid));
    writer_flag(&writer, account->has_next_key);
    writer_bytes(&writer, bytes_of(account->next_key));
    writer_u64(&writer, account->next_key_ms);
    enum error error = writer_finish(&writer);
    if (error == OK) {
        error = store->setting_put(store->context, ACCOUNT, buffer_view(&saved));
    }
    buffer_clear(&saved);
    return error;
}

/* What format 2 added. */
static void read_lifetimes(struct reader *reader, struct account *account) {
    account->epoch = reader_u32(reader);
    account->has_pending = reader_flag(reader);
    reader_copy(reader, account->pending_cid, HASH_BYTES);
    account->has_previous = reader_flag(reader);
    reader_copy(reader, account->previous_cid, HASH_BYTES);
    account->has_next_key = reader_flag(reader);
    reader_copy(reader, account->next_key, HASH_BYTES);
    account->next_key_ms = reader_u64(reader);
}

static enum error read_account(struct bytes saved, struct account *account) {
    struct reader reader;
    memset(account, 0, sizeof(*account));
    reader_init(&reader, saved);
    uint8_t format = reader_u8(&reader);
    if (format != ACCOUNT_FORMAT && format != ACCOUNT_FORMAT_FIRST) {
        reader_fail(&reader);
    }
    account->is_registered = reader_flag(&reader);
    account->is_published = reader_flag(&reader);
    reader_name(&reader, &account->name);
    struct bytes host = reader_text(&reader, HOST_MAX_BYTES);
    if (host.size > 0) {
        memcpy(account->server.host, host.data, host.size);
    }
    account->server.port = reader_u16(&reader);
    reader_copy(&reader, account->server_hash, HASH_BYTES);
    account->server_bits = reader_u16(&reader);
    account->has_token = reader_flag(&reader);
    reader_copy(&reader, account->token, INVITE_TOKEN_BYTES);
    reader_copy(&reader, account->cid, HASH_BYTES);
    reader_copy(&reader, account->afp, HASH_BYTES);
    account->created_ms = reader_u64(&reader);
    account->epoch = EPOCH_FIRST; /* nothing was renewed before format 2 */
    if (format != ACCOUNT_FORMAT_FIRST) {
        read_lifetimes(&reader, account);
    }
    return reader_finish(&reader) == OK ? OK : ERR_STORE_BROKEN;
}

must_check enum error account_load(const struct client_store *store, struct account *account) {
    struct buffer saved;
    buffer_init(&saved, ACCOUNT_MAX_BYTES);
    enum error error = store->setting_get(store->context, ACCOUNT, &saved);
    if (error == OK) {
        error = read_account(buffer_view(&saved), account);
    }
    buffer_clear(&saved);
    return error;
}

static enum error save_account_keys(const struct client_store *store,
                                    const struct account_keys *keys) {
    struct buffer saved;
    buffer_init(&saved, KEYS_MAX_BYTES);
    enum error error = account_keys_save(keys, &saved);
    if (error == OK) {
        error = store->setting_put(store->context, ACCOUNT_KEYS, buffer_view(&saved));
    }
    buffer_clear(&saved);
    return error;
}

static enum error load_account_keys(const struct client_store *store, struct account_keys *keys) {
    struct buffer saved;
    buffer_init(&saved, KEYS_MAX_BYTES);
    enum error error = store->setting_get(store->context, ACCOUNT_KEYS, &saved);
    if (error == OK && account_keys_load(buffer_view(&saved), keys) != OK) {
        error = ERR_STORE_BROKEN;
    }
    buffer_clear(&saved);
    return error == ERR_NOT_FOUND ? ERR_STORE_BROKEN : error;
}

/* Signs a certificate for the device keys with the account's epoch and writes both. */
static enum error certify(const struct client_store *store, const struct account_keys *keys,
                          const struct device_keys *device, uint64_t now_ms,
                          const struct account *account, struct certificate *certificate) {
    uint8_t data[CERTIFICATE_BYTES];
    struct buffer saved;
    buffer_init(&saved, KEYS_MAX_BYTES);
    enum error error = certificate_make(keys, device, &account->name, account->epoch, now_ms, data);
    if (error == OK) {
        error = certificate_parse(bytes_of(data), certificate);
    }
    if (error == OK) {
        error = device_keys_save(device, &saved);
    }
    if (error == OK) {
        struct stored_device stored = {.expires_ms = certificate->expires_ms,
                                       .certificate = bytes_of(data),
                                       .keys = buffer_view(&saved)};
        memcpy(stored.cid, certificate->cid, HASH_BYTES);
        error = store->device_put(store->context, &stored);
    }
    buffer_clear(&saved);
    return error;
}

/* The certificate of an account that is about to register. */
static enum error begin(const struct client_store *store, const struct account_keys *keys,
                        const struct device_keys *device, uint64_t now_ms,
                        struct account *account) {
    struct certificate certificate;
    enum error error = certify(store, keys, device, now_ms, account, &certificate);
    if (error != OK) {
        return error;
    }
    memcpy(account->cid, certificate.cid, HASH_BYTES);
    memcpy(account->afp, certificate.afp, HASH_BYTES);
    account->created_ms = now_ms;
    return account_save(store, account);
}

must_check enum error account_create(const struct client_store *store,
                                     const struct entropy *entropy, uint64_t now_ms,
                                     struct account *account) {
    struct account_keys keys = {0};
    struct device_keys device = {0};
    account->epoch = EPOCH_FIRST;
    enum error error = account_keys_generate(entropy, &keys);
    if (error == OK) {
        error = device_keys_generate(entropy, &device);
    }
    if (error == OK) {
        error = save_account_keys(store, &keys);
    }
    if (error == OK) {
        error = begin(store, &keys, &device, now_ms, account);
    }
    account_keys_clear(&keys);
    device_keys_clear(&device);
    return error;
}

must_check enum error account_renew(const struct client_store *store, const struct entropy *entropy,
                                    uint64_t now_ms, uint32_t above, struct account *account,
                                    uint8_t cid[HASH_BYTES]) {
    struct account_keys keys = {0};
    struct device_keys device = {0};
    struct certificate certificate;
    uint32_t last = above > account->epoch ? above : account->epoch;
    if (last == UINT32_MAX) {
        return ERR_LIMIT;
    }
    account->epoch = last + 1;
    enum error error = load_account_keys(store, &keys);
    if (error == OK) {
        error = device_keys_generate(entropy, &device);
    }
    if (error == OK) {
        error = certify(store, &keys, &device, now_ms, account, &certificate);
    }
    if (error == OK) {
        memcpy(cid, certificate.cid, HASH_BYTES);
        error = account_save(store, account);
    }
    account_keys_clear(&keys);
    device_keys_clear(&device);
    return error;
}

must_check enum error account_rename(const struct client_store *store, const struct user_name *name,
                                     uint64_t now_ms, struct account *account) {
    struct account_keys keys = {0};
    struct device device = {0};
    if (account->epoch == UINT32_MAX) {
        return ERR_LIMIT;
    }
    enum error error = load_account_keys(store, &keys);
    if (error == OK) {
        error = device_load(store, account->cid, &device);
    }
    if (error == OK) {
        account->name = *name;
        account->epoch++;
        error = begin(store, &keys, &device.keys, now_ms, account);
    }
    account_keys_clear(&keys);
    device_clear(&device);
    return error;
}

must_check enum error device_load(const struct client_store *store, const uint8_t cid[HASH_BYTES],
                                  struct device *device) {
    struct buffer certificate;
    struct buffer keys;
    buffer_init(&certificate, CERTIFICATE_BYTES);
    buffer_init(&keys, KEYS_MAX_BYTES);
    memset(device, 0, sizeof(*device));
    enum error error = store->device_get(store->context, cid, &certificate, &keys);
    if (error == OK && (certificate.size != CERTIFICATE_BYTES ||
                        certificate_parse(buffer_view(&certificate), &device->parsed) != OK ||
                        device_keys_load(buffer_view(&keys), &device->keys) != OK)) {
        error = ERR_STORE_BROKEN;
    }
    if (error == OK) {
        memcpy(device->certificate, certificate.data, CERTIFICATE_BYTES);
        error = device_pairs_new(&device->keys, &device->pairs);
    }
    if (error != OK) {
        device_clear(device);
    }
    buffer_clear(&certificate);
    buffer_clear(&keys);
    return error;
}

void device_clear(struct device *device) {
    device_pairs_free(device->pairs);
    device_keys_clear(&device->keys);
    memset(device, 0, sizeof(*device));
}

struct own_device device_view(const struct device *device) {
    return (struct own_device){.certificate = device->certificate,
                               .parsed = &device->parsed,
                               .keys = &device->keys,
                               .pairs = device->pairs};
}

must_check enum error setting_get_u64(const struct client_store *store, const char *name,
                                      uint64_t *value) {
    struct buffer saved;
    buffer_init(&saved, 64);
    *value = 0;
    enum error error = store->setting_get(store->context, name, &saved);
    if (error == OK && saved.size != 8) {
        error = ERR_STORE_BROKEN;
    }
    if (error == OK) {
        *value = get_u64(saved.data);
    }
    buffer_clear(&saved);
    return error == ERR_NOT_FOUND ? OK : error;
}

must_check enum error setting_put_u64(const struct client_store *store, const char *name,
                                      uint64_t value) {
    uint8_t saved[8];
    put_u64(saved, value);
    return store->setting_put(store->context, name, bytes_of(saved));
}
