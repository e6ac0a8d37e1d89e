/* SPDX-License-Identifier: ISC */
#include "testing.h"

#include "crypto/signature.h"

#include <openssl/err.h>
#include <string.h>

static const struct secret_32 SEED = {{1, 2, 3}};

static struct bytes view(const char *text) {
    return bytes_of_string(text);
}

static void ed25519_signs_label_and_message_as_one(void **state) {
    uint8_t key[ED25519_PUBLIC_BYTES];
    uint8_t a[ED25519_SIGNATURE_BYTES];
    uint8_t b[ED25519_SIGNATURE_BYTES];
    (void)state;
    assert_int_equal(ed25519_public(&SEED, key), OK);
    assert_int_equal(ed25519_sign(&SEED, view("label"), view("text"), a), OK);
    assert_int_equal(ed25519_sign(&SEED, view(""), view("labeltext"), b), OK);
    assert_memory_equal(a, b, sizeof(a));
    assert_int_equal(ed25519_verify(key, view("label"), view("text"), a), OK);
    assert_int_equal(ed25519_verify(key, view("lab"), view("eltext"), a), OK);
    assert_int_equal(ed25519_verify(key, view("label"), view("texT"), a), ERR_SIGNATURE);
    assert_int_equal(ed25519_verify(key, view("labeL"), view("text"), a), ERR_SIGNATURE);
    assert_int_equal(ed25519_verify(key, view("label"), view(""), a), ERR_SIGNATURE);
}

static void ed25519_refuses_every_changed_byte(void **state) {
    uint8_t key[ED25519_PUBLIC_BYTES];
    uint8_t signature[ED25519_SIGNATURE_BYTES];
    (void)state;
    assert_int_equal(ed25519_public(&SEED, key), OK);
    assert_int_equal(ed25519_sign(&SEED, view("l"), view("m"), signature), OK);
    for (size_t i = 0; i < sizeof(signature); i++) {
        signature[i] ^= 4;
        assert_int_equal(ed25519_verify(key, view("l"), view("m"), signature), ERR_SIGNATURE);
        signature[i] ^= 4;
    }
    key[0] ^= 1;
    assert_int_equal(ed25519_verify(key, view("l"), view("m"), signature), ERR_SIGNATURE);
    assert_true(ERR_peek_error() == 0);
}

static void mldsa_signs_label_and_message_as_one(void **state) {
    uint8_t key[MLDSA_PUBLIC_BYTES];
    uint8_t a[MLDSA_SIGNATURE_BYTES];
    uint8_t b[MLDSA_SIGNATURE_BYTES];
    (void)state;
    assert_int_equal(mldsa_public(&SEED, key), OK);
    assert_int_equal(mldsa_sign(&SEED, view("label"), view("text"), true, a), OK);
    assert_int_equal(mldsa_sign(&SEED, view(""), view("labeltext"), true, b), OK);
    assert_memory_equal(a, b, sizeof(a));
    assert_int_equal(mldsa_verify(key, view("label"), view("text"), a), OK);
    assert_int_equal(mldsa_verify(key, view("lab"), view("eltext"), a), OK);
    assert_int_equal(mldsa_verify(key, view("label"), view("texT"), a), ERR_SIGNATURE);
    assert_int_equal(mldsa_verify(key, view("labeL"), view("text"), a), ERR_SIGNATURE);
}

static void mldsa_is_hedged_unless_told_otherwise(void **state) {
    uint8_t key[MLDSA_PUBLIC_BYTES];
    uint8_t a[MLDSA_SIGNATURE_BYTES];
    uint8_t b[MLDSA_SIGNATURE_BYTES];
    (void)state;
    assert_int_equal(mldsa_public(&SEED, key), OK);
    assert_int_equal(mldsa_sign(&SEED, view("l"), view("m"), false, a), OK);
    assert_int_equal(mldsa_sign(&SEED, view("l"), view("m"), false, b), OK);
    assert_memory_not_equal(a, b, sizeof(a));
    assert_int_equal(mldsa_verify(key, view("l"), view("m"), a), OK);
    assert_int_equal(mldsa_verify(key, view("l"), view("m"), b), OK);
}

static void mldsa_refuses_changed_bytes(void **state) {
    uint8_t key[MLDSA_PUBLIC_BYTES];
    uint8_t signature[MLDSA_SIGNATURE_BYTES];
    (void)state;
    assert_int_equal(mldsa_public(&SEED, key), OK);
    assert_int_equal(mldsa_sign(&SEED, view("l"), view("m"), true, signature), OK);
    for (size_t i = 0; i < sizeof(signature); i += 47) {
        signature[i] ^= 4;
        assert_int_equal(mldsa_verify(key, view("l"), view("m"), signature), ERR_SIGNATURE);
        signature[i] ^= 4;
    }
    key[100] ^= 1;
    assert_int_equal(mldsa_verify(key, view("l"), view("m"), signature), ERR_SIGNATURE);
    assert_true(ERR_peek_error() == 0);
}

static void the_largest_object_can_be_signed(void **state) {
    static uint8_t object[9000];
    uint8_t key[ED25519_PUBLIC_BYTES];
    uint8_t signature[ED25519_SIGNATURE_BYTES];
    struct bytes body = bytes_make(object, 4096);
    (void)state;
    assert_int_equal(ed25519_public(&SEED, key), OK);
    assert_int_equal(ed25519_sign(&SEED, view("label"), body, signature), OK);
    assert_int_equal(ed25519_verify(key, view("label"), body, signature), OK);
    assert_int_equal(ed25519_sign(&SEED, view("label"), bytes_of(object), signature), ERR_LIMIT);
    assert_int_equal(ed25519_verify(key, view("label"), bytes_of(object), signature), ERR_LIMIT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ed25519_signs_label_and_message_as_one),
        cmocka_unit_test(ed25519_refuses_every_changed_byte),
        cmocka_unit_test(mldsa_signs_label_and_message_as_one),
        cmocka_unit_test(mldsa_is_hedged_unless_told_otherwise),
        cmocka_unit_test(mldsa_refuses_changed_bytes),
        cmocka_unit_test(the_largest_object_can_be_signed),
    };
    return cmocka_run_group_tests_name("signature", tests, NULL, NULL);
}
