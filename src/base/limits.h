/* SPDX-License-Identifier: ISC */
/* Every length, count, rate and time that has a bound. Sizes of sotto/1 objects follow from
 * docs/PROTOCOL.md; the rest is policy. */
#ifndef SOTTO_BASE_LIMITS_H
#define SOTTO_BASE_LIMITS_H

#include <stdint.h>

/* Names and texts. */
enum {
    NAME_MAX_BYTES = 32,        /**< [a-z0-9][a-z0-9._-]{0,31} */
    HOST_MAX_BYTES = 253,       /**< RFC 1035 section 2.3.4, as text */
    TEXT_MAX_BYTES = 65000,     /**< one message */
    REPEAT_KEY_MAX_BYTES = 128, /**< `send --id KEY` */
    RECIPIENTS_MAX = 256,       /**< of one command */
    PROFILE_MAX_BYTES = 64,
    PASSPHRASE_MAX_BYTES = 1024,
};

/* Objects of sotto/1 (sections 1.3 and 1.5 to 1.7). */
enum {
    CERTIFICATE_BYTES = 6919,
    CERTIFICATE_BODY_BYTES = 3546,
    PREKEY_SET_BYTES = 1334,
    PREKEY_SET_BODY_BYTES = 1270,
    ONE_TIME_PREKEY_BYTES = 1326,
    ONE_TIME_PREKEY_BODY_BYTES = 1262,
    HELLO_BYTES = 9425,
    BODY_MAX_BYTES = 65531, /**< what one message carries after unpadding */
    PADDED_MIN_BYTES = 256,
    PADDED_MAX_BYTES = 65536,
    ENVELOPE_MAX_BYTES = 76252, /**< an INITIAL of the largest class */
    ENVELOPE_MIN_BYTES = 38 + 16 + 256 + 32,
    SESSION_ID_BYTES = 16,
    CHAIN_ID_BYTES = 16,
    MESSAGE_ID_BYTES = 16,
    ENVELOPE_ID_BYTES = 16,
    STORE_EPOCH_BYTES = 16,
    INVITE_TOKEN_BYTES = 10, /**< 80 bits, 16 characters of base 32 */
};

/* Lifetimes, milliseconds. */
#define SECOND_MS UINT64_C(1000)
#define MINUTE_MS (60 * SECOND_MS)
#define HOUR_MS (60 * MINUTE_MS)
#define DAY_MS (24 * HOUR_MS)
#define CERTIFICATE_LIFE_MS (90 * DAY_MS)
#define CERTIFICATE_RENEW_MS (60 * DAY_MS) /**< a device takes a new one */
#define PREKEY_SET_LIFE_MS (30 * DAY_MS)
#define PREKEY_SET_RENEW_MS (7 * DAY_MS) /**< a device publishes a new set */
#define ONE_TIME_PREKEY_LIFE_MS (30 * DAY_MS)
#define CLOCK_TOLERANCE_MS DAY_MS
#define CLOCK_NOTE_MS HOUR_MS              /**< a clock that is so far off is worth a word */
#define PRIVATE_KEY_GRACE_MS (31 * DAY_MS) /**< kept after expiry for messages under way */
#define SKIPPED_KEY_LIFE_MS (31 * DAY_MS)
#define MESSAGE_ID_MEMORY_MS (100 * DAY_MS)
#define SENT_KEY_MEMORY_MS (30 * DAY_MS)

/* Sessions (sections 1.6 to 1.8). */
enum {
    SKIP_MAX_MESSAGES = 2000, /**< ahead in one step, and stored keys a session */
    PAST_CHAINS_MAX = 4096,
    PQ_STEP_MESSAGES = 32,
    FULL_EVERY_MESSAGES = 16,
    CHAIN_MAX_MESSAGES = 1500,    /**< then a new handshake */
    CONFIRMED_SESSIONS_MAX = 4,   /**< per peer device */
    UNCONFIRMED_SESSIONS_MAX = 2, /**< per peer device, own and the peer's apart */
    WAITING_COMPACT_MAX = 64,     /**< per sender */
    HELD_KEYS_MAX = 2,            /**< unaccepted account keys per name */
    HELD_MESSAGES_MAX = 100,      /**< per unaccepted account key; more stay unopened */
    DIVERGED_MESSAGES = 200,      /**< own chain without a turn while the peer is elsewhere (S4) */
    FORCED_PER_DAY_MAX = 4,       /**< handshakes out of turn, and messages of kind 4, per peer */
    OFFERS_PER_DAY_MAX = 200,     /**< messages offered again on days 1, 7 and 21, per peer */
};
#define PQ_STEP_MS DAY_MS
#define HEAD_AGAIN_MS DAY_MS /**< a chain's head is shown again when it is so old */
#define WAITING_COMPACT_MS (7 * DAY_MS)
#define WAITING_HANDSHAKE_MS DAY_MS /**< a COMPACT or a bad message that nothing follows */
#define DIVERGED_MS DAY_MS          /**< S4 */
#define UNANSWERED_MS (7 * DAY_MS)  /**< an unconfirmed session without a receipt (S4) */
#define FORCED_HANDSHAKE_EVERY_MS HOUR_MS
#define RECEIVE_ONLY_LIFE_MS (31 * DAY_MS)
#define GAP_TOLD_MS (2 * DAY_MS)         /**< a missing message is told of */
#define RECEIPT_DELAY_MS (2 * SECOND_MS) /**< at most, by chance; and at least between two */

/* One-time prekeys (section 1.4). */
enum {
    ONE_TIME_PREKEYS_FULL = 32,
    ONE_TIME_PREKEYS_LOW = 8,
    ONE_TIME_PREKEYS_MAX = 64,    /**< stored per device on the server */
    ONE_TIME_HANDOUT_PER_DAY = 4, /**< per requester and target */
};

/* Frames of the wire protocol. */
enum {
    FRAME_HEADER_BYTES = 9,                 /**< u32 length, u8 type, u32 request */
    FRAME_MAX_BYTES = 80 * 1024,            /**< whole frame, after login */
    FRAME_LOGIN_MAX_BYTES = 7 * 1024 + 128, /**< whole frame, before login */
    USERS_PAGE_MAX = 200,
    ACKS_PER_FRAME_MAX = 256,
    ERROR_DETAIL_MAX_BYTES = 100,
};

/* The server, per connection. */
enum {
    LOGIN_TIMEOUT_MS = 10 * 1000,
    FRAME_TIMEOUT_MS = 30 * 1000,    /**< a begun frame has to end */
    IDLE_TIMEOUT_MS = 5 * 60 * 1000, /**< clients ping more often */
    PING_EVERY_MS = 60 * 1000,
    REQUESTS_IN_FLIGHT_MAX = 256,
    DELIVERY_WINDOW_MAX = 256, /**< messages handed over and not acknowledged */
    DELIVERY_WINDOW_BYTES = 1024 * 1024,
    SEND_QUEUE_MAX_BYTES =
        2 * 1024 * 1024, /**< unsent bytes; a reader that does not read is dropped */
};

/* The server, whole. Defaults of its options. */
enum {
    DEFAULT_PORT = 8080,
    DEFAULT_MAX_CLIENTS = 1024,
    MAX_CLIENTS_MAX = 100000,
    CONNECTIONS_BEFORE_LOGIN_MAX = 512,
    CONNECTIONS_BEFORE_LOGIN_PER_ADDRESS = 64,
    SEND_RATE_PER_SECOND = 50,
    SEND_BURST = 2000,
    BUNDLE_RATE_PER_MINUTE = 60,
    BUNDLE_BURST = 300,
    PUBLISH_RATE_PER_MINUTE = 10,
    PUBLISH_BURST = 60,
    RENEW_RATE_PER_MINUTE = 6,
    RENEW_BURST = 20,
    FAILED_LOGIN_RATE_PER_MINUTE = 30, /**< an address, and as many registrations */
    FAILED_LOGIN_BURST = 100,
    FAILED_ADDRESSES_MAX = 4096,  /**< remembered; the one that failed least gives way */
    HANDSHAKES_PER_ROUND = 2,     /**< of TLS, begun in one round of the loop */
    HANDSHAKES_WAITING_MAX = 256, /**< beyond them nobody is let in from the system's queue */
    ACCEPTS_PER_ROUND = 8,        /**< and not more at once */
    MAILBOX_MAX_MESSAGES = 10000, /**< waiting, per device */
    MAILBOX_IDS_MAX = 1 << 20,    /**< remembered of it: those that wait and those that left */
    KNOWN_IDS_MAX = 1 << 21, /**< places for ids in memory, 32 MiB; one mailbox may have more */
    SERVER_FULL_RETRY_S = 30,
    STORE_BATCH_MAX = 2048,    /**< operations in one transaction */
    STORE_QUEUE_MAX = 4096,    /**< operations waiting for the writer */
    EARLY_WAIT_MS = 100,       /**< for an acknowledgement before a message is stored */
    LOG_LINES_PER_MINUTE = 10, /**< of each kind that others bring about; then how many more */
};
#define STORE_QUEUE_MAX_BYTES (UINT64_C(32) << 20) /**< memory of those operations */
#define MAILBOX_MAX_BYTES (UINT64_C(1) << 30)      /**< waiting, per device */
#define MIN_FREE_BYTES (UINT64_C(64) << 20)        /**< disk: below it new messages are refused */
#define ENVELOPE_LIFE_MS (30 * DAY_MS)             /**< waiting messages */
#define ENVELOPE_ID_MEMORY_MS DAY_MS               /**< after it left the queue */
#define INVITE_LIFE_MS DAY_MS

/* What an administrator may choose at most. */
enum {
    RATE_CEILING = 1000 * 1000, /**< a second or a minute, and in one burst */
    MAILBOX_MESSAGES_CEILING = 100 * 1000 * 1000,
    BEFORE_LOGIN_CEILING = 65536,
    STORE_QUEUE_CEILING = 1000 * 1000,
    UNSENT_FLOOR_BYTES = 128 * 1024, /**< the largest frame and some more */
};
#define MAILBOX_BYTES_CEILING (UINT64_C(1) << 50)
#define MIN_FREE_CEILING (UINT64_C(1) << 50)
#define STORE_QUEUE_BYTES_CEILING (UINT64_C(1) << 40)
#define KEEP_WAITING_CEILING_MS (3650 * DAY_MS)

/* The client. */
enum {
    CLIENT_TIMEOUT_MS = 15 * 1000,
    SPACE_LOW_BYTES = 64 * 1024 * 1024, /**< less room for a store is worth a word */
    SPACE_OUT_BYTES = 1024 * 1024,      /**< and less than this a failure */
    WIND_UP_MS = 2000,             /**< receipts and confirmations leave before a command ends */
    STAY_RETRY_MAX_MS = 60 * 1000, /**< between two connections of work that lasts, at most */
    CARDS_MAX = 4096,              /**< cards that an administrator vouches for (cards.d) */
    CARD_FILE_MAX_BYTES = 1024,
    SENDS_IN_FLIGHT_MAX = 64,
    CURSOR_NAME_MAX_BYTES = 64, /**< `recv --as NAME` */
    CURSORS_MAX = 64,           /**< readers of one profile */
    FROM_MAX = 64,              /**< senders in `recv --from` */
    LATER_MAX_MS = 20,          /**< until a message that was not taken yet is offered again */
    PASSED_AT_ONCE_MAX = 1000,  /**< messages passed over in one transaction */
};

/* The profile's socket, on which its owner serves the other processes of the user. */
enum {
    OWNER_FRAME_MAX_BYTES = 72 * 1024,   /**< one message and what is said about it */
    OWNER_CLIENTS_MAX = 64,              /**< served at once; more wait in the system's queue */
    OWNER_BACKLOG = 256,                 /**< that queue; beyond it they come again */
    OWNER_REQUESTS_MAX = 8,              /**< of one client, not answered yet */
    OWNER_UNSENT_MAX_BYTES = 256 * 1024, /**< answers that a client does not read */
    OWNER_HELLO_MS = 2 * 1000,           /**< for a client's hello, and for a begun frame to end */
    OWNER_IDLE_MS = 60 * 1000,           /**< for a client that has asked for nothing */
    OWNER_RETRY_MS = 4,                  /**< until lock and socket are tried again */
};

#endif
