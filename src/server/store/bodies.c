/* SPDX-License-Identifier: ISC */
#include "server/store/bodies.h"

#include <string.h>

/* Overwriting what nobody can read is spared, and only here: keys, names and ids are overwritten.
 */
static void begin_sparing(struct sqlite_store *store) {
    store_execute(store, "PRAGMA secure_delete = FAST");
}

/* Whatever has failed in between: a full disk is no end, and then it has to be as before. */
static void end_sparing(struct sqlite_store *store) {
    store_latch(store,
                sqlite3_exec(store->database, "PRAGMA secure_delete = ON", NULL, NULL, NULL));
}

void body_remove(struct sqlite_store *store, uint64_t row) {
    begin_sparing(store);
    sql_run_on(store, SQL_BODY_DELETE, row);
    end_sparing(store);
}

static void insert(struct sqlite_store *store, uint64_t row, struct bytes sealed) {
    struct query query = sql_begin(store, SQL_BODY_INSERT);
    sql_bind_u64(&query, row);
    sql_bind_bytes(&query, sealed);
    sql_run(&query);
}

static void seal(struct sqlite_store *store, uint64_t row, struct body *body, uint8_t *envelopes) {
    const size_t size = body->envelopes.size;
    enum error error = random_fill(&store->random, &body->key, sizeof(body->key));
    if (error == OK) {
        error = gcm_seal(&body->key, body->envelopes, envelopes, envelopes + size);
    }
    store_fail(store, error, "a row could not be prepared");
    insert(store, row, bytes_make(envelopes, size + GCM_TAG_BYTES));
    body->envelopes = bytes_make(NULL, 0);
}

struct body body_put(struct sqlite_store *store, uint64_t row, uint8_t *envelopes, size_t size,
                     bool was_apart) {
    struct body body = {.is_apart = size > BODY_IN_ROW_MAX_BYTES,
                        .envelopes = bytes_make(envelopes, size)};
    if (was_apart) {
        body_remove(store, row);
    }
    if (body.is_apart) {
        seal(store, row, &body, envelopes);
    }
    return body;
}

void body_bind(struct query *query, const struct body *body) {
    if (body->is_apart) {
        sql_bind_bytes(query, bytes_of(body->key.bytes));
    } else {
        sql_bind_null(query);
    }
    sql_bind_bytes(query, body->envelopes);
}

size_t body_size(const struct query *query, int column) {
    const bool is_apart = sql_bytes(query, column).size > 0;
    return sql_bytes(query, is_apart ? column + 2 : column + 1).size;
}

/* A key or a body of another length is damaged: there is nothing to read then. */
struct opened_body body_open(struct query *query, int column, uint8_t *out) {
    struct secret_32 key;
    struct opened_body opened = {.is_whole = false};
    const struct bytes stored = sql_bytes(query, column);
    const struct bytes sealed = sql_bytes(query, column + 2);
    if (stored.size == 0) {
        opened.envelopes = sql_bytes(query, column + 1);
    } else if (stored.size == sizeof(key.bytes) && sealed.size > GCM_TAG_BYTES) {
        const struct bytes cipher = bytes_make(sealed.data, sealed.size - GCM_TAG_BYTES);
        memcpy(key.bytes, stored.data, sizeof(key.bytes));
        enum error error = gcm_open(&key, cipher, cipher.data + cipher.size, out);
        secret_32_clear(&key);
        opened.is_whole = error == OK;
        opened.envelopes = bytes_make(out, cipher.size);
        store_fail(query->store, error == ERR_MALFORMED ? OK : error, "a row could not be read");
    }
    return opened;
}
