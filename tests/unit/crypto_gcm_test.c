/* SPDX-License-Identifier: ISC */
#include "testing.h"

#include "crypto/gcm.h"

#include <string.h>

/* Test case 14 of "The Galois/Counter Mode of Operation" (McGrew, Viega): key, nonce and text are
 * zeros. */
static void agrees_with_the_published_case(void **state) {
    static const struct secret_32 KEY;
    static const uint8_t PLAIN[16];
    static const uint8_t CIPHER[16] = {0xce, 0xa7, 0x40, 0x3d, 0x4d, 0x60, 0x6b, 0x6e,
                                       0x07, 0x4e, 0xc5, 0xd3, 0xba, 0xf3, 0x9d, 0x18};
    static const uint8_t TAG[GCM_TAG_BYTES] = {0xd0, 0xd1, 0xc8, 0xa7, 0x99, 0x99, 0x6b, 0xf0,
                                               0x26, 0x5b, 0x98, 0xb5, 0xd4, 0x8a, 0xb9, 0x19};
    uint8_t out[16];
    uint8_t tag[GCM_TAG_BYTES];
    (void)state;
    assert_int_equal(gcm_seal(&KEY, bytes_of(PLAIN), out, tag), OK);
    assert_memory_equal(out, CIPHER, sizeof(out));
    assert_memory_equal(tag, TAG, sizeof(tag));
}

/* In place, of many sizes; and what a changed bit leaves of it. */
static void opens_what_it_sealed_and_nothing_else(void **state) {
    static const struct secret_32 KEY = {{1, 2, 3}};
    static uint8_t plain[33000];
    static uint8_t sealed[sizeof(plain)];
    static uint8_t opened[sizeof(plain)];
    uint8_t tag[GCM_TAG_BYTES];
    (void)state;
    for (size_t i = 0; i < sizeof(plain); i++) {
        plain[i] = (uint8_t)(i * 7);
    }
    for (size_t size = 0; size <= sizeof(plain); size = 3 * size + 1) {
        memcpy(sealed, plain, size);
        assert_int_equal(gcm_seal(&KEY, bytes_make(sealed, size), sealed, tag), OK);
        assert_int_equal(gcm_open(&KEY, bytes_make(sealed, size), tag, opened), OK);
        assert_memory_equal(opened, plain, size);
        if (size > 0) {
            sealed[size - 1] ^= 1;
            assert_int_equal(gcm_open(&KEY, bytes_make(sealed, size), tag, opened), ERR_MALFORMED);
            assert_memory_equal(opened, plain, size - 1);
            assert_int_equal(opened[size - 1], plain[size - 1] ^ 1);
            sealed[size - 1] ^= 1;
        }
        tag[15] ^= 1;
        assert_int_equal(gcm_open(&KEY, bytes_make(sealed, size), tag, opened), ERR_MALFORMED);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_the_published_case),
        cmocka_unit_test(opens_what_it_sealed_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
