/* SPDX-License-Identifier: ISC */
/* Who there is: login, registration, removal, invites. */
#include "server/store/query.h"

#include <string.h>

static void read_device(struct sqlite_store *store, struct query *query, struct store_op *op,
                        struct store_device *device) {
    op->result = ERR_NOT_FOUND;
    if (query_row(query)) {
        device->device = query_u64(query, 0);
        device->account = query_u64(query, 1);
        query_name(query, 2, &device->name);
        query_copy(query, 3, device->cid, sizeof(device->cid));
        query_copy(query, 4, device->afp, sizeof(device->afp));
        query_copy(query, 5, device->signing, sizeof(device->signing));
        device->set_id = (uint32_t)query_u64(query, 6);
        device->one_time_left = (uint16_t)query_u64(query, 7);
        device->messages = (uint32_t)query_u64(query, 8);
        device->bytes = query_u64(query, 9);
        device->last_order = query_u64(query, 10);
        device->generation = ++store->generation;
        op->result = OK;
    }
    query_end(query);
}

static void read_device_of_cid(struct sqlite_store *store, struct store_op *op, uint64_t now_ms,
                               struct store_device *device) {
    uint8_t cid[HASH_BYTES];
    memcpy(cid, device->cid, sizeof(cid));
    struct query query = query_begin(store, SQL_DEVICE_OF_CID);
    query_bind_u64(&query, now_ms);
    query_bind_bytes(&query, bytes_of(cid));
    read_device(store, &query, op, device);
}

void run_login(struct sqlite_store *store, struct store_op *op, uint64_t now_ms) {
    read_device_of_cid(store, op, now_ms, op->login);
}

void run_mailbox(struct sqlite_store *store, struct store_op *op, uint64_t now_ms) {
    struct user_name name = op->login->name;
    struct query query = query_begin(store, SQL_DEVICE_OF_NAME);
    query_bind_u64(&query, now_ms);
    query_bind_text(&query, name.text);
    read_device(store, &query, op, op->login);
}

/* What an invite allows now; `*is_admin` is what it gives. */
static enum error check_invite(struct sqlite_store *store, const struct store_register *in,
                               uint64_t now_ms, bool *is_admin) {
    enum error result = ERR_INVITE_UNKNOWN;
    struct query query = query_begin(store, SQL_INVITE_OF_HASH);
    query_bind_bytes(&query, bytes_of(in->token_hash));
    if (query_row(&query)) {
        *is_admin = query_u64(&query, 1) != 0;
        result = OK;
        if (query_bytes(&query, 2).size > 0) {
            result = ERR_INVITE_USED;
        } else if (query_u64(&query, 0) <= now_ms) {
            result = ERR_INVITE_EXPIRED;
        }
    }
    query_end(&query);
    return result;
}

static enum error may_register(struct sqlite_store *store, const struct store_register *in,
                               uint64_t now_ms, bool *is_admin, bool *uses_invite) {
    enum error invite = ERR_INVITE_REQUIRED;
    *is_admin = false;
    *uses_invite = false;
    if (in->mode == WIRE_REGISTRATION_CLOSED) {
        return ERR_REGISTRATION_CLOSED;
    }
    if (in->has_token) {
        invite = check_invite(store, in, now_ms, is_admin);
        *uses_invite = invite == OK;
    }
    if (in->mode == WIRE_REGISTRATION_OPEN) {
        *is_admin = *is_admin && *uses_invite;
        return OK;
    }
    return invite;
}

static void create(struct sqlite_store *store, const struct store_register *in, uint64_t now_ms,
                   bool is_admin, bool uses_invite) {
    struct query query = query_begin(store, SQL_ACCOUNT_INSERT);
    query_bind_text(&query, in->device.name.text);
    query_bind_bytes(&query, bytes_of(in->device.afp));
    query_bind_u64(&query, is_admin);
    query_bind_u64(&query, now_ms);
    query_run(&query);
    uint64_t account = (uint64_t)sqlite3_last_insert_rowid(store->database);
    query = query_begin(store, SQL_DEVICE_INSERT);
    query_bind_u64(&query, account);
    query_bind_bytes(&query, bytes_of(in->device.cid));
    query_bind_bytes(&query, bytes_of(in->device.signing));
    query_bind_u64(&query, in->epoch);
    query_bind_bytes(&query, bytes_of(in->certificate));
    query_run(&query);
    if (uses_invite) {
        query = query_begin(store, SQL_INVITE_USE);
        query_bind_bytes(&query, bytes_of(in->device.cid));
        query_bind_bytes(&query, bytes_of(in->token_hash));
        query_run(&query);
    }
}

/* A higher epoch takes the place of the old certificate; what names the old one goes with it. */
static void renew(struct sqlite_store *store, const struct store_register *in, uint64_t device) {
    struct query query = query_begin(store, SQL_DEVICE_RENEW);
    query_bind_bytes(&query, bytes_of(in->device.cid));
    query_bind_bytes(&query, bytes_of(in->device.signing));
    query_bind_u64(&query, in->epoch);
    query_bind_bytes(&query, bytes_of(in->certificate));
    query_bind_u64(&query, device);
    query_run(&query);
    query = query_begin(store, SQL_ONE_TIME_DROP_ALL);
    query_bind_u64(&query, device);
    query_run(&query);
}

struct known {
    bool is_there;
    uint64_t device;
    uint64_t epoch;
    bool same_account;
    bool same_certificate;
};

static struct known find(struct sqlite_store *store, const struct store_register *in) {
    struct known known = {0};
    uint8_t afp[HASH_BYTES];
    uint8_t cid[HASH_BYTES];
    struct query query = query_begin(store, SQL_ACCOUNT_OF_NAME);
    query_bind_text(&query, in->device.name.text);
    if (query_row(&query)) {
        known.is_there = true;
        query_copy(&query, 1, afp, sizeof(afp));
        known.device = query_u64(&query, 2);
        known.epoch = query_u64(&query, 3);
        query_copy(&query, 4, cid, sizeof(cid));
        known.same_account = memcmp(afp, in->device.afp, sizeof(afp)) == 0;
        known.same_certificate = memcmp(cid, in->device.cid, sizeof(cid)) == 0;
    }
    query_end(&query);
    return known;
}

static enum error decide(struct sqlite_store *store, struct store_register *in, uint64_t now_ms) {
    struct known known = find(store, in);
    bool is_admin;
    bool uses_invite;
    if (!known.is_there) {
        enum error error = may_register(store, in, now_ms, &is_admin, &uses_invite);
        if (error == OK) {
            create(store, in, now_ms, is_admin, uses_invite);
        }
        return error;
    }
    if (!known.same_account) {
        return ERR_NAME_TAKEN;
    }
    if (known.same_certificate) {
        return OK;
    }
    if (in->epoch <= known.epoch) {
        return ERR_CERTIFICATE_REFUSED;
    }
    renew(store, in, known.device);
    in->is_replaced = true;
    return OK;
}

void run_register(struct sqlite_store *store, struct store_op *op, uint64_t now_ms) {
    op->result = decide(store, op->registration, now_ms);
    if (op->result == OK) {
        read_device_of_cid(store, op, now_ms, &op->registration->device);
    }
}

void run_remove(struct sqlite_store *store, struct store_op *op, uint64_t now_ms) {
    (void)now_ms;
    uint64_t account = 0;
    struct query query = query_begin(store, SQL_ACCOUNT_OF_NAME);
    query_bind_text(&query, op->remove->name.text);
    op->result = ERR_NOT_FOUND;
    if (query_row(&query)) {
        account = query_u64(&query, 0);
        op->remove->device = query_u64(&query, 2);
        op->result = OK;
    }
    query_end(&query);
    if (op->result == OK) {
        query = query_begin(store, SQL_ACCOUNT_DELETE);
        query_bind_u64(&query, account);
        query_run(&query);
    }
}

void run_invite(struct sqlite_store *store, struct store_op *op, uint64_t now_ms) {
    (void)now_ms;
    struct query query = query_begin(store, SQL_INVITE_INSERT);
    query_bind_bytes(&query, bytes_of(op->invite->token_hash));
    query_bind_u64(&query, op->invite->expires_ms);
    query_bind_u64(&query, op->invite->is_admin);
    query_run(&query);
    op->result = OK;
}
