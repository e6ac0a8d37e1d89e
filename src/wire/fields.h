/* SPDX-License-Identifier: ISC */
/* What several messages share: the frame around a body, and fields with bounds. Internal.
 *
 * A writer keeps the bounds that the reader of the same field keeps, so that nothing leaves which
 * the other end would have to refuse: ERR_LIMIT. */
#ifndef SOTTO_WIRE_FIELDS_H
#define SOTTO_WIRE_FIELDS_H

#include "wire/codec.h"
#include "wire/message.h"

/** Begins a frame in `out`: its header, the length still open. */
void frame_begin(struct writer *writer, struct buffer *out, enum wire_type type, uint32_t request);

/** Fills in the length. ERR_LIMIT over FRAME_MAX_BYTES, or what was latched; then `out` is as
 * before. */
must_check enum error frame_end(struct writer *writer);

/** Exactly `size` bytes, written as they are. */
void writer_fixed(struct writer *writer, struct bytes bytes, size_t size);

/** An integer that has to lie between `min` and `max`. */
uint16_t reader_u16_within(struct reader *reader, uint16_t min, uint16_t max);
void writer_u16_within(struct writer *writer, uint16_t value, uint16_t min, uint16_t max);

/** u32 length and an envelope of that many bytes, ENVELOPE_MIN_BYTES to ENVELOPE_MAX_BYTES. */
struct bytes reader_envelope(struct reader *reader);
void writer_envelope(struct writer *writer, struct bytes envelope);

/** At most NAME_MAX_BYTES of the letters that names are made of; may be empty. */
struct bytes reader_name_part(struct reader *reader);
void writer_name_part(struct writer *writer, struct bytes part);

/** A canonical name, or nothing. */
struct bytes reader_name_or_none(struct reader *reader);
void writer_name_or_none(struct writer *writer, struct bytes name);

#endif
