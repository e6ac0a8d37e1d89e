/* SPDX-License-Identifier: ISC */
/* Where the envelopes of a run stand: few bytes in the run's own row, more of them in a row of
 * bodies, encrypted (crypto/gcm.h) under a key of their own that stands in the run's row. That key
 * is what is overwritten when they leave: of the pages behind them nothing has to be written again,
 * and what a disk still has of those is random without the key. Internal. */
#ifndef SOTTO_SERVER_STORE_BODIES_H
#define SOTTO_SERVER_STORE_BODIES_H

#include "crypto/gcm.h"
#include "server/store/query.h"

/** More bytes of envelopes than this stand apart: a row with fewer shares its page with others,
 * which is written anyway when it goes. */
enum { BODY_IN_ROW_MAX_BYTES = 2048 };

/** What a run's row has of its envelopes; whoever has bound it and run the query wipes the key. */
struct body {
    bool is_apart;
    struct secret_32 key;   /**< of one that stands apart */
    struct bytes envelopes; /**< of one that does not: theirs */
};

/** Keeps the envelopes of that row, instead of what is apart for it (`was_apart`). Those that stand
 * apart are encrypted where they are; behind them there is room for GCM_TAG_BYTES. */
struct body body_put(struct sqlite_store *store, uint64_t row, uint8_t *envelopes, size_t size,
                     bool was_apart);
/** Binds the two values of a run's row. */
void body_bind(struct query *query, const struct body *body);
/** Envelopes that were read. */
struct opened_body {
    struct bytes envelopes;
    bool is_whole; /**< all of them are as they were written; else each has to be looked at */
};
/** Those of a row of runs joined with bodies, by the three columns from `column` on: key,
 * envelopes, sealed. They are the query's, or in `out`, which has body_size bytes. */
struct opened_body body_open(struct query *query, int column, uint8_t *out);
size_t body_size(const struct query *query, int column);
/** What stands apart for a row goes. */
void body_remove(struct sqlite_store *store, uint64_t row);

#endif
