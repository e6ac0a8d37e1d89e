/* SPDX-License-Identifier: ISC */
/* A server, two people and the links between them, in one thread, without a socket, a file or a
 * clock. The cores are the real ones; what they have not committed to their stores is lost when
 * they are dropped. */
#ifndef SOTTO_TESTS_SIM_WORLD_H
#define SOTTO_TESTS_SIM_WORLD_H

#include "chance.h"
#include "client/engine.h"
#include "client/store/sqlcipher.h"
#include "server/core.h"
#include "server/store/sqlite.h"

enum { PEOPLE = 2, MESSAGES_EACH = 500, SUBMITTED_MAX = 8, LINK_MAX_BYTES = 8 * 1024 * 1024 };

struct world;

/** A message of the application that has no final result yet. */
struct submitted {
    uint32_t message;
    size_t number; /**< in the engine */
};

struct person {
    struct world *world;
    const char *name;
    struct sqlcipher_store *database;
    const struct client_store *store;
    struct engine *engine; /**< NULL: not running */
    uint64_t connection;   /**< 0: no link */
    bool is_established;
    struct buffer to_server;
    struct buffer to_client;
    bool closes; /**< the server closes the link once what it wrote has come */
    struct submitted submitted[SUBMITTED_MAX];
    size_t submitted_count;
    uint32_t accepted; /**< messages known to be accepted: 0 to this - 1 */
    uint64_t cursor;
    uint32_t received; /**< of the other one's */
    uint32_t newest;   /**< highest number among them */
    bool has[MESSAGES_EACH];
};

struct world {
    struct chance chance;
    uint64_t wall_ms;
    uint64_t monotonic_ms;
    struct sqlite_store *disk;
    struct server *server;
    struct person people[PEOPLE];
    uint32_t cuts;
    uint32_t server_drops;
    uint32_t client_drops;
    const char *complaint; /**< what went wrong; NULL: nothing */
};

/** Makes the stores, the server and both accounts' keys. */
void world_init(struct world *world, uint64_t seed);
void world_clear(struct world *world);

/** One step; `faults`: links may be cut and cores dropped. */
void world_step(struct world *world, bool faults);
/** Whether every message has arrived, and its sender knows that it was accepted. */
bool world_is_done(const struct world *world);

#endif
