/* SPDX-License-Identifier: ISC */
/* Who there is: login, registration, leaving, what the administrator decides, invites. */
#include "server/store/leave.h"

#include <string.h>

static void read_device(struct sqlite_store *store, struct query *query, struct store_op *op,
                        struct store_device *device) {
    op->result = ERR_NOT_FOUND;
    if (sql_row(query)) {
        device->device = sql_u64(query, 0);
        device->account = sql_u64(query, 1);
        sql_name(query, 2, &device->name);
        sql_copy(query, 3, device->cid, sizeof(device->cid));
        sql_copy(query, 4, device->afp, sizeof(device->afp));
        sql_copy(query, 5, device->signing, sizeof(device->signing));
        device->set_id = (uint32_t)sql_u64(query, 6);
        device->is_disabled = sql_u64(query, 7) == ACCOUNT_DISABLED;
        device->seen_day = (uint32_t)sql_u64(query, 8);
        device->one_time_left = (uint16_t)sql_u64(query, 9);
        device->messages = (uint32_t)sql_u64(query, 10);
        device->bytes = sql_u64(query, 11);
        device->last_order = sql_u64(query, 12);
        device->generation = ++store->generation;
        op->result = OK;
    }
    sql_end(query);
}

void read_device_of_cid(struct sqlite_store *store, struct store_op *op, uint64_t now_ms,
                        struct store_device *device) {
    uint8_t cid[HASH_BYTES];
    memcpy(cid, device->cid, sizeof(cid));
    struct query query = sql_begin(store, SQL_DEVICE_OF_CID);
    sql_bind_u64(&query, now_ms);
    sql_bind_bytes(&query, bytes_of(cid));
    read_device(store, &query, op, device);
}

static void read_device_of_name(struct sqlite_store *store, struct store_op *op, uint64_t now_ms,
                                struct store_device *device) {
    struct user_name name = device->name;
    struct query query = sql_begin(store, SQL_DEVICE_OF_NAME);
    sql_bind_u64(&query, now_ms);
    sql_bind_text(&query, name.text);
    read_device(store, &query, op, device);
}

void run_login(struct sqlite_store *store, struct store_op *op, uint64_t now_ms) {
    read_device_of_cid(store, op, now_ms, op->login);
}

void run_mailbox(struct sqlite_store *store, struct store_op *op, uint64_t now_ms) {
    read_device_of_name(store, op, now_ms, op->login);
}

/* What an invite allows now; `*is_admin` is what it gives. */
static enum error check_invite(struct sqlite_store *store, const struct store_register *in,
                               uint64_t now_ms, bool *is_admin) {
    enum error result = ERR_INVITE_UNKNOWN;
    struct query query = sql_begin(store, SQL_INVITE_OF_HASH);
    sql_bind_bytes(&query, bytes_of(in->token_hash));
    if (sql_row(&query)) {
        *is_admin = sql_u64(&query, 1) != 0;
        result = OK;
        if (sql_bytes(&query, 2).size > 0) {
            result = ERR_INVITE_USED;
        } else if (sql_u64(&query, 0) <= now_ms) {
            result = ERR_INVITE_EXPIRED;
        }
    }
    sql_end(&query);
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

/* The account that the name has, or a new one; its number. */
static uint64_t create_account(struct sqlite_store *store, const struct store_register *in,
                               uint64_t now_ms, uint64_t account, bool is_admin) {
    struct query query = sql_begin(store, account == 0 ? SQL_ACCOUNT_INSERT : SQL_ACCOUNT_BACK);
    if (account == 0) {
        sql_bind_text(&query, in->device.name.text);
        sql_bind_bytes(&query, bytes_of(in->device.afp));
    }
    sql_bind_u64(&query, is_admin);
    sql_bind_u64(&query, now_ms);
    sql_bind_u64(&query, now_ms / DAY_MS);
    if (account != 0) {
        sql_bind_u64(&query, account);
    }
    sql_run(&query);
    return account == 0 ? (uint64_t)sqlite3_last_insert_rowid(store->database) : account;
}

static void create(struct sqlite_store *store, const struct store_register *in, uint64_t now_ms,
                   uint64_t account, bool is_admin, bool uses_invite) {
    account = create_account(store, in, now_ms, account, is_admin);
    struct query query = sql_begin(store, SQL_DEVICE_INSERT);
    sql_bind_u64(&query, account);
    sql_bind_bytes(&query, bytes_of(in->device.cid));
    sql_bind_bytes(&query, bytes_of(in->device.signing));
    sql_bind_u64(&query, in->epoch);
    sql_bind_bytes(&query, bytes_of(in->certificate));
    sql_run(&query);
    if (uses_invite) {
        query = sql_begin(store, SQL_INVITE_USE);
        sql_bind_bytes(&query, bytes_of(in->device.cid));
        sql_bind_bytes(&query, bytes_of(in->token_hash));
        sql_run(&query);
    }
}

struct known {
    bool is_there;
    uint64_t account;
    enum account_state state;
    uint64_t device;
    uint64_t epoch;
    bool same_account;
    bool same_certificate;
};

/* Whether the value of that column is these bytes. */
static bool is_same(const struct query *query, int column, const uint8_t bytes[HASH_BYTES]) {
    struct bytes value = sql_bytes(query, column);
    return value.size == HASH_BYTES && memcmp(value.data, bytes, HASH_BYTES) == 0;
}

static struct known find(struct sqlite_store *store, const struct store_register *in) {
    struct known known = {0};
    struct query query = sql_begin(store, SQL_ACCOUNT_OF_NAME);
    sql_bind_text(&query, in->device.name.text);
    if (sql_row(&query)) {
        known.is_there = true;
        known.account = sql_u64(&query, 0);
        known.same_account = is_same(&query, 1, in->device.afp);
        known.state = (enum account_state)sql_u64(&query, 2);
        known.device = sql_u64(&query, 3); /* 0 of one that left, and no certificate */
        known.epoch = sql_u64(&query, 4);
        known.same_certificate = is_same(&query, 5, in->device.cid);
    }
    sql_end(&query);
    return known;
}

static void read_certificate(struct sqlite_store *store, uint64_t device,
                             uint8_t out[CERTIFICATE_BYTES]) {
    struct query query = sql_begin(store, SQL_CERTIFICATE_OF_DEVICE);
    sql_bind_u64(&query, device);
    if (sql_row(&query)) {
        sql_copy(&query, 0, out, CERTIFICATE_BYTES);
    }
    sql_end(&query);
}

static enum error decide(struct sqlite_store *store, struct store_register *in, uint64_t now_ms) {
    struct known known = find(store, in);
    bool is_admin;
    bool uses_invite;
    if (known.is_there && !known.same_account) {
        return ERR_NAME_TAKEN;
    }
    if (!known.is_there || known.state == ACCOUNT_LEFT) {
        enum error error = may_register(store, in, now_ms, &is_admin, &uses_invite);
        if (error == OK) {
            create(store, in, now_ms, known.account, is_admin, uses_invite);
        }
        return error;
    }
    if (known.state == ACCOUNT_DISABLED) {
        return ERR_ACCOUNT_DISABLED;
    }
    if (known.same_certificate) {
        return OK;
    }
    if (in->epoch <= known.epoch) {
        read_certificate(store, known.device, in->certificate);
        return ERR_CERTIFICATE_REFUSED;
    }
    in->is_renewal = true;
    return OK;
}

void run_register(struct sqlite_store *store, struct store_op *op, uint64_t now_ms) {
    op->result = decide(store, op->registration, now_ms);
    if (op->result == OK && op->registration->is_renewal) {
        read_device_of_name(store, op, now_ms, &op->registration->device);
    } else if (op->result == OK) {
        read_device_of_cid(store, op, now_ms, &op->registration->device);
    }
}

/* The account of a name, 0 when there is none, and its device, 0 when it left. */
static uint64_t account_of(struct sqlite_store *store, const struct user_name *name,
                           uint64_t *device) {
    uint64_t account = 0;
    *device = 0;
    struct query query = sql_begin(store, SQL_ACCOUNT_OF_NAME);
    sql_bind_text(&query, name->text);
    if (sql_row(&query)) {
        account = sql_u64(&query, 0);
        *device = sql_u64(&query, 3);
    }
    sql_end(&query);
    return account;
}

void run_remove(struct sqlite_store *store, struct store_op *op, uint64_t now_ms) {
    (void)now_ms;
    uint64_t account = account_of(store, &op->remove->name, &op->remove->device);
    op->result = account == 0 ? ERR_NOT_FOUND : OK;
    if (op->result == OK && op->remove->device != 0) {
        leave_erase_later(store, op->remove->device);
    }
    if (op->result == OK) {
        sql_run_on(store, SQL_ACCOUNT_DELETE, account);
    }
}

void run_state(struct sqlite_store *store, struct store_op *op, uint64_t now_ms) {
    (void)now_ms;
    uint64_t account = account_of(store, &op->state->name, &op->state->device);
    op->result = op->state->device == 0 ? ERR_NOT_FOUND : OK;
    if (op->result == OK) {
        struct query query = sql_begin(store, SQL_ACCOUNT_STATE);
        sql_bind_u64(&query, op->state->is_disabled ? ACCOUNT_DISABLED : ACCOUNT_ACTIVE);
        sql_bind_u64(&query, account);
        sql_run(&query);
    }
}

void run_seen(struct sqlite_store *store, struct store_op *op, uint64_t now_ms) {
    (void)now_ms;
    struct query query = sql_begin(store, SQL_ACCOUNT_SEEN);
    sql_bind_u64(&query, op->seen->day);
    sql_bind_u64(&query, op->seen->account);
    sql_run(&query);
    op->result = OK;
}

static enum error may_leave(struct sqlite_store *store, const struct store_leave *in) {
    enum error result = ERR_NOT_FOUND;
    struct query query = sql_begin(store, SQL_STATE_OF_DEVICE);
    sql_bind_u64(&query, in->device);
    if (sql_row(&query) && is_same(&query, 1, in->cid)) {
        result = sql_u64(&query, 0) == ACCOUNT_DISABLED ? ERR_ACCOUNT_DISABLED : OK;
    }
    sql_end(&query);
    return result;
}

/* With the device go its certificate and prekeys; its mailbox is nobody's from then on, and erased
 * in steps. */
void run_leave(struct sqlite_store *store, struct store_op *op, uint64_t now_ms) {
    const struct store_leave *in = op->leave;
    op->result = may_leave(store, in);
    if (op->result != OK) {
        return;
    }
    leave_erase_later(store, in->device);
    sql_run_on(store, SQL_DEVICE_DELETE, in->device);
    sql_run_on(store, SQL_HANDOUT_DROP, in->account);
    struct query query = sql_begin(store, SQL_ACCOUNT_LEAVE);
    sql_bind_u64(&query, now_ms);
    sql_bind_u64(&query, in->account);
    sql_run(&query);
}

void run_invite(struct sqlite_store *store, struct store_op *op, uint64_t now_ms) {
    (void)now_ms;
    struct query query = sql_begin(store, SQL_INVITE_INSERT);
    sql_bind_bytes(&query, bytes_of(op->invite->token_hash));
    sql_bind_u64(&query, op->invite->expires_ms);
    sql_bind_u64(&query, op->invite->is_admin);
    sql_run(&query);
    op->result = OK;
}

void run_revoke(struct sqlite_store *store, struct store_op *op, uint64_t now_ms) {
    (void)now_ms;
    struct query query = sql_begin(store, SQL_INVITE_REVOKE);
    sql_bind_bytes(&query, bytes_of(op->revoke->id));
    op->result = sql_run(&query) > 0 ? OK : ERR_NOT_FOUND;
}
