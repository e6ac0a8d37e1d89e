/* SPDX-License-Identifier: ISC */
/* Messages as earlier schemas kept them. Internal. */
#ifndef SOTTO_SERVER_STORE_CONVERT_H
#define SOTTO_SERVER_STORE_CONVERT_H

#include "server/store/query.h"

/** Makes runs of the messages of schema 1, and marks of its ids. Damaged messages stay damaged. */
void convert_messages(struct sqlite_store *store);
/** Makes of the runs and marks of schema 2 (old_runs, old_marks) those of this one. */
void convert_runs(struct sqlite_store *store);
/** How many messages of a database of schema 1 are not what was stored. */
uint64_t convert_damaged(struct sqlite_store *store);

#endif
