/* SPDX-License-Identifier: ISC */
#include "wire_samples.h"

#include <string.h>

struct bytes zero_bytes(size_t size) {
    static const uint8_t zeros[OUT_MAX_BYTES];
    assert_true(size <= sizeof(zeros));
    return bytes_make(zeros, size);
}

/* --- samples: one written frame each, and how to read it and write what was read --- */

static enum error write_login(struct buffer *out) {
    struct wire_login login;
    memset(login.cid, 0xc1, sizeof(login.cid));
    memset(login.signature, 0x51, sizeof(login.signature));
    return wire_write_login(out, 1, &login);
}
static enum error again_login(struct bytes body, struct buffer *out) {
    struct wire_login login;
    enum error error = wire_read_login(body, &login);
    return error == OK ? wire_write_login(out, 1, &login) : error;
}

static enum error write_register_with(struct buffer *out, bool has_token) {
    struct wire_register message = {.has_token = has_token,
                                    .certificate = zero_bytes(CERTIFICATE_BYTES)};
    memset(message.token, 0x70, sizeof(message.token));
    return wire_write_register(out, 1, &message);
}
static enum error write_register(struct buffer *out) {
    return write_register_with(out, true);
}
static enum error write_register_open(struct buffer *out) {
    return write_register_with(out, false);
}
static enum error again_register(struct bytes body, struct buffer *out) {
    struct wire_register message;
    enum error error = wire_read_register(body, &message);
    return error == OK ? wire_write_register(out, 1, &message) : error;
}

const struct wire_welcome WELCOME = {
    .server_time_ms = UINT64_C(0x0102030405060708),
    .store_epoch = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
    .name = {"ana"},
    .registration = WIRE_REGISTRATION_OPEN,
    .set_id = 0x0a0b0c0d,
    .one_time_left = 0x0102,
    .waiting = 0x03040506,
    .window_max = 256,
};
static enum error write_welcome(struct buffer *out) {
    return wire_write_welcome(out, 1, &WELCOME);
}
static enum error write_welcome_next_key(struct buffer *out) {
    struct wire_welcome message = WELCOME;
    message.is_renewal = true;
    message.has_next_key = true;
    memset(message.next_key, 0x4e, sizeof(message.next_key));
    message.next_key_ms = UINT64_C(0x1112131415161718);
    return wire_write_welcome(out, 1, &message);
}
static enum error again_welcome(struct bytes body, struct buffer *out) {
    struct wire_welcome message;
    enum error error = wire_read_welcome(body, &message);
    return error == OK ? wire_write_welcome(out, 1, &message) : error;
}

static enum error write_ping(struct buffer *out) {
    return wire_write_empty(out, WIRE_PING, 1);
}
static enum error again_ping(struct bytes body, struct buffer *out) {
    enum error error = wire_read_empty(body);
    return error == OK ? wire_write_empty(out, WIRE_PING, 1) : error;
}

static enum error write_leave(struct buffer *out) {
    return wire_write_empty(out, WIRE_LEAVE, 1);
}
static enum error again_leave(struct bytes body, struct buffer *out) {
    enum error error = wire_read_empty(body);
    return error == OK ? wire_write_empty(out, WIRE_LEAVE, 1) : error;
}

enum error write_publish_with(struct buffer *out, bool has_set, unsigned count) {
    const struct wire_publish message = {
        .replace = true,
        .has_set = has_set,
        .set = has_set ? zero_bytes(PREKEY_SET_BYTES) : bytes_make(NULL, 0),
        .one_time_count = (uint8_t)count,
        .one_time = zero_bytes((size_t)count * ONE_TIME_PREKEY_BYTES),
    };
    return wire_write_publish(out, 1, &message);
}
static enum error write_publish(struct buffer *out) {
    return write_publish_with(out, true, 2);
}
static enum error write_publish_full(struct buffer *out) {
    return write_publish_with(out, true, ONE_TIME_PREKEYS_FULL);
}
static enum error write_publish_set(struct buffer *out) {
    return write_publish_with(out, true, 0);
}
static enum error write_publish_nothing(struct buffer *out) {
    return write_publish_with(out, false, 0);
}
static enum error again_publish(struct bytes body, struct buffer *out) {
    struct wire_publish message;
    enum error error = wire_read_publish(body, &message);
    return error == OK ? wire_write_publish(out, 1, &message) : error;
}

enum error write_renew_with(struct buffer *out, unsigned count) {
    const struct wire_renew message = {
        .certificate = zero_bytes(CERTIFICATE_BYTES),
        .set = zero_bytes(PREKEY_SET_BYTES),
        .one_time_count = (uint8_t)count,
        .one_time = zero_bytes((size_t)count * ONE_TIME_PREKEY_BYTES),
    };
    return wire_write_renew(out, 5, &message);
}
static enum error write_renew(struct buffer *out) {
    return write_renew_with(out, 1);
}
static enum error write_renew_full(struct buffer *out) {
    return write_renew_with(out, ONE_TIME_PREKEYS_FULL);
}
static enum error again_renew(struct bytes body, struct buffer *out) {
    struct wire_renew message;
    enum error error = wire_read_renew(body, &message);
    return error == OK ? wire_write_renew(out, 5, &message) : error;
}

static const struct user_name LONGEST = {"abcdefghijklmnopqrstuvwxyz.-_012"};

static enum error write_get_certificate(struct buffer *out) {
    return wire_write_name(out, WIRE_GET_CERTIFICATE, 1, &LONGEST);
}
static enum error write_get_bundle(struct buffer *out) {
    return wire_write_name(out, WIRE_GET_BUNDLE, 1, &LONGEST);
}
static enum error again_get_certificate(struct bytes body, struct buffer *out) {
    struct user_name name;
    enum error error = wire_read_name(body, &name);
    return error == OK ? wire_write_name(out, WIRE_GET_CERTIFICATE, 1, &name) : error;
}
static enum error again_get_bundle(struct bytes body, struct buffer *out) {
    struct user_name name;
    enum error error = wire_read_name(body, &name);
    return error == OK ? wire_write_name(out, WIRE_GET_BUNDLE, 1, &name) : error;
}

static enum error write_certificate(struct buffer *out) {
    return wire_write_certificate(out, 1, zero_bytes(CERTIFICATE_BYTES));
}
static enum error again_certificate(struct bytes body, struct buffer *out) {
    struct bytes certificate;
    enum error error = wire_read_certificate(body, &certificate);
    return error == OK ? wire_write_certificate(out, 1, certificate) : error;
}

static enum error write_bundle(struct buffer *out) {
    return wire_write_bundle(out, 1, zero_bytes(CERTIFICATE_BYTES), zero_bytes(PREKEY_SET_BYTES),
                             bytes_make(NULL, 0));
}
static enum error write_bundle_one_time(struct buffer *out) {
    return wire_write_bundle(out, 1, zero_bytes(CERTIFICATE_BYTES), zero_bytes(PREKEY_SET_BYTES),
                             zero_bytes(ONE_TIME_PREKEY_BYTES));
}
static enum error again_bundle(struct bytes body, struct buffer *out) {
    struct bytes bundle;
    enum error error = wire_read_bundle(body, &bundle);
    if (error != OK) {
        return error;
    }
    size_t two = CERTIFICATE_BYTES + PREKEY_SET_BYTES;
    return wire_write_bundle(out, 1, bytes_make(bundle.data, CERTIFICATE_BYTES),
                             bytes_make(bundle.data + CERTIFICATE_BYTES, PREKEY_SET_BYTES),
                             bytes_make(bundle.data + two, bundle.size - two));
}

static enum error write_list_users(struct buffer *out) {
    const struct wire_list_users message = {bytes_of_string(".a"), bytes_of_string("bob")};
    return wire_write_list_users(out, 1, &message);
}
static enum error write_list_users_all(struct buffer *out) {
    const struct wire_list_users message = {bytes_make(NULL, 0), bytes_make(NULL, 0)};
    return wire_write_list_users(out, 1, &message);
}
static enum error again_list_users(struct bytes body, struct buffer *out) {
    struct wire_list_users message;
    enum error error = wire_read_list_users(body, &message);
    return error == OK ? wire_write_list_users(out, 1, &message) : error;
}

struct wire_users page;

void fill_page(unsigned count, bool more) {
    memset(&page, 0, sizeof(page));
    page.count = (uint16_t)count;
    page.more = more;
    for (unsigned i = 0; i < count && i < USERS_PAGE_MAX; i++) {
        static const char DIGITS[] = "0123456789";
        const char name[] = {'u', DIGITS[i / 100], DIGITS[i / 10 % 10], DIGITS[i % 10], '\0'};
        memcpy(page.users[i].name.text, name, sizeof(name));
        page.users[i].since_ms = i;
        page.users[i].is_admin = i % 2 == 1;
    }
}
static enum error write_users(struct buffer *out) {
    fill_page(3, true);
    return wire_write_users(out, 1, &page);
}
static enum error write_users_none(struct buffer *out) {
    fill_page(0, false);
    return wire_write_users(out, 1, &page);
}
static enum error write_users_full(struct buffer *out) {
    fill_page(USERS_PAGE_MAX, true);
    return wire_write_users(out, 1, &page);
}
static enum error again_users(struct bytes body, struct buffer *out) {
    static struct wire_users message;
    enum error error = wire_read_users(body, &message);
    return error == OK ? wire_write_users(out, 1, &message) : error;
}

enum error write_send_of(struct buffer *out, size_t size) {
    struct wire_send message = {.to = {"bob"}, .envelope = zero_bytes(size)};
    memset(message.envelope_id, 0x1d, sizeof(message.envelope_id));
    return wire_write_send(out, 7, &message);
}
static enum error write_send(struct buffer *out) {
    return write_send_of(out, ENVELOPE_MIN_BYTES);
}
static enum error write_send_largest(struct buffer *out) {
    return write_send_of(out, ENVELOPE_MAX_BYTES);
}
static enum error again_send(struct bytes body, struct buffer *out) {
    struct wire_send message;
    enum error error = wire_read_send(body, &message);
    return error == OK ? wire_write_send(out, 7, &message) : error;
}

static enum error write_fetch(struct buffer *out) {
    return wire_write_fetch(out, 1, 0x0100);
}
static enum error again_fetch(struct bytes body, struct buffer *out) {
    uint16_t window = 0;
    enum error error = wire_read_fetch(body, &window);
    return error == OK ? wire_write_fetch(out, 1, window) : error;
}

enum error write_deliver_of(struct buffer *out, size_t size) {
    struct wire_deliver message = {.handle = 0x1122334455667788,
                                   .from = {"ana"},
                                   .accepted_ms = 9,
                                   .envelope = zero_bytes(size)};
    memset(message.envelope_id, 0x1d, sizeof(message.envelope_id));
    return wire_write_deliver(out, &message);
}
static enum error write_deliver(struct buffer *out) {
    return write_deliver_of(out, ENVELOPE_MIN_BYTES);
}
static enum error write_deliver_largest(struct buffer *out) {
    return write_deliver_of(out, ENVELOPE_MAX_BYTES);
}
static enum error again_deliver(struct bytes body, struct buffer *out) {
    struct wire_deliver message;
    enum error error = wire_read_deliver(body, &message);
    return error == OK ? wire_write_deliver(out, &message) : error;
}

enum error write_ack_of(struct buffer *out, unsigned count) {
    static struct wire_ack message;
    message.count = (uint16_t)count;
    for (size_t i = 0; i < ACKS_PER_FRAME_MAX; i++) {
        message.handles[i] = UINT64_MAX - i;
    }
    return wire_write_ack(out, 1, &message);
}
static enum error write_ack(struct buffer *out) {
    return write_ack_of(out, 1);
}
static enum error write_ack_full(struct buffer *out) {
    return write_ack_of(out, ACKS_PER_FRAME_MAX);
}
static enum error again_ack(struct bytes body, struct buffer *out) {
    static struct wire_ack message;
    enum error error = wire_read_ack(body, &message);
    return error == OK ? wire_write_ack(out, 1, &message) : error;
}

enum error write_error_of(struct buffer *out, enum error which, struct bytes detail) {
    const struct wire_error message = {.error = which, .retry_after_s = 30, .detail = detail};
    return wire_write_error(out, 4, &message);
}
static enum error write_error(struct buffer *out) {
    return write_error_of(out, ERR_SERVER_FULL, bytes_of_string("caf\xc3\xa9"));
}
static enum error write_error_plain(struct buffer *out) {
    return write_error_of(out, ERR_NO_SUCH_USER, bytes_make(NULL, 0));
}
static enum error again_error(struct bytes body, struct buffer *out) {
    struct wire_error message;
    enum error error = wire_read_error(body, &message);
    return error == OK ? wire_write_error(out, 4, &message) : error;
}

const struct sample SAMPLES[SAMPLE_COUNT] = {
    {"login", 0x01, 98, write_login, again_login},
    {"register", 0x02, 98 + 1 + 10 + 6919, write_register, again_register},
    {"register, open", 0x02, 98 + 1 + 6919, write_register_open, again_register},
    {"welcome", 0x81, 8 + 16 + 4 + 1 + 4 + 2 + 4 + 2 + 42, write_welcome, again_welcome},
    {"welcome, next key", 0x81, 8 + 16 + 4 + 1 + 4 + 2 + 4 + 2 + 42, write_welcome_next_key,
     again_welcome},
    {"ping", 0x10, 0, write_ping, again_ping},
    {"leave", 0x19, 0, write_leave, again_leave},
    {"publish", 0x11, 3 + 1334 + 2 * 1326, write_publish, again_publish},
    {"publish, full", 0x11, 3 + 1334 + 32 * 1326, write_publish_full, again_publish},
    {"publish, set", 0x11, 3 + 1334, write_publish_set, again_publish},
    {"publish, nothing", 0x11, 3, write_publish_nothing, again_publish},
    {"renew", 0x18, 6919 + 1334 + 1 + 1326, write_renew, again_renew},
    {"renew, full", 0x18, 6919 + 1334 + 1 + 32 * 1326, write_renew_full, again_renew},
    {"get certificate", 0x12, 33, write_get_certificate, again_get_certificate},
    {"get bundle", 0x13, 33, write_get_bundle, again_get_bundle},
    {"certificate", 0x91, 6919, write_certificate, again_certificate},
    {"bundle", 0x92, 8253, write_bundle, again_bundle},
    {"bundle, one-time", 0x92, 9579, write_bundle_one_time, again_bundle},
    {"list users", 0x14, 3 + 4, write_list_users, again_list_users},
    {"list users, all", 0x14, 2, write_list_users_all, again_list_users},
    {"users", 0x93, 2 + 3 * (5 + 8 + 1) + 1, write_users, again_users},
    {"users, none", 0x93, 3, write_users_none, again_users},
    {"users, full", 0x93, 2 + 200 * (5 + 8 + 1) + 1, write_users_full, again_users},
    {"send", 0x15, 4 + 16 + 4 + 342, write_send, again_send},
    {"send, largest", 0x15, 4 + 16 + 4 + 76252, write_send_largest, again_send},
    {"fetch", 0x16, 2, write_fetch, again_fetch},
    {"deliver", 0x95, 8 + 4 + 16 + 8 + 4 + 342, write_deliver, again_deliver},
    {"deliver, largest", 0x95, 8 + 4 + 16 + 8 + 4 + 76252, write_deliver_largest, again_deliver},
    {"ack", 0x17, 2 + 8, write_ack, again_ack},
    {"ack, full", 0x17, 2 + 256 * 8, write_ack_full, again_ack},
    {"error", 0xff, 2 + 4 + 6, write_error, again_error},
    {"error, plain", 0xff, 2 + 4 + 1, write_error_plain, again_error},
};
