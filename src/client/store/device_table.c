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

void device_table(struct client_store *store) {
    store->setting_get = setting_get;
    store->setting_put = setting_put;
    store->device_get = device_get;
    store->device_put = device_put;
    store->prekey_get = prekey_get;
    store->prekey_put = prekey_put;
    store->prekey_delete = prekey_delete;
    store->prekey_last_set = prekey_last_set;
}
