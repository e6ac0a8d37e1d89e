/* SPDX-License-Identifier: ISC */
/* What goes out to peers: whom something waits for, until it has left. */
#include "server/state.h"

/* --- whom something waits for -------------------------------------------------------------- */

void connection_mark_dirty(struct server *server, struct connection *connection) {
    if (!connection->is_dirty) {
        connection->is_dirty = true;
        connection->next_dirty = NULL;
        *server->dirty_end = connection;
        server->dirty_end = &connection->next_dirty;
    }
}

static void unlink_dirty(struct server *server, struct connection *connection) {
    for (struct connection **at = &server->dirty; *at != NULL; at = &(*at)->next_dirty) {
        if (*at == connection) {
            *at = connection->next_dirty;
            if (*at == NULL) {
                server->dirty_end = at;
            }
            return;
        }
    }
}

void connection_forget_output(struct server *server, struct connection *connection) {
    if (connection->is_dirty) {
        unlink_dirty(server, connection);
    }
    if (server->handed == connection) {
        server->handed = NULL;
    }
}

/* --- what it is ---------------------------------------------------------------------------- */

void connection_wrote(struct server *server, struct connection *connection, enum error error) {
    if (error == ERR_MEMORY) {
        connection_starve(server, connection);
    } else if (error != OK) {
        server_note(server, EVENT_NOT_READING, connection->address);
        connection_end(server, connection);
    } else {
        connection_mark_dirty(server, connection);
    }
}

void connection_refuse(struct server *server, struct connection *connection, uint32_t request,
                       enum error error, uint32_t retry_s, const char *detail) {
    const uint16_t number = error_number(error);
    server->refused[number < REFUSALS_MAX ? number : 0]++;
    const struct wire_error message = {
        .error = error, .retry_after_s = retry_s, .detail = bytes_of_string(detail)};
    connection_wrote(server, connection, wire_write_error(&connection->output, request, &message));
}

/* --- given away, and gone ------------------------------------------------------------------ */

void connection_give_up_handed(struct server *server) {
    if (server->handed != NULL) {
        struct connection *connection = server->handed;
        server->handed = NULL;
        if (connection->output.capacity > 4096) {
            buffer_clear(&connection->output);
        } else {
            buffer_reset(&connection->output);
        }
    }
}

bool server_next_output(struct server *server, struct server_output *output) {
    connection_give_up_handed(server);
    if (server->is_resume_due) {
        server->is_resume_due = false;
        connection_resume_stalled(server);
    }
    struct connection *connection = server->is_failed ? NULL : server->dirty;
    if (connection == NULL) {
        return false;
    }
    server->dirty = connection->next_dirty;
    if (server->dirty == NULL) {
        server->dirty_end = &server->dirty;
    }
    connection->is_dirty = false;
    *output = (struct server_output){
        .connection = connection->number,
        .data = connection->data,
        .bytes = buffer_view(&connection->output),
        .pause = connection->is_paused,
        .close = connection->phase == PHASE_CLOSING,
    };
    if (connection->unsent == 0 && connection->output.size > 0) {
        connection->unsent_ms = server->now.monotonic_ms;
    }
    connection->unsent += connection->output.size;
    server->handed = connection;
    return true;
}

void server_drained(struct server *server, uint64_t number, struct moment now) {
    struct connection *connection = connection_find(server, number);
    server_set_now(server, now);
    if (connection == NULL) {
        return;
    }
    connection->unsent = 0;
    connection->unsent_ms = 0;
    if (connection->phase == PHASE_OPEN) {
        delivery_continue(server, connection);
    }
    if (connection->is_stalled) {
        connection_resume_stalled(server);
    }
}
