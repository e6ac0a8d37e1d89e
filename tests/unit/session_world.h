/* SPDX-License-Identifier: ISC */
/* Two people, their devices, and what a test does with them: one place for the tests of
 * src/session. */
#ifndef SOTTO_TESTS_UNIT_SESSION_WORLD_H
#define SOTTO_TESTS_UNIT_SESSION_WORLD_H

#include "testing.h"

#include "session/handshake.h"
#include "session/message.h"
#include "session/session.h"

#define NOW_MS (UINT64_C(1800000000) * SECOND_MS)

enum { BUNDLE_MAX_BYTES = CERTIFICATE_BYTES + PREKEY_SET_BYTES + ONE_TIME_PREKEY_BYTES };

/** Seeded randomness; after `left` draws it fails. RSA draws from OpenSSL. */
struct test_entropy {
    uint64_t state;
    unsigned left;
};
struct entropy test_entropy_of(struct test_entropy *source);
/** The next value of the generator. */
uint64_t test_random(struct test_entropy *source);

struct person {
    struct account_keys account;
    struct device_keys keys;
    uint8_t certificate[CERTIFICATE_BYTES];
    struct certificate parsed;
    struct own_device own;
    struct prekey_secret set;
    uint8_t set_object[PREKEY_SET_BYTES];
    struct prekey_secret one_time;
    uint8_t one_time_object[ONE_TIME_PREKEY_BYTES];
};

struct world {
    struct test_entropy source;
    struct entropy entropy;
    struct person a;
    struct person b;
    struct session a_session; /**< of a with b */
    struct session b_session; /**< of b with a */
};

/** Makes both people. Group fixtures: *state is the world. */
int world_make(void **state);
int world_free(void **state);

/** Test fixtures. A session begun by a, its first message opened by b: */
int world_begin(void **state);
/** ... and answered: both sides confirmed after two turns each. */
int world_confirm(void **state);
int world_end(void **state);

/** The bundle that the server has for `person`. */
size_t person_bundle(const struct person *person, bool has_one_time, uint8_t out[BUNDLE_MAX_BYTES]);

/** Begins a session from one person to another. */
void begin(struct world *world, const struct person *from, const struct person *to,
           bool has_one_time, struct session *session);

/** Seals a text; the caller clears the buffer. */
void seal(struct world *world, struct session *session, const struct person *from, const char *text,
          struct buffer *envelope);

/** What a device does with an INITIAL: certificate, private keys, session. */
enum error accept(const struct person *to, struct bytes envelope, uint64_t now_ms,
                  struct session *session, struct buffer *body);

/** Opens and expects an error, or OK and the text. */
void expect(struct session *session, const struct person *to, struct bytes envelope,
            enum error expected, const char *text);

/** Seals on one side and opens on the other. */
void pass(struct world *world, struct session *from, const struct person *from_person,
          struct session *to, const struct person *to_person, const char *text);
void a_to_b(struct world *world, const char *text);
void b_to_a(struct world *world, const char *text);

/** A session with its lists as bytes, to be compared later. */
struct snapshot {
    struct buffer bytes;
};
void snapshot_take(const struct session *session, struct snapshot *snapshot);
/** Whether nothing changed since; `use` says when the snapshot is no longer needed. */
void snapshot_compare(const struct session *session, const struct snapshot *snapshot);
void snapshot_clear(struct snapshot *snapshot);

/** A FULL message with number `n` of the sender's current chain, made without the sender's own
 * limits. */
void forge_number(const struct session *from, uint32_t n, const char *text,
                  struct buffer *envelope);

#endif
