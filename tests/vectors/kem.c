/* SPDX-License-Identifier: ISC */
/* ML-KEM-768: Wycheproof and NIST ACVP. */
#include "crypto/kem.h"
#include "expanded.h"
#include "suite.h"

#include <string.h>

static bool same_as_field(const void *data, size_t size, const json_t *object, const char *name) {
    struct field field;
    field_read(object, name, &field);
    return bytes_equal(bytes_make(data, size), field_view(&field));
}

/* Both forms of the key pair that `seed` makes. */
static bool makes_keys(const struct secret_64 *seed, const json_t *expected) {
    uint8_t ek[KEM_PUBLIC_BYTES];
    uint8_t dk[KEM_EXPANDED_BYTES];
    return kem_public(seed, ek) == OK && same_as_field(ek, sizeof(ek), expected, "ek") &&
           kem_check_public(ek) == OK && expanded_of_seed(seed, dk) &&
           same_as_field(dk, sizeof(dk), expected, "dk");
}

enum verdict run_kem_keygen(const struct vector_case *c) {
    struct field field;
    struct secret_64 seed;
    field_read(c->test, "seed", &field);
    if (field.size != sizeof(seed.bytes)) {
        return refused_by_length(c);
    }
    memcpy(seed.bytes, field.data, sizeof(seed.bytes));
    return verdict_of(is_valid(c) && makes_keys(&seed, c->expected));
}

/* Whether the key and randomness of a case make its ciphertext and secret, named as given. */
static bool encapsulates(const struct field *ek, const struct field *m, const json_t *expected,
                         const char *secret_name) {
    uint8_t ciphertext[KEM_CIPHERTEXT_BYTES];
    struct secret_32 random;
    struct secret_32 shared;
    memcpy(random.bytes, m->data, sizeof(random.bytes));
    return kem_check_public(ek->data) == OK &&
           kem_encapsulate_with(ek->data, &random, ciphertext, &shared) == OK &&
           same_as_field(ciphertext, sizeof(ciphertext), expected, "c") &&
           same_as_field(shared.bytes, sizeof(shared.bytes), expected, secret_name);
}

static bool refuses_public(const struct field *ek) {
    uint8_t ciphertext[KEM_CIPHERTEXT_BYTES];
    struct secret_32 shared;
    return kem_check_public(ek->data) == ERR_KEY &&
           kem_encapsulate(ek->data, ciphertext, &shared) == ERR_KEY;
}

enum verdict run_kem_encapsulate(const struct vector_case *c) {
    struct field ek;
    struct field m;
    field_read(c->test, "ek", &ek);
    field_read(c->test, "m", &m);
    if (ek.size != KEM_PUBLIC_BYTES || m.size != sizeof(struct secret_32)) {
        return refused_by_length(c);
    }
    return verdict_of(is_valid(c) ? encapsulates(&ek, &m, c->test, "K") : refuses_public(&ek));
}

enum verdict run_kem_decapsulate(const struct vector_case *c) {
    struct field field;
    struct field ciphertext;
    struct secret_64 seed;
    struct secret_32 shared;
    uint8_t ek[KEM_PUBLIC_BYTES];
    field_read(c->test, "seed", &field);
    field_read(c->test, "c", &ciphertext);
    if (field.size != sizeof(seed.bytes) || ciphertext.size != KEM_CIPHERTEXT_BYTES) {
        return refused_by_length(c);
    }
    memcpy(seed.bytes, field.data, sizeof(seed.bytes));
    return verdict_of(is_valid(c) && kem_public(&seed, ek) == OK &&
                      same_as_field(ek, sizeof(ek), c->test, "ek") &&
                      kem_decapsulate(&seed, ciphertext.data, &shared) == OK &&
                      same_as_field(shared.bytes, sizeof(shared.bytes), c->test, "K"));
}

static bool decapsulates_to(const struct field *dk, const struct field *ciphertext,
                            const json_t *expected, const char *secret_name) {
    struct secret_32 shared;
    return expanded_decapsulate(field_view(dk), field_view(ciphertext), &shared) &&
           same_as_field(shared.bytes, sizeof(shared.bytes), expected, secret_name);
}

enum verdict run_kem_expanded(const struct vector_case *c) {
    struct field dk;
    struct field ciphertext;
    struct secret_32 shared;
    field_read(c->test, "dk", &dk);
    field_read(c->test, "c", &ciphertext);
    if (is_valid(c)) {
        return verdict_of(decapsulates_to(&dk, &ciphertext, c->test, "K"));
    }
    return verdict_of(!expanded_decapsulate(field_view(&dk), field_view(&ciphertext), &shared));
}

static bool is_our_set(const struct vector_case *c) {
    return strcmp(text_of(c->group, "parameterSet"), "ML-KEM-768") == 0;
}

enum verdict run_acvp_keygen(const struct vector_case *c) {
    struct field d;
    struct field z;
    struct secret_64 seed;
    if (!is_our_set(c)) {
        return NOT_APPLICABLE;
    }
    field_read(c->test, "d", &d);
    field_read(c->test, "z", &z);
    if (d.size != sizeof(seed.bytes) / 2 || z.size != sizeof(seed.bytes) / 2) {
        return DIFFERS;
    }
    memcpy(seed.bytes, d.data, d.size);
    memcpy(seed.bytes + d.size, z.data, z.size);
    return verdict_of(makes_keys(&seed, c->expected));
}

static enum verdict run_acvp_encapsulation(const struct vector_case *c) {
    struct field ek;
    struct field m;
    field_read(c->test, "ek", &ek);
    field_read(c->test, "m", &m);
    return verdict_of(ek.size == KEM_PUBLIC_BYTES && m.size == sizeof(struct secret_32) &&
                      encapsulates(&ek, &m, c->expected, "k"));
}

static enum verdict run_acvp_decapsulation(const struct vector_case *c) {
    struct field dk;
    struct field ciphertext;
    field_read(c->test, "dk", &dk);
    field_read(c->test, "c", &ciphertext);
    return verdict_of(decapsulates_to(&dk, &ciphertext, c->expected, "k"));
}

static enum verdict run_acvp_private_check(const struct vector_case *c) {
    struct field dk;
    bool good = json_is_true(json_object_get(c->expected, "testPassed"));
    field_read(c->test, "dk", &dk);
    return verdict_of(expanded_is_valid(field_view(&dk)) == good);
}

static enum verdict run_acvp_public_check(const struct vector_case *c) {
    struct field ek;
    bool good = json_is_true(json_object_get(c->expected, "testPassed"));
    field_read(c->test, "ek", &ek);
    if (ek.size != KEM_PUBLIC_BYTES) {
        return good ? DIFFERS : BY_LENGTH;
    }
    return verdict_of(good ? kem_check_public(ek.data) == OK : refuses_public(&ek));
}

enum verdict run_acvp_encap_decap(const struct vector_case *c) {
    static const struct {
        const char *name;
        run_case *run;
    } functions[] = {
        {"encapsulation", run_acvp_encapsulation},
        {"decapsulation", run_acvp_decapsulation},
        {"decapsulationKeyCheck", run_acvp_private_check},
        {"encapsulationKeyCheck", run_acvp_public_check},
    };
    if (!is_our_set(c)) {
        return NOT_APPLICABLE;
    }
    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
        if (strcmp(text_of(c->group, "function"), functions[i].name) == 0) {
            return functions[i].run(c);
        }
    }
    return DIFFERS;
}
