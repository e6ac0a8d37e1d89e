/* SPDX-License-Identifier: ISC */
/* Judging a key that the server shows, and trusting it. Between the events of a connection, once
 * the engine is ENGINE_OPEN; a failure of the store ends the engine. */
#ifndef SOTTO_CLIENT_TRUST_H
#define SOTTO_CLIENT_TRUST_H

#include "client/engine.h"

/** Judges a certificate that the server shows for `name` with the rules for bundles
 * (docs/PROTOCOL.md 1.5): name, lifetime, signatures, epoch. ERR_BUNDLE_INVALID;
 * ERR_WAITING_FOR_KEYS: expired. ERR_PEER_KEY_CHANGED: all is well, but another account key is
 * pinned; this is written down, and nothing is sent from now on. `certificate` is filled on OK and
 * ERR_PEER_KEY_CHANGED. */
must_check enum error trust_judge(struct engine *engine, const struct user_name *name,
                                  struct bytes data, struct certificate *certificate);

/** A person has compared a card or the safety number with this certificate, which trust_judge has
 * passed: the account is pinned and verified. If another one was pinned (`*was_changed`), its
 * sessions are closed, the newest session of the new one becomes the active one, what was written
 * for the old one is given up, and the `*released` messages that were held under the new one can be
 * received. */
must_check enum error trust_verify(struct engine *engine, const struct certificate *certificate,
                                   enum trust_source how, bool *was_changed, uint32_t *released);

/** Takes a changed key without a comparison, with the same consequences; the person is not verified
 * then. ERR_WRONG_STATE when the person is verified (trust_undo comes first). */
must_check enum error trust_accept(struct engine *engine, const struct certificate *certificate,
                                   bool *was_changed, uint32_t *released);

/** The person is not verified any more; the pin stays. Needs no connection, but the profile.
 * ERR_NOT_FOUND when the person was not verified; failures of the store. */
must_check enum error trust_undo(const struct client_store *store, const struct user_name *name);

#endif
