/* SPDX-License-Identifier: ISC */
/* One session between two devices: handshake, ratchet, messages. docs/PROTOCOL.md 1.5 to 1.7
 * and 1.9.
 *
 * A session is a value: it is loaded from a store, one message is sealed or opened, and what
 * changed is saved in the same transaction as the message. Opening works on a copy that replaces
 * the original only after the tag verified, so a failed call changes nothing. */
#ifndef SOTTO_SESSION_SESSION_H
#define SOTTO_SESSION_SESSION_H

#include "session/prekey.h"

enum envelope_type {
    ENVELOPE_INITIAL = 0x10,
    ENVELOPE_FULL = 0x11,
    ENVELOPE_COMPACT = 0x12,
};

enum session_role {
    SESSION_INITIATOR = 0,
    SESSION_RESPONDER = 1,
};

/** Longest chain header: all optional fields present. */
enum { CHAIN_HEADER_MAX_BYTES = 55 + 1088 + 1184 + 256 + 1088 };

/** A chain key with the number of the next message. */
struct chain {
    bool is_open;
    struct secret_32 key; /**< CK */
    uint32_t next;        /**< Ns or Nr */
    uint8_t id[CHAIN_ID_BYTES];
};

/** Chain keys of the numbers after a chain's next message, which bad messages made the receiver
 * work out: keys[i] is that of number next + 1 + i. */
struct chain_ahead {
    struct secret_32 *keys; /**< heap */
    size_t count;
    size_t capacity;
};

/** What one session does for messages that then do not verify, in chain steps (one HMAC, about a
 * microsecond), is bounded: beyond it, for the rest of the minute, a message that would open a new
 * chain is refused before any key is used. Within the current chain nothing is ever refused: its
 * steps are made once and kept (struct chain_ahead). An honest peer's messages verify, and what
 * verifies counts nothing; one that comes amid a flood of forged ones is offered again by its
 * sender (1.8). */
enum {
    UNVERIFIED_STEPS_MAX = 8000,
    STEPS_OF_DH = 60,           /**< X25519, and the root step */
    STEPS_OF_DECAPSULATE = 150, /**< ML-KEM-768 from the seed */
    STEPS_OF_RSA = 900,         /**< RSA-2048 from its stored form */
};
#define UNVERIFIED_STEPS_WINDOW_MS MINUTE_MS

/** State of a session. Callers read the documented fields and change none. */
struct session {
    uint8_t sid[SESSION_ID_BYTES];
    enum session_role role;
    uint8_t own_cid[HASH_BYTES];
    uint8_t peer_cid[HASH_BYTES];
    uint8_t peer_afp[HASH_BYTES];
    uint64_t own_expires_ms; /**< expiry of the two certificates in th */
    uint64_t peer_expires_ms;
    uint32_t set_id;            /**< prekey set that the handshake used */
    uint32_t one_time_id;       /**< 0: last resort */
    uint64_t prekeys_expire_ms; /**< the earlier expiry of that set and one-time record */
    uint64_t created_ms;
    uint64_t used_ms;       /**< last seal or open */
    bool is_confirmed;      /**< 1.5: own side has proof of the peer */
    uint32_t sent_in_chain; /**< own messages since the last turn (S4, 1500) */

    /* private to src/session */
    uint8_t th[HASH_BYTES];
    struct secret_32 root;
    bool has_dh; /**< own ratchet private key present: the peer has not answered it */
    struct secret_32 dh;
    uint8_t peer_dh[DH_PUBLIC_BYTES];
    struct chain sending;
    struct chain receiving;
    uint8_t header[CHAIN_HEADER_MAX_BYTES]; /**< own chain header */
    uint16_t header_size;
    uint32_t chains_sent; /**< own sending chains begun */
    uint32_t chains_received;
    bool need_send;      /**< a new sending chain is due before the next message */
    bool has_kem_secret; /**< dk: ML-KEM key advertised in the own current chain */
    struct secret_64 kem_secret;
    bool has_peer_kem; /**< unanswered ek of the peer's current chain */
    uint8_t peer_kem[KEM_PUBLIC_BYTES];
    bool has_peer_identity; /**< responder, until its first chain: the peer's DRK and DKK */
    uint8_t peer_rsa[RSA_MODULUS_BYTES];
    uint8_t peer_identity_kem[KEM_PUBLIC_BYTES];
    bool has_hello; /**< initiator, until the first reply: HELLO without the certificate */
    uint8_t hello[HELLO_BYTES - CERTIFICATE_BYTES];
    uint32_t since_pq;           /**< messages since the last completed PQ step */
    uint64_t pq_ms;              /**< when it was completed */
    bool full_next;              /**< the message after a refused one is FULL */
    struct skipped_key *skipped; /**< heap, oldest first */
    size_t skipped_count;
    size_t skipped_capacity;
    struct past_chain *past; /**< heap, oldest first */
    size_t past_count;
    size_t past_capacity;

    /* in memory only, no part of the state that is stored */
    struct chain_ahead ahead;  /**< of the receiving chain */
    uint32_t unverified_steps; /**< since unverified_ms */
    uint64_t unverified_ms;
};

/** A message key kept for a message that has not come yet. */
struct skipped_key {
    uint8_t chain_id[CHAIN_ID_BYTES];
    uint32_t n;
    struct secret_32 key; /**< MK */
    uint64_t stored_ms;
};

/** A receiving chain that is over: what names it again is a duplicate. */
struct past_chain {
    uint8_t chain_id[CHAIN_ID_BYTES];
    uint64_t ended_ms;
};

/** What an open changed beside the session row itself, for a store with rows of their own: delete
 * the `dropped_skipped` oldest rows, delete the used one, insert `added`; the same for past chains.
 * `added` points into the session's own list and is valid until the session changes again. */
struct session_change {
    const struct skipped_key *added; /**< skipped keys that are new */
    size_t added_count;
    bool used_skipped; /**< the skipped key (used_chain, used_n) was used and is gone */
    uint8_t used_chain[CHAIN_ID_BYTES];
    uint32_t used_n;
    bool added_past;        /**< past[past_count - 1] is new */
    size_t dropped_skipped; /**< oldest rows dropped (limit or age); never counts `added` */
    size_t dropped_past;
};

/** Wipes the state and frees the lists. */
void session_clear(struct session *session);

/** The session row as bytes, without skipped keys and past chains (at most 8 KiB). */
must_check enum error session_save(const struct session *session, struct buffer *out);
/** ERR_MALFORMED; the lists are empty until the two functions below have filled them, oldest first.
 */
must_check enum error session_load(struct bytes data, struct session *session);
must_check enum error session_add_skipped(struct session *session, const struct skipped_key *key);
must_check enum error session_add_past(struct session *session, const struct past_chain *chain);

/** One's own device as the session code needs it: the certificate and private keys that the
 * session's own cid names. Borrowed for the call. */
struct own_device {
    const uint8_t *certificate; /**< CERTIFICATE_BYTES */
    const struct certificate *parsed;
    const struct device_keys *keys;
    const struct device_pairs *pairs; /**< of these keys; NULL: made where they are needed */
};

/** Begins a session with a verified bundle (initiator). ERR_KEY on keys that no honest peer makes,
 * ERR_MISMATCH when the peer is this device or account, ERR_EXPIRED when a certificate has expired.
 * On failure *session is empty. */
must_check enum error session_start(const struct own_device *own, const struct bundle *peer,
                                    const struct entropy *entropy, uint64_t now_ms,
                                    struct session *session);

/** The type of an envelope and the session it names, from lengths and fixed bytes alone.
 * ERR_MALFORMED. */
must_check enum error envelope_inspect(struct bytes envelope, enum envelope_type *type,
                                       uint8_t sid[SESSION_ID_BYTES]);

/** An INITIAL taken apart; views into the envelope. */
struct initial {
    uint8_t sid[SESSION_ID_BYTES];
    struct bytes certificate;    /**< the sender's, unverified */
    uint8_t own_cid[HASH_BYTES]; /**< cid_B: which of our certificates it is for */
    uint32_t set_id;
    uint32_t one_time_id;
    struct bytes hello;
    struct bytes full;
};
must_check enum error initial_parse(struct bytes envelope, struct initial *initial);

/** Accepts an INITIAL (responder; 1.5 steps 5 and 6): `peer` is its certificate after
 * certificate_verify; `set` and `one_time` (NULL when one_time_id is 0) are the private keys it
 * names. On OK the session is new and `body` has the first message, and all of its skipped keys are
 * new; on failure *session is empty and `body` as it was. ERR_MALFORMED, ERR_MISMATCH (sid; the own
 * device or account as peer; keys that the message does not name), ERR_LIMIT (skips too far),
 * ERR_KEY, ERR_SIGNATURE (tag). */
must_check enum error session_accept(const struct own_device *own, const struct certificate *peer,
                                     const struct initial *initial, const struct prekey_secret *set,
                                     const struct prekey_secret *one_time, uint64_t now_ms,
                                     struct session *session, struct buffer *body);

/** Seals `body` (at most BODY_MAX_BYTES) as the session's next message and appends the envelope:
 * INITIAL while an initiator has no reply and FULL is due, else FULL or COMPACT by the size rule
 * of 1.7. `*chain_id` and `*n` name it. ERR_EXPIRED when one of the two certificates has expired
 * (1.6) or, in an unconfirmed own session, the prekeys it names (1.8); ERR_LIMIT when the chain has
 * CHAIN_MAX_MESSAGES; ERR_MISMATCH when `own` is another certificate's. On failure nothing changed
 * and nothing is appended. */
must_check enum error session_seal(struct session *session, const struct own_device *own,
                                   const struct entropy *entropy, uint64_t now_ms,
                                   struct bytes body, struct buffer *envelope,
                                   uint8_t chain_id[CHAIN_ID_BYTES], uint32_t *n);

/** The next seal makes a FULL message (the one before was refused, or the chain is old). */
void session_full_next(struct session *session);

/** Opens a message of this session (FULL, COMPACT, or an INITIAL of it, whose HELLO is ignored) and
 * appends its body. ERR_UNKNOWN_SESSION: another sid. ERR_DUPLICATE: seen before. ERR_WAIT: COMPACT
 * of an unknown chain. ERR_LIMIT: skips too far, or too much that came before was forged
 * (UNVERIFIED_STEPS_MAX). ERR_MALFORMED, ERR_WRONG_STATE (a chain that may
 * not begin now), ERR_KEY, ERR_SIGNATURE: bad message. ERR_MISMATCH: `own` is another
 * certificate's. On failure nothing changed. */
must_check enum error session_open(struct session *session, const struct own_device *own,
                                   struct bytes envelope, uint64_t now_ms, struct buffer *body,
                                   struct session_change *change);

#endif
