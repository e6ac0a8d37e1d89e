/* SPDX-License-Identifier: ISC */
/* Memory that is not there, at each place where the core asks for it: who needed it is ended, the
 * log does not blame the peer, and no message is lost. */
#include "server_world.h"

/* The call that fails: 1 is the next one, 0 none. */
static unsigned failing;

static bool fails(void) {
    const bool is_it = failing == 1;
    failing -= failing > 0 ? 1 : 0;
    return is_it;
}

/* The linker leads the core's calls here (--wrap). */
struct store_op *__real_store_op_new(enum store_kind kind);
struct store_op *__wrap_store_op_new(enum store_kind kind);
struct store_op *__wrap_store_op_new(enum store_kind kind) {
    return fails() ? NULL : __real_store_op_new(kind);
}

struct store_op *__real_store_op_new_insert(struct bytes envelope);
struct store_op *__wrap_store_op_new_insert(struct bytes envelope);
struct store_op *__wrap_store_op_new_insert(struct bytes envelope) {
    return fails() ? NULL : __real_store_op_new_insert(envelope);
}

enum error __real_wire_write_deliver(struct buffer *out, const struct wire_deliver *message);
enum error __wrap_wire_write_deliver(struct buffer *out, const struct wire_deliver *message);
enum error __wrap_wire_write_deliver(struct buffer *out, const struct wire_deliver *message) {
    return fails() ? ERR_MEMORY : __real_wire_write_deliver(out, message);
}

enum error __real_wire_write_error(struct buffer *out, uint32_t request,
                                   const struct wire_error *message);
enum error __wrap_wire_write_error(struct buffer *out, uint32_t request,
                                   const struct wire_error *message);
enum error __wrap_wire_write_error(struct buffer *out, uint32_t request,
                                   const struct wire_error *message) {
    return fails() ? ERR_MEMORY : __real_wire_write_error(out, request, message);
}

enum error __real_wire_write_empty(struct buffer *out, enum wire_type type, uint32_t request);
enum error __wrap_wire_write_empty(struct buffer *out, enum wire_type type, uint32_t request);
enum error __wrap_wire_write_empty(struct buffer *out, enum wire_type type, uint32_t request) {
    const bool is_ours = type == WIRE_ACCEPTED || type == WIRE_CAUGHT_UP; /* peers write some too */
    return is_ours && fails() ? ERR_MEMORY : __real_wire_write_empty(out, type, request);
}

/* Reads all that came; acknowledges what was delivered. How often that was. */
static unsigned take_all(struct world *world, struct peer *peer) {
    unsigned delivered = 0;
    struct got got;
    while (peer_next(peer, &got)) {
        struct wire_deliver deliver;
        if (got.type == WIRE_DELIVER) {
            assert_int_equal(wire_read_deliver(got.body, &deliver), OK);
            delivered++;
            if (!peer->is_closed) {
                peer_ack(world, peer, deliver.handle);
            }
        }
    }
    world_settle(world);
    return delivered;
}

/* The same message as ever, and questions that are answered and refused. */
static void talk(struct world *world, struct peer *ana) {
    if (!ana->is_closed) {
        peer_send(world, ana, "bob", 1, "one");
        world_settle(world);
    }
    if (!ana->is_closed) {
        peer_get(world, ana, WIRE_GET_CERTIFICATE, "nobody");
        world_settle(world);
    }
}

static struct peer *back(struct world *world, struct peer *peer, const char *name) {
    return peer->is_closed ? world_login(world, name) : peer;
}

/* One life in which that call fails; whether there was such a call. */
static bool live(struct world *world, unsigned which, unsigned *ended) {
    struct peer *ana = world_member(world, "ana");
    struct peer *bob = world_member(world, "bob");
    failing = which;
    peer_fetch(world, bob, 10);
    world_settle(world);
    talk(world, ana);
    unsigned delivered = take_all(world, bob);
    const bool has_failed = failing == 0;
    failing = 0;
    const unsigned closed = (unsigned)ana->is_closed + (unsigned)bob->is_closed;
    assert_true(closed <= 1);
    assert_int_equal(world->notes[EVENT_NO_MEMORY], closed);
    assert_int_equal(world->notes[EVENT_NOT_READING], 0);
    *ended += closed;

    const bool is_new = bob->is_closed;
    ana = back(world, ana, "ana");
    bob = back(world, bob, "bob");
    if (is_new) {
        peer_fetch(world, bob, 10);
        world_settle(world);
    }
    take_all(world, ana);
    peer_send(world, ana, "bob", 1, "one");
    world_settle(world);
    peer_expect(ana, WIRE_ACCEPTED);
    delivered += take_all(world, bob);
    assert_true(is_new ? delivered >= 1 : delivered == 1);
    assert_int_equal(world_count(world, "SELECT coalesce(sum(count), 0) FROM runs"), 0);
    return has_failed;
}

static void each_place(void **state) {
    unsigned ended = 0;
    unsigned which = 1;
    for (bool has_failed = true; has_failed; which++) {
        assert_int_equal(world_begin(state), 0);
        has_failed = live(*state, which, &ended);
        assert_int_equal(world_end(state), 0);
    }
    assert_true(which > 8 && ended > 5);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_place)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
