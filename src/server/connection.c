/* SPDX-License-Identifier: ISC */
/* A peer: bytes in, frames, the end. */
#include "server/state.h"

#include "base/require.h"

#include <stdlib.h>
#include <string.h>

typedef void receive_function(struct server *, struct connection *, const struct wire_frame *);

struct connection *connection_find(struct server *server, uint64_t number) {
    size_t index = (size_t)(number & ((UINT64_C(1) << CONNECTION_INDEX_BITS) - 1));
    if (number == 0 || index >= server->connection_slots || server->connections[index] == NULL ||
        server->connections[index]->number != number) {
        return NULL;
    }
    return server->connections[index];
}

/* --- among those before login
 * ------------------------------------------------------------------------ */

static void enter_login(struct server *server, struct connection *connection) {
    connection->before = server->login_newest;
    *(server->login_newest == NULL ? &server->login_oldest : &server->login_newest->after) =
        connection;
    server->login_newest = connection;
    server->login_count++;
}

void connection_leave_login(struct server *server, struct connection *connection) {
    *(connection->before == NULL ? &server->login_oldest : &connection->before->after) =
        connection->after;
    *(connection->after == NULL ? &server->login_newest : &connection->after->before) =
        connection->before;
    connection->before = NULL;
    connection->after = NULL;
    server->login_count--;
}

static size_t count_from_address(const struct server *server, const uint8_t address[16]) {
    size_t count = 0;
    for (const struct connection *c = server->login_oldest; c != NULL; c = c->after) {
        count += memcmp(c->address, address, sizeof(c->address)) == 0;
    }
    return count;
}

static void turned_away(struct server *server, const uint8_t address[16]) {
    server->turned_away++;
    server_note(server, EVENT_TURNED_AWAY, address);
}

/* The oldest that has said nothing, or the oldest at all; one whose login is being looked up stays.
 */
static void drop_oldest_silent(struct server *server) {
    struct connection *oldest = NULL;
    for (struct connection *c = server->login_oldest; c != NULL; c = c->after) {
        if (!c->is_login_pending &&
            (oldest == NULL || (oldest->is_established && !c->is_established))) {
            oldest = c;
        }
    }
    if (oldest != NULL) {
        turned_away(server, oldest->address);
        if (oldest->is_established) {
            connection_fail(server, oldest, 0, ERR_SERVER_FULL, SERVER_FULL_RETRY_S, "");
        } else {
            connection_end(server, oldest);
        }
    }
}

/* --- coming and going
 * -------------------------------------------------------------------------------- */

static bool find_slot(struct server *server, size_t *index) {
    for (size_t i = 0; i < server->connection_slots; i++) {
        if (server->connections[i] == NULL) {
            *index = i;
            return true;
        }
    }
    return false;
}

must_check enum error server_open(struct server *server, const uint8_t address[16], bool is_v4,
                                  void *data, struct moment now, uint64_t *connection) {
    uint8_t key[16];
    size_t index;
    server_set_now(server, now);
    *connection = 0;
    memcpy(key, address, sizeof(key));
    if (!is_v4) {
        memset(key + 8, 0, 8);
    }
    if (server->is_failed || server->is_shutting_down ||
        count_from_address(server, key) >= server->config.before_login_per_address_max) {
        turned_away(server, key);
        return ERR_LIMIT;
    }
    if (server->login_count >= server->config.before_login_max) {
        drop_oldest_silent(server);
    }
    if (server->login_count >= server->config.before_login_max || !find_slot(server, &index)) {
        turned_away(server, key);
        return ERR_LIMIT;
    }
    struct connection *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return ERR_MEMORY;
    }
    made->number = (++server->connection_sequence << CONNECTION_INDEX_BITS) | index;
    made->data = data;
    made->phase = PHASE_LOGIN;
    memcpy(made->address, key, sizeof(key));
    made->opened_ms = now.monotonic_ms;
    made->heard_ms = now.monotonic_ms;
    buffer_init(&made->input, INPUT_LOGIN_MAX_BYTES);
    buffer_init(&made->output, server->config.unsent_max_bytes);
    server->connections[index] = made;
    server->connection_count++;
    enter_login(server, made);
    *connection = made->number;
    return OK;
}

void server_established(struct server *server, uint64_t number, const uint8_t exporter[32],
                        struct moment now) {
    struct connection *connection = connection_find(server, number);
    server_set_now(server, now);
    if (connection != NULL) {
        memcpy(connection->exporter, exporter, sizeof(connection->exporter));
        connection->is_established = true;
    }
}

static void unlink_stalled(struct server *server, struct connection *connection) {
    for (struct connection **at = &server->stalled; *at != NULL; at = &(*at)->next_stalled) {
        if (*at == connection) {
            *at = connection->next_stalled;
            if (*at == NULL) {
                server->stalled_end = at;
            }
            return;
        }
    }
}

/* Gives up everything except the number, which answers under way may still name. */
static void leave(struct server *server, struct connection *connection) {
    if (connection->phase == PHASE_CLOSING) {
        return;
    }
    if (connection->phase == PHASE_LOGIN) {
        connection_leave_login(server, connection);
    }
    delivery_end(server, connection);
    login_leave(server, connection);
    connection->phase = PHASE_CLOSING;
}

void connection_end(struct server *server, struct connection *connection) {
    if (connection->phase != PHASE_CLOSING) {
        leave(server, connection);
        connection_mark_dirty(server, connection);
    }
}

void connection_starve(struct server *server, struct connection *connection) {
    if (connection->phase != PHASE_CLOSING) {
        server_note(server, EVENT_NO_MEMORY, connection->address);
        connection_end(server, connection);
    }
}

void connection_fail(struct server *server, struct connection *connection, uint32_t request,
                     enum error error, uint32_t retry_s, const char *detail) {
    if (connection->phase != PHASE_CLOSING) {
        if (error == ERR_PROTOCOL_ERROR) {
            server_note(server, EVENT_PROTOCOL_BROKEN, connection->address);
        }
        connection_refuse(server, connection, request, error, retry_s, detail);
        connection_end(server, connection);
    }
}

void connection_free(struct server *server, struct connection *connection) {
    leave(server, connection);
    connection_forget_output(server, connection);
    if (connection->is_stalled) {
        unlink_stalled(server, connection);
    }
    server->connections[connection->number & ((UINT64_C(1) << CONNECTION_INDEX_BITS) - 1)] = NULL;
    server->connection_count--;
    buffer_clear(&connection->input);
    buffer_clear(&connection->output);
    free(connection);
}

void server_closed(struct server *server, uint64_t number, struct moment now) {
    struct connection *connection = connection_find(server, number);
    server_set_now(server, now);
    if (connection != NULL) {
        connection_free(server, connection);
    }
}

/* --- input
 * -------------------------------------------------------------------------------------------- */

static receive_function *const RECEIVE[] = {
    [WIRE_LOGIN] = login_receive,       [WIRE_REGISTER] = register_receive,
    [WIRE_PUBLISH] = publish_receive,   [WIRE_GET_CERTIFICATE] = certificate_receive,
    [WIRE_GET_BUNDLE] = bundle_receive, [WIRE_LIST_USERS] = users_receive,
    [WIRE_SEND] = send_receive,         [WIRE_FETCH] = fetch_receive,
    [WIRE_ACK] = ack_receive,           [WIRE_RENEW] = renew_receive,
    [WIRE_LEAVE] = leave_receive,
};

static enum wire_state state_of(const struct connection *connection) {
    return connection->phase == PHASE_LOGIN ? WIRE_STATE_LOGIN : WIRE_STATE_OPEN;
}

/* Whether another frame may be begun. */
static bool can_take(const struct server *server, const struct connection *connection) {
    return connection->phase != PHASE_CLOSING && !server->is_shutting_down &&
           !connection->is_login_pending && !connection->is_renewing && !connection->is_leaving &&
           !queue_is_full(server) &&
           connection->in_flight < server->config.requests_in_flight_max &&
           connection->heavy < HEAVY_IN_FLIGHT_MAX &&
           connection->unsent + connection->output.size < OUTPUT_HIGH_BYTES;
}

static void receive_ping(struct server *server, struct connection *connection,
                         const struct wire_frame *frame) {
    if (wire_read_empty(frame->body) != OK) {
        connection_fail(server, connection, 0, ERR_PROTOCOL_ERROR, 0, "malformed message");
        return;
    }
    connection_wrote(server, connection,
                     wire_write_empty(&connection->output, WIRE_DONE, frame->request));
}

static void take_frame(struct server *server, struct connection *connection,
                       const struct wire_frame *frame) {
    if (!wire_allowed(state_of(connection), WIRE_TO_SERVER, frame->type) ||
        (connection->phase == PHASE_RENEWAL && frame->type != WIRE_RENEW)) {
        connection_fail(server, connection, 0, ERR_PROTOCOL_ERROR, 0, "message not allowed here");
        return;
    }
    if (frame->request <= connection->last_request) {
        connection_fail(server, connection, 0, ERR_PROTOCOL_ERROR, 0,
                        "request number out of order");
        return;
    }
    connection->last_request = frame->request;
    if (frame->type == WIRE_PING) {
        receive_ping(server, connection, frame);
    } else {
        require(frame->type < sizeof(RECEIVE) / sizeof(RECEIVE[0]) && RECEIVE[frame->type] != NULL);
        RECEIVE[frame->type](server, connection, frame);
    }
}

/* Takes whole frames from the front of the input; the number of bytes taken. `*unfinished`: the
 * rest is the beginning of one. */
static size_t take_frames(struct server *server, struct connection *connection, bool *unfinished) {
    size_t at = 0;
    *unfinished = false;
    while (can_take(server, connection)) {
        struct wire_frame frame;
        size_t used;
        struct bytes rest = bytes_make(connection->input.data + at, connection->input.size - at);
        enum error error =
            rest.size == 0
                ? ERR_WAIT
                : wire_frame_cut(rest, wire_frame_max(state_of(connection), WIRE_TO_SERVER), &frame,
                                 &used);
        if (error == ERR_WAIT) {
            *unfinished = rest.size > 0;
            break;
        }
        if (error != OK) {
            connection_fail(server, connection, 0, ERR_PROTOCOL_ERROR, 0,
                            error == ERR_LIMIT ? "message too long" : "malformed message");
            break;
        }
        take_frame(server, connection, &frame);
        at += used;
    }
    return at;
}

static void stall(struct server *server, struct connection *connection) {
    if (!connection->is_stalled) {
        connection->is_stalled = true;
        connection->next_stalled = NULL;
        *server->stalled_end = connection;
        server->stalled_end = &connection->next_stalled;
    }
}

static void process(struct server *server, struct connection *connection) {
    bool unfinished;
    size_t taken = take_frames(server, connection, &unfinished);
    if (connection->phase == PHASE_CLOSING) {
        buffer_clear(&connection->input);
        return;
    }
    buffer_consume(&connection->input, taken);
    if (connection->input.size == 0 && connection->input.capacity > 4096) {
        buffer_clear(&connection->input);
    }
    if (!unfinished) {
        connection->frame_ms = 0;
    } else if (connection->frame_ms == 0 || taken > 0) {
        connection->frame_ms = server->now.monotonic_ms;
    }
    bool pause = !can_take(server, connection);
    if (pause) {
        stall(server, connection);
    }
    if (pause != connection->is_paused) {
        connection->is_paused = pause;
        connection_mark_dirty(server, connection);
    }
}

void server_receive(struct server *server, uint64_t number, struct bytes bytes, struct moment now) {
    struct connection *connection = connection_find(server, number);
    server_set_now(server, now);
    if (connection == NULL || connection->phase == PHASE_CLOSING || server->is_failed ||
        bytes.size == 0) {
        return;
    }
    connection->heard_ms = now.monotonic_ms;
    enum error error = buffer_append(&connection->input, bytes);
    if (error == ERR_LIMIT) {
        connection_fail(server, connection, 0, ERR_PROTOCOL_ERROR, 0, "too much at once");
    } else if (error != OK) {
        connection_starve(server, connection);
    } else {
        process(server, connection);
    }
}

void connection_resume_stalled(struct server *server) {
    struct connection *first = server->stalled;
    server->stalled = NULL;
    server->stalled_end = &server->stalled;
    while (first != NULL) {
        struct connection *connection = first;
        first = connection->next_stalled;
        connection->is_stalled = false;
        if (connection->phase != PHASE_CLOSING) {
            process(server, connection);
        }
    }
}

struct connection *connection_answered(struct server *server, const struct store_op *op) {
    struct connection *connection = connection_find(server, op->connection);
    if (connection == NULL || connection->phase == PHASE_CLOSING) {
        return NULL;
    }
    require(connection->in_flight > 0);
    connection->in_flight--;
    return connection;
}

/* --- time
 * --------------------------------------------------------------------------------------------- */

/* Who stays for months would not hear that the server's key changes: only WELCOME says it. */
static bool is_owed_news(const struct server *server, const struct connection *connection) {
    uint64_t wait_ms = KEY_NEWS_MS + connection->number % KEY_NEWS_SPREAD * SECOND_MS;
    return server->has_next_key && !connection->knows_next_key && connection->in_flight == 0 &&
           server->now.monotonic_ms - server->announced_ms >= wait_ms;
}

void connection_tick(struct server *server, struct connection *connection) {
    uint64_t now_ms = server->now.monotonic_ms;
    if (connection->phase == PHASE_CLOSING) {
        return;
    }
    if (connection->phase == PHASE_LOGIN) {
        if (now_ms - connection->opened_ms >= LOGIN_TIMEOUT_MS && !connection->is_login_pending) {
            connection_fail(server, connection, 0, ERR_LOGIN_TIMEOUT, 0, "");
        }
    } else if (connection->phase == PHASE_RENEWAL && !connection->is_renewing &&
               now_ms - connection->opened_ms >= FRAME_TIMEOUT_MS) {
        connection_fail(server, connection, 0, ERR_LOGIN_TIMEOUT, 0, "");
    } else if (connection->frame_ms != 0 && now_ms - connection->frame_ms >= FRAME_TIMEOUT_MS) {
        connection_fail(server, connection, 0, ERR_PROTOCOL_ERROR, 0,
                        "message not finished in time");
    } else if (is_owed_news(server, connection)) {
        connection_fail(server, connection, 0, ERR_SHUTTING_DOWN, RETRY_SOON_S, "");
    } else if (connection->unsent_ms != 0 && now_ms - connection->unsent_ms >= IDLE_TIMEOUT_MS) {
        server_note(server, EVENT_NOT_READING, connection->address);
        connection_end(server, connection);
    } else if (now_ms - connection->heard_ms >= IDLE_TIMEOUT_MS) {
        connection_end(server, connection);
    } else if (connection->phase == PHASE_OPEN) {
        login_note_day(server, connection->mailbox);
    }
}
