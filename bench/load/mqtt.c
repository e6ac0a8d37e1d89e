/* SPDX-License-Identifier: ISC */
/* MQTT 3.1.1 with quality of service 1: one topic for each recipient. */
#include "load.h"

#include <stdio.h>
#include <string.h>

enum {
    CONNECT = 0x10,
    CONNACK = 0x20,
    PUBLISH = 0x32, /* quality 1 */
    PUBACK = 0x40,
    SUBSCRIBE = 0x82,
    SUBACK = 0x90,
    TYPE_MASK = 0xf0,
    PUBLISH_TYPE = 0x30,
    CLEAN = 0x02,
    HEADER_MAX_BYTES = 5,
};

static void put(struct link *link, uint8_t type, struct bytes a, struct bytes b) {
    uint8_t header[HEADER_MAX_BYTES] = {type};
    size_t left = a.size + b.size;
    size_t size = 1;
    do {
        header[size++] = (uint8_t)((left & 0x7f) | (left > 0x7f ? 0x80 : 0));
        left >>= 7;
    } while (left > 0);
    link_write(link, bytes_make(header, size));
    link_write(link, a);
    link_write(link, b);
}

static size_t put_topic(uint8_t *out, size_t index) {
    int size = snprintf((char *)out + 2, 16, "m%zu", index);
    put_u16(out, (uint16_t)size);
    return (size_t)size + 2;
}

static void begin(struct link *link) {
    uint8_t body[64] = {0, 4, 'M', 'Q', 'T', 'T', 4, 0, 0, 0};
    body[7] = link->load->keeps_session && link->is_reader ? 0 : CLEAN;
    size_t size = 10 + put_topic(body + 10, link->index); /* the client's id */
    put(link, CONNECT, bytes_make(body, size), (struct bytes){0});
}

static void subscribe(struct link *link) {
    uint8_t body[32] = {0, 1};
    size_t size = 2 + put_topic(body + 2, link->index);
    body[size++] = 1;
    put(link, SUBSCRIBE, bytes_make(body, size), (struct bytes){0});
}

static void take(struct link *link, uint8_t type, struct bytes body) {
    switch (type & TYPE_MASK) {
    case CONNACK:
        if (body.size < 2 || body.data[1] != 0) {
            load_fail("mqtt: refused");
        }
        if (link->is_reader) {
            subscribe(link);
        } else {
            load_ready(link);
        }
        break;
    case SUBACK:
        load_ready(link);
        break;
    case PUBACK:
        load_accepted(link, get_u16(body.data));
        break;
    case PUBLISH_TYPE: {
        size_t topic = 2 + (size_t)get_u16(body.data);
        load_delivered(link, get_u16(body.data + topic),
                       bytes_make(body.data + topic + 2, body.size - topic - 2));
        break;
    }
    default:
        load_fail("mqtt: unexpected packet 0x%02x", type);
    }
}

static size_t receive(struct link *link, struct bytes in) {
    size_t at = 0;
    for (;;) {
        size_t left = 0;
        size_t header = 1;
        unsigned shift = 0;
        do {
            if (at + header >= in.size) {
                return at;
            }
            left |= (size_t)(in.data[at + header] & 0x7f) << shift;
            shift += 7;
        } while ((in.data[at + header++] & 0x80) != 0 && shift < 28);
        if (in.size - at < header + left) {
            return at;
        }
        take(link, in.data[at], bytes_make(in.data + at + header, left));
        at += header + left;
    }
}

static void send_message(struct link *link, struct bytes payload) {
    uint8_t head[32];
    size_t size = put_topic(head, link->to);
    if (link->sent > UINT16_MAX) {
        load_fail("mqtt: more messages of one sender than packet numbers");
    }
    put_u16(head + size, (uint16_t)link->sent);
    put(link, PUBLISH, bytes_make(head, size + 2), payload);
}

static void acknowledge(struct link *link, const uint64_t *handles, size_t count) {
    for (size_t i = 0; i < count; i++) {
        uint8_t number[2];
        put_u16(number, (uint16_t)handles[i]);
        put(link, PUBACK, bytes_of(number), (struct bytes){0});
    }
}

const struct protocol protocol_mqtt = {
    .name = "mosquitto",
    .begin = begin,
    .receive = receive,
    .send = send_message,
    .acknowledge = acknowledge,
};
