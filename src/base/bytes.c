/* SPDX-License-Identifier: ISC */
#include "base/bytes.h"

#include "base/require.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUFFER_FIRST_BYTES = 256 };

struct bytes bytes_make(const void *data, size_t size) {
    return (struct bytes){data, size};
}

struct bytes bytes_of_string(const char *text) {
    return bytes_make(text, strlen(text));
}

bool bytes_equal(struct bytes a, struct bytes b) {
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

uint16_t get_u16(const uint8_t *p) {
    return (uint16_t)((p[0] << 8) | p[1]);
}

uint32_t get_u32(const uint8_t *p) {
    return ((uint32_t)get_u16(p) << 16) | get_u16(p + 2);
}

uint64_t get_u64(const uint8_t *p) {
    return ((uint64_t)get_u32(p) << 32) | get_u32(p + 4);
}

void put_u16(uint8_t *p, uint16_t value) {
    p[0] = (uint8_t)(value >> 8);
    p[1] = (uint8_t)(value & 0xff);
}

void put_u32(uint8_t *p, uint32_t value) {
    put_u16(p, (uint16_t)(value >> 16));
    put_u16(p + 2, (uint16_t)(value & 0xffff));
}

void put_u64(uint8_t *p, uint64_t value) {
    put_u32(p, (uint32_t)(value >> 32));
    put_u32(p + 4, (uint32_t)(value & 0xffffffff));
}

/* A call through a volatile pointer: the compiler can't prove the store dead. */
static void *(*const volatile wipe_with)(void *, int, size_t) = memset;

void wipe(void *memory, size_t size) {
    if (size > 0) {
        wipe_with(memory, 0, size);
    }
}

void buffer_init(struct buffer *buffer, size_t cap) {
    *buffer = (struct buffer){.cap = cap};
}

void buffer_clear(struct buffer *buffer) {
    wipe(buffer->data, buffer->size);
    free(buffer->data);
    buffer_init(buffer, buffer->cap);
}

void buffer_reset(struct buffer *buffer) {
    wipe(buffer->data, buffer->size);
    buffer->size = 0;
}

must_check enum error buffer_reserve(struct buffer *buffer, size_t extra) {
    require(buffer->size <= buffer->capacity);
    if (extra > buffer->cap - buffer->size) {
        return ERR_LIMIT;
    }
    size_t need = buffer->size + extra;
    if (need <= buffer->capacity) {
        return OK;
    }
    size_t capacity = buffer->capacity < BUFFER_FIRST_BYTES ? BUFFER_FIRST_BYTES : buffer->capacity;
    while (capacity < need) {
        capacity = capacity > buffer->cap / 2 ? buffer->cap : capacity * 2;
    }
    if (capacity > buffer->cap) {
        capacity = buffer->cap;
    }
    uint8_t *data = malloc(capacity);
    if (data == NULL) {
        return ERR_MEMORY;
    }
    if (buffer->size > 0) {
        memcpy(data, buffer->data, buffer->size);
        wipe(buffer->data, buffer->size);
    }
    free(buffer->data);
    buffer->data = data;
    buffer->capacity = capacity;
    return OK;
}

must_check enum error buffer_extend(struct buffer *buffer, size_t size, uint8_t **at) {
    enum error error = buffer_reserve(buffer, size);
    if (error != OK) {
        return error;
    }
    /* NULL + 0 is undefined. */
    *at = buffer->size == 0 ? buffer->data : buffer->data + buffer->size;
    if (size > 0) {
        memset(*at, 0, size);
    }
    buffer->size += size;
    return OK;
}

must_check enum error buffer_append(struct buffer *buffer, struct bytes bytes) {
    enum error error = buffer_reserve(buffer, bytes.size);
    if (error == OK && bytes.size > 0) {
        memcpy(buffer->data + buffer->size, bytes.data, bytes.size);
        buffer->size += bytes.size;
    }
    return error;
}

must_check enum error buffer_print(struct buffer *buffer, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    require(size >= 0); /* the format is ours */
    enum error error = buffer_reserve(buffer, (size_t)size + 1);
    if (error != OK) {
        return error;
    }
    va_start(arguments, format);
    vsnprintf((char *)buffer->data + buffer->size, (size_t)size + 1, format, arguments);
    va_end(arguments);
    buffer->size += (size_t)size;
    return OK;
}

void buffer_consume(struct buffer *buffer, size_t size) {
    require(size <= buffer->size);
    size_t rest = buffer->size - size;
    if (size == 0) {
        return;
    }
    memmove(buffer->data, buffer->data + size, rest);
    wipe(buffer->data + rest, size);
    buffer->size = rest;
}

struct bytes buffer_view(const struct buffer *buffer) {
    return bytes_make(buffer->data, buffer->size);
}
