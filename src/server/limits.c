/* SPDX-License-Identifier: ISC */
/* The bounds of a server: what each may be, and how they change while it runs. */
#include "server/state.h"

#include "base/require.h"

#include <stdlib.h>
#include <string.h>

/* Beside those that are in and those before login, some that are on their way out. */
size_t limits_connection_slots(const struct server_config *config) {
    return config->max_clients + 2 * config->before_login_max;
}

const char *server_config_fault(const struct server_config *config) {
    const struct {
        const char *name;
        uint64_t value;
        uint64_t least;
        uint64_t most;
    } ranges[] = {
#define B(id, field, type, name, kind, least, most, standard) {name, config->field, least, most},
#include "server/bounds.def"
#undef B
    };
    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        if (ranges[i].value < ranges[i].least || ranges[i].value > ranges[i].most) {
            return ranges[i].name;
        }
    }
    return NULL;
}

/* The table of connections only grows: numbers of those that stand name places in it. */
static enum error make_room(struct server *server, size_t slots) {
    if (slots <= server->connection_slots) {
        return OK;
    }
    struct connection **connections =
        realloc(server->connections, slots * sizeof(struct connection *));
    if (connections == NULL) {
        return ERR_MEMORY;
    }
    for (size_t i = server->connection_slots; i < slots; i++) {
        connections[i] = NULL;
    }
    server->connections = connections;
    server->connection_slots = slots;
    return OK;
}

must_check enum error server_set_limits(struct server *server, const struct server_config *config,
                                        struct moment now) {
    server_set_now(server, now);
    if (server_config_fault(config) != NULL) {
        return ERR_LIMIT;
    }
    enum error error = make_room(server, limits_connection_slots(config));
    if (error != OK) {
        return error;
    }
    struct server_config taken = *config;
    memcpy(taken.store_epoch, server->config.store_epoch, sizeof(taken.store_epoch));
    taken.log = server->config.log;
    taken.note = server->config.note;
    taken.log_context = server->config.log_context;
    server->config = taken;
    for (size_t i = 0; i < server->connection_slots; i++) {
        if (server->connections[i] != NULL) {
            struct buffer *output = &server->connections[i]->output;
            output->cap =
                output->size > taken.unsent_max_bytes ? output->size : taken.unsent_max_bytes;
        }
    }
    server->is_resume_due = true; /* who waited for a bound may go on under a wider one */
    return OK;
}
