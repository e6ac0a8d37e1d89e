/* SPDX-License-Identifier: ISC */
#include "net_world.h"

#include <string.h>

uint8_t pattern_at(size_t at) {
    return (uint8_t)((at * 31 + at / 251) & 0xff);
}

/* --- the server's side --- */

static bool on_accepted(void *context, struct connection *connection,
                        const struct peer_address *address, void **data) {
    struct world *world = context;
    if (world->refuses) {
        return false;
    }
    assert_true(world->accepted_count < SIDES_MAX);
    struct accepted *side = &world->accepted[world->accepted_count++];
    *side = (struct accepted){.world = world, .connection = connection, .address = *address};
    *data = side;
    return true;
}

static void on_established(void *context, void *data, const uint8_t exporter[EXPORTER_BYTES]) {
    const struct world *world = context;
    struct accepted *side = data;
    assert_false(side->is_established);
    side->is_established = true;
    memcpy(side->exporter, exporter, sizeof(side->exporter));
    if (world->closes_on_established) {
        connection_close(side->connection, false);
    }
}

static void on_received(void *context, void *data, struct bytes bytes) {
    const struct world *world = context;
    struct accepted *side = data;
    assert_true(side->is_established);
    assert_false(side->is_closed);
    side->received += bytes.size;
    side->calls++;
    side->largest = bytes.size > side->largest ? bytes.size : side->largest;
    if (world->echoes || world->echo_and_close) {
        side->write_error = connection_write(side->connection, bytes);
    }
    if (world->echo_and_close) {
        connection_close(side->connection, true);
    }
    if (world->pauses_on_received) {
        connection_pause(side->connection, true);
    }
}

static void on_drained(void *context, void *data) {
    (void)context;
    struct accepted *side = data;
    assert_int_equal(connection_pending(side->connection), 0);
    side->drained++;
}

static void on_closed(void *context, void *data) {
    (void)context;
    struct accepted *side = data;
    assert_false(side->is_closed);
    side->is_closed = true;
    side->connection = NULL;
}

/* --- the client's side --- */

static bool closes_when(const struct caller *caller, const char *when) {
    const char *wanted = caller->world->close_client_when;
    return wanted != NULL && strcmp(wanted, when) == 0;
}

static void on_call_connected(void *context, const uint8_t exporter[EXPORTER_BYTES],
                              const uint8_t spki_hash[SPKI_HASH_BYTES]) {
    struct caller *caller = context;
    assert_false(caller->is_connected || caller->is_closed);
    caller->is_connected = true;
    memcpy(caller->exporter, exporter, sizeof(caller->exporter));
    memcpy(caller->spki_hash, spki_hash, sizeof(caller->spki_hash));
    if (closes_when(caller, "connected")) {
        net_client_close(caller->client);
    }
}

static void on_call_received(void *context, struct bytes bytes) {
    struct caller *caller = context;
    assert_true(caller->is_connected && !caller->is_closed);
    for (size_t i = 0; i < bytes.size; i++) {
        caller->is_garbled |= bytes.data[i] != pattern_at(caller->received + i);
    }
    caller->received += bytes.size;
    caller->last = bytes.data[bytes.size - 1];
    if (closes_when(caller, "received")) {
        net_client_close(caller->client);
    }
}

static void on_call_closed(void *context, enum error error, const char *cause,
                           const uint8_t spki_hash[SPKI_HASH_BYTES]) {
    struct caller *caller = context;
    assert_false(caller->is_closed);
    caller->is_closed = true;
    caller->error = error;
    caller->cause = cause;
    memcpy(caller->spki_hash, spki_hash, sizeof(caller->spki_hash));
}

/* --- the world --- */

static void on_patience_end(uv_timer_t *timer) {
    (void)timer;
    fail_msg("the loop waits for something that does not come");
}

void world_open(struct world *world, const char *host) {
    memset(world, 0, sizeof(*world));
    struct buffer pem;
    buffer_init(&pem, 4096);
    assert_int_equal(tls_identity_generate(&pem), OK);
    assert_int_equal(tls_identity_load(buffer_view(&pem), &world->identity), OK);
    buffer_clear(&pem);
    assert_int_equal(uv_loop_init(&world->loop), 0);
    assert_int_equal(uv_timer_init(&world->loop, &world->patience), 0);
    const struct listener_events events = {
        .context = world,
        .accepted = on_accepted,
        .established = on_established,
        .received = on_received,
        .drained = on_drained,
        .closed = on_closed,
    };
    char cause[100];
    assert_int_equal(listener_open(&world->loop, world->identity, host, 0, &events,
                                   &world->listener, cause, sizeof(cause)),
                     OK);
    assert_true(listener_port(world->listener) != 0);
}

static struct caller *call(struct world *world, const char *host, uint16_t port,
                           const struct server_pin *pin, uint64_t timeout_ms) {
    assert_true(world->caller_count < SIDES_MAX);
    struct caller *caller = &world->callers[world->caller_count++];
    *caller = (struct caller){.world = world, .error = ERR_INTERNAL};
    const struct net_client_events events = {
        .context = caller,
        .connected = on_call_connected,
        .received = on_call_received,
        .closed = on_call_closed,
    };
    assert_int_equal(
        net_client_connect(&world->loop, host, port, pin, timeout_ms, &events, &caller->client),
        OK);
    return caller;
}

struct caller *world_call_port(struct world *world, const char *host, uint16_t port,
                               const uint8_t *pin, unsigned bits, uint64_t timeout_ms) {
    struct server_pin server = {.bits = bits};
    memcpy(server.hash, pin != NULL ? pin : tls_identity_hash(world->identity),
           sizeof(server.hash));
    return call(world, host, port, &server, timeout_ms);
}

struct caller *world_call_next(struct world *world, const uint8_t *pin, const uint8_t *next) {
    struct server_pin server = {.bits = 8 * SPKI_HASH_BYTES, .has_next = true};
    memcpy(server.hash, pin, sizeof(server.hash));
    memcpy(server.next, next, sizeof(server.next));
    return call(world, "127.0.0.1", listener_port(world->listener), &server, 10000);
}

struct caller *world_call(struct world *world, const char *host, const uint8_t *pin,
                          unsigned bits) {
    return world_call_port(world, host, listener_port(world->listener), pin, bits, 10000);
}

void world_round(struct world *world) {
    assert_int_equal(uv_timer_start(&world->patience, on_patience_end, PATIENCE_MS, 0), 0);
    (void)uv_run(&world->loop, UV_RUN_ONCE);
    (void)uv_timer_stop(&world->patience);
}

static void on_wait_end(uv_timer_t *timer) {
    uv_stop(timer->loop);
}

void world_wait(struct world *world, uint64_t ms) {
    uv_update_time(&world->loop);
    assert_int_equal(uv_timer_start(&world->patience, on_wait_end, ms, 0), 0);
    (void)uv_run(&world->loop, UV_RUN_DEFAULT);
    (void)uv_timer_stop(&world->patience);
}

void world_close(struct world *world) {
    for (size_t i = 0; i < world->caller_count; i++) {
        if (!world->callers[i].is_closed) {
            net_client_close(world->callers[i].client);
        }
    }
    listener_close(world->listener);
    uv_close((uv_handle_t *)&world->patience, NULL);
    assert_int_equal(uv_run(&world->loop, UV_RUN_DEFAULT), 0);
    for (size_t i = 0; i < world->caller_count; i++) {
        assert_true(world->callers[i].is_closed);
    }
    for (size_t i = 0; i < world->accepted_count; i++) {
        assert_true(world->accepted[i].is_closed);
    }
    assert_int_equal(uv_loop_close(&world->loop), 0);
    tls_identity_free(world->identity);
}
