/* SPDX-License-Identifier: ISC */
/* cards.d: cards of other people that an administrator vouches for, one in each file NAME.card.
 * They say who somebody is before the server does. */
#ifndef SOTTO_LIBSOTTO_CARDS_H
#define SOTTO_LIBSOTTO_CARDS_H

#include "client/store.h"
#include "session/card.h"

#include <sotto/sotto.h>

struct sotto;

/** What the card of one person says. */
struct vouched {
    struct user_name name;
    uint8_t fingerprint[PIN_BYTES];
};

struct cards {
    struct vouched *list; /**< by name */
    size_t count;
    size_t capacity;
};

/** Reads the folders of the client into `client->cards`, in place of what was there. On failure
 * `path`, `detail` and `cause` of the client say what is wrong where: ERR_STORE_PERMISSIONS (others
 * can write it), ERR_CARD_MISTYPED, ERR_USAGE (no card, two that differ, too many),
 * ERR_STORAGE_FAILED, ERR_MEMORY. */
must_check enum error cards_load(struct sotto *client);
void cards_clear(struct cards *cards);

/** NULL: there is none. */
const struct vouched *cards_find(const struct cards *cards, const struct user_name *name);

/** Whether the card of `name`, if there is one, is of the account key `afp`. */
bool cards_vouch(const struct cards *cards, const struct user_name *name,
                 const uint8_t afp[HASH_BYTES]);

/** The trust in a stored peer, with the card that there may be: one that fits the pinned key, or
 * comes before any, counts as a comparison. */
enum sotto_trust cards_trust(const struct cards *cards, const struct stored_peer *peer);

#endif
