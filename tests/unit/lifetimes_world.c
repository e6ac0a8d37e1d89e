/* SPDX-License-Identifier: ISC */
#include "lifetimes_world.h"

#include "base/require.h"
#include "client/body.h"
#include "client/store/database.h"
#include "crypto/library.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    LINK_BYTES = 16 * 1024 * 1024,
    ROUNDS_MAX = 10000, /* of moving bytes until nothing moves */
    PATIENCE_MS = 10 * 1000,
    PING_EVERY = 4 * 60 * 1000, /* the server hangs up on who is silent for five minutes */
};

static struct moment now(const struct world *world) {
    return (struct moment){.wall_ms = world->true_ms, .monotonic_ms = world->monotonic_ms};
}

uint64_t person_now(const struct person *person) {
    return person->world->true_ms + (uint64_t)person->clock_ms;
}

const struct person *person_other(const struct person *person) {
    return person == &person->world->ana ? &person->world->bob : &person->world->ana;
}

/* ---- randomness: as everywhere, but for the RSA keys
 * -------------------------------------------------------- */

static enum error pooled_rsa(void *context, struct rsa_private *key) {
    struct world *world = context;
    *key = world->pool[world->next_rsa++ % RSA_POOL];
    return OK;
}

static enum error fill(void *context, uint8_t *out, size_t size) {
    (void)context;
    const struct entropy entropy = entropy_system();
    return entropy.fill(entropy.context, out, size);
}

static enum error encapsulate(void *context, const uint8_t public_key[KEM_PUBLIC_BYTES],
                              uint8_t ciphertext[KEM_CIPHERTEXT_BYTES], struct secret_32 *shared) {
    (void)context;
    const struct entropy entropy = entropy_system();
    return entropy.encapsulate(entropy.context, public_key, ciphertext, shared);
}

static enum error encrypt(void *context, const uint8_t modulus[RSA_MODULUS_BYTES],
                          uint8_t ciphertext[RSA_CIPHERTEXT_BYTES], struct secret_32 *secret) {
    (void)context;
    const struct entropy entropy = entropy_system();
    return entropy.encrypt(entropy.context, modulus, ciphertext, secret);
}

static struct entropy pooled(struct world *world) {
    return (struct entropy){.context = world,
                            .fill = fill,
                            .encapsulate = encapsulate,
                            .encrypt = encrypt,
                            .generate_rsa = pooled_rsa};
}

/* ---- the server */

static void start_server(struct world *world) {
    struct server_config config = server_config_default();
    const struct random_source random = random_system();
    config.registration = WIRE_REGISTRATION_OPEN;
    memcpy(config.store_epoch, world->store_epoch, STORE_EPOCH_BYTES);
    assert_int_equal(server_new(&config, &random, now(world), &world->server), OK);
    server_disk_free(world->server, UINT64_C(1) << 40);
}

static void open_disk(struct world *world) {
    char cause[128] = "";
    const struct random_source random = random_system();
    assert_int_equal(sqlite_store_open(world->path, &random, &world->disk, cause, sizeof(cause)),
                     OK);
}

static void collect(struct world *world) {
    struct server_output output;
    while (server_next_output(world->server, &output)) {
        struct person *person = output.data;
        if (person == NULL || person->connection != output.connection) {
            continue;
        }
        assert_int_equal(buffer_append(&person->to_client, output.bytes), OK);
        person->closes = person->closes || output.close;
        if (output.bytes.size > 0 && !output.close) {
            server_drained(world->server, output.connection, now(world));
        }
    }
}

static bool run_batches(struct world *world) {
    bool has_run = false;
    struct store_batch *batch = NULL;
    while ((batch = server_take_batch(world->server, now(world))) != NULL) {
        batch->now_ms = world->true_ms;
        enum error result = sqlite_store_run(world->disk, batch);
        assert_int_equal(result, OK);
        server_batch_done(world->server, batch, result, now(world));
        has_run = true;
    }
    collect(world);
    return has_run;
}

void world_restart(struct world *world) {
    person_leave(&world->ana);
    person_leave(&world->bob);
    server_free(world->server);
    start_server(world);
}

void world_announce(struct world *world, const uint8_t *next_key, uint64_t when_ms) {
    server_announce_key(world->server, next_key, when_ms, now(world));
    collect(world);
}

static void copy_file(const char *from, const char *to) {
    uint8_t piece[64 * 1024];
    size_t size = 0;
    FILE *in = fopen(from, "rb");
    FILE *out = fopen(to, "wb");
    require(in != NULL && out != NULL);
    do {
        size = fread(piece, 1, sizeof(piece), in);
        assert_int_equal(fwrite(piece, 1, size, out), size);
    } while (size == sizeof(piece));
    assert_int_equal(fclose(in), 0);
    assert_int_equal(fclose(out), 0);
}

static void copy_name(const struct world *world, char *out, size_t size) {
    snprintf(out, size, "%s.copy", world->path);
}

static void stop(struct world *world) {
    person_leave(&world->ana);
    person_leave(&world->bob);
    server_free(world->server);
    sqlite_store_close(world->disk);
    world->server = NULL;
    world->disk = NULL;
}

void world_copy(struct world *world) {
    char copy[80];
    copy_name(world, copy, sizeof(copy));
    stop(world);
    copy_file(world->path, copy);
    open_disk(world);
    start_server(world);
}

void world_put_back(struct world *world) {
    char copy[80];
    copy_name(world, copy, sizeof(copy));
    stop(world);
    copy_file(copy, world->path);
    open_disk(world);
    world->store_epoch[0]++;
    start_server(world);
}

void world_lose(struct world *world) {
    stop(world);
    assert_string_equal(world->path, ":memory:");
    open_disk(world);
    memcpy(world->store_epoch, sqlite_store_epoch(world->disk), STORE_EPOCH_BYTES);
    start_server(world);
}

/* ---- links */

static void cut(struct person *person, enum error error, const char *cause) {
    if (person->connection != 0) {
        server_closed(person->world->server, person->connection, now(person->world));
        collect(person->world);
    }
    person->connection = 0;
    person->closes = false;
    buffer_reset(&person->to_server);
    buffer_reset(&person->to_client);
    if (person->engine != NULL) {
        engine_closed(person->engine, person_now(person), error, cause);
        person->failure = *engine_failure(person->engine);
        engine_free(person->engine);
        person->engine = NULL;
    }
}

static void on_write(void *context, struct bytes frames) {
    struct person *person = context;
    assert_int_equal(buffer_append(&person->to_server, frames), OK);
}

static void on_notice(void *context, const struct engine_notice *notice) {
    struct person *person = context;
    person->notices[notice->error]++;
}

/* Promise: nothing is sent in a session one of whose certificates is over (1.6). */
static void watch_send(struct person *person, struct bytes body) {
    struct wire_send send;
    enum envelope_type type = ENVELOPE_FULL;
    uint8_t sid[SESSION_ID_BYTES];
    struct stored_session session;
    memset(&session, 0, sizeof(session));
    assert_int_equal(wire_read_send(body, &send), OK);
    assert_int_equal(envelope_inspect(send.envelope, &type, sid), OK);
    enum error error = person->store->session_get(person->store->context, &send.to, sid, &session);
    if (error == OK) {
        uint64_t now_ms = person_now(person);
        bool is_over =
            now_ms > session.state.own_expires_ms || now_ms > session.state.peer_expires_ms;
        person->sent_after_expiry += is_over ? 1 : 0;
        session_clear(&session.state);
    } else {
        assert_int_equal(error, ERR_NOT_FOUND); /* offered again, from a session that is gone */
    }
}

static void watch(struct person *person, const struct wire_frame *frame) {
    struct wire_publish publish;
    person->frames[frame->type]++;
    if (frame->type == WIRE_SEND) {
        watch_send(person, frame->body);
    }
    if (frame->type == WIRE_PUBLISH) {
        assert_int_equal(wire_read_publish(frame->body, &publish), OK);
        person->last_replaced = publish.replace;
        person->last_had_set = publish.has_set;
        person->last_one_time = publish.one_time_count;
    }
    if (frame->type == WIRE_RENEW) {
        person->renewals++;
        person->was_same = bytes_equal(buffer_view(&person->renewal), frame->body);
        buffer_reset(&person->renewal);
        assert_int_equal(buffer_append(&person->renewal, frame->body), OK);
    }
}

static void refuse(struct person *person, uint32_t request) {
    const struct wire_error message = {.error = person->refusal};
    struct buffer frames;
    buffer_init(&frames, 4096);
    assert_int_equal(wire_write_error(&frames, request, &message), OK);
    engine_received(person->engine, person_now(person), buffer_view(&frames));
    buffer_clear(&frames);
}

static void answer_certificate(struct person *person, uint32_t request) {
    struct buffer frames;
    buffer_init(&frames, FRAME_MAX_BYTES);
    assert_int_equal(wire_write_certificate(&frames, request,
                                            bytes_make(person->answer_register, CERTIFICATE_BYTES)),
                     OK);
    engine_received(person->engine, person_now(person), buffer_view(&frames));
    buffer_clear(&frames);
}

/* One frame on its way; false when the link is gone with it. */
static bool pass_frame(struct person *person, const struct wire_frame *frame, struct bytes whole) {
    struct world *world = person->world;
    watch(person, frame);
    if (frame->type == WIRE_REGISTER && person->answer_register != NULL) {
        answer_certificate(person, frame->request);
        return true;
    }
    enum fate fate = frame->type == WIRE_RENEW ? person->fate : FATE_HONEST;
    if (fate == FATE_REFUSED) {
        refuse(person, frame->request);
        return true;
    }
    if (frame->type == person->loses && person->nonsense.size > 0) {
        engine_received(person->engine, person_now(person), person->nonsense);
    }
    if (fate == FATE_LOST_BEFORE || frame->type == person->loses) {
        cut(person, ERR_CONNECTION_LOST, "cut");
        return false;
    }
    server_receive(world->server, person->connection, whole, now(world));
    collect(world);
    if (fate == FATE_LOST_AFTER) {
        (void)run_batches(world);
        cut(person, ERR_CONNECTION_LOST, "cut");
        return false;
    }
    return true;
}

static bool move_to_server(struct person *person) {
    struct buffer moving;
    size_t at = 0;
    if (person->connection == 0 || person->to_server.size == 0) {
        return false;
    }
    moving = person->to_server;
    buffer_init(&person->to_server, LINK_BYTES);
    while (at < moving.size) {
        struct wire_frame frame;
        size_t used = 0;
        struct bytes rest = bytes_make(moving.data + at, moving.size - at);
        assert_int_equal(wire_frame_cut(rest, FRAME_MAX_BYTES, &frame, &used), OK);
        if (!pass_frame(person, &frame, bytes_make(rest.data, used))) {
            break;
        }
        at += used;
    }
    buffer_clear(&moving);
    return true;
}

/* A bundle whose last signature does not fit. */
static void spoil(struct person *person, struct buffer *frames) {
    struct bytes rest = buffer_view(frames);
    struct wire_frame frame;
    size_t used = 0;
    while (person->spoils > 0 && wire_frame_cut(rest, FRAME_MAX_BYTES, &frame, &used) == OK) {
        if (frame.type == WIRE_BUNDLE) {
            frames->data[(size_t)(rest.data - frames->data) + used - 1] ^= 1;
            person->spoils--;
        }
        rest = bytes_make(rest.data + used, rest.size - used);
    }
}

static void print_text(char *out, size_t size, const struct person *from, uint32_t message) {
    snprintf(out, size, "message %u of %s", message, from->name.text);
}

/* Hands in the next message under a key of its own. */
static size_t hand_in(struct person *person, bool is_patient) {
    struct submission submission = {.to = person_other(person)->name, .is_patient = is_patient};
    char text[64];
    char key[32];
    size_t number = 0;
    assert_non_null(person->engine);
    print_text(text, sizeof(text), person, person->written);
    snprintf(key, sizeof(key), "key-%u", person->written);
    submission.text = bytes_of_string(text);
    submission.key = key;
    assert_int_equal(engine_submit(person->engine, person_now(person), &submission, &number), OK);
    return number;
}

/* Writes as soon as one of many waiting messages has been taken in. */
static void hurry(struct person *person) {
    if (person->is_hasty && person_count(person, "SELECT COUNT(*) FROM session", NULL) > 0 &&
        !engine_is_caught_up(person->engine)) {
        person->is_hasty = false;
        (void)hand_in(person, true);
        person->written++;
    }
}

static bool move_to_client(struct person *person) {
    struct buffer moving;
    if (person->connection == 0) {
        return false;
    }
    if (person->to_client.size == 0) {
        if (person->closes) {
            cut(person, ERR_CONNECTION_LOST, "closed by the server");
        }
        return false;
    }
    moving = person->to_client;
    buffer_init(&person->to_client, LINK_BYTES);
    spoil(person, &moving);
    engine_received(person->engine, person_now(person), buffer_view(&moving));
    hurry(person);
    buffer_clear(&moving);
    return true;
}

static bool move(struct world *world) {
    bool moved = false;
    struct person *people[] = {&world->ana, &world->bob};
    for (size_t i = 0; i < PEOPLE; i++) {
        moved = move_to_server(people[i]) || moved;
        moved = run_batches(world) || moved;
        moved = move_to_client(people[i]) || moved;
    }
    return moved;
}

/* Time that engines wait a moment for: a missing message, receipts that are gathered. */
static bool wait_a_moment(struct world *world, uint64_t until_ms) {
    struct person *people[] = {&world->ana, &world->bob};
    uint64_t next_ms = UINT64_MAX;
    for (size_t i = 0; i < PEOPLE; i++) {
        if (people[i]->engine != NULL) {
            uint64_t due_ms = engine_deadline(people[i]->engine);
            uint64_t left_ms = due_ms > person_now(people[i]) ? due_ms - person_now(people[i]) : 0;
            next_ms = due_ms != UINT64_MAX && left_ms < next_ms ? left_ms : next_ms;
        }
    }
    if (next_ms == UINT64_MAX || next_ms > PATIENCE_MS || world->true_ms + next_ms > until_ms) {
        return false;
    }
    world_pass(world, next_ms == 0 ? 1 : next_ms);
    for (size_t i = 0; i < PEOPLE; i++) {
        if (people[i]->engine != NULL) {
            engine_tick(people[i]->engine, person_now(people[i]));
        }
    }
    return true;
}

void world_settle(struct world *world) {
    uint64_t until_ms = world->true_ms + PATIENCE_MS;
    for (unsigned i = 0; i < ROUNDS_MAX; i++) {
        if (!move(world) && !wait_a_moment(world, until_ms)) {
            return;
        }
    }
    fail_msg("something moves for ever");
}

void world_pass(struct world *world, uint64_t ms) {
    world->true_ms += ms;
    world->monotonic_ms += ms;
    if (world->monotonic_ms >= server_deadline(world->server)) {
        server_tick(world->server, now(world));
        collect(world);
    }
    (void)run_batches(world);
}

void world_stay(struct world *world, uint64_t ms) {
    struct person *people[] = {&world->ana, &world->bob};
    uint64_t end_ms = world->true_ms + ms;
    while (world->true_ms < end_ms) {
        uint64_t left_ms = end_ms - world->true_ms;
        world_pass(world, left_ms < PING_EVERY ? left_ms : PING_EVERY);
        for (size_t i = 0; i < PEOPLE; i++) {
            if (people[i]->engine != NULL && engine_phase(people[i]->engine) == ENGINE_OPEN) {
                engine_ping(people[i]->engine);
            }
        }
        world_settle(world);
    }
}

/* ---- a person */

static void make_engine(struct person *person) {
    const struct entropy entropy = pooled(person->world);
    const struct engine_events events = {.context = person, .write = on_write, .notice = on_notice};
    person_leave(person);
    assert_int_equal(engine_new(person->store, &entropy, &events, &person->engine), OK);
}

static void log_in(struct person *person) {
    struct world *world = person->world;
    const uint8_t address[16] = {[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1};
    uint8_t exporter[32];
    assert_int_equal(fill(NULL, exporter, sizeof(exporter)), OK);
    assert_int_equal(
        server_open(world->server, address, true, person, now(world), &person->connection), OK);
    server_established(world->server, person->connection, exporter, now(world));
    if (person->shown_key != NULL) {
        engine_pin_server(person->engine, person->shown_key);
    }
    engine_fetch(person->engine);
    engine_connected(person->engine, person_now(person), exporter);
    world_settle(world);
    if (person->engine != NULL && engine_phase(person->engine) == ENGINE_OPEN) {
        person->one_time_left = engine_welcome(person->engine)->one_time_left;
    }
}

void person_come(struct person *person) {
    make_engine(person);
    log_in(person);
}

void person_leave(struct person *person) {
    if (person->engine != NULL && engine_phase(person->engine) == ENGINE_OPEN) {
        engine_wind_up(person->engine, person_now(person));
        world_settle(person->world);
    }
    cut(person, OK, NULL);
}

void person_visit(struct person *person) {
    person_come(person);
    person_leave(person);
}

void person_write(struct person *person) {
    (void)hand_in(person, true);
    person->written++;
    world_settle(person->world);
}

void person_come_writing(struct person *person) {
    make_engine(person);
    (void)hand_in(person, true);
    person->written++;
    log_in(person);
}

enum error person_try(struct person *person) {
    size_t number = hand_in(person, false);
    world_settle(person->world);
    assert_non_null(person->engine);
    const struct send_result *result = engine_result(person->engine, number);
    assert_true(result->is_done);
    enum error error = result->failure.error;
    person->written += error == OK ? 1 : 0;
    return error;
}

void person_read(struct person *person) {
    struct incoming incoming;
    struct buffer text;
    char expected[64];
    enum error error = OK;
    buffer_init(&text, TEXT_MAX_BYTES);
    while ((error = person->store->incoming_next(person->store->context, person->cursor, &incoming,
                                                 &text)) == OK) {
        print_text(expected, sizeof(expected), person_other(person), person->received);
        assert_true(text.size < sizeof(expected));
        assert_memory_equal(text.data, expected, text.size);
        assert_int_equal(text.size, strlen(expected));
        person->late += incoming.is_late ? 1 : 0;
        person->received++;
        person->cursor = incoming.place;
        buffer_reset(&text);
    }
    assert_int_equal(error, ERR_NOT_FOUND);
    buffer_clear(&text);
}

uint64_t person_count(struct person *person, const char *sql, const uint8_t *cid) {
    struct database *database = person->store->context;
    sqlite3_stmt *statement = NULL;
    assert_int_equal(sqlite3_prepare_v2(database->handle, sql, -1, &statement, NULL), SQLITE_OK);
    if (cid != NULL) {
        assert_int_equal(sqlite3_bind_blob(statement, 1, cid, HASH_BYTES, SQLITE_STATIC),
                         SQLITE_OK);
    }
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    uint64_t count = (uint64_t)sqlite3_column_int64(statement, 0);
    assert_int_equal(sqlite3_finalize(statement), SQLITE_OK);
    return count;
}

struct account person_account(const struct person *person) {
    struct account account;
    assert_int_equal(account_load(person->store, &account), OK);
    return account;
}

void person_drain(struct person *person) {
    struct world *world = person->world;
    struct buffer frames;
    buffer_init(&frames, 4096);
    world_settle(world);
    assert_int_equal(
        wire_write_name(&frames, WIRE_GET_BUNDLE, UINT32_C(1) << 30, &person_other(person)->name),
        OK);
    server_receive(world->server, person->connection, buffer_view(&frames), now(world));
    (void)run_batches(world);
    buffer_clear(&frames);
    buffer_reset(&person->to_client);
    cut(person, OK, NULL);
}

/* ---- beginning and end */

static void make_person(struct world *world, struct person *person, const char *name) {
    const struct secret_32 key = {{1}};
    const struct entropy entropy = pooled(world);
    struct account account = {.server = {.host = "test", .port = 1}, .server_bits = 256};
    person->world = world;
    buffer_init(&person->to_server, LINK_BYTES);
    buffer_init(&person->to_client, LINK_BYTES);
    buffer_init(&person->renewal, FRAME_MAX_BYTES);
    assert_int_equal(user_name_parse(bytes_of_string(name), &person->name), OK);
    account.name = person->name;
    assert_int_equal(sqlcipher_store_open(":memory:", &key, true, &person->database), OK);
    person->store = sqlcipher_store_functions(person->database);
    assert_int_equal(person->store->begin(person->store->context), OK);
    assert_int_equal(account_create(person->store, &entropy, world->true_ms, &account), OK);
    assert_int_equal(person->store->commit(person->store->context), OK);
}

void world_open(struct world *world, const struct rsa_private *pool, bool on_disk) {
    memset(world, 0, sizeof(*world));
    world->true_ms = UINT64_C(1790000000000);
    world->monotonic_ms = 1;
    world->pool = pool;
    snprintf(world->path, sizeof(world->path), ":memory:");
    if (on_disk) {
        snprintf(world->path, sizeof(world->path), "lifetimes-%ld.db", (long)getpid());
    }
    open_disk(world);
    memcpy(world->store_epoch, sqlite_store_epoch(world->disk), STORE_EPOCH_BYTES);
    start_server(world);
    make_person(world, &world->ana, "ana");
    make_person(world, &world->bob, "bob");
    person_visit(&world->ana);
    person_visit(&world->bob);
}

static void clear_person(struct person *person) {
    cut(person, OK, NULL);
    sqlcipher_store_close(person->database);
    buffer_clear(&person->to_server);
    buffer_clear(&person->to_client);
    buffer_clear(&person->renewal);
}

/* The server's files and the copy; not every test makes all of them. */
static void remove_files(const struct world *world) {
    static const char *const ENDS[] = {"-wal", "-shm", ".copy"};
    assert_int_equal(unlink(world->path), 0);
    for (size_t i = 0; i < ROWS(ENDS); i++) {
        char path[80];
        snprintf(path, sizeof(path), "%s%s", world->path, ENDS[i]);
        (void)unlink(path);
    }
}

void world_close(struct world *world) {
    clear_person(&world->ana);
    clear_person(&world->bob);
    server_free(world->server);
    sqlite_store_close(world->disk);
    if (strcmp(world->path, ":memory:") != 0) {
        remove_files(world);
    }
}
