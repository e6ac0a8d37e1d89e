/* SPDX-License-Identifier: ISC */
#include "session_world.h"

#include <string.h>

enum { ROW_MAX_BYTES = 8192 };

/** Saves, loads, saves again: the same row, and not too long. */
static void reload(struct session *session) {
    struct buffer row;
    struct buffer again;
    struct session loaded;
    buffer_init(&row, ROW_MAX_BYTES);
    buffer_init(&again, ROW_MAX_BYTES);
    assert_int_equal(session_save(session, &row), OK);
    assert_int_equal(session_load(buffer_view(&row), &loaded), OK);
    assert_int_equal(session_save(&loaded, &again), OK);
    assert_true(bytes_equal(buffer_view(&row), buffer_view(&again)));
    for (size_t i = 0; i < session->skipped_count; i++) {
        assert_int_equal(session_add_skipped(&loaded, &session->skipped[i]), OK);
    }
    for (size_t i = 0; i < session->past_count; i++) {
        assert_int_equal(session_add_past(&loaded, &session->past[i]), OK);
    }
    session_clear(session);
    *session = loaded;
    buffer_clear(&row);
    buffer_clear(&again);
}

static void a_session_goes_on_after_every_reload(void **state) {
    struct world *world = *state;
    for (int has_one_time = 0; has_one_time <= 1; has_one_time++) {
        struct buffer first;
        struct buffer body;
        buffer_init(&first, ENVELOPE_MAX_BYTES);
        buffer_init(&body, BODY_MAX_BYTES);
        begin(world, &world->a, &world->b, has_one_time == 1, &world->a_session);
        reload(&world->a_session);
        seal(world, &world->a_session, &world->a, "first", &first);
        reload(&world->a_session);
        assert_int_equal(accept(&world->b, buffer_view(&first), NOW_MS, &world->b_session, &body),
                         OK);
        for (int i = 0; i < 100; i++) {
            reload(&world->a_session);
            reload(&world->b_session);
            if (i % 3 == 0) {
                b_to_a(world, "from b");
            } else {
                a_to_b(world, "from a");
            }
        }
        assert_true(world->b_session.past_count > 10);
        world_end(state);
        buffer_clear(&first);
        buffer_clear(&body);
    }
}

static void a_row_stays_under_8_kib_in_its_longest_states(void **state) {
    struct world *world = *state;
    struct buffer row;
    size_t longest = 0;
    buffer_init(&row, ROW_MAX_BYTES);
    assert_int_equal(world_begin(state), 0);
    for (int i = 0; i < 12; i++) {
        /* Both sides start a post-quantum step whenever they may: headers are as long as they get.
         */
        world->a_session.since_pq = PQ_STEP_MESSAGES;
        world->b_session.since_pq = PQ_STEP_MESSAGES;
        struct session *sessions[] = {&world->a_session, &world->b_session};
        for (size_t j = 0; j < 2; j++) {
            buffer_reset(&row);
            assert_int_equal(session_save(sessions[j], &row), OK);
            longest = row.size > longest ? row.size : longest;
        }
        if (i % 2 == 0) {
            b_to_a(world, "from b");
        } else {
            a_to_b(world, "from a");
        }
    }
    assert_in_range(longest, 3000, ROW_MAX_BYTES);
    world_end(state);
    buffer_clear(&row);
}

static void a_damaged_row_is_refused(void **state) {
    struct world *world = *state;
    struct buffer row;
    struct session loaded;
    buffer_init(&row, ROW_MAX_BYTES + 1);
    assert_int_equal(world_begin(state), 0);
    struct session *sessions[] = {&world->a_session, &world->b_session};
    for (size_t j = 0; j < 2; j++) {
        buffer_reset(&row);
        assert_int_equal(session_save(sessions[j], &row), OK);
        for (size_t size = 0; size < row.size; size++) {
            assert_int_equal(session_load(bytes_make(row.data, size), &loaded), ERR_MALFORMED);
        }
        assert_int_equal(buffer_append(&row, bytes_make("", 1)), OK);
        assert_int_equal(session_load(buffer_view(&row), &loaded), ERR_MALFORMED);
        row.size--;
        row.data[0]++; /* the version */
        assert_int_equal(session_load(buffer_view(&row), &loaded), ERR_MALFORMED);
        row.data[0]--;
        row.data[1 + SESSION_ID_BYTES] = 2; /* the role */
        assert_int_equal(session_load(buffer_view(&row), &loaded), ERR_MALFORMED);
    }
    world_end(state);
    buffer_clear(&row);
}

/** A flipped byte is refused or loads something that fails later: it never breaks a promise of the
 * code. */
static void no_row_makes_the_code_break_its_promises(void **state) {
    struct world *world = *state;
    struct buffer row;
    struct buffer envelope;
    struct buffer body;
    buffer_init(&row, ROW_MAX_BYTES);
    buffer_init(&envelope, ENVELOPE_MAX_BYTES);
    buffer_init(&body, BODY_MAX_BYTES);
    assert_int_equal(world_begin(state), 0);
    seal(world, &world->b_session, &world->b, "reply", &envelope);
    assert_int_equal(session_save(&world->a_session, &row), OK);
    size_t refused = 0;
    for (size_t i = 0; i < row.size; i++) {
        struct session loaded;
        struct session_change change;
        row.data[i] ^= 0x01;
        if (session_load(buffer_view(&row), &loaded) == OK) {
            (void)!session_open(&loaded, &world->a.own, buffer_view(&envelope), NOW_MS, &body,
                                &change);
            session_clear(&loaded);
        } else {
            refused++;
        }
        row.data[i] ^= 0x01;
    }
    assert_true(refused > 5);
    world_end(state);
    buffer_clear(&row);
    buffer_clear(&envelope);
    buffer_clear(&body);
}

/** Saves a session and expects that the row is refused. */
static void assert_impossible(const struct session *session) {
    struct buffer row;
    struct session loaded;
    buffer_init(&row, ROW_MAX_BYTES);
    assert_int_equal(session_save(session, &row), OK);
    assert_int_equal(session_load(buffer_view(&row), &loaded), ERR_MALFORMED);
    buffer_clear(&row);
}

static void a_state_that_no_session_reaches_is_refused(void **state) {
    struct world *world = *state;
    assert_int_equal(world_begin(state), 0);
    world->a_session.has_dh = false; /* its chain is open, so its key is there */
    assert_impossible(&world->a_session);
    world->a_session.has_dh = true;
    world->a_session.sending.is_open = false;
    assert_impossible(&world->a_session);
    world->a_session.sending.is_open = true;
    world->b_session.has_dh = true; /* a new chain is due: there is none */
    assert_impossible(&world->b_session);
    world->b_session.has_dh = false;
    reload(&world->a_session);
    reload(&world->b_session);
    world_end(state);
}

static void a_full_message_is_due_after_a_reload_too(void **state) {
    struct world *world = *state;
    struct buffer envelope;
    buffer_init(&envelope, ENVELOPE_MAX_BYTES);
    assert_int_equal(world_confirm(state), 0);
    for (int i = 0; i < 3; i++) {
        a_to_b(world, "n");
    }
    session_full_next(&world->a_session);
    reload(&world->a_session);
    seal(world, &world->a_session, &world->a, "n", &envelope);
    assert_int_equal(envelope.data[1], ENVELOPE_FULL);
    buffer_clear(&envelope);
    world_end(state);
}

static void the_lists_are_bounded(void **state) {
    (void)state;
    struct session session;
    struct skipped_key key = {.n = 0};
    memset(&session, 0, sizeof(session));
    for (uint32_t i = 0; i < SKIP_MAX_MESSAGES; i++) {
        key.n = i;
        assert_int_equal(session_add_skipped(&session, &key), OK);
    }
    assert_int_equal(session_add_skipped(&session, &key), ERR_LIMIT);
    assert_int_equal(session.skipped_count, SKIP_MAX_MESSAGES);
    assert_int_equal(session.skipped[0].n, 0);
    assert_int_equal(session.skipped[SKIP_MAX_MESSAGES - 1].n, SKIP_MAX_MESSAGES - 1);
    session_clear(&session);
    assert_null(session.skipped);
    assert_int_equal(session.skipped_count, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_goes_on_after_every_reload),
        cmocka_unit_test(a_row_stays_under_8_kib_in_its_longest_states),
        cmocka_unit_test(a_damaged_row_is_refused),
        cmocka_unit_test(no_row_makes_the_code_break_its_promises),
        cmocka_unit_test(a_state_that_no_session_reaches_is_refused),
        cmocka_unit_test(a_full_message_is_due_after_a_reload_too),
        cmocka_unit_test(the_lists_are_bounded),
    };
    return cmocka_run_group_tests(tests, world_make, world_free);
}
