/* SPDX-License-Identifier: ISC */
/* Written frames of every message of the wire protocol, in its smallest and largest forms. */
#ifndef SOTTO_TESTS_UNIT_WIRE_SAMPLES_H
#define SOTTO_TESTS_UNIT_WIRE_SAMPLES_H

#include "testing.h"

#include "wire/message.h"

enum { OUT_MAX_BYTES = 128 * 1024, SAMPLE_COUNT = 32 };

struct sample {
    const char *name;
    uint8_t type;
    size_t body_bytes;
    /** Appends the frame. */
    enum error (*write)(struct buffer *out);
    /** Reads a body and, when it is one, appends the frame of what was read. */
    enum error (*again)(struct bytes body, struct buffer *out);
};

extern const struct sample SAMPLES[SAMPLE_COUNT];
extern const struct wire_welcome WELCOME;

/** What fill_page fills: `count` users in order of name. */
extern struct wire_users page;
void fill_page(unsigned count, bool more);

/** So many zero bytes, at most OUT_MAX_BYTES. */
struct bytes zero_bytes(size_t size);

/** Frames of any size, also of sizes that may not be. */
enum error write_publish_with(struct buffer *out, bool has_set, unsigned count);
enum error write_renew_with(struct buffer *out, unsigned count);
enum error write_send_of(struct buffer *out, size_t size);
enum error write_deliver_of(struct buffer *out, size_t size);
enum error write_ack_of(struct buffer *out, unsigned count);
enum error write_error_of(struct buffer *out, enum error which, struct bytes detail);

#endif
