/* SPDX-License-Identifier: ISC */
/* The one reader and the one writer of the wire protocol. Integers are big-endian. */
#ifndef SOTTO_WIRE_CODEC_H
#define SOTTO_WIRE_CODEC_H

#include "base/bytes.h"
#include "base/text.h"

/** A cursor over bytes from a peer. It latches: after the first failure every read gives zeros or
 * empty views and `failed` stays set, so that one check at the end (reader_finish) decides.
 * Invariant: at <= data.size. */
struct reader {
    struct bytes data;
    size_t at;
    bool failed;
};

void reader_init(struct reader *reader, struct bytes data);
uint8_t reader_u8(struct reader *reader);
uint16_t reader_u16(struct reader *reader);
uint32_t reader_u32(struct reader *reader);
uint64_t reader_u64(struct reader *reader);
/** A time in milliseconds since 1970: below 2^63, as stores keep it. */
uint64_t reader_time(struct reader *reader);
/** The next `size` bytes, a view into the reader's data; empty after a failure. */
struct bytes reader_bytes(struct reader *reader, size_t size);
/** Copies the next `size` bytes to `out`; zeros after a failure. */
void reader_copy(struct reader *reader, uint8_t *out, size_t size);
/** A flag byte: only 0 and 1 are encodings. */
bool reader_flag(struct reader *reader);
/** u8 length and that many bytes that are a canonical user name. */
void reader_name(struct reader *reader, struct user_name *name);
/** u8 length and at most `max` bytes of UTF-8; the view may be empty. */
struct bytes reader_text(struct reader *reader, size_t max);
/** Latches the failure: a value that was read is not one that may stand there. */
void reader_fail(struct reader *reader);
/** OK when nothing failed and nothing is left over, else ERR_MALFORMED. */
must_check enum error reader_finish(const struct reader *reader);

/** Appends to a buffer; latches the first failure (ERR_LIMIT, ERR_MEMORY) for writer_finish. */
struct writer {
    struct buffer *out;
    size_t start; /**< size of `out` when the writer was made: a failed frame is cut off again */
    enum error error;
};

void writer_init(struct writer *writer, struct buffer *out);
void writer_u8(struct writer *writer, uint8_t value);
void writer_u16(struct writer *writer, uint16_t value);
void writer_u32(struct writer *writer, uint32_t value);
void writer_u64(struct writer *writer, uint64_t value);
void writer_flag(struct writer *writer, bool value);
void writer_bytes(struct writer *writer, struct bytes bytes);
void writer_name(struct writer *writer, const struct user_name *name);
/** u8 length and the text; texts over 255 bytes latch ERR_LIMIT. */
void writer_text(struct writer *writer, struct bytes text);
/** Latches ERR_LIMIT: a value that was to be written is not one that may stand there. */
void writer_fail(struct writer *writer);
/** The latched error; on failure everything that was written is removed from the buffer. */
must_check enum error writer_finish(struct writer *writer);

#endif
