/* SPDX-License-Identifier: ISC */
#include "testing.h"

#include "crypto/entropy.h"

#include <string.h>

static void clearing_leaves_zeros(void **state) {
    struct secret_32 small;
    struct secret_64 large;
    const uint8_t zero[64] = {0};
    (void)state;
    memset(&small, 0x77, sizeof(small));
    memset(&large, 0x77, sizeof(large));
    secret_32_clear(&small);
    secret_64_clear(&large);
    assert_memory_equal(&small, zero, sizeof(small));
    assert_memory_equal(&large, zero, sizeof(large));
}

static void every_byte_counts_in_a_comparison(void **state) {
    uint8_t a[32];
    uint8_t b[32];
    (void)state;
    memset(a, 9, sizeof(a));
    memset(b, 9, sizeof(b));
    assert_true(secret_equal(bytes_of(a), bytes_of(b)));
    assert_false(secret_equal(bytes_of(a), bytes_make(b, 31)));
    assert_true(secret_equal(bytes_make(NULL, 0), bytes_make(b, 0)));
    for (size_t i = 0; i < sizeof(b); i++) {
        b[i] ^= 0x80;
        assert_false(secret_equal(bytes_of(a), bytes_of(b)));
        b[i] ^= 0x80;
    }
}

static void select_takes_one_or_the_other_whole(void **state) {
    struct secret_32 a;
    struct secret_32 b;
    struct secret_32 out;
    (void)state;
    for (size_t i = 0; i < sizeof(a.bytes); i++) {
        a.bytes[i] = (uint8_t)(i * 7);
        b.bytes[i] = (uint8_t)(255 - i);
    }
    secret_32_select(1, &a, &b, &out);
    assert_memory_equal(&out, &a, sizeof(out));
    secret_32_select(0, &a, &b, &out);
    assert_memory_equal(&out, &b, sizeof(out));
    secret_32_select(1, &a, &b, &b);
    assert_memory_equal(&b, &a, sizeof(b));
}

static void the_system_source_fills_whole_and_anew(void **state) {
    struct random_source source = random_system();
    struct entropy entropy = entropy_system();
    uint8_t a[64] = {0};
    uint8_t b[64] = {0};
    uint8_t guarded[48] = {0};
    size_t seen[sizeof(a)] = {0};
    (void)state;
    assert_int_equal(random_fill(&source, a, sizeof(a)), OK);
    assert_int_equal(entropy.fill(entropy.context, b, sizeof(b)), OK);
    assert_memory_not_equal(a, b, sizeof(a));
    for (int round = 0; round < 16; round++) { /* a byte that stays zero 16 times: 2^-128 */
        assert_int_equal(random_fill(&source, a, sizeof(a)), OK);
        for (size_t i = 0; i < sizeof(a); i++) {
            seen[i] += a[i] != 0;
        }
    }
    for (size_t i = 0; i < sizeof(a); i++) {
        assert_true(seen[i] > 0);
    }
    assert_int_equal(random_fill(&source, guarded, 32), OK);
    for (size_t i = 32; i < sizeof(guarded); i++) {
        assert_int_equal(guarded[i], 0);
    }
    assert_int_equal(random_fill(&source, a, 0), OK);
}

static void the_system_entropy_is_the_primitives(void **state) {
    struct entropy entropy = entropy_system();
    struct secret_64 seed;
    struct secret_32 sent;
    struct secret_32 received;
    struct rsa_private key;
    uint8_t ek[KEM_PUBLIC_BYTES];
    uint8_t ct[KEM_CIPHERTEXT_BYTES];
    uint8_t modulus[RSA_MODULUS_BYTES];
    uint8_t sealed[RSA_CIPHERTEXT_BYTES];
    (void)state;
    assert_int_equal(entropy.fill(entropy.context, seed.bytes, sizeof(seed.bytes)), OK);
    assert_int_equal(kem_public(&seed, ek), OK);
    assert_int_equal(entropy.encapsulate(entropy.context, ek, ct, &sent), OK);
    assert_int_equal(kem_decapsulate(&seed, ct, &received), OK);
    assert_memory_equal(&sent, &received, sizeof(sent));
    assert_int_equal(entropy.generate_rsa(entropy.context, &key), OK);
    assert_int_equal(rsa_modulus(&key, modulus), OK);
    assert_int_equal(entropy.encrypt(entropy.context, modulus, sealed, &sent), OK);
    assert_int_equal(rsa_decrypt(&key, sealed, &received), OK);
    assert_memory_equal(&sent, &received, sizeof(sent));
    rsa_private_clear(&key);
}

static void the_library_is_new_enough(void **state) {
    const char *version = crypto_library_version();
    (void)state;
    assert_true(version[0] > '3' || (version[0] == '3' && version[1] == '.' && version[2] >= '5'));
    assert_int_equal(crypto_library_is_private(), SOTTO_OPENSSL_PRIVATE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clearing_leaves_zeros),
        cmocka_unit_test(every_byte_counts_in_a_comparison),
        cmocka_unit_test(select_takes_one_or_the_other_whole),
        cmocka_unit_test(the_system_source_fills_whole_and_anew),
        cmocka_unit_test(the_system_entropy_is_the_primitives),
        cmocka_unit_test(the_library_is_new_enough),
    };
    return cmocka_run_group_tests_name("secret", tests, NULL, NULL);
}
