/* SPDX-License-Identifier: ISC */
/* What the files of the core share. Internal.
 *
 *   connection.c   a peer: bytes in, frames, end
 *   output.c       what goes out to peers
 *   login.c        who a peer is: LOGIN, REGISTER, fencing
 *   renewal.c      a new certificate in place of the old one: RENEW
 *   leave.c        the end of an account by its own device: LEAVE
 *   directory.c    certificates, prekeys, users
 *   send.c         envelopes that come in
 *   delivery.c     envelopes that go out
 *   mailboxes.c    devices that matter now
 *   bucket.c       rates
 *   failures.c     addresses that fail to log in
 *   limits.c       bounds: their ranges, their change
 *   stats.c        what is counted
 *   queue.c        operations for the store
 *   admin.c        what the administrator asks, and housekeeping
 *   core.c         the whole
 */
#ifndef SOTTO_SERVER_STATE_H
#define SOTTO_SERVER_STATE_H

#include "server/core.h"

enum {
    CONNECTION_INDEX_BITS = 20,
    INPUT_LOGIN_MAX_BYTES =
        FRAME_LOGIN_MAX_BYTES + 16 * 1024, /**< a frame and one TLS record behind it */
    INPUT_MAX_BYTES = FRAME_MAX_BYTES + 128 * 1024,
    OUTPUT_HIGH_BYTES = 256 * 1024, /**< more that waits to leave: nothing new is begun */
    HEAVY_IN_FLIGHT_MAX = 32,       /**< requests whose answers are large */
    REFUSED_MAX = 16,               /**< mailboxes remembered as refused; then all are */
    MAILBOXES_SPARE = 4096,         /**< cached beyond those of the devices that are in */
    MAILBOX_BUCKETS = 8192,
    TICK_MS = 500,
    EXPIRE_EVERY_MS = 30 * 1000, /**< what was deleted has left the files within 60 s */
    RETRY_SOON_S = 1,
    DISK_RETRY_S = 60,
    KEY_NEWS_MS = 60 * 1000, /**< after an announcement, before old connections are ended */
    KEY_NEWS_SPREAD = 64,    /**< over so many seconds, for they all come again */
    LOGINS_MAX = 2, /**< a device whose renewal was not answered has two certificates to try */
    IDS_ROOM_MAX = 1 << 20, /**< of the memory of ids: 8 MiB, half of it used */
    IDS_ASK_AGAIN_MS = 60 * 1000,
    SETTLED_SETS = 8192, /**< ids of messages that never reached the store, 192 KiB a way */
    SETTLED_WAYS = 4,
    REGISTERS_MAX = 2, /**< and one whose certificate is older than the stored one makes another */
};

/** Tokens in 1/60,000: a rate of one a minute gains one unit a millisecond. */
struct bucket {
    uint64_t units;
    uint64_t updated_ms;
};
void bucket_fill(struct bucket *bucket, uint32_t burst, uint64_t now_ms);
/** Adds what has gathered since the last look. */
void bucket_gain(struct bucket *bucket, uint64_t rate_per_minute, uint32_t burst, uint64_t now_ms);
/** Whether there is a token; false: in `*retry_s` seconds there is one. */
bool bucket_has(const struct bucket *bucket, uint64_t rate_per_minute, uint32_t *retry_s);
/** Takes a token; false: in `*retry_s` seconds there is one. */
bool bucket_take(struct bucket *bucket, uint64_t rate_per_minute, uint32_t burst, uint64_t now_ms,
                 uint32_t *retry_s);

/** A device that is in or that somebody writes to. It stays where it is while an operation names
 * it. */
struct mailbox {
    struct user_name name;
    uint64_t device;
    uint64_t account;
    bool is_loaded;
    bool is_gone;      /**< removed: out of the cache, freed with its last operation */
    uint32_t seen_day; /**< as of struct store_device */
    uint32_t pending;  /**< operations that name it */
    uint32_t messages; /**< stored and on the way there */
    uint64_t bytes;
    uint64_t last_order;      /**< highest place given */
    uint64_t stored_order;    /**< highest place known to be stored */
    uint64_t owner;           /**< connection of the device that is in, 0: none */
    uint64_t generation;      /**< of its login */
    struct store_op *waiting; /**< sends that came before it was loaded, in order */
    struct store_op **waiting_end;
    struct store_op *early; /**< inserts that wait for an acknowledgement, in order */
    struct store_op **early_end;
    uint64_t early_until_ms;
    struct mailbox *early_before;
    struct mailbox *early_after;
    bool is_prompt;      /**< its device acknowledged the last message within early_wait_ms */
    uint64_t ids_epoch;  /**< of the memory in which its stored ids are, 0: none */
    uint64_t ids_ask_ms; /**< when they may be asked for again */
    struct bucket send;
    struct bucket bundle;
    struct bucket publish;
    struct bucket renew;
    struct mailbox *same_bucket;
    struct mailbox *newer; /**< by last use */
    struct mailbox *older;
};

/** A message handed over and not acknowledged. */
struct slot {
    uint64_t handle; /**< 0: free */
    uint64_t order;
    uint64_t size;
    uint64_t handed_ms;
    struct store_op *insert; /**< while it is not stored */
    uint16_t next_free;      /**< of a free one: the next, or the number of slots */
};

enum phase {
    PHASE_LOGIN,
    PHASE_RENEWAL, /**< a known account with a new certificate: takes RENEW of it, nothing else */
    PHASE_OPEN,
    PHASE_CLOSING,
};

/** A mailbox that an earlier message of the connection did not reach: later ones do not either, so
 * that what arrives keeps the order in which it was sent. */
struct refused {
    uint64_t name;    /**< hash of it */
    uint32_t pending; /**< look-ups that decide */
    bool is_final;
};

struct connection {
    uint64_t number;
    void *data;
    enum phase phase;
    uint8_t address[16]; /**< what limits go by: IPv4 whole, IPv6 by /64 */
    uint8_t exporter[32];
    uint8_t proof[ED25519_SIGNATURE_BYTES]; /**< of a login that is being looked up */
    bool is_established;
    bool is_login_pending;
    bool is_registering; /**< holds a place among the clients until it is decided */
    bool is_renewing;    /**< a RENEW is being decided: what follows waits for it */
    bool is_leaving;     /**< the same of a LEAVE */
    bool knows_next_key; /**< its WELCOME said whether the server's key will change */
    uint8_t logins;      /**< refused ones */
    uint8_t registers;
    uint32_t last_request; /**< numbers grow */
    uint64_t opened_ms;    /**< when it came, or was told to renew */
    uint64_t heard_ms;
    uint64_t frame_ms;  /**< since when a frame is unfinished, 0: none */
    uint64_t unsent_ms; /**< since when output waits, 0: none */
    struct buffer input;
    struct buffer output;
    size_t unsent; /**< handed out and not known to have left */
    uint32_t in_flight;
    uint32_t heavy;
    bool is_dirty;
    bool is_stalled;
    bool is_paused;
    struct connection *next_dirty;
    struct connection *next_stalled;
    struct connection *before; /**< among those before login, oldest first */
    struct connection *after;

    uint64_t device;         /**< the one that PHASE_RENEWAL may renew */
    uint8_t cid[HASH_BYTES]; /**< of its certificate, once it named one */

    /* Once it is in: */
    struct mailbox *mailbox;
    uint64_t generation;
    uint8_t afp[HASH_BYTES];
    uint8_t signing[ED25519_PUBLIC_BYTES];
    struct refused refused[REFUSED_MAX];
    size_t refused_count;
    bool is_all_refused; /**< more mailboxes than REFUSED_MAX */

    /* Delivery: */
    bool is_fetching;
    bool is_caught_up;
    bool is_reading;
    uint16_t window;
    uint16_t in_window;
    uint64_t window_bytes;
    uint64_t cursor; /**< everything stored up to here has been handed over */
    uint16_t slot_count;
    uint16_t free_slot; /**< the first free one; slot_count: none */
    uint64_t handle_base;
    uint64_t handles;
    struct slot *slots;
};

/** See memory.c. */
struct settled {
    uint64_t key;
    uint64_t digest;
    uint64_t since_ms; /**< monotonic */
};
struct id_memory {
    uint64_t *keys; /**< open addressing, a power of two of them */
    size_t room;
    size_t count;
    uint64_t epoch; /**< grows when all is forgotten */
    uint64_t since_ms;
    struct settled settled[SETTLED_SETS][SETTLED_WAYS];
};

/** See failures.c. */
enum { FAILURE_WAYS = 8, FAILURE_SETS = FAILED_ADDRESSES_MAX / FAILURE_WAYS };
struct failures {
    uint8_t address[16];
    bool is_used;
    struct bucket bucket;
};

/** Operations in order. */
struct op_list {
    struct store_op *first;
    struct store_op **end;
};

struct server {
    struct server_config config;
    struct random_source random;
    struct moment now;
    bool is_failed;
    bool is_shutting_down; /**< takes no more; who has its answers is told shut_down_error */
    enum error shut_down_error;
    bool is_disk_low;
    bool is_disk_full;
    uint64_t seed;

    struct connection **connections;
    size_t connection_slots;
    size_t connection_count;
    uint64_t connection_sequence;
    struct connection *login_oldest;
    struct connection *login_newest;
    size_t login_count;
    size_t logged_in;
    size_t registering;
    struct connection *dirty;
    struct connection **dirty_end;
    struct connection *stalled;
    struct connection **stalled_end;
    struct connection *handed; /**< whose output the last server_next_output gave away */

    struct mailbox *early_first; /**< mailboxes with inserts that wait, by early_until_ms */
    struct mailbox *early_last;
    bool is_resume_due; /**< something was settled while peers were stalled */
    struct id_memory memory;

    struct mailbox *mailboxes[MAILBOX_BUCKETS];
    size_t mailbox_count;
    struct mailbox *newest;
    struct mailbox *oldest;

    struct op_list queue;
    struct op_list
        reads;           /**< STORE_READ: of what is committed, so they need not wait for `queue` */
    bool is_after_reads; /**< the batch before was of reads */
    size_t queued;
    size_t queued_bytes;
    struct store_op *held; /**< deletions that wait for space on the disk */
    size_t held_count;
    struct store_batch *batch; /**< under way */

    uint64_t tick_ms;
    uint64_t round_ms;  /**< when the caller's round began: the first call since its end */
    uint64_t rounds_ms; /**< how long its rounds take lately */
    bool is_in_round;
    uint64_t expire_ms;
    uint64_t expire_messages_from_ms;
    bool is_expiring;
    bool is_erasing;
    int64_t clock_offset; /**< wall minus monotonic */
    bool has_next_key;
    uint8_t next_key[HASH_BYTES];
    uint64_t next_key_ms;
    uint64_t announced_ms; /**< monotonic */
    struct server_figures figures;
    uint64_t expired;
    uint64_t handed_over;
    uint64_t logins;
    uint64_t turned_away;
    uint64_t refused[REFUSALS_MAX];
    struct failures failures[FAILURE_SETS][FAILURE_WAYS];
};

/* core.c */
void server_log(const struct server *server, const char *format, ...) printf_like(2, 3);
void server_note(const struct server *server, enum server_event event, const uint8_t address[16]);
void server_set_now(struct server *server, struct moment now);
/** While it shuts down: says so to all who have the answers to what was taken from them. */
void server_end_answered(struct server *server);

/* connection.c */
struct connection *connection_find(struct server *server, uint64_t number);
/** ERROR, then the end. */
void connection_fail(struct server *server, struct connection *connection, uint32_t request,
                     enum error error, uint32_t retry_s, const char *detail);
/** The end of one for which there is no memory. The log says so: it is not the peer's fault. */
void connection_starve(struct server *server, struct connection *connection);
/** The end, without a word. */
void connection_end(struct server *server, struct connection *connection);
/** The peer of an operation that is done, NULL when it is gone or going; one request less is in
 * flight. */
struct connection *connection_answered(struct server *server, const struct store_op *op);
void connection_resume_stalled(struct server *server);
void connection_leave_login(struct server *server, struct connection *connection);
void connection_free(struct server *server, struct connection *connection);
void connection_tick(struct server *server, struct connection *connection);

/* output.c */
/** Output that was given away is gone with the next call on the server. */
void connection_give_up_handed(struct server *server);
void connection_mark_dirty(struct server *server, struct connection *connection);
/** Before it is freed. */
void connection_forget_output(struct server *server, struct connection *connection);
/** ERROR for one request. */
void connection_refuse(struct server *server, struct connection *connection, uint32_t request,
                       enum error error, uint32_t retry_s, const char *detail);
/** `error` is that of a writer: a peer whose output overflows is dropped. */
void connection_wrote(struct server *server, struct connection *connection, enum error error);

/* login.c */
void login_receive(struct server *server, struct connection *connection,
                   const struct wire_frame *frame);
void register_receive(struct server *server, struct connection *connection,
                      const struct wire_frame *frame);
void login_done(struct server *server, struct store_op *op);
void register_done(struct server *server, struct store_op *op);
/** Gives up what a login holds. */
void login_leave(struct server *server, struct connection *connection);
/** Ends the connection that a device has, if it has one; from here on nothing of that one counts.
 */
void login_fence(struct server *server, struct mailbox *mailbox);
/** Makes the connection that of `device`; false when it is ended, without memory. */
bool login_enter(struct server *server, struct connection *connection,
                 const struct store_device *device);
/** A device that is in may come in again, however full the server is. */
bool login_may_enter(const struct server *server, const struct store_device *device);
/** Has the store keep the day on which the account is in, unless it knows. */
void login_note_day(struct server *server, struct mailbox *mailbox);
void seen_done(struct server *server, struct store_op *op);
/** Keeps a place among the clients until it is decided whether it comes in, or gives it up. */
void login_hold_place(struct server *server, struct connection *connection, bool hold);

/* failures.c */
/** A login or a registration from that address was refused. */
void failures_note(struct server *server, const uint8_t address[16]);
/** Whether the address has failed too often; in `*retry_s` seconds it may try again. */
bool failures_are_many(struct server *server, const uint8_t address[16], uint32_t *retry_s);

/* limits.c */
size_t limits_connection_slots(const struct server_config *config);

/* renewal.c */
void renew_receive(struct server *server, struct connection *connection,
                   const struct wire_frame *frame);
void renew_done(struct server *server, struct store_op *op);

/* leave.c */
void leave_receive(struct server *server, struct connection *connection,
                   const struct wire_frame *frame);
void leave_done(struct server *server, struct store_op *op);

/* directory.c */
void publish_receive(struct server *server, struct connection *connection,
                     const struct wire_frame *frame);
void certificate_receive(struct server *server, struct connection *connection,
                         const struct wire_frame *frame);
void bundle_receive(struct server *server, struct connection *connection,
                    const struct wire_frame *frame);
void users_receive(struct server *server, struct connection *connection,
                   const struct wire_frame *frame);
void publish_done(struct server *server, struct store_op *op);
void certificate_done(struct server *server, struct store_op *op);
void bundle_done(struct server *server, struct store_op *op);
void users_done(struct server *server, struct store_op *op);

/* send.c */
void send_receive(struct server *server, struct connection *connection,
                  const struct wire_frame *frame);
/** Decides a send whose mailbox is known (or known not to be). */
void send_decide(struct server *server, struct mailbox *mailbox, struct store_op *op);
void insert_done(struct server *server, struct store_op *op);
void recall_done(struct server *server, struct store_op *op);
/** The recipient has acknowledged it before it was stored: the sender is told. */
void send_settled(struct server *server, struct store_op *op);

/* early.c */
/** A message was accepted in order: hands it over if that may be now, and queues its insert or has
 * it wait. */
void early_accept(struct server *server, struct mailbox *mailbox, struct store_op *op);
/** Whatever waits for that mailbox goes to the queue. */
void early_release(struct server *server, struct mailbox *mailbox);
/** A message that no batch has yet was acknowledged: it is not inserted. */
void early_settle(struct server *server, struct store_op *op);
void early_tick(struct server *server);
/** How long an insert waits for its acknowledgement, and within what a device is prompt. */
uint64_t early_wait(const struct server *server);
/** UINT64_MAX when none waits. */
uint64_t early_deadline(const struct server *server);
void early_free(struct server *server);

/* memory.c */
/** What goes to the store is known from now on. */
void memory_note(struct server *server, const struct store_insert *insert);
/** Has the ids read that the store knows for a mailbox, unless that was done. */
void memory_ask(struct server *server, struct mailbox *mailbox);
void ids_done(struct server *server, struct store_op *op);
/** Whether the store certainly does not know its id. */
bool memory_is_new(struct server *server, struct mailbox *mailbox,
                   const struct store_insert *insert);
void memory_settled(struct server *server, const struct store_insert *insert);
/** Among those that never reached the store: ERR_DUPLICATE, ERR_CONFLICT, ERR_NOT_FOUND. */
enum error memory_recall(struct server *server, const struct store_insert *insert);
void memory_forget(struct server *server);

/* mailboxes.c */
uint64_t mailbox_hash(const struct server *server, const struct user_name *name);
struct mailbox *mailbox_find(const struct server *server, const struct user_name *name);
/** Finds it or begins to load it. NULL without memory. */
struct mailbox *mailbox_get(struct server *server, const struct user_name *name);
/** Finds or makes that of a device that logs in. NULL without memory. */
struct mailbox *mailbox_of_device(struct server *server, const struct store_device *device);
void mailbox_done(struct server *server, struct store_op *op);
void mailbox_keep(struct mailbox *mailbox, struct store_op *op);
void mailbox_release(struct server *server, struct store_op *op);
void mailbox_used(struct server *server, struct mailbox *mailbox);
void mailbox_forget(struct server *server, struct mailbox *mailbox);
void mailbox_less(struct mailbox *mailbox, size_t messages, uint64_t bytes);
void mailboxes_free(struct server *server);

/* delivery.c */
void fetch_receive(struct server *server, struct connection *connection,
                   const struct wire_frame *frame);
void ack_receive(struct server *server, struct connection *connection,
                 const struct wire_frame *frame);
/** A message is stored: hands it over from memory if everything before it was. */
void delivery_stored(struct server *server, struct mailbox *mailbox, struct store_op *op);
/** Hands over a message that is not stored yet, if everything before it was and its id is new. */
bool delivery_early(struct server *server, struct mailbox *mailbox, struct store_op *op);
/** An insert is over, whatever came of it: its slot knows it no more. */
void delivery_forget(struct server *server, const struct store_op *op);
/** Goes on with what the store holds. */
void delivery_continue(struct server *server, struct connection *connection);
void delivery_end(struct server *server, struct connection *connection);
void read_done(struct server *server, struct store_op *op);
void delete_done(struct server *server, struct store_op *op);

/* queue.c */
void queue_add(struct server *server, struct store_op *op);
/** Counts an operation that waits elsewhere against the bounds, or no more. */
void queue_count(struct server *server, const struct store_op *op);
void queue_forget(struct server *server, const struct store_op *op);
/** Gives an operation up that waits for nothing any more. */
void queue_end(struct server *server, struct store_op *op);
/** Turns what that connection has queued for that mailbox into look-ups, to be refused. */
void queue_refuse_later(struct server *server, uint64_t connection, struct mailbox *mailbox);
bool queue_is_full(const struct server *server);
void queue_free(struct server *server);
void queue_retry_held(struct server *server);

/* admin.c */
/** An operation of which the administrator is told, and nobody else. */
void admin_done(struct server *server, struct store_op *op);
void remove_done(struct server *server, struct store_op *op);
void state_done(struct server *server, struct store_op *op);
void expire_done(struct server *server, struct store_op *op);
void expire_tick(struct server *server);
/** A device has gone: what waited for it is erased, step by step. Nothing when that is under way.
 */
void erase_begin(struct server *server);
void erase_done(struct server *server, struct store_op *op);

#endif
