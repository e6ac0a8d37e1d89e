/* SPDX-License-Identifier: ISC */
/* Keys and clocks over the years: docs/PROTOCOL.md 1.2, 1.4, 1.6 and 1.12 with real engines and the
 * real server core. Where a test stands at a bound, the other side of it is tested too. */
#include "lifetimes_world.h"

#include "client/engine_inner.h"

#include <string.h>

static struct rsa_private pool[RSA_POOL];
static struct world world;

static int fill_pool(void **state) {
    (void)state;
    for (size_t i = 0; i < RSA_POOL; i++) {
        if (rsa_generate(&pool[i]) != OK) {
            return 1;
        }
    }
    return 0;
}

static int begin(void **state) {
    (void)state;
    world_open(&world, pool, false);
    return 0;
}

static int begin_on_disk(void **state) {
    (void)state;
    world_open(&world, pool, true);
    return 0;
}

static int end(void **state) {
    (void)state;
    world_close(&world);
    return 0;
}

static const char DEVICES[] = "SELECT COUNT(*) FROM device";
static const char DEVICE_OF_CID[] = "SELECT COUNT(*) FROM device WHERE cid=?";
static const char PREKEYS_OF_CID[] = "SELECT COUNT(*) FROM prekey WHERE cid=?";
static const char SETS[] = "SELECT COUNT(*) FROM prekey WHERE one_time=0";
static const char LAST_SET_OF_CID[] = "SELECT MAX(id) FROM prekey WHERE one_time=0 AND cid=?";
static const char ONE_TIME[] = "SELECT COUNT(*) FROM prekey WHERE one_time=1";
static const char FIRST_EXPIRY[] = "SELECT MIN(expires) FROM prekey";

static uint64_t created_ms(const struct person *person) {
    struct account account = person_account(person);
    struct device device;
    assert_int_equal(device_load(person->store, account.cid, &device), OK);
    uint64_t created = device.parsed.created_ms;
    device_clear(&device);
    return created;
}

/* Moves time to a moment. */
static void wait_until(uint64_t ms) {
    assert_true(ms >= world.true_ms);
    world_pass(&world, ms - world.true_ms);
}

/* Both are there, and each has had a message of the other. */
static void talk(void) {
    person_come(&world.ana);
    person_come(&world.bob);
    person_write(&world.ana);
    person_write(&world.bob);
    world_settle(&world);
    person_leave(&world.ana);
    person_leave(&world.bob);
    person_visit(&world.ana);
    person_visit(&world.bob);
    person_read(&world.ana);
    person_read(&world.bob);
}

static void expect_all_read(void) {
    assert_int_equal(world.bob.received, world.ana.written);
    assert_int_equal(world.ana.received, world.bob.written);
    assert_int_equal(world.ana.late, 0);
    assert_int_equal(world.bob.late, 0);
    assert_int_equal(world.ana.sent_after_expiry, 0);
    assert_int_equal(world.bob.sent_after_expiry, 0);
}

static void expect_no_alarm(const struct person *person) {
    for (int error = ERR_LAST_STATUS + 1; error < ERR_COUNT; error++) {
        if (person->notices[error] != 0 && error != ERR_CLOCK_SKEW) {
            fail_msg("%s was told %s", person->name.text, error_code((enum error)error));
        }
    }
}

static void expect_peace(void) {
    expect_all_read();
    expect_no_alarm(&world.ana);
    expect_no_alarm(&world.bob);
}

/* ---- clocks (1.4)
 * --------------------------------------------------------------------------------------- */

/* Whether a login at that own time and true time finds the clock right. */
static bool is_right(uint64_t own_ms, uint64_t true_ms) {
    struct person *ana = &world.ana;
    unsigned before = ana->notices[ERR_CLOCK_SKEW];
    world.true_ms = true_ms;
    ana->clock_ms = (int64_t)(own_ms - true_ms);
    world_restart(&world); /* its wall clock was set */
    person_visit(ana);
    assert_int_equal(ana->failure.error, OK);
    return ana->notices[ERR_CLOCK_SKEW] == before;
}

/* Promise: a clock is wrong when it differs from the server's by more than a day, to either side.
 */
static void a_clock_may_be_a_day_off(void **state) {
    (void)state;
    uint64_t t = world.true_ms;
    assert_true(is_right(t + DAY_MS, t));
    assert_false(is_right(t + DAY_MS + 1, t));
    assert_true(is_right(t - DAY_MS, t));
    assert_false(is_right(t - DAY_MS - 1, t));
}

/* Promise: a clock that both ends turned back is noticed when it is more than a day behind. */
static void a_clock_may_be_a_day_behind_its_mark(void **state) {
    (void)state;
    uint64_t mark = world.true_ms + 100 * DAY_MS;
    assert_true(is_right(mark, mark));
    assert_true(is_right(mark - DAY_MS, mark - DAY_MS));
    assert_false(is_right(mark - DAY_MS - 1, mark - DAY_MS - 1));
    assert_true(is_right(mark + 1, mark + 1)); /* moves the mark */
    assert_false(is_right(mark - DAY_MS, mark - DAY_MS));
}

/* Promise: only a clock that differs by less than a day leaves a mark. */
static void a_clock_leaves_a_mark_when_both_agree(void **state) {
    (void)state;
    uint64_t t = world.true_ms + 100 * DAY_MS;
    assert_true(is_right(t, t));
    assert_true(is_right(t + DAY_MS, t)); /* right, but no mark */
    assert_true(is_right(t - 1, t));
    assert_false(is_right(t + 40 * DAY_MS, t)); /* wrong, and no mark */
    assert_true(is_right(t - 1, t));
    assert_true(is_right(t + DAY_MS - 1, t)); /* a mark */
    assert_true(is_right(t - 1, t));
    assert_false(is_right(t - 2, t));
}

/* Promise: under a wrong clock nothing is signed, renewed or erased, and no bundle is fetched. */
static void a_wrong_clock_starts_nothing(void **state) {
    static const int64_t YEARS[] = {-14600, 3650, -2, 2};
    struct person *ana = &world.ana;
    (void)state;
    wait_until(created_ms(ana) + 70 * DAY_MS); /* renewal, a set and one-time keys are due */
    for (size_t i = 0; i < ROWS(YEARS); i++) {
        uint64_t devices = person_count(ana, DEVICES, NULL);
        uint64_t sets = person_count(ana, SETS, NULL);
        uint64_t one_time = person_count(ana, ONE_TIME, NULL);
        memset(ana->frames, 0, sizeof(ana->frames));
        ana->clock_ms = YEARS[i] * (int64_t)DAY_MS;
        person_come(ana);
        assert_int_equal(engine_phase(ana->engine), ENGINE_OPEN);
        assert_true(engine_clock_is_wrong(ana->engine));
        assert_int_equal(person_try(ana), ERR_CLOCK_SKEW);
        person_leave(ana);
        assert_int_equal(ana->notices[ERR_CLOCK_SKEW], i + 1);
        assert_int_equal(
            ana->frames[WIRE_PUBLISH] + ana->frames[WIRE_RENEW] + ana->frames[WIRE_GET_BUNDLE], 0);
        assert_int_equal(person_count(ana, DEVICES, NULL), devices);
        assert_int_equal(person_count(ana, SETS, NULL), sets);
        assert_int_equal(person_count(ana, ONE_TIME, NULL), one_time);
    }
    ana->clock_ms = 0;
    memset(ana->frames, 0, sizeof(ana->frames));
    person_visit(ana);
    assert_int_equal(ana->renewals, 1);
    assert_int_equal(ana->frames[WIRE_PUBLISH], 0); /* the unit had everything */
}

/* ---- prekeys (1.4) */

/* Promise: a new set after 7 days with a higher number, and not before. */
static void a_set_is_replaced_each_week(void **state) {
    struct person *ana = &world.ana;
    struct account account = person_account(ana);
    uint64_t made = created_ms(ana);
    (void)state;
    assert_int_equal(person_count(ana, LAST_SET_OF_CID, account.cid), 1);
    wait_until(made + PREKEY_SET_RENEW_MS - 1);
    person_visit(ana);
    assert_int_equal(person_count(ana, LAST_SET_OF_CID, account.cid), 1);
    wait_until(made + PREKEY_SET_RENEW_MS);
    person_visit(ana);
    assert_int_equal(person_count(ana, LAST_SET_OF_CID, account.cid), 2);
    assert_true(ana->last_had_set && !ana->last_replaced);
}

/* Promise: a set that never came to the server is followed by another one at the next login, not a
 * week later; one that came is not. */
static void a_set_that_was_lost_is_replaced_at_once(void **state) {
    struct person *ana = &world.ana;
    (void)state;
    wait_until(created_ms(ana) + PREKEY_SET_RENEW_MS);
    ana->loses = WIRE_PUBLISH;
    person_visit(ana);
    ana->loses = 0;
    memset(ana->frames, 0, sizeof(ana->frames));
    person_visit(ana);
    assert_int_equal(ana->frames[WIRE_PUBLISH], 1);
    assert_true(ana->last_had_set && !ana->last_replaced);
    person_visit(ana);
    assert_int_equal(ana->frames[WIRE_PUBLISH], 1);
}

/* Promise: private prekeys are erased 31 days after they expired, before anything is received, and
 * not a moment before. */
static void private_prekeys_are_erased_on_time(void **state) {
    struct person *ana = &world.ana;
    (void)state;
    uint64_t first = person_count(ana, FIRST_EXPIRY, NULL);
    uint64_t all = person_count(ana, SETS, NULL) + person_count(ana, ONE_TIME, NULL);
    assert_int_equal(all, 1 + ONE_TIME_PREKEYS_FULL);
    wait_until(first + PRIVATE_KEY_GRACE_MS - 1);
    ana->fate = FATE_LOST_BEFORE; /* the connection ends before anything else happens */
    person_visit(ana);
    assert_int_equal(person_count(ana, FIRST_EXPIRY, NULL), first);
    ana->fate = FATE_HONEST;
    wait_until(first + PRIVATE_KEY_GRACE_MS);
    person_visit(ana);
    assert_true(person_count(ana, FIRST_EXPIRY, NULL) > first);
    assert_int_equal(person_count(ana, ONE_TIME, NULL), ONE_TIME_PREKEYS_FULL);
}

/* Promise: one-time keys are topped up to 32 when fewer than 8 are left, and not before. */
static void one_time_keys_are_topped_up(void **state) {
    struct person *ana = &world.ana;
    struct person *bob = &world.bob;
    unsigned left = ONE_TIME_PREKEYS_FULL;
    (void)state;
    for (unsigned day = 0; left >= ONE_TIME_PREKEYS_LOW; day++) {
        assert_true(day < 7);
        for (unsigned i = 0; i < ONE_TIME_HANDOUT_PER_DAY; i++) {
            person_come(bob);
            person_drain(bob);
        }
        left -= ONE_TIME_HANDOUT_PER_DAY;
        memset(ana->frames, 0, sizeof(ana->frames));
        person_visit(ana);
        assert_int_equal(ana->frames[WIRE_PUBLISH], left < ONE_TIME_PREKEYS_LOW ? 1 : 0);
        world_pass(&world, DAY_MS);
    }
    assert_false(ana->last_replaced || ana->last_had_set);
    assert_int_equal(ana->last_one_time, ONE_TIME_PREKEYS_FULL - left);
    memset(ana->frames, 0, sizeof(ana->frames));
    person_visit(ana); /* a week has passed: a set, and no more one-time keys */
    assert_int_equal(ana->frames[WIRE_PUBLISH], 1);
    assert_int_equal(ana->last_one_time, 0);
}

/* Promise: a server whose store is another one gets a new set with a higher number and one-time
 * keys that replace the old ones, once. */
static void a_new_store_gets_everything_anew(void **state) {
    struct person *ana = &world.ana;
    struct account account = person_account(ana);
    (void)state;
    memset(ana->frames, 0, sizeof(ana->frames));
    person_visit(ana);
    assert_int_equal(ana->frames[WIRE_PUBLISH], 0);
    world.store_epoch[3] ^= 1;
    world_restart(&world);
    person_visit(ana);
    assert_int_equal(ana->frames[WIRE_PUBLISH], 1);
    assert_true(ana->last_had_set && ana->last_replaced);
    assert_int_equal(ana->last_one_time, ONE_TIME_PREKEYS_FULL);
    assert_int_equal(person_count(ana, LAST_SET_OF_CID, account.cid), 2);
    person_visit(ana);
    assert_int_equal(ana->frames[WIRE_PUBLISH], 1);
}

/* ---- renewal (1.2) */

/* Promise: a certificate is renewed at 60 days, as one unit, with a higher epoch. */
static void a_certificate_is_renewed_at_60_days(void **state) {
    struct person *ana = &world.ana;
    struct account first = person_account(ana);
    uint64_t made = created_ms(ana);
    (void)state;
    wait_until(made + CERTIFICATE_RENEW_MS - 1);
    person_visit(ana);
    assert_int_equal(ana->renewals, 0);
    wait_until(made + CERTIFICATE_RENEW_MS);
    memset(ana->frames, 0, sizeof(ana->frames));
    person_visit(ana);
    struct account second = person_account(ana);
    assert_int_equal(ana->renewals, 1);
    assert_int_equal(ana->frames[WIRE_PUBLISH], 0);
    assert_memory_not_equal(second.cid, first.cid, HASH_BYTES);
    assert_memory_equal(second.previous_cid, first.cid, HASH_BYTES);
    assert_memory_equal(second.afp, first.afp, HASH_BYTES);
    assert_int_equal(second.epoch, 2);
    assert_false(second.has_pending);
    assert_int_equal(person_count(ana, LAST_SET_OF_CID, second.cid), 1);
    assert_int_equal(person_count(ana, PREKEYS_OF_CID, second.cid), 1 + ONE_TIME_PREKEYS_FULL);
    person_visit(ana);
    assert_int_equal(ana->renewals, 1);
    assert_int_equal(ana->one_time_left, ONE_TIME_PREKEYS_FULL);
    assert_int_equal(ana->frames[WIRE_PUBLISH], 0);
}

/* Promise: the private keys of a certificate outlive it by 31 days, the current one's by ever. */
static void an_earlier_device_is_erased_on_time(void **state) {
    struct person *ana = &world.ana;
    struct account first = person_account(ana);
    uint64_t over = created_ms(ana) + CERTIFICATE_LIFE_MS + PRIVATE_KEY_GRACE_MS;
    (void)state;
    wait_until(created_ms(ana) + CERTIFICATE_RENEW_MS);
    person_visit(ana);
    ana->fate = FATE_LOST_BEFORE; /* the second renewal, at 120 days, stays pending */
    wait_until(over - 1);
    person_visit(ana);
    assert_int_equal(person_count(ana, DEVICE_OF_CID, first.cid), 1);
    ana->fate = FATE_HONEST;
    wait_until(over);
    person_visit(ana);
    assert_int_equal(person_count(ana, DEVICE_OF_CID, first.cid), 0);
    assert_int_equal(person_count(ana, PREKEYS_OF_CID, first.cid), 0);
    assert_int_equal(person_count(ana, DEVICES, NULL), 2);
    struct account third = person_account(ana);
    wait_until(world.true_ms + 400 * DAY_MS); /* far over its time, but the current one */
    ana->fate = FATE_LOST_BEFORE;
    person_visit(ana);
    assert_int_equal(person_count(ana, DEVICE_OF_CID, third.cid), 1);
}

static void expect_lent(struct engine *engine, const uint8_t cid[HASH_BYTES]) {
    const struct own_device *own = NULL;
    assert_int_equal(devices_borrow(engine, cid, &own), OK);
    assert_memory_equal(own->parsed->cid, cid, HASH_BYTES);
}

/* Promise: whichever certificate a peer names, its keys are lent as long as they are held. */
static void devices_of_all_ages_are_lent(void **state) {
    const uint8_t nobody[HASH_BYTES] = {7};
    struct person *ana = &world.ana;
    struct account first = person_account(ana);
    const struct own_device *own = NULL;
    (void)state;
    wait_until(created_ms(ana) + CERTIFICATE_RENEW_MS);
    person_visit(ana);
    wait_until(created_ms(ana) + CERTIFICATE_RENEW_MS);
    person_come(ana);
    struct account third = person_account(ana);
    for (unsigned i = 0; i < 2; i++) {
        expect_lent(ana->engine, first.cid);
        expect_lent(ana->engine, third.previous_cid);
        expect_lent(ana->engine, third.cid);
        expect_lent(ana->engine, first.cid);
        assert_int_equal(devices_borrow(ana->engine, nobody, &own), ERR_NOT_FOUND);
        assert_null(own);
    }
    person_leave(ana);
}

/* Promise: an unanswered renewal is settled at the next login, whichever certificate stands. */
static void an_unanswered_renewal_is_offered_again(void **state) {
    static const enum fate FATES[] = {FATE_LOST_BEFORE, FATE_LOST_AFTER};
    struct person *ana = &world.ana;
    (void)state;
    talk();
    for (size_t i = 0; i < ROWS(FATES); i++) {
        struct account old = person_account(ana);
        unsigned renewals = ana->renewals;
        wait_until(created_ms(ana) + CERTIFICATE_RENEW_MS);
        ana->fate = FATES[i];
        person_visit(ana);
        struct account between = person_account(ana);
        assert_true(between.has_pending);
        assert_memory_equal(between.cid, old.cid, HASH_BYTES);
        world_pass(&world, 2 * DAY_MS);
        ana->fate = FATE_HONEST;
        memset(ana->frames, 0, sizeof(ana->frames));
        person_visit(ana);
        assert_int_equal(ana->failure.error, OK);
        struct account new = person_account(ana);
        assert_false(new.has_pending);
        assert_memory_equal(new.cid, between.pending_cid, HASH_BYTES);
        assert_int_equal(new.epoch, old.epoch + 1);
        if (FATES[i] == FATE_LOST_BEFORE) {
            assert_int_equal(ana->frames[WIRE_LOGIN], 2); /* the new cid, then the old one */
            assert_int_equal(ana->renewals, renewals + 2);
            assert_true(ana->was_same);
        } else {
            assert_int_equal(ana->frames[WIRE_LOGIN], 1);
            assert_int_equal(ana->renewals, renewals + 1);
        }
        talk();
        expect_peace();
    }
}

/* Promise: a unit whose prekeys grew old gives way to a fresh one with an epoch of its own. */
static void a_stale_unit_is_made_anew(void **state) {
    struct person *ana = &world.ana;
    (void)state;
    wait_until(created_ms(ana) + CERTIFICATE_RENEW_MS);
    ana->fate = FATE_LOST_BEFORE;
    person_visit(ana);
    struct account between = person_account(ana);
    world_pass(&world, PREKEY_SET_RENEW_MS - 1);
    person_visit(ana);
    assert_true(ana->was_same);
    world_pass(&world, 1);
    ana->fate = FATE_HONEST;
    person_visit(ana);
    struct account new = person_account(ana);
    assert_false(ana->was_same);
    assert_memory_not_equal(new.cid, between.pending_cid, HASH_BYTES);
    assert_int_equal(new.epoch, 3);
    assert_int_equal(person_count(ana, DEVICE_OF_CID, between.pending_cid), 0);
    assert_int_equal(person_count(ana, PREKEYS_OF_CID, between.pending_cid), 0);
}

/* Promise: a refusal that may pass leaves the old certificate in use; one that does not ends the
 * connection and takes the unit back. */
static void a_refused_renewal_is_told(void **state) {
    struct person *ana = &world.ana;
    (void)state;
    talk();
    wait_until(created_ms(ana) + CERTIFICATE_RENEW_MS);
    ana->fate = FATE_REFUSED;
    ana->refusal = ERR_SERVER_DISK_FULL;
    talk();
    expect_all_read();
    struct account between = person_account(ana);
    assert_true(between.has_pending);
    assert_true(ana->was_same);
    ana->refusal = ERR_CERTIFICATE_REFUSED;
    person_come(ana);
    assert_int_equal(engine_phase(ana->engine), ENGINE_OVER);
    assert_int_equal(engine_failure(ana->engine)->error, ERR_CERTIFICATE_REFUSED);
    person_leave(ana);
    assert_false(person_account(ana).has_pending);
    assert_int_equal(person_count(ana, DEVICE_OF_CID, between.pending_cid), 0);
    ana->fate = FATE_HONEST;
    person_visit(ana);
    assert_int_equal(person_account(ana).epoch, 3);
    assert_false(person_account(ana).has_pending);
    talk();
    expect_peace();
}

/* Promise: what a command wants to say while its device renews is said, whatever becomes of that.
 */
static void a_message_during_a_renewal_goes_out(void **state) {
    static const enum fate FATES[] = {FATE_HONEST, FATE_LOST_BEFORE, FATE_LOST_AFTER, FATE_REFUSED};
    struct person *ana = &world.ana;
    (void)state;
    talk();
    for (size_t i = 0; i < ROWS(FATES); i++) {
        while (world.true_ms < created_ms(ana) + CERTIFICATE_RENEW_MS) {
            world_pass(&world, DAY_MS);
            person_visit(&world.bob);
        }
        ana->fate = FATES[i];
        ana->refusal = ERR_SERVER_DISK_FULL;
        unsigned renewals = ana->renewals;
        person_come_writing(ana);
        person_leave(ana);
        assert_int_equal(ana->renewals, renewals + 1);
        ana->fate = FATE_HONEST;
        person_visit(ana);
        person_visit(&world.bob);
        person_read(&world.bob);
        assert_int_equal(world.bob.received, ana->written);
        talk();
        expect_peace();
    }
}

/* Promise: a connection that stays renews and publishes as logins do. */
static void a_connection_may_stay_for_months(void **state) {
    struct person *ana = &world.ana;
    struct person *bob = &world.bob;
    (void)state;
    person_come(ana);
    uint64_t connection = ana->connection;
    for (unsigned day = 0; day < 130; day++) {
        world_stay(&world, DAY_MS);
        person_come(bob);
        if (day % 3 == 0) {
            person_write(bob);
            person_write(ana);
        }
        person_leave(bob);
        assert_int_equal(ana->connection, connection);
        assert_true(world.true_ms <= created_ms(ana) + CERTIFICATE_RENEW_MS + DAY_MS);
        assert_in_range(person_count(ana, SETS, NULL), 1, 12);
        assert_true(person_count(ana, FIRST_EXPIRY, NULL) + PRIVATE_KEY_GRACE_MS + DAY_MS >
                    world.true_ms);
    }
    person_leave(ana);
    person_visit(bob);
    person_read(ana);
    person_read(bob);
    assert_int_equal(ana->renewals, 2);
    assert_int_equal(ana->frames[WIRE_LOGIN], 1);
    assert_true(ana->frames[WIRE_PUBLISH] > 10);
    expect_peace();
}

/* Promise: a server that was put back to a copy from before a renewal gets it again. */
static void a_server_that_was_put_back_is_renewed(void **state) {
    struct person *ana = &world.ana;
    (void)state;
    talk();
    wait_until(created_ms(ana) + CERTIFICATE_RENEW_MS);
    world_copy(&world);
    person_visit(ana);
    struct account account = person_account(ana);
    assert_int_equal(account.epoch, 2);
    world_put_back(&world);
    memset(ana->frames, 0, sizeof(ana->frames));
    person_visit(ana);
    assert_int_equal(ana->failure.error, OK);
    assert_int_equal(ana->frames[WIRE_LOGIN], 2);
    assert_int_equal(ana->frames[WIRE_RENEW], 1);
    assert_memory_equal(person_account(ana).cid, account.cid, HASH_BYTES);
    memset(ana->frames, 0, sizeof(ana->frames));
    talk();
    assert_int_equal(ana->frames[WIRE_RENEW], 0);
    expect_all_read();
}

/* Promise: what a server has lost with its newest state is offered again to the older copy (1.8).
 */
static void a_server_that_was_put_back_loses_no_message(void **state) {
    struct person *ana = &world.ana;
    struct person *bob = &world.bob;
    (void)state;
    talk();
    world_copy(&world);
    person_come(ana);
    assert_int_equal(person_try(ana), OK);
    assert_int_equal(person_try(ana), OK);
    person_leave(ana);
    world_put_back(&world);
    person_visit(bob);
    person_read(bob);
    assert_int_equal(bob->received, 1);
    person_visit(ana);
    assert_true(ana->last_had_set && ana->last_replaced);
    person_visit(bob);
    person_read(bob);
    person_visit(ana);
    expect_peace();
}

/* ---- registering again (1.12) */

/* As `join` with a fresh invite does it for an account that the server has lost. */
static void register_anew(struct person *person) {
    struct account account = person_account(person);
    account.is_registered = false;
    account.is_published = false;
    assert_int_equal(person->store->begin(person->store->context), OK);
    assert_int_equal(account_save(person->store, &account), OK);
    assert_int_equal(person->store->commit(person->store->context), OK);
    person_visit(person);
    assert_int_equal(person->failure.error, OK);
}

/* Promise: an account that the server has lost registers again as it is, with a renewed certificate
 * or with one that is over, and its conversations go on. */
static void a_lost_account_registers_again(void **state) {
    struct person *ana = &world.ana;
    struct person *bob = &world.bob;
    (void)state;
    wait_until(created_ms(ana) + CERTIFICATE_RENEW_MS);
    person_visit(ana);
    talk();
    struct account renewed = person_account(ana);
    struct account first = person_account(bob);
    world_lose(&world);
    memset(ana->frames, 0, sizeof(ana->frames));
    person_visit(ana);
    assert_int_equal(ana->failure.error, ERR_LOGIN_REFUSED);
    assert_int_equal(ana->frames[WIRE_LOGIN], 2);
    register_anew(ana);
    assert_memory_equal(person_account(ana).cid, renewed.cid, HASH_BYTES);
    wait_until(created_ms(bob) + CERTIFICATE_LIFE_MS + 1);
    register_anew(bob);
    assert_memory_not_equal(person_account(bob).cid, first.cid, HASH_BYTES);
    assert_true(person_account(bob).epoch > first.epoch);
    talk();
    talk();
    expect_peace();
}

/* Puts back an account as it was at its first certificate, before it had registered. */
static void restore_first(struct person *person, const struct account *first) {
    struct account account = *first;
    account.is_registered = false;
    account.is_published = false;
    assert_int_equal(person->store->begin(person->store->context), OK);
    assert_int_equal(account_save(person->store, &account), OK);
    assert_int_equal(person->store->commit(person->store->context), OK);
}

/* Promise: an account from a backup takes an epoch above the one that the server knows, and is the
 * device from then on. */
static void an_old_copy_registers_with_the_next_epoch(void **state) {
    struct person *ana = &world.ana;
    struct account first = person_account(ana);
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        wait_until(created_ms(ana) + CERTIFICATE_RENEW_MS);
        person_visit(ana);
    }
    assert_int_equal(person_account(ana).epoch, 3);
    restore_first(ana, &first);
    memset(ana->frames, 0, sizeof(ana->frames));
    person_visit(ana);
    assert_int_equal(ana->failure.error, OK);
    /* The restored certificate is too old to register with, so that epoch 2 is offered first. */
    assert_int_equal(ana->frames[WIRE_REGISTER], 2);
    assert_int_equal(ana->frames[WIRE_RENEW], 1);
    struct account account = person_account(ana);
    assert_true(account.is_registered && account.is_published);
    assert_int_equal(account.epoch, 4);
    person_visit(ana);
    assert_int_equal(ana->failure.error, OK);
    talk();
    expect_peace();
}

/* A certificate for that name under an account key that nobody has. */
static void forge(const struct user_name *name, uint8_t out[CERTIFICATE_BYTES]) {
    const struct secret_32 key = {{2}};
    const struct entropy entropy = entropy_system();
    struct account account = {.name = *name};
    struct sqlcipher_store *database = NULL;
    struct device device;
    assert_int_equal(sqlcipher_store_open(":memory:", &key, true, &database), OK);
    const struct client_store *store = sqlcipher_store_functions(database);
    assert_int_equal(store->begin(store->context), OK);
    assert_int_equal(account_create(store, &entropy, world.true_ms, &account), OK);
    assert_int_equal(store->commit(store->context), OK);
    assert_int_equal(device_load(store, account.cid, &device), OK);
    memcpy(out, device.certificate, CERTIFICATE_BYTES);
    device_clear(&device);
    sqlcipher_store_close(database);
}

/* Promise: a certificate that another account signed does not answer a registration, nor does a
 * spoiled one of the own account. */
static void a_certificate_of_somebody_else_ends_registering(void **state) {
    struct person *ana = &world.ana;
    uint8_t certificate[CERTIFICATE_BYTES];
    struct account first = person_account(ana);
    struct device device;
    (void)state;
    wait_until(created_ms(ana) + CERTIFICATE_RENEW_MS);
    person_visit(ana);
    assert_int_equal(device_load(ana->store, person_account(ana).cid, &device), OK);
    restore_first(ana, &first);
    for (unsigned i = 0; i < 2; i++) {
        if (i == 0) {
            forge(&ana->name, certificate);
        } else {
            memcpy(certificate, device.certificate, sizeof(certificate));
            certificate[sizeof(certificate) - 1] ^= 1;
        }
        ana->answer_register = certificate;
        memset(ana->frames, 0, sizeof(ana->frames));
        person_come(ana);
        assert_int_equal(engine_phase(ana->engine), ENGINE_OVER);
        assert_int_equal(engine_failure(ana->engine)->error, ERR_PROTOCOL_ERROR);
        assert_int_equal(ana->frames[WIRE_REGISTER], 1);
        person_leave(ana);
    }
    ana->answer_register = NULL;
    device_clear(&device);
}

/* ---- absences */

static void be_away(uint64_t days) {
    talk();
    person_visit(&world.ana);
    person_come(&world.bob);
    for (uint64_t day = 0; day < days; day++) {
        if (day % 5 == 0 && day + 29 > days) {
            person_write(&world.bob); /* waits for ana */
        }
        world_pass(&world, DAY_MS);
        person_visit(&world.bob);
        person_come(&world.bob);
    }
    person_leave(&world.bob);
    person_visit(&world.ana);
    talk();
    talk();
    expect_all_read();
}

/* Promise: a device that was off for 45 days has what came in the last 30, and goes on. */
static void a_device_comes_back_after_45_days(void **state) {
    (void)state;
    be_away(45);
    expect_peace();
    assert_int_equal(world.ana.renewals, 0);
}

/* Promise: so has one that was off for longer than its certificate lives. */
static void a_device_comes_back_after_130_days(void **state) {
    struct person *ana = &world.ana;
    (void)state;
    be_away(130);
    expect_peace();
    assert_int_equal(ana->renewals, 1);
    assert_int_equal(person_account(ana).epoch, 2);
}

/* ---- sessions (1.6) */

/* Promise: a session ends with the first of its certificates, and the next one begins quietly. */
static void sessions_end_with_their_certificates(void **state) {
    (void)state;
    talk();
    uint64_t over = created_ms(&world.ana) + CERTIFICATE_LIFE_MS;
    while (world.true_ms + DAY_MS < over) {
        world_pass(&world, DAY_MS);
        person_visit(&world.ana);
        person_visit(&world.bob);
    }
    talk(); /* the last day */
    wait_until(over + 1);
    memset(world.ana.frames, 0, sizeof(world.ana.frames));
    person_visit(&world.bob);
    talk();
    talk();
    assert_true(world.ana.frames[WIRE_GET_BUNDLE] > 0 || world.bob.frames[WIRE_GET_BUNDLE] > 0);
    expect_peace();
}

/* ---- the server's key (1.12) */

/* Promise: an announced key is a second pin, told of once; the one that a connection shows is the
 * first. */
static void an_announced_key_is_a_second_pin(void **state) {
    struct person *ana = &world.ana;
    uint8_t shown[HASH_BYTES];
    const uint8_t next[HASH_BYTES] = {1, 2, 3};
    const uint8_t other[HASH_BYTES] = {4, 5, 6};
    const unsigned *told = &ana->notices[ERR_SERVER_KEY_ANNOUNCED];
    (void)state;
    memcpy(shown, person_account(ana).server_hash, HASH_BYTES);
    world_announce(&world, next, world.true_ms + DAY_MS);
    person_visit(ana);
    person_visit(ana);
    assert_int_equal(*told, 1);
    assert_true(person_account(ana).has_next_key);
    assert_memory_equal(person_account(ana).next_key, next, HASH_BYTES);
    assert_int_equal(person_account(ana).next_key_ms, world.true_ms + DAY_MS);
    world_announce(&world, next, world.true_ms + 2 * DAY_MS); /* later, but the same */
    person_visit(ana);
    assert_int_equal(*told, 1);
    assert_int_equal(person_account(ana).next_key_ms, world.true_ms + 2 * DAY_MS);
    world_announce(&world, other, world.true_ms + DAY_MS);
    person_visit(ana);
    assert_int_equal(*told, 2);
    assert_memory_equal(person_account(ana).next_key, other, HASH_BYTES);
    world_announce(&world, NULL, 0);
    person_visit(ana);
    assert_false(person_account(ana).has_next_key);
    world_announce(&world, next, world.true_ms + DAY_MS);
    person_visit(ana);
    assert_int_equal(*told, 3);
    assert_memory_equal(person_account(ana).server_hash, shown, HASH_BYTES);
    ana->shown_key = next; /* a day later */
    person_visit(ana);
    assert_false(person_account(ana).has_next_key);
    assert_memory_equal(person_account(ana).server_hash, next, HASH_BYTES);
    person_visit(ana);
    assert_int_equal(*told, 3);
}

/* ---- the account as it is kept */

/* Promise: an account of the first format is one without renewals. */
static void an_account_of_format_1_loads(void **state) {
    enum { ADDED_BYTES = 4 + 3 * (1 + HASH_BYTES) + 8 };
    struct person *ana = &world.ana;
    struct account now = person_account(ana);
    struct buffer saved;
    (void)state;
    buffer_init(&saved, 4096);
    assert_int_equal(ana->store->setting_get(ana->store->context, "account", &saved), OK);
    assert_int_equal(saved.data[0], 2);
    saved.data[0] = 1;
    assert_int_equal(ana->store->begin(ana->store->context), OK);
    assert_int_equal(ana->store->setting_put(ana->store->context, "account",
                                             bytes_make(saved.data, saved.size - ADDED_BYTES)),
                     OK);
    assert_int_equal(ana->store->commit(ana->store->context), OK);
    buffer_clear(&saved);
    struct account before = person_account(ana);
    assert_int_equal(before.epoch, 1);
    assert_false(before.has_pending || before.has_previous || before.has_next_key);
    assert_memory_equal(before.cid, now.cid, HASH_BYTES);
    wait_until(created_ms(ana) + CERTIFICATE_RENEW_MS);
    person_visit(ana);
    assert_int_equal(person_account(ana).epoch, 2);
}

/* ---- two years */

enum { YEARS_DAYS = 730, DAY_OF_1980 = 200, DAY_OF_2036 = 400 };

/* 2026 and a bit is the true time. */
static const uint64_t IN_1980 = UINT64_C(330000000000);
static const uint64_t IN_2036 = UINT64_C(2090000000000);

static void look_at_keys(struct person *person) {
    uint64_t now_ms = world.true_ms;
    struct account account = person_account(person);
    assert_true(now_ms < created_ms(person) + CERTIFICATE_RENEW_MS);
    /* 7-day sets that live 61 days, of at most three certificates. */
    assert_in_range(person_count(person, SETS, NULL), 1, 12);
    assert_in_range(person_count(person, DEVICES, NULL), 1, 3);
    assert_true(person_count(person, FIRST_EXPIRY, NULL) + PRIVATE_KEY_GRACE_MS > now_ms);
    assert_in_range(person_count(person, PREKEYS_OF_CID, account.cid), 2, 200);
}

/* The same keys before and after, no signature asked for, and what runs goes on. */
static void live_under_a_wrong_clock(struct person *person, uint64_t clock_ms) {
    uint64_t devices = person_count(person, DEVICES, NULL);
    uint64_t sets = person_count(person, SETS, NULL);
    unsigned skews = person->notices[ERR_CLOCK_SKEW];
    struct person *other = person == &world.ana ? &world.bob : &world.ana;
    memset(person->frames, 0, sizeof(person->frames));
    person->clock_ms = (int64_t)(clock_ms - world.true_ms);
    person_come(person);
    person_come(other);
    person_write(other);
    person_write(person);
    world_settle(&world);
    person_read(person);
    assert_int_equal(person->received, other->written);
    person_leave(person);
    person_leave(other);
    assert_int_equal(person->notices[ERR_CLOCK_SKEW], skews + 1);
    assert_int_equal(person->frames[WIRE_PUBLISH] + person->frames[WIRE_RENEW] +
                         person->frames[WIRE_GET_BUNDLE],
                     0);
    assert_int_equal(person_count(person, DEVICES, NULL), devices);
    assert_int_equal(person_count(person, SETS, NULL), sets);
    person->clock_ms = 0;
    person_visit(person);
}

static void live_a_day(unsigned day) {
    struct person *ana = &world.ana;
    struct person *bob = &world.bob;
    world_pass(&world, DAY_MS);
    if (day == DAY_OF_1980) {
        live_under_a_wrong_clock(ana, IN_1980);
    }
    if (day == DAY_OF_2036) {
        live_under_a_wrong_clock(bob, IN_2036);
    }
    person_come(ana);
    if (day % 3 == 0) {
        person_write(ana);
    }
    person_leave(ana);
    person_come(bob);
    if (day % 4 == 0) {
        person_write(bob);
    }
    person_leave(bob);
    person_visit(ana);
    person_read(ana);
    person_read(bob);
    look_at_keys(ana);
    look_at_keys(bob);
}

/* Promise: two people live through two years, with a day of 1980 and a day of 2036 in between, and
 * nothing is lost, doubled or out of order; keys are renewed and erased all the time. */
static void two_years_pass(void **state) {
    (void)state;
    for (unsigned day = 0; day < YEARS_DAYS; day++) {
        live_a_day(day);
    }
    person_visit(&world.bob);
    person_read(&world.bob);
    expect_peace();
    assert_in_range(world.ana.renewals, 11, 12);
    assert_in_range(world.bob.renewals, 11, 12);
    assert_int_equal(person_account(&world.ana).epoch, world.ana.renewals + 1);
}

int main(void) {
#define LIFE(test) cmocka_unit_test_setup_teardown(test, begin, end)
    const struct CMUnitTest tests[] = {
        LIFE(a_clock_may_be_a_day_off),
        LIFE(a_clock_may_be_a_day_behind_its_mark),
        LIFE(a_clock_leaves_a_mark_when_both_agree),
        LIFE(a_wrong_clock_starts_nothing),
        LIFE(a_set_is_replaced_each_week),
        LIFE(a_set_that_was_lost_is_replaced_at_once),
        LIFE(private_prekeys_are_erased_on_time),
        LIFE(one_time_keys_are_topped_up),
        LIFE(a_new_store_gets_everything_anew),
        LIFE(a_certificate_is_renewed_at_60_days),
        LIFE(an_earlier_device_is_erased_on_time),
        LIFE(devices_of_all_ages_are_lent),
        LIFE(an_unanswered_renewal_is_offered_again),
        LIFE(a_stale_unit_is_made_anew),
        LIFE(a_refused_renewal_is_told),
        LIFE(a_message_during_a_renewal_goes_out),
        LIFE(a_connection_may_stay_for_months),
        cmocka_unit_test_setup_teardown(a_server_that_was_put_back_is_renewed, begin_on_disk, end),
        cmocka_unit_test_setup_teardown(a_server_that_was_put_back_loses_no_message, begin_on_disk,
                                        end),
        LIFE(a_lost_account_registers_again),
        LIFE(an_old_copy_registers_with_the_next_epoch),
        LIFE(a_certificate_of_somebody_else_ends_registering),
        LIFE(a_device_comes_back_after_45_days),
        LIFE(a_device_comes_back_after_130_days),
        LIFE(sessions_end_with_their_certificates),
        LIFE(an_announced_key_is_a_second_pin),
        LIFE(an_account_of_format_1_loads),
        LIFE(two_years_pass),
    };
#undef LIFE
    return cmocka_run_group_tests(tests, fill_pool, NULL);
}
