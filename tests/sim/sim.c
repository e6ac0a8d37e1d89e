/* SPDX-License-Identifier: ISC */
#include "sim.h"

#include "base/require.h"
#include "server/store/query.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    QUIET_MS_MAX = 4 * 60 * 1000, /**< connected clients ping that often */
    ROUNDS_MAX = 200000,
    PATIENCE_MS = 10 * 60 * 1000, /**< a command that takes longer hangs */
    ENDLESS_BURST = 1000000,
};

static const char *const KIND_NAMES[] = {"honest",     "holiday", "fault", "hostile",
                                         "key-change", "forger",  "mixed", "reader"};

const char *sim_kind_name(enum sim_kind kind) {
    return KIND_NAMES[kind];
}

/* ---- complaints and the log
 * ------------------------------------------------------------------------- */

void sim_complain(struct sim *sim, const char *format, ...) {
    va_list arguments;
    if (sim->complaint[0] != '\0') {
        return;
    }
    va_start(arguments, format);
    vsnprintf(sim->complaint, sizeof(sim->complaint), format, arguments);
    va_end(arguments);
    sim_say(sim, "COMPLAINT: %s", sim->complaint);
}

bool sim_is_sound(const struct sim *sim) {
    return sim->complaint[0] == '\0';
}

void sim_say(const struct sim *sim, const char *format, ...) {
    va_list arguments;
    if (!sim->is_verbose) {
        return;
    }
    uint64_t ms = sim->wall_ms - sim->start_ms;
    printf("day %3u %02u:%02u:%02u.%03u  ", (unsigned)(ms / DAY_MS),
           (unsigned)(ms % DAY_MS / HOUR_MS), (unsigned)(ms % HOUR_MS / MINUTE_MS),
           (unsigned)(ms % MINUTE_MS / SECOND_MS), (unsigned)(ms % SECOND_MS));
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\n");
}

void sim_must(struct sim *sim, enum error error, const char *what) {
    if (error != OK) {
        sim_complain(sim, "%s: %s", what, error_code(error));
    }
}

bool sim_happens(struct sim *sim, const char *label, uint32_t n) {
    return n > 0 && choose(&sim->chance, label, n) == n - 1;
}

struct moment sim_now(const struct sim *sim) {
    return (struct moment){.wall_ms = sim->wall_ms, .monotonic_ms = sim->monotonic_ms};
}

/* ---- the server
 * ------------------------------------------------------------------------------------- */

static void log_line(void *context, const char *line) {
    sim_say(context, "server: %s", line);
}

void sim_start_server(struct sim *sim) {
    const struct random_source random = chance_random(&sim->chance);
    sim->config.log = log_line;
    sim->config.log_context = sim;
    sim_must(sim, server_new(&sim->config, &random, sim_now(sim), &sim->server), "server_new");
    require(sim->server != NULL);
    server_disk_free(sim->server, UINT64_C(1) << 40);
}

bool sim_run_batch(struct sim *sim) {
    struct store_batch *batch = server_take_batch(sim->server, sim_now(sim));
    if (batch == NULL) {
        return false;
    }
    batch->now_ms = sim->wall_ms;
    enum error result = sqlite_store_run(sim->disk, batch);
    sim_must(sim, result, "a batch");
    evil_batch(sim, batch);
    server_batch_done(sim->server, batch, result, sim_now(sim));
    link_collect(sim);
    return true;
}

static void cut_all(struct sim *sim, const char *cause) {
    for (size_t i = 0; i < sim->crowd; i++) {
        struct person *person = &sim->people[i];
        person->connection = 0;
        if (person->presence != AWAY) {
            link_cut(person, ERR_CONNECTION_LOST, cause);
        }
    }
}

static void stop_server(struct sim *sim) {
    struct store_batch *batch = server_take_batch(sim->server, sim_now(sim));
    if (batch != NULL && choose(&sim->chance, "batch survives", 2) == 1) {
        batch->now_ms = sim->wall_ms;
        sim_must(sim, sqlite_store_run(sim->disk, batch), "the last batch");
    }
    cut_all(sim, "the server is gone");
    server_free(sim->server);
    sim->server = NULL;
}

void sim_drop_server(struct sim *sim) {
    sim_say(sim, "server crashes and comes back");
    stop_server(sim);
    sim->tally.server_drops++;
    sim_start_server(sim);
}

void sim_end_limits(struct sim *sim) {
    const struct server_config usual = server_config_default();
    if (sim->config.mailbox_max_messages < usual.mailbox_max_messages ||
        sim->config.send_burst != ENDLESS_BURST) {
        sim->config.mailbox_max_messages = usual.mailbox_max_messages;
        sim->config.send_burst = ENDLESS_BURST;
        sim_drop_server(sim);
    }
}

/* ---- an older copy
 * ---------------------------------------------------------------------------------- */

/* Whether a copy of the database would know every account that there is. */
static bool are_all_registered(struct sim *sim) {
    struct account account;
    for (size_t i = 0; i < sim->crowd; i++) {
        if (account_load(&sim->people[i].real, &account) != OK || !account.is_registered) {
            return false;
        }
    }
    return true;
}

void sim_take_snapshot(struct sim *sim) {
    if (!are_all_registered(sim)) {
        return;
    }
    sqlite3_int64 size = 0;
    unsigned char *data = sqlite3_serialize(sim->disk->database, "main", &size, 0);
    require(data != NULL);
    buffer_reset(&sim->snapshot);
    sim_must(sim, buffer_append(&sim->snapshot, bytes_make(data, (size_t)size)), "a snapshot");
    sqlite3_free(data);
    sim->snapshot_ms = sim->wall_ms;
    sim_say(sim, "a copy of the server's database is made");
}

void sim_put_back(struct sim *sim, bool is_silent) {
    char cause[160];
    const struct random_source random = chance_random(&sim->chance);
    if (sim->snapshot.size == 0) {
        return;
    }
    sim_say(sim, "the server's database is put back, %llu hours old%s",
            (unsigned long long)((sim->wall_ms - sim->snapshot_ms) / HOUR_MS),
            is_silent ? ", and nobody is told" : "");
    stop_server(sim);
    sqlite_store_close(sim->disk);
    sim_must(sim, sqlite_store_open(":memory:", &random, &sim->disk, cause, sizeof(cause)),
             "a store");
    unsigned char *copy = sqlite3_malloc64(sim->snapshot.size);
    require(copy != NULL);
    memcpy(copy, sim->snapshot.data, sim->snapshot.size);
    int rc =
        sqlite3_deserialize(sim->disk->database, "main", copy, (sqlite3_int64)sim->snapshot.size,
                            (sqlite3_int64)sim->snapshot.size,
                            SQLITE_DESERIALIZE_FREEONCLOSE | SQLITE_DESERIALIZE_RESIZEABLE);
    require(rc == SQLITE_OK);
    sim_must(sim, schema_prepare(sim->disk, &random), "the copy");
    if (!is_silent) {
        sim_must(sim, random_fill(&random, sim->config.store_epoch, STORE_EPOCH_BYTES), "an epoch");
    }
    sim->was_restored = true;
    sim->was_lied_to = sim->was_lied_to || is_silent;
    sim->tally.restores++;
    sim_start_server(sim);
}

/* ---- the administrator
 * ------------------------------------------------------------------------------ */

static void admin_done(void *context, enum error result) {
    struct sim *sim = context;
    sim->admin_is_done = result == OK;
}

static void finish_admin(struct sim *sim, const char *what) {
    while (sim_run_batch(sim)) {
    }
    if (!sim->admin_is_done) {
        sim_complain(sim, "%s did not work", what);
    }
}

void sim_remove_account(struct sim *sim, const char *name) {
    struct user_name parsed;
    const struct admin_request request = {.context = sim, .done = admin_done};
    sim->admin_is_done = false;
    sim_must(sim, user_name_parse(bytes_of_string(name), &parsed), "a name");
    sim_must(sim, server_remove(sim->server, &parsed, request), "server_remove");
    finish_admin(sim, "removing an account");
}

void sim_invite(struct sim *sim, const uint8_t token[INVITE_TOKEN_BYTES]) {
    const struct bytes part = bytes_make(token, INVITE_TOKEN_BYTES);
    const struct admin_request request = {.context = sim, .done = admin_done};
    struct store_invite invite = {.expires_ms = sim->wall_ms + INVITE_LIFE_MS};
    sim->admin_is_done = false;
    sim_must(sim, sha256(&part, 1, invite.token_hash), "a token");
    sim_must(sim, server_invite(sim->server, &invite, request), "server_invite");
    finish_admin(sim, "making an invite");
}

/* ---- time
 * ------------------------------------------------------------------------------------------- */

static void pass(struct sim *sim, uint64_t ms) {
    sim->wall_ms += ms;
    sim->monotonic_ms += ms;
    if (sim->monotonic_ms >= server_deadline(sim->server)) {
        server_tick(sim->server, sim_now(sim));
        link_collect(sim);
    }
    for (size_t i = 0; i < sim->crowd; i++) {
        struct person *person = &sim->people[i];
        if (person->engine != NULL && sim->wall_ms >= engine_deadline(person->engine)) {
            engine_tick(person->engine, sim->wall_ms);
            person_attend(person);
        }
    }
}

static uint64_t next_deadline(const struct sim *sim) {
    uint64_t due = UINT64_MAX;
    for (size_t i = 0; i < sim->crowd; i++) {
        const struct person *person = &sim->people[i];
        if (person->engine != NULL && engine_deadline(person->engine) < due) {
            due = engine_deadline(person->engine);
        }
    }
    return due;
}

static bool is_anybody_there(const struct sim *sim) {
    bool is_there = false;
    for (size_t i = 0; i < sim->crowd; i++) {
        is_there = is_there || sim->people[i].engine != NULL;
    }
    return is_there;
}

static struct person *any_visitor(struct sim *sim) {
    for (size_t i = 0; i < sim->crowd; i++) {
        if (sim->people[i].presence == VISITING || sim->people[i].presence == WINDING) {
            return &sim->people[i];
        }
    }
    return NULL;
}

/* ---- what breaks
 * ------------------------------------------------------------------------------------ */

static void break_client(struct sim *sim, struct person *person) {
    if (person->engine == NULL) {
        return;
    }
    if (sim_happens(sim, "commit fails", sim->breakage.commit)) {
        sim->has_failed_commits = true;
        person->commit_fault = 1 + (int)choose(&sim->chance, "was carried out", 2);
    } else if (sim_happens(sim, "client dies", sim->breakage.client)) {
        if (choose(&sim->chance, "when", 2) == 0) {
            person->is_muted = true;
        } else {
            sim_say(sim, "%s dies", person->name);
            person->is_dying = true;
            person_attend(person);
        }
        sim->tally.client_drops++;
    } else if (sim_happens(sim, "link breaks", sim->breakage.link)) {
        sim->tally.cuts++;
        link_cut(person, ERR_CONNECTION_LOST, "cut");
    }
}

static void break_things(struct sim *sim) {
    struct person *person = &sim->people[choose(&sim->chance, "whose luck", (uint32_t)sim->crowd)];
    break_client(sim, person);
    if (sim_happens(sim, "server crashes", sim->breakage.server)) {
        sim_drop_server(sim);
    }
    if (sim->breakage.disk > 0) {
        bool is_low = choose(&sim->chance, "disk is full", sim->breakage.disk) == 1;
        server_disk_free(sim->server, is_low ? 0 : UINT64_C(1) << 40);
    }
}

/* ---- rounds
 * ----------------------------------------------------------------------------------------- */

/* Bytes move, in an order that chance gives; false when there was nothing to move. */
static bool round_of(struct sim *sim) {
    bool is_moving = false;
    size_t first = choose(&sim->chance, "first", (uint32_t)sim->crowd);
    for (size_t i = 0; i < sim->crowd; i++) {
        struct person *person = &sim->people[(first + i) % sim->crowd];
        bool waits = choose(&sim->chance, "waits", 8) == 7;
        if (waits && person->to_server.size > 0) {
            is_moving = true;
        } else {
            is_moving = link_move_to_server(person) || is_moving;
        }
    }
    is_moving = sim_run_batch(sim) || is_moving;
    for (size_t i = 0; i < sim->crowd; i++) {
        is_moving = link_move_to_client(&sim->people[(first + i) % sim->crowd]) || is_moving;
    }
    break_things(sim);
    pass(sim, 1 + choose(&sim->chance, "pause", 30));
    return is_moving;
}

void sim_pump(struct sim *sim) {
    uint64_t began_ms = sim->wall_ms;
    for (uint32_t i = 0; sim_is_sound(sim); i++) {
        if (round_of(sim)) {
            continue;
        }
        struct person *visitor = any_visitor(sim);
        if (visitor == NULL) {
            return;
        }
        uint64_t due = next_deadline(sim);
        if (due > sim->wall_ms && due - sim->wall_ms < QUIET_MS_MAX) {
            pass(sim, due - sim->wall_ms);
        } else if (due > sim->wall_ms) {
            sim_complain(sim, "%s waits and nothing moves", visitor->name);
        }
        if (i == ROUNDS_MAX || sim->wall_ms - began_ms > PATIENCE_MS) {
            sim_complain(sim, "%s never comes to rest", visitor->name);
        }
    }
}

static void keep_alive(struct sim *sim) {
    for (size_t i = 0; i < sim->crowd; i++) {
        struct person *person = &sim->people[i];
        if (person->engine != NULL && engine_phase(person->engine) == ENGINE_OPEN &&
            !person->is_asking) {
            person->is_asking = true;
            engine_ping(person->engine);
            person_attend(person);
        }
    }
}

/* Those who stay come back when their link broke. */
static void come_back(struct sim *sim) {
    for (size_t i = 0; i < sim->crowd; i++) {
        struct person *person = &sim->people[i];
        if (person->is_always && person->presence == AWAY) {
            person_visit(person, 0);
        }
    }
}

void sim_advance(struct sim *sim, uint64_t wall_ms) {
    while (sim_is_sound(sim) && sim->wall_ms < wall_ms) {
        if (!is_anybody_there(sim)) {
            pass(sim, wall_ms - sim->wall_ms);
            break;
        }
        uint64_t until = next_deadline(sim);
        until = until <= sim->wall_ms ? sim->wall_ms + 1 : until;
        until = until < wall_ms ? until : wall_ms;
        bool is_long = until - sim->wall_ms > QUIET_MS_MAX;
        pass(sim, is_long ? QUIET_MS_MAX : until - sim->wall_ms);
        if (is_long) {
            keep_alive(sim);
        }
        come_back(sim);
        sim_pump(sim);
    }
    come_back(sim);
    sim_pump(sim);
}

/* ---- beginning and end
 * ------------------------------------------------------------------------------ */

void sim_init(struct sim *sim, enum sim_kind kind, uint64_t seed, bool is_verbose) {
    char cause[160] = "";
    memset(sim, 0, sizeof(*sim));
    chance_init(&sim->chance, seed * KIND_COUNT + (uint64_t)kind);
    chance_own_openssl(&sim->chance);
    sim->kind = kind;
    sim->seed = seed;
    sim->is_verbose = is_verbose;
    sim->start_ms = UINT64_C(1790000000000);
    sim->wall_ms = sim->start_ms;
    sim->monotonic_ms = 1;
    buffer_init(&sim->snapshot, UINT64_C(1) << 30);
    const struct random_source random = chance_random(&sim->chance);
    sim_must(sim, sqlite_store_open(":memory:", &random, &sim->disk, cause, sizeof(cause)),
             "the server's store");
    require(sim->disk != NULL);
    sim->config = server_config_default();
    sim->config.max_clients = 2 * CROWD_MAX;
    sim->config.send_burst = ENDLESS_BURST;
    memcpy(sim->config.store_epoch, sqlite_store_epoch(sim->disk), STORE_EPOCH_BYTES);
}

void sim_clear(struct sim *sim) {
    for (size_t i = 0; i < sim->crowd; i++) {
        person_clear(&sim->people[i]);
    }
    server_free(sim->server);
    sqlite_store_close(sim->disk);
    buffer_clear(&sim->snapshot);
    evil_clear(sim);
    forger_clear(sim);
    free(sim->notes);
    free(sim->flights);
}
