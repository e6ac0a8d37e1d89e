/* SPDX-License-Identifier: ISC */
/* The protocol of bench/floor.c: u32 length of what follows, u8 kind, u32 the other end, body. */
#include "load.h"

#include <string.h>

enum { HEADER_BYTES = 9, HELLO = 0, MESSAGE = 1, ACK = 2 };

static void put(struct link *link, uint8_t kind, size_t peer, struct bytes body) {
    uint8_t header[HEADER_BYTES];
    put_u32(header, (uint32_t)(HEADER_BYTES - 4 + body.size));
    header[4] = kind;
    put_u32(header + 5, (uint32_t)peer);
    link_write(link, bytes_make(header, sizeof(header)));
    link_write(link, body);
}

static void begin(struct link *link) {
    put(link, HELLO, link->index, (struct bytes){0});
}

static size_t receive(struct link *link, struct bytes in) {
    size_t at = 0;
    while (in.size - at >= HEADER_BYTES) {
        const uint8_t *p = in.data + at;
        size_t size = 4 + (size_t)get_u32(p);
        if (in.size - at < size) {
            break;
        }
        if (p[4] == HELLO) {
            load_ready(link);
        } else if (p[4] == MESSAGE) {
            struct bytes payload = bytes_make(p + HEADER_BYTES, size - HEADER_BYTES);
            uint64_t sender = get_u32(p + 5);
            uint64_t number = get_u16(payload.data);
            load_delivered(link, sender << 16 | number, payload);
        } else {
            load_accepted(link, get_u16(p + HEADER_BYTES));
        }
        at += size;
    }
    return at;
}

static void send_message(struct link *link, struct bytes payload) {
    put_u16(link->load->payload, (uint16_t)link->sent);
    put(link, MESSAGE, link->to, payload);
}

static void acknowledge(struct link *link, const uint64_t *handles, size_t count) {
    for (size_t i = 0; i < count; i++) {
        uint8_t number[2];
        put_u16(number, (uint16_t)(handles[i] & 0xffff));
        put(link, ACK, (size_t)(handles[i] >> 16), bytes_of(number));
    }
}

const struct protocol protocol_relay = {
    .name = "floor",
    .begin = begin,
    .receive = receive,
    .send = send_message,
    .acknowledge = acknowledge,
};
