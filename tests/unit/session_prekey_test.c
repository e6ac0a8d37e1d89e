/* SPDX-License-Identifier: ISC */
#include "session_world.h"

#include "session/suite.h"

#include <string.h>

static enum error check_bundle(const struct person *person, const uint8_t *bytes, size_t size,
                               uint64_t now_ms) {
    struct bundle bundle;
    return bundle_verify(bytes_make(bytes, size), &person->parsed.name, now_ms, person->parsed.afp,
                         &bundle);
}

/** Signs a set or one-time record again, as its own device would. */
static void sign_again(const struct person *person, enum label label, uint8_t *object,
                       size_t body_bytes) {
    assert_int_equal(ed25519_sign(&person->keys.signing, lb(label), bytes_make(object, body_bytes),
                                  object + body_bytes),
                     OK);
}

static void a_bundle_is_verified_with_and_without_a_one_time_prekey(void **state) {
    struct world *world = *state;
    uint8_t bytes[BUNDLE_MAX_BYTES];
    struct bundle bundle;
    size_t size = person_bundle(&world->b, true, bytes);
    assert_int_equal(size, 9579);
    assert_int_equal(
        bundle_verify(bytes_make(bytes, size), &world->b.parsed.name, NOW_MS, NULL, &bundle), OK);
    assert_true(bundle.has_one_time);
    assert_int_equal(bundle.set.id, 7);
    assert_int_equal(bundle.one_time.id, world->b.one_time.id);
    assert_memory_equal(bundle.set.hash, world->b.set.hash, HASH_BYTES);
    assert_memory_equal(bundle.one_time.hash, world->b.one_time.hash, HASH_BYTES);
    size = person_bundle(&world->b, false, bytes);
    assert_int_equal(size, 8253);
    assert_int_equal(
        bundle_verify(bytes_make(bytes, size), &world->b.parsed.name, NOW_MS, NULL, &bundle), OK);
    assert_false(bundle.has_one_time);
}

static void every_flipped_byte_of_the_prekeys_is_refused(void **state) {
    struct world *world = *state;
    uint8_t bytes[BUNDLE_MAX_BYTES];
    struct prekey prekey;
    size_t size = person_bundle(&world->b, true, bytes);
    for (size_t i = CERTIFICATE_BYTES; i < size; i++) {
        bytes[i] ^= 0x10;
        uint8_t *set = bytes + CERTIFICATE_BYTES;
        uint8_t *one_time = set + PREKEY_SET_BYTES;
        enum error set_error =
            prekey_set_verify(bytes_make(set, PREKEY_SET_BYTES), &world->b.parsed, NOW_MS, &prekey);
        enum error one_time_error = one_time_prekey_verify(
            bytes_make(one_time, ONE_TIME_PREKEY_BYTES), &world->b.parsed, NOW_MS, &prekey);
        assert_true((set_error != OK) != (one_time_error != OK));
        bytes[i] ^= 0x10;
    }
}

static void a_flipped_bundle_is_refused_whole(void **state) {
    struct world *world = *state;
    uint8_t bytes[BUNDLE_MAX_BYTES];
    size_t size = person_bundle(&world->b, true, bytes);
    for (size_t i = 0; i < size; i += 97) {
        bytes[i] ^= 0x01;
        assert_int_not_equal(check_bundle(&world->b, bytes, size, NOW_MS), OK);
        bytes[i] ^= 0x01;
    }
    for (size_t cut = 0; cut < size; cut += 331) {
        assert_int_equal(check_bundle(&world->b, bytes, cut, NOW_MS), ERR_MALFORMED);
    }
    assert_int_equal(check_bundle(&world->b, bytes, size, NOW_MS), OK);
}

static void parts_of_two_people_do_not_mix(void **state) {
    struct world *world = *state;
    uint8_t bytes[BUNDLE_MAX_BYTES];
    size_t size = person_bundle(&world->b, true, bytes);
    memcpy(bytes + CERTIFICATE_BYTES, world->a.set_object, PREKEY_SET_BYTES);
    assert_int_equal(check_bundle(&world->b, bytes, size, NOW_MS), ERR_MISMATCH);
    size = person_bundle(&world->b, true, bytes);
    memcpy(bytes + CERTIFICATE_BYTES + PREKEY_SET_BYTES, world->a.one_time_object,
           ONE_TIME_PREKEY_BYTES);
    assert_int_equal(check_bundle(&world->b, bytes, size, NOW_MS), ERR_MISMATCH);
    /* The foreign set under the right cid is not signed by this device. */
    size = person_bundle(&world->b, true, bytes);
    memcpy(bytes + CERTIFICATE_BYTES, world->a.set_object, PREKEY_SET_BYTES);
    memcpy(bytes + CERTIFICATE_BYTES + 2, world->b.parsed.cid, HASH_BYTES);
    assert_int_equal(check_bundle(&world->b, bytes, size, NOW_MS), ERR_SIGNATURE);
}

static void another_users_bundle_is_not_the_one_asked_for(void **state) {
    struct world *world = *state;
    uint8_t bytes[BUNDLE_MAX_BYTES];
    struct bundle bundle;
    size_t size = person_bundle(&world->a, true, bytes);
    assert_int_equal(
        bundle_verify(bytes_make(bytes, size), &world->b.parsed.name, NOW_MS, NULL, &bundle),
        ERR_MISMATCH);
    /* Expired or not: a wrong name is never "try again later". */
    assert_int_equal(bundle_verify(bytes_make(bytes, size), &world->b.parsed.name,
                                   NOW_MS + CERTIFICATE_LIFE_MS + 1, NULL, &bundle),
                     ERR_MISMATCH);
}

static void another_account_than_the_pin_is_a_conflict(void **state) {
    struct world *world = *state;
    uint8_t bytes[BUNDLE_MAX_BYTES];
    struct bundle bundle;
    size_t size = person_bundle(&world->b, true, bytes);
    assert_int_equal(bundle_verify(bytes_make(bytes, size), &world->b.parsed.name, NOW_MS,
                                   world->a.parsed.afp, &bundle),
                     ERR_CONFLICT);
    assert_memory_equal(bundle.certificate.afp, world->b.parsed.afp, HASH_BYTES);
    assert_int_equal(bundle.one_time.id, world->b.one_time.id);
    /* A change of key is said only of a bundle that is good otherwise. */
    bytes[size - 1] ^= 1;
    assert_int_equal(bundle_verify(bytes_make(bytes, size), &world->b.parsed.name, NOW_MS,
                                   world->a.parsed.afp, &bundle),
                     ERR_SIGNATURE);
}

static void lifetimes_end_with_a_day_of_tolerance(void **state) {
    struct world *world = *state;
    const struct certificate *owner = &world->b.parsed;
    struct bytes set = bytes_of(world->b.set_object);
    struct bytes one_time = bytes_of(world->b.one_time_object);
    struct prekey prekey;
    uint64_t end = NOW_MS + PREKEY_SET_LIFE_MS;
    assert_int_equal(prekey_set_verify(set, owner, NOW_MS - DAY_MS, &prekey), OK);
    assert_int_equal(prekey_set_verify(set, owner, NOW_MS - DAY_MS - 1, &prekey), ERR_EXPIRED);
    assert_int_equal(prekey_set_verify(set, owner, end + DAY_MS, &prekey), OK);
    assert_int_equal(prekey_set_verify(set, owner, end + DAY_MS + 1, &prekey), ERR_EXPIRED);
    assert_int_equal(one_time_prekey_verify(one_time, owner, NOW_MS - DAY_MS, &prekey), OK);
    assert_int_equal(one_time_prekey_verify(one_time, owner, NOW_MS - DAY_MS - 1, &prekey),
                     ERR_EXPIRED);
    assert_int_equal(one_time_prekey_verify(one_time, owner, end + DAY_MS, &prekey), OK);
    assert_int_equal(one_time_prekey_verify(one_time, owner, end + DAY_MS + 1, &prekey),
                     ERR_EXPIRED);
}

static void a_bundle_is_refused_when_one_part_has_expired(void **state) {
    struct world *world = *state;
    uint8_t bytes[BUNDLE_MAX_BYTES];
    size_t size = person_bundle(&world->b, true, bytes);
    uint64_t end = NOW_MS + PREKEY_SET_LIFE_MS + DAY_MS;
    assert_int_equal(check_bundle(&world->b, bytes, size, end), OK);
    assert_int_equal(check_bundle(&world->b, bytes, size, end + 1), ERR_EXPIRED);
    assert_int_equal(check_bundle(&world->b, bytes, size, NOW_MS - DAY_MS - 1), ERR_EXPIRED);
}

/** The certificate's own end counts to the millisecond: nothing may be sent after it. */
static void a_bundle_ends_with_its_certificate(void **state) {
    struct world *world = *state;
    uint8_t bytes[BUNDLE_MAX_BYTES];
    struct prekey_secret secret;
    uint64_t end = NOW_MS + CERTIFICATE_LIFE_MS;
    size_t size = person_bundle(&world->b, false, bytes);
    assert_int_equal(prekey_set_make(&world->entropy, &world->b.keys, world->b.parsed.cid, 8,
                                     end - DAY_MS, &secret, bytes + CERTIFICATE_BYTES),
                     OK);
    assert_int_equal(check_bundle(&world->b, bytes, size, end), OK);
    assert_int_equal(check_bundle(&world->b, bytes, size, end + 1), ERR_EXPIRED);
    prekey_secret_clear(&secret);
}

/** Prekeys that the device signed but that break a rule. */
static void signed_prekeys_that_break_a_rule_are_refused(void **state) {
    struct world *world = *state;
    const struct certificate *owner = &world->b.parsed;
    uint8_t set[PREKEY_SET_BYTES];
    uint8_t one_time[ONE_TIME_PREKEY_BYTES];
    struct prekey prekey;

    memcpy(set, world->b.set_object, sizeof(set));
    put_u64(set + 46, get_u64(set + 46) + 1); /* a longer life */
    sign_again(&world->b, LABEL_SIG_PREKEYS, set, PREKEY_SET_BODY_BYTES);
    assert_int_equal(prekey_set_verify(bytes_of(set), owner, NOW_MS, &prekey), ERR_MALFORMED);

    memcpy(set, world->b.set_object, sizeof(set));
    memset(set + 86, 0xff, 3); /* LKK out of range */
    sign_again(&world->b, LABEL_SIG_PREKEYS, set, PREKEY_SET_BODY_BYTES);
    assert_int_equal(prekey_set_verify(bytes_of(set), owner, NOW_MS, &prekey), ERR_KEY);

    memcpy(one_time, world->b.one_time_object, sizeof(one_time));
    put_u32(one_time + 34, 0); /* the id that says "none" */
    sign_again(&world->b, LABEL_SIG_OTK, one_time, ONE_TIME_PREKEY_BODY_BYTES);
    assert_int_equal(one_time_prekey_verify(bytes_of(one_time), owner, NOW_MS, &prekey),
                     ERR_MALFORMED);

    memcpy(one_time, world->b.one_time_object, sizeof(one_time));
    put_u64(one_time + 38, UINT64_MAX); /* for ever */
    sign_again(&world->b, LABEL_SIG_OTK, one_time, ONE_TIME_PREKEY_BODY_BYTES);
    assert_int_equal(one_time_prekey_verify(bytes_of(one_time), owner, NOW_MS, &prekey),
                     ERR_EXPIRED);

    memcpy(one_time, world->b.one_time_object, sizeof(one_time));
    memset(one_time + 78, 0xff, 3); /* OKK out of range */
    sign_again(&world->b, LABEL_SIG_OTK, one_time, ONE_TIME_PREKEY_BODY_BYTES);
    assert_int_equal(one_time_prekey_verify(bytes_of(one_time), owner, NOW_MS, &prekey), ERR_KEY);
}

/** PQXDH revision 1 confused kinds of keys: here type, length and label each keep them apart. */
static void a_prekey_of_one_kind_is_none_of_the_other(void **state) {
    struct world *world = *state;
    uint8_t object[PREKEY_SET_BYTES];
    struct prekey prekey;
    assert_int_equal(
        prekey_set_verify(bytes_of(world->b.one_time_object), &world->b.parsed, NOW_MS, &prekey),
        ERR_MALFORMED);
    assert_int_equal(
        one_time_prekey_verify(bytes_of(world->b.set_object), &world->b.parsed, NOW_MS, &prekey),
        ERR_MALFORMED);
    memcpy(object, world->b.set_object, sizeof(object));
    sign_again(&world->b, LABEL_SIG_OTK, object, PREKEY_SET_BODY_BYTES);
    assert_int_equal(prekey_set_verify(bytes_of(object), &world->b.parsed, NOW_MS, &prekey),
                     ERR_SIGNATURE);
}

static void stored_prekeys_come_back(void **state) {
    struct world *world = *state;
    struct prekey_secret loaded;
    struct buffer bytes;
    buffer_init(&bytes, 1024);
    assert_int_equal(prekey_secret_save(&world->b.set, &bytes), OK);
    assert_int_equal(prekey_secret_load(buffer_view(&bytes), &loaded), OK);
    assert_int_equal(loaded.id, world->b.set.id);
    assert_int_equal(loaded.expires_ms, world->b.set.expires_ms);
    assert_memory_equal(loaded.cid, world->b.set.cid, HASH_BYTES);
    assert_memory_equal(loaded.hash, world->b.set.hash, HASH_BYTES);
    assert_memory_equal(&loaded.dh, &world->b.set.dh, sizeof(loaded.dh));
    assert_memory_equal(&loaded.kem, &world->b.set.kem, sizeof(loaded.kem));
    for (size_t i = 0; i < bytes.size; i++) {
        assert_int_equal(prekey_secret_load(bytes_make(bytes.data, i), &loaded), ERR_MALFORMED);
    }
    buffer_clear(&bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bundle_is_verified_with_and_without_a_one_time_prekey),
        cmocka_unit_test(every_flipped_byte_of_the_prekeys_is_refused),
        cmocka_unit_test(a_flipped_bundle_is_refused_whole),
        cmocka_unit_test(parts_of_two_people_do_not_mix),
        cmocka_unit_test(another_users_bundle_is_not_the_one_asked_for),
        cmocka_unit_test(another_account_than_the_pin_is_a_conflict),
        cmocka_unit_test(lifetimes_end_with_a_day_of_tolerance),
        cmocka_unit_test(a_bundle_is_refused_when_one_part_has_expired),
        cmocka_unit_test(a_bundle_ends_with_its_certificate),
        cmocka_unit_test(signed_prekeys_that_break_a_rule_are_refused),
        cmocka_unit_test(a_prekey_of_one_kind_is_none_of_the_other),
        cmocka_unit_test(stored_prekeys_come_back),
    };
    return cmocka_run_group_tests(tests, world_make, world_free);
}
