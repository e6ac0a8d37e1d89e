/* SPDX-License-Identifier: ISC */
/* ML-DSA-65. */
#include "crypto/mldsa.h"
#include "suite.h"

#include <string.h>

/* What is signed in a case: mu where it gives no message, else message and context. */
static void read_input(const struct vector_case *c, struct field *message, struct field *context,
                       struct mldsa_input *input) {
    input->message_is_mu = !field_exists(c->test, "msg");
    context->size = 0;
    field_read(c->test, input->message_is_mu ? "mu" : "msg", message);
    if (field_exists(c->test, "ctx")) {
        field_read(c->test, "ctx", context);
    }
    input->message = field_view(message);
    input->context = field_view(context);
}

enum verdict run_mldsa_verify(const struct vector_case *c) {
    struct field public_key;
    struct field message;
    struct field context;
    struct field signature;
    struct mldsa_input input = {0};
    field_read(c->group, "publicKey", &public_key);
    field_read(c->test, "sig", &signature);
    read_input(c, &message, &context, &input);
    if (public_key.size != MLDSA_PUBLIC_BYTES || signature.size != MLDSA_SIGNATURE_BYTES) {
        return refused_by_length(c);
    }
    enum error wanted = is_valid(c) ? OK : ERR_SIGNATURE;
    bool agrees = mldsa_verify_input(public_key.data, &input, signature.data) == wanted;
    if (!input.message_is_mu && context.size == 0) {
        size_t cut = message.size / 2;
        agrees = agrees && mldsa_verify(public_key.data, bytes_make(message.data, cut),
                                        bytes_make(message.data + cut, message.size - cut),
                                        signature.data) == wanted;
    }
    return verdict_of(agrees);
}

/* The signature of the case, from its seed, and by our own door where the case needs no more. */
static bool signs_as_told(const struct secret_32 *seed, const struct mldsa_input *input,
                          const struct field *signature) {
    uint8_t made[MLDSA_SIGNATURE_BYTES];
    bool agrees = mldsa_sign_input(seed, input, made) == OK &&
                  bytes_equal(bytes_of(made), field_view(signature));
    if (agrees && !input->message_is_mu && input->context.size == 0 && input->rnd == NULL) {
        size_t cut = input->message.size / 2;
        agrees = mldsa_sign(seed, bytes_make(input->message.data, cut),
                            bytes_make(input->message.data + cut, input->message.size - cut), true,
                            made) == OK &&
                 bytes_equal(bytes_of(made), field_view(signature));
    }
    return agrees;
}

enum verdict run_mldsa_sign(const struct vector_case *c) {
    struct field field;
    struct field message;
    struct field context;
    struct field wanted;
    struct secret_32 seed;
    struct secret_32 rnd;
    struct mldsa_input input = {.deterministic = true};
    uint8_t made[MLDSA_SIGNATURE_BYTES];
    uint8_t public_key[MLDSA_PUBLIC_BYTES];
    field_read(c->group, "privateSeed", &field);
    if (field.size != sizeof(seed.bytes)) {
        return refused_by_length(c);
    }
    memcpy(seed.bytes, field.data, sizeof(seed.bytes));
    read_input(c, &message, &context, &input);
    if (field_exists(c->test, "rnd")) {
        field_read(c->test, "rnd", &field);
        memcpy(rnd.bytes, field.data, sizeof(rnd.bytes));
        input.rnd = &rnd;
        input.deterministic = false;
    }
    if (!is_valid(c)) {
        return verdict_of(mldsa_sign_input(&seed, &input, made) == ERR_CRYPTO);
    }
    field_read(c->group, "publicKey", &field);
    field_read(c->test, "sig", &wanted);
    return verdict_of(mldsa_public(&seed, public_key) == OK &&
                      bytes_equal(bytes_of(public_key), field_view(&field)) &&
                      signs_as_told(&seed, &input, &wanted) &&
                      mldsa_verify_input(public_key, &input, wanted.data) == OK);
}
