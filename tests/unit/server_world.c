/* SPDX-License-Identifier: ISC */
#include "server_world.h"

#include "base/require.h"
#include "crypto/entropy.h"
#include "session/prekey.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- people
 * ---------------------------------------------------------------------------------------------- */

static void certify(struct person *person) {
    const struct entropy entropy = entropy_system();
    require(device_keys_generate(&entropy, &person->keys) == OK);
    require(certificate_make(&person->account, &person->keys, &person->name, person->epoch,
                             START_MS, person->certificate) == OK);
    require(certificate_parse(bytes_of(person->certificate), &person->parsed) == OK);
}

const struct person *person(const char *name) {
    static struct person people[8];
    const struct entropy entropy = entropy_system();
    struct person *one = people;
    while (one->epoch != 0 && strcmp(one->name.text, name) != 0) {
        one++;
        require(one < people + 8);
    }
    if (one->epoch == 0) {
        require(user_name_parse(bytes_of_string(name), &one->name) == OK);
        require(account_keys_generate(&entropy, &one->account) == OK);
        one->epoch = 1;
        certify(one);
    }
    return one;
}

struct person person_renewed(const struct person *old) {
    struct person renewed = *old;
    renewed.epoch = old->epoch + 1;
    certify(&renewed);
    return renewed;
}

/* --- the world
 * ------------------------------------------------------------------------------------------- */

static void keep_log(void *context, const char *line) {
    struct world *world = context;
    snprintf(world->log, sizeof(world->log), "%s", line);
}

static void count_note(void *context, enum server_event event, const uint8_t address[16]) {
    struct world *world = context;
    assert_non_null(address);
    world->notes[event]++;
}

static void start_core(struct world *world) {
    char cause[100];
    require(sqlite_store_open(world->path, &world->random, &world->store, cause, sizeof(cause)) ==
            OK);
    memcpy(world->config.store_epoch, sqlite_store_epoch(world->store), STORE_EPOCH_BYTES);
    require(server_new(&world->config, &world->random, world->now, &world->server) == OK);
}

void world_start(struct world *world) {
    memset(world, 0, sizeof(*world));
    world->config = server_config_default();
    world->config.log = keep_log;
    world->config.note = count_note;
    world->config.log_context = world;
    world->random = random_system();
    world->now = (struct moment){.wall_ms = START_MS, .monotonic_ms = 1000};
    /* Hundreds of worlds begin and end here: where there is a file system in memory, none of them
     * waits for a disk. */
    snprintf(world->path, sizeof(world->path), "%s/sotto-server-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    int handle = mkstemp(world->path);
    require(handle >= 0);
    close(handle);
    start_core(world);
}

static void drop_core(struct world *world) {
    server_free(world->server);
    sqlite_store_close(world->store);
    world->batch = NULL;
    for (size_t i = 0; i < world->peer_count; i++) {
        buffer_clear(&world->peers[i].stream);
    }
    world->peer_count = 0;
}

void world_restart(struct world *world) {
    drop_core(world);
    start_core(world);
}

void world_stop(struct world *world) {
    char extra[80];
    drop_core(world);
    unlink(world->path);
    snprintf(extra, sizeof(extra), "%s-wal", world->path);
    unlink(extra);
    snprintf(extra, sizeof(extra), "%s-shm", world->path);
    unlink(extra);
}

int world_begin(void **state) {
    static struct world world;
    world_start(&world);
    *state = &world;
    return 0;
}

int world_end(void **state) {
    world_stop(*state);
    return 0;
}

static void take_output(struct world *world) {
    struct server_output output;
    struct peer *drained[PEERS_MAX];
    size_t count = 0;
    while (server_next_output(world->server, &output)) {
        struct peer *peer = output.data;
        assert_false(peer->is_closed);
        assert_int_equal(buffer_append(&peer->stream, output.bytes), OK);
        peer->is_paused = output.pause;
        if (output.close) {
            peer->is_closed = true;
            server_closed(world->server, output.connection, world->now);
        } else if (output.bytes.size > 0 && !peer->keeps_output) {
            drained[count++] = peer;
        }
        require(count < PEERS_MAX);
    }
    for (size_t i = 0; i < count; i++) {
        server_drained(world->server, drained[i]->number, world->now);
    }
}

static void carry_out(struct world *world, struct store_batch *batch) {
    enum error result = world->fails == OK ? sqlite_store_run(world->store, batch) : world->fails;
    server_batch_done(world->server, batch, result, world->now);
}

/* What waits for an acknowledgement goes to the store once it has waited enough. */
static bool waits_enough(struct world *world) {
    uint64_t deadline = server_deadline(world->server);
    if (world->batch != NULL || !server_is_busy(world->server)) {
        return false;
    }
    if (deadline > world->now.monotonic_ms) {
        world->now.wall_ms += deadline - world->now.monotonic_ms;
        world->now.monotonic_ms = deadline;
    }
    server_tick(world->server, world->now);
    return true;
}

void world_settle(struct world *world) {
    for (int round = 0; round < 100000; round++) {
        take_output(world);
        struct store_batch *batch = server_take_batch(world->server, world->now);
        if (batch == NULL) {
            take_output(world);
            batch = server_take_batch(world->server, world->now);
        }
        if (batch == NULL && waits_enough(world)) {
            continue;
        }
        if (batch == NULL) {
            return;
        }
        if (world->holds_batches) {
            world->batch = batch;
            return;
        }
        carry_out(world, batch);
    }
    fail_msg("the world does not come to rest");
}

void world_finish_batch(struct world *world) {
    struct store_batch *batch = world->batch;
    assert_non_null(batch);
    world->batch = NULL;
    carry_out(world, batch);
    world_settle(world);
}

void world_pass(struct world *world, uint64_t ms) {
    for (uint64_t passed = 0; passed < ms; passed += 500) {
        world->now.wall_ms += 500;
        world->now.monotonic_ms += 500;
        if (world->now.monotonic_ms >= server_deadline(world->server)) {
            server_tick(world->server, world->now);
        }
        world_settle(world);
    }
}

int64_t world_count(struct world *world, const char *sql) {
    sqlite3 *database;
    sqlite3_stmt *statement;
    assert_int_equal(sqlite3_open_v2(world->path, &database, SQLITE_OPEN_READONLY, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(database, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int64_t number = sqlite3_column_int64(statement, 0);
    assert_int_equal(sqlite3_finalize(statement), SQLITE_OK);
    assert_int_equal(sqlite3_close(database), SQLITE_OK);
    return number;
}

/* --- peers
 * ------------------------------------------------------------------------------------------------
 */

struct peer *world_connect(struct world *world) {
    uint8_t address[16] = {[10] = 0xff, [11] = 0xff, [12] = 127};
    require(world->peer_count < PEERS_MAX);
    struct peer *peer = &world->peers[world->peer_count++];
    memset(peer, 0, sizeof(*peer));
    buffer_init(&peer->stream, (size_t)256 << 20);
    address[15] = world->address;
    require(random_fill(&world->random, peer->exporter, sizeof(peer->exporter)) == OK);
    if (server_open(world->server, address, true, peer, world->now, &peer->number) != OK) {
        world->peer_count--;
        return NULL;
    }
    server_established(world->server, peer->number, peer->exporter, world->now);
    return peer;
}

void peer_bytes(struct world *world, struct peer *peer, struct bytes bytes) {
    server_receive(world->server, peer->number, bytes, world->now);
}

void peer_flush(struct world *world, struct peer *peer, struct buffer *frames) {
    peer_bytes(world, peer, buffer_view(frames));
    buffer_clear(frames);
    world_settle(world);
}

bool peer_next(struct peer *peer, struct got *got) {
    struct wire_frame frame;
    size_t used;
    struct bytes rest = bytes_make(peer->stream.data + peer->read, peer->stream.size - peer->read);
    if (rest.size == 0) {
        return false;
    }
    assert_int_equal(wire_frame_cut(rest, FRAME_MAX_BYTES, &frame, &used), OK);
    peer->read += used;
    *got = (struct got){.type = frame.type, .request = frame.request, .body = frame.body};
    return true;
}

struct got peer_expect(struct peer *peer, uint8_t type) {
    struct got got = {0};
    if (!peer_next(peer, &got)) {
        fail_msg("nothing came, expected 0x%02x", type);
    }
    if (got.type == WIRE_ERROR && type != WIRE_ERROR) {
        struct wire_error error;
        assert_int_equal(wire_read_error(got.body, &error), OK);
        fail_msg("error %s (%.*s), expected 0x%02x", error_code(error.error),
                 (int)error.detail.size, (const char *)error.detail.data, type);
    }
    assert_int_equal(got.type, type);
    return got;
}

struct wire_welcome peer_expect_welcome(struct peer *peer) {
    struct wire_welcome welcome;
    assert_int_equal(wire_read_welcome(peer_expect(peer, WIRE_WELCOME).body, &welcome), OK);
    return welcome;
}

uint32_t peer_expect_error(struct peer *peer, enum error expected) {
    struct wire_error error;
    struct got got = peer_expect(peer, WIRE_ERROR);
    assert_int_equal(wire_read_error(got.body, &error), OK);
    assert_string_equal(error_code(error.error), error_code(expected));
    return got.request;
}

void peer_expect_nothing(struct peer *peer) {
    struct got got;
    if (peer_next(peer, &got)) {
        fail_msg("0x%02x came, expected nothing", got.type);
    }
}

/* --- requests
 * --------------------------------------------------------------------------------------------- */

static void begin(struct buffer *frame, struct peer *peer) {
    buffer_init(frame, FRAME_MAX_BYTES);
    peer->request++;
}

static uint32_t finish(struct world *world, struct peer *peer, struct buffer *frame,
                       enum error written) {
    assert_int_equal(written, OK);
    peer_bytes(world, peer, buffer_view(frame));
    buffer_clear(frame);
    return peer->request;
}

static struct wire_login proof_of(const struct peer *peer, const struct person *person) {
    struct wire_login login;
    memcpy(login.cid, person->parsed.cid, sizeof(login.cid));
    assert_int_equal(login_sign(&person->keys, peer->exporter, login.cid, login.signature), OK);
    return login;
}

uint32_t peer_login(struct world *world, struct peer *peer, const struct person *person) {
    struct buffer frame;
    begin(&frame, peer);
    struct wire_login login = proof_of(peer, person);
    return finish(world, peer, &frame, wire_write_login(&frame, peer->request, &login));
}

uint32_t peer_register(struct world *world, struct peer *peer, const struct person *person,
                       const uint8_t *token) {
    struct buffer frame;
    begin(&frame, peer);
    struct wire_register message = {.login = proof_of(peer, person),
                                    .has_token = token != NULL,
                                    .certificate = bytes_of(person->certificate)};
    if (token != NULL) {
        memcpy(message.token, token, sizeof(message.token));
    }
    return finish(world, peer, &frame, wire_write_register(&frame, peer->request, &message));
}

/* The first four bytes that are drawn are those of an id that the test chose. */
static enum error fill_with_id(void *context, uint8_t *out, size_t size) {
    uint32_t *id = context;
    if (size == 4 && *id != 0) {
        put_u32(out, *id);
        *id = 0;
        return OK;
    }
    const struct random_source random = random_system();
    return random_fill(&random, out, size);
}

static void make_set(const struct person *person, uint32_t id, uint64_t now_ms,
                     uint8_t out[PREKEY_SET_BYTES]) {
    const struct entropy entropy = entropy_system();
    struct prekey_secret secret;
    require(prekey_set_make(&entropy, &person->keys, person->parsed.cid, id, now_ms, &secret,
                            out) == OK);
    prekey_secret_clear(&secret);
}

static void make_one_time(const struct person *person, uint32_t id, uint64_t now_ms,
                          uint8_t out[ONE_TIME_PREKEY_BYTES]) {
    struct entropy entropy = entropy_system();
    struct prekey_secret secret;
    entropy.context = &id;
    entropy.fill = fill_with_id;
    require(one_time_prekey_make(&entropy, &person->keys, person->parsed.cid, now_ms, &secret,
                                 out) == OK);
    prekey_secret_clear(&secret);
}

uint32_t peer_publish(struct world *world, struct peer *peer, const struct person *person,
                      uint32_t set_id, uint8_t count, uint32_t first_one_time, bool replace) {
    struct buffer frame;
    uint8_t set[PREKEY_SET_BYTES];
    static uint8_t one_time[ONE_TIME_PREKEYS_FULL][ONE_TIME_PREKEY_BYTES];
    begin(&frame, peer);
    make_set(person, set_id == 0 ? 1 : set_id, world->now.wall_ms, set);
    for (uint8_t i = 0; i < count; i++) {
        make_one_time(person, first_one_time + i, world->now.wall_ms, one_time[i]);
    }
    struct wire_publish message = {
        .replace = replace,
        .has_set = set_id != 0,
        .set = set_id == 0 ? (struct bytes){0} : bytes_of(set),
        .one_time_count = count,
        .one_time = bytes_make(one_time, (size_t)count * ONE_TIME_PREKEY_BYTES),
    };
    return finish(world, peer, &frame, wire_write_publish(&frame, peer->request, &message));
}

uint32_t peer_renew(struct world *world, struct peer *peer, const struct person *person,
                    uint32_t set_id, uint8_t count, uint32_t first_one_time) {
    struct buffer frame;
    uint8_t set[PREKEY_SET_BYTES];
    static uint8_t one_time[ONE_TIME_PREKEYS_FULL][ONE_TIME_PREKEY_BYTES];
    begin(&frame, peer);
    make_set(person, set_id, world->now.wall_ms, set);
    for (uint8_t i = 0; i < count; i++) {
        make_one_time(person, first_one_time + i, world->now.wall_ms, one_time[i]);
    }
    struct wire_renew message = {
        .certificate = bytes_of(person->certificate),
        .set = bytes_of(set),
        .one_time_count = count,
        .one_time = bytes_make(one_time, (size_t)count * ONE_TIME_PREKEY_BYTES),
    };
    return finish(world, peer, &frame, wire_write_renew(&frame, peer->request, &message));
}

uint32_t peer_get(struct world *world, struct peer *peer, enum wire_type type, const char *text) {
    struct buffer frame;
    struct user_name name;
    begin(&frame, peer);
    assert_int_equal(user_name_parse(bytes_of_string(text), &name), OK);
    return finish(world, peer, &frame, wire_write_name(&frame, type, peer->request, &name));
}

uint32_t peer_send_bytes(struct world *world, struct peer *peer, const char *to, uint32_t id,
                         struct bytes envelope) {
    struct buffer frame;
    begin(&frame, peer);
    struct wire_send message = {.envelope = envelope};
    put_u32(message.envelope_id, id);
    assert_int_equal(user_name_parse(bytes_of_string(to), &message.to), OK);
    return finish(world, peer, &frame, wire_write_send(&frame, peer->request, &message));
}

uint32_t peer_send(struct world *world, struct peer *peer, const char *to, uint32_t id,
                   const char *text) {
    uint8_t envelope[ENVELOPE_MIN_BYTES] = {1, 0x12};
    snprintf((char *)envelope + 2, sizeof(envelope) - 2, "%s", text);
    return peer_send_bytes(world, peer, to, id, bytes_of(envelope));
}

uint32_t peer_fetch(struct world *world, struct peer *peer, uint16_t window) {
    struct buffer frame;
    begin(&frame, peer);
    return finish(world, peer, &frame, wire_write_fetch(&frame, peer->request, window));
}

uint32_t peer_leave(struct world *world, struct peer *peer) {
    struct buffer frame;
    begin(&frame, peer);
    return finish(world, peer, &frame, wire_write_empty(&frame, WIRE_LEAVE, peer->request));
}

void peer_ack(struct world *world, struct peer *peer, uint64_t handle) {
    struct buffer frame;
    struct wire_ack ack = {.count = 1, .handles = {handle}};
    begin(&frame, peer);
    finish(world, peer, &frame, wire_write_ack(&frame, peer->request, &ack));
}

static void ignore_done(void *context, enum error result) {
    (void)context;
    assert_int_equal(result, OK);
}

void world_invite(struct world *world, uint8_t token[INVITE_TOKEN_BYTES], uint64_t expires_ms,
                  bool is_admin) {
    struct store_invite invite = {.expires_ms = expires_ms, .is_admin = is_admin};
    assert_int_equal(random_fill(&world->random, token, INVITE_TOKEN_BYTES), OK);
    const struct bytes part = bytes_make(token, INVITE_TOKEN_BYTES);
    assert_int_equal(sha256(&part, 1, invite.token_hash), OK);
    assert_int_equal(
        server_invite(world->server, &invite, (struct admin_request){.done = ignore_done}), OK);
    world_settle(world);
}

struct peer *world_asks_in(struct world *world, const struct person *person) {
    struct peer *peer = world_connect(world);
    assert_non_null(peer);
    peer_login(world, peer, person);
    world_settle(world);
    return peer;
}

struct peer *world_registers(struct world *world, const struct person *person,
                             const uint8_t *token) {
    struct peer *peer = world_connect(world);
    assert_non_null(peer);
    peer_register(world, peer, person, token);
    world_settle(world);
    return peer;
}

struct peer *world_member(struct world *world, const char *name) {
    uint8_t token[INVITE_TOKEN_BYTES];
    world_invite(world, token, world->now.wall_ms + INVITE_LIFE_MS, false);
    struct peer *peer = world_registers(world, person(name), token);
    peer_expect(peer, WIRE_WELCOME);
    peer_publish(world, peer, person(name), 1, 8, 100, false);
    world_settle(world);
    peer_expect(peer, WIRE_DONE);
    return peer;
}

struct peer *world_login(struct world *world, const char *name) {
    struct peer *peer = world_asks_in(world, person(name));
    peer_expect(peer, WIRE_WELCOME);
    return peer;
}

uint64_t peer_expect_deliver(struct peer *peer, const char *from, const char *text) {
    struct wire_deliver deliver;
    struct got got = peer_expect(peer, WIRE_DELIVER);
    assert_int_equal(wire_read_deliver(got.body, &deliver), OK);
    assert_int_equal(got.request, 0);
    assert_string_equal(deliver.from.text, from);
    assert_string_equal((const char *)deliver.envelope.data + 2, text);
    return deliver.handle;
}
