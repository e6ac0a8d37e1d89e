/* SPDX-License-Identifier: ISC */
/* X25519 and ML-KEM-768. */
#include "testing.h"

#include "crypto/dh.h"
#include "crypto/kem.h"

#include <openssl/err.h>
#include <string.h>

static void both_sides_derive_the_same(void **state) {
    struct secret_32 a = {{0}};
    struct secret_32 b = {{0}};
    struct secret_32 ab;
    struct secret_32 ba;
    uint8_t a_public[DH_PUBLIC_BYTES];
    uint8_t b_public[DH_PUBLIC_BYTES];
    (void)state;
    memset(a.bytes, 0x11, sizeof(a.bytes));
    memset(b.bytes, 0x22, sizeof(b.bytes));
    assert_int_equal(dh_public(&a, a_public), OK);
    assert_int_equal(dh_public(&b, b_public), OK);
    assert_int_equal(dh_derive(&a, b_public, &ab), OK);
    assert_int_equal(dh_derive(&b, a_public, &ba), OK);
    assert_memory_equal(&ab, &ba, sizeof(ab));
    assert_memory_not_equal(a_public, b_public, sizeof(a_public));
}

static void an_all_zero_secret_is_refused_and_leaves_nothing(void **state) {
    const uint8_t zero[32] = {0};
    uint8_t low_order[DH_PUBLIC_BYTES] = {1};
    struct secret_32 own = {{5}};
    struct secret_32 shared;
    (void)state;
    memset(&shared, 0xaa, sizeof(shared));
    assert_int_equal(dh_derive(&own, zero, &shared), ERR_KEY);
    assert_memory_equal(&shared, zero, sizeof(zero));
    memset(&shared, 0xaa, sizeof(shared));
    assert_int_equal(dh_derive(&own, low_order, &shared), ERR_KEY);
    assert_memory_equal(&shared, zero, sizeof(zero));
    assert_true(ERR_peek_error() == 0);
}

static struct secret_64 seed_of(uint8_t byte) {
    struct secret_64 seed;
    memset(seed.bytes, byte, sizeof(seed.bytes));
    return seed;
}

static void what_is_encapsulated_is_decapsulated(void **state) {
    const struct secret_64 seed = seed_of(3);
    struct secret_32 sent;
    struct secret_32 received;
    struct secret_32 again;
    uint8_t ek[KEM_PUBLIC_BYTES];
    uint8_t ct[KEM_CIPHERTEXT_BYTES];
    uint8_t other[KEM_CIPHERTEXT_BYTES];
    (void)state;
    assert_int_equal(kem_public(&seed, ek), OK);
    assert_int_equal(kem_check_public(ek), OK);
    assert_int_equal(kem_encapsulate(ek, ct, &sent), OK);
    assert_int_equal(kem_decapsulate(&seed, ct, &received), OK);
    assert_memory_equal(&sent, &received, sizeof(sent));
    assert_int_equal(kem_encapsulate(ek, other, &again), OK);
    assert_memory_not_equal(ct, other, sizeof(ct));
    assert_memory_not_equal(&sent, &again, sizeof(sent));
}

static void given_randomness_gives_one_ciphertext(void **state) {
    const struct secret_64 seed = seed_of(4);
    const struct secret_32 m = {{42}};
    const struct secret_32 n = {{43}};
    struct secret_32 a;
    struct secret_32 b;
    uint8_t ek[KEM_PUBLIC_BYTES];
    uint8_t ct_a[KEM_CIPHERTEXT_BYTES];
    uint8_t ct_b[KEM_CIPHERTEXT_BYTES];
    (void)state;
    assert_int_equal(kem_public(&seed, ek), OK);
    assert_int_equal(kem_encapsulate_with(ek, &m, ct_a, &a), OK);
    assert_int_equal(kem_encapsulate_with(ek, &m, ct_b, &b), OK);
    assert_memory_equal(ct_a, ct_b, sizeof(ct_a));
    assert_memory_equal(&a, &b, sizeof(a));
    assert_int_equal(kem_encapsulate_with(ek, &n, ct_b, &b), OK);
    assert_memory_not_equal(ct_a, ct_b, sizeof(ct_a));
}

/* Implicit rejection: no error, a secret that nobody else has, the same each time. */
static void a_bad_ciphertext_gives_an_unrelated_secret(void **state) {
    const struct secret_64 seed = seed_of(5);
    struct secret_32 sent;
    struct secret_32 a;
    struct secret_32 b;
    uint8_t ek[KEM_PUBLIC_BYTES];
    uint8_t ct[KEM_CIPHERTEXT_BYTES];
    (void)state;
    assert_int_equal(kem_public(&seed, ek), OK);
    assert_int_equal(kem_encapsulate(ek, ct, &sent), OK);
    ct[500] ^= 1;
    assert_int_equal(kem_decapsulate(&seed, ct, &a), OK);
    assert_int_equal(kem_decapsulate(&seed, ct, &b), OK);
    assert_memory_not_equal(&sent, &a, sizeof(sent));
    assert_memory_equal(&a, &b, sizeof(a));
}

static void a_coefficient_over_the_modulus_is_refused(void **state) {
    const struct secret_64 seed = seed_of(6);
    struct secret_32 shared;
    uint8_t ek[KEM_PUBLIC_BYTES];
    uint8_t ct[KEM_CIPHERTEXT_BYTES];
    (void)state;
    assert_int_equal(kem_public(&seed, ek), OK);
    ek[0] = 0xff;
    ek[1] |= 0x0f;
    assert_int_equal(kem_check_public(ek), ERR_KEY);
    assert_int_equal(kem_encapsulate(ek, ct, &shared), ERR_KEY);
    assert_true(ERR_peek_error() == 0);
}

/* The own check of the modulus against OpenSSL's, at every coefficient and on both sides of 3329.
 */
static void the_modulus_check_is_that_of_the_library(void **state) {
    enum { COEFFICIENTS = 768 };
    static const unsigned VALUES[] = {3328, 3329, 4095};
    const struct secret_64 seed = seed_of(7);
    struct secret_32 shared;
    uint8_t good[KEM_PUBLIC_BYTES];
    uint8_t ek[KEM_PUBLIC_BYTES];
    uint8_t ct[KEM_CIPHERTEXT_BYTES];
    (void)state;
    assert_int_equal(kem_public(&seed, good), OK);
    for (size_t i = 0; i < COEFFICIENTS; i++) {
        unsigned value = VALUES[i % ROWS(VALUES)];
        uint8_t *at = ek + i / 2 * 3;
        memcpy(ek, good, sizeof(ek));
        if (i % 2 == 0) {
            at[0] = (uint8_t)(value & 0xff);
            at[1] = (uint8_t)((at[1] & 0xf0) | value >> 8);
        } else {
            at[1] = (uint8_t)((at[1] & 0x0f) | (value & 0x0f) << 4);
            at[2] = (uint8_t)(value >> 4);
        }
        assert_int_equal(kem_check_public(ek), value < 3329 ? OK : ERR_KEY);
        assert_int_equal(kem_encapsulate(ek, ct, &shared), value < 3329 ? OK : ERR_KEY);
    }
}

static void a_pair_in_memory_decapsulates_the_same(void **state) {
    const struct secret_64 seed = seed_of(8);
    struct kem_pair *pair = NULL;
    struct secret_32 sent;
    struct secret_32 received;
    struct secret_32 other;
    uint8_t ek[KEM_PUBLIC_BYTES];
    uint8_t ct[KEM_CIPHERTEXT_BYTES];
    (void)state;
    assert_int_equal(kem_public(&seed, ek), OK);
    assert_int_equal(kem_pair_new(&seed, &pair), OK);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(kem_encapsulate(ek, ct, &sent), OK);
        assert_int_equal(kem_pair_decapsulate(pair, ct, &received), OK);
        assert_memory_equal(&sent, &received, sizeof(sent));
        ct[7] ^= 1;
        assert_int_equal(kem_decapsulate(&seed, ct, &other), OK);
        assert_int_equal(kem_pair_decapsulate(pair, ct, &received), OK);
        assert_memory_equal(&other, &received, sizeof(other));
    }
    kem_pair_free(pair);
    kem_pair_free(NULL);
}

/* The same answer to the same ciphertext under another one-time key is another secret: with ct and
 * key in the transcript as well, a first message is for one key only. */
static void another_key_decapsulates_to_another_secret(void **state) {
    const struct secret_64 seed = seed_of(9);
    const struct secret_64 next = seed_of(10);
    struct secret_32 sent;
    struct secret_32 received;
    uint8_t ek[KEM_PUBLIC_BYTES];
    uint8_t ct[KEM_CIPHERTEXT_BYTES];
    (void)state;
    assert_int_equal(kem_public(&seed, ek), OK);
    assert_int_equal(kem_encapsulate(ek, ct, &sent), OK);
    assert_int_equal(kem_decapsulate(&next, ct, &received), OK);
    assert_memory_not_equal(&sent, &received, sizeof(sent));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_sides_derive_the_same),
        cmocka_unit_test(an_all_zero_secret_is_refused_and_leaves_nothing),
        cmocka_unit_test(what_is_encapsulated_is_decapsulated),
        cmocka_unit_test(given_randomness_gives_one_ciphertext),
        cmocka_unit_test(a_bad_ciphertext_gives_an_unrelated_secret),
        cmocka_unit_test(a_coefficient_over_the_modulus_is_refused),
        cmocka_unit_test(the_modulus_check_is_that_of_the_library),
        cmocka_unit_test(a_pair_in_memory_decapsulates_the_same),
        cmocka_unit_test(another_key_decapsulates_to_another_secret),
    };
    return cmocka_run_group_tests_name("kem", tests, NULL, NULL);
}
