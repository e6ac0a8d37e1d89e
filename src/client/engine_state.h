/* SPDX-License-Identifier: ISC */
/* What an engine has in memory: jobs, correspondents, sessions in use, the login, requests under
 * way. Internal; what its files do with it is in engine_inner.h. */
#ifndef SOTTO_CLIENT_ENGINE_STATE_H
#define SOTTO_CLIENT_ENGINE_STATE_H

#include "client/body.h"
#include "client/engine.h"

enum {
    SESSION_SLOTS = 8,
    PENDING_REQUESTS_MAX = SENDS_IN_FLIGHT_MAX + 16,
    BUNDLES_IN_FLIGHT_MAX = 8,
    GAP_WAIT_MS = 2000, /**< a missing message is waited for so long before later ones are shown */
    BLOCKED_MS = 2000,  /**< at least so long nobody is asked again what was refused */
    OUTPUT_MAX_BYTES = 8 * 1024 * 1024,
};

/** What was asked of the server and not answered. */
enum request_kind {
    REQUEST_PUBLISH,
    REQUEST_RENEW,
    REQUEST_SEND,   /**< `subject`: index of the job */
    REQUEST_BUNDLE, /**< `subject`: index of the correspondent */
    REQUEST_CHECK,  /**< a certificate, before the first message of a connection; `subject` likewise
                     */
    REQUEST_USERS,
    REQUEST_CERTIFICATE,
    REQUEST_PING,
    REQUEST_LEAVE,
};

struct request {
    uint32_t number;
    enum request_kind kind;
    size_t subject;
};

/** A message on its way out. */
struct job {
    struct send_result result;
    struct buffer text; /**< empty when the store has it */
    size_t correspondent;
    bool is_own;      /**< submitted here; else found in the outbox, or the engine's own */
    bool was_offered; /**< sealed by an earlier engine: it may be on the server already */
    bool is_in_flight;
    bool is_repair;  /**< encrypted again after its session had failed */
    bool is_dropped; /**< its row is gone: the answer changes nothing */
    unsigned askers; /**< submissions whose result is still asked for */
    bool is_unsaved; /**< what it says of the store is in the open transaction; before it was: */
    bool was_stored;
    enum outgoing_state saved_state;
    uint64_t saved_accepted_ms;
    bool is_spare; /**< done, and nobody asks for its result: the place is free */
};

/** A person to whom messages go in this connection. */
struct correspondent {
    struct user_name name;
    bool is_asked;                   /**< a bundle is under way */
    bool is_checking;                /**< a certificate is under way */
    bool is_checked;                 /**< the server still shows the pinned account key */
    bool is_forced;                  /**< the bundle is for a handshake out of turn: the session
                                        before has failed */
    bool is_repairing;               /**< a notice has to precede the next repaired message */
    bool is_unanswered;              /**< the bundle is for an unconfirmed session that nobody
                                        answered */
    bool is_headed;                  /**< a chain that is old has shown its head here */
    bool has_given_up;               /**< there may be numbers to tell of */
    bool is_held_told;               /**< it was told that messages of theirs are held */
    uint32_t lost;                   /**< messages of theirs that were given up, not told yet */
    uint32_t lost_now;               /**< the same in this event, which may still be taken back */
    uint64_t receipts_ms;            /**< when receipts were sent last */
    unsigned tries;                  /**< bundles that were bad */
    struct failure blocked;          /**< nothing more goes there before jobs_retry */
    uint64_t blocked_ms;             /**< since then */
    uint8_t ended[SESSION_ID_BYTES]; /**< active session that was at its end when it was asked, or
                                        zeros */
};

/** A card that an administrator vouches for. */
struct vouched {
    struct user_name name;
    uint8_t fingerprint[PIN_BYTES];
};

struct session_slot {
    bool is_used;
    uint64_t turn;
    struct stored_session session;
};

/** Which certificate a LOGIN names. */
enum login_as {
    LOGIN_CURRENT,
    LOGIN_PENDING,  /**< of a renewal that was not answered */
    LOGIN_PREVIOUS, /**< the one before: a server put back to an older copy knows no later one */
};

/** How this connection began, and the own keys beside the current ones: login.c, renewal.c,
 * devices.c. */
struct login {
    uint8_t exporter[32];
    enum login_as as;
    unsigned tries;       /**< LOGINs or REGISTERs sent */
    bool is_renewing;     /**< logged in, and all else waits for the answer to RENEW */
    bool is_exclusive;    /**< the server takes nothing but that RENEW */
    bool unit_is_pending; /**< what RENEW offers: the pending certificate, or the current one */
    uint64_t unit_ms;
    uint32_t unit_set_id;
    uint32_t set_id;        /**< what the server has now: as the welcome said, or published since */
    uint16_t one_time_left; /**< likewise */
    uint64_t opened_ms;     /**< when login was over */
    bool has_new_pin;       /**< the server shows another key than the first pin was */
    bool has_other;         /**< `other` is loaded: an earlier device or a pending one */
    struct device other;
    struct own_device other_view;
};

struct engine {
    const struct client_store *store;
    struct entropy entropy;
    struct engine_events events;
    struct account account;
    struct device device;
    struct own_device own;
    struct login login;

    enum engine_phase phase;
    uint64_t frames; /**< whole ones that came */
    struct failure failure;
    uint64_t now_ms;
    bool in_transaction;
    struct buffer in;  /**< bytes that are no whole frame yet */
    struct buffer out; /**< frames that leave after the commit */
    struct engine_notice *notices;
    size_t notice_count;
    size_t notice_capacity;

    uint32_t last_request;
    struct request requests[PENDING_REQUESTS_MAX];
    size_t request_count;
    struct wire_welcome welcome;
    bool clock_is_wrong;
    size_t publishes;
    bool wants_fetch;
    bool has_fetched;
    bool is_caught_up;
    struct wire_ack ack;

    struct job *jobs;
    size_t job_count;
    size_t job_capacity;
    size_t first_open_job; /**< all before it are done */
    size_t sends_in_flight;
    size_t bundles_in_flight;
    struct correspondent *correspondents;
    size_t correspondent_count;
    size_t correspondent_capacity;

    struct vouched *vouched;
    size_t vouched_count;
    size_t vouched_capacity;

    size_t spare_job_count; /**< places that others can have */
    bool has_unsaved;       /**< there are jobs that are, from `first_unsaved` on */
    size_t first_unsaved;

    bool is_winding_up;
    bool has_lost;           /**< in this event messages were given up */
    bool is_backlogged;      /**< messages of the outbox could not all be offered yet */
    bool has_new_duties;     /**< something has changed about what is owed, or may be done now */
    uint64_t next_duty_ms;   /**< when the next one is due, UINT64_MAX: none */
    uint64_t last_sent_ms;   /**< latest time given to a message, 0: not read yet */
    uint64_t maintain_at_ms; /**< next maintenance, UINT64_MAX: not in this connection */

    struct answer answer;
    bool is_asking;
    struct wire_users users;
    uint8_t certificate[CERTIFICATE_BYTES];

    struct session_slot slots[SESSION_SLOTS];
    uint64_t slot_turn;
    uint64_t release_at_ms;
    uint32_t dropped; /**< envelopes that were no honest messages */
};

#endif
