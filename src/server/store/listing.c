/* SPDX-License-Identifier: ISC */
#include "server/store/listing.h"
#include "server/store/query.h"

#include <string.h>

/* One row's columns, handed to whoever asked. */
typedef enum error row_fn(sqlite3_stmt *row, void *context);

static enum error list(const char *path, const char *sql, const char *text, row_fn *take,
                       void *context, char *cause, size_t size) {
    sqlite3_stmt *statement = NULL;
    enum error error = OK;
    cause[0] = '\0';
    struct sqlite_store *store = store_open_file(path);
    if (store == NULL) {
        return ERR_MEMORY;
    }
    store_only_read(store);
    error = store->error == OK ? schema_check(store) : store->error;
    if (error == OK) {
        store_latch(store, sqlite3_prepare_v2(store->database, sql, -1, &statement, NULL));
    }
    if (error == OK && store->error == OK && text != NULL) {
        store_latch(store, sqlite3_bind_text(statement, 1, text, -1, SQLITE_STATIC));
    }
    int result = error == OK && store->error == OK ? sqlite3_step(statement) : SQLITE_DONE;
    while (result == SQLITE_ROW && error == OK) {
        error = take(statement, context);
        result = error == OK ? sqlite3_step(statement) : SQLITE_DONE;
    }
    store_latch(store, result);
    sqlite3_finalize(statement);
    return store_finish(store, error == OK ? store->error : error, cause, size);
}

struct accounts {
    listed_account_fn *each;
    void *context;
};

static enum error take_account(sqlite3_stmt *row, void *context) {
    const struct accounts *accounts = context;
    struct listed_account account = {.since_ms = (uint64_t)sqlite3_column_int64(row, 1),
                                     .is_admin = sqlite3_column_int(row, 2) != 0,
                                     .state = (enum account_state)sqlite3_column_int(row, 3),
                                     .seen_day = (uint32_t)sqlite3_column_int64(row, 4),
                                     .devices = (uint64_t)sqlite3_column_int64(row, 5),
                                     .has_prekeys = sqlite3_column_int(row, 6) != 0,
                                     .messages = (uint64_t)sqlite3_column_int64(row, 7),
                                     .bytes = (uint64_t)sqlite3_column_int64(row, 8)};
    const char *name = (const char *)sqlite3_column_text(row, 0);
    enum error error =
        name == NULL ? ERR_MEMORY : user_name_parse(bytes_of_string(name), &account.name);
    if (error != OK) {
        return error == ERR_MEMORY ? error : ERR_STORE_BROKEN;
    }
    return accounts->each(accounts->context, &account);
}

#define ACCOUNTS(which)                                                                            \
    "SELECT a.name, a.since_ms, a.is_admin, a.state, a.seen_day, count(DISTINCT d.device),"        \
    " max(d.set_id) > 0, coalesce(sum(r.count), 0), coalesce(sum(r.bytes), 0) FROM accounts a"     \
    " LEFT JOIN devices d ON d.account = a.account"                                                \
    " LEFT JOIN runs r ON r.device = d.device " which " GROUP BY a.account ORDER BY a.name"

must_check enum error list_accounts(const char *path, const struct user_name *name,
                                    listed_account_fn *each, void *context, char *cause,
                                    size_t size) {
    struct accounts accounts = {.each = each, .context = context};
    return name == NULL ? list(path, ACCOUNTS(""), NULL, take_account, &accounts, cause, size)
                        : list(path, ACCOUNTS("WHERE a.name = ?"), name->text, take_account,
                               &accounts, cause, size);
}

struct invites {
    listed_invite_fn *each;
    void *context;
};

static enum error take_invite(sqlite3_stmt *row, void *context) {
    const struct invites *invites = context;
    struct listed_invite invite = {.expires_ms = (uint64_t)sqlite3_column_int64(row, 0),
                                   .is_admin = sqlite3_column_int(row, 1) != 0,
                                   .is_used = sqlite3_column_int(row, 2) != 0};
    const void *id = sqlite3_column_blob(row, 3);
    if (id == NULL || sqlite3_column_bytes(row, 3) != INVITE_ID_BYTES) {
        return ERR_STORE_BROKEN;
    }
    memcpy(invite.id, id, sizeof(invite.id));
    return invites->each(invites->context, &invite);
}

must_check enum error list_invites(const char *path, listed_invite_fn *each, void *context,
                                   char *cause, size_t size) {
    struct invites invites = {.each = each, .context = context};
    return list(path,
                "SELECT expires_ms, is_admin, used_by IS NOT NULL, substr(token_hash, 1, 5)"
                " FROM invite ORDER BY expires_ms",
                NULL, take_invite, &invites, cause, size);
}

static enum error take_sum(sqlite3_stmt *row, void *context) {
    *(struct listed_sum *)context =
        (struct listed_sum){.accounts = (uint64_t)sqlite3_column_int64(row, 0),
                            .messages = (uint64_t)sqlite3_column_int64(row, 1),
                            .bytes = (uint64_t)sqlite3_column_int64(row, 2),
                            .oldest_ms = (uint64_t)sqlite3_column_int64(row, 3)};
    return OK;
}

must_check enum error list_sum(const char *path, struct listed_sum *sum, char *cause, size_t size) {
    return list(path,
                "SELECT (SELECT count(*) FROM accounts WHERE state <> 2), coalesce(sum(count), 0),"
                " coalesce(sum(bytes), 0), coalesce(min(accepted_ms), 0) FROM runs"
                " WHERE device NOT IN (SELECT device FROM erasing)",
                NULL, take_sum, sum, cause, size);
}
