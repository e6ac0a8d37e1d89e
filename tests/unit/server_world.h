/* SPDX-License-Identifier: ISC */
/* A server without a socket: the core, the real store in memory or in a file, a clock that stands
 * until it is moved, and peers who speak the wire protocol. One place for the tests of src/server.
 */
#ifndef SOTTO_TESTS_UNIT_SERVER_WORLD_H
#define SOTTO_TESTS_UNIT_SERVER_WORLD_H

#include "testing.h"

#include "server/core.h"
#include "server/store/sqlite.h"
#include "session/certificate.h"
#include "wire/message.h"

#define START_MS (UINT64_C(1800000000) * SECOND_MS)

enum { PEERS_MAX = 700, FRAMES_MAX = 3000 };

/** Keys of one account; made once for all tests (RSA keys take their time). */
struct person {
    struct account_keys account;
    struct device_keys keys;
    struct user_name name;
    struct certificate parsed;
    uint8_t certificate[CERTIFICATE_BYTES];
    uint32_t epoch;
};
/** `name` with keys of its own, certificate of epoch 1. */
const struct person *person(const char *name);
/** The same account with fresh device keys and a higher epoch. */
struct person person_renewed(const struct person *old);

/** One frame that came, its body kept. */
struct got {
    uint8_t type;
    uint32_t request;
    struct bytes body;
};

struct peer {
    uint64_t number;
    uint8_t exporter[32];
    struct buffer stream;
    size_t read; /**< of the stream */
    bool is_closed;
    bool is_paused;
    bool keeps_output; /**< never says that its output has left */
    uint32_t request;
};

struct world {
    struct server_config config;
    struct random_source random;
    char path[64];
    struct sqlite_store *store;
    struct server *server;
    struct moment now;
    struct peer peers[PEERS_MAX];
    size_t peer_count;
    bool holds_batches; /**< the disk is slow: batches are taken and kept in `batch` */
    struct store_batch *batch;
    enum error fails; /**< what the next batches end with, without being carried out */
    uint8_t address;  /**< last byte of the next peers' address */
    char log[256];
    unsigned notes[EVENT_KINDS]; /* how often the server noted each event */
};

void world_start(struct world *world);
/** As kill -9 and a new start: the core goes, the store is opened again from its file. */
void world_restart(struct world *world);
void world_stop(struct world *world);
/** Set-up and tear-down of a test: `*state` is a started world. */
int world_begin(void **state);
int world_end(void **state);
/** Carries everything out until nothing is left to do. */
void world_settle(struct world *world);
/** Ends the batch that is held. */
void world_finish_batch(struct world *world);
/** Moves both clocks, in steps of a tick. */
void world_pass(struct world *world, uint64_t ms);
/** A number that the database holds: the first column of the first row. */
int64_t world_count(struct world *world, const char *sql);

struct peer *world_connect(struct world *world);
void peer_bytes(struct world *world, struct peer *peer, struct bytes bytes);
/** Sends what a writer wrote and settles. */
void peer_flush(struct world *world, struct peer *peer, struct buffer *frames);
/** The next frame that came; false when there is none. */
bool peer_next(struct peer *peer, struct got *got);
/** The next frame has that type. */
struct got peer_expect(struct peer *peer, uint8_t type);
/** The next frame is a WELCOME; what it says. */
struct wire_welcome peer_expect_welcome(struct peer *peer);
/** The next frame is that error; its request. */
uint32_t peer_expect_error(struct peer *peer, enum error error);
void peer_expect_nothing(struct peer *peer);

/** A fresh invite's token. */
void world_invite(struct world *world, uint8_t token[INVITE_TOKEN_BYTES], uint64_t expires_ms,
                  bool is_admin);

/* Requests; each returns its number. Nothing is settled. */
uint32_t peer_login(struct world *world, struct peer *peer, const struct person *person);
uint32_t peer_register(struct world *world, struct peer *peer, const struct person *person,
                       const uint8_t *token);
uint32_t peer_publish(struct world *world, struct peer *peer, const struct person *person,
                      uint32_t set_id, uint8_t count, uint32_t first_one_time, bool replace);
/** The renewal unit of a person whose certificate is new. */
uint32_t peer_renew(struct world *world, struct peer *peer, const struct person *person,
                    uint32_t set_id, uint8_t count, uint32_t first_one_time);
uint32_t peer_get(struct world *world, struct peer *peer, enum wire_type type, const char *name);
uint32_t peer_send(struct world *world, struct peer *peer, const char *to, uint32_t id,
                   const char *text);
uint32_t peer_send_bytes(struct world *world, struct peer *peer, const char *to, uint32_t id,
                         struct bytes envelope);
uint32_t peer_fetch(struct world *world, struct peer *peer, uint16_t window);
void peer_ack(struct world *world, struct peer *peer, uint64_t handle);
uint32_t peer_leave(struct world *world, struct peer *peer);

/** Peers that ask to be let in over a connection of their own; what they are told is not read. */
struct peer *world_asks_in(struct world *world, const struct person *person);
struct peer *world_registers(struct world *world, const struct person *person,
                             const uint8_t *token);
/** A peer that is in: registered with an invite, keys published, and the answers read. */
struct peer *world_member(struct world *world, const char *name);
/** A peer that logs in again. */
struct peer *world_login(struct world *world, const char *name);
/** Reads the next frame, a DELIVER of `text`; its handle. */
uint64_t peer_expect_deliver(struct peer *peer, const char *from, const char *text);

#endif
