/* SPDX-License-Identifier: ISC */
/* What became of a message, in the words of the API: for who handed it in, in this process or in
 * another one. Internal. */
#ifndef SOTTO_LIBSOTTO_SENT_H
#define SOTTO_LIBSOTTO_SENT_H

#include "libsotto/explain.h"
#include "libsotto/owner_wire.h"
#include "libsotto/report.h"

enum { SENT_EFFECT_SIZE = 96 };

/** The sentence for it. `name`: to whom nothing was sent, when something went to others; or NULL.
 */
void sent_effect_text(enum sent_effect effect, const char *name, char out[SENT_EFFECT_SIZE]);

/** "queued", "accepted", "delivered"; "" when it was given up. */
const char *sent_state(const struct outgoing *message);

/** What somebody who sends waits for. */
struct sent_wish {
    enum sotto_wait wait;
    uint64_t timeout_ms; /**< for a confirmation */
    bool is_one_of_many; /**< the words fit a list of people */
};

/** What is known of the message so far. `msg_id` is the id that it was handed in with: when the
 * result has another one, its KEY was used before. */
void sent_describe(const struct runner *runner, const struct send_result *result,
                   const uint8_t msg_id[MESSAGE_ID_BYTES], struct sotto_sent *sent);

/** Whether there is something that only a connection can bring. */
bool sent_is_open(const struct send_result *result, enum sotto_wait wait);
/** Whether everything has come that `wait` waits for, or never comes. */
bool sent_is_done(const struct send_result *result, enum sotto_wait wait);

/** The key under which a repeat finds a message, as it can be pasted into a shell. */
const char *sent_key(const char *key);

/** Says why it has not come as far as `wish` says: its failure, that of the connection while it was
 * to be confirmed, or that nothing was confirmed in time (not_confirmed). Fills error and effect;
 * no error when it has come so far. */
void sent_explain(struct runner *runner, const struct send_result *result,
                  const struct sent_wish *wish, struct owner_sent *answer);

#endif
