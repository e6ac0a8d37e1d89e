/* SPDX-License-Identifier: ISC */
/* What the files of the engine offer each other. Internal.
 *
 * Functions return OK or the reason why the engine is over: a failure of the store or a broken
 * promise of the server. What goes wrong with one message or one question is not such a reason; it
 * is written into its result. */
#ifndef SOTTO_CLIENT_ENGINE_INNER_H
#define SOTTO_CLIENT_ENGINE_INNER_H

#include "client/engine_state.h"

/* ---- engine.c: events, transactions, frames */

/** Ends an event that began well or badly: commit, then frames and notices; or the engine is over.
 */
void engine_finish(struct engine *engine, enum error error);
/** Opens a transaction unless one is open; it is committed at the end of the event. */
must_check enum error engine_write(struct engine *engine);
/** Ends an event: commits, writes and tells, or gives the engine up. `error` is what the event came
 * to; statuses of the catalogue are results and still commit. Returns it, or the failure of the
 * commit. */
must_check enum error engine_end(struct engine *engine, enum error error);
/** What follows from an event: duties, messages that can go, fetching. */
must_check enum error engine_work(struct engine *engine);
/** The peer broke the protocol: sets the cause, returns ERR_PROTOCOL_ERROR. */
must_check enum error engine_protocol(struct engine *engine, const char *cause);
/** Makes room for one more in a list of `count` items of `size` bytes. ERR_MEMORY. */
must_check enum error engine_grow(void **items, size_t size, size_t count, size_t *capacity);
/** Told after the commit. */
must_check enum error engine_tell(struct engine *engine, const struct engine_notice *notice);
/** Tells of an error about a person, without a message. */
must_check enum error engine_tell_peer(struct engine *engine, enum error error,
                                       const struct user_name *peer, const char *cause);
void failure_set(struct failure *failure, enum error error, const char *cause);

/* ---- frames.c */

/** Numbers a request. */
must_check enum error engine_request(struct engine *engine, enum request_kind kind, size_t subject,
                                     uint32_t *number);
/** Takes in bytes of the server and handles the frames that are whole. */
must_check enum error frames_take(struct engine *engine, struct bytes bytes);

/* ---- login.c */
must_check enum error login_start(struct engine *engine, const uint8_t exporter[32]);
must_check enum error login_welcome(struct engine *engine, const struct wire_welcome *welcome);
must_check enum error login_published(struct engine *engine);
/** A LOGIN or REGISTER was refused: the other certificate that may stand is tried, or it is the
 * engine's failure. */
must_check enum error login_refused(struct engine *engine, uint32_t request,
                                    const struct wire_error *message);
/** Makes an ERROR the engine's failure. */
void login_failed(struct engine *engine, const struct wire_error *message);
/** REGISTER was answered with the certificate that the server has: the next one has to be above it.
 */
must_check enum error login_certificate(struct engine *engine, uint32_t request,
                                        struct bytes certificate);
/** Login is over: everything else may begin. */
must_check enum error login_open(struct engine *engine);
/** What a login does for the own keys, once a day on a connection that stays, as part of
 * engine_maintain. */
must_check enum error login_upkeep(struct engine *engine);

/* ---- publish.c: prekeys */

/** The numbers of sets grow per certificate; this one is also `above` that. Inside a transaction,
 * which keeps the private half. */
must_check enum error publish_make_set(struct engine *engine, const struct own_device *own,
                                       uint32_t above, uint8_t out[PREKEY_SET_BYTES]);
must_check enum error publish_make_one_time(struct engine *engine, const struct own_device *own,
                                            size_t count, uint8_t *out);
uint32_t publish_set_id(const uint8_t set[PREKEY_SET_BYTES]);
/** When the set in use was made. Inside a transaction. */
must_check enum error publish_made(struct engine *engine, uint64_t made_ms);
/** Publishes at login what is due, under a right clock. */
must_check enum error publish_due(struct engine *engine);
/** The same without a login, when nobody has said how many one-time keys are left. */
must_check enum error publish_weekly(struct engine *engine);
/** The server has prekeys of this device: its store is no longer new. */
must_check enum error publish_noted(struct engine *engine);

/* ---- renewal.c */

bool renewal_is_due(const struct certificate *certificate, uint64_t now_ms);
/** Offers a new certificate when the current one is due, or the pending one again. */
must_check enum error renewal_start(struct engine *engine, bool *is_sent);
/** Offers the current certificate to a server that does not have it. */
must_check enum error renewal_offer_current(struct engine *engine);
/** The server has the pending certificate: it is the current one. */
must_check enum error renewal_adopt(struct engine *engine);
/** A new certificate, with an epoch higher than `above`, takes the place of the current one without
 * being offered as a renewal: for an account that registers. */
must_check enum error renewal_replace(struct engine *engine, uint32_t above);
/** The answer to RENEW. */
must_check enum error renewal_done(struct engine *engine);
must_check enum error renewal_failed(struct engine *engine, const struct wire_error *message);

/* ---- devices.c: own keys of all ages */

/** The own device whose certificate is `cid`, the current one or an earlier one whose private keys
 * are still held; lent until the next call. ERR_NOT_FOUND. */
must_check enum error devices_borrow(struct engine *engine, const uint8_t cid[HASH_BYTES],
                                     const struct own_device **own);
/** Erases private keys whose time is over (1.2, 1.4); writes only when there are some. The clock is
 * right. */
must_check enum error devices_expire(struct engine *engine);
/** Wipes the copy of an earlier device. */
void devices_forget(struct engine *engine);

/* ---- maintenance.c */

/** What age does, at most once a day and only under a right clock. */
must_check enum error engine_maintain(struct engine *engine);

/* ---- inbox.c */
must_check enum error inbox_deliver(struct engine *engine, const struct wire_deliver *deliver);
/** Puts the gathered acknowledgements into the output. */
must_check enum error inbox_acknowledge(struct engine *engine);
/** Asks for what waits, once. */
must_check enum error inbox_fetch(struct engine *engine);
/** Releases messages that waited long enough for missing ones. */
must_check enum error inbox_release_all(struct engine *engine);

/** A message that was opened, where it stands in its session. */
struct opened {
    const struct user_name *from;
    struct stored_session *session;
    const struct session_change *change; /**< NULL: the first message of a new session */
    struct bytes body;
    bool is_foreign;    /**< under a key that is not the pinned one */
    bool was_confirmed; /**< the session, before this message */
};
/** Takes it in, in the open transaction: session, message, and what follows from it. The session
 * may be gone afterwards. */
must_check enum error inbox_keep(struct engine *engine, const struct opened *opened);
/** Whether as many messages are held of a key that is not accepted as ever are (1.11). */
must_check enum error inbox_holds_enough(struct engine *engine, const uint8_t afp[HASH_BYTES],
                                         bool *is_enough);

/** Opens an envelope of a known session and takes it in. `*status`: OK, ERR_WAIT (it may be opened
 * later), ERR_FULL (no more is held of that key), or why not. */
must_check enum error inbox_open(struct engine *engine, const struct user_name *from,
                                 struct stored_session *session, struct bytes envelope,
                                 enum error *status);

/* ---- waiting.c: COMPACT messages whose chain is not known yet */

/** Keeps one, and the sender's oldest goes when there are too many. */
must_check enum error waiting_put_aside(struct engine *engine, const struct wire_deliver *deliver);
/** Tries those of a sender again. */
must_check enum error waiting_retry(struct engine *engine, const struct user_name *from);
/** Gives up those that are over their age. */
must_check enum error waiting_give_up(struct engine *engine);
/** Tells how many messages were given up, once for each person. */
must_check enum error waiting_tell_lost(struct engine *engine);
/** The event has ended: what it gave up is given up if it was committed, and else it is not. */
void waiting_settle_lost(struct engine *engine, bool is_committed);

/* ---- accept.c */
must_check enum error accept_initial(struct engine *engine, const struct wire_deliver *deliver);

/* ---- seal.c */

/** Encrypts `content` as the next message of the session and fills what a sealed message has; the
 * session's new state is written, the message is not. ERR_NOT_FOUND: the session is at its end, and
 * nothing has changed. */
must_check enum error seal_message(struct engine *engine, struct stored_session *session,
                                   struct outgoing *message, struct bytes content,
                                   struct buffer *envelope);

/* ---- control.c: messages that the engine writes itself, kinds 2, 4 and 5 */

/** Whether one can leave now to that correspondent. */
bool control_may_go(const struct engine *engine, size_t correspondent);
/** Seals, stores and offers one. ERR_NOT_FOUND as seal_message. */
must_check enum error control_send(struct engine *engine, const struct user_name *to,
                                   struct stored_session *session, enum body_kind kind,
                                   struct bytes content);
/** Kind 5 with the numbers that were given up, as many as one message holds, maybe none. */
must_check enum error control_notice(struct engine *engine, size_t correspondent,
                                     struct stored_session *session);
/** Before a message: numbers that were given up are told of, and a notice precedes what is
 * repaired, which is never the first of a session. ERR_NOT_FOUND as seal_message. */
must_check enum error control_precede(struct engine *engine, size_t correspondent,
                                      struct stored_session *session, bool is_repair);
/** One that will not arrive: its row is deleted, what it carried is owed again from `due_ms` on. */
must_check enum error control_take_back(struct engine *engine, const struct outgoing *message,
                                        uint64_t due_ms);

/* ---- duties.c */

/** Does what is owed and can be done now. */
must_check enum error duties_run(struct engine *engine);
/** Writes one down; `data` may be NULL. */
must_check enum error duty_owe(struct engine *engine, const struct user_name *peer,
                               enum duty_kind kind, const uint8_t *data, uint64_t due_ms);
/** What names the chain of an envelope that waits, as data of DUTY_WAITING. */
void duty_waiting_data(struct bytes envelope, uint8_t data[DUTY_DATA_BYTES]);
/** A new session makes handshakes out of turn needless, and takes the receipts that waited for one.
 */
must_check enum error duty_session_is_new(struct engine *engine, const struct user_name *peer);
/** An accepted contact (1.12): gets receipts, confirmations and messages of kind 4. */
bool duty_is_accepted(const struct engine *engine, const struct stored_peer *peer);

/* ---- receipts.c */

/** Owes a receipt for a message that was taken in, or whose id came again. */
must_check enum error receipt_owe(struct engine *engine, const struct user_name *to,
                                  const uint8_t afp[HASH_BYTES],
                                  const uint8_t msg_id[MESSAGE_ID_BYTES]);
/** A message of kind 2. */
must_check enum error receipts_take(struct engine *engine, const struct session_info *info,
                                    const struct body *body);
/** Sends what is owed in that session. `*left`: more than one message holds. */
must_check enum error receipts_send(struct engine *engine, const struct user_name *to,
                                    struct stored_session *session, bool *left);

/* ---- resend.c */

/** Something that cannot be opened came, of session `sid` (1.10). `time_ms` and `cause` are for the
 * notice that people get when it is nobody to ask. */
must_check enum error resend_ask(struct engine *engine, const struct user_name *from,
                                 const uint8_t sid[SESSION_ID_BYTES], uint64_t time_ms,
                                 const char *cause);
/** A message of kind 4, which came in the session `info`. */
must_check enum error resend_take(struct engine *engine, const struct session_info *info,
                                  const struct body *body);

/* ---- repair.c */

/** Sessions with that account have failed: what has no receipt and was not encrypted in `keep`
 * (NULL: in none) is to be encrypted again (1.8). */
must_check enum error repair_failed(struct engine *engine, const struct user_name *peer,
                                    const uint8_t afp[HASH_BYTES], const uint8_t *keep);
/** A sealed message whose session is over: it is encrypted again, or owed again. */
must_check enum error repair_message(struct engine *engine, struct outgoing *message);
/** Makes jobs of the messages to that person that wait for repair. */
must_check enum error repair_load(struct engine *engine, const struct user_name *peer);
/** Owes the repair of whatever waits for it. */
must_check enum error repair_resume(struct engine *engine);

/* ---- sessions.c */

/** A session with its state, from the store or from memory; valid until the next call.
 * ERR_NOT_FOUND. */
must_check enum error sessions_borrow(struct engine *engine, const struct user_name *peer,
                                      const uint8_t sid[SESSION_ID_BYTES],
                                      struct stored_session **session);
/** Takes over a new session (`session` is emptied), writes it and lends it. */
must_check enum error sessions_add(struct engine *engine, struct stored_session *session,
                                   struct stored_session **added);
/** Writes one after a message. */
must_check enum error sessions_update(struct engine *engine, struct stored_session *session,
                                      const struct session_change *change);
/** The active session of that account key. ERR_NOT_FOUND. */
must_check enum error sessions_active(struct engine *engine, const struct user_name *peer,
                                      const uint8_t afp[HASH_BYTES],
                                      struct stored_session **session);
/** Marks every session of that key except `sid` as receive-only; with `cid` only those with other
 * peer certificates. */
must_check enum error sessions_retire(struct engine *engine, const struct user_name *peer,
                                      const uint8_t afp[HASH_BYTES],
                                      const uint8_t sid[SESSION_ID_BYTES], const uint8_t *cid);
/** The session with that id under that key, without its state. ERR_NOT_FOUND. */
must_check enum error sessions_find(struct engine *engine, const struct user_name *peer,
                                    const uint8_t afp[HASH_BYTES],
                                    const uint8_t sid[SESSION_ID_BYTES], struct session_info *info);
/** Writes what is changed in `info`. */
must_check enum error sessions_mark(struct engine *engine, const struct session_info *info);
/** Deletes one. */
must_check enum error sessions_forget(struct engine *engine, const struct session_info *info);
/** Deletes every session of that key. */
must_check enum error sessions_close(struct engine *engine, const struct user_name *peer,
                                     const uint8_t afp[HASH_BYTES]);
/** Makes the newest session of that key the active one, if there is one. */
must_check enum error sessions_promote(struct engine *engine, const struct user_name *peer,
                                       const uint8_t afp[HASH_BYTES]);
/** Deletes the least recently used sessions over the limits of 1.8. */
must_check enum error sessions_limit(struct engine *engine, const struct user_name *peer,
                                     const uint8_t afp[HASH_BYTES]);
void sessions_clear(struct engine *engine);
/** Whether the own chain is due that proves something to the other side (1.5 step 8): the
 * responder's first, the initiator's second, and the first of a session that was begun for no
 * message. */
bool session_owes_chain(const struct session *state);

/* ---- trust.c */

/** The card that an administrator vouches for, NULL when there is none for that name. */
const struct vouched *trust_card(const struct engine *engine, const struct user_name *name);
bool trust_fits_card(const struct vouched *card, const uint8_t afp[HASH_BYTES]);
/** A card vouches for the account that the server shows: pinned and verified. */
must_check enum error trust_vouched(struct engine *engine, const struct certificate *certificate);
/** Whether messages to that person need no further comparison. */
bool trust_is_verified(const struct engine *engine, const struct stored_peer *peer);

/** Epoch and prekey-set rules against earlier sightings; `set_id` 0 when there is none. OK: it may
 * be used, and
 * `*identity` is what is to be written. `*is_newer`: a higher epoch. ERR_CONFLICT: same epoch,
 * another certificate. ERR_EXPIRED: a lower epoch. ERR_MISMATCH: a lower set. */
must_check enum error trust_epoch(struct engine *engine, const struct certificate *certificate,
                                  uint32_t set_id, struct stored_identity *identity,
                                  bool *is_newer);
/** As trust_judge, inside an event. */
must_check enum error trust_examine(struct engine *engine, const struct user_name *name,
                                    struct bytes data, struct certificate *certificate);
/** Another key than the pinned one was seen: nothing is sent from now on. */
must_check enum error trust_changed(struct engine *engine, struct stored_peer *peer,
                                    const uint8_t afp[HASH_BYTES]);
/** Pins the key at first contact. */
must_check enum error trust_pin(struct engine *engine, struct stored_peer *peer,
                                const uint8_t afp[HASH_BYTES]);

/* ---- jobs.c */

/** Makes jobs of the messages in that state that have none yet, in their order. */
must_check enum error jobs_load(struct engine *engine, enum outgoing_state state);
/** What was refused in this connection may go now: the messages that are kept for that person, or
 * (NULL) for everybody, have their turn again. Nothing for a person who was not
 * refused, or only just now, or to whom a message is under way. */
must_check enum error jobs_retry(struct engine *engine, const struct user_name *who);
/** A job for a stored message; `*index` names it. */
must_check enum error job_add(struct engine *engine, const struct outgoing *message, size_t *index);
/** The job that is not done of a row, or NULL. */
struct job *job_open(struct engine *engine, uint64_t row);
must_check enum error job_correspondent(struct engine *engine, const struct user_name *name,
                                        size_t *index);
/** The job has its result; its text is wiped. */
void job_conclude(struct job *job, const struct failure *failure);
/** Its place is free: it is done, and nobody asks for its result. */
void job_spare(struct engine *engine, struct job *job);
/** The time that a message carries: now, but never twice and never backwards. */
must_check enum error job_next_sent(struct engine *engine, uint64_t *sent_ms);
/** Writes down the latest of these times, in the transaction that stores something with one. */
must_check enum error job_keep_sent(struct engine *engine);
/** As the store's peer_get; OK for somebody unknown too. */
must_check enum error job_find_peer(struct engine *engine, const struct user_name *name,
                                    struct stored_peer *peer);
/** Before a job says that it is stored, or how: it does so when the transaction is committed. */
void job_touch(struct engine *engine, struct job *job);
/** The transaction is over; what it has not kept is taken back. */
void jobs_settle(struct engine *engine, bool is_committed);
/** Writes a text that is to be encrypted later, bound to the key that is pinned now. */
must_check enum error job_enqueue(struct engine *engine, struct job *job,
                                  const struct stored_peer *peer);

/* ---- outbox.c */

/** The server's store is another one than before: whatever has no receipt is offered again (1.8).
 * Inside a transaction, together with writing down the new epoch. */
must_check enum error outbox_new_epoch(struct engine *engine);

/** Offers the envelope of a job. */
must_check enum error outbox_offer(struct engine *engine, size_t index, struct bytes envelope);
/** Sends what can be sent, asks for the bundles that are missing. */
must_check enum error outbox_run(struct engine *engine);
must_check enum error outbox_accepted(struct engine *engine, size_t job);
must_check enum error outbox_refused(struct engine *engine, size_t job,
                                     const struct wire_error *error);
/** The number of a message that was sealed may never come: the peer is told before the next one,
 * which carries a whole header. Inside a transaction. */
must_check enum error outbox_lose_number(struct engine *engine, const struct outgoing *message);
/** The connection is gone: every open job gets its result. */
void outbox_closed(struct engine *engine, enum error error, const char *cause);

/* ---- handshake.c */

must_check enum error handshake_ask(struct engine *engine, size_t correspondent);
/** Asks which key the server shows for a person with whom a session runs: a name may have changed
 * hands since. */
must_check enum error handshake_check(struct engine *engine, size_t correspondent);
must_check enum error handshake_certificate(struct engine *engine, size_t correspondent,
                                            struct bytes certificate);
must_check enum error handshake_unchecked(struct engine *engine, size_t correspondent,
                                          const struct wire_error *error);
must_check enum error handshake_bundle(struct engine *engine, size_t correspondent,
                                       struct bytes bundle);
must_check enum error handshake_refused(struct engine *engine, size_t correspondent,
                                        const struct wire_error *error);

#endif
