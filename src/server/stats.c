/* SPDX-License-Identifier: ISC */
/* What is counted, for an administrator: no names, no addresses, no who to whom. */
#include "server/state.h"

#include <string.h>

static void count(const struct connection *connection, struct server_stats *stats) {
    switch (connection->phase) {
    case PHASE_LOGIN:
        stats->before_login++;
        break;
    case PHASE_RENEWAL:
        stats->renewing++;
        break;
    case PHASE_OPEN:
        stats->open++;
        break;
    case PHASE_CLOSING:
        stats->closing++;
        break;
    }
    stats->paused += connection->is_paused;
    stats->connection_bytes += connection->input.capacity + connection->output.capacity;
    stats->connection_bytes += connection->unsent;
}

void server_stats(const struct server *server, struct server_stats *stats) {
    *stats = (struct server_stats){
        .figures = server_figures(server),
        .acknowledged = server->figures.delivered,
        .expired = server->expired,
        .handed_over = server->handed_over,
        .logins = server->logins,
        .turned_away = server->turned_away,
        .held = server->held_count,
        .store_queue_bytes = server->queued_bytes,
        .is_disk_low = server->is_disk_low || server->is_disk_full,
    };
    memcpy(stats->refused, server->refused, sizeof(stats->refused));
    for (size_t i = 0; i < server->connection_slots; i++) {
        if (server->connections[i] != NULL) {
            count(server->connections[i], stats);
        }
    }
    for (size_t i = 0; i < FAILURE_SETS; i++) {
        for (size_t j = 0; j < FAILURE_WAYS; j++) {
            stats->addresses_failed += server->failures[i][j].is_used;
        }
    }
}
