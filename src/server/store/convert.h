/* SPDX-License-Identifier: ISC */
/* Messages as schema 1 kept them. Internal. */
#ifndef SOTTO_SERVER_STORE_CONVERT_H
#define SOTTO_SERVER_STORE_CONVERT_H

#include "server/store/query.h"

/** Makes runs of the messages of schema 1, and marks of its ids. Damaged messages stay damaged. */
void convert_messages(struct sqlite_store *store);
/** How many messages of a database of schema 1 are not what was stored. */
uint64_t convert_damaged(struct sqlite_store *store);

#endif
