/* SPDX-License-Identifier: ISC */
/* What an administrator reads of a server's database, beside the server. */
#ifndef SOTTO_SERVER_STORE_LISTING_H
#define SOTTO_SERVER_STORE_LISTING_H

#include "base/error.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct listed_account {
    struct user_name name;
    uint64_t since_ms;
    bool is_admin;
    bool has_prekeys;  /**< can be written to */
    uint64_t messages; /**< that wait */
    uint64_t bytes;
};
typedef enum error listed_account_fn(void *context, const struct listed_account *account);

struct listed_invite {
    uint64_t expires_ms;
    bool is_admin;
    bool is_used;
};
typedef enum error listed_invite_fn(void *context, const struct listed_invite *invite);

/** Hands each account of the database at `path` to `each`, by name; what it returns beside OK ends
 * the listing. Errors and `cause` (`size` bytes) as of inspect_database. */
must_check enum error list_accounts(const char *path, listed_account_fn *each, void *context,
                                    char *cause, size_t size);

/** The same of invites, the one that expires first before the others. */
must_check enum error list_invites(const char *path, listed_invite_fn *each, void *context,
                                   char *cause, size_t size);

#endif
