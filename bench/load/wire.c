/* SPDX-License-Identifier: ISC */
/* sotto's own protocol: the product's codec, a real login, envelopes as the server sees them. */
#include "load.h"

#include "base/limits.h"
#include "session/certificate.h"
#include "wire/message.h"

#include <string.h>

static const char EXPORTER[] = "EXPORTER-sotto/1 device auth";

enum { ENVELOPE_SUITE = 1, ENVELOPE_COMPACT = 0x11 };

static void check(enum error error) {
    if (error != OK) {
        load_fail("wire protocol: %s", error_code(error));
    }
}

static void export_key(const struct link *link, uint8_t exporter[32]) {
    if (SSL_export_keying_material(link->ssl, exporter, 32, EXPORTER, sizeof(EXPORTER) - 1,
                                   (const unsigned char *)"", 0, 1) != 1) {
        load_fail("no exporter");
    }
}

static void begin(struct link *link) {
    struct load *load = link->load;
    uint8_t exporter[32];
    export_key(link, exporter);
    if (load->people_count == 0) {
        wire_register_person(link, exporter);
        return;
    }
    if (link->index >= load->people_count) {
        load_fail("more connections than people: register more");
    }
    const struct person *person = &load->people[link->index];
    struct device_keys keys = {.signing = person->signing};
    struct wire_login login;
    memcpy(login.cid, person->cid, sizeof(login.cid));
    check(login_sign(&keys, exporter, login.cid, login.signature));
    check(wire_write_login(&link->out, ++link->request, &login));
    load_queue(link);
}

static void welcomed(struct link *link, struct bytes body) {
    struct wire_welcome welcome;
    check(wire_read_welcome(body, &welcome));
    if (link->is_reader) {
        check(wire_write_fetch(&link->out, ++link->request, welcome.window_max));
        load_queue(link);
    }
    load_ready(link);
}

static void delivered(struct link *link, struct bytes body) {
    struct wire_deliver message;
    check(wire_read_deliver(body, &message));
    load_delivered(link, message.handle, message.envelope);
}

static void take(struct link *link, const struct wire_frame *frame) {
    struct wire_error refusal;
    switch (frame->type) {
    case WIRE_WELCOME:
        welcomed(link, frame->body);
        break;
    case WIRE_ACCEPTED:
        load_accepted(link, frame->request - 1); /* LOGIN was the first request */
        break;
    case WIRE_DELIVER:
        delivered(link, frame->body);
        break;
    case WIRE_CAUGHT_UP:
        break;
    case WIRE_ERROR:
        check(wire_read_error(frame->body, &refusal));
        load_fail("the server refuses: %s, %.*s (retry after %u s)", error_code(refusal.error),
                  (int)refusal.detail.size, (const char *)refusal.detail.data,
                  refusal.retry_after_s);
    default:
        load_fail("an answer that was not asked for: %u", frame->type);
    }
}

static size_t receive(struct link *link, struct bytes in) {
    size_t at = 0;
    while (at < in.size) {
        struct wire_frame frame;
        size_t used;
        enum error error =
            wire_frame_cut(bytes_make(in.data + at, in.size - at), FRAME_MAX_BYTES, &frame, &used);
        if (error == ERR_WAIT) {
            break;
        }
        check(error);
        take(link, &frame);
        at += used;
    }
    return at;
}

static void send_message(struct link *link, struct bytes payload) {
    struct wire_send message = {.to = link->load->people[link->to].name, .envelope = payload};
    put_u64(message.envelope_id, link->index);
    memcpy(message.envelope_id + 8, payload.data + payload.size - 8, 8);
    put_u16(message.envelope_id + 4, (uint16_t)link->sent); /* two in one nanosecond */
    link->load->payload[0] = ENVELOPE_SUITE;
    link->load->payload[1] = ENVELOPE_COMPACT;
    check(wire_write_send(&link->out, ++link->request, &message));
    load_queue(link);
}

static void acknowledge(struct link *link, const uint64_t *handles, size_t count) {
    for (size_t at = 0; at < count; at += ACKS_PER_FRAME_MAX) {
        size_t left = count - at;
        size_t part = left < ACKS_PER_FRAME_MAX ? left : ACKS_PER_FRAME_MAX;
        struct wire_ack message = {.count = (uint16_t)part};
        memcpy(message.handles, handles + at, part * sizeof(*handles));
        check(wire_write_ack(&link->out, ++link->request, &message));
    }
    load_queue(link);
}

const struct protocol protocol_wire = {
    .name = "sotto",
    .alpn = WIRE_ALPN,
    .begin = begin,
    .receive = receive,
    .send = send_message,
    .acknowledge = acknowledge,
};
