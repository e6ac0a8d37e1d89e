/* SPDX-License-Identifier: ISC */
/* Listener and client over loopback: what arrives, what is refused, and that nothing is left. */
#include "net_world.h"

#include "base/limits.h"

#include <stdlib.h>
#include <string.h>

static struct world world;

/* --- bytes --- */

static void echoes_ten_megabytes_both_ways(void **state) {
    (void)state;
    enum { TOTAL = 10 * 1024 * 1024, PART = 50000 };
    static uint8_t part[PART];
    world_open(&world, "127.0.0.1");
    world.echoes = true;
    struct caller *caller = world_call(&world, "127.0.0.1", NULL, 256);
    world_until(&world, caller->is_connected);
    for (size_t sent = 0; caller->received < TOTAL;) {
        size_t size = TOTAL - sent < PART ? TOTAL - sent : PART;
        for (size_t i = 0; i < size; i++) {
            part[i] = pattern_at(sent + i);
        }
        if (size > 0 && net_client_pending(caller->client) < 4 * PART) {
            assert_int_equal(net_client_write(caller->client, bytes_make(part, size)), OK);
            sent += size;
        }
        world_round(&world);
        assert_int_equal(world.accepted[0].write_error, OK);
    }
    assert_int_equal(caller->received, TOTAL);
    assert_false(caller->is_garbled);
    assert_int_equal(net_client_pending(caller->client), 0);
    world_close(&world);
    assert_int_equal(caller->error, OK);
}

/* --- what identifies a connection --- */

static void exports_the_same_value_at_both_ends_and_another_each_time(void **state) {
    (void)state;
    world_open(&world, "127.0.0.1");
    for (size_t i = 0; i < 3; i++) {
        const struct caller *caller = world_call(&world, "127.0.0.1", NULL, 256);
        world_until(&world, caller->is_connected && world.accepted[i].is_established);
        assert_memory_equal(caller->exporter, world.accepted[i].exporter, EXPORTER_BYTES);
        assert_memory_equal(caller->spki_hash, tls_identity_hash(world.identity), SPKI_HASH_BYTES);
        for (size_t j = 0; j < i; j++) {
            assert_memory_not_equal(caller->exporter, world.callers[j].exporter, EXPORTER_BYTES);
        }
    }
    world_close(&world);
}

static void takes_a_server_whose_first_bits_fit(void **state) {
    (void)state;
    uint8_t pin[SPKI_HASH_BYTES];
    world_open(&world, "127.0.0.1");
    memcpy(pin, tls_identity_hash(world.identity), sizeof(pin));
    pin[16] ^= 0x3f; /* bits 131 and later; a link's pin has 130 */
    pin[31] ^= 0xff;
    const struct caller *fits = world_call(&world, "127.0.0.1", pin, 130);
    world_until(&world, fits->is_connected);
    const struct caller *any = world_call(&world, "127.0.0.1", pin, 0);
    world_until(&world, any->is_connected);
    world_close(&world);
}

static void tells_a_server_with_another_key_nothing(void **state) {
    (void)state;
    const struct {
        unsigned bit;
        unsigned bits;
    } cases[] = {{0, 130}, {129, 130}, {130, 131}, {255, 256}, {7, 8}};
    world_open(&world, "127.0.0.1");
    for (size_t i = 0; i < ROWS(cases); i++) {
        uint8_t pin[SPKI_HASH_BYTES];
        memcpy(pin, tls_identity_hash(world.identity), sizeof(pin));
        pin[cases[i].bit / 8] ^= (uint8_t)(0x80 >> cases[i].bit % 8);
        const struct caller *caller = world_call(&world, "127.0.0.1", pin, cases[i].bits);
        world_until(&world, caller->is_closed && world.accepted[i].is_closed);
        assert_false(caller->is_connected);
        assert_int_equal(caller->error, ERR_SERVER_KEY_CHANGED);
        assert_memory_equal(caller->spki_hash, tls_identity_hash(world.identity), SPKI_HASH_BYTES);
        assert_false(world.accepted[i].is_established);
    }
    world_close(&world);
}

/* Promise: a planned change of the server's key is no alarm (1.12): either of two pins fits, whole.
 */
static void takes_the_key_that_was_announced(void **state) {
    (void)state;
    uint8_t other[SPKI_HASH_BYTES];
    uint8_t near[SPKI_HASH_BYTES];
    world_open(&world, "127.0.0.1");
    const uint8_t *shown = tls_identity_hash(world.identity);
    memset(other, 0x5a, sizeof(other));
    memcpy(near, shown, sizeof(near));
    near[SPKI_HASH_BYTES - 1] ^= 1;
    const struct caller *later = world_call_next(&world, other, shown);
    world_until(&world, later->is_connected);
    assert_memory_equal(later->spki_hash, shown, SPKI_HASH_BYTES);
    const struct caller *still = world_call_next(&world, shown, other);
    world_until(&world, still->is_connected);
    const struct caller *neither = world_call_next(&world, other, near);
    world_until(&world, neither->is_closed);
    assert_false(neither->is_connected);
    assert_int_equal(neither->error, ERR_SERVER_KEY_CHANGED);
    world_close(&world);
}

static void loads_the_key_that_was_made_and_nothing_else(void **state) {
    (void)state;
    struct buffer pem;
    struct tls_identity *first = NULL;
    struct tls_identity *second = NULL;
    buffer_init(&pem, 4096);
    assert_int_equal(tls_identity_generate(&pem), OK);
    assert_int_equal(tls_identity_load(buffer_view(&pem), &first), OK);
    assert_int_equal(tls_identity_load(buffer_view(&pem), &second), OK);
    assert_memory_equal(tls_identity_hash(first), tls_identity_hash(second), SPKI_HASH_BYTES);
    tls_identity_free(second);
    assert_int_equal(tls_identity_load(bytes_make(NULL, 0), &second), ERR_MALFORMED);
    assert_null(second);
    for (size_t size = 0; size < pem.size - 1; size += 7) {
        assert_int_equal(tls_identity_load(bytes_make(pem.data, size), &second), ERR_MALFORMED);
    }
    /* A key with another key's certificate. */
    struct buffer other;
    buffer_init(&other, 4096);
    assert_int_equal(tls_identity_generate(&other), OK);
    static const char MARK[] = "-----BEGIN CERTIFICATE";
    char *mine = memmem(pem.data, pem.size, MARK, strlen(MARK));
    char *theirs = memmem(other.data, other.size, MARK, strlen(MARK));
    assert_true(mine != NULL && theirs != NULL);
    pem.size = (size_t)(mine - (char *)pem.data);
    size_t rest = other.size - (size_t)(theirs - (char *)other.data);
    assert_int_equal(buffer_append(&pem, bytes_make(theirs, rest)), OK);
    assert_int_equal(tls_identity_load(buffer_view(&pem), &second), ERR_MALFORMED);
    buffer_clear(&other);
    buffer_clear(&pem);
    tls_identity_free(first);
}

/* --- many, and in bulk --- */

static bool all_received(size_t count, size_t size) {
    for (size_t i = 0; i < count; i++) {
        if (world.callers[i].received < size) {
            return false;
        }
    }
    return true;
}

static bool all_connected(size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (!world.callers[i].is_connected) {
            return false;
        }
    }
    return true;
}

static void serves_two_hundred_connections_at_once(void **state) {
    (void)state;
    enum { COUNT = 200, SIZE = 3000 };
    uint8_t data[SIZE];
    for (size_t i = 0; i < SIZE; i++) {
        data[i] = pattern_at(i);
    }
    world_open(&world, "127.0.0.1");
    world.echoes = true;
    for (size_t i = 0; i < COUNT; i++) {
        (void)world_call(&world, "127.0.0.1", NULL, 256);
    }
    world_until(&world, all_connected(COUNT));
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(net_client_write(world.callers[i].client, bytes_of(data)), OK);
    }
    world_until(&world, all_received(COUNT, SIZE));
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(world.callers[i].received, SIZE);
        assert_false(world.callers[i].is_garbled);
    }
    world_close(&world);
}

/* Many small writes of one round arrive as one read: they left as one record and one write. */
static void sends_all_of_a_round_in_one_record(void **state) {
    (void)state;
    world_open(&world, "127.0.0.1");
    const struct caller *caller = world_call(&world, "127.0.0.1", NULL, 256);
    world_until(&world, caller->is_connected && world.accepted[0].is_established);
    for (unsigned i = 0; i < 1000; i++) {
        assert_int_equal(net_client_write(caller->client, bytes_of_string("0123456789")), OK);
    }
    assert_int_equal(net_client_pending(caller->client), 10000);
    world_until(&world, world.accepted[0].received == 10000);
    assert_int_equal(world.accepted[0].calls, 1);
    assert_int_equal(net_client_pending(caller->client), 0);
    world_close(&world);
}

static void says_once_that_the_queue_ran_empty(void **state) {
    (void)state;
    world_open(&world, "127.0.0.1");
    const struct caller *caller = world_call(&world, "127.0.0.1", NULL, 256);
    const struct accepted *side = &world.accepted[0];
    world_until(&world, caller->is_connected && side->is_established);
    assert_int_equal(side->drained, 0);
    assert_int_equal(connection_write(side->connection, bytes_of_string("a")), OK);
    assert_int_equal(connection_write(side->connection, bytes_of_string("b")), OK);
    assert_int_equal(connection_pending(side->connection), 2);
    world_until(&world, caller->received == 2);
    assert_int_equal(side->drained, 1);
    assert_int_equal(connection_write(side->connection, bytes_of_string("c")), OK);
    world_until(&world, caller->received == 3);
    assert_int_equal(side->drained, 2);
    world_close(&world);
}

static void reads_nothing_while_paused(void **state) {
    (void)state;
    world_open(&world, "127.0.0.1");
    world.pauses_on_received = true;
    const struct caller *caller = world_call(&world, "127.0.0.1", NULL, 256);
    struct accepted *side = &world.accepted[0];
    world_until(&world, caller->is_connected && side->is_established);
    assert_int_equal(net_client_write(caller->client, bytes_of_string("first")), OK);
    world_until(&world, side->received == 5);
    assert_int_equal(net_client_write(caller->client, bytes_of_string("second")), OK);
    world_wait(&world, 50);
    assert_int_equal(side->calls, 1);
    connection_pause(side->connection, false);
    world_until(&world, side->received == 11);
    assert_int_equal(side->calls, 2);
    world_close(&world);
}

/* --- bounds --- */

static void refuses_to_queue_for_a_peer_that_does_not_read(void **state) {
    (void)state;
    static uint8_t part[60000];
    world_open(&world, "127.0.0.1");
    world.pauses_on_received = true;
    const struct caller *caller = world_call(&world, "127.0.0.1", NULL, 256);
    struct accepted *side = &world.accepted[0];
    world_until(&world, caller->is_connected && side->is_established);
    connection_pause(side->connection, true);
    enum error error = OK;
    size_t sent = 0;
    for (unsigned i = 0; error == OK && i < 10000; i++) {
        error = net_client_write(caller->client, bytes_of(part));
        sent += error == OK ? sizeof(part) : 0;
        size_t pending = net_client_pending(caller->client);
        assert_true(pending <= SEND_QUEUE_MAX_BYTES);
        assert_true(error == OK || pending + sizeof(part) > SEND_QUEUE_MAX_BYTES);
        if (i % 4 == 0 && pending < SEND_QUEUE_MAX_BYTES / 2) {
            world_round(&world);
        } else {
            (void)uv_run(&world.loop, UV_RUN_NOWAIT);
        }
    }
    assert_int_equal(error, ERR_LIMIT);
    size_t room = SEND_QUEUE_MAX_BYTES - net_client_pending(caller->client);
    assert_int_equal(net_client_write(caller->client, bytes_make(part, room)), OK);
    sent += room;
    assert_int_equal(net_client_write(caller->client, bytes_make(part, 1)), ERR_LIMIT);
    /* Once it reads, all of it arrives. */
    world.pauses_on_received = false;
    connection_pause(side->connection, false);
    world_until(&world, side->received >= sent && net_client_pending(caller->client) == 0);
    world_close(&world);
}

static void closes_what_it_is_told_to_refuse(void **state) {
    (void)state;
    world_open(&world, "127.0.0.1");
    world.refuses = true;
    const struct caller *caller = world_call(&world, "127.0.0.1", NULL, 256);
    world_until(&world, caller->is_closed);
    assert_int_equal(caller->error, ERR_CONNECTION_LOST);
    assert_int_equal(world.accepted_count, 0);
    world_close(&world);
}

/* --- addresses --- */

static void takes_both_families_on_the_unspecified_address(void **state) {
    (void)state;
    world_open(&world, "::");
    const struct caller *v4 = world_call(&world, "127.0.0.1", NULL, 256);
    world_until(&world, v4->is_connected && world.accepted[0].is_established);
    static const uint8_t MAPPED[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1};
    assert_true(world.accepted[0].address.is_v4);
    assert_memory_equal(world.accepted[0].address.bytes, MAPPED, 16);
    const struct caller *v6 = world_call(&world, "::1", NULL, 256);
    world_until(&world, v6->is_connected || v6->is_closed);
    if (v6->is_connected) { /* a machine may have IPv6 switched off */
        static const uint8_t LOOPBACK[16] = {[15] = 1};
        world_until(&world, world.accepted[1].is_established);
        assert_false(world.accepted[1].address.is_v4);
        assert_memory_equal(world.accepted[1].address.bytes, LOOPBACK, 16);
    } else {
        assert_string_equal(v6->cause, "no such address on this machine");
    }
    const struct caller *name = world_call(&world, "localhost", NULL, 256);
    world_until(&world, name->is_connected);
    world_close(&world);
}

static bool never_accepted(void *context, struct connection *connection,
                           const struct peer_address *address, void **data) {
    (void)context;
    (void)connection;
    (void)address;
    (void)data;
    return false;
}

static void says_why_it_cannot_listen(void **state) {
    (void)state;
    world_open(&world, "127.0.0.1");
    const struct listener_events events = {.accepted = never_accepted};
    struct listener *listener = NULL;
    char cause[100];
    assert_int_equal(listener_open(&world.loop, world.identity, "127.0.0.1",
                                   listener_port(world.listener), &events, &listener, cause,
                                   sizeof(cause)),
                     ERR_CANNOT_LISTEN);
    assert_null(listener);
    assert_string_equal(cause, "address already in use");
    assert_int_equal(listener_open(&world.loop, world.identity, "192.0.2.1", 0, &events, &listener,
                                   cause, sizeof(cause)),
                     ERR_CANNOT_LISTEN);
    assert_string_equal(cause, "no such address on this machine");
    assert_int_equal(listener_open(&world.loop, world.identity, "nowhere", 0, &events, &listener,
                                   cause, sizeof(cause)),
                     ERR_CANNOT_LISTEN);
    assert_string_equal(cause, "not an address");
    world_close(&world);
}

static void says_why_it_cannot_connect(void **state) {
    (void)state;
    world_open(&world, "127.0.0.1");
    const struct caller *refused = world_call_port(&world, "127.0.0.1", 1, NULL, 256, 5000);
    world_until(&world, refused->is_closed);
    assert_int_equal(refused->error, ERR_SERVER_UNREACHABLE);
    assert_string_equal(refused->cause, "connection refused");
    /* A label over 63 characters can't be looked up: the same on machines without a name server. */
    const struct caller *unknown = world_call_port(
        &world,
        "an.invalid.name.with.a.label.of.more.than.sixty.three.characters."
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.invalid",
        1, NULL, 256, 5000);
    world_until(&world, unknown->is_closed);
    assert_int_equal(unknown->error, ERR_SERVER_UNREACHABLE);
    assert_string_equal(unknown->cause, "no such host");
    world_close(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(echoes_ten_megabytes_both_ways),
        cmocka_unit_test(exports_the_same_value_at_both_ends_and_another_each_time),
        cmocka_unit_test(takes_a_server_whose_first_bits_fit),
        cmocka_unit_test(tells_a_server_with_another_key_nothing),
        cmocka_unit_test(takes_the_key_that_was_announced),
        cmocka_unit_test(loads_the_key_that_was_made_and_nothing_else),
        cmocka_unit_test(serves_two_hundred_connections_at_once),
        cmocka_unit_test(sends_all_of_a_round_in_one_record),
        cmocka_unit_test(says_once_that_the_queue_ran_empty),
        cmocka_unit_test(reads_nothing_while_paused),
        cmocka_unit_test(refuses_to_queue_for_a_peer_that_does_not_read),
        cmocka_unit_test(closes_what_it_is_told_to_refuse),
        cmocka_unit_test(takes_both_families_on_the_unspecified_address),
        cmocka_unit_test(says_why_it_cannot_listen),
        cmocka_unit_test(says_why_it_cannot_connect),
    };
    return cmocka_run_group_tests_name("net", tests, NULL, NULL);
}
