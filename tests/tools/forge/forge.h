/* SPDX-License-Identifier: ISC */
/* Makes objects of sotto/1 that an honest program would never make, for tests: one JSON request a
 * line on stdin, one JSON answer a line on stdout. Bytes are hex. Every request has "make":
 *
 *   account                                        -> account
 *   device                                         -> device
 *   certificate  account device name epoch? created_ms? fields?       -> certificate cid afp
 *   prekey_set   device cid set_id? now_ms? fields?                   -> object secret hash
 *   one_time     device cid now_ms? fields?                           -> object secret hash id
 *   login        device exporter cid                                  -> login (the 98 bytes)
 *   initial      device certificate bundle name bodies now_ms?        -> envelopes sid session
 *   accept       device certificate envelope set one_time? now_ms?    -> body name session
 *   seal         device certificate session bodies lacks? now_ms?     -> envelopes sid session
 *   open         device certificate session envelope now_ms?          -> body session
 *
 * `session` is the state that goes into the next request; skipped keys are not kept. `lacks` names
 * a part, "auth" or "ct", that the chain which `seal` begins leaves out although it has to be
 * there. `fields` overrides what stands at the places of section 1.3 of docs/PROTOCOL.md, by name,
 * before the object is signed: {"expires_ms": 0, "cid": "00…"}; "sign": false keeps the signature
 * of the object without overrides. Keys printed here are keys of tests. */
#ifndef SOTTO_TESTS_FORGE_H
#define SOTTO_TESTS_FORGE_H

#include "session/session.h"

#include <jansson.h>

/* fields.c: reading requests; a request that can't be served ends the program with status 2. */

/** Ends the program with status 2 and a line on stderr. */
no_return void forge_fail(const char *what, const char *detail);

/** Ends the program unless `error` is OK. */
void forge_check(enum error error, const char *what);

const char *request_string(const json_t *request, const char *name);
uint64_t request_number(const json_t *request, const char *name, uint64_t otherwise);

/** Bytes in hex under `name`: `request_fixed` takes exactly `size`, `request_bytes` any number up
 * to the buffer's cap. */
void request_fixed(const json_t *request, const char *name, uint8_t *out, size_t size);
void request_bytes(const json_t *request, const char *name, struct buffer *out);
void hex_bytes(const char *hex, struct buffer *out);

/** Adds bytes as hex to an answer. */
void answer_bytes(json_t *answer, const char *name, struct bytes bytes);

/** The present of this machine unless the request has "now_ms". */
uint64_t request_now(const json_t *request);

/** A field of a signed object: `size` 4 and 8 are integers, other sizes hex. */
struct field {
    const char *name;
    size_t offset;
    size_t size;
};

/** Writes what `fields` of the request names over `object`. `*sign` becomes false when the request
 * says so. Returns whether anything was overridden. */
bool override_fields(const json_t *request, const struct field *fields, size_t count,
                     uint8_t *object, bool *sign);

/* objects.c, messages.c: one function for each "make". */
json_t *make_account(const json_t *request);
json_t *make_device(const json_t *request);
json_t *make_certificate(const json_t *request);
json_t *make_prekey_set(const json_t *request);
json_t *make_one_time(const json_t *request);
json_t *make_login(const json_t *request);
json_t *make_initial(const json_t *request);
json_t *make_accept(const json_t *request);
json_t *make_seal(const json_t *request);
json_t *make_open(const json_t *request);

void load_device(const json_t *request, struct device_keys *keys);

/** The own device of a request: its keys and certificate, which may be one that no verifier takes.
 */
struct own {
    struct device_keys keys;
    uint8_t certificate[CERTIFICATE_BYTES];
    struct certificate parsed;
    struct own_device device;
};
void load_own(const json_t *request, struct own *own);

/* sessions.c */

/** Seals each of "bodies" (hex) and adds "envelopes" to the answer. */
void seal_bodies(const json_t *request, const struct own *own, struct session *session,
                 json_t *answer);

/** Adds "session". */
void answer_session(json_t *answer, const struct session *session);

#endif
