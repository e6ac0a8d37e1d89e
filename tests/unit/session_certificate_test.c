/* SPDX-License-Identifier: ISC */
#include "session_world.h"

#include "session/suite.h"

#include <string.h>

/** Signs a body again, as its own account would. */
static void sign_again(const struct person *person, uint8_t certificate[CERTIFICATE_BYTES]) {
    struct bytes body = bytes_make(certificate, CERTIFICATE_BODY_BYTES);
    uint8_t *at = certificate + CERTIFICATE_BODY_BYTES;
    assert_int_equal(ed25519_sign(&person->account.ed25519, lb(LABEL_SIG_CERT), body, at), OK);
    assert_int_equal(mldsa_sign(&person->account.mldsa, lb(LABEL_SIG_CERT), body, true,
                                at + ED25519_SIGNATURE_BYTES),
                     OK);
}

static enum error verify(const uint8_t certificate[CERTIFICATE_BYTES], uint64_t now_ms,
                         uint64_t grace_ms) {
    struct certificate parsed;
    return certificate_verify(bytes_make(certificate, CERTIFICATE_BYTES), now_ms, grace_ms,
                              &parsed);
}

static void what_is_made_is_verified(void **state) {
    struct world *world = *state;
    const struct certificate *parsed = &world->a.parsed;
    assert_int_equal(verify(world->a.certificate, NOW_MS, 0), OK);
    assert_string_equal(parsed->name.text, "alice");
    assert_int_equal(parsed->epoch, 1);
    assert_int_equal(parsed->device_id, 1);
    assert_int_equal(parsed->expires_ms - parsed->created_ms, CERTIFICATE_LIFE_MS);
}

static void a_certificate_follows_from_its_inputs(void **state) {
    struct world *world = *state;
    uint8_t again[CERTIFICATE_BYTES];
    assert_int_equal(certificate_make(&world->a.account, &world->a.keys, &world->a.parsed.name, 1,
                                      NOW_MS, again),
                     OK);
    assert_memory_equal(again, world->a.certificate, CERTIFICATE_BYTES);
}

static void every_flipped_byte_is_refused(void **state) {
    struct world *world = *state;
    uint8_t bytes[CERTIFICATE_BYTES];
    memcpy(bytes, world->a.certificate, sizeof(bytes));
    for (size_t i = 0; i < sizeof(bytes); i++) {
        uint8_t mask = (uint8_t)(1u << (i % 8));
        bytes[i] = (uint8_t)(bytes[i] ^ mask);
        assert_int_not_equal(verify(bytes, NOW_MS, 0), OK);
        bytes[i] = (uint8_t)(bytes[i] ^ mask);
    }
}

static void another_length_is_refused(void **state) {
    struct world *world = *state;
    uint8_t bytes[CERTIFICATE_BYTES + 1] = {0};
    struct certificate parsed;
    memcpy(bytes, world->a.certificate, CERTIFICATE_BYTES);
    static const size_t SIZES[] = {
        0, 1, 2, CERTIFICATE_BODY_BYTES, CERTIFICATE_BYTES - 1, CERTIFICATE_BYTES + 1};
    for (size_t i = 0; i < ROWS(SIZES); i++) {
        assert_int_equal(certificate_parse(bytes_make(bytes, SIZES[i]), &parsed), ERR_MALFORMED);
        assert_int_equal(certificate_verify(bytes_make(bytes, SIZES[i]), NOW_MS, 0, &parsed),
                         ERR_MALFORMED);
    }
}

static void both_signatures_count(void **state) {
    struct world *world = *state;
    uint8_t bytes[CERTIFICATE_BYTES];
    /* Another body of the same account brings signatures that are valid, each for something else.
     */
    uint8_t other[CERTIFICATE_BYTES];
    memcpy(bytes, world->a.certificate, sizeof(bytes));
    memcpy(other, world->a.certificate, sizeof(other));
    put_u32(other + 2, 2);
    sign_again(&world->a, other);
    assert_int_equal(verify(other, NOW_MS, 0), OK);

    memcpy(bytes + CERTIFICATE_BODY_BYTES, other + CERTIFICATE_BODY_BYTES, ED25519_SIGNATURE_BYTES);
    assert_int_equal(verify(bytes, NOW_MS, 0), ERR_SIGNATURE);
    memcpy(bytes, world->a.certificate, sizeof(bytes));
    memcpy(bytes + CERTIFICATE_BYTES - MLDSA_SIGNATURE_BYTES,
           other + CERTIFICATE_BYTES - MLDSA_SIGNATURE_BYTES, MLDSA_SIGNATURE_BYTES);
    assert_int_equal(verify(bytes, NOW_MS, 0), ERR_SIGNATURE);
}

static void a_day_of_skew_is_allowed_and_no_millisecond_more(void **state) {
    struct world *world = *state;
    const uint8_t *bytes = world->a.certificate;
    uint64_t end = NOW_MS + CERTIFICATE_LIFE_MS;
    assert_int_equal(verify(bytes, NOW_MS - CLOCK_TOLERANCE_MS, 0), OK);
    assert_int_equal(verify(bytes, NOW_MS - CLOCK_TOLERANCE_MS - 1, 0), ERR_EXPIRED);
    assert_int_equal(verify(bytes, end, 0), OK);
    assert_int_equal(verify(bytes, end + 1, 0), ERR_EXPIRED);
    assert_int_equal(verify(bytes, end + PRIVATE_KEY_GRACE_MS, PRIVATE_KEY_GRACE_MS), OK);
    assert_int_equal(verify(bytes, end + PRIVATE_KEY_GRACE_MS + 1, PRIVATE_KEY_GRACE_MS),
                     ERR_EXPIRED);
}

/** A signed body that no honest account makes. */
struct bad_field {
    const char *what;
    size_t at;
    size_t size;
    uint8_t bytes[8];
    enum error expected;
};

static const struct bad_field BAD[] = {
    {"epoch 0", 2, 4, {0, 0, 0, 0}, ERR_MALFORMED},
    {"created at the end of time", 6, 8, {255, 255, 255, 255, 255, 255, 255, 255}, ERR_EXPIRED},
    {"a longer life", 14 + 7, 1, {1}, ERR_MALFORMED},
    {"device 0", 22, 4, {0, 0, 0, 0}, ERR_MALFORMED},
    {"device 2", 22, 4, {0, 0, 0, 2}, ERR_MALFORMED},
    {"no name", 26, 5, {0}, ERR_MALFORMED},
    {"upper case", 26, 1, {'A'}, ERR_MALFORMED},
    {"a dot first", 26, 1, {'.'}, ERR_MALFORMED},
    {"a name behind the zeros", 26 + 20, 1, {'x'}, ERR_MALFORMED},
    {"a small modulus", 2106, 1, {0x7f}, ERR_KEY},
    {"an even modulus", 2106 + 255, 1, {0x02}, ERR_KEY},
    {"an ML-KEM key out of range", 2362, 3, {0xff, 0xff, 0xff}, ERR_KEY},
};

static void a_signed_certificate_that_breaks_a_rule_is_refused(void **state) {
    struct world *world = *state;
    uint8_t bytes[CERTIFICATE_BYTES];
    for (size_t i = 0; i < ROWS(BAD); i++) {
        memcpy(bytes, world->a.certificate, sizeof(bytes));
        assert_true(memcmp(bytes + BAD[i].at, BAD[i].bytes, BAD[i].size) != 0);
        memcpy(bytes + BAD[i].at, BAD[i].bytes, BAD[i].size);
        sign_again(&world->a, bytes);
        enum error error = verify(bytes, NOW_MS, 0);
        if (error != BAD[i].expected) {
            fail_msg("%s: %d instead of %d", BAD[i].what, (int)error, (int)BAD[i].expected);
        }
    }
}

static void a_name_of_32_characters_is_whole(void **state) {
    struct world *world = *state;
    struct user_name name;
    struct certificate parsed;
    uint8_t bytes[CERTIFICATE_BYTES];
    assert_int_equal(user_name_parse(bytes_of_string("0123456789abcdef0123456789abcdef"), &name),
                     OK);
    assert_int_equal(certificate_make(&world->a.account, &world->a.keys, &name, 1, NOW_MS, bytes),
                     OK);
    assert_int_equal(certificate_verify(bytes_of(bytes), NOW_MS, 0, &parsed), OK);
    assert_true(user_name_equal(&name, &parsed.name));
}

static void cid_names_the_body_and_afp_the_account(void **state) {
    struct world *world = *state;
    struct certificate parsed;
    uint8_t bytes[CERTIFICATE_BYTES];
    assert_int_equal(certificate_make(&world->a.account, &world->a.keys, &world->a.parsed.name, 2,
                                      NOW_MS, bytes),
                     OK);
    assert_int_equal(certificate_parse(bytes_of(bytes), &parsed), OK);
    assert_memory_not_equal(parsed.cid, world->a.parsed.cid, HASH_BYTES);
    assert_memory_equal(parsed.afp, world->a.parsed.afp, HASH_BYTES);
    bytes[CERTIFICATE_BYTES - 1] ^= 1; /* not of the body */
    struct certificate same;
    assert_int_equal(certificate_parse(bytes_of(bytes), &same), OK);
    assert_memory_equal(parsed.cid, same.cid, HASH_BYTES);
}

static void a_login_proof_is_for_one_connection_and_one_certificate(void **state) {
    struct world *world = *state;
    uint8_t exporter[32] = {1, 2, 3};
    uint8_t cid[HASH_BYTES];
    uint8_t proof[ED25519_SIGNATURE_BYTES];
    memcpy(cid, world->a.parsed.cid, HASH_BYTES);
    const uint8_t *key = world->a.parsed.signing;
    assert_int_equal(login_sign(&world->a.keys, exporter, cid, proof), OK);
    assert_int_equal(login_verify(key, exporter, cid, proof), OK);
    assert_int_equal(login_verify(world->b.parsed.signing, exporter, cid, proof), ERR_SIGNATURE);
    exporter[31] ^= 1;
    assert_int_equal(login_verify(key, exporter, cid, proof), ERR_SIGNATURE);
    exporter[31] ^= 1;
    cid[0] ^= 1;
    assert_int_equal(login_verify(key, exporter, cid, proof), ERR_SIGNATURE);
}

static void stored_keys_come_back(void **state) {
    struct world *world = *state;
    struct account_keys account;
    struct device_keys keys;
    struct buffer bytes;
    buffer_init(&bytes, 8192);
    assert_int_equal(account_keys_save(&world->a.account, &bytes), OK);
    assert_int_equal(account_keys_load(buffer_view(&bytes), &account), OK);
    assert_memory_equal(&account, &world->a.account, sizeof(account));
    for (size_t i = 0; i < bytes.size; i++) {
        assert_int_equal(account_keys_load(bytes_make(bytes.data, i), &account), ERR_MALFORMED);
    }
    buffer_reset(&bytes);
    assert_int_equal(device_keys_save(&world->a.keys, &bytes), OK);
    assert_int_equal(device_keys_load(buffer_view(&bytes), &keys), OK);
    assert_memory_equal(&keys.signing, &world->a.keys.signing, sizeof(keys.signing));
    assert_memory_equal(&keys.dh, &world->a.keys.dh, sizeof(keys.dh));
    assert_memory_equal(&keys.kem, &world->a.keys.kem, sizeof(keys.kem));
    assert_int_equal(keys.rsa.size, world->a.keys.rsa.size);
    assert_memory_equal(keys.rsa.pkcs8, world->a.keys.rsa.pkcs8, keys.rsa.size);
    assert_memory_equal(&keys.rsa.reject, &world->a.keys.rsa.reject, sizeof(keys.rsa.reject));
    for (size_t i = 0; i < bytes.size; i++) {
        assert_int_equal(device_keys_load(bytes_make(bytes.data, i), &keys), ERR_MALFORMED);
    }
    buffer_clear(&bytes);
}

static void a_failing_source_leaves_no_keys(void **state) {
    (void)state;
    for (unsigned draws = 0; draws < 4; draws++) {
        static const struct device_keys NO_KEYS;
        struct test_entropy source = {.state = 1, .left = draws};
        struct entropy entropy = test_entropy_of(&source);
        struct account_keys account;
        struct device_keys keys;
        if (draws < 2) {
            assert_int_equal(account_keys_generate(&entropy, &account), ERR_RANDOM);
        }
        source.left = draws;
        assert_int_equal(device_keys_generate(&entropy, &keys), ERR_RANDOM);
        assert_memory_equal(&keys.signing, &NO_KEYS.signing, sizeof(keys.signing));
        assert_memory_equal(&keys.dh, &NO_KEYS.dh, sizeof(keys.dh));
        assert_memory_equal(&keys.kem, &NO_KEYS.kem, sizeof(keys.kem));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_made_is_verified),
        cmocka_unit_test(a_certificate_follows_from_its_inputs),
        cmocka_unit_test(every_flipped_byte_is_refused),
        cmocka_unit_test(another_length_is_refused),
        cmocka_unit_test(both_signatures_count),
        cmocka_unit_test(a_day_of_skew_is_allowed_and_no_millisecond_more),
        cmocka_unit_test(a_signed_certificate_that_breaks_a_rule_is_refused),
        cmocka_unit_test(a_name_of_32_characters_is_whole),
        cmocka_unit_test(cid_names_the_body_and_afp_the_account),
        cmocka_unit_test(a_login_proof_is_for_one_connection_and_one_certificate),
        cmocka_unit_test(stored_keys_come_back),
        cmocka_unit_test(a_failing_source_leaves_no_keys),
    };
    return cmocka_run_group_tests(tests, world_make, world_free);
}
