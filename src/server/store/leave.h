/* SPDX-License-Identifier: ISC */
/* What time takes from mailboxes. Internal. */
#ifndef SOTTO_SERVER_STORE_LEAVE_H
#define SOTTO_SERVER_STORE_LEAVE_H

#include "server/store/query.h"

/** Deletes messages accepted before `until_ms`, EXPIRE_MAX runs at most. */
void leave_expired(struct sqlite_store *store, struct store_expire *out, uint64_t until_ms,
                   uint64_t now_ms);
/** The device has gone: STORE_ERASE takes what waited for it, and its marks. */
void leave_erase_later(struct sqlite_store *store, uint64_t device);

#endif
