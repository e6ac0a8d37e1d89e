/* SPDX-License-Identifier: ISC */
/* Random conversations: two devices with all that sotto/1 lets happen between them, over a network
 * that loses, delays, reorders, doubles and alters. Each is played twice: the second time out of
 * the first one's randomness, with every session saved and loaded between any two steps, and has to
 * go the same way byte for byte. */
#ifndef SOTTO_TESTS_VECTORS_RANDOM_H
#define SOTTO_TESTS_VECTORS_RANDOM_H

#include "report.h"
#include "session/session.h"

enum {
    POOL_ACCOUNTS = 8,
    EPOCHS = 2,        /**< certificates of one account in a conversation */
    POOL_DEVICES = 16, /**< device keys: EPOCHS for each account */
    ONE_TIMES = 4,     /**< of one certificate */
    SLOTS_MAX = 16,    /**< sessions of one device */
    LETTERS_MAX = 600,
    TAPE_MAX = 128, /**< RSA encryptions in one conversation */
    EVENTS_MAX = 8192,
};

/** What a run has to meet at least once: X(name, words). */
#define RANDOM_FEATURES(X)                                                                         \
    X(INITIAL, "INITIAL messages opened")                                                          \
    X(FULL, "FULL messages opened")                                                                \
    X(COMPACT, "COMPACT messages opened")                                                          \
    X(ONE_TIME, "sessions with a one-time prekey")                                                 \
    X(LAST_RESORT, "sessions with the last-resort key")                                            \
    X(AUTH, "chains with AUTH")                                                                    \
    X(EK, "chains with EK")                                                                        \
    X(CT, "chains with CT")                                                                        \
    X(PQ_MESSAGES, "post-quantum steps after 32 messages")                                         \
    X(PQ_DAY, "post-quantum steps after 24 hours")                                                 \
    X(SIMULTANEOUS, "simultaneous starts")                                                         \
    X(RESTART, "sessions begun while an older one ran")                                            \
    X(RENEWAL, "sessions begun under a renewed certificate")                                       \
    X(OLD_CERTIFICATE, "messages opened in a session of a replaced certificate")                   \
    X(RECEIVE_ONLY, "messages opened in a session that is not active")                             \
    X(RECEIPT, "receipts (kind 2)")                                                                \
    X(NOTICE, "notices (kind 5)")                                                                  \
    X(LOST, "messages lost")                                                                       \
    X(SKIPPED, "messages opened with a stored key")                                                \
    X(OLD_CHAIN, "messages opened after their chain had ended")                                    \
    X(DUPLICATE, "duplicates refused")                                                             \
    X(WAITED, "COMPACT messages that waited and opened")                                           \
    X(STALE, "first messages of a replaced certificate refused")                                   \
    X(ALTERED, "altered messages refused")

enum random_feature {
#define X(name, words) RANDOM_##name,
    RANDOM_FEATURES(X)
#undef X
        RANDOM_FEATURE_COUNT
};

struct coverage {
    uint64_t count[RANDOM_FEATURE_COUNT];
};

/** When every conversation begins, and every certificate of the pool is made. */
#define RANDOM_BEGIN_MS (UINT64_C(1800000000) * SECOND_MS)

/** Accounts for all conversations of a run: RSA keys and signatures of accounts take too long to
 * make for each. Device EPOCHS * i + e is that of account i with epoch e + 1. */
struct pool {
    struct user_name names[POOL_ACCOUNTS];
    struct account_keys accounts[POOL_ACCOUNTS];
    struct device_keys devices[POOL_DEVICES];
    uint8_t certificates[POOL_DEVICES][CERTIFICATE_BYTES];
    struct device_pairs *pairs[POOL_DEVICES];
};
void pool_make(const struct place *place, struct pool *pool);
void pool_clear(struct pool *pool);

/** One RSA encryption: the only randomness that no seed gives. */
struct taped {
    uint8_t ciphertext[RSA_CIPHERTEXT_BYTES];
    struct secret_32 secret;
};

/** Randomness of a conversation: everything from the seed, RSA from OpenSSL onto the tape or off
 * it.
 */
struct chance {
    const struct place *place;
    uint64_t state;
    bool is_replay;
    struct taped *tape;
    size_t taped;
    size_t played;
};
struct entropy chance_entropy(struct chance *chance);
/** A number below `bound`. */
size_t chance_below(struct chance *chance, size_t bound);
/** True in `percent` of 100 cases. */
bool chance_of(struct chance *chance, size_t percent);

/** A certificate with its private keys and prekeys. */
struct paper {
    uint8_t certificate[CERTIFICATE_BYTES];
    struct certificate parsed;
    struct own_device own;
    struct prekey_secret set;
    uint8_t set_object[PREKEY_SET_BYTES];
    struct prekey_secret one_times[ONE_TIMES];
    uint8_t one_time_objects[ONE_TIMES][ONE_TIME_PREKEY_BYTES];
    size_t handed_out; /**< by the server, once each */
};

struct slot {
    struct session session;
    uint64_t newest_sent; /**< of the messages that opened in it */
};

struct letter {
    size_t sender;
    uint8_t kind;
    uint64_t sent;
    struct buffer body;
    struct buffer wire;
    bool is_lost;
    bool is_stale;
    bool is_waiting;
    unsigned opened;
};

/** One device. */
struct talker {
    struct user_name name;
    struct paper papers[EPOCHS];
    size_t current; /**< index of the certificate in force */
    struct slot slots[SLOTS_MAX];
    size_t slot_count;
    struct slot *active;
    uint32_t highest_epoch; /**< seen of the peer */
    size_t owed;            /**< messages of kind 1 without a receipt */
    bool owes_turn;         /**< a first message came: confirm at once */
};

/** What happens in the conversation, for the second playing to compare. */
struct events {
    uint8_t hashes[EVENTS_MAX][HASH_BYTES];
    size_t count;
    size_t compared;
};

struct run {
    const struct pool *pool;
    struct coverage *coverage;
    struct place *place;
    struct chance chance;
    struct events *events;
    struct talker talkers[2];
    struct letter letters[LETTERS_MAX];
    size_t letter_count;
    size_t under_way[LETTERS_MAX];
    size_t under_way_count;
    uint64_t now_ms;
};

/** Certificates and prekeys of both, from the pool. */
void talkers_make(struct run *run);
void talkers_clear(struct run *run);

/** Begins a session that becomes the active one (S1). */
void talker_start(struct run *run, size_t side);
/** Seals a message of that kind in the active session; returns its letter. */
struct letter *talker_seal(struct run *run, size_t side, uint8_t kind);
/** Takes an envelope as a device does (1.5, 1.7, 1.8); `*slot` is the session that opened it. */
must_check enum error talker_receive(struct run *run, size_t side, struct bytes envelope,
                                     struct buffer *body, struct slot **slot);
/** In the second playing: saves, wipes and loads a session. */
void slot_store(struct run *run, struct slot *slot);
/** A hash of everything that the device would store. */
void talker_hash(const struct run *run, size_t side, uint8_t hash[HASH_BYTES]);

/** Plays the conversation of a seed twice; ends the program where something differs. */
void random_conversation(const struct pool *pool, uint64_t seed, struct coverage *coverage);

#endif
