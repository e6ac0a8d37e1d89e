/* SPDX-License-Identifier: ISC */
/* How waiting messages stand in the database. Messages of one mailbox that are committed together
 * are one row, a run: a head for each, one after the other, and their envelopes, one after the
 * other. What has left the mailbox is remembered as the first part of its head, its mark.
 * Internal.
 *
 *   mark   sender u64 · envelope id 16 · first half of SHA-256 of the envelope
 *   head   mark · place u64 · accepted_ms u64 · size u32 · sender's name 32 (zeros behind it) ·
 *          first half of SHA-256 of mailbox u64 and all before it · at u32: where its envelope
 *          begins among those of the run */
#ifndef SOTTO_SERVER_STORE_RUN_H
#define SOTTO_SERVER_STORE_RUN_H

#include "server/store.h"

enum {
    MARK_BYTES = 8 + ENVELOPE_ID_BYTES + DIGEST_BYTES,
    HEAD_BYTES = MARK_BYTES + 8 + 8 + 4 + NAME_MAX_BYTES + DIGEST_BYTES + 4,
    RUN_MAX_MESSAGES = 64,
    RUN_MAX_BYTES = 32 * 1024, /* of envelopes; a larger one is a run of its own */
};

struct mark {
    uint64_t sender;
    uint8_t id[ENVELOPE_ID_BYTES];
    uint8_t digest[DIGEST_BYTES];
};

struct head {
    struct mark mark;
    uint64_t place;
    uint64_t accepted_ms;
    struct user_name from;
    uint32_t at;
    uint32_t size;
};

struct mark mark_read(const uint8_t in[MARK_BYTES]);
struct mark mark_of(const struct store_insert *insert);
/** Whether it is the same id of the same sender. */
bool mark_is(const struct mark *mark, const uint8_t stored[MARK_BYTES]);

/** Writes the head of a message whose envelope begins at `at`. */
must_check enum error head_write(uint8_t out[HEAD_BYTES], uint64_t device, const struct head *head);
/** Makes of a head one that is damaged. */
void head_spoil(uint8_t head[HEAD_BYTES]);
/** Reads a head; false: it is not what was written. */
bool head_read(const uint8_t in[HEAD_BYTES], uint64_t device, struct head *head);

/** What a head says, whether or not it is true. */
uint64_t head_place(const uint8_t in[HEAD_BYTES]);
uint32_t head_at(const uint8_t in[HEAD_BYTES]);
uint32_t head_size(const uint8_t in[HEAD_BYTES]);
void head_set_at(uint8_t head[HEAD_BYTES], uint32_t at);

/** The message of a head that was read, among the `envelopes` of its run; `is_sure`: they and its
 * place are known to be what was written. NULL: it is not what was written (ERR_STORE_BROKEN), or
 * there is no memory (ERR_MEMORY). */
struct envelope *head_open(const struct head *head, struct bytes envelopes, bool is_sure,
                           enum error *error);

/** Whether a message is as it was written. ERR_STORE_BROKEN, ERR_MEMORY. */
must_check enum error head_check(const uint8_t in[HEAD_BYTES], uint64_t device,
                                 struct bytes envelopes);

/** The place of the message whose head begins at `at` of `heads`, which is one of them. A head that
 * is damaged has none: it stands right before the next one, the last at `last`. No two have the
 * same. */
uint64_t heads_place(struct bytes heads, size_t at, uint64_t device, uint64_t last);

#endif
