/* SPDX-License-Identifier: ISC */
/* Sessions that go on from one request to the next. */
#include "forge.h"

#include <string.h>

enum { SESSION_MAX_BYTES = 16384 };

void answer_session(json_t *answer, const struct session *session) {
    struct buffer saved;
    buffer_init(&saved, SESSION_MAX_BYTES);
    forge_check(session_save(session, &saved), "session");
    answer_bytes(answer, "session", buffer_view(&saved));
    buffer_clear(&saved);
}

static void load_session(const json_t *request, struct session *session) {
    struct buffer saved;
    buffer_init(&saved, SESSION_MAX_BYTES);
    request_bytes(request, "session", &saved);
    forge_check(session_load(buffer_view(&saved), session), "session");
    buffer_clear(&saved);
}

void seal_bodies(const json_t *request, const struct own *own, struct session *session,
                 json_t *answer) {
    struct entropy entropy = entropy_system();
    uint64_t now_ms = request_now(request);
    json_t *envelopes = json_array();
    size_t index = 0;
    const json_t *text = NULL;
    json_array_foreach(json_object_get(request, "bodies"), index, text) {
        struct buffer body;
        struct buffer envelope;
        uint8_t chain_id[CHAIN_ID_BYTES];
        uint32_t n = 0;
        buffer_init(&body, BODY_MAX_BYTES);
        buffer_init(&envelope, ENVELOPE_MAX_BYTES);
        hex_bytes(json_string_value(text), &body);
        forge_check(session_seal(session, &own->device, &entropy, now_ms, buffer_view(&body),
                                 &envelope, chain_id, &n),
                    "seal");
        json_t *one = json_object();
        answer_bytes(one, "envelope", buffer_view(&envelope));
        forge_check(json_array_append_new(envelopes, one) == 0 ? OK : ERR_MEMORY, "envelopes");
        buffer_clear(&body);
        buffer_clear(&envelope);
    }
    forge_check(json_object_set_new(answer, "envelopes", envelopes) == 0 ? OK : ERR_MEMORY,
                "answer");
}

/** What a sender who breaks the rules of 1.6 leaves out of the chain that it begins. */
static void leave_out(const json_t *request, struct session *session) {
    const json_t *lacks = json_object_get(request, "lacks");
    if (lacks == NULL) {
        return;
    }
    const char *part = json_string_value(lacks);
    if (strcmp(part, "auth") == 0) {
        session->chains_sent++; /* the flag stands in the first chain only */
    } else if (strcmp(part, "ct") == 0) {
        session->has_peer_kem = false;
    } else {
        forge_fail("nothing of that name can be left out", part);
    }
}

json_t *make_seal(const json_t *request) {
    struct own own;
    struct session session;
    load_own(request, &own);
    load_session(request, &session);
    leave_out(request, &session);
    json_t *answer = json_object();
    seal_bodies(request, &own, &session, answer);
    answer_bytes(answer, "sid", bytes_of(session.sid));
    answer_session(answer, &session);
    session_clear(&session);
    device_keys_clear(&own.keys);
    return answer;
}

json_t *make_open(const json_t *request) {
    struct own own;
    struct session session;
    struct session_change change;
    struct buffer envelope;
    struct buffer body;
    load_own(request, &own);
    load_session(request, &session);
    buffer_init(&envelope, ENVELOPE_MAX_BYTES);
    buffer_init(&body, BODY_MAX_BYTES);
    request_bytes(request, "envelope", &envelope);
    forge_check(session_open(&session, &own.device, buffer_view(&envelope), request_now(request),
                             &body, &change),
                "open");
    json_t *answer = json_object();
    answer_bytes(answer, "body", buffer_view(&body));
    answer_session(answer, &session);
    session_clear(&session);
    device_keys_clear(&own.keys);
    buffer_clear(&envelope);
    buffer_clear(&body);
    return answer;
}
