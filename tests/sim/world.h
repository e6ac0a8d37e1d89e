/* SPDX-License-Identifier: ISC */
/* A world: one server and two clients with their stores, links that can be cut, a clock that is
 * only a number. The cores are the real ones; what is simulated is what stands around them. */
#ifndef SOTTO_TESTS_SIM_WORLD_H
#define SOTTO_TESTS_SIM_WORLD_H

#include "client/engine.h"
#include "client/store/sqlcipher.h"
#include "server/core.h"
#include "server/store/sqlite.h"
#include "tape.h"

enum { CLIENTS = 2, MESSAGES_EACH = 500, PIPELINE_MAX = 8 };

struct client {
    struct world *world;
    struct user_name name;
    struct sqlcipher_store *store;
    struct engine *engine; /* NULL: not running */
    uint64_t connection;   /* the server's number, 0: no link */
    struct buffer to_server;
    struct buffer to_client;
    bool is_closing; /* the server closes once to_client is empty */
    /* The person: writes messages 0, 1, 2, … and repeats what was not accepted. */
    uint32_t accepted;
    size_t pending;
    size_t results[PIPELINE_MAX];
    /* The person at the other end of it: what was shown here. */
    uint64_t cursor;
    uint32_t shown;
};

struct world {
    struct tape tape;
    uint64_t now_ms;
    struct server *server;
    struct sqlite_store *store;
    struct client clients[CLIENTS];
    uint32_t cuts;
    uint32_t server_crashes;
    uint32_t client_crashes;
    uint32_t repeats;
};

void world_begin(struct world *world, uint64_t seed);
void world_end(struct world *world);

/** One step with faults, or without them. */
void world_step(struct world *world, bool with_faults);

/** Everything was written, accepted, and shown. */
bool world_is_done(const struct world *world);

#endif
