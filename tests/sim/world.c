/* SPDX-License-Identifier: ISC */
#include "world.h"

#include "base/require.h"

#include <stdio.h>
#include <string.h>

enum { LINK_MAX_BYTES = 16 * 1024 * 1024, PIECE_MAX_BYTES = 20000 };

static const uint64_t BEGIN_MS = UINT64_C(1800000000000);

static struct moment moment_of(const struct world *world) {
    return (struct moment){.wall_ms = world->now_ms, .monotonic_ms = world->now_ms - BEGIN_MS + 1};
}

/* --- the server ---------------------------------------------------------------------------- */

static void start_server(struct world *world) {
    struct server_config config = server_config_default();
    const struct random_source random = tape_random(&world->tape);
    config.registration = WIRE_REGISTRATION_OPEN;
    config.send_burst = 1000000;
    config.bundle_burst = 1000000;
    memcpy(config.store_epoch, sqlite_store_epoch(world->store), STORE_EPOCH_BYTES);
    require(server_new(&config, &random, moment_of(world), &world->server) == OK);
    server_disk_free(world->server, UINT64_MAX);
}

static void cut(struct world *world, struct client *client) {
    if (client->connection == 0) {
        return;
    }
    server_closed(world->server, client->connection, moment_of(world));
    client->connection = 0;
    client->is_closing = false;
    buffer_reset(&client->to_server);
    buffer_reset(&client->to_client);
    if (client->engine != NULL) {
        engine_closed(client->engine, world->now_ms, ERR_CONNECTION_LOST, "cut");
    }
}

static void collect_outputs(struct world *world) {
    struct server_output output;
    while (server_next_output(world->server, &output)) {
        struct client *client = output.data;
        if (client->connection != output.connection) {
            continue;
        }
        require(buffer_append(&client->to_client, output.bytes) == OK);
        client->is_closing = output.close;
    }
}

/* Carries out one batch: on the disk, lost before it, or on the disk and the server gone before it
 * knew. */
static void run_store(struct world *world, bool with_faults) {
    struct store_batch *batch = server_take_batch(world->server, moment_of(world));
    if (batch == NULL) {
        return;
    }
    uint64_t fault = with_faults ? choose(&world->tape, "batch", 100) : 0;
    if (fault != 98) {
        require(sqlite_store_run(world->store, batch) == OK);
    }
    if (fault < 98) {
        server_batch_done(world->server, batch, OK, moment_of(world));
        collect_outputs(world);
        return;
    }
    world->server_crashes++;
    note(&world->tape, "server crash", fault);
    for (size_t i = 0; i < CLIENTS; i++) {
        cut(world, &world->clients[i]);
    }
    server_free(world->server);
    start_server(world);
}

/* --- clients ------------------------------------------------------------------------------- */

static void on_write(void *context, struct bytes frames) {
    struct client *client = context;
    if (client->connection != 0) {
        require(buffer_append(&client->to_server, frames) == OK);
    }
}

/* An honest world has nothing to tell. */
static void on_notice(void *context, const struct engine_notice *notice) {
    struct client *client = context;
    fprintf(stderr, "%s is told: %s (%s)\n", client->name.text, error_code(notice->error),
            notice->cause == NULL ? "" : notice->cause);
    require(notice->error != ERR_UNDECRYPTABLE && notice->error != ERR_HELD &&
            notice->error != ERR_SESSION_RESTARTED);
}

static const struct client_store *functions(const struct client *client) {
    return sqlcipher_store_functions(client->store);
}

static void drop_engine(struct client *client) {
    engine_free(client->engine);
    client->engine = NULL;
    client->pending = 0;
}

static void connect_client(struct world *world, struct client *client) {
    const struct entropy entropy = tape_entropy(&world->tape);
    const struct engine_events events = {.context = client, .write = on_write, .notice = on_notice};
    const uint8_t address[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1};
    uint8_t exporter[32];
    drop_engine(client);
    require(engine_new(functions(client), &entropy, &events, &client->engine) == OK);
    engine_fetch(client->engine);
    require(server_open(world->server, address, true, client, moment_of(world),
                        &client->connection) == OK);
    require(entropy.fill(entropy.context, exporter, sizeof(exporter)) == OK);
    server_established(world->server, client->connection, exporter, moment_of(world));
    engine_connected(client->engine, world->now_ms, exporter);
}

static void make_account(struct world *world, struct client *client, const char *name) {
    const struct client_store *store = functions(client);
    const struct entropy entropy = tape_entropy(&world->tape);
    struct account account = {.server = {.host = "sim", .port = 8080}};
    require(user_name_parse(bytes_of_string(name), &account.name) == OK);
    client->name = account.name;
    require(store->begin(store->context) == OK);
    require(account_create(store, &entropy, world->now_ms, &account) == OK);
    require(store->commit(store->context) == OK);
}

/* --- the people ---------------------------------------------------------------------------- */

static void text_of(const struct client *client, uint32_t number, char out[64]) {
    snprintf(out, 64, "%s %u", client->name.text, number);
}

/* Takes results in order: the first that was not accepted is written again, and all behind it. */
static void take_results(struct world *world, struct client *client) {
    size_t done = 0;
    bool failed = false;
    for (size_t i = 0; i < client->pending; i++) {
        const struct send_result *result = engine_result(client->engine, client->results[i]);
        if (!result->is_done) {
            break;
        }
        done++;
        if (failed || result->failure.error != OK) {
            failed = true;
            continue;
        }
        require(result->message.state == OUTGOING_ACCEPTED);
        note(&world->tape, "accepted", client->accepted);
        client->accepted++;
    }
    if (failed && engine_phase(client->engine) != ENGINE_OVER) {
        cut(world, client); /* it begins anew, with what the store has */
    }
    memmove(client->results, client->results + done,
            (client->pending - done) * sizeof(client->results[0]));
    client->pending -= done;
}

static void write_messages(struct world *world, struct client *client) {
    struct client *other = &world->clients[client == &world->clients[0] ? 1 : 0];
    if (client->pending > 0) {
        return;
    }
    size_t count = 1 + choose(&world->tape, "burst", PIPELINE_MAX);
    for (size_t i = 0; i < count && client->accepted + i < MESSAGES_EACH; i++) {
        char text[64];
        text_of(client, client->accepted + (uint32_t)i, text);
        const struct submission submission = {
            .to = other->name, .text = bytes_of_string(text), .key = text};
        require(engine_submit(client->engine, world->now_ms, &submission,
                              &client->results[client->pending]) == OK);
        client->pending++;
    }
}

/* Reads on: each message once, in the order of writing. */
static void read_messages(struct world *world, struct client *client) {
    const struct client_store *store = functions(client);
    const struct client *other = &world->clients[client == &world->clients[0] ? 1 : 0];
    for (;;) {
        struct incoming message;
        struct buffer text;
        char expected[64];
        buffer_init(&text, TEXT_MAX_BYTES);
        if (store->incoming_next(store->context, client->cursor, &message, &text) != OK) {
            buffer_clear(&text);
            return;
        }
        text_of(other, client->shown, expected);
        if (!bytes_equal(buffer_view(&text), bytes_of_string(expected)) || message.missing != 0) {
            fprintf(stderr, "%s was shown '%.*s' (%u missing) for '%s'\n", client->name.text,
                    (int)text.size, (const char *)text.data, message.missing, expected);
            require(!"each message once, in order, without a gap");
        }
        note(&world->tape, "shown", client->shown);
        client->shown++;
        client->cursor = message.place;
        buffer_clear(&text);
    }
}

/* --- steps --------------------------------------------------------------------------------- */

static void move_bytes(struct world *world, struct client *client) {
    if (client->connection != 0 && client->to_server.size > 0) {
        size_t size = 1 + choose(&world->tape, "up", PIECE_MAX_BYTES);
        size = size < client->to_server.size ? size : client->to_server.size;
        struct bytes piece = bytes_make(client->to_server.data, size);
        server_receive(world->server, client->connection, piece, moment_of(world));
        buffer_consume(&client->to_server, size);
        collect_outputs(world);
    }
    if (client->connection != 0 && client->to_client.size > 0) {
        size_t size = 1 + choose(&world->tape, "down", PIECE_MAX_BYTES);
        uint8_t piece[PIECE_MAX_BYTES];
        size = size < client->to_client.size ? size : client->to_client.size;
        memcpy(piece, client->to_client.data, size);
        buffer_consume(&client->to_client, size);
        engine_received(client->engine, world->now_ms, bytes_make(piece, size));
        if (client->to_client.size == 0) {
            server_drained(world->server, client->connection, moment_of(world));
            collect_outputs(world);
        }
    }
    if (client->is_closing && client->to_client.size == 0) {
        cut(world, client);
    }
}

static void maybe_fail(struct world *world, struct client *client) {
    if (client->connection != 0 && chance(&world->tape, "cut", 60)) {
        world->cuts++;
        cut(world, client);
    }
    if (client->engine != NULL && chance(&world->tape, "crash", 120)) {
        world->client_crashes++;
        cut(world, client);
        drop_engine(client);
    }
}

static void live(struct world *world, struct client *client, bool with_faults) {
    move_bytes(world, client);
    if (with_faults) {
        maybe_fail(world, client);
    }
    if (client->engine != NULL) {
        take_results(world, client);
    }
    bool is_running = client->engine != NULL && engine_phase(client->engine) != ENGINE_OVER;
    if (client->connection == 0 || !is_running) {
        cut(world, client);
        connect_client(world, client);
    } else if (engine_phase(client->engine) == ENGINE_OPEN) {
        if (engine_deadline(client->engine) <= world->now_ms) {
            engine_tick(client->engine, world->now_ms);
        }
        write_messages(world, client);
    }
    read_messages(world, client);
}

void world_step(struct world *world, bool with_faults) {
    world->now_ms += 1 + choose(&world->tape, "time", 50);
    for (size_t i = 0; i < CLIENTS; i++) {
        live(world, &world->clients[i], with_faults);
    }
    if (server_deadline(world->server) <= moment_of(world).monotonic_ms) {
        server_tick(world->server, moment_of(world));
    }
    collect_outputs(world);
    run_store(world, with_faults);
}

void world_begin(struct world *world, uint64_t seed) {
    static const char *const names[CLIENTS] = {"ana", "bob"};
    char cause[160];
    memset(world, 0, sizeof(*world));
    tape_init(&world->tape, seed);
    tape_install(&world->tape);
    world->now_ms = BEGIN_MS;
    const struct random_source random = tape_random(&world->tape);
    require(sqlite_store_open(":memory:", &random, &world->store, cause, sizeof(cause)) == OK);
    start_server(world);
    for (size_t i = 0; i < CLIENTS; i++) {
        struct client *client = &world->clients[i];
        struct secret_32 key;
        memset(&key, 7, sizeof(key));
        client->world = world;
        buffer_init(&client->to_server, LINK_MAX_BYTES);
        buffer_init(&client->to_client, LINK_MAX_BYTES);
        require(sqlcipher_store_open(":memory:", &key, true, &client->store) == OK);
        require(sqlcipher_store_own(client->store) == OK);
        make_account(world, client, names[i]);
    }
}

void world_end(struct world *world) {
    for (size_t i = 0; i < CLIENTS; i++) {
        struct client *client = &world->clients[i];
        cut(world, client);
        drop_engine(client);
        sqlcipher_store_close(client->store);
        buffer_clear(&client->to_server);
        buffer_clear(&client->to_client);
    }
    server_free(world->server);
    sqlite_store_close(world->store);
}

bool world_is_done(const struct world *world) {
    for (size_t i = 0; i < CLIENTS; i++) {
        if (world->clients[i].accepted < MESSAGES_EACH || world->clients[i].shown < MESSAGES_EACH) {
            return false;
        }
    }
    return true;
}
