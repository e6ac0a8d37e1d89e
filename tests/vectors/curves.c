/* SPDX-License-Identifier: ISC */
/* X25519 and Ed25519. */
#include "crypto/dh.h"
#include "crypto/signature.h"
#include "suite.h"

#include <string.h>

/* "acceptable" are the odd public keys that an implementation may refuse. Ours takes them, as RFC
 * 7748 has it, but for those whose shared secret is all zero. */
enum verdict run_x25519(const struct vector_case *c) {
    struct field public_key;
    struct field private_key;
    struct field shared;
    struct secret_32 own;
    struct secret_32 made;
    field_read(c->test, "public", &public_key);
    field_read(c->test, "private", &private_key);
    field_read(c->test, "shared", &shared);
    if (public_key.size != DH_PUBLIC_BYTES || private_key.size != sizeof(own.bytes)) {
        return refused_by_length(c);
    }
    memcpy(own.bytes, private_key.data, sizeof(own.bytes));
    enum error error = dh_derive(&own, public_key.data, &made);
    if (has_flag(c, "ZeroSharedSecret")) {
        return verdict_of(error == ERR_KEY);
    }
    return verdict_of(error == OK && bytes_equal(bytes_of(made.bytes), field_view(&shared)));
}

enum verdict run_ed25519(const struct vector_case *c) {
    struct field public_key;
    struct field message;
    struct field signature;
    field_read(json_object_get(c->group, "publicKey"), "pk", &public_key);
    field_read(c->test, "msg", &message);
    field_read(c->test, "sig", &signature);
    if (public_key.size != ED25519_PUBLIC_BYTES || signature.size != ED25519_SIGNATURE_BYTES) {
        return refused_by_length(c);
    }
    enum error whole =
        ed25519_verify(public_key.data, bytes_make(NULL, 0), field_view(&message), signature.data);
    size_t cut = message.size / 2;
    enum error parts =
        ed25519_verify(public_key.data, bytes_make(message.data, cut),
                       bytes_make(message.data + cut, message.size - cut), signature.data);
    return verdict_of(whole == (is_valid(c) ? OK : ERR_SIGNATURE) && parts == whole);
}
