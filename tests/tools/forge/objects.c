/* SPDX-License-Identifier: ISC */
#include "forge.h"
#include "session/suite.h"

#include <string.h>

enum { KEYS_MAX_BYTES = 8192 };

static const struct field CERTIFICATE_FIELDS[] = {
    {"suite", 0, 1},
    {"type", 1, 1},
    {"epoch", 2, 4},
    {"created_ms", 6, 8},
    {"expires_ms", 14, 8},
    {"device_id", 22, 4},
    {"name", 26, 32},
    {"account_ed25519", 58, 32},
    {"account_mldsa", 90, 1952},
    {"signing", 2042, 32},
    {"dh", 2074, 32},
    {"rsa", 2106, 256},
    {"kem", 2362, 1184},
    {"signature_ed25519", 3546, 64},
    {"signature_mldsa", 3610, 3309},
};

static const struct field SET_FIELDS[] = {
    {"suite", 0, 1},   {"type", 1, 1},        {"cid", 2, 32},
    {"set_id", 34, 4}, {"created_ms", 38, 8}, {"expires_ms", 46, 8},
    {"dh", 54, 32},    {"kem", 86, 1184},     {"signature", 1270, 64},
};

static const struct field ONE_TIME_FIELDS[] = {
    {"suite", 0, 1},       {"type", 1, 1}, {"cid", 2, 32},    {"otk_id", 34, 4},
    {"expires_ms", 38, 8}, {"dh", 46, 32}, {"kem", 78, 1184}, {"signature", 1262, 64},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

json_t *make_account(const json_t *request) {
    (void)request;
    struct entropy entropy = entropy_system();
    struct account_keys keys;
    struct buffer saved;
    buffer_init(&saved, KEYS_MAX_BYTES);
    forge_check(account_keys_generate(&entropy, &keys), "account");
    forge_check(account_keys_save(&keys, &saved), "account");
    json_t *answer = json_object();
    answer_bytes(answer, "account", buffer_view(&saved));
    account_keys_clear(&keys);
    buffer_clear(&saved);
    return answer;
}

json_t *make_device(const json_t *request) {
    (void)request;
    struct entropy entropy = entropy_system();
    struct device_keys keys;
    struct buffer saved;
    buffer_init(&saved, KEYS_MAX_BYTES);
    forge_check(device_keys_generate(&entropy, &keys), "device");
    forge_check(device_keys_save(&keys, &saved), "device");
    json_t *answer = json_object();
    answer_bytes(answer, "device", buffer_view(&saved));
    device_keys_clear(&keys);
    buffer_clear(&saved);
    return answer;
}

void load_device(const json_t *request, struct device_keys *keys) {
    struct buffer saved;
    buffer_init(&saved, KEYS_MAX_BYTES);
    request_bytes(request, "device", &saved);
    forge_check(device_keys_load(buffer_view(&saved), keys), "device");
    buffer_clear(&saved);
}

static void load_account(const json_t *request, struct account_keys *keys) {
    struct buffer saved;
    buffer_init(&saved, KEYS_MAX_BYTES);
    request_bytes(request, "account", &saved);
    forge_check(account_keys_load(buffer_view(&saved), keys), "account");
    buffer_clear(&saved);
}

static void sign_certificate(const struct account_keys *account, uint8_t *object) {
    struct bytes body = bytes_make(object, CERTIFICATE_BODY_BYTES);
    uint8_t *signature = object + CERTIFICATE_BODY_BYTES;
    forge_check(ed25519_sign(&account->ed25519, lb(LABEL_SIG_CERT), body, signature), "signature");
    forge_check(mldsa_sign(&account->mldsa, lb(LABEL_SIG_CERT), body, true,
                           signature + ED25519_SIGNATURE_BYTES),
                "signature");
}

json_t *make_certificate(const json_t *request) {
    struct account_keys account;
    struct device_keys device;
    struct user_name name;
    uint8_t object[CERTIFICATE_BYTES];
    load_account(request, &account);
    load_device(request, &device);
    forge_check(user_name_parse(bytes_of_string(request_string(request, "name")), &name), "name");
    forge_check(
        certificate_make(&account, &device, &name, (uint32_t)request_number(request, "epoch", 1),
                         request_number(request, "created_ms", request_now(request)), object),
        "certificate");

    bool sign = true;
    if (override_fields(request, CERTIFICATE_FIELDS, COUNT(CERTIFICATE_FIELDS), object, &sign) &&
        sign) {
        sign_certificate(&account, object);
        /* An overridden signature survives the signing. */
        (void)override_fields(request, CERTIFICATE_FIELDS, COUNT(CERTIFICATE_FIELDS), object,
                              &sign);
    }

    struct certificate parsed;
    json_t *answer = json_object();
    answer_bytes(answer, "certificate", bytes_of(object));
    if (certificate_parse(bytes_of(object), &parsed) == OK) {
        answer_bytes(answer, "cid", bytes_of(parsed.cid));
        answer_bytes(answer, "afp", bytes_of(parsed.afp));
    }
    account_keys_clear(&account);
    device_keys_clear(&device);
    return answer;
}

/** Overrides and signs a prekey object, then puts it and its private half into an answer. */
static json_t *finish_prekey(const json_t *request, const struct device_keys *device,
                             struct prekey_secret *secret, uint8_t *object, bool is_set) {
    size_t body_bytes = is_set ? PREKEY_SET_BODY_BYTES : ONE_TIME_PREKEY_BODY_BYTES;
    const struct field *fields = is_set ? SET_FIELDS : ONE_TIME_FIELDS;
    size_t count = is_set ? COUNT(SET_FIELDS) : COUNT(ONE_TIME_FIELDS);
    bool sign = true;
    if (override_fields(request, fields, count, object, &sign) && sign) {
        forge_check(ed25519_sign(&device->signing, lb(is_set ? LABEL_SIG_PREKEYS : LABEL_SIG_OTK),
                                 bytes_make(object, body_bytes), object + body_bytes),
                    "signature");
        (void)override_fields(request, fields, count, object, &sign);
    }
    const struct bytes parts[] = {lb(is_set ? LABEL_PREKEYS : LABEL_OTK),
                                  bytes_make(object, body_bytes)};
    forge_check(sha256(parts, 2, secret->hash), "hash");

    struct buffer saved;
    buffer_init(&saved, KEYS_MAX_BYTES);
    forge_check(prekey_secret_save(secret, &saved), "prekey");
    json_t *answer = json_object();
    answer_bytes(answer, "object", bytes_make(object, body_bytes + ED25519_SIGNATURE_BYTES));
    answer_bytes(answer, "secret", buffer_view(&saved));
    answer_bytes(answer, "hash", bytes_of(secret->hash));
    forge_check(json_object_set_new(answer, "id", json_integer((json_int_t)secret->id)) == 0
                    ? OK
                    : ERR_MEMORY,
                "id");
    buffer_clear(&saved);
    prekey_secret_clear(secret);
    return answer;
}

json_t *make_prekey_set(const json_t *request) {
    struct entropy entropy = entropy_system();
    struct device_keys device;
    struct prekey_secret secret;
    uint8_t cid[HASH_BYTES];
    uint8_t object[PREKEY_SET_BYTES];
    load_device(request, &device);
    request_fixed(request, "cid", cid, sizeof(cid));
    forge_check(prekey_set_make(&entropy, &device, cid,
                                (uint32_t)request_number(request, "set_id", 1),
                                request_now(request), &secret, object),
                "prekey set");
    json_t *answer = finish_prekey(request, &device, &secret, object, true);
    device_keys_clear(&device);
    return answer;
}

json_t *make_one_time(const json_t *request) {
    struct entropy entropy = entropy_system();
    struct device_keys device;
    struct prekey_secret secret;
    uint8_t cid[HASH_BYTES];
    uint8_t object[ONE_TIME_PREKEY_BYTES];
    load_device(request, &device);
    request_fixed(request, "cid", cid, sizeof(cid));
    forge_check(one_time_prekey_make(&entropy, &device, cid, request_now(request), &secret, object),
                "one-time prekey");
    json_t *answer = finish_prekey(request, &device, &secret, object, false);
    device_keys_clear(&device);
    return answer;
}
