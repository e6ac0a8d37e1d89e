/* SPDX-License-Identifier: ISC */
/* A long conversation over a network that loses, delays, reorders and doubles, each side with a
 * store that knows only what session_save and struct session_change tell it. */
#include "session_world.h"

#include "session/lists.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MESSAGES = 6000, UNDER_WAY_MAX = 200, WAITING_MAX = 64 };

/** The rows of one side's store. */
struct rows {
    struct buffer session;
    struct skipped_key skipped[2 * SKIP_MAX_MESSAGES];
    size_t skipped_count;
    struct past_chain past[PAST_CHAINS_MAX + 1];
    size_t past_count;
};

struct sent {
    struct buffer envelope;
    unsigned sender;
    unsigned opened; /**< how often */
};

struct run {
    struct world *world;
    struct session *sessions[2];
    struct person *people[2];
    struct rows rows[2];
    struct sent messages[MESSAGES];
    size_t count;
    size_t under_way[UNDER_WAY_MAX];
    size_t under_way_count;
    size_t waiting[WAITING_MAX];
    size_t waiting_count;
    size_t lost, doubled, waited, steps;
};

/** Applies a change to the rows in the order that the header gives. */
static void apply(struct rows *rows, const struct session *session,
                  const struct session_change *change) {
    rows->skipped_count -= change->dropped_skipped;
    memmove(rows->skipped, rows->skipped + change->dropped_skipped,
            rows->skipped_count * sizeof(rows->skipped[0]));
    for (size_t i = 0; change->used_skipped && i < rows->skipped_count; i++) {
        if (rows->skipped[i].n == change->used_n &&
            memcmp(rows->skipped[i].chain_id, change->used_chain, CHAIN_ID_BYTES) == 0) {
            rows->skipped_count--;
            memmove(&rows->skipped[i], &rows->skipped[i + 1],
                    (rows->skipped_count - i) * sizeof(rows->skipped[0]));
            break;
        }
    }
    if (change->added_count > 0) {
        memcpy(rows->skipped + rows->skipped_count, change->added,
               change->added_count * sizeof(rows->skipped[0]));
        rows->skipped_count += change->added_count;
    }
    rows->past_count -= change->dropped_past;
    memmove(rows->past, rows->past + change->dropped_past,
            rows->past_count * sizeof(rows->past[0]));
    if (change->added_past) {
        rows->past[rows->past_count++] = session->past[session->past_count - 1];
    }
}

/** Writes the row, forgets the session and takes it from the store again. */
static void restart(struct run *run, unsigned side) {
    struct rows *rows = &run->rows[side];
    struct session *session = run->sessions[side];
    session_clear(session);
    assert_int_equal(session_load(buffer_view(&rows->session), session), OK);
    for (size_t i = 0; i < rows->skipped_count; i++) {
        assert_int_equal(session_add_skipped(session, &rows->skipped[i]), OK);
    }
    for (size_t i = 0; i < rows->past_count; i++) {
        assert_int_equal(session_add_past(session, &rows->past[i]), OK);
    }
}

static void commit(struct run *run, unsigned side, const struct session_change *change) {
    struct rows *rows = &run->rows[side];
    struct session *session = run->sessions[side];
    buffer_reset(&rows->session);
    assert_int_equal(session_save(session, &rows->session), OK);
    if (change != NULL) {
        apply(rows, session, change);
    }
    assert_int_equal(rows->skipped_count, session->skipped_count);
    assert_int_equal(rows->past_count, session->past_count);
    if (test_random(&run->world->source) % 4 == 0) {
        restart(run, side);
    }
}

static size_t dice(struct run *run, size_t bound) {
    return (size_t)(test_random(&run->world->source) % bound);
}

/** Opens message `index` at its receiver; every message has its number as text. */
static enum error deliver(struct run *run, size_t index) {
    struct sent *sent = &run->messages[index];
    unsigned side = 1 - sent->sender;
    struct session *session = run->sessions[side];
    struct session_change change;
    struct buffer body;
    char text[32];
    buffer_init(&body, BODY_MAX_BYTES);
    enum error error = session_open(session, &run->people[side]->own, buffer_view(&sent->envelope),
                                    NOW_MS, &body, &change);
    if (error == OK) {
        (void)snprintf(text, sizeof(text), "message %zu", index);
        assert_true(bytes_equal(buffer_view(&body), bytes_of_string(text)));
        assert_int_equal(sent->opened++, 0);
        run->steps += session->need_send && session->since_pq == 1;
        commit(run, side, &change);
    }
    buffer_clear(&body);
    return error;
}

/** Takes one out of a list of indices. */
static size_t take(size_t *list, size_t *count, size_t at) {
    size_t index = list[at];
    (*count)--;
    memmove(list + at, list + at + 1, (*count - at) * sizeof(*list));
    return index;
}

/** Offers what waits again, as a client does after each FULL message. */
static void retry(struct run *run) {
    for (size_t i = run->waiting_count; i-- > 0;) {
        enum error error = deliver(run, run->waiting[i]);
        if (error != ERR_WAIT) {
            assert_int_equal(error, OK);
            (void)take(run->waiting, &run->waiting_count, i);
        }
    }
}

static void arrive(struct run *run, size_t index) {
    enum error error = deliver(run, index);
    if (error == ERR_WAIT) {
        run->waited++;
        assert_true(run->waiting_count < WAITING_MAX);
        run->waiting[run->waiting_count++] = index;
        return;
    }
    assert_int_equal(error, OK);
    retry(run);
    if (dice(run, 10) == 0) { /* again, at once or much later: an old one */
        size_t again = dice(run, 2) == 0 ? index : dice(run, run->count);
        if (run->messages[again].opened > 0) {
            run->doubled++;
            assert_int_equal(deliver(run, again), ERR_DUPLICATE);
        }
    }
}

static void send_one(struct run *run, unsigned side) {
    struct sent *sent = &run->messages[run->count];
    char text[32];
    sent->sender = side;
    buffer_init(&sent->envelope, ENVELOPE_MAX_BYTES);
    (void)snprintf(text, sizeof(text), "message %zu", run->count);
    seal(run->world, run->sessions[side], run->people[side], text, &sent->envelope);
    commit(run, side, NULL);
    if (dice(run, 25) == 0) {
        run->lost++;
    } else if (run->under_way_count < UNDER_WAY_MAX) {
        run->under_way[run->under_way_count++] = run->count;
    } else {
        run->lost++;
    }
    run->count++;
}

static void six_thousand_messages_come_once_or_not_at_all(void **state) {
    struct world *world = *state;
    struct run *run = calloc(1, sizeof(*run));
    assert_non_null(run);
    run->world = world;
    run->sessions[0] = &world->a_session;
    run->sessions[1] = &world->b_session;
    run->people[0] = &world->a;
    run->people[1] = &world->b;
    assert_int_equal(world_begin(state), 0);
    for (unsigned side = 0; side < 2; side++) {
        buffer_init(&run->rows[side].session, 8192);
        commit(run, side, NULL);
    }
    unsigned side = 1;
    while (run->count < MESSAGES) {
        if (dice(run, 6) == 0) {
            side = 1 - side;
        }
        send_one(run, side);
        while (run->under_way_count > 0 && dice(run, 10) < 6) {
            /* Mostly the oldest, sometimes any. */
            size_t at = dice(run, 4) == 0 ? dice(run, run->under_way_count) : 0;
            arrive(run, take(run->under_way, &run->under_way_count, at));
        }
    }
    while (run->under_way_count > 0) {
        arrive(run, take(run->under_way, &run->under_way_count, dice(run, run->under_way_count)));
    }
    /* What is still sealed waits for a chain whose FULL messages were all lost. */
    size_t opened = 0;
    for (size_t i = 0; i < MESSAGES; i++) {
        opened += run->messages[i].opened;
        buffer_clear(&run->messages[i].envelope);
    }
    assert_int_equal(opened + run->lost + run->waiting_count, MESSAGES);
    assert_in_range(run->lost, 100, 1000);
    assert_in_range(run->doubled, 200, 6000);
    assert_in_range(run->waited, 5, 3000);
    assert_true(run->steps > 50);
    assert_true(world->a_session.is_confirmed && world->b_session.is_confirmed);
    buffer_clear(&run->rows[0].session);
    buffer_clear(&run->rows[1].session);
    wipe(run, sizeof(*run));
    free(run);
    world_end(state);
}

/** Bytes on the wire beside the padded bodies, averaged: a bar against headers that grow. */
static size_t overhead(struct world *world, size_t burst, size_t turns) {
    struct buffer envelope;
    size_t total = 0;
    buffer_init(&envelope, ENVELOPE_MAX_BYTES);
    for (size_t turn = 0; turn < turns; turn++) {
        bool is_a = turn % 2 == 0;
        for (size_t i = 0; i < burst; i++) {
            buffer_reset(&envelope);
            seal(world, is_a ? &world->a_session : &world->b_session, is_a ? &world->a : &world->b,
                 "x", &envelope);
            expect(is_a ? &world->b_session : &world->a_session, is_a ? &world->b : &world->a,
                   buffer_view(&envelope), OK, "x");
            total += envelope.size - ENVELOPE_MIN_BYTES;
        }
    }
    buffer_clear(&envelope);
    return total / (burst * turns);
}

static void headers_cost_what_the_design_says(void **state) {
    struct world *world = *state;
    assert_int_equal(world_confirm(state), 0);
    assert_in_range(overhead(world, 1, 640), 70, 95);
    assert_in_range(overhead(world, 50, 40), 90, 125);
    world_end(state);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(six_thousand_messages_come_once_or_not_at_all),
        cmocka_unit_test(headers_cost_what_the_design_says),
    };
    return cmocka_run_group_tests(tests, world_make, world_free);
}
