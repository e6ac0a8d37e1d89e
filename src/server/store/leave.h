/* SPDX-License-Identifier: ISC */
/* What time takes from mailboxes. Internal. */
#ifndef SOTTO_SERVER_STORE_LEAVE_H
#define SOTTO_SERVER_STORE_LEAVE_H

#include "server/store/query.h"

/** Deletes messages accepted before `until_ms`, EXPIRE_MAX runs at most. */
void leave_expired(struct sqlite_store *store, struct store_expire *out, uint64_t until_ms,
                   uint64_t now_ms);
/** Forgets ids that left before `until_ms`; whether there may be more of them. */
bool leave_forget(struct sqlite_store *store, uint64_t until_ms);

#endif
