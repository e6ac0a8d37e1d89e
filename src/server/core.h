/* SPDX-License-Identifier: ISC */
/* The server without its I/O: accounts, directory, prekeys, one mailbox a device, delivery. It
 * keeps the delivery contract; whoever runs it moves bytes and batches.
 *
 * - connections: server_open, server_established, server_receive, server_drained, server_closed;
 * - output: server_next_output until it has none, after each of these, after server_batch_done and
 *   after server_tick;
 * - store: server_take_batch at the end of each round of the caller's loop, server_batch_done when
 *   it is carried out;
 * - time: server_tick at server_deadline; `now` is an argument everywhere.
 *
 * Nothing here is safe to call from two threads, and no call blocks. docs/PROTOCOL.md section 4 has
 * the messages, docs/ARCHITECTURE.md the delivery contract. */
#ifndef SOTTO_SERVER_CORE_H
#define SOTTO_SERVER_CORE_H

#include "base/env.h"
#include "server/store.h"

struct server;

/** Both clocks at one moment. */
struct moment {
    uint64_t wall_ms;
    uint64_t monotonic_ms;
};

/** What anybody may bring about as often as they like: a log says so, and not each time. */
enum server_event {
    EVENT_LOGIN_REFUSED,   /**< or a registration */
    EVENT_TURNED_AWAY,     /**< too many connections before login, in all or from there */
    EVENT_PROTOCOL_BROKEN, /**< a peer was ended for it */
    EVENT_NOT_READING, /**< a peer was ended because what it should read grew too large or old */
    EVENT_NO_MEMORY,   /**< a peer was ended because there was none for what it needed */
    EVENT_KINDS,
};

/** The bounds that a test or an administrator chooses, each a field named in bounds.def;
 * server_config_default gives those of base/limits.h. server_set_limits changes all but
 * `store_epoch`, `log` and `note` while it runs. */
struct server_config {
#define B(id, field, type, name, kind, least, most, standard) type field;
#include "server/bounds.def"
#undef B
    enum wire_registration registration;
    uint8_t store_epoch[STORE_EPOCH_BYTES];
    /** One line for the log; no names, no addresses, no contents. May be NULL. */
    void (*log)(void *context, const char *line);
    /** Of IPv6 an address has the first 64 bits alone, what limits go by. May be NULL. */
    void (*note)(void *context, enum server_event event, const uint8_t address[16]);
    void *log_context; /**< of both */
};
struct server_config server_config_default(void);
/** The name of the first field that is out of its range, as sottod.conf would write it; NULL when
 * all can be taken. */
const char *server_config_fault(const struct server_config *config);

/** ERR_MEMORY, ERR_RANDOM. `random` is copied; what it points to has to outlive the server. */
must_check enum error server_new(const struct server_config *config,
                                 const struct random_source *random, struct moment now,
                                 struct server **server);
/** Frees everything; a batch that was taken and not given back is freed with it. NULL is nothing.
 */
void server_free(struct server *server);

/** Connections are named by numbers that are never used twice; 0 is none. */

/** A connection came from `address` (16 bytes, IPv4 as v4-mapped). ERR_LIMIT: refuse it, too many
 * from this address wait to log in. `data` is handed back with each output. */
must_check enum error server_open(struct server *server, const uint8_t address[16], bool is_v4,
                                  void *data, struct moment now, uint64_t *connection);
/** Its secure channel stands; `exporter` is what a login has to sign. */
void server_established(struct server *server, uint64_t connection, const uint8_t exporter[32],
                        struct moment now);
/** Bytes came. A connection that is paused or closing takes what was under way, within its bound.
 */
void server_receive(struct server *server, uint64_t connection, struct bytes bytes,
                    struct moment now);
/** All output handed out so far has left. */
void server_drained(struct server *server, uint64_t connection, struct moment now);
/** It is gone; also to be called after an output with `close`. Unknown numbers are nothing. */
void server_closed(struct server *server, uint64_t connection, struct moment now);

/** What is to be done with one connection. */
struct server_output {
    uint64_t connection;
    void *data;
    struct bytes bytes; /**< to be written; valid until the next call on the server */
    bool pause;         /**< its bytes can't be taken now: stop reading until an output without */
    bool close;         /**< let `bytes` leave, then close; no further output names it */
};
/** The next connection with something to do; false when there is none. */
bool server_next_output(struct server *server, struct server_output *output);

/** The operations that have gathered, or NULL when there are none or a batch is under way. */
struct store_batch *server_take_batch(struct server *server, struct moment now);
/** The batch was carried out. OK: all of it is durable. ERR_FULL: no space, nothing was applied;
 * what needs space is refused and the rest tried again. Anything else: the store failed, nobody is
 * told anything any more, and server_is_failed from now on. */
void server_batch_done(struct server *server, struct store_batch *batch, enum error result,
                       struct moment now);
bool server_is_failed(const struct server *server);

/** Timeouts, expiry and retries; to be called at server_deadline or later. */
void server_tick(struct server *server, struct moment now);
/** Monotonic time of the next tick. */
uint64_t server_deadline(const struct server *server);

/** Bytes that are free where the store is; below `min_free_bytes` no new message is taken. */
void server_disk_free(struct server *server, uint64_t bytes);

/** The server will show the key whose SPKI hash is `next_key` from `when_ms` (wall clock) on: every
 * WELCOME says so, and connections that were welcomed before are ended some time later, so that
 * they come again and hear it. NULL: nothing is planned. */
void server_announce_key(struct server *server, const uint8_t *next_key, uint64_t when_ms,
                         struct moment now);

/** From now on the bounds of `config` hold, all or none of them; who is in stays in. ERR_LIMIT: see
 * server_config_fault. ERR_MEMORY. */
must_check enum error server_set_limits(struct server *server, const struct server_config *config,
                                        struct moment now);

/** Accepts nothing any more: every connection is told `error` and closed. */
void server_shut_down(struct server *server, enum error error, struct moment now);
/** Whether there is output, or a batch to be taken: the caller's loop shall not sleep now. */
bool server_has_work(const struct server *server);

/** Whether operations wait or are under way. */
bool server_is_busy(const struct server *server);

/** What an administrator asked for is done; `result` is the operation's or ERR_FULL. */
struct admin_request {
    void *context;
    void (*done)(void *context, enum error result);
};
/** Makes an invite. ERR_MEMORY; then `done` is not called. */
must_check enum error server_invite(struct server *server, const struct store_invite *invite,
                                    struct admin_request request);
/** Takes back the invite of that id, if nobody has used it: else ERR_NOT_FOUND, through `done`.
 * ERR_MEMORY. */
must_check enum error server_revoke(struct server *server, const struct store_revoke *invite,
                                    struct admin_request request);
/** Disables an account, or enables it. A disabled one keeps what it has and is sent; its device is
 * told so, now and whenever it comes, and that is all it is told. ERR_NOT_FOUND, also for an
 * account that left, comes through `done`. ERR_MEMORY. */
must_check enum error server_disable(struct server *server, const struct user_name *name,
                                     bool disable, struct admin_request request);
/** Removes an account with all it has; its device is signed out. ERR_NOT_FOUND comes through
 * `done`. ERR_MEMORY. */
must_check enum error server_remove(struct server *server, const struct user_name *name,
                                    struct admin_request request);

/** Figures for a status line and for tests. */
struct server_figures {
    size_t connections;
    size_t logged_in;
    size_t mailboxes;   /**< in the cache */
    size_t queued;      /**< operations that wait for a batch */
    uint64_t accepted;  /**< envelopes */
    uint64_t repeated;  /**< envelopes accepted again */
    uint64_t delivered; /**< acknowledged */
    uint64_t settled;   /**< of those: before they were stored, so that they never were */
};
struct server_figures server_figures(const struct server *server);

/** The errors that are counted one by one: the numbers of docs/PROTOCOL.md 4.4; 0 counts what has
 * none. */
enum { REFUSALS_MAX = 32 };

/** What `sottod stats` shows. Counters grow from the start of the process; the rest is how it is
 * now. Taken in one pass over the connections. */
struct server_stats {
    struct server_figures figures;
    uint64_t acknowledged; /**< envelopes that left because their device said so */
    uint64_t expired;      /**< envelopes that waited longer than `keep_waiting_ms` */
    uint64_t handed_over;  /**< DELIVERs, those that were handed over again too */
    uint64_t logins;
    uint64_t turned_away;           /**< connections that were not taken, or gave way to others */
    uint64_t refused[REFUSALS_MAX]; /**< ERROR frames, by error_number */
    size_t before_login;
    size_t renewing;
    size_t open;
    size_t closing;
    size_t paused;              /**< of all: not read at the moment */
    size_t addresses_failed;    /**< remembered for refused logins */
    size_t held;                /**< operations that wait for space on the disk */
    uint64_t connection_bytes;  /**< memory of read buffers and write queues */
    uint64_t store_queue_bytes; /**< memory of operations that wait */
    bool is_disk_low;
};
void server_stats(const struct server *server, struct server_stats *stats);

#endif
