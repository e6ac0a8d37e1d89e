/* SPDX-License-Identifier: ISC */
/* The client without its I/O: login, prekeys, handshakes, outbox, inbox, trust. It does what
 * sotto/1 asks of a device (docs/PROTOCOL.md 1.4 to 1.12); whoever runs it moves bytes and tells
 * the time.
 *
 *   connection   engine_connected, engine_received, engine_closed; frames leave through `write`
 *   work         engine_submit (messages), engine_ask_* (one question at a time), engine_fetch
 *   time         `now_ms` is an argument; engine_tick at engine_deadline
 *
 * Each call is one event. What it changes is committed to the store before any frame that follows
 * from it is written: ratchet state and envelope before a message leaves, messages before they are
 * acknowledged. When the store fails nothing leaves, and the engine is over; what is committed is
 * what counts. An engine serves one connection and is then replaced. */
#ifndef SOTTO_CLIENT_ENGINE_H
#define SOTTO_CLIENT_ENGINE_H

#include "client/account.h"
#include "wire/message.h"

struct engine;

/** Something a person should know although the work goes on. */
struct engine_notice {
    enum error
        error; /**< of the catalogue: a notice, or what became of a message of an earlier command */
    struct user_name peer; /**< may be empty */
    bool has_id;
    uint8_t msg_id[MESSAGE_ID_BYTES];
    uint64_t time_ms;
    uint32_t count;    /**< ERR_MESSAGE_LOST: messages */
    const char *cause; /**< static text, may be NULL */
};

struct engine_events {
    void *context;
    /** Frames for the server; the view ends with the call. */
    void (*write)(void *context, struct bytes frames);
    void (*notice)(void *context, const struct engine_notice *notice);
};

/** Why something did not work. */
struct failure {
    enum error error; /**< OK: it did */
    char cause[ERROR_DETAIL_MAX_BYTES + 1];
    uint32_t retry_after_s;
};

enum engine_phase {
    ENGINE_IDLE,  /**< not connected */
    ENGINE_LOGIN, /**< LOGIN or REGISTER is out */
    ENGINE_OPEN,  /**< logged in */
    ENGINE_OVER,  /**< closed, refused, or failed: engine_failure */
};

/** `store` outlives the engine and is used by nobody else between two events of it while a
 * transaction is open (there is none between events). ERR_NOT_FOUND without an account; ERR_MEMORY;
 * failures of the store. */
must_check enum error engine_new(const struct client_store *store, const struct entropy *entropy,
                                 const struct engine_events *events, struct engine **engine);
/** An open transaction is rolled back. NULL is fine. */
void engine_free(struct engine *engine);

/** A card that an administrator vouches for: the account behind `name` has to have a fingerprint
 * that starts so, and is pinned and verified when it is first seen (1.11). Before engine_connected.
 * ERR_MEMORY. */
must_check enum error engine_card(struct engine *engine, const struct user_name *name,
                                  const uint8_t fingerprint[PIN_BYTES]);

/** Messages that wait on the server are to be taken in; done by itself where a handshake needs it.
 */
void engine_fetch(struct engine *engine);

/** The whole hash of the server's key, which has passed the pin: it is the pin from the next login
 * on. */
void engine_pin_server(struct engine *engine, const uint8_t hash[HASH_BYTES]);

/** The secure channel stands: registers an account that is not registered yet, else logs in. */
void engine_connected(struct engine *engine, uint64_t now_ms, const uint8_t exporter[32]);
void engine_received(struct engine *engine, uint64_t now_ms, struct bytes bytes);
/** The connection is gone, or never came, or took too long. */
void engine_closed(struct engine *engine, uint64_t now_ms, enum error error, const char *cause);
/** Time passed; needed at engine_deadline. */
void engine_tick(struct engine *engine, uint64_t now_ms);
/** When engine_tick has something to do; UINT64_MAX: never. */
uint64_t engine_deadline(const struct engine *engine);

enum engine_phase engine_phase(const struct engine *engine);
/** Whether a LOGIN or REGISTER was sent: without an answer nobody knows what became of it. */
bool engine_has_asked(const struct engine *engine);
/** Whole frames that came so far: whether the server is making progress. */
uint64_t engine_frames(const struct engine *engine);
/** Once ENGINE_OVER: why; OK after an engine_closed with OK. */
const struct failure *engine_failure(const struct engine *engine);
const struct account *engine_account(const struct engine *engine);
/** Once ENGINE_OPEN. */
const struct wire_welcome *engine_welcome(const struct engine *engine);
/** The own clock and the server's differ by more than a day (1.4). */
bool engine_clock_is_wrong(const struct engine *engine);
/** Everything that waited on the server has been taken in and acknowledged. */
bool engine_is_caught_up(const struct engine *engine);
/** The work of the caller is done: receipts and the like that would wait a moment leave now. */
void engine_wind_up(struct engine *engine, uint64_t now_ms);
/** Settled, caught up, and nothing more to say to anybody now. */
bool engine_is_at_rest(const struct engine *engine);
/** Logged in, prekeys published, nothing asked and unanswered, every message has a result. */
bool engine_is_settled(const struct engine *engine);

/* ---- messages -----------------------------------------------------------------------------------
 */

/** What is known of a submitted message. */
struct send_result {
    bool is_done;
    struct failure failure;
    bool is_stored;          /**< `message` is in the store: queued, sealed, or accepted */
    struct outgoing message; /**< when the key was used before: that first one, with the id and the
                                text that it had */
    struct stored_peer peer; /**< as it was when the result came; for peer_key_changed */
};

struct submission {
    struct user_name to;
    struct bytes text;     /**< 1 to TEXT_MAX_BYTES of UTF-8; copied */
    const char *key;       /**< repeat key; NULL: the id of the message is its key */
    bool is_patient;       /**< keep it in the outbox if it cannot be sent now */
    bool require_verified; /**< ERR_NOT_VERIFIED unless the recipient is verified */
    uint32_t life_s;       /**< erased so long after it came; 0: kept (1.7, kind 8) */
    /** 16 random bytes, chosen before it is known whether this engine lives to answer: handed in
     * again, to this engine or a later one, they are the same message. Else the engine draws them.
     */
    bool has_id;
    uint8_t msg_id[MESSAGE_ID_BYTES];
};

/** Hands in a message; `number` names its result, which submissions of one key to one person share.
 * Nothing is stored before it is encrypted, unless it is patient, or its key was used before.
 * ERR_MEMORY, ERR_SELF_RECIPIENT, failures of the store.
 */
must_check enum error engine_submit(struct engine *engine, uint64_t now_ms,
                                    const struct submission *submission, size_t *number);
/** The result, which has come, is not asked for any more by one who handed the message in: an
 * engine that lives long keeps no more of them than are waited for. Without it they are kept. */
void engine_forget(struct engine *engine, size_t number);
/** Valid until the next event. */
const struct send_result *engine_result(const struct engine *engine, size_t number);

/** Takes a message out of the outbox that has not arrived, on an engine that is not connected:
 * nothing offers it any more. `*message` is as it was. ERR_NOT_FOUND: no such message waits. */
must_check enum error engine_drop(struct engine *engine, uint64_t now_ms,
                                  const uint8_t msg_id[MESSAGE_ID_BYTES], struct outgoing *message);

/* ---- questions ----------------------------------------------------------------------------------
 */

/** The answer to the one question asked last. */
struct answer {
    bool is_done;
    struct failure failure;
    const struct wire_users *users; /**< engine_ask_users */
    struct bytes certificate;       /**< engine_ask_certificate */
};
/** Once ENGINE_OPEN, and not before the last question was answered. */
void engine_ask_users(struct engine *engine, struct bytes pattern, struct bytes after);
void engine_ask_certificate(struct engine *engine, const struct user_name *name);
void engine_ping(struct engine *engine);
/** Ends the own account. After the answer there is no connection any more. */
void engine_ask_leave(struct engine *engine);
/** Valid until the next question. */
const struct answer *engine_answer(const struct engine *engine);

#endif
