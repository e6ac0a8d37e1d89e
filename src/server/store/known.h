/* SPDX-License-Identifier: ISC */
/* Where in the database the ids of a mailbox stand, in memory: which row has to be looked at to
 * know whether an envelope is there already. Of each mailbox it is read when it is first asked
 * for, and given up when others need the memory; what it says is checked in that row. Internal. */
#ifndef SOTTO_SERVER_STORE_KNOWN_H
#define SOTTO_SERVER_STORE_KNOWN_H

#include "server/store/run.h"

struct sqlite_store;
struct known_ids;

/** A row of runs, or one of marks. */
struct known_row {
    bool is_mark;
    uint64_t row;
};

struct known_index {
    struct known_ids **buckets;
    struct known_ids *newest; /**< by last use */
    struct known_ids *oldest;
    size_t room;        /**< of all mailboxes together */
    size_t room_max;    /**< KNOWN_IDS_MAX: beyond it the mailbox used longest ago goes */
    size_t mailbox_max; /**< MAILBOX_IDS_MAX: beyond it a mailbox takes no more */
    uint64_t seed;
};

/** All of it is given up; what is asked for is read again. */
void known_clear(struct known_index *known);

/** The ids of a mailbox; reads them when they are not there. NULL: there is no such mailbox, or the
 * store has failed. What is in memory is of a device that is there: known_drop when it goes. */
struct known_ids *known_of(struct sqlite_store *store, uint64_t device);
/** Gives up those of one mailbox. */
void known_drop(struct known_index *known, uint64_t device);

/** How many there are. */
size_t known_count(const struct known_ids *ids);
/** Adds where an id stands. */
void known_add(struct sqlite_store *store, struct known_ids *ids, const struct mark *mark,
               struct known_row row);
/** An id has gone to another row. Nothing happens when its mailbox is not in memory. */
void known_move(struct sqlite_store *store, uint64_t device, const struct mark *mark,
                struct known_row from, struct known_row to);

/** The next row that may hold the id; `*at` is 0 at first. False: no other. */
bool known_next(const struct known_index *known, const struct known_ids *ids,
                const struct mark *mark, size_t *at, struct known_row *row);

#endif
