/* SPDX-License-Identifier: ISC */
/* libsotto: end-to-end encrypted messages through a sottod server.
 *
 * A profile is one account on one server, kept in a folder of its own. sotto_join or sotto_register
 * makes it, sotto_open opens it; the calls in between send and receive. Calls block until their
 * work is done or their time is over. There is no global state and no thread behind the caller's
 * back: a `struct sotto` is used by one thread at a time, different ones are independent, also in
 * different processes on one profile (they take turns).
 *
 * Every call that can fail returns 0, or the exit status of the error that it leaves in `*error`.
 * Texts are UTF-8 and end with a zero byte. Times are milliseconds since 1970 (UTC); 0 means
 * unknown. Pointers handed to callbacks are valid during the call of the callback only. A callback
 * may not call back into the client that calls it. */
#ifndef SOTTO_SOTTO_H
#define SOTTO_SOTTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__) || defined(__clang__)
#define SOTTO_API __attribute__((visibility("default")))
#define SOTTO_MUST_CHECK __attribute__((warn_unused_result))
#else
#define SOTTO_API
#define SOTTO_MUST_CHECK
#endif

enum {
    SOTTO_NAME_SIZE = 33,     /**< a user name and its zero byte */
    SOTTO_ID_SIZE = 27,       /**< a message id: 26 characters of base 32 */
    SOTTO_SERVER_SIZE = 264,  /**< HOST:PORT */
    SOTTO_KEY_SIZE = 40,      /**< "7QK4-V2TM-..." */
    SOTTO_CARD_SIZE = 352,    /**< a card, or a link */
    SOTTO_HASH_HEX_SIZE = 65, /**< SHA-256 in hex */
    SOTTO_PEM_SIZE = 512,     /**< an RSA-2048 public key as PEM text */
    SOTTO_NUMBER_SIZE = 61,   /**< a safety number: 60 digits */
    SOTTO_TEXT_MAX = 65000,   /**< bytes of one message */
};

/* ---- errors and notices -------------------------------------------------------------------------
 */

/** An error, or a notice (`exit` 0), ready to be printed:
 *
 *     sotto: {message}
 *       {help, line by line}
 *       [{code}, exit {exit}]
 */
struct sotto_error {
    char code[32];              /**< stable word for programs; empty: no error */
    int exit;                   /**< exit status; 0 for a notice */
    bool retry;                 /**< the same call may succeed later */
    uint32_t retry_after_s;     /**< the server asked to wait so long; 0: it did not */
    char message[320];          /**< one line, without "sotto: " */
    char help[1024];            /**< lines separated by '\n' */
    char peer[SOTTO_NAME_SIZE]; /**< the person it is about, or empty */
    char id[SOTTO_ID_SIZE];     /**< the message it is about, or empty */
    uint64_t time_ms;           /**< of that message */
    char cause[160];            /**< the raw cause, for `-v`; may be empty */
};

/** Told what a person should know although the call goes on: "undecryptable", "session_restarted",
 * "held", "passed_over", "message_lost", "one_time_withheld", "two_devices",
 * "server_key_announced", "clock_skew" (the notice has exit 0), and what became of messages that
 * were offered again from the outbox and refused (the code of the refusal, with peer and id). */
typedef void sotto_notice_fn(void *context, const struct sotto_error *notice);

/* ---- profiles -----------------------------------------------------------------------------------
 */

struct sotto_options {
    const char *home;       /**< SOTTO_HOME, or NULL for the user's own data folder */
    const char *profile;    /**< NULL: "default" */
    const void *passphrase; /**< of the store; may be NULL when size is 0 */
    size_t passphrase_size; /**< 0: the empty passphrase, file permissions protect the store */
    uint32_t
        timeout_ms; /**< for connecting and each answer, and for the profile to be free; 0: 15 s */
    sotto_notice_fn *notice; /**< may be NULL */
    void *context;           /**< for `notice` */
    /** Folders with cards that an administrator vouches for, files NAME.card with one card in the
     * first line; copied. A person with a card is pinned and verified by it when first met, and a
     * server that shows another key is refused. Cards of other servers and the own one are passed
     * over; folders need not exist. Every call that connects reads them first and fails with what
     * is wrong there: store_permissions (others can write), card_mistyped, usage. */
    const char *const *card_folders;
    size_t card_folder_count; /**< at most SOTTO_CARD_FOLDERS_MAX */
};
enum { SOTTO_CARD_FOLDERS_MAX = 4 };

/** Whether a profile is there, before its passphrase is asked for. */
struct sotto_profile {
    bool exists;       /**< its store has been made (by a join that may be unfinished) */
    bool is_protected; /**< a passphrase is needed to open it */
    char folder[4096];
};
SOTTO_API SOTTO_MUST_CHECK int sotto_profile_check(const struct sotto_options *options,
                                                   struct sotto_profile *profile,
                                                   struct sotto_error *error);

/** A join link taken apart: check it before names and passphrases are asked for.
 * Errors: usage (not a link), link_mistyped. */
struct sotto_link {
    char server[SOTTO_SERVER_SIZE];
    char server_key[SOTTO_KEY_SIZE]; /**< the pin in groups of four */
};
SOTTO_API SOTTO_MUST_CHECK int sotto_link_check(const char *link, struct sotto_link *parsed,
                                                struct sotto_error *error);

/** Whether `name` can be a user name; `folded` gets it in lower case. Error: name_invalid. */
SOTTO_API SOTTO_MUST_CHECK int sotto_name_check(const char *name, char folded[SOTTO_NAME_SIZE],
                                                struct sotto_error *error);

/** How much one trusts a name on the server to be the person it was. */
enum sotto_trust {
    SOTTO_UNVERIFIED = 0, /**< pinned at first contact, or not met yet */
    SOTTO_VERIFIED = 1,   /**< compared with a card or the safety number */
    SOTTO_CHANGED = 2,    /**< another key than the pinned one was seen */
};
/** "unverified", "verified", "changed". */
SOTTO_API const char *sotto_trust_word(enum sotto_trust trust);

/** The own account, from the store alone. */
struct sotto_account {
    char name[SOTTO_NAME_SIZE];
    char server[SOTTO_SERVER_SIZE];
    char server_key[SOTTO_KEY_SIZE];
    char key[SOTTO_KEY_SIZE]; /**< account fingerprint, 130 bits in groups of four */
    uint64_t created_ms;
    bool is_protected;   /**< by a passphrase */
    bool already_joined; /**< sotto_join, sotto_register: nothing was left to do */
    uint32_t outbox;     /**< messages not accepted by the server yet */
    uint32_t unread;     /**< messages that sotto_receive has not handed over */
    uint32_t verified;   /**< people one has exchanged keys with, by trust */
    uint32_t unverified;
    uint32_t changed;
};

/** Makes an account with a join link: keys, registration, prekeys. The keys are committed before
 * anything is sent, so a call that broke off may be repeated with the same link; with an account of
 * that server in the profile it says `already_joined`, or registers the same identity again when
 * the server has lost it and the link is a fresh one. `name` may be NULL when the profile holds a
 * begun or finished account. Errors: usage, link_mistyped, name_invalid, other_account, name_taken,
 * invite_used, invite_expired, invite_unknown, registration_closed, server_full,
 * certificate_refused, server_key_changed, clock_skew, wrong_passphrase, and those of the network
 * and the store. */
SOTTO_API SOTTO_MUST_CHECK int sotto_join(const struct sotto_options *options, const char *link,
                                          const char *name, struct sotto_account *account,
                                          struct sotto_error *error);

/** Asks a person whether `key` is really the key of `server`. `true`: it is. */
typedef bool sotto_accept_key_fn(void *context, const char *server, const char *key);

struct sotto_register {
    const char *name;
    const char *server;     /**< HOST[:PORT], [V6][:PORT] */
    const char *server_key; /**< the pin as `sottod key` prints it, or NULL: `accept` decides */
    sotto_accept_key_fn *accept; /**< called once, before anything is sent; NULL refuses */
    void *context;               /**< for `accept` */
    const char *invite; /**< the 16 characters of an invite's token, or NULL on open servers */
};
/** Makes an account without a link. Errors as sotto_join, invite_required, input_required (no key
 * and no `accept`, or `accept` said no). */
SOTTO_API SOTTO_MUST_CHECK int sotto_register_account(const struct sotto_options *options,
                                                      const struct sotto_register *request,
                                                      struct sotto_account *account,
                                                      struct sotto_error *error);

struct sotto;

struct sotto_left {
    char name[SOTTO_NAME_SIZE];
    char server[SOTTO_SERVER_SIZE];
    bool was_gone;  /**< an earlier call had asked, and the account was gone when this one came */
    bool is_erased; /**< the profile is gone, too */
};
/** Ends the account: the server deletes what waits for it and keeps its name for its key alone.
 * Then the profile is erased, keys first, unless `keep_data`; the client can only be closed then.
 * Errors: login_refused (also of an account that is gone without having been left: its keys stay),
 * network, store; on all of them the profile stays as it is. */
SOTTO_API SOTTO_MUST_CHECK int sotto_leave(struct sotto *client, bool keep_data,
                                           struct sotto_left *left, struct sotto_error *error);

/** Opens the profile. Errors: no_account, wrong_passphrase, store_permissions, store_newer,
 * store_broken, storage_failed, disk_full. Free with sotto_close. */
SOTTO_API SOTTO_MUST_CHECK int sotto_open(const struct sotto_options *options,
                                          struct sotto **client, struct sotto_error *error);
/** Closes and frees; NULL is fine. */
SOTTO_API void sotto_close(struct sotto *client);

SOTTO_API SOTTO_MUST_CHECK int sotto_account(struct sotto *client, struct sotto_account *account,
                                             struct sotto_error *error);

/** Unread messages by sender, most first. Nothing is fetched. */
typedef void sotto_unread_fn(void *context, const char *from, uint32_t count);
SOTTO_API SOTTO_MUST_CHECK int sotto_unread(struct sotto *client, sotto_unread_fn *each,
                                            void *context, struct sotto_error *error);

/* ---- messages -----------------------------------------------------------------------------------
 */

/** What a call that sends waits for. */
enum sotto_wait {
    SOTTO_WAIT_ACCEPTED = 0,  /**< the server has the message on its disk */
    SOTTO_WAIT_QUEUED = 1,    /**< the own store has it; a later call that connects sends it */
    SOTTO_WAIT_DELIVERED = 2, /**< the recipient's device has confirmed it */
};

struct sotto_send {
    const char *to;
    const void *text; /**< UTF-8 without zero bytes */
    size_t size;      /**< 1 to SOTTO_TEXT_MAX */
    const char
        *key; /**< `--id KEY`: the same KEY is never delivered twice to one person; or NULL */
    enum sotto_wait wait;
    bool require_verified; /**< not_verified, and nothing is sent, unless `to` is verified */
    /** The recipient erases the text so long after it came, or once it was shown if that is later;
     * the own copy goes so long after it was written, once it has been delivered. 0: kept. */
    uint32_t life_s;
};

struct sotto_sent {
    char id[SOTTO_ID_SIZE];
    char to[SOTTO_NAME_SIZE];
    char state[16];   /**< "queued", "accepted" or "delivered" */
    uint64_t time_ms; /**< when it was written */
    enum sotto_trust trust;
    bool repeated; /**< KEY was used before: this is the state of that first message */
};

/** Sends one message and returns 0 when it has come as far as `wait` says. A KEY that was used
 * before sends nothing: the call waits for the first message of that KEY and reports it.
 * SOTTO_WAIT_DELIVERED waits for the confirmation as long as the timeout of the options; without it
 * the error is not_confirmed (exit 3), and the message stays accepted. `sent` is filled as far as
 * is known also when the call fails: its id is not empty when the message is in the own store
 * (send_unknown, waiting_for_keys, not_confirmed).
 * Errors: empty_message, not_text, text_too_large, self_recipient, name_invalid, no_such_user,
 * peer_key_changed, not_verified, bundle_invalid, waiting_for_keys, clock_skew, send_unknown,
 * not_confirmed, refusals of the server, network, store. */
SOTTO_API SOTTO_MUST_CHECK int sotto_send(struct sotto *client, const struct sotto_send *message,
                                          struct sotto_sent *sent, struct sotto_error *error);

/** Told what became of the message to one person; `error` has exit 0 and an empty code when it has
 * come as far as was asked. */
typedef void sotto_sent_fn(void *context, const struct sotto_sent *sent,
                           const struct sotto_error *error);

enum { SOTTO_RECIPIENTS_MAX = 256 };

/** Likewise to each of the `count` people named in `to`, over one connection; `message->to` is not
 * used. When all have an answer, `each` is called once for each of them, in order. Returns 0 when
 * all messages have come as far as `wait` says; the error itself when all failed with one code;
 * else partial (exit 10). Nothing is sent, and `each` is not called, when the text, a name or the
 * list is wrong (usage: somebody is named twice, too many), or when the profile cannot be used, or
 * memory is lacking, before the first message is handed in. Afterwards `each` is called for all of
 * them even so: a message that another process has taken and not answered for is send_unknown, one
 * that nobody has taken has failed with that error. */
SOTTO_API SOTTO_MUST_CHECK int
sotto_send_each(struct sotto *client, const struct sotto_send *message, const char *const *to,
                size_t count, sotto_sent_fn *each, void *context, struct sotto_error *error);

struct sotto_message {
    const char *id;
    const char *from;
    const char *kind; /**< "text", or "unsupported": it needs a newer sotto, `text` is empty */
    const char *text; /**< ends with a zero byte that `size` does not count */
    size_t size;
    uint64_t time_ms; /**< when the sender wrote it, by the sender's clock */
    uint64_t received_ms;
    enum sotto_trust trust;
    bool is_confirmed; /**< false: a new session replaced a confirmed one and has not proved itself
                          yet */
    bool is_late;      /**< shown after messages of this sender that were sent later */
    uint32_t life_s;   /**< the sender wants it erased so long after it was shown; 0: kept */
};

/** What becomes of a message that was handed over. */
enum sotto_verdict {
    SOTTO_STOP = 0,  /**< not taken: this message and those after it come again next time */
    SOTTO_TAKEN = 1, /**< it is delivered and will not be handed over again */
    SOTTO_LATER = 2, /**< not yet: the same message is handed over again after 1, 2, 4 .. 20 ms;
                        the connection lives on meanwhile */
    SOTTO_TAKEN_LAST = 3, /**< delivered, and the call ends */
};
typedef enum sotto_verdict sotto_message_fn(void *context, const struct sotto_message *message);

enum {
    SOTTO_CURSOR_MAX = 64, /**< bytes of the name of a cursor */
    SOTTO_FROM_MAX = 64,   /**< senders that can be named */
};

/** What is to be received. All zero: everything new, until there is nothing more.
 *
 * A cursor is the bookmark of one reader: readers with different ones see every message each. A
 * name that is used for the first time begins a new one behind the messages that the own store has
 * by then ("recv" alone begins before the first), or with `since` where that says. It moves only
 * behind messages that were taken, each time before the next one is handed over, in a transaction
 * of its own: a process that is killed sees again at most the message that it was working on, and
 * never misses one. (A power cut may take back the last moves too.)
 *
 * What `from`, `require_verified` and `since` leave out stays unread for that cursor: a later call
 * that asks for it is handed it first, in its order. */
struct sotto_receive {
    uint64_t wait_ms;        /**< 0: until there is nothing more; else so long for a first message;
                                UINT64_MAX: without an end */
    uint32_t count;          /**< at most so many; 0: all there are */
    bool require_verified;   /**< only messages of people who are verified */
    bool follow;             /**< go on until the callback stops, or `count` were taken */
    const char *cursor;      /**< 1 to SOTTO_CURSOR_MAX letters, digits and . _ -, the first none of
                                these three; NULL: "recv" */
    const char *const *from; /**< only messages of these people */
    size_t from_count;       /**< at most SOTTO_FROM_MAX; 0: of everybody */
    uint64_t since_ms;       /**< read again what came here at that time or later; 0: nothing */
    const char *since_id;    /**< likewise what came after the message with that id; or NULL. What
                                is read again does not move the cursor, neither back nor on */
};

/** Fetches what waits on the server into the own store, acknowledges it, then hands over, in order,
 * what has not been handed over before. no_message (exit 3) when one was waited for and none came.
 * `*handed` counts what was taken (it may be NULL). When the server cannot be reached, what the own
 * store has is still handed over before the error is returned. With `require_verified` a notice
 * passed_over names each sender who is not verified and some of whose messages wait.
 * Errors: usage (cursor, since), name_invalid, no_such_message, too_many_cursors, no_message,
 * network, store. */
SOTTO_API SOTTO_MUST_CHECK int sotto_receive(struct sotto *client,
                                             const struct sotto_receive *request,
                                             sotto_message_fn *each, void *context,
                                             uint32_t *handed, struct sotto_error *error);

/** Forgets a cursor and what it has passed over; "recv" cannot be forgotten (usage). Needs no
 * connection. `*was_there`: whether there was one. */
SOTTO_API SOTTO_MUST_CHECK int sotto_forget_cursor(struct sotto *client, const char *cursor,
                                                   bool *was_there, struct sotto_error *error);

/** A message of the past, received or sent. */
struct sotto_past {
    struct sotto_message message; /**< of an own one `from` is the own name, and `received_ms` 0 */
    const char *with;             /**< the other person */
    const char *state; /**< of an own one "queued", "accepted" or "delivered", else NULL */
    bool is_erased;    /**< its life is over; `text` is empty */
};
/** `false` stops. */
typedef bool sotto_past_fn(void *context, const struct sotto_past *past);

struct sotto_history {
    const char *with;  /**< one person; NULL: everybody */
    uint32_t count;    /**< the last so many; 0: all */
    uint64_t since_ms; /**< not what came or was written before; 0: from the beginning */
    uint64_t until_ms; /**< not what came or was written then or later; 0: to the end */
};

/** Messages that were received or sent, from the own store alone, in order: received ones as they
 * were to be shown, own ones as they were written, both by the own clock. Nothing counts as read by
 * it. Held messages and those that could not be sent are not among them. Errors: name_invalid, and
 * those of the store. */
SOTTO_API SOTTO_MUST_CHECK int sotto_history(struct sotto *client,
                                             const struct sotto_history *request,
                                             sotto_past_fn *each, void *context,
                                             struct sotto_error *error);

/** Own messages that have not come to the server yet, or may not, from the own store alone: first
 * those that an earlier call offered, then those that wait for their turn. */
SOTTO_API SOTTO_MUST_CHECK int sotto_outbox(struct sotto *client, sotto_past_fn *each,
                                            void *context, struct sotto_error *error);

struct sotto_dropped {
    char id[SOTTO_ID_SIZE];
    char to[SOTTO_NAME_SIZE];
    bool may_arrive; /**< the server was offered it: it may be there, or arrive */
};
/** Takes one of them out of the outbox; needs no connection. Its KEY is free again, unless the
 * server had accepted it before. Error: no_such_message. */
SOTTO_API SOTTO_MUST_CHECK int sotto_drop(struct sotto *client, const char *id,
                                          struct sotto_dropped *dropped, struct sotto_error *error);

/* ---- people -------------------------------------------------------------------------------------
 */

struct sotto_user {
    const char *name;
    uint64_t since_ms; /**< when the account was made, by the server */
    bool is_admin;
    bool is_self;
    bool is_known; /**< a key is pinned: one has exchanged messages, or verified */
    enum sotto_trust trust;
    uint64_t first_seen_ms; /**< the pinned key */
    uint64_t verified_ms;
    const char *how;     /**< "card", "number", "card file", or "" */
    uint64_t changed_ms; /**< when the other key was first seen */
    /* With keys only: */
    bool has_keys;
    char key[SOTTO_KEY_SIZE]; /**< account fingerprint the server shows, 130 bits in groups of four
                               */
    char rsa_sha256[SOTTO_HASH_HEX_SIZE]; /**< of the RSA-2048 SubjectPublicKeyInfo DER, hex */
    char rsa_pem[SOTTO_PEM_SIZE];         /**< the same key as `openssl pkey -pubin` reads it */
    uint64_t keys_until_ms;               /**< expiry of the certificate */
};
/** `false` stops. */
typedef bool sotto_user_fn(void *context, const struct sotto_user *user);

/** The server's directory, in order of name, with one's own trust beside each. `pattern`: names
 * that contain it; NULL or empty: all. With `keys` each user's certificate is fetched and checked;
 * then a `pattern` that is the exact name of a user means that one alone. Error with `keys`:
 * no_such_user when nobody matches, bundle_invalid. */
SOTTO_API SOTTO_MUST_CHECK int sotto_users(struct sotto *client, const char *pattern, bool keys,
                                           sotto_user_fn *each, void *context,
                                           struct sotto_error *error);

/** Likewise the people with a pinned key in the own store, from the store alone: nothing is asked.
 */
SOTTO_API SOTTO_MUST_CHECK int sotto_known(struct sotto *client, const char *pattern,
                                           sotto_user_fn *each, void *context,
                                           struct sotto_error *error);

/** The own card, one line without its end. */
SOTTO_API SOTTO_MUST_CHECK int sotto_card(struct sotto *client, char card[SOTTO_CARD_SIZE],
                                          struct sotto_error *error);

struct sotto_verified {
    char name[SOTTO_NAME_SIZE];
    char key[SOTTO_KEY_SIZE];
    enum sotto_trust trust; /**< from now on */
    const char *how;        /**< "card", "number", or "" */
    bool was_changed;       /**< another key had been pinned; it is not used any more */
    uint32_t released;      /**< messages that were held under this key and can now be received */
};
/** Compares a card with the key that the server shows for `who` and, when both are the same, marks
 * `who` as verified with it, also before the first message. Errors: card_mistyped, usage (not a
 * card), card_different (also a card of somebody else or of another server), no_such_user,
 * waiting_for_keys (they have expired), bundle_invalid, network, store. */
SOTTO_API SOTTO_MUST_CHECK int sotto_verify_card(struct sotto *client, const char *who,
                                                 const char *card, struct sotto_verified *verified,
                                                 struct sotto_error *error);

/** Likewise with the safety number as the other one reads it: 60 digits, white space between them
 * does not count. Errors: usage (not 60 digits), number_different, else as sotto_verify_card. */
SOTTO_API SOTTO_MUST_CHECK int sotto_verify_number(struct sotto *client, const char *who,
                                                   const char *number,
                                                   struct sotto_verified *verified,
                                                   struct sotto_error *error);

/** Takes the key that the server shows for `who` in place of the pinned one, without any
 * comparison. Never for somebody who is verified or has a card: usage (compare, or sotto_unverify
 * first). */
SOTTO_API SOTTO_MUST_CHECK int sotto_accept_key(struct sotto *client, const char *who,
                                                struct sotto_verified *accepted,
                                                struct sotto_error *error);

/** `who` is not verified any more; the pinned key stays. Needs no connection. `*was_verified`:
 * whether that changed anything. Error: usage (nobody that this profile knows; somebody with a card
 * in a folder of cards, which verifies for as long as it is there). */
SOTTO_API SOTTO_MUST_CHECK int sotto_unverify(struct sotto *client, const char *who,
                                              bool *was_verified, struct sotto_error *error);

/** A person's keys and the trust in them. */
struct sotto_person {
    char name[SOTTO_NAME_SIZE];
    char own_key[SOTTO_KEY_SIZE]; /**< the own account fingerprint */
    char pinned[SOTTO_KEY_SIZE];  /**< the trusted one of the person; empty before first contact */
    char shown[SOTTO_KEY_SIZE];   /**< the one that the server shows now */
    enum sotto_trust trust;
    const char *how;                /**< as in struct sotto_user */
    uint64_t pinned_ms;             /**< trusted since */
    uint64_t verified_ms;           /**< compared; 0: not */
    uint64_t changed_ms;            /**< when another key was first seen */
    char number[SOTTO_NUMBER_SIZE]; /**< safety number with the key that the server shows */
};
/** Fetches and checks the certificate of `who`. Errors: no_such_user, waiting_for_keys,
 * bundle_invalid, network, store; usage for the own name. */
SOTTO_API SOTTO_MUST_CHECK int sotto_person(struct sotto *client, const char *who,
                                            struct sotto_person *person, struct sotto_error *error);

/* ---- the server's key ---------------------------------------------------------------------------
 */

struct sotto_server_key {
    char server[SOTTO_SERVER_SIZE];
    char pinned[SOTTO_KEY_SIZE];
    char shown[SOTTO_KEY_SIZE];
    bool is_pinned; /**< the key that the server shows is the pinned one (now) */
};
/** Looks at the key that the server shows, over a connection on which nothing is sent. */
SOTTO_API SOTTO_MUST_CHECK int sotto_server_key(struct sotto *client, struct sotto_server_key *key,
                                                struct sotto_error *error);

/** Pins the key that the server shows now when it is `told`, the one that its admin told: all 26
 * characters are compared. Errors: server_key_changed (it is not; nothing is changed), usage (not a
 * server key), network, store. */
SOTTO_API SOTTO_MUST_CHECK int sotto_pin_server(struct sotto *client, const char *told,
                                                struct sotto_server_key *key,
                                                struct sotto_error *error);

/* ---- state --------------------------------------------------------------------------------------
 */

struct sotto_status {
    struct sotto_account account;
    bool is_connected;          /**< a login worked just now */
    uint32_t latency_ms;        /**< of one question and its answer */
    uint32_t waiting;           /**< messages that wait on the server for this device */
    struct sotto_error problem; /**< why not connected; code empty when connected */
};
/** Connects, logs in, asks once. 0 also when the server cannot be reached: `problem` says why. */
SOTTO_API SOTTO_MUST_CHECK int sotto_status(struct sotto *client, struct sotto_status *status,
                                            struct sotto_error *error);

enum sotto_check_state {
    SOTTO_CHECK_OK = 0,
    SOTTO_CHECK_WARN = 1, /**< it works, and will not for ever */
    SOTTO_CHECK_FAIL = 2,
    SOTTO_CHECK_SKIPPED = 3, /**< could not be checked: one before it failed */
};
/** What one check found. */
struct sotto_check {
    const char *name; /**< stable word: "profile", "permissions", ... */
    enum sotto_check_state state;
    const char *found;                 /**< one line without names, addresses, paths or keys */
    const char *where;                 /**< what was checked: a path, HOST:PORT; may be empty */
    const char *fix;                   /**< what to do, empty unless WARN or FAIL */
    const struct sotto_error *problem; /**< of WARN (with exit 0) and FAIL, else NULL */
};
typedef void sotto_check_fn(void *context, const struct sotto_check *check);

/** Examines a profile from the ground up and hands over each check, in this order: profile,
 * permissions, space, store (with the passphrase of the options), integrity, cards, outbox; then
 * resolve, tcp, tls, pin, protocol, login, clock. All of them are handed over, always. Nothing is
 * repaired; a login takes in what waits, as every one does. A profile with a passphrase and none in
 * the options (`passphrase` NULL) fails in "store" with input_required. Returns 0 when every check
 * could be made or skipped. */
SOTTO_API SOTTO_MUST_CHECK int sotto_doctor(const struct sotto_options *options,
                                            sotto_check_fn *each, void *context,
                                            struct sotto_error *error);

struct sotto_versions {
    const char *sotto;       /**< "0.1.0" */
    const char *protocol;    /**< "sotto-wire/1" */
    const char *openssl;     /**< version text of the OpenSSL in use */
    bool openssl_is_private; /**< the build of scripts/deps, linked statically */
    char sqlcipher[32];      /**< "4.6.1 community"; empty: not SQLCipher */
    const char *sqlite;
};
SOTTO_API void sotto_versions(struct sotto_versions *versions);

#ifdef __cplusplus
}
#endif

#endif
