/* SPDX-License-Identifier: ISC */
/* One reader of the own store: its cursor, what it wants to see, and the hand-over of messages to
 * the application. Knows nothing of connections. Internal.
 *
 * The store's cursor follows behind what was taken, message by message. What is passed over is
 * noted in runs, before the next message is handed over: at no time stands the cursor behind a
 * message that was neither taken nor noted. */
#ifndef SOTTO_LIBSOTTO_READING_H
#define SOTTO_LIBSOTTO_READING_H

#include "libsotto/account.h"

/** Who writes the cursor: this process as the profile's owner, or the owner for it. As the
 * functions of the store with these names. */
struct cursors {
    void *context;
    enum error (*open)(void *context, const char *name, uint64_t start, uint64_t now_ms,
                       uint64_t *place);
    enum error (*put)(void *context, const char *name, uint64_t place);
    enum error (*pass)(void *context, const char *name, uint64_t after, uint64_t until);
    enum error (*take)(void *context, const char *name, uint64_t place);
};

struct reading {
    struct sotto *client;
    struct cursors cursors;
    bool is_open; /**< the cursor was found, or made */
    const struct sotto_receive *request;
    sotto_message_fn *each;
    void *context;
    struct user_name from[FROM_MAX];
    const char *cursor;
    bool is_again;       /**< `since` was given: what came earlier is not wanted */
    uint64_t since;      /**< the place behind which messages are wanted */
    uint64_t noted;      /**< where the cursor of the store stands */
    uint64_t place;      /**< up to which messages were looked at; before `noted`: read again */
    uint64_t passed;     /**< the same among those that earlier calls passed over .. */
    uint64_t passed_end; /**< .. which stand up to here */
    uint64_t later;      /**< the place of a message that the application takes later, or 0 */
    uint64_t pause_ms;   /**< until it is offered again */
    uint64_t wake_ms;    /**< when, by the monotonic clock; UINT64_MAX: nothing is offered again */
    uint64_t owed;       /**< the place of one that was taken and is not noted yet, or 0 */
    bool is_passed_told;
    uint32_t handed;
    bool is_stopped; /**< the application takes no more */
    enum error error;
};

/** The trust in a message, by the key that it came under. Cards have been loaded. */
must_check enum error message_trust(const struct sotto *client, const struct incoming *incoming,
                                    enum sotto_trust *trust);

/** Checks the request, which has to live as long as the reading. Returns 0 or the exit status of
 * the error in `*error`. */
int reading_check(struct reading *reading, struct sotto *client,
                  const struct sotto_receive *request, struct sotto_error *error);

/** From here on the profile is owned by this process, which writes the cursor itself. */
void reading_write_here(struct reading *reading);

/** Finds the cursor, making it when it is new; nothing when that was done. Likewise; `error` of the
 * reading is ERR_CLOSED when who writes for this process has ended. */
int reading_open(struct reading *reading, struct sotto_error *error);

/** What was passed over is looked at again: what is known of people may have changed. */
void reading_again(struct reading *reading);

/** Hands over what the store has, as far as the application takes it. A message that it takes later
 * is offered again by the first call at `wake_ms` or after it. */
void reading_show(struct reading *reading);

/** Whether nothing more is to be handed over: stopped, as many as were wanted, or failed. */
bool reading_has_enough(const struct reading *reading);

/** Tells, as a notice and once, whose messages wait for somebody who takes those of unverified
 * people too. */
void reading_tell_passed(struct reading *reading);

#endif
