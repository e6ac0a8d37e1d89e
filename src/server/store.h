/* SPDX-License-Identifier: ISC */
/* What the server's core asks of a store: batches of typed operations, carried out in order, all or
 * none.
 *
 * The core fills operations and queues them; whoever runs the core takes a batch when none is under
 * way, has it carried out (on another thread, in another process, at once: the core does not care)
 * and hands it back. While a batch is under way the core does not touch it. An operation carries
 * its own outcome in `result`: what can fail for one message or one account is an outcome, never a
 * failure of the batch. A batch that fails was not applied or it is not known; the process then
 * stops and recovers.
 *
 * The store knows devices by a number of its own that is never used twice, and a message by its
 * place in the order of its mailbox, which the core gives. */
#ifndef SOTTO_SERVER_STORE_H
#define SOTTO_SERVER_STORE_H

#include "base/limits.h"
#include "base/text.h"
#include "crypto/kdf.h"
#include "crypto/signature.h"
#include "wire/message.h"

enum { DIGEST_BYTES = 16, EXPIRE_MAX = 256 };

struct mailbox;
struct admin_request;

/** One envelope on its way. */
struct envelope {
    struct user_name from;
    uint8_t id[ENVELOPE_ID_BYTES];
    uint64_t accepted_ms;
    size_t size;
    uint8_t bytes[];
};

/** A copy of `bytes`; NULL without memory. */
struct envelope *envelope_new(struct bytes bytes);
/** NULL is nothing. */
void envelope_free(struct envelope *envelope);

/** The first DIGEST_BYTES of SHA-256 over the envelope's bytes: two envelopes under one id are the
 * same if their digests are. */
must_check enum error envelope_digest(const struct envelope *envelope,
                                      uint8_t digest[DIGEST_BYTES]);

/** What an account is, as it is stored. */
enum account_state {
    ACCOUNT_ACTIVE = 0,
    ACCOUNT_DISABLED = 1, /**< by the administrator: nobody comes in, all else goes on */
    ACCOUNT_LEFT = 2,     /**< by its owner: only the name is kept, for its account key */
};

/** A device as the store knows it. */
struct store_device {
    uint64_t device;     /**< its mailbox; never used twice */
    uint64_t account;    /**< never used twice */
    uint64_t generation; /**< of logins: grows with each STORE_LOGIN, STORE_REGISTER and STORE_RENEW
                            of this device */
    struct user_name name;
    bool is_disabled;  /**< its account is */
    uint32_t seen_day; /**< days since 1970: when its account was last in, 0: not known */
    uint8_t cid[HASH_BYTES];
    uint8_t afp[HASH_BYTES];
    uint8_t signing[ED25519_PUBLIC_BYTES];
    uint32_t set_id;        /**< 0: none published */
    uint16_t one_time_left; /**< one-time prekeys that may still be handed out */
    /* Its mailbox: */
    uint32_t messages;
    uint64_t bytes;
    uint64_t last_order; /**< highest place taken by a waiting message, 0: none */
};

enum store_kind {
    STORE_LOGIN,       /**< the device with a cid; ERR_NOT_FOUND */
    STORE_REGISTER,    /**< makes an account or finds it made; see struct store_register */
    STORE_RENEW,       /**< a new certificate with its prekeys; see struct store_renew */
    STORE_PUBLISH,     /**< adds prekeys; ERR_CERTIFICATE_REFUSED: see struct store_publish */
    STORE_CERTIFICATE, /**< of the device of a name; ERR_NOT_FOUND */
    STORE_BUNDLE,      /**< the same with prekeys; takes a one-time prekey away */
    STORE_USERS,       /**< a page of the directory */
    STORE_MAILBOX,     /**< the device of a name; ERR_NOT_FOUND */
    STORE_INSERT,      /**< a message: OK, ERR_DUPLICATE, ERR_CONFLICT, ERR_EARLIER_REFUSED,
                          ERR_NOT_FOUND, ERR_MAILBOX_FULL (too many ids to remember; not one that
                          was handed over) */
    STORE_RECALL,      /**< only whether the envelope is known: ERR_NOT_FOUND, ERR_DUPLICATE,
                          ERR_CONFLICT */
    STORE_IDS,         /**< the envelope ids that are remembered for a mailbox */
    STORE_READ,        /**< messages of a mailbox, in order */
    STORE_DELETE,      /**< acknowledged messages */
    STORE_EXPIRE,      /**< a small batch of everything whose time is over; empties the log too */
    STORE_INVITE,      /**< a new invite */
    STORE_REVOKE,      /**< takes an invite back that nobody used; ERR_NOT_FOUND */
    STORE_REMOVE,      /**< an account with all it has; ERR_NOT_FOUND */
    STORE_STATE,       /**< disables or enables an account; ERR_NOT_FOUND, also of one that left */
    STORE_LEAVE,       /**< an account with all it has, but for its name; see struct store_leave */
    STORE_SEEN,        /**< the day on which an account was in */
    STORE_ERASE,       /**< a step of erasing what waited for devices that have gone */
};

/** OK: the account stands, `device` is filled. The same certificate again is OK and takes no
 * invite. Who left comes back like who is new. The same account key with a higher epoch sets
 * `is_renewal`: nothing is stored, `device` is the one that STORE_RENEW may then renew.
 * ERR_NAME_TAKEN, ERR_INVITE_REQUIRED, ERR_INVITE_UNKNOWN, ERR_INVITE_USED, ERR_INVITE_EXPIRED,
 * ERR_REGISTRATION_CLOSED, ERR_ACCOUNT_DISABLED, ERR_CERTIFICATE_REFUSED: known account key, no
 * higher epoch; `certificate` is then the stored one. */
struct store_register {
    enum wire_registration mode;
    bool has_token;
    uint8_t token_hash[HASH_BYTES];
    uint32_t epoch;
    struct store_device device; /**< in: name, cid, afp, signing; out: all */
    uint8_t certificate[CERTIFICATE_BYTES];
    bool is_renewal;
};

/** The renewal unit of 1.2. OK: certificate, set and one-time prekeys are stored and whatever named
 * another certificate is gone; or `cid` is the device's already and nothing changes (the answer was
 * lost). `device` is filled. ERR_ACCOUNT_DISABLED, ERR_CERTIFICATE_REFUSED: no such device any
 * more, no higher epoch, or prekeys outside their lifetime. */
struct store_renew {
    uint32_t epoch;
    struct store_device device; /**< in: device, cid, signing; out: all */
    uint8_t certificate[CERTIFICATE_BYTES];
    uint8_t set[PREKEY_SET_BYTES];
    size_t count;
    uint8_t one_time[ONE_TIME_PREKEYS_FULL][ONE_TIME_PREKEY_BYTES];
};

/** ERR_CERTIFICATE_REFUSED: `cid` is not the device's any more, a set_id below the stored one, or
 * more than ONE_TIME_PREKEYS_MAX one-time prekeys. Records that were stored before, handed out or
 * not, are left as they are, so that a repeat adds nothing twice. */
struct store_publish {
    uint64_t device;
    uint8_t cid[HASH_BYTES];
    bool replace;
    bool has_set;
    uint8_t set[PREKEY_SET_BYTES];
    size_t count;
    uint8_t one_time[ONE_TIME_PREKEYS_FULL][ONE_TIME_PREKEY_BYTES];
};

struct store_bundle {
    struct user_name name;
    uint64_t requester; /**< account; at most ONE_TIME_HANDOUT_PER_DAY one-time prekeys of a device
                           each */
    uint64_t choice;    /**< random: which of the one-time prekeys */
    uint8_t certificate[CERTIFICATE_BYTES];
    uint8_t set[PREKEY_SET_BYTES];
    bool has_one_time;
    uint8_t one_time[ONE_TIME_PREKEY_BYTES];
};

struct store_users {
    size_t pattern_size;
    char pattern[NAME_MAX_BYTES];
    struct user_name after; /**< empty: from the start */
    struct wire_users page;
};

/** Where an insert is; the core's own. */
enum insert_place {
    INSERT_QUEUED,  /**< waits for a batch */
    INSERT_EARLY,   /**< handed over; waits a moment for the recipient's acknowledgement */
    INSERT_RUNNING, /**< in the batch under way */
};

/** STORE_INSERT and STORE_RECALL. */
struct store_insert {
    uint64_t recipient; /**< device */
    uint64_t sender;    /**< device: envelope ids are scoped by sender and recipient */
    uint64_t order;     /**< its place in the mailbox */
    uint8_t digest[DIGEST_BYTES];
    struct envelope *envelope; /**< in the operation's own memory */
    /* The store's own, while it carries out a batch: */
    struct store_insert *next_in_run;
    /* The core's own: */
    uint64_t previous;  /**< the place accepted before this one */
    enum error refusal; /**< STORE_RECALL: what the sender is told when it is not known */
    uint32_t retry_s;   /**< and when to try again */
    enum insert_place place;
    uint64_t reader;      /**< connection that it was handed to before it was stored, 0: none */
    uint64_t handle;      /**< its handle there */
    uint64_t handed_ms;   /**< monotonic */
    bool is_acknowledged; /**< while it was running */
    bool is_settled;      /**< acknowledged before it was stored: there is nothing left to do */
};

enum { IDS_READ_MAX = 1024 };
struct store_ids {
    uint64_t device;
    uint64_t epoch; /**< the core's own */
    size_t count;
    bool is_all; /**< there are no more than these */
    struct {
        uint64_t sender;
        uint8_t id[ENVELOPE_ID_BYTES];
    } of[IDS_READ_MAX];
};

struct store_message {
    uint64_t order;
    bool is_damaged;           /**< its checksum does not fit: kept, never handed over */
    struct envelope *envelope; /**< owned; NULL when damaged */
};

enum { READ_MAX_MESSAGES = 64, READ_MAX_BYTES = 256 * 1024 };
/** Messages after place `after` and at most up to `until`. */
struct store_read {
    uint64_t device;
    uint64_t after;
    uint64_t until;
    size_t max_messages; /**< at most READ_MAX_MESSAGES */
    size_t max_bytes;    /**< the first message is read whatever its size */
    size_t count;
    bool is_exhausted; /**< nothing is left up to `until` */
    struct store_message messages[READ_MAX_MESSAGES];
};

struct store_delete {
    uint64_t device;
    size_t count;
    uint64_t orders[ACKS_PER_FRAME_MAX];
    size_t removed_messages;
    uint64_t removed_bytes;
};

struct store_expire {
    bool is_due;      /**< false: nothing is dropped, only what was deleted leaves the log */
    uint64_t keep_ms; /**< messages accepted longer ago */
    size_t messages;
    size_t count; /**< of what follows */
    struct {
        uint64_t device;
        size_t messages;
        uint64_t bytes;
    } removed[EXPIRE_MAX];
    bool more; /**< there was more than a batch */
};

struct store_invite {
    uint8_t token_hash[HASH_BYTES];
    uint64_t expires_ms;
    bool is_admin;
};

/** People name an invite by the first bits of the hash of its token. */
enum { INVITE_ID_BYTES = 5, INVITE_ID_CHARACTERS = 8 };
struct store_revoke {
    uint8_t id[INVITE_ID_BYTES];
};

struct store_remove {
    struct user_name name;
    uint64_t device;
};

struct store_state {
    struct user_name name;
    bool is_disabled; /**< what it shall be */
    uint64_t device;
};

/** The device goes with its keys and prekeys, and who asked for whose prekeys; the account stays as
 * a name that is its account key's. What waited for it is nobody's, and STORE_ERASE takes it.
 * ERR_NOT_FOUND: `cid` is not the device's any more. ERR_ACCOUNT_DISABLED. */
struct store_leave {
    uint64_t device;
    uint64_t account;
    uint8_t cid[HASH_BYTES];
};

struct store_seen {
    uint64_t account;
    uint32_t day;
};

struct store_erase {
    bool more; /**< ask again */
};

struct store_op {
    enum store_kind kind;
    enum error result;
    /* The core's own: who asked, and for what. */
    uint64_t connection;
    uint32_t request;
    struct mailbox *mailbox;
    struct admin_request *admin; /**< owned */
    struct store_op *next;
    size_t weight; /**< bytes of memory that it holds, for the bound of the queue */
    union {
        struct store_device *login; /**< STORE_LOGIN (in: cid) and STORE_MAILBOX (in: name) */
        struct store_register *registration;
        struct store_renew *renewal;
        struct store_publish *publish;
        struct store_bundle *bundle; /**< STORE_BUNDLE and STORE_CERTIFICATE */
        struct store_users *users;
        struct store_insert *insert;
        struct store_ids *ids;
        struct store_read *read;
        struct store_delete *removal;
        struct store_expire *expire;
        struct store_invite *invite;
        struct store_revoke *revoke;
        struct store_remove *remove;
        struct store_state *state;
        struct store_leave *leave;
        struct store_seen *seen;
        struct store_erase *erase;
        void *any;
    };
};

/** A new operation with a zeroed body; NULL without memory. Not for STORE_INSERT and STORE_RECALL.
 */
struct store_op *store_op_new(enum store_kind kind);
/** A new STORE_INSERT (which may become STORE_RECALL) with a copy of the envelope's bytes in the
 * same piece of memory. */
struct store_op *store_op_new_insert(struct bytes envelope);
/** Frees an operation and what it owns; NULL is nothing. */
void store_op_free(struct store_op *op);

/** Operations in order, carried out at one time. */
struct store_batch {
    uint64_t now_ms; /**< wall clock */
    struct store_op *first;
    size_t count;
    enum error result; /**< for whoever carries it between threads; the two below also */
    bool is_written;   /**< something was committed */
    uint64_t took_us;
};

#endif
