/* SPDX-License-Identifier: ISC */
/* Views of bytes, and one growing buffer with a hard cap. */
#ifndef SOTTO_BASE_BYTES_H
#define SOTTO_BASE_BYTES_H

#include "base/attributes.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** A view: `size` bytes at `data`, owned by somebody else. The empty view may have no data. */
struct bytes {
    const uint8_t *data;
    size_t size;
};

/** A view of a whole array. */
#define bytes_of(array) ((struct bytes){(array), sizeof(array)})

/** A view of `size` bytes at `data`. */
struct bytes bytes_make(const void *data, size_t size);

/** A view of the characters of a C string, without its NUL. */
struct bytes bytes_of_string(const char *text);

/** Whether both views hold the same bytes. Not for secrets: see crypto/secret.h. */
bool bytes_equal(struct bytes a, struct bytes b);

/** Big-endian integers at fixed places; `p` must hold the whole integer. */
uint16_t get_u16(const uint8_t *p);
uint32_t get_u32(const uint8_t *p);
uint64_t get_u64(const uint8_t *p);
void put_u16(uint8_t *p, uint16_t value);
void put_u32(uint8_t *p, uint32_t value);
void put_u64(uint8_t *p, uint64_t value);

/** Bytes on the heap that grow up to `cap`. The contents are wiped whenever memory is given up,
 * so a buffer may hold a secret. Invariant: size <= capacity <= cap. */
struct buffer {
    uint8_t *data;
    size_t size;
    size_t capacity;
    size_t cap;
};

/** An empty buffer that never grows beyond `cap` bytes; allocates nothing. */
void buffer_init(struct buffer *buffer, size_t cap);

/** Wipes and frees the contents; the buffer is empty and usable again, with the same cap. */
void buffer_clear(struct buffer *buffer);

/** Forgets the contents (wiped) but keeps the memory. */
void buffer_reset(struct buffer *buffer);

/** Makes room for `extra` more bytes. ERR_LIMIT beyond the cap, ERR_MEMORY. */
must_check enum error buffer_reserve(struct buffer *buffer, size_t extra);

/** Appends a copy of `bytes`. ERR_LIMIT beyond the cap, ERR_MEMORY; then nothing is appended. */
must_check enum error buffer_append(struct buffer *buffer, struct bytes bytes);

/** Appends text as printf makes it, without its NUL; the cap has room for one byte more. ERR_LIMIT
 * beyond the cap, ERR_MEMORY; then nothing is appended. */
must_check printf_like(2, 3) enum error
    buffer_print(struct buffer *buffer, const char *format, ...);

/** Appends `size` zero bytes and points `*at` at the first; valid until the next change. */
must_check enum error buffer_extend(struct buffer *buffer, size_t size, uint8_t **at);

/** Drops the first `size` bytes; `size` is at most the buffer's size. */
void buffer_consume(struct buffer *buffer, size_t size);

/** The contents, valid until the next change of the buffer. */
struct bytes buffer_view(const struct buffer *buffer);

/** Overwrites memory in a way that the compiler keeps. */
void wipe(void *memory, size_t size);

#endif
