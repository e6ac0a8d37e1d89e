/* SPDX-License-Identifier: ISC */
/* What an administrator reads of a server's database, beside the server. */
#ifndef SOTTO_SERVER_STORE_LISTING_H
#define SOTTO_SERVER_STORE_LISTING_H

#include "server/store.h"

struct listed_account {
    struct user_name name;
    enum account_state state;
    uint64_t since_ms; /**< when it was made; of one that left: when it did */
    uint32_t seen_day; /**< days since 1970, 0: not known */
    bool is_admin;
    bool has_prekeys; /**< can be written to */
    uint64_t devices;
    uint64_t messages; /**< that wait */
    uint64_t bytes;
};
typedef enum error listed_account_fn(void *context, const struct listed_account *account);

struct listed_invite {
    uint8_t id[INVITE_ID_BYTES];
    uint64_t expires_ms;
    bool is_admin;
    bool is_used;
};
typedef enum error listed_invite_fn(void *context, const struct listed_invite *invite);

/** Of all accounts together. */
struct listed_sum {
    uint64_t accounts; /**< that have not left */
    uint64_t messages; /**< that wait */
    uint64_t bytes;
    uint64_t oldest_ms; /**< when the oldest of them was accepted */
};

/** Hands each account of the database at `path` to `each`, by name, or that of `name` alone; what
 * it returns beside OK ends the listing. Errors and `cause` (`size` bytes) as of inspect_database;
 * ERR_MISMATCH: it is of an earlier version, which sqlite_store_open makes one of this;
 * ERR_STORE_NEWER. */
must_check enum error list_accounts(const char *path, const struct user_name *name,
                                    listed_account_fn *each, void *context, char *cause,
                                    size_t size);

/** The same of invites, the one that expires first before the others. */
must_check enum error list_invites(const char *path, listed_invite_fn *each, void *context,
                                   char *cause, size_t size);

/** The sum of what waits; errors as of list_accounts. */
must_check enum error list_sum(const char *path, struct listed_sum *sum, char *cause, size_t size);

#endif
