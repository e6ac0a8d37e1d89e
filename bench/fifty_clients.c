/* SPDX-License-Identifier: ISC */
/* Many clients at once, each connected, each sending to the next one at a steady pace, each
 * receiving: how long from handing a text to the client's engine until it is committed in the
 * recipient's store. The real engine, store, TLS and server; one process, so that one clock
 * measures both ends.
 *
 *   fifty-clients ROUNDS EVERY_MS (HOME NAME)...
 *
 * Prints a line of microseconds for each message, those of each sender in the order of sending. */
#include "base/require.h"
#include "client/engine.h"
#include "client/store/key_file.h"
#include "client/store/sqlcipher.h"
#include "crypto/entropy.h"
#include "net/client.h"
#include "platform/clock.h"
#include "platform/files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct bench;

struct client {
    struct bench *bench;
    size_t index;
    struct sqlcipher_store *store;
    struct engine *engine;
    struct net_client *net;
    uv_timer_t timer;
    struct user_name name;
    uint64_t cursor;
    uint32_t sent;
    uint64_t *begun_ns; /* by round */
    uint64_t *took_ns;
};

struct bench {
    uv_loop_t loop;
    struct client *clients;
    size_t count;
    uint32_t rounds;
    uint64_t every_ms;
    uint64_t missing;
    size_t ready;
};

static uint64_t now_ms(void) {
    const struct clock clock = clock_system();
    return clock.wall_ms(clock.context);
}

/* What is in the store now has been committed: the engine ends each event with a commit. */
static void take_committed(struct client *client) {
    const struct client_store *store = sqlcipher_store_functions(client->store);
    for (;;) {
        struct incoming message;
        struct buffer text;
        char words[64] = "";
        buffer_init(&text, TEXT_MAX_BYTES);
        enum error error = store->incoming_next(store->context, client->cursor, &message, &text);
        if (error == OK) {
            memcpy(words, text.data, text.size < sizeof(words) - 1 ? text.size : sizeof(words) - 1);
        }
        buffer_clear(&text);
        if (error != OK) {
            return;
        }
        client->cursor = message.place;
        char *rest = NULL;
        size_t sender = strtoul(words, &rest, 10);
        size_t round = strtoul(rest, NULL, 10);
        require(sender < client->bench->count && round < client->bench->rounds);
        struct client *from = &client->bench->clients[sender];
        from->took_ns[round] = uv_hrtime() - from->begun_ns[round];
        client->bench->missing--;
    }
}

static void send_one(uv_timer_t *timer) {
    struct client *client = timer->data;
    const struct bench *bench = client->bench;
    char text[64];
    size_t number = 0;
    int size = snprintf(text, sizeof(text), "%zu %u", client->index, client->sent);
    const struct submission submission = {
        .to = bench->clients[(client->index + 1) % bench->count].name,
        .text = bytes_make(text, (size_t)size)};
    client->begun_ns[client->sent++] = uv_hrtime();
    require(engine_submit(client->engine, now_ms(), &submission, &number) == OK);
    if (client->sent == bench->rounds) {
        uv_timer_stop(timer);
    }
}

/* Everybody is connected and has published: begin, spread over the interval. */
static void begin(struct bench *bench) {
    for (size_t i = 0; i < bench->count; i++) {
        struct client *client = &bench->clients[i];
        uint64_t phase = 1 + i * bench->every_ms / bench->count;
        require(uv_timer_start(&client->timer, send_one, phase, bench->every_ms) == 0);
    }
}

static void on_connected(void *context, const uint8_t exporter[EXPORTER_BYTES],
                         const uint8_t spki_hash[SPKI_HASH_BYTES]) {
    struct client *client = context;
    (void)spki_hash;
    engine_connected(client->engine, now_ms(), exporter);
}

static void on_received(void *context, struct bytes bytes) {
    struct client *client = context;
    bool was_ready = engine_is_caught_up(client->engine);
    engine_received(client->engine, now_ms(), bytes);
    if (!was_ready && engine_is_caught_up(client->engine) &&
        ++client->bench->ready == client->bench->count) {
        begin(client->bench);
    }
    take_committed(client);
    if (client->bench->missing == 0) {
        uv_stop(&client->bench->loop);
    }
}

static void on_closed(void *context, enum error error, const char *cause,
                      const uint8_t spki_hash[SPKI_HASH_BYTES]) {
    (void)context;
    (void)spki_hash;
    fprintf(stderr, "fifty-clients: a connection ended: %s (%s)\n", error_code(error), cause);
    exit(1);
}

static void on_write(void *context, struct bytes frames) {
    struct client *client = context;
    require(net_client_write(client->net, frames) == OK);
}

static void on_notice(void *context, const struct engine_notice *notice) {
    (void)context;
    fprintf(stderr, "fifty-clients: %s\n", error_code(notice->error));
}

static void open_store(struct client *client, const char *home) {
    char path[PATH_MAX_BYTES];
    struct secret_32 key;
    struct buffer file;
    unsigned mode = 0;
    buffer_init(&file, KEY_FILE_MAX_BYTES);
    require(path_join(home, "data/default/store.key", path, sizeof(path)) == OK);
    require(file_read_private(path, &file, &mode) == OK);
    require(key_file_open(buffer_view(&file), (struct bytes){0}, &key) == OK);
    buffer_clear(&file);
    require(path_join(home, "data/default/store.db", path, sizeof(path)) == OK);
    require(sqlcipher_store_open(path, &key, false, &client->store) == OK);
    require(sqlcipher_store_own(client->store) == OK);
    secret_32_clear(&key);
}

static void start_client(struct client *client, const char *home, const char *name) {
    const struct entropy entropy = entropy_system();
    const struct engine_events events = {.context = client, .write = on_write, .notice = on_notice};
    const struct net_client_events net = {
        .context = client, .connected = on_connected, .received = on_received, .closed = on_closed};
    require(user_name_parse(bytes_of_string(name), &client->name) == OK);
    open_store(client, home);
    require(engine_new(sqlcipher_store_functions(client->store), &entropy, &events,
                       &client->engine) == OK);
    engine_fetch(client->engine);
    const struct account *account = engine_account(client->engine);
    struct server_pin pin = {.bits = account->server_bits};
    memcpy(pin.hash, account->server_hash, sizeof(pin.hash));
    client->timer.data = client;
    require(uv_timer_init(&client->bench->loop, &client->timer) == 0);
    client->begun_ns = calloc(client->bench->rounds, sizeof(*client->begun_ns));
    client->took_ns = calloc(client->bench->rounds, sizeof(*client->took_ns));
    require(client->begun_ns != NULL && client->took_ns != NULL);
    require(net_client_connect(&client->bench->loop, account->server.host, account->server.port,
                               &pin, CLIENT_TIMEOUT_MS, &net, &client->net) == OK);
}

int main(int argc, char **argv) {
    static struct bench bench;
    if (argc < 7 || argc % 2 == 0) {
        fprintf(stderr,
                "Usage: fifty-clients ROUNDS EVERY_MS (HOME NAME)...   (two clients or more)\n");
        return 2;
    }
    bench.rounds = (uint32_t)strtoul(argv[1], NULL, 10);
    bench.every_ms = strtoul(argv[2], NULL, 10);
    bench.count = (size_t)(argc - 3) / 2;
    bench.missing = (uint64_t)bench.rounds * bench.count;
    bench.clients = calloc(bench.count, sizeof(*bench.clients));
    require(bench.clients != NULL && bench.rounds > 0 && bench.every_ms > 0);
    require(uv_loop_init(&bench.loop) == 0);
    for (size_t i = 0; i < bench.count; i++) {
        bench.clients[i].bench = &bench;
        bench.clients[i].index = i;
        start_client(&bench.clients[i], argv[3 + 2 * i], argv[4 + 2 * i]);
    }
    (void)uv_run(&bench.loop, UV_RUN_DEFAULT);
    for (size_t i = 0; i < bench.count; i++) {
        for (uint32_t round = 0; round < bench.rounds; round++) {
            printf("%llu\n", (unsigned long long)(bench.clients[i].took_ns[round] / 1000));
        }
    }
    return 0;
}
