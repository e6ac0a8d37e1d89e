/* SPDX-License-Identifier: ISC */
/* Certificates, prekeys, and who is there. docs/PROTOCOL.md 1.4. */
#include "base/weaken.h"
#include "server/prekeys.h"
#include "server/store/query.h"

#include <string.h>

static uint64_t count_one_time(struct sqlite_store *store, uint64_t device) {
    uint64_t count = 0;
    struct query query = sql_begin(store, SQL_ONE_TIME_COUNT);
    sql_bind_u64(&query, device);
    if (sql_row(&query)) {
        count = sql_u64(&query, 0);
    }
    sql_end(&query);
    return count;
}

static void drop_one_time(struct sqlite_store *store, uint64_t device) {
    struct query query = sql_begin(store, SQL_ONE_TIME_DROP);
    sql_bind_u64(&query, device);
    sql_run(&query);
}

/* Prekeys as they came, and what their fronts say. */
struct prekeys {
    const uint8_t *set; /* NULL: none */
    size_t count;
    const uint8_t (*one_time)[ONE_TIME_PREKEY_BYTES];
    struct prekey_front set_front;
    struct prekey_front fronts[ONE_TIME_PREKEYS_FULL];
};

static bool read_fronts(struct prekeys *prekeys, const uint8_t cid[HASH_BYTES], uint64_t now_ms) {
    if (prekeys->set != NULL &&
        prekey_set_front(prekeys->set, cid, now_ms, &prekeys->set_front) != OK) {
        return false;
    }
    for (size_t i = 0; i < prekeys->count; i++) {
        if (one_time_front(prekeys->one_time[i], cid, now_ms, &prekeys->fronts[i]) != OK) {
            return false;
        }
    }
    return true;
}

static void add_one_time(struct sqlite_store *store, uint64_t device,
                         const struct prekeys *prekeys) {
    for (size_t i = 0; i < prekeys->count; i++) {
        struct query query = sql_begin(store, SQL_ONE_TIME_INSERT);
        sql_bind_u64(&query, device);
        sql_bind_u64(&query, prekeys->fronts[i].id);
        sql_bind_u64(&query, prekeys->fronts[i].expires_ms - DAY_MS);
        sql_bind_bytes(&query, bytes_of(prekeys->one_time[i]));
        sql_run(&query);
    }
}

/* Whether the device still has that certificate and no newer set; false is ERR_CERTIFICATE_REFUSED.
 */
static bool may_publish(struct sqlite_store *store, const struct store_publish *in,
                        uint32_t set_id) {
    bool may = false;
    struct query query = sql_begin(store, SQL_SET_OF_DEVICE);
    sql_bind_u64(&query, in->device);
    sql_bind_bytes(&query, bytes_of(in->cid));
    if (sql_row(&query)) {
        may = !in->has_set || set_id >= sql_u64(&query, 0);
    }
    sql_end(&query);
    return may;
}

void run_publish(struct sqlite_store *store, struct store_op *op, uint64_t now_ms) {
    const struct store_publish *in = op->publish;
    struct prekeys prekeys = {
        .set = in->has_set ? in->set : NULL, .count = in->count, .one_time = in->one_time};
    op->result = ERR_CERTIFICATE_REFUSED;
    if (!read_fronts(&prekeys, in->cid, now_ms) || !may_publish(store, in, prekeys.set_front.id) ||
        (in->replace ? 0 : count_one_time(store, in->device)) + in->count > ONE_TIME_PREKEYS_MAX) {
        return;
    }
    op->result = OK;
    if (in->has_set) {
        struct query query = sql_begin(store, SQL_SET_STORE);
        sql_bind_u64(&query, prekeys.set_front.id);
        sql_bind_bytes(&query, bytes_of(in->set));
        sql_bind_u64(&query, in->device);
        sql_run(&query);
    }
    if (in->replace) {
        drop_one_time(store, in->device);
    }
    add_one_time(store, in->device, &prekeys);
}

/* --- RENEW --- */

enum renewal { RENEWAL_REFUSED, RENEWAL_DISABLED, RENEWAL_DONE_BEFORE, RENEWAL_DUE };

/* The certificate that stands decides. One that stands without a set was registered and its owner
 * got no further: the unit completes it. */
static enum renewal judge(struct sqlite_store *store, const struct store_renew *in) {
    enum renewal result = RENEWAL_REFUSED;
    uint8_t cid[HASH_BYTES];
    struct query query = sql_begin(store, SQL_CERTIFICATE_OF_DEVICE);
    sql_bind_u64(&query, in->device.device);
    if (sql_row(&query)) {
        sql_copy(&query, 1, cid, sizeof(cid));
        if (sql_u64(&query, 4) == ACCOUNT_DISABLED) {
            result = RENEWAL_DISABLED;
        } else if (memcmp(cid, in->device.cid, sizeof(cid)) == 0) {
            result = sql_u64(&query, 3) > 0 ? RENEWAL_DONE_BEFORE : RENEWAL_DUE;
        } else if (in->epoch > sql_u64(&query, 2)) {
            result = RENEWAL_DUE;
        }
    }
    sql_end(&query);
    return result;
}

/* What names the old certificate goes: it stands in the same row, and every one-time prekey. */
static void replace_certificate(struct sqlite_store *store, const struct store_renew *in,
                                const struct prekeys *prekeys) {
    struct query query = sql_begin(store, SQL_DEVICE_RENEW);
    sql_bind_bytes(&query, bytes_of(in->device.cid));
    sql_bind_bytes(&query, bytes_of(in->device.signing));
    sql_bind_u64(&query, in->epoch);
    sql_bind_bytes(&query, bytes_of(in->certificate));
    sql_bind_u64(&query, prekeys->set_front.id);
    sql_bind_bytes(&query, bytes_of(in->set));
    sql_bind_u64(&query, in->device.device);
    sql_run(&query);
    query = sql_begin(store, SQL_ONE_TIME_DROP_ALL);
    sql_bind_u64(&query, in->device.device);
    sql_run(&query);
    add_one_time(store, in->device.device, prekeys);
}

void run_renew(struct sqlite_store *store, struct store_op *op, uint64_t now_ms) {
    struct store_renew *in = op->renewal;
    struct prekeys prekeys = {.set = in->set, .count = in->count, .one_time = in->one_time};
    enum renewal renewal = judge(store, in);
    op->result = renewal == RENEWAL_DISABLED ? ERR_ACCOUNT_DISABLED : ERR_CERTIFICATE_REFUSED;
    if (renewal == RENEWAL_DISABLED || renewal == RENEWAL_REFUSED ||
        (renewal == RENEWAL_DUE && !read_fronts(&prekeys, in->device.cid, now_ms))) {
        return;
    }
    if (renewal == RENEWAL_DUE) {
        replace_certificate(store, in, &prekeys);
    }
    read_device_of_cid(store, op, now_ms, &in->device);
}

/* Certificate and set of a name; 0 when there is nobody. */
static uint64_t read_keys(struct sqlite_store *store, struct store_op *op) {
    uint64_t device = 0;
    op->result = ERR_NOT_FOUND;
    struct query query = sql_begin(store, SQL_KEYS_OF_NAME);
    sql_bind_text(&query, op->bundle->name.text);
    if (sql_row(&query)) {
        device = sql_u64(&query, 0);
        sql_copy(&query, 1, op->bundle->certificate, sizeof(op->bundle->certificate));
        sql_copy(&query, 2, op->bundle->set, sizeof(op->bundle->set));
        op->result = OK;
    }
    sql_end(&query);
    return device;
}

void run_certificate(struct sqlite_store *store, struct store_op *op, uint64_t now_ms) {
    (void)now_ms;
    read_keys(store, op);
}

static uint64_t count_handouts(struct sqlite_store *store, uint64_t requester, uint64_t device,
                               uint64_t now_ms) {
    uint64_t count = 0;
    struct query query = sql_begin(store, SQL_HANDOUT_COUNT);
    sql_bind_u64(&query, requester);
    sql_bind_u64(&query, device);
    sql_bind_u64(&query, now_ms < DAY_MS ? 0 : now_ms - DAY_MS);
    if (sql_row(&query)) {
        count = sql_u64(&query, 0);
    }
    sql_end(&query);
    return count;
}

static uint64_t count_usable(struct sqlite_store *store, uint64_t device, uint64_t now_ms) {
    uint64_t count = 0;
    struct query query = sql_begin(store, SQL_ONE_TIME_USABLE);
    sql_bind_u64(&query, device);
    sql_bind_u64(&query, now_ms);
    if (sql_row(&query)) {
        count = sql_u64(&query, 0);
    }
    sql_end(&query);
    return count;
}

/* One of them by the random choice; its record is gone in the same transaction. */
static void take_one_time(struct sqlite_store *store, struct store_bundle *out, uint64_t device,
                          uint64_t now_ms, uint64_t usable) {
    uint64_t id = 0;
    struct query query = sql_begin(store, SQL_ONE_TIME_PICK);
    sql_bind_u64(&query, device);
    sql_bind_u64(&query, now_ms);
    sql_bind_u64(&query, out->choice % usable);
    if (sql_row(&query)) {
        id = sql_u64(&query, 0);
        sql_copy(&query, 1, out->one_time, sizeof(out->one_time));
        out->has_one_time = true;
    }
    sql_end(&query);
    query = sql_begin(store, SQL_ONE_TIME_USE);
    sql_bind_u64(&query, device);
    sql_bind_u64(&query, id);
    sql_run(&query);
    query = sql_begin(store, SQL_HANDOUT_INSERT);
    sql_bind_u64(&query, out->requester);
    sql_bind_u64(&query, device);
    sql_bind_u64(&query, now_ms);
    sql_run(&query);
}

void run_bundle(struct sqlite_store *store, struct store_op *op, uint64_t now_ms) {
    struct store_bundle *out = op->bundle;
    out->has_one_time = false;
    uint64_t device = read_keys(store, op);
    if (device == 0 ||
        (count_handouts(store, out->requester, device, now_ms) >= ONE_TIME_HANDOUT_PER_DAY &&
         !weakened(WEAK_NO_HANDOUT_LIMIT))) {
        return;
    }
    uint64_t usable = count_usable(store, device, now_ms);
    if (usable > 0) {
        take_one_time(store, out, device, now_ms, usable);
    }
}

void run_users(struct sqlite_store *store, struct store_op *op, uint64_t now_ms) {
    (void)now_ms;
    struct store_users *out = op->users;
    char pattern[NAME_MAX_BYTES + 1] = {0};
    memcpy(pattern, out->pattern, out->pattern_size);
    out->page.count = 0;
    out->page.more = false;
    struct query query = sql_begin(store, SQL_USERS);
    sql_bind_text(&query, out->after.text);
    sql_bind_text(&query, pattern);
    sql_bind_u64(&query, USERS_PAGE_MAX + 1);
    while (sql_row(&query)) {
        if (out->page.count == USERS_PAGE_MAX) {
            out->page.more = true;
            break;
        }
        struct wire_user *user = &out->page.users[out->page.count++];
        sql_name(&query, 0, &user->name);
        user->since_ms = sql_u64(&query, 1);
        user->is_admin = sql_u64(&query, 2) != 0;
    }
    sql_end(&query);
    op->result = OK;
}
