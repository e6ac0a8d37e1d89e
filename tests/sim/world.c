/* SPDX-License-Identifier: ISC */
#include "world.h"

#include "base/require.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A step of the world that fails is a fault of the world's own code or of a core: the seed is the
 * report. */
static void must(struct world *world, enum error error, const char *what) {
    if (error != OK && world->complaint == NULL) {
        world->complaint = what;
        fprintf(stderr, "%s: %s\n", what, error_code(error));
    }
}

static struct moment now(const struct world *world) {
    return (struct moment){.wall_ms = world->wall_ms, .monotonic_ms = world->monotonic_ms};
}

/* ---- the server
 * ----------------------------------------------------------------------------------- */

static void start_server(struct world *world) {
    struct server_config config = server_config_default();
    const struct random_source random = chance_random(&world->chance);
    config.registration = WIRE_REGISTRATION_OPEN;
    memcpy(config.store_epoch, sqlite_store_epoch(world->disk), STORE_EPOCH_BYTES);
    must(world, server_new(&config, &random, now(world), &world->server), "server_new");
    if (world->server != NULL) {
        server_disk_free(world->server, UINT64_C(1) << 40);
    }
}

static void collect_output(struct world *world) {
    struct server_output output;
    while (server_next_output(world->server, &output)) {
        struct person *person = output.data;
        if (person == NULL || person->connection != output.connection) {
            continue;
        }
        must(world, buffer_append(&person->to_client, output.bytes), "a full link");
        person->closes = person->closes || output.close;
        if (output.bytes.size > 0 && !output.close) {
            server_drained(world->server, output.connection, now(world));
        }
    }
}

/* One batch; it may be lost before it is carried out, or its end may never be told. */
static void run_batch(struct world *world) {
    struct store_batch *batch = server_take_batch(world->server, now(world));
    if (batch != NULL) {
        batch->now_ms = world->wall_ms;
        enum error result = sqlite_store_run(world->disk, batch);
        must(world, result, "a batch");
        server_batch_done(world->server, batch, result, now(world));
        collect_output(world);
    }
}

/* ---- links
 * ---------------------------------------------------------------------------------------- */

static void cut(struct person *person, const char *cause) {
    struct world *world = person->world;
    if (person->connection != 0) {
        server_closed(world->server, person->connection, now(world));
    }
    person->connection = 0;
    person->is_established = false;
    person->closes = false;
    buffer_reset(&person->to_server);
    buffer_reset(&person->to_client);
    if (person->engine != NULL) {
        engine_closed(person->engine, world->wall_ms, ERR_CONNECTION_LOST, cause);
        engine_free(person->engine);
        person->engine = NULL;
    }
    person->submitted_count = 0;
}

static void on_write(void *context, struct bytes frames) {
    struct person *person = context;
    must(person->world, buffer_append(&person->to_server, frames), "a full link");
}

static void on_notice(void *context, const struct engine_notice *notice) {
    struct person *person = context;
    chance_note(&person->world->chance, error_code(notice->error), bytes_of_string(person->name));
    /* Cut links and dropped cores are no reason for any of these. */
    person->world->complaint = "a notice in an honest world";
}

static void connect_person(struct person *person) {
    struct world *world = person->world;
    const uint8_t address[16] = {[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1};
    const struct entropy entropy = chance_entropy(&world->chance);
    const struct engine_events events = {.context = person, .write = on_write, .notice = on_notice};
    uint8_t exporter[32];
    must(world, entropy.fill(entropy.context, exporter, sizeof(exporter)), "entropy");
    must(world, engine_new(person->store, &entropy, &events, &person->engine), "engine_new");
    must(world, server_open(world->server, address, true, person, now(world), &person->connection),
         "server_open");
    if (world->complaint == NULL) {
        server_established(world->server, person->connection, exporter, now(world));
        engine_fetch(person->engine);
        engine_connected(person->engine, world->wall_ms, exporter);
        person->is_established = true;
    }
}

/* ---- the application
 * ------------------------------------------------------------------------------ */

static const struct person *other(const struct person *person) {
    return &person->world->people[person == &person->world->people[0] ? 1 : 0];
}

static void print_text(char *out, size_t size, const char *from, uint32_t message) {
    snprintf(out, size, "message %u of %s", message, from);
}

/* Every message exactly once; in order, or marked as late: when both sides began a session at once,
 * what one of them wrote in the session that was left is sent again once the other one is
 * confirmed. */
static void take_text(struct person *person, const struct incoming *incoming, struct bytes text) {
    struct world *world = person->world;
    char expected[64];
    char copy[64] = "";
    unsigned number = 0;
    memcpy(copy, text.data, text.size < sizeof(copy) ? text.size : sizeof(copy) - 1);
    number = (unsigned)strtoul(copy + sizeof("message"), NULL, 10);
    print_text(expected, sizeof(expected), other(person)->name, number);
    if (number >= MESSAGES_EACH || !bytes_equal(text, bytes_of_string(expected)) ||
        person->has[number]) {
        world->complaint = "a message that is altered or doubled";
        return;
    }
    if (number < person->newest && !incoming->is_late) {
        world->complaint = "a message that is out of order and not marked";
    }
    person->has[number] = true;
    person->newest = number > person->newest ? number : person->newest;
    person->received++;
}

static void read_messages(struct person *person) {
    struct world *world = person->world;
    struct incoming incoming;
    struct buffer text;
    buffer_init(&text, TEXT_MAX_BYTES);
    while (world->complaint == NULL) {
        buffer_reset(&text);
        enum error error =
            person->store->incoming_next(person->store->context, person->cursor, &incoming, &text);
        if (error == ERR_NOT_FOUND) {
            break;
        }
        must(world, error, "reading");
        take_text(person, &incoming, buffer_view(&text));
        chance_note(&world->chance, "shown", buffer_view(&text));
        person->cursor = incoming.place;
    }
    buffer_clear(&text);
}

/* Submits the next message under a key of its own, so that a repeat after a crash sends nothing
 * twice. */
static void submit(struct person *person) {
    struct world *world = person->world;
    uint32_t message = person->accepted + (uint32_t)person->submitted_count;
    struct submission submission = {0};
    char text[64];
    char key[32];
    size_t number = 0;
    if (person->engine == NULL || person->submitted_count == SUBMITTED_MAX ||
        message >= MESSAGES_EACH) {
        return;
    }
    print_text(text, sizeof(text), person->name, message);
    snprintf(key, sizeof(key), "key-%u", message);
    must(world, user_name_parse(bytes_of_string(other(person)->name), &submission.to), "a name");
    submission.text = bytes_of_string(text);
    submission.key = key;
    enum error error = engine_submit(person->engine, world->wall_ms, &submission, &number);
    must(world, error, "submitting");
    person->submitted[person->submitted_count++] = (struct submitted){message, number};
}

/* Takes results in order. A refusal that may pass (the other one has no keys yet) is tried again
 * later. */
static void take_results(struct person *person) {
    while (person->engine != NULL && person->submitted_count > 0) {
        const struct send_result *result =
            engine_result(person->engine, person->submitted[0].number);
        if (!result->is_done) {
            return;
        }
        if (result->failure.error != OK) {
            bool is_early = result->failure.error == ERR_NO_SUCH_USER && !result->is_stored;
            if (!is_early) {
                fprintf(stderr, "%s: %s\n", person->name, error_code(result->failure.error));
                person->world->complaint = "a refusal in an honest world";
            }
            cut(person, "the application tries again");
            return;
        }
        person->accepted++;
        person->submitted_count--;
        memmove(&person->submitted[0], &person->submitted[1],
                person->submitted_count * sizeof(person->submitted[0]));
    }
}

/* ---- steps
 * ---------------------------------------------------------------------------------------- */

/* How much of what is under way comes in one piece. */
static size_t piece(struct world *world, size_t size) {
    switch (choose(&world->chance, "piece", 4)) {
    case 0:
        return size;
    case 1:
        return 1 + choose(&world->chance, "few", 16) % size;
    default:
        return 1 + choose(&world->chance, "some", (uint32_t)size);
    }
}

static void move_to_server(struct person *person) {
    struct world *world = person->world;
    if (person->connection == 0 || person->to_server.size == 0) {
        return;
    }
    size_t size = piece(world, person->to_server.size);
    size = size < person->to_server.size ? size : person->to_server.size;
    struct bytes bytes = bytes_make(person->to_server.data, size);
    chance_note(&world->chance, "to server", bytes);
    server_receive(world->server, person->connection, bytes, now(world));
    buffer_consume(&person->to_server, size);
    collect_output(world);
}

static void move_to_client(struct person *person) {
    struct world *world = person->world;
    if (person->connection == 0) {
        return;
    }
    if (person->to_client.size > 0) {
        size_t size = piece(world, person->to_client.size);
        size = size < person->to_client.size ? size : person->to_client.size;
        struct bytes bytes = bytes_make(person->to_client.data, size);
        chance_note(&world->chance, "to client", bytes);
        engine_received(person->engine, world->wall_ms, bytes);
        buffer_consume(&person->to_client, size);
        read_messages(person);
    }
    if (engine_phase(person->engine) == ENGINE_OVER) {
        enum error why = engine_failure(person->engine)->error;
        fprintf(stderr, "%s: %s (%s)\n", person->name, error_code(why),
                engine_failure(person->engine)->cause);
        world->complaint = "an engine that gave up in an honest world";
        return;
    }
    take_results(person);
    if (person->closes && person->to_client.size == 0) {
        cut(person, "closed by the server");
    }
}

static void pass_time(struct world *world) {
    uint64_t ms = 1 + choose(&world->chance, "time", 100);
    world->wall_ms += ms;
    world->monotonic_ms += ms;
    if (world->monotonic_ms >= server_deadline(world->server)) {
        server_tick(world->server, now(world));
        collect_output(world);
    }
    for (size_t i = 0; i < PEOPLE; i++) {
        struct person *person = &world->people[i];
        if (person->engine != NULL && world->wall_ms >= engine_deadline(person->engine)) {
            engine_tick(person->engine, world->wall_ms);
            read_messages(person);
        }
    }
}

/* What the core held in memory is gone; the store has what was committed. A batch under way may
 * just have made it. */
static void drop_server(struct world *world) {
    struct store_batch *batch = server_take_batch(world->server, now(world));
    if (batch != NULL && choose(&world->chance, "batch survives", 2) == 1) {
        batch->now_ms = world->wall_ms;
        must(world, sqlite_store_run(world->disk, batch), "the last batch");
    }
    for (size_t i = 0; i < PEOPLE; i++) {
        world->people[i].connection = 0;
        cut(&world->people[i], "the server is gone");
    }
    server_free(world->server);
    world->server = NULL;
    world->server_drops++;
    start_server(world);
}

/* The engine disappears between two events; its link breaks. */
static void drop_client(struct person *person) {
    if (person->engine != NULL) {
        engine_free(person->engine);
        person->engine = NULL;
        person->world->client_drops++;
        cut(person, "the client is gone");
    }
}

static void fault(struct world *world) {
    struct person *person = &world->people[choose(&world->chance, "whose", PEOPLE)];
    switch (choose(&world->chance, "fault", 4)) {
    case 0:
    case 1:
        if (person->connection != 0) {
            world->cuts++;
            cut(person, "cut");
        }
        break;
    case 2:
        drop_client(person);
        break;
    default:
        drop_server(world);
        break;
    }
}

void world_step(struct world *world, bool faults) {
    if (faults && choose(&world->chance, "is there a fault", 120) == 119) {
        fault(world);
        return;
    }
    struct person *person = &world->people[choose(&world->chance, "who", PEOPLE)];
    if (person->engine == NULL) {
        if (choose(&world->chance, "connects", 4) == 0) {
            connect_person(person);
        }
        return;
    }
    switch (choose(&world->chance, "step", 6)) {
    case 0:
        move_to_server(person);
        break;
    case 1:
        move_to_client(person);
        break;
    case 2:
        run_batch(world);
        break;
    case 3:
        pass_time(world);
        break;
    default:
        submit(person);
        take_results(person);
        break;
    }
}

bool world_is_done(const struct world *world) {
    for (size_t i = 0; i < PEOPLE; i++) {
        if (world->people[i].received != MESSAGES_EACH ||
            world->people[i].accepted != MESSAGES_EACH) {
            return false;
        }
    }
    return true;
}

static void make_person(struct world *world, struct person *person, const char *name) {
    const struct secret_32 key = {{1}};
    const struct entropy entropy = chance_entropy(&world->chance);
    struct account account = {.server = {.host = "simulation", .port = 1}, .server_bits = 256};
    person->world = world;
    person->name = name;
    buffer_init(&person->to_server, LINK_MAX_BYTES);
    buffer_init(&person->to_client, LINK_MAX_BYTES);
    must(world, sqlcipher_store_open(":memory:", &key, true, &person->database), "a store");
    if (world->complaint != NULL) {
        return;
    }
    person->store = sqlcipher_store_functions(person->database);
    must(world, user_name_parse(bytes_of_string(name), &account.name), "a name");
    must(world, person->store->begin(person->store->context), "begin");
    must(world, account_create(person->store, &entropy, world->wall_ms, &account), "an account");
    must(world, person->store->commit(person->store->context), "commit");
}

void world_init(struct world *world, uint64_t seed) {
    char cause[128] = "";
    memset(world, 0, sizeof(*world));
    chance_init(&world->chance, seed);
    chance_own_openssl(&world->chance);
    world->wall_ms = UINT64_C(1790000000000);
    world->monotonic_ms = 1;
    const struct random_source random = chance_random(&world->chance);
    must(world, sqlite_store_open(":memory:", &random, &world->disk, cause, sizeof(cause)),
         "the server's store");
    require(world->disk != NULL);
    start_server(world);
    make_person(world, &world->people[0], "ana");
    make_person(world, &world->people[1], "bob");
}

void world_clear(struct world *world) {
    for (size_t i = 0; i < PEOPLE; i++) {
        struct person *person = &world->people[i];
        engine_free(person->engine);
        buffer_clear(&person->to_server);
        buffer_clear(&person->to_client);
        sqlcipher_store_close(person->database);
    }
    server_free(world->server);
    sqlite_store_close(world->disk);
}
