/* SPDX-License-Identifier: ISC */
/* What the process that owns the profile does for the others: it sends the messages that they hand
 * in, over its connection, tells other readers what is new and writes their cursors, and steps back
 * for those who have to work themselves. Internal.
 *
 * One turn after each event of the runner hands in what came and answers what is done. A request
 * outlives an engine: what was not answered is handed in to the next one, and its id makes it the
 * same message. When the owner ends, its socket closes, and who was not answered looks for the next
 * owner, or becomes it. */
#ifndef SOTTO_LIBSOTTO_OWNER_H
#define SOTTO_LIBSOTTO_OWNER_H

#include "libsotto/runner.h"

struct owner;

/** Serves the profile of `runner`, which holds its lock, on its loop. `*owner` is NULL when there
 * can be no socket, or the one who lent the lock has it: the others then wait. ERR_MEMORY. */
must_check enum error owner_open(struct runner *runner, struct owner **owner);

/* The following take NULL for an owner without a socket, who has nothing to do. */

/** After each event. */
void owner_turn(struct owner *owner);
/** On the monotonic clock, when the next turn is needed at the latest; UINT64_MAX: with an event.
 */
uint64_t owner_deadline(const struct owner *owner);

/** Messages came that no engine has been given yet. */
bool owner_has_waiting(const struct owner *owner);
/** Every message that was given to the engine is accepted or refused. */
bool owner_is_settled(const struct owner *owner);

/** The engine is about to be freed: what was not answered waits for another one. */
void owner_part(struct owner *owner);
/** From here on everything but what is under way waits (true), or goes on. */
void owner_hold(struct owner *owner, bool is_holding);

/** Whether somebody wants the lock. */
bool owner_is_asked(const struct owner *owner);
/** Tells the one who waits for it longest that the lock is free. */
void owner_lend(struct owner *owner);
/** Until that process has closed its connection. */
bool owner_is_lent(const struct owner *owner);

/** Nobody else is served any more. */
void owner_shut(struct owner *owner);
/** Ends it; the memory goes with the loop's next rounds. */
void owner_close(struct owner *owner);

#endif
