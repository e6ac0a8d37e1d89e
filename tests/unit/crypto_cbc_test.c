/* SPDX-License-Identifier: ISC */
#include "testing.h"

#include "crypto/cbc.h"

#include <string.h>

static const struct secret_32 KEY = {{1, 2, 3, 4, 5, 6, 7, 8}};
static const uint8_t IV[CBC_IV_BYTES] = {9, 9, 9};

static void opens_what_it_sealed_at_every_length(void **state) {
    uint8_t plain[100];
    (void)state;
    for (size_t i = 0; i < sizeof(plain); i++) {
        plain[i] = (uint8_t)(i * 3);
    }
    for (size_t size = 0; size <= sizeof(plain); size++) {
        struct buffer sealed;
        struct buffer opened;
        buffer_init(&sealed, 1024);
        buffer_init(&opened, 1024);
        assert_int_equal(cbc_encrypt(&KEY, IV, bytes_make(plain, size), &sealed), OK);
        assert_int_equal(sealed.size, (size / 16 + 1) * 16);
        assert_int_equal(cbc_decrypt(&KEY, IV, buffer_view(&sealed), &opened), OK);
        assert_true(bytes_equal(buffer_view(&opened), bytes_make(plain, size)));
        buffer_clear(&sealed);
        buffer_clear(&opened);
    }
}

static void appends_to_what_is_there(void **state) {
    struct buffer sealed;
    struct buffer opened;
    (void)state;
    buffer_init(&sealed, 64);
    buffer_init(&opened, 64);
    assert_int_equal(buffer_append(&sealed, bytes_of_string("head")), OK);
    assert_int_equal(buffer_append(&opened, bytes_of_string("tail")), OK);
    assert_int_equal(cbc_encrypt(&KEY, IV, bytes_of_string("a body"), &sealed), OK);
    assert_int_equal(sealed.size, 4 + 16);
    assert_memory_equal(sealed.data, "head", 4);
    assert_int_equal(cbc_decrypt(&KEY, IV, bytes_make(sealed.data + 4, 16), &opened), OK);
    assert_true(bytes_equal(buffer_view(&opened), bytes_of_string("taila body")));
    buffer_clear(&sealed);
    buffer_clear(&opened);
}

/* Room for the result is enough, a byte less is not; then nothing is appended. */
static void the_cap_is_exact(void **state) {
    uint8_t plain[48] = {0};
    struct buffer sealed;
    struct buffer opened;
    (void)state;
    buffer_init(&sealed, 64);
    buffer_init(&opened, 48);
    assert_int_equal(cbc_encrypt(&KEY, IV, bytes_of(plain), &sealed), OK);
    assert_int_equal(cbc_decrypt(&KEY, IV, buffer_view(&sealed), &opened), OK);
    assert_int_equal(opened.size, 48);
    buffer_clear(&opened);
    buffer_init(&opened, 47);
    assert_int_equal(cbc_decrypt(&KEY, IV, buffer_view(&sealed), &opened), ERR_LIMIT);
    assert_int_equal(opened.size, 0);
    buffer_clear(&sealed);
    buffer_init(&sealed, 63);
    assert_int_equal(cbc_encrypt(&KEY, IV, bytes_of(plain), &sealed), ERR_LIMIT);
    assert_int_equal(sealed.size, 0);
    buffer_clear(&sealed);
    buffer_clear(&opened);
}

static void wrong_lengths_are_malformed(void **state) {
    uint8_t cipher[48] = {0};
    struct buffer opened;
    (void)state;
    buffer_init(&opened, 64);
    for (size_t size = 0; size < sizeof(cipher); size++) {
        if (size == 0 || size % CBC_BLOCK_BYTES != 0) {
            assert_int_equal(cbc_decrypt(&KEY, IV, bytes_make(cipher, size), &opened),
                             ERR_MALFORMED);
        }
    }
    assert_int_equal(opened.size, 0);
    buffer_clear(&opened);
}

/* The padding is the last block's; what was opened before it is taken back and wiped. */
static void wrong_padding_leaves_nothing(void **state) {
    const uint8_t zero[64] = {0};
    uint8_t plain[64];
    struct buffer sealed;
    struct buffer opened;
    (void)state;
    memset(plain, 'p', sizeof(plain));
    buffer_init(&sealed, 256);
    buffer_init(&opened, 256);
    assert_int_equal(buffer_append(&opened, bytes_of_string("kept")), OK);
    assert_int_equal(cbc_encrypt(&KEY, IV, bytes_of(plain), &sealed), OK);
    /* The last block is all padding (16); this turns its last byte into 0. */
    sealed.data[sealed.size - 17] ^= 0x10;
    assert_int_equal(cbc_decrypt(&KEY, IV, buffer_view(&sealed), &opened), ERR_MALFORMED);
    assert_true(bytes_equal(buffer_view(&opened), bytes_of_string("kept")));
    assert_memory_equal(opened.data + 4, zero, sizeof(zero));
    buffer_clear(&sealed);
    buffer_clear(&opened);
}

static void key_and_iv_both_matter(void **state) {
    const struct secret_32 other_key = {{1}};
    const uint8_t other_iv[CBC_IV_BYTES] = {8};
    struct buffer a;
    struct buffer b;
    struct buffer c;
    (void)state;
    buffer_init(&a, 64);
    buffer_init(&b, 64);
    buffer_init(&c, 64);
    assert_int_equal(cbc_encrypt(&KEY, IV, bytes_of_string("text"), &a), OK);
    assert_int_equal(cbc_encrypt(&other_key, IV, bytes_of_string("text"), &b), OK);
    assert_int_equal(cbc_encrypt(&KEY, other_iv, bytes_of_string("text"), &c), OK);
    assert_false(bytes_equal(buffer_view(&a), buffer_view(&b)));
    assert_false(bytes_equal(buffer_view(&a), buffer_view(&c)));
    buffer_clear(&a);
    buffer_clear(&b);
    buffer_clear(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opens_what_it_sealed_at_every_length),
        cmocka_unit_test(appends_to_what_is_there),
        cmocka_unit_test(the_cap_is_exact),
        cmocka_unit_test(wrong_lengths_are_malformed),
        cmocka_unit_test(wrong_padding_leaves_nothing),
        cmocka_unit_test(key_and_iv_both_matter),
    };
    return cmocka_run_group_tests_name("cbc", tests, NULL, NULL);
}
