/* SPDX-License-Identifier: ISC */
#include "server/state.h"

#include "base/require.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOG_LINE_BYTES = 200 };

struct server_config server_config_default(void) {
    return (struct server_config){
        .registration = WIRE_REGISTRATION_INVITE,
#define B(id, field, type, name, kind, least, most, standard) .field = (standard),
#include "server/bounds.def"
#undef B
    };
}

void server_log(const struct server *server, const char *format, ...) {
    char line[LOG_LINE_BYTES];
    va_list arguments;
    if (server->config.log == NULL) {
        return;
    }
    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    server->config.log(server->config.log_context, line);
}

void server_note(const struct server *server, enum server_event event, const uint8_t address[16]) {
    if (server->config.note != NULL) {
        server->config.note(server->config.log_context, event, address);
    }
}

must_check enum error server_new(const struct server_config *config,
                                 const struct random_source *random, struct moment now,
                                 struct server **server) {
    enum error error = ERR_MEMORY;
    require(server_config_fault(config) == NULL);
    *server = NULL;
    struct server *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return ERR_MEMORY;
    }
    made->config = *config;
    made->random = *random;
    made->now = now;
    made->clock_offset = (int64_t)(now.wall_ms - now.monotonic_ms);
    made->tick_ms = now.monotonic_ms;
    made->dirty_end = &made->dirty;
    made->stalled_end = &made->stalled;
    made->queue.end = &made->queue.first;
    made->reads.end = &made->reads.first;
    made->memory.epoch = 1;
    made->memory.since_ms = now.monotonic_ms;
    made->connection_slots = limits_connection_slots(config);
    made->connections = calloc(made->connection_slots, sizeof(struct connection *));
    if (made->connections == NULL) {
        goto failed;
    }
    error = random_fill(random, &made->seed, sizeof(made->seed));
    if (error != OK) {
        goto failed;
    }
    *server = made;
    return OK;

failed:
    free(made->connections);
    free(made);
    return error;
}

void server_free(struct server *server) {
    if (server == NULL) {
        return;
    }
    early_free(server);
    queue_free(server);
    for (size_t i = 0; i < server->connection_slots; i++) {
        if (server->connections[i] != NULL) {
            connection_free(server, server->connections[i]);
        }
    }
    mailboxes_free(server);
    free(server->memory.keys);
    free(server->connections);
    free(server);
}

void server_set_now(struct server *server, struct moment now) {
    connection_give_up_handed(server);
    server->now = now;
    if (!server->is_in_round) {
        server->is_in_round = true;
        server->round_ms = now.monotonic_ms;
    }
}

void server_tick(struct server *server, struct moment now) {
    server_set_now(server, now);
    if (server->is_failed) {
        server->tick_ms = now.monotonic_ms + TICK_MS;
        return;
    }
    early_tick(server);
    if (now.monotonic_ms < server->tick_ms) {
        return;
    }
    server->tick_ms = now.monotonic_ms + TICK_MS;
    if (now.monotonic_ms - server->memory.since_ms >= DAY_MS) {
        memory_forget(server);
    }
    for (size_t i = 0; i < server->connection_slots; i++) {
        if (server->connections[i] != NULL) {
            connection_tick(server, server->connections[i]);
        }
    }
    expire_tick(server);
    if (server->held != NULL && server->batch == NULL) {
        queue_retry_held(server);
    }
    if (server->is_disk_full && server->held == NULL && !server->is_disk_low) {
        server->is_disk_full = false;
        server_log(server, "there is space on the disk again: taking new messages");
    }
}

uint64_t server_deadline(const struct server *server) {
    uint64_t early_ms = early_deadline(server);
    return early_ms < server->tick_ms && !server->is_failed ? early_ms : server->tick_ms;
}

void server_disk_free(struct server *server, uint64_t bytes) {
    bool is_low = bytes < server->config.min_free_bytes;
    if (is_low != server->is_disk_low) {
        server->is_disk_low = is_low;
        server_log(server,
                   is_low ? "the disk is nearly full: refusing new messages, delivering stored ones"
                          : "there is space on the disk again: taking new messages");
    }
}

void server_announce_key(struct server *server, const uint8_t *next_key, uint64_t when_ms,
                         struct moment now) {
    static const uint8_t NONE[HASH_BYTES];
    server_set_now(server, now);
    server->has_next_key = next_key != NULL;
    memcpy(server->next_key, next_key == NULL ? NONE : next_key, sizeof(server->next_key));
    server->next_key_ms = next_key == NULL ? 0 : when_ms;
    server->announced_ms = now.monotonic_ms;
}

void server_end_answered(struct server *server) {
    for (size_t i = 0; i < server->connection_slots; i++) {
        struct connection *connection = server->connections[i];
        if (connection != NULL && connection->in_flight == 0) {
            connection_fail(server, connection, 0, server->shut_down_error, 0, "");
        }
    }
}

void server_shut_down(struct server *server, enum error error, struct moment now) {
    server_set_now(server, now);
    server->is_shutting_down = true;
    server->shut_down_error = error;
    server_end_answered(server);
}

struct server_figures server_figures(const struct server *server) {
    struct server_figures figures = server->figures;
    figures.connections = server->connection_count;
    figures.logged_in = server->logged_in;
    figures.mailboxes = server->mailbox_count;
    figures.queued = server->queued;
    return figures;
}
