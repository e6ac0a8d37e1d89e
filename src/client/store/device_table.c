/* SPDX-License-Identifier: ISC */
#include "client/store/tables.h"

#include "client/store/database.h"

static enum error setting_get(void *context, const char *name, struct buffer *value) {
    struct query query;
    query_begin(&query, context, "SELECT value FROM setting WHERE name=?");
    query_text(&query, name);
    enum error error = query_row(&query);
    if (error == OK) {
        query_get_buffer(&query, 0, value);
    }
    return query_end(&query, error);
}

static enum error setting_put(void *context, const char *name, struct bytes value) {
    struct query query;
    query_begin(&query, context, "INSERT OR REPLACE INTO setting VALUES(?,?)");
    query_text(&query, name);
    query_blob(&query, value);
    return query_run(&query);
}

static enum error device_get(void *context, const uint8_t cid[HASH_BYTES],
                             struct buffer *certificate, struct buffer *keys) {
    struct query query;
    query_begin(&query, context, "SELECT certificate, keys FROM device WHERE cid=?");
    query_blob(&query, bytes_make(cid, HASH_BYTES));
    enum error error = query_row(&query);
    if (error == OK) {
        query_get_buffer(&query, 0, certificate);
        query_get_buffer(&query, 1, keys);
    }
    return query_end(&query, error);
}

static enum error device_put(void *context, const struct stored_device *device) {
    struct query query;
    query_begin(&query, context,
                "INSERT OR REPLACE INTO device(cid, expires, certificate, keys) VALUES(?,?,?,?)");
    query_blob(&query, bytes_of(device->cid));
    query_u64(&query, device->expires_ms);
    query_blob(&query, device->certificate);
    query_blob(&query, device->keys);
    return query_run(&query);
}

static void bind_prekey(struct query *query, const uint8_t *cid, bool is_one_time, uint32_t id) {
    query_blob(query, bytes_make(cid, HASH_BYTES));
    query_flag(query, is_one_time);
    query_u64(query, id);
}

enum { PREKEY_SECRET_MAX_BYTES = 512 };

static enum error prekey_get(void *context, const uint8_t cid[HASH_BYTES], bool is_one_time,
                             uint32_t id, struct prekey_secret *secret) {
    struct query query;
    struct buffer saved;
    buffer_init(&saved, PREKEY_SECRET_MAX_BYTES);
    query_begin(&query, context, "SELECT secret FROM prekey WHERE cid=? AND one_time=? AND id=?");
    bind_prekey(&query, cid, is_one_time, id);
    enum error error = query_row(&query);
    if (error == OK) {
        query_get_buffer(&query, 0, &saved);
    }
    error = query_end(&query, error);
    if (error == OK && prekey_secret_load(buffer_view(&saved), secret) != OK) {
        error = ERR_STORE_BROKEN;
    }
    buffer_clear(&saved);
    return error;
}

static enum error prekey_put(void *context, bool is_one_time, const struct prekey_secret *secret) {
    struct query query;
    struct buffer saved;
    buffer_init(&saved, PREKEY_SECRET_MAX_BYTES);
    enum error error = prekey_secret_save(secret, &saved);
    if (error == OK) {
        query_begin(&query, context,
                    "INSERT INTO prekey(cid, one_time, id, expires, secret) VALUES(?,?,?,?,?)");
        bind_prekey(&query, secret->cid, is_one_time, secret->id);
        query_u64(&query, secret->expires_ms);
        query_blob(&query, buffer_view(&saved));
        error = query_run(&query);
    }
    buffer_clear(&saved);
    return error;
}

static enum error prekey_delete(void *context, const uint8_t cid[HASH_BYTES], bool is_one_time,
                                uint32_t id) {
    struct query query;
    query_begin(&query, context, "DELETE FROM prekey WHERE cid=? AND one_time=? AND id=?");
    bind_prekey(&query, cid, is_one_time, id);
    return query_run(&query);
}

static enum error prekey_last_set(void *context, const uint8_t cid[HASH_BYTES], uint32_t *id) {
    struct query query;
    query_begin(&query, context,
                "SELECT IFNULL(MAX(id), 0) FROM prekey WHERE cid=? AND one_time=0");
    query_blob(&query, bytes_make(cid, HASH_BYTES));
    enum error error = query_row(&query);
    *id = error == OK ? query_get_u32(&query, 0) : 0;
    return query_end(&query, error);
}

static enum error device_delete(void *context, const uint8_t cid[HASH_BYTES]) {
    struct query query;
    query_begin(&query, context, "DELETE FROM device WHERE cid=?");
    query_blob(&query, bytes_make(cid, HASH_BYTES));
    enum error error = query_run(&query);
    if (error != OK) {
        return error;
    }
    query_begin(&query, context, "DELETE FROM prekey WHERE cid=?");
    query_blob(&query, bytes_make(cid, HASH_BYTES));
    return query_run(&query);
}

/* Times are far below 2^62, which stands for "never" inside SQL. */
static enum error keys_expiry(void *context, const uint8_t current[HASH_BYTES],
                              uint64_t *first_ms) {
    static const uint64_t NEVER = UINT64_C(1) << 62;
    struct query query;
    query_begin(&query, context,
                "SELECT MIN(IFNULL((SELECT MIN(expires) FROM prekey), 4611686018427387904),"
                " IFNULL((SELECT MIN(expires) FROM device WHERE cid<>?), 4611686018427387904))");
    query_blob(&query, bytes_make(current, HASH_BYTES));
    enum error error = query_row(&query);
    *first_ms = error == OK ? query_get_u64(&query, 0) : 0;
    *first_ms = *first_ms == NEVER ? UINT64_MAX : *first_ms;
    return query_end(&query, error);
}

static enum error keys_expire(void *context, uint64_t over_ms, const uint8_t current[HASH_BYTES],
                              const uint8_t pending[HASH_BYTES]) {
    struct query query;
    query_begin(&query, context, "DELETE FROM device WHERE expires<=? AND cid<>? AND cid<>?");
    query_u64(&query, over_ms);
    query_blob(&query, bytes_make(current, HASH_BYTES));
    query_blob(&query, bytes_make(pending, HASH_BYTES));
    enum error error = query_run(&query);
    if (error != OK) {
        return error;
    }
    query_begin(&query, context,
                "DELETE FROM prekey WHERE expires<=? OR cid NOT IN (SELECT cid FROM device)");
    query_u64(&query, over_ms);
    return query_run(&query);
}

void device_table(struct client_store *store) {
    store->setting_get = setting_get;
    store->setting_put = setting_put;
    store->device_get = device_get;
    store->device_put = device_put;
    store->prekey_get = prekey_get;
    store->prekey_put = prekey_put;
    store->prekey_delete = prekey_delete;
    store->prekey_last_set = prekey_last_set;
    store->device_delete = device_delete;
    store->keys_expiry = keys_expiry;
    store->keys_expire = keys_expire;
}
