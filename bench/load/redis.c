/* SPDX-License-Identifier: ISC */
/* Redis as a mailbox server: a stream for each recipient. XADD is acceptance, a blocking XREAD
 * delivery, XDEL the acknowledgement that takes the message off the disk. */
#include "load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_BYTES = 96 };

static void command(struct link *link, const char *text) {
    link_write(link, bytes_of_string(text));
}

/* One bulk string. */
static void argument(struct link *link, struct bytes value) {
    char size[24];
    snprintf(size, sizeof(size), "$%zu\r\n", value.size);
    command(link, size);
    link_write(link, value);
    command(link, "\r\n");
}

static void key(struct link *link, size_t index) {
    char name[24];
    snprintf(name, sizeof(name), "m%zu", index);
    argument(link, bytes_of_string(name));
}

static void read_more(struct link *link) {
    command(link, "*8\r\n$5\r\nXREAD\r\n$5\r\nCOUNT\r\n$3\r\n256\r\n$5\r\nBLOCK\r\n$1\r\n0\r\n"
                  "$7\r\nSTREAMS\r\n");
    key(link, link->index);
    argument(link, bytes_of_string(link->cursor));
    link->is_reading = true;
}

static void begin(struct link *link) {
    if (link->is_reader) {
        snprintf(link->cursor, sizeof(link->cursor), "0-0");
    }
    command(link, "*1\r\n$4\r\nPING\r\n");
}

/* --- replies --- */

/* The length of the reply at the front, 0 when it is not whole. */
static size_t reply_size(struct bytes in) {
    const uint8_t *end = in.size == 0 ? NULL : memchr(in.data, '\n', in.size);
    if (end == NULL) {
        return 0;
    }
    size_t line = (size_t)(end - in.data) + 1;
    long number = strtol((const char *)in.data + 1, NULL, 10);
    if (in.data[0] == '$') {
        size_t whole = number < 0 ? line : line + (size_t)number + 2;
        return whole <= in.size ? whole : 0;
    }
    if (in.data[0] != '*') {
        return line;
    }
    for (long i = 0; i < number; i++) {
        size_t part = reply_size(bytes_make(in.data + line, in.size - line));
        if (part == 0) {
            return 0;
        }
        line += part;
    }
    return line;
}

/* The first bulk string at or after `at`; moves behind it. */
static struct bytes bulk(struct bytes in, size_t *at) {
    while (*at < in.size && in.data[*at] != '$') {
        const uint8_t *end = memchr(in.data + *at, '\n', in.size - *at);
        *at = end == NULL ? in.size : (size_t)(end - in.data) + 1;
    }
    if (*at >= in.size) {
        return (struct bytes){0};
    }
    char *rest;
    size_t size = strtoul((const char *)in.data + *at + 1, &rest, 10);
    size_t start = (size_t)((const uint8_t *)rest - in.data) + 2;
    *at = start + size + 2;
    return bytes_make(in.data + start, size);
}

/* An id "MS-N" as one number and back: milliseconds above, N in the low 16 bits. */
static uint64_t pack(const char *id) {
    char *rest;
    uint64_t ms = strtoull(id, &rest, 10);
    return ms << 16 | (strtoull(rest + 1, NULL, 10) & 0xffff);
}

static void entries(struct link *link, struct bytes reply) {
    size_t at = 0;
    (void)bulk(reply, &at); /* the stream's key */
    while (at < reply.size) {
        struct bytes id = bulk(reply, &at);
        (void)bulk(reply, &at); /* the field's name */
        struct bytes payload = bulk(reply, &at);
        if (payload.size == 0) {
            return;
        }
        snprintf(link->cursor, sizeof(link->cursor), "%.*s", (int)id.size, (const char *)id.data);
        load_delivered(link, pack(link->cursor), payload);
    }
}

static void take(struct link *link, struct bytes reply) {
    if (reply.data[0] == '-') {
        load_fail("redis: %.*s", (int)reply.size, (const char *)reply.data);
    }
    if (link->state == LINK_LOGIN) {
        load_ready(link);
        if (link->is_reader) {
            read_more(link);
        }
    } else if (!link->is_reader) {
        load_accepted(link, link->accepted + 1);
    } else if (reply.data[0] == '*') {
        link->is_reading = false;
        entries(link, reply);
    }
}

static size_t receive(struct link *link, struct bytes in) {
    size_t at = 0;
    for (;;) {
        struct bytes rest = bytes_make(in.data + at, in.size - at);
        size_t size = reply_size(rest);
        if (size == 0) {
            return at;
        }
        take(link, bytes_make(rest.data, size));
        at += size;
    }
}

static void send_message(struct link *link, struct bytes payload) {
    command(link, "*5\r\n$4\r\nXADD\r\n");
    key(link, link->to);
    command(link, "$1\r\n*\r\n$1\r\nm\r\n");
    argument(link, payload);
}

static void acknowledge(struct link *link, const uint64_t *handles, size_t count) {
    char text[TEXT_BYTES];
    snprintf(text, sizeof(text), "*%zu\r\n$4\r\nXDEL\r\n", count + 2);
    command(link, text);
    key(link, link->index);
    for (size_t i = 0; i < count; i++) {
        snprintf(text, sizeof(text), "%llu-%llu", (unsigned long long)(handles[i] >> 16),
                 (unsigned long long)(handles[i] & 0xffff));
        argument(link, bytes_of_string(text));
    }
    if (!link->is_reading) {
        read_more(link);
    }
}

const struct protocol protocol_redis = {
    .name = "redis",
    .begin = begin,
    .receive = receive,
    .send = send_message,
    .acknowledge = acknowledge,
};
