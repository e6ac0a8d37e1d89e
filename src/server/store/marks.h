/* SPDX-License-Identifier: ISC */
/* The marks of what has left its mailbox. Rows stand in the order in which that happened; those of
 * one mailbox are a chain from the newest to the oldest, because an index on the mailbox would have
 * a page of its own to write for nearly each of them. Internal. */
#ifndef SOTTO_SERVER_STORE_MARKS_H
#define SOTTO_SERVER_STORE_MARKS_H

#include "server/store/query.h"

/** Remembers marks, one after the other, that left at one time; `row` is of runs_next_mark. */
void marks_add(struct sqlite_store *store, uint64_t row, uint64_t device, uint64_t left_ms,
               struct bytes marks);

/** A row of marks. */
struct marks {
    uint64_t row;
    struct bytes bytes; /**< valid until the next step */
    bool is_damaged;    /**< they are not what was written */
};

/** A way along the chain of a mailbox. marks_end ends it before its end. */
struct marks_way {
    struct query query;
    uint64_t device;
    uint64_t row; /**< the next */
};
/** The whole chain. */
struct marks_way marks_of(struct sqlite_store *store, uint64_t device);
/** The chain from that row on. */
struct marks_way marks_from(struct sqlite_store *store, uint64_t device, uint64_t row);
bool marks_next(struct marks_way *way, struct marks *marks);
void marks_end(struct marks_way *way);

/** Forgets what left before `until_ms`, a batch of rows; whether there may be more. */
bool marks_forget(struct sqlite_store *store, uint64_t until_ms);
/** Forgets those of one mailbox, a batch of rows; whether there may be more. */
bool marks_erase(struct sqlite_store *store, uint64_t device);

/** How many rows are not what was written. */
uint64_t marks_damaged(struct sqlite_store *store);

#endif
