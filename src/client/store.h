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

/** A name on the server and the account key that is pinned for it (docs/PROTOCOL.md 1.11). */
struct stored_peer {
    struct user_name name;
    bool has_pin;
    uint8_t afp[HASH_BYTES];
    uint64_t pinned_ms;
    uint64_t verified_ms; /**< compared with a card; 0: not */
    bool is_contact;      /**< written to, or verified: an accepted contact (1.12) */
    bool is_changed;      /**< another key than the pinned one was seen: nothing is sent */
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
};

/** A message that was written here. */
struct outgoing {
    uint64_t row; /**< grows in the order of writing */
    struct user_name to;
    uint8_t msg_id[MESSAGE_ID_BYTES];
    char key[REPEAT_KEY_MAX_BYTES + 1];
    uint64_t sent_ms; /**< strictly growing per device */
    enum outgoing_state state;
    bool is_patient; /**< written with --queue: a refusal that may pass puts it back into the queue
                      */
    bool has_afp;    /**< bound to the key that was pinned when it was written */
    uint8_t afp[HASH_BYTES];
    /* Once sealed: */
    uint8_t sid[SESSION_ID_BYTES];
    uint8_t chain_id[CHAIN_ID_BYTES];
    uint32_t number; /**< n in the chain */
    uint8_t envelope_id[ENVELOPE_ID_BYTES];
};

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
    uint32_t chain_number; /**< how many-th chain of the peer in that session */
    uint8_t chain_id[CHAIN_ID_BYTES];
    uint32_t number;   /**< n in the chain */
    uint32_t missing;  /**< messages before it that have not come */
    bool is_held;      /**< under a key that is not accepted: shown to nobody */
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

    /** get: ERR_NOT_FOUND, then with `name` set and everything else zero. */
    enum error (*peer_get)(void *context, const struct user_name *name, struct stored_peer *peer);
    enum error (*peer_put)(void *context, const struct stored_peer *peer);

    /** get: ERR_NOT_FOUND. others: how many identities of `name` other than `afp` are known. */
    enum error (*identity_get)(void *context, const uint8_t afp[HASH_BYTES],
                               struct stored_identity *identity);
    enum error (*identity_put)(void *context, const struct stored_identity *identity);
    enum error (*identity_others)(void *context, const struct user_name *name,
                                  const uint8_t afp[HASH_BYTES], uint32_t *count);

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

    /** Session ids that were accepted once (1.8). get: ERR_NOT_FOUND; `reported`: its loss was
     * shown. */
    enum error (*tombstone_get)(void *context, const uint8_t sid[SESSION_ID_BYTES], bool *reported);
    enum error (*tombstone_put)(void *context, const uint8_t sid[SESSION_ID_BYTES], uint32_t set_id,
                                uint64_t now_ms, bool reported);

    /** add: fills `row`; `envelope` may be empty. find: the newest one that is not FAILED with that
     * key and `sent_ms` at least `since_ms`, ERR_NOT_FOUND. next: the first after `row` in one of
     * the states QUEUED and SEALED, ERR_NOT_FOUND. update writes all but the text; the envelope is
     * kept (NULL) or replaced. */
    enum error (*outgoing_add)(void *context, struct outgoing *message, struct bytes text,
                               struct bytes envelope);
    enum error (*outgoing_find)(void *context, const struct user_name *to, const char *key,
                                uint64_t since_ms, struct outgoing *message);
    enum error (*outgoing_next)(void *context, uint64_t row, struct outgoing *message);
    enum error (*outgoing_text)(void *context, uint64_t row, struct buffer *text);
    enum error (*outgoing_envelope)(void *context, uint64_t row, struct buffer *envelope);
    enum error (*outgoing_update)(void *context, const struct outgoing *message,
                                  const struct bytes *envelope);

    /** add: fills `row`. pending: messages of `from`, neither held nor released, in sending order,
     * the first
     * `*count` (in: size of the array) of them. filled: the first unreleased message of that
     * session behind (chain_number, number) misses one message less. release gives the next place.
     * chain: the chain_number under which a chain is known, 0 if none. next: the first with a place
     * behind `place`, ERR_NOT_FOUND. */
    enum error (*incoming_add)(void *context, struct incoming *message, struct bytes text);
    enum error (*incoming_pending)(void *context, const struct user_name *from,
                                   struct incoming *messages, size_t *count);
    enum error (*incoming_filled)(void *context, const struct incoming *late);
    enum error (*incoming_release)(void *context, uint64_t row);
    enum error (*incoming_chain)(void *context, const uint8_t sid[SESSION_ID_BYTES],
                                 const uint8_t chain_id[CHAIN_ID_BYTES], uint32_t *chain_number);
    enum error (*incoming_next)(void *context, uint64_t place, struct incoming *message,
                                struct buffer *text);
    /** The next sender with unreleased, unheld messages after `after` in order of name,
     * ERR_NOT_FOUND. */
    enum error (*incoming_sender)(void *context, const struct user_name *after,
                                  struct user_name *from);
    /** Messages held under `afp` become ordinary, unreleased ones. */
    enum error (*incoming_accept)(void *context, const struct user_name *from,
                                  const uint8_t afp[HASH_BYTES], uint32_t *count);

    /** Ids of messages that were taken in (1.7). add: ERR_DUPLICATE when it is known. */
    enum error (*seen_add)(void *context, const uint8_t afp[HASH_BYTES],
                           const uint8_t msg_id[MESSAGE_ID_BYTES], uint64_t now_ms);
    /** Forgets what is older than `before_ms`. */
    enum error (*seen_expire)(void *context, uint64_t before_ms);

    /** COMPACT messages whose chain is not known yet. add gives up the oldest beyond
     * WAITING_COMPACT_MAX of one sender
     * (`*lost` counts). next: the first after `row`, ERR_NOT_FOUND. */
    enum error (*waiting_add)(void *context, const struct user_name *from, struct bytes envelope,
                              uint64_t now_ms, uint32_t *lost);
    enum error (*waiting_next)(void *context, const struct user_name *from, uint64_t *row,
                               struct buffer *envelope);
    enum error (*waiting_delete)(void *context, uint64_t row);
    /** Deletes one that is older than `before_ms` and names its sender; ERR_NOT_FOUND when there is
     * none. */
    enum error (*waiting_expire)(void *context, uint64_t before_ms, struct user_name *from);

    /** Named bookmarks: the place up to which messages were handed over; 0 at first. put is a
     * transaction of its own that survives the end of the process at once and a power cut with the
     * next commit. */
    enum error (*cursor_get)(void *context, const char *name, uint64_t *place);
    enum error (*cursor_put)(void *context, const char *name, uint64_t place);

    enum error (*counts)(void *context, const char *cursor, struct store_counts *counts);
    /** Unread messages of the first sender after `after` in order of name, ERR_NOT_FOUND at the
     * end. */
    enum error (*unread_next)(void *context, const char *cursor, const struct user_name *after,
                              struct user_name *from, uint32_t *count);
};

#endif
