/* SPDX-License-Identifier: ISC */
/* Rows of runs: those that gather while a batch is carried out, and those that are changed.
 * Internal. */
#ifndef SOTTO_SERVER_STORE_RUNS_H
#define SOTTO_SERVER_STORE_RUNS_H

#include "server/store/run.h"

struct sqlite_store;

/** The messages of a mailbox in the batch under way that are not in its row yet. */
struct open_run {
    uint64_t device;
    uint64_t row;
    size_t count;
    size_t bytes;
    struct store_insert *first; /**< in order, by `next_in_run` */
    struct store_insert *newest;
};

enum { OPEN_BUCKETS = 512 };
struct runs {
    struct open_run *open;
    size_t count;
    size_t room;
    uint16_t buckets[OPEN_BUCKETS]; /**< 0: none, else one more than the index of the first */
    uint16_t *same_bucket;          /**< of each: the next, as above */
    uint64_t next_row;              /**< 0: not known yet */
    uint64_t next_mark;
    uint8_t *scratch;
    size_t scratch_size;
};

void runs_clear(struct runs *runs);
/** The batch was not carried out: nothing of it is remembered. */
void runs_forget(struct runs *runs);

/** Memory for one use; NULL: the store has failed. */
uint8_t *runs_scratch(struct sqlite_store *store, size_t size);
/** The number of a new row. */
uint64_t runs_next_row(struct sqlite_store *store);
uint64_t runs_next_mark(struct sqlite_store *store);

/** The run of that mailbox that gathers; NULL: there is none. */
struct open_run *runs_find(struct runs *runs, uint64_t device);
/** The same; begins one. NULL: the store has failed. */
struct open_run *runs_begin(struct sqlite_store *store, uint64_t device);
/** Makes sure that the next message has room in it and a row; ends the one before if not. */
void runs_make_room(struct sqlite_store *store, struct open_run *run, size_t size);
void runs_append(struct open_run *run, struct store_insert *insert);
/** What gathered goes into its row. */
void runs_write(struct sqlite_store *store, struct open_run *run);
void runs_write_all(struct sqlite_store *store);

/** A row of runs that is new. */
struct new_run {
    uint64_t row;
    uint64_t device;
    uint64_t last;
    uint64_t count;
    uint64_t accepted_ms;
    struct bytes heads;
    uint8_t *envelopes; /**< encrypted where they are, as body_put does */
    size_t size;
};
void runs_insert(struct sqlite_store *store, const struct new_run *run);

/** A row of runs, to be changed. */
struct loaded_run {
    uint64_t device;
    uint64_t row;
    uint64_t last; /**< the place of its last message */
    uint64_t bytes;
    uint64_t accepted_ms; /**< when its last message was */
    size_t count;
    bool is_apart;  /**< its envelopes are (bodies.h) */
    uint8_t *heads; /**< owned */
};
/** The first of the mailbox that ends at `place` or behind it; `row` 0: there is none. */
struct loaded_run runs_load(struct sqlite_store *store, uint64_t device, uint64_t place);
struct loaded_run runs_load_row(struct sqlite_store *store, uint64_t device, uint64_t row);
struct loaded_run runs_load_oldest(struct sqlite_store *store);
/** Any of the mailbox. */
struct loaded_run runs_load_any(struct sqlite_store *store, uint64_t device);
void runs_unload(struct loaded_run *run);

/** Gives some other bytes instead of those of one message, or leaves some messages out. */
struct run_change {
    const bool *gone;    /**< NULL: none */
    size_t mended;       /**< `count`: none */
    const uint8_t *head; /**< of the mended one */
    struct bytes envelope;
};
void runs_change(struct sqlite_store *store, struct loaded_run *run,
                 const struct run_change *change);
void runs_remove(struct sqlite_store *store, const struct loaded_run *run);

#endif
