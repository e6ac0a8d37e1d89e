/* SPDX-License-Identifier: ISC */
#include "forge.h"

#include <string.h>

enum { BUNDLE_MAX_BYTES = CERTIFICATE_BYTES + PREKEY_SET_BYTES + ONE_TIME_PREKEY_BYTES };

json_t *make_login(const json_t *request) {
    struct device_keys device;
    uint8_t exporter[32];
    uint8_t proof[2 + HASH_BYTES + ED25519_SIGNATURE_BYTES] = {0x01, 0x20};
    load_device(request, &device);
    request_fixed(request, "exporter", exporter, sizeof(exporter));
    request_fixed(request, "cid", proof + 2, HASH_BYTES);
    forge_check(login_sign(&device, exporter, proof + 2, proof + 2 + HASH_BYTES), "login");
    json_t *answer = json_object();
    answer_bytes(answer, "login", bytes_of(proof));
    device_keys_clear(&device);
    return answer;
}

void load_own(const json_t *request, struct own *own) {
    load_device(request, &own->keys);
    request_fixed(request, "certificate", own->certificate, sizeof(own->certificate));
    forge_check(certificate_parse(bytes_of(own->certificate), &own->parsed), "certificate");
    own->device = (struct own_device){
        .certificate = own->certificate, .parsed = &own->parsed, .keys = &own->keys};
}

/** Seals each of "bodies" (hex) in a new session with the owner of the bundle. */
json_t *make_initial(const json_t *request) {
    struct entropy entropy = entropy_system();
    struct own own;
    struct user_name name;
    struct bundle bundle;
    struct session session;
    struct buffer peer;
    uint64_t now_ms = request_now(request);
    load_own(request, &own);
    buffer_init(&peer, BUNDLE_MAX_BYTES);
    request_bytes(request, "bundle", &peer);
    forge_check(user_name_parse(bytes_of_string(request_string(request, "name")), &name), "name");
    forge_check(bundle_verify(buffer_view(&peer), &name, now_ms, NULL, &bundle), "bundle");
    forge_check(session_start(&own.device, &bundle, &entropy, now_ms, &session), "session");

    json_t *answer = json_object();
    seal_bodies(request, &own, &session, answer);
    answer_bytes(answer, "sid", bytes_of(session.sid));
    answer_session(answer, &session);
    session_clear(&session);
    buffer_clear(&peer);
    device_keys_clear(&own.keys);
    return answer;
}

static void load_prekey(const json_t *request, const char *field, struct prekey_secret *secret) {
    struct buffer saved;
    buffer_init(&saved, 1024);
    request_bytes(request, field, &saved);
    forge_check(prekey_secret_load(buffer_view(&saved), secret), field);
    buffer_clear(&saved);
}

/** Opens an INITIAL with the private keys given: what a recipient would read. */
json_t *make_accept(const json_t *request) {
    struct own own;
    struct prekey_secret set;
    struct prekey_secret one_time;
    struct certificate peer;
    struct initial initial;
    struct session session;
    struct buffer envelope;
    struct buffer body;
    uint64_t now_ms = request_now(request);
    bool has_one_time = json_object_get(request, "one_time") != NULL;
    load_own(request, &own);
    load_prekey(request, "set", &set);
    if (has_one_time) {
        load_prekey(request, "one_time", &one_time);
    }
    buffer_init(&envelope, ENVELOPE_MAX_BYTES);
    buffer_init(&body, BODY_MAX_BYTES);
    request_bytes(request, "envelope", &envelope);
    forge_check(initial_parse(buffer_view(&envelope), &initial), "initial");
    forge_check(certificate_verify(initial.certificate, now_ms, PRIVATE_KEY_GRACE_MS, &peer),
                "certificate of the sender");
    forge_check(session_accept(&own.device, &peer, &initial, &set, has_one_time ? &one_time : NULL,
                               now_ms, &session, &body),
                "accept");
    json_t *answer = json_object();
    answer_bytes(answer, "body", buffer_view(&body));
    answer_session(answer, &session);
    forge_check(json_object_set_new(answer, "name", json_string(peer.name.text)) == 0 ? OK
                                                                                      : ERR_MEMORY,
                "answer");
    session_clear(&session);
    prekey_secret_clear(&set);
    if (has_one_time) {
        prekey_secret_clear(&one_time);
    }
    device_keys_clear(&own.keys);
    buffer_clear(&envelope);
    buffer_clear(&body);
    return answer;
}
