/* SPDX-License-Identifier: ISC */
/* Two people, real engines on encrypted stores in memory, and the real server core on a clock that
 * the test sets: years pass in seconds. RSA keys come from a small pool. */
#ifndef SOTTO_TESTS_UNIT_LIFETIMES_WORLD_H
#define SOTTO_TESTS_UNIT_LIFETIMES_WORLD_H

#include "testing.h"

#include "client/engine.h"
#include "client/store/sqlcipher.h"
#include "server/core.h"
#include "server/store/sqlite.h"

enum { PEOPLE = 2, RSA_POOL = 6, MESSAGES_MAX = 1024 };

/** What becomes of a RENEW on its way. */
enum fate {
    FATE_HONEST,
    FATE_LOST_BEFORE, /**< the link breaks before the server has it */
    FATE_LOST_AFTER,  /**< it breaks before the answer comes back */
    FATE_REFUSED,     /**< `refusal` is the answer, and the server never sees it */
};

struct person {
    struct world *world;
    struct user_name name;
    struct sqlcipher_store *database;
    const struct client_store *store;
    struct engine *engine;
    int64_t clock_ms; /**< own clock minus the true time */
    uint64_t connection;
    bool closes;
    struct buffer to_server;
    struct buffer to_client;

    enum fate fate;
    uint8_t loses;   /**< the link breaks before the server has a frame of this type; 0: of none */
    bool is_hasty;   /**< writes before all that waits is taken in */
    unsigned spoils; /**< so many of the next bundles come with a changed byte */
    struct bytes nonsense; /**< what the server says instead of an answer to that frame */
    enum error refusal;
    const uint8_t *answer_register; /**< a certificate that answers REGISTER, or NULL */
    const uint8_t *shown_key;       /**< the server's, as the connection shows it; NULL: the pin */
    struct buffer renewal;          /**< body of the last RENEW */
    unsigned renewals;
    bool was_same;        /**< the last RENEW was the one before, byte for byte */
    unsigned frames[256]; /**< sent, by type */
    bool last_replaced;   /**< of the last PUBLISH */
    bool last_had_set;
    unsigned last_one_time;
    unsigned notices[ERR_COUNT];
    uint16_t one_time_left; /**< as the last welcome said */
    struct failure failure; /**< of the last connection */

    uint32_t written;
    uint32_t received;
    uint32_t late; /**< shown after messages that were sent later */
    uint64_t cursor;
    unsigned sent_after_expiry; /**< envelopes in a session whose certificate was over */
};

struct world {
    uint64_t true_ms;
    uint64_t monotonic_ms;
    char path[64]; /**< of the server's database; ":memory:" */
    struct sqlite_store *disk;
    struct server *server;
    uint8_t store_epoch[STORE_EPOCH_BYTES];
    const struct rsa_private *pool; /**< RSA_POOL keys */
    unsigned next_rsa;
    struct person ana;
    struct person bob;
};

/** Both have registered and left. `on_disk`: the server's database can be copied. */
void world_open(struct world *world, const struct rsa_private *pool, bool on_disk);
void world_close(struct world *world);
void world_pass(struct world *world, uint64_t ms);
/** The same in small steps, through which connections live. */
void world_stay(struct world *world, uint64_t ms);
/** Ends the server and starts it on what its disk has. */
void world_restart(struct world *world);
/** What the server says of its next key; NULL: nothing. */
void world_announce(struct world *world, const uint8_t *next_key, uint64_t when_ms);
/** The server's database as it is, and put back as it was. */
void world_copy(struct world *world);
void world_put_back(struct world *world);
/** The server begins with nothing. */
void world_lose(struct world *world);

uint64_t person_now(const struct person *person);
const struct person *person_other(const struct person *person);

/** Connects and logs in, takes in what waits, and lets everything come to rest; the connection
 * stays. */
void person_come(struct person *person);
/** The same with a message that is written before the connection stands, and kept if need be. */
void person_come_writing(struct person *person);
/** Ends the connection. */
void person_leave(struct person *person);
/** person_come and person_leave. */
void person_visit(struct person *person);
/** Moves everything of everybody who is there until nothing moves. */
void world_settle(struct world *world);

/** Writes the next message for the other; it is kept when it cannot be sent now. */
void person_write(struct person *person);
/** Writes one that is not kept, and tells what became of it. */
enum error person_try(struct person *person);
/** Takes what has come: the other's messages, each once and in order. */
void person_read(struct person *person);

/** A number out of the own store: `sql` has at most one ?, for which `cid` stands. */
uint64_t person_count(struct person *person, const char *sql, const uint8_t *cid);
struct account person_account(const struct person *person);

/** Asks for the other's bundle as a program of its own might, and drops the answer. */
void person_drain(struct person *person);

#endif
