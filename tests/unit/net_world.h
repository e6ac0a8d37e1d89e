/* SPDX-License-Identifier: ISC */
/* A listener and its clients in one loop, for the tests of net. */
#ifndef SOTTO_TESTS_UNIT_NET_WORLD_H
#define SOTTO_TESTS_UNIT_NET_WORLD_H

#include "testing.h"

#include "net/client.h"
#include "net/listener.h"

enum { SIDES_MAX = 256, PATIENCE_MS = 20000 };

struct world;

/** A connection as the server sees it. */
struct accepted {
    struct world *world;
    struct connection *connection; /**< NULL once closed */
    struct peer_address address;
    uint8_t exporter[EXPORTER_BYTES];
    bool is_established;
    bool is_closed;
    size_t received;
    size_t largest; /**< bytes in one call */
    unsigned calls;
    unsigned drained;
    enum error write_error;
};

/** A connection as the client sees it. */
struct caller {
    struct world *world;
    struct net_client *client;
    uint8_t exporter[EXPORTER_BYTES];
    uint8_t spki_hash[SPKI_HASH_BYTES];
    bool is_connected;
    bool is_closed;
    size_t received;
    uint8_t last; /**< byte received */
    bool is_garbled;
    enum error error;
    const char *cause;
};

struct world {
    uv_loop_t loop;
    uv_timer_t patience;
    struct tls_identity *identity;
    struct listener *listener; /**< NULL once closed */
    struct accepted accepted[SIDES_MAX];
    size_t accepted_count;
    struct caller callers[SIDES_MAX];
    size_t caller_count;
    bool refuses; /**< every connection that comes */
    bool echoes;
    bool closes_on_established;
    bool pauses_on_received;
    bool echo_and_close; /**< closes with a flush after the first bytes, sending them back */
    const char *close_client_when; /**< "connected" or "received" */
};

/** Listens on `host` and any free port. */
void world_open(struct world *world, const char *host);

/** Closes all and checks that every handle is gone. */
void world_close(struct world *world);

/** One client to `host` and the listener's port. `bits` of the pin are compared, right ones when
 * `pin` is NULL. */
struct caller *world_call(struct world *world, const char *host, const uint8_t *pin, unsigned bits);

/** One that has been told of a next key, too. */
struct caller *world_call_next(struct world *world, const uint8_t *pin, const uint8_t *next);

/** The same with all that can be said. */
struct caller *world_call_port(struct world *world, const char *host, uint16_t port,
                               const uint8_t *pin, unsigned bits, uint64_t timeout_ms);

/** The byte at `at` of the pattern that tests send. */
uint8_t pattern_at(size_t at);

/** One round of the loop; fails the test when patience has run out. */
void world_round(struct world *world);

#define world_until(world, condition)                                                              \
    do {                                                                                           \
        while (!(condition)) {                                                                     \
            world_round(world);                                                                    \
        }                                                                                          \
    } while (0)

/** Runs for that long, whatever happens. */
void world_wait(struct world *world, uint64_t ms);

#endif
