/* SPDX-License-Identifier: ISC */
/* What the client's engine keeps, and the one door to it: a synchronous, transactional store.
 *
 * Every function returns OK, ERR_NOT_FOUND where the text says so, or a failure of the store
 * (ERR_FULL, ERR_IO, ERR_MEMORY, ERR_STORE_BROKEN) after which the engine stops: it rolls back,
 * tells nobody anything and is started anew from what is committed. Writes happen between begin and
 * commit; commit returns OK only when the transaction is on disk. Buffers that are filled are
 * appended to. */
#ifndef SOTTO_CLIENT_STORE_H
#define SOTTO_CLIENT_STORE_H

#include "base/limits.h"
#include "session/session.h"

/** A certificate of the own account with the private keys behind it. */
struct stored_device {
    uint8_t cid[HASH_BYTES];
    uint64_t expires_ms;
    struct bytes certificate; /**< CERTIFICATE_BYTES */
    struct bytes keys;        /**< device_keys_save */
};

/** What a person's key was compared with. */
enum trust_source {
    TRUST_NONE = 0,
    TRUST_CARD = 1,
    TRUST_NUMBER = 2,    /**< the safety number */
    TRUST_CARD_FILE = 3, /**< a card that an administrator put into cards.d */
};

/** A name on the server and the account key that is pinned for it (docs/PROTOCOL.md 1.11). */
struct stored_peer {
    struct user_name name;
    bool has_pin;
    uint8_t afp[HASH_BYTES];
    uint64_t pinned_ms;
    uint64_t verified_ms;  /**< compared; 0: not */
    enum trust_source how; /**< with what, when verified */
    bool is_contact;       /**< written to, or verified: an accepted contact (1.12) */
    bool is_changed;       /**< another key than the pinned one was seen: nothing is sent */
    uint8_t changed_afp[HASH_BYTES];
    uint64_t changed_ms;
};

/** What was seen of an account key: epoch and prekey set never go back (1.4, 1.5 step 3). */
struct stored_identity {
    uint8_t afp[HASH_BYTES];
    struct user_name name;
    uint32_t epoch;
    uint8_t cid[HASH_BYTES]; /**< the certificate of that epoch */
    uint32_t set_id;         /**< highest seen under that cid */
    uint32_t held;           /**< messages that came while this key was not the pinned one */
    uint64_t initial_ms;     /**< when its last INITIAL came, 0: never (1.4) */
};

/** How a session is used (1.8), without its keys. */
struct session_info {
    uint8_t sid[SESSION_ID_BYTES];
    struct user_name peer;
    uint8_t afp[HASH_BYTES];
    uint8_t peer_cid[HASH_BYTES];
    bool is_own; /**< this side began it */
    bool is_confirmed;
    bool is_active;          /**< used for sending; at most one per peer */
    bool is_receive_only;    /**< never becomes active again */
    uint64_t chain_ms;       /**< when the own chain that is in use was begun, 0: none */
    uint64_t expires_ms;     /**< the earlier expiry of its two certificates */
    bool replaced_confirmed; /**< took over from a confirmed one: marked until it is confirmed
                                itself */
    uint64_t created_ms;
    uint64_t used_ms;        /**< last message */
    uint64_t newest_sent_ms; /**< newest `sent` of the peer's messages in it */
};

/** A session with its state. */
struct stored_session {
    struct session_info info;
    struct session state;
};

enum { SESSIONS_PER_PEER_MAX = 64 };

enum outgoing_state {
    OUTGOING_QUEUED = 0,   /**< text only; encrypted after the next login */
    OUTGOING_SEALED = 1,   /**< encrypted; offered until the server answers */
    OUTGOING_ACCEPTED = 2, /**< on the server's disk */
    OUTGOING_FAILED = 3,   /**< given up; its key is free again */
    OUTGOING_REPAIR = 4,   /**< its session failed: encrypted again in the next one (1.8) */
};

/** A message that was written here, or one that the engine writes itself (kinds 2, 4 and 5). */
struct outgoing {
    uint64_t row; /**< grows in the order of writing */
    struct user_name to;
    uint8_t kind; /**< enum body_kind */
    uint8_t msg_id[MESSAGE_ID_BYTES];
    char key[REPEAT_KEY_MAX_BYTES + 1];
    uint64_t sent_ms; /**< strictly growing per device */
    enum outgoing_state state;
    bool is_patient; /**< written with --queue: a refusal that may pass puts it back into the queue
                      */
    bool is_for_verified; /**< written with --require-verified: to nobody else, whenever it goes */
    bool has_afp;         /**< bound to the key that was pinned when it was written */
    uint8_t afp[HASH_BYTES];
    uint64_t delivered_ms; /**< when the recipient's device confirmed it, 0: not yet */
    uint64_t accepted_ms;  /**< when the server first had its newest ciphertext, 0: not yet */
    uint32_t offers;       /**< how often it was offered again because no receipt came */
    uint32_t life_s;       /**< kind 8: the recipient erases it so long after it came; 0: kept */
    /* Once sealed: */
    uint64_t turn; /**< grows in the order of encryption */
    uint8_t sid[SESSION_ID_BYTES];
    uint8_t chain_id[CHAIN_ID_BYTES];
    uint32_t number; /**< n in the chain */
    uint8_t envelope_id[ENVELOPE_ID_BYTES];
};

/** A ciphertext's place: (chain_id, n). */
struct chain_place {
    uint8_t chain_id[CHAIN_ID_BYTES];
    uint32_t number;
};

enum {
    RECEIPTS_MAX = 1000, /**< ids in one message of kind 2 */
    GIVEN_UP_MAX = 255,  /**< places in one message of kind 5 */
    DUTY_DATA_BYTES = 16,
};

/** What the device owes a person, until it is done; it survives the end of the process. */
enum duty_kind {
    DUTY_RESEND = 1,    /**< kind 4; data: the session */
    DUTY_CONFIRM = 2,   /**< the first chain of a session, without waiting for the user (1.5) */
    DUTY_RECEIPTS = 3,  /**< what stands among the receipts */
    DUTY_HANDSHAKE = 4, /**< a new session */
    DUTY_REPAIR = 5,    /**< messages in state REPAIR */
    DUTY_BROKEN = 6,   /**< a bad message came: a handshake, unless a good one comes before (1.7) */
    DUTY_WAITING = 7,  /**< a message waits that cannot be opened yet: likewise; data: its chain */
    DUTY_DIVERGED = 8, /**< the peer wrote in another session than the one in use (S4) */
};
struct duty {
    struct user_name peer;
    enum duty_kind kind;
    uint8_t data[DUTY_DATA_BYTES];
    uint64_t due_ms; /**< UINT64_MAX: done, and kept so that it is not done again */
};

/** What is limited per person (1.8, 1.10). */
enum forced_kind { FORCED_HANDSHAKE = 1, FORCED_RESEND = 2 };

/** A message that came. */
struct incoming {
    uint64_t row; /**< grows in the order of arrival */
    struct user_name from;
    uint8_t afp[HASH_BYTES];
    uint8_t msg_id[MESSAGE_ID_BYTES];
    uint8_t kind;
    uint64_t sent_ms;
    uint64_t received_ms;
    uint8_t sid[SESSION_ID_BYTES];
    uint8_t chain_id[CHAIN_ID_BYTES];
    uint32_t number;  /**< n in the chain */
    bool is_from_gap; /**< opened with a stored key: it came after later ones of its session */
    bool is_late;     /**< shown after messages that were sent later */
    uint32_t life_s;  /**< kind 8: erased so long after it came, once it was handed over; 0: kept */
    bool is_held;     /**< under a key that is not accepted: shown to nobody */
    bool is_confirmed; /**< false: see session_info.replaced_confirmed */
    uint64_t place;    /**< in the order of showing; 0: not released yet */
};

struct store_counts {
    uint32_t outbox;
    uint32_t unread;
    uint32_t verified;
    uint32_t unverified;
    uint32_t changed;
};

struct client_store {
    void *context;

    enum error (*begin)(void *context);
    enum error (*commit)(void *context);
    void (*rollback)(void *context);

    /** Small values by name. get: ERR_NOT_FOUND. */
    enum error (*setting_get)(void *context, const char *name, struct buffer *value);
    enum error (*setting_put)(void *context, const char *name, struct bytes value);

    /** ERR_NOT_FOUND. `certificate` and `keys` are appended to. */
    enum error (*device_get)(void *context, const uint8_t cid[HASH_BYTES],
                             struct buffer *certificate, struct buffer *keys);
    enum error (*device_put)(void *context, const struct stored_device *device);

    /** Private prekeys. get: ERR_NOT_FOUND; clear what it fills. last_set: 0 when there is none. */
    enum error (*prekey_get)(void *context, const uint8_t cid[HASH_BYTES], bool is_one_time,
                             uint32_t id, struct prekey_secret *secret);
    enum error (*prekey_put)(void *context, bool is_one_time, const struct prekey_secret *secret);
    enum error (*prekey_delete)(void *context, const uint8_t cid[HASH_BYTES], bool is_one_time,
                                uint32_t id);
    enum error (*prekey_last_set)(void *context, const uint8_t cid[HASH_BYTES], uint32_t *id);

    /** Ends the life of private keys (1.2, 1.4). device_delete: a certificate's keys with all its
     * private prekeys. keys_expiry: the earliest expiry among private prekeys and certificates
     * other than `current`, UINT64_MAX when there is none. keys_expire: deletes private prekeys and
     * certificates that expired at `over_ms` or earlier, except the two certificates that are
     * `current` and `pending`; private prekeys do not outlive their certificate's keys. */
    enum error (*device_delete)(void *context, const uint8_t cid[HASH_BYTES]);
    enum error (*keys_expiry)(void *context, const uint8_t current[HASH_BYTES], uint64_t *first_ms);
    enum error (*keys_expire)(void *context, uint64_t over_ms, const uint8_t current[HASH_BYTES],
                              const uint8_t pending[HASH_BYTES]);

    /** get: ERR_NOT_FOUND, then with `name` set and everything else zero. next: the first behind
     * `after` in order of name, ERR_NOT_FOUND. */
    enum error (*peer_get)(void *context, const struct user_name *name, struct stored_peer *peer);
    enum error (*peer_next)(void *context, const struct user_name *after, struct stored_peer *peer);
    enum error (*peer_put)(void *context, const struct stored_peer *peer);

    /** get: ERR_NOT_FOUND. others: how many account keys of `name` beside `pinned` and `afp` have
     * sessions here, or messages that are held. */
    enum error (*identity_get)(void *context, const uint8_t afp[HASH_BYTES],
                               struct stored_identity *identity);
    enum error (*identity_put)(void *context, const struct stored_identity *identity);
    enum error (*identity_others)(void *context, const struct user_name *name,
                                  const uint8_t pinned[HASH_BYTES], const uint8_t afp[HASH_BYTES],
                                  uint32_t *count);

    /** list: at most SESSIONS_PER_PEER_MAX, oldest first. get: ERR_NOT_FOUND. insert writes the
     * state whole, update what `change` says of skipped keys and past chains (NULL: nothing) and
     * the rest. mark writes the info only. */
    enum error (*session_list)(void *context, const struct user_name *peer,
                               struct session_info *sessions, size_t *count);
    enum error (*session_get)(void *context, const struct user_name *peer,
                              const uint8_t sid[SESSION_ID_BYTES], struct stored_session *session);
    enum error (*session_insert)(void *context, const struct stored_session *session);
    enum error (*session_update)(void *context, const struct stored_session *session,
                                 const struct session_change *change);
    enum error (*session_mark)(void *context, const struct session_info *info);
    enum error (*session_delete)(void *context, const struct user_name *peer,
                                 const uint8_t sid[SESSION_ID_BYTES]);
    /** Deletes receive-only sessions that were used last before `before_ms`, sessions with a
     * certificate that expired before it, and skipped keys and past chains stored before it. */
    enum error (*session_expire)(void *context, uint64_t before_ms);
    /** Counts messages that an active session misses since before `before_ms`, of one person at a
     * time; they are not counted again. ERR_NOT_FOUND when none is left. */
    enum error (*session_lost)(void *context, uint64_t before_ms, struct user_name *peer,
                               uint32_t *count);
    /** The ciphertext of that number never comes: nothing waits for it, nobody is told. */
    enum error (*session_given_up)(void *context, const struct user_name *peer,
                                   const uint8_t afp[HASH_BYTES], const struct chain_place *place);

    /** Session ids that were accepted once (1.8). get: ERR_NOT_FOUND; `reported`: its loss was
     * shown. */
    enum error (*tombstone_get)(void *context, const uint8_t sid[SESSION_ID_BYTES], bool *reported);
    enum error (*tombstone_put)(void *context, const uint8_t sid[SESSION_ID_BYTES], uint32_t set_id,
                                uint64_t now_ms, bool reported);
    enum error (*tombstone_expire)(void *context, uint64_t before_ms);

    /** add: fills `row`; `envelope` may be empty. find: the newest message of a person that is not
     * FAILED with that key and `sent_ms` at least `since_ms`, ERR_NOT_FOUND. of_id: the message of
     * a person with that id, ERR_NOT_FOUND. next: the first in that state behind (turn, row),
     * ERR_NOT_FOUND. sealed: the first behind `row` to that key that has an envelope and no
     * receipt, ERR_NOT_FOUND. update writes what changes on the way (not to whom,
     * when, what kind, under which key); the envelope is kept (NULL) or replaced (by nothing, when
     * it is empty). */
    enum error (*outgoing_add)(void *context, struct outgoing *message, struct bytes text,
                               struct bytes envelope);
    enum error (*outgoing_find)(void *context, const struct user_name *to, const char *key,
                                uint64_t since_ms, struct outgoing *message);
    enum error (*outgoing_of_id)(void *context, const struct user_name *to,
                                 const uint8_t msg_id[MESSAGE_ID_BYTES], struct outgoing *message);
    enum error (*outgoing_next)(void *context, enum outgoing_state state, uint64_t turn,
                                uint64_t row, struct outgoing *message);
    enum error (*outgoing_sealed)(void *context, const struct user_name *to,
                                  const uint8_t afp[HASH_BYTES], uint64_t row,
                                  struct outgoing *message);
    enum error (*outgoing_text)(void *context, uint64_t row, struct buffer *text);
    enum error (*outgoing_envelope)(void *context, uint64_t row, struct buffer *envelope);
    enum error (*outgoing_update)(void *context, const struct outgoing *message,
                                  const struct bytes *envelope);
    enum error (*outgoing_delete)(void *context, uint64_t row);
    /** Whether a message sealed in that session was accepted before `before_ms` and has no receipt.
     */
    enum error (*outgoing_is_overdue)(void *context, const uint8_t sid[SESSION_ID_BYTES],
                                      uint64_t before_ms, bool *is_overdue);
    /** ACCEPTED becomes SEALED again where no receipt came: all that is younger than
     * ENVELOPE_LIFE_MS (all), or messages of people on days 1, 7 and 21, at most OFFERS_PER_DAY_MAX
     * a person (due).
     * `*count` of them. expire: envelopes older than that are dropped, and what the engine itself
     * wrote. */
    enum error (*outgoing_offer_all)(void *context, uint64_t now_ms, uint32_t *count);
    enum error (*outgoing_offer_due)(void *context, uint64_t now_ms, uint32_t *count);
    enum error (*outgoing_expire)(void *context, uint64_t now_ms);
    /** Erases own texts whose life is over, counted from when they were written, and that nothing
     * will encrypt again: delivered, refused, or given up. */
    enum error (*outgoing_forget)(void *context, uint64_t now_ms);

    /** Receipts that are owed, oldest first. add: twice is once. list: at most RECEIPTS_MAX. clear
     * takes away the `count` oldest. */
    enum error (*receipt_add)(void *context, const struct user_name *to,
                              const uint8_t afp[HASH_BYTES],
                              const uint8_t msg_id[MESSAGE_ID_BYTES]);
    enum error (*receipt_list)(void *context, const struct user_name *to,
                               const uint8_t afp[HASH_BYTES],
                               uint8_t msg_ids[RECEIPTS_MAX][MESSAGE_ID_BYTES], size_t *count);
    enum error (*receipt_clear)(void *context, const struct user_name *to,
                                const uint8_t afp[HASH_BYTES], size_t count);

    /** Numbers of chains whose ciphertext never comes, not told yet; the same way, at most
     * GIVEN_UP_MAX. */
    enum error (*given_up_add)(void *context, const struct user_name *to,
                               const uint8_t afp[HASH_BYTES], const struct chain_place *place);
    enum error (*given_up_list)(void *context, const struct user_name *to,
                                const uint8_t afp[HASH_BYTES],
                                struct chain_place places[GIVEN_UP_MAX], size_t *count);
    enum error (*given_up_clear)(void *context, const struct user_name *to,
                                 const uint8_t afp[HASH_BYTES], size_t count);

    /** What is owed to people. put: an earlier time stays; move sets the time. next: the first
     * behind `after` in the order (due_ms, peer, kind, data) that is due at `now_ms`,
     * ERR_NOT_FOUND. coming: the earliest time after `now_ms`, UINT64_MAX when there is none.
     * delete: `data` NULL means all of that kind. */
    enum error (*duty_put)(void *context, const struct duty *duty);
    enum error (*duty_move)(void *context, const struct duty *duty, uint64_t due_ms);
    enum error (*duty_next)(void *context, const struct duty *after, uint64_t now_ms,
                            struct duty *duty);
    enum error (*duty_coming)(void *context, uint64_t now_ms, uint64_t *due_ms);
    enum error (*duty_delete)(void *context, const struct user_name *peer, enum duty_kind kind,
                              const uint8_t *data);
    enum error (*duty_delete_all)(void *context, const struct user_name *peer);
    enum error (*duty_count)(void *context, const struct user_name *peer, enum duty_kind kind,
                             uint32_t *count);

    /** What was done to people out of turn (1.8, 1.10): count and time of the latest since
     * `since_ms`. expire forgets what is older. */
    enum error (*forced_add)(void *context, const struct user_name *peer, enum forced_kind kind,
                             uint64_t now_ms);
    enum error (*forced_count)(void *context, const struct user_name *peer, enum forced_kind kind,
                               uint64_t since_ms, uint32_t *count, uint64_t *latest_ms);
    enum error (*forced_expire)(void *context, uint64_t before_ms);
    /** Sessions whose messages could not be opened: once each. ERR_DUPLICATE. */
    enum error (*asked_add)(void *context, const uint8_t sid[SESSION_ID_BYTES], uint64_t now_ms);
    enum error (*asked_expire)(void *context, uint64_t before_ms);

    /** add fills `row`. pending: the first `*count` (in: size of the array) unreleased, unheld
     * messages of a person in the order in which they were sent. gap: when the latest gap before
     * that message in its session, not older than `since_ms`, was noticed, ERR_NOT_FOUND. release
     * gives the next place, and says whether a later one had one before. next: the first with a
     * place behind `place`, ERR_NOT_FOUND. */
    enum error (*incoming_add)(void *context, struct incoming *message, struct bytes text);
    enum error (*incoming_pending)(void *context, const struct user_name *from,
                                   struct incoming *messages, size_t *count);
    enum error (*incoming_gap)(void *context, const struct incoming *message, uint64_t since_ms,
                               uint64_t *noticed_ms);
    enum error (*incoming_release)(void *context, const struct incoming *message);
    enum error (*incoming_next)(void *context, uint64_t place, struct incoming *message,
                                struct buffer *text);
    /** The next sender with unreleased, unheld messages after `after` in order of name,
     * ERR_NOT_FOUND. */
    enum error (*incoming_sender)(void *context, const struct user_name *after,
                                  struct user_name *from);
    /** Ids of the messages that are held under `afp`, of the kinds that get receipts. */
    enum error (*incoming_held)(void *context, const struct user_name *from,
                                const uint8_t afp[HASH_BYTES], uint64_t *row,
                                uint8_t msg_id[MESSAGE_ID_BYTES]);
    /** Messages held under `afp` become ordinary, unreleased ones. */
    enum error (*incoming_accept)(void *context, const struct user_name *from,
                                  const uint8_t afp[HASH_BYTES], uint32_t *count);
    /** Erases texts whose life is over and that were handed over to a reader. */
    enum error (*incoming_expire)(void *context, uint64_t now_ms);

    /** Ids of messages that were taken in (1.7). add: ERR_DUPLICATE when it is known. */
    enum error (*seen_add)(void *context, const uint8_t afp[HASH_BYTES],
                           const uint8_t msg_id[MESSAGE_ID_BYTES], uint64_t now_ms);
    /** Forgets what is older than `before_ms`. */
    enum error (*seen_expire)(void *context, uint64_t before_ms);

    /** Messages that cannot be opened yet. add gives up the oldest beyond WAITING_COMPACT_MAX of
     * one sender: its envelope is appended to `lost`. next: the first after `row`, ERR_NOT_FOUND.
     */
    enum error (*waiting_add)(void *context, const struct user_name *from, struct bytes envelope,
                              uint64_t now_ms, struct buffer *lost);
    enum error (*waiting_next)(void *context, const struct user_name *from, uint64_t *row,
                               struct buffer *envelope);
    enum error (*waiting_delete)(void *context, uint64_t row);
    /** Deletes one that is older than `before_ms` and names its sender, the envelope appended;
     * ERR_NOT_FOUND when there is none. */
    enum error (*waiting_expire)(void *context, uint64_t before_ms, struct user_name *from,
                                 struct buffer *envelope);

    /** Bookmarks of readers by name: the place up to which messages were handed over. open: a new
     * one begins behind the place `start`, or behind all that is released when that is less;
     * ERR_LIMIT when there are CURSORS_MAX. least_used: the name of the one that was opened longest
     * ago, of all but "recv", which stays; ERR_NOT_FOUND. put: a transaction of its own that
     * survives the end of the process at once and a power cut with the next commit; a cursor that
     * is further on stays. drop: ERR_NOT_FOUND. */
    enum error (*cursor_open)(void *context, const char *name, uint64_t start, uint64_t now_ms,
                              uint64_t *place);
    enum error (*cursor_least_used)(void *context, char name[CURSOR_NAME_MAX_BYTES + 1]);
    enum error (*cursor_put)(void *context, const char *name, uint64_t place);
    enum error (*cursor_drop)(void *context, const char *name);
    /** Messages that a reader has passed over, since it takes others alone: they stay unread
     * although its cursor stands behind them. pass: like cursor_put, and all behind `after` up to
     * `until` are such from now on. take: the one at `place` was handed over after all (or never
     * passed over). next: the first of them behind `place`, of one sender or (NULL) of all,
     * ERR_NOT_FOUND. sender: as unread_next. */
    enum error (*cursor_pass)(void *context, const char *name, uint64_t after, uint64_t until);
    enum error (*passed_take)(void *context, const char *name, uint64_t place);
    enum error (*passed_next)(void *context, const char *name, const struct user_name *from,
                              uint64_t place, uint64_t *next);
    enum error (*passed_sender)(void *context, const char *name, const struct user_name *after,
                                struct user_name *from, uint32_t *count);
    /** since: the place before the first message that came at `received_ms` or later, the last
     * place when there is none. of: that of a message which is released, ERR_NOT_FOUND. */
    enum error (*place_since)(void *context, uint64_t received_ms, uint64_t *place);
    enum error (*place_of)(void *context, const uint8_t msg_id[MESSAGE_ID_BYTES], uint64_t *place);

    /** Reading back, with everybody or with one person (`with`; NULL: everybody). received: what
     * has a place, in that order; written: what people wrote here and was not given up, in the
     * order of writing. next: the first behind `place`, or written after `sent_ms`, with its text.
     * back: the last one before, only where it stands. ERR_NOT_FOUND. */
    enum error (*received_next)(void *context, const struct user_name *with, uint64_t place,
                                struct incoming *message, struct buffer *text);
    enum error (*received_back)(void *context, const struct user_name *with, uint64_t place,
                                uint64_t *found, uint64_t *received_ms);
    enum error (*written_next)(void *context, const struct user_name *with, uint64_t sent_ms,
                               struct outgoing *message, struct buffer *text);
    enum error (*written_back)(void *context, const struct user_name *with, uint64_t sent_ms,
                               uint64_t *found);

    enum error (*counts)(void *context, const char *cursor, struct store_counts *counts);
    /** Unread messages of the first sender after `after` in order of name, ERR_NOT_FOUND at the
     * end. */
    enum error (*unread_next)(void *context, const char *cursor, const struct user_name *after,
                              struct user_name *from, uint32_t *count);
};

#endif
