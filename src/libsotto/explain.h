/* SPDX-License-Identifier: ISC */
/* The words for what the engine says: keys, times, clocks, notices, failures. */
#ifndef SOTTO_LIBSOTTO_EXPLAIN_H
#define SOTTO_LIBSOTTO_EXPLAIN_H

#include "libsotto/runner.h"

/** The first 130 bits of a hash in groups of four, as people compare it. */
void explain_key(const uint8_t hash[HASH_BYTES], char out[SOTTO_KEY_SIZE]);

/** "15 s", "1500 ms". */
void explain_duration(uint64_t ms, char *out, size_t size);

/** With what a person was compared: "card", "number", "card file", "". */
const char *explain_source(enum trust_source how);

/** The two lines about a person whose key changed: which one is trusted since when, which one is
 * new. */
struct explained_keys {
    char trusted[128];
    char shown[128];
};
void explain_keys(const struct sotto *client, const struct stored_peer *peer,
                  struct explained_keys *keys);

/** Hands a notice of the engine to the application. */
void explain_notice(struct runner *runner, const struct engine_notice *notice);

/** Says that the clock is a little off, once logged in; more than a day is the engine's to say. */
void explain_clock(struct runner *runner);

/** Says that the connection is lost, or could not be made, and is made again; and that it is there
 * again. */
void explain_lost(const struct runner *runner, const struct failure *failure);
void explain_connected(const struct runner *runner);

/** Fills `*error` with a failure of the connection or of one piece of work. */
int explain_failure(struct runner *runner, const struct failure *failure, struct report report,
                    struct sotto_error *error);

#endif
