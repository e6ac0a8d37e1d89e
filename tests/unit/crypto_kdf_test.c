/* SPDX-License-Identifier: ISC */
#include "testing.h"

#include "base/text.h"
#include "crypto/kdf.h"

#include <string.h>

static void assert_hex(const uint8_t *data, size_t size, const char *hex) {
    char text[2 * 128 + 1];
    assert_true(size <= 128);
    hex_encode(bytes_make(data, size), text);
    assert_string_equal(text, hex);
}

static void hashes_are_of_the_concatenation(void **state) {
    const struct bytes whole = bytes_of_string("abc");
    const struct bytes parts[] = {bytes_of_string("a"), bytes_make(NULL, 0), bytes_of_string("bc")};
    uint8_t out[SHA512_BYTES];
    (void)state;
    assert_int_equal(sha256(&whole, 1, out), OK);
    assert_hex(out, HASH_BYTES, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_int_equal(sha256(parts, ROWS(parts), out), OK);
    assert_hex(out, HASH_BYTES, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_int_equal(sha256(NULL, 0, out), OK);
    assert_hex(out, HASH_BYTES, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_int_equal(sha512(parts, ROWS(parts), out), OK);
    assert_hex(out, SHA512_BYTES,
               "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
               "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
}

static void a_tag_is_of_the_concatenation_under_its_key(void **state) {
    struct secret_32 key = {{0}};
    const struct bytes whole = bytes_of_string("one two");
    const struct bytes parts[] = {bytes_of_string("one "), bytes_make(NULL, 0),
                                  bytes_of_string("two")};
    uint8_t a[TAG_BYTES];
    uint8_t b[TAG_BYTES];
    (void)state;
    assert_int_equal(hmac_sha256(&key, &whole, 1, a), OK);
    assert_int_equal(hmac_sha256(&key, parts, ROWS(parts), b), OK);
    assert_memory_equal(a, b, sizeof(a));
    assert_int_equal(hmac_sha256(&key, NULL, 0, b), OK);
    assert_hex(b, sizeof(b), "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
    key.bytes[31] = 1;
    assert_int_equal(hmac_sha256(&key, &whole, 1, b), OK);
    assert_memory_not_equal(a, b, sizeof(a));
}

/* The contexts are copies of one: a key must not stay behind in it. */
static void one_key_does_not_stay_for_the_next(void **state) {
    struct secret_32 first = {{1}};
    struct secret_32 second = {{2}};
    const struct bytes message = bytes_of_string("m");
    uint8_t before[TAG_BYTES];
    uint8_t between[TAG_BYTES];
    uint8_t after[TAG_BYTES];
    (void)state;
    assert_int_equal(hmac_sha256(&first, &message, 1, before), OK);
    assert_int_equal(hmac_sha256(&second, &message, 1, between), OK);
    assert_int_equal(hmac_sha256(&first, &message, 1, after), OK);
    assert_memory_equal(before, after, sizeof(before));
    assert_memory_not_equal(before, between, sizeof(before));
}

static void extract_takes_a_concatenation(void **state) {
    const struct secret_32 salt = {{7, 7, 7}};
    const struct bytes whole = bytes_of_string("abcdef");
    const struct bytes parts[] = {bytes_of_string("abc"), bytes_of_string("def")};
    struct secret_32 a;
    struct secret_32 b;
    uint8_t tag[TAG_BYTES];
    (void)state;
    assert_int_equal(hkdf_extract(&salt, &whole, 1, &a), OK);
    assert_int_equal(hkdf_extract(&salt, parts, ROWS(parts), &b), OK);
    assert_int_equal(hmac_sha256(&salt, &whole, 1, tag), OK); /* RFC 5869 section 2.2 */
    assert_memory_equal(&a, &b, sizeof(a));
    assert_memory_equal(&a, tag, sizeof(a));
}

static void expand_gives_one_stream_for_every_size(void **state) {
    const struct secret_32 prk = {{3, 1, 4}};
    const struct bytes info[] = {bytes_of_string("in"), bytes_of_string("fo")};
    const struct bytes whole = bytes_of_string("info");
    static uint8_t longest[255 * HASH_BYTES + 1];
    uint8_t out[128];
    static const size_t sizes[] = {0, 1, 31, 32, 33, 64, 65, 127};
    (void)state;
    assert_int_equal(hkdf_expand(&prk, &whole, 1, longest, 255 * HASH_BYTES), OK);
    for (size_t i = 0; i < ROWS(sizes); i++) {
        memset(out, 0xee, sizeof(out));
        assert_int_equal(hkdf_expand(&prk, info, ROWS(info), out, sizes[i]), OK);
        assert_memory_equal(out, longest, sizes[i]);
        assert_int_equal(out[sizes[i]], 0xee);
    }
    assert_int_equal(hkdf_expand(&prk, &whole, 1, longest, sizeof(longest)), ERR_LIMIT);
}

/* Both answers are those of the reference implementation of RFC 9106. */
static void argon2id_is_that_of_the_reference(void **state) {
    const struct argon2_cost cost = {.memory_kib = 64, .passes = 2, .lanes = 1};
    const struct argon2_cost more = {.memory_kib = 64, .passes = 3, .lanes = 1};
    const struct argon2_cost lanes = {.memory_kib = 256, .passes = 3, .lanes = 4};
    const uint8_t salt[16] = {'s', 'o', 'm', 'e', 's', 'a', 'l', 't',
                              's', 'o', 'm', 'e', 's', 'a', 'l', 't'};
    const uint8_t other[16] = {1};
    struct secret_32 a;
    struct secret_32 b;
    (void)state;
    assert_int_equal(argon2id(bytes_of_string("password"), salt, &cost, &a), OK);
    assert_hex(a.bytes, sizeof(a.bytes),
               "1a98fba8e6394425c9bdc333a9c750aaf811df070f5fb4a5788e1cf4db5793a1");
    assert_int_equal(argon2id(bytes_of_string("password"), other, &cost, &b), OK);
    assert_memory_not_equal(&a, &b, sizeof(a));
    assert_int_equal(argon2id(bytes_of_string("Password"), salt, &cost, &b), OK);
    assert_memory_not_equal(&a, &b, sizeof(a));
    assert_int_equal(argon2id(bytes_of_string("password"), salt, &more, &b), OK);
    assert_memory_not_equal(&a, &b, sizeof(a));
    assert_int_equal(argon2id(bytes_make(NULL, 0), salt, &lanes, &b), OK);
    assert_hex(b.bytes, sizeof(b.bytes),
               "2612bb6ebdac65511867be0fb6f93eb5279d7dac7e8fc3c2e7d34556949ec420");
}

static void argon2id_refuses_a_senseless_cost(void **state) {
    const struct argon2_cost none = {.memory_kib = 0, .passes = 0, .lanes = 0};
    const uint8_t salt[16] = {0};
    const uint8_t zero[32] = {0};
    struct secret_32 out;
    (void)state;
    memset(&out, 1, sizeof(out));
    assert_int_equal(argon2id(bytes_of_string("password"), salt, &none, &out), ERR_CRYPTO);
    assert_memory_equal(&out, zero, sizeof(zero));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_are_of_the_concatenation),
        cmocka_unit_test(a_tag_is_of_the_concatenation_under_its_key),
        cmocka_unit_test(one_key_does_not_stay_for_the_next),
        cmocka_unit_test(extract_takes_a_concatenation),
        cmocka_unit_test(expand_gives_one_stream_for_every_size),
        cmocka_unit_test(argon2id_is_that_of_the_reference),
        cmocka_unit_test(argon2id_refuses_a_senseless_cost),
    };
    return cmocka_run_group_tests_name("kdf", tests, NULL, NULL);
}
