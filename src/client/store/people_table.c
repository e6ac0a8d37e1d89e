/* SPDX-License-Identifier: ISC */
#include "client/store/tables.h"

#include "client/store/database.h"

#include <string.h>

static void bind_hash(struct query *query, bool present, const uint8_t hash[HASH_BYTES]) {
    if (present) {
        query_blob(query, bytes_make(hash, HASH_BYTES));
    } else {
        query_null(query);
    }
}

#define PEER_COLUMNS                                                                               \
    "SELECT afp IS NOT NULL, afp, pinned, verified, contact, changed_afp IS NOT NULL,"             \
    " changed_afp, changed, how, name FROM peer"

static void take_peer(struct query *query, struct stored_peer *peer) {
    peer->has_pin = query_get_flag(query, 0);
    if (peer->has_pin) {
        query_get_fixed(query, 1, peer->afp, HASH_BYTES);
    }
    peer->pinned_ms = query_get_u64(query, 2);
    peer->verified_ms = query_get_u64(query, 3);
    peer->is_contact = query_get_flag(query, 4);
    peer->is_changed = query_get_flag(query, 5);
    if (peer->is_changed) {
        query_get_fixed(query, 6, peer->changed_afp, HASH_BYTES);
    }
    peer->changed_ms = query_get_u64(query, 7);
    uint32_t how = query_get_u32(query, 8);
    peer->how = how <= TRUST_CARD_FILE ? (enum trust_source)how : TRUST_NONE;
    query_get_name(query, 9, &peer->name);
}

static enum error read_peer(void *context, const char *sql, const struct user_name *name,
                            struct stored_peer *peer) {
    struct query query;
    query_begin(&query, context, sql);
    query_text(&query, name->text);
    enum error error = query_row(&query);
    if (error == OK) {
        take_peer(&query, peer);
    }
    return query_end(&query, error);
}

static enum error peer_get(void *context, const struct user_name *name, struct stored_peer *peer) {
    memset(peer, 0, sizeof(*peer));
    peer->name = *name;
    return read_peer(context, PEER_COLUMNS " WHERE name=?", name, peer);
}

static enum error peer_next(void *context, const struct user_name *after,
                            struct stored_peer *peer) {
    memset(peer, 0, sizeof(*peer));
    return read_peer(context, PEER_COLUMNS " WHERE name>? ORDER BY name LIMIT 1", after, peer);
}

static enum error peer_put(void *context, const struct stored_peer *peer) {
    struct query query;
    query_begin(&query, context,
                "INSERT OR REPLACE INTO peer(name, afp, pinned, verified, contact, changed_afp,"
                " changed, how) VALUES(?,?,?,?,?,?,?,?)");
    query_text(&query, peer->name.text);
    bind_hash(&query, peer->has_pin, peer->afp);
    query_u64(&query, peer->pinned_ms);
    query_u64(&query, peer->verified_ms);
    query_flag(&query, peer->is_contact);
    bind_hash(&query, peer->is_changed, peer->changed_afp);
    query_u64(&query, peer->changed_ms);
    query_u64(&query, peer->how);
    return query_run(&query);
}

static enum error identity_get(void *context, const uint8_t afp[HASH_BYTES],
                               struct stored_identity *identity) {
    struct query query;
    memset(identity, 0, sizeof(*identity));
    memcpy(identity->afp, afp, HASH_BYTES);
    query_begin(&query, context,
                "SELECT name, epoch, cid, set_id, held, initial FROM identity WHERE afp=?");
    query_blob(&query, bytes_make(afp, HASH_BYTES));
    enum error error = query_row(&query);
    if (error == OK) {
        query_get_name(&query, 0, &identity->name);
        identity->epoch = query_get_u32(&query, 1);
        query_get_fixed(&query, 2, identity->cid, HASH_BYTES);
        identity->set_id = query_get_u32(&query, 3);
        identity->held = query_get_u32(&query, 4);
        identity->initial_ms = query_get_u64(&query, 5);
    }
    return query_end(&query, error);
}

static enum error identity_put(void *context, const struct stored_identity *identity) {
    struct query query;
    query_begin(&query, context,
                "INSERT OR REPLACE INTO identity(afp, name, epoch, cid, set_id, held, initial)"
                " VALUES(?,?,?,?,?,?,?)");
    query_blob(&query, bytes_of(identity->afp));
    query_text(&query, identity->name.text);
    query_u64(&query, identity->epoch);
    query_blob(&query, bytes_of(identity->cid));
    query_u64(&query, identity->set_id);
    query_u64(&query, identity->held);
    query_u64(&query, identity->initial_ms);
    return query_run(&query);
}

static enum error identity_others(void *context, const struct user_name *name,
                                  const uint8_t pinned[HASH_BYTES], const uint8_t afp[HASH_BYTES],
                                  uint32_t *count) {
    struct query query;
    query_begin(&query, context,
                "SELECT COUNT(*) FROM (SELECT afp FROM session WHERE peer=?1"
                " UNION SELECT afp FROM incoming WHERE peer=?1 AND place IS NULL AND held=1)"
                " WHERE afp NOT IN (?2, ?3)");
    query_text(&query, name->text);
    query_blob(&query, bytes_make(pinned, HASH_BYTES));
    query_blob(&query, bytes_make(afp, HASH_BYTES));
    enum error error = query_row(&query);
    *count = error == OK ? query_get_u32(&query, 0) : 0;
    return query_end(&query, error);
}

static enum error tombstone_get(void *context, const uint8_t sid[SESSION_ID_BYTES],
                                bool *reported) {
    struct query query;
    query_begin(&query, context, "SELECT reported FROM tombstone WHERE sid=?");
    query_blob(&query, bytes_make(sid, SESSION_ID_BYTES));
    enum error error = query_row(&query);
    *reported = error == OK && query_get_flag(&query, 0);
    return query_end(&query, error);
}

static enum error tombstone_put(void *context, const uint8_t sid[SESSION_ID_BYTES], uint32_t set_id,
                                uint64_t now_ms, bool reported) {
    struct query query;
    query_begin(&query, context,
                "INSERT INTO tombstone(sid, set_id, made, reported) VALUES(?,?,?,?)"
                " ON CONFLICT(sid) DO UPDATE SET reported=excluded.reported");
    query_blob(&query, bytes_make(sid, SESSION_ID_BYTES));
    query_u64(&query, set_id);
    query_u64(&query, now_ms);
    query_flag(&query, reported);
    return query_run(&query);
}

/* A session id is remembered longer than the private keys that could accept it again: a set and its
 * grace are 61 days. */
static enum error tombstone_expire(void *context, uint64_t before_ms) {
    struct query query;
    query_begin(&query, context, "DELETE FROM tombstone WHERE made<?");
    query_u64(&query, before_ms);
    return query_run(&query);
}

void people_table(struct client_store *store) {
    store->peer_get = peer_get;
    store->peer_next = peer_next;
    store->peer_put = peer_put;
    store->identity_get = identity_get;
    store->identity_put = identity_put;
    store->identity_others = identity_others;
    store->tombstone_get = tombstone_get;
    store->tombstone_put = tombstone_put;
    store->tombstone_expire = tombstone_expire;
}
