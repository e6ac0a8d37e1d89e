/* SPDX-License-Identifier: ISC */
/* Runs the cases of one file of public test vectors (Wycheproof or NIST ACVP) and counts them. */
#ifndef SOTTO_TESTS_VECTORS_SUITE_H
#define SOTTO_TESTS_VECTORS_SUITE_H

#include "base/bytes.h"

#include <jansson.h>

enum verdict {
    AGREES,    /**< run, and the result is the file's */
    DIFFERS,   /**< run, and it is not */
    BY_LENGTH, /**< refused before the primitive is called: its arguments have one size, a type's */
    NOT_APPLICABLE, /**< about a parameter that sotto/1 does not use; the suite says which */
};

/** One case: its group, itself, and where its result stands (Wycheproof: `test` again). */
struct vector_case {
    const json_t *group;
    const json_t *test;
    const json_t *expected;
};

typedef enum verdict run_case(const struct vector_case *c);

/** One file. `cases` and `run` are what it holds at least and how many of them must be run, refused
 * by length included, so that a cut file or a renamed field is noticed. */
struct suite {
    const char *file;
    const char *results; /**< ACVP: the file with the results, else NULL */
    unsigned cases;
    unsigned run;
    run_case *run_case;
    const char *not_applicable; /**< what the cases are about that do not apply, else NULL */
};

/** Runs a suite below `directory` and prints one line. False when anything is wrong. */
bool suite_run(const struct suite *suite, const char *directory);

enum { FIELD_MAX_BYTES = 16384 };

/** The bytes of a hex field. */
struct field {
    uint8_t data[FIELD_MAX_BYTES];
    size_t size;
};

/** Reads a field that must be there; ends the program, with a message, when it is not hex. */
void field_read(const json_t *object, const char *name, struct field *field);

/** Whether there is such a field, and it is not null. */
bool field_exists(const json_t *object, const char *name);

struct bytes field_view(const struct field *field);

/** Text and number fields that must be there. */
const char *text_of(const json_t *object, const char *name);
size_t number_of(const json_t *object, const char *name);

/** Wycheproof: whether the case's result is "valid"; whether it carries a flag. */
bool is_valid(const struct vector_case *c);
bool has_flag(const struct vector_case *c, const char *flag);

/** For an argument of a wrong length: the file must call the case invalid. */
enum verdict refused_by_length(const struct vector_case *c);

/** AGREES or DIFFERS. */
enum verdict verdict_of(bool agrees);

/* The cases, one function a file; the table in vectors_test.c names them. */
run_case run_hmac, run_hkdf, run_cbc;
run_case run_x25519, run_ed25519;
run_case run_rsa_oaep;
run_case run_kem_keygen, run_kem_encapsulate, run_kem_decapsulate, run_kem_expanded;
run_case run_acvp_keygen, run_acvp_encap_decap;
run_case run_mldsa_verify, run_mldsa_sign;

#endif
