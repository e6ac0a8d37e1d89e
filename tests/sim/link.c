/* SPDX-License-Identifier: ISC */
/* The links between people and their server: bytes in both directions, and what the log says of
 * them. */
#include "sim.h"

#include <stdio.h>
#include <string.h>

enum { PIECE_MAX_BYTES = 64 * 1024 };

/* ---- what a verbose world tells
 * --------------------------------------------------------------------- */

static void describe(struct bytes envelope, char *out, size_t size) {
    static const char *const NAMES[] = {"INITIAL", "FULL", "COMPACT"};
    enum envelope_type type;
    uint8_t sid[SESSION_ID_BYTES];
    if (envelope_inspect(envelope, &type, sid) != OK) {
        snprintf(out, size, "junk");
        return;
    }
    snprintf(out, size, "%s of session %02x%02x%02x", NAMES[type - ENVELOPE_INITIAL], sid[0],
             sid[1], sid[2]);
}

static void tell_error(struct person *person, struct bytes body) {
    struct wire_error message;
    if (wire_read_error(body, &message) == OK) {
        sim_say(person->sim, "%s <- error %s", person->name, error_code(message.error));
    }
}

static void look_at_send(struct person *person, struct bytes body) {
    struct sim *sim = person->sim;
    struct wire_send message;
    char text[64];
    struct user_name from = person_name(person);
    if (wire_read_send(body, &message) != OK) {
        sim_complain(sim, "%s sends a message that nobody can read", person->name);
        return;
    }
    describe(message.envelope, text, sizeof(text));
    sim_say(sim, "%s -> %s: %s", person->name, message.to.text, text);
    ledger_flight(sim, &from, &message.to, message.envelope);
}

static void look_at_delivery(struct person *person, struct bytes body) {
    struct wire_deliver message;
    char text[64];
    if (person->sim->is_verbose && wire_read_deliver(body, &message) == OK) {
        describe(message.envelope, text, sizeof(text));
        sim_say(person->sim, "%s <- %s: %s", person->name, message.from.text, text);
    }
}

static const char *request_name(uint8_t type) {
    switch (type) {
    case WIRE_REGISTER:
        return "registers";
    case WIRE_PUBLISH:
        return "publishes prekeys";
    case WIRE_RENEW:
        return "renews the certificate";
    case WIRE_GET_BUNDLE:
        return "asks for a bundle";
    default:
        return NULL;
    }
}

static void look(struct person *person, struct bytes frames, bool is_out) {
    struct wire_frame frame;
    size_t used;
    size_t at = 0;
    while (wire_frame_cut(bytes_make(frames.data + at, frames.size - at), FRAME_MAX_BYTES, &frame,
                          &used) == OK) {
        at += used;
        if (is_out && frame.type == WIRE_SEND) {
            look_at_send(person, frame.body);
        } else if (is_out && request_name(frame.type) != NULL) {
            sim_say(person->sim, "%s %s", person->name, request_name(frame.type));
        } else if (!is_out && frame.type == WIRE_DELIVER) {
            look_at_delivery(person, frame.body);
        } else if (!is_out && frame.type == WIRE_ERROR) {
            tell_error(person, frame.body);
        }
    }
}

/* ---- coming and going
 * ------------------------------------------------------------------------------ */

void link_write(void *context, struct bytes frames) {
    struct person *person = context;
    if (person->is_muted) {
        sim_say(person->sim, "%s dies with %zu bytes unsent", person->name, frames.size);
        person->is_dying = true;
        return;
    }
    if (person->is_dying) {
        return;
    }
    look(person, frames, true);
    sim_must(person->sim, buffer_append(&person->to_server, frames), "a full link");
}

void link_open(struct person *person) {
    struct sim *sim = person->sim;
    const uint8_t address[16] = {[10] = 0xff, [11] = 0xff, [12] = 127, [15] = person->index};
    const struct entropy entropy = chance_entropy(&sim->chance);
    const struct engine_events events = {
        .context = person, .write = link_write, .notice = person_notice};
    uint8_t exporter[32];
    sim_must(sim, entropy.fill(entropy.context, exporter, sizeof(exporter)), "entropy");
    sim_must(sim, engine_new(&person->store, &entropy, &events, &person->engine), "engine_new");
    sim_must(sim,
             server_open(sim->server, address, true, person, sim_now(sim), &person->connection),
             "server_open");
    person->is_muted = false;
    person->is_dying = false;
    person->commit_fault = 0;
    person->news_count = 0;
    if (sim_is_sound(sim)) {
        server_established(sim->server, person->connection, exporter, sim_now(sim));
        engine_fetch(person->engine);
        engine_connected(person->engine, sim->wall_ms, exporter);
    }
}

/* What was written before the end of a command still arrives, unless the link breaks. */
static void flush(struct person *person) {
    bool breaks = sim_happens(person->sim, "breaks at the end", person->sim->breakage.link / 4);
    while (!breaks && link_move_to_server(person)) {
    }
}

void link_cut(struct person *person, enum error error, const char *cause) {
    struct sim *sim = person->sim;
    if (error == OK) {
        flush(person);
    }
    if (person->connection != 0) {
        server_closed(sim->server, person->connection, sim_now(sim));
    }
    if (person->engine != NULL && !person->is_dying) {
        engine_closed(person->engine, sim->wall_ms, error, cause);
    }
    if (person->presence != AWAY) {
        sim_say(sim, "%s leaves (%s)", person->name, cause);
    }
    person_leave(person);
}

/* ---- bytes
 * --------------------------------------------------------------------------------------------- */

void link_collect(struct sim *sim) {
    struct server_output output;
    while (server_next_output(sim->server, &output)) {
        struct person *person = output.data;
        if (person == NULL || person->connection != output.connection) {
            continue;
        }
        if (sim->evil.is_on) {
            evil_pass(person, output.bytes);
        } else {
            sim_must(sim, buffer_append(&person->to_client, output.bytes), "a full link");
        }
        person->is_closing = person->is_closing || output.close;
        person->is_paused = output.pause;
        if (output.bytes.size > 0 && !output.close) {
            server_drained(sim->server, output.connection, sim_now(sim));
        }
    }
}

bool link_move_to_server(struct person *person) {
    struct sim *sim = person->sim;
    if (person->connection == 0 || person->to_server.size == 0 || person->is_paused) {
        return false;
    }
    size_t size =
        person->to_server.size < PIECE_MAX_BYTES ? person->to_server.size : PIECE_MAX_BYTES;
    server_receive(sim->server, person->connection, bytes_make(person->to_server.data, size),
                   sim_now(sim));
    buffer_consume(&person->to_server, size);
    link_collect(sim);
    return true;
}

bool link_move_to_client(struct person *person) {
    struct sim *sim = person->sim;
    bool is_moving = person->connection != 0 && person->to_client.size > 0;
    if (is_moving) {
        struct buffer taken = person->to_client;
        buffer_init(&person->to_client, LINK_CAP_BYTES);
        look(person, buffer_view(&taken), false);
        chance_note(&sim->chance, person->name, bytes_make(taken.data + taken.size - 1, 1));
        engine_received(person->engine, sim->wall_ms, buffer_view(&taken));
        buffer_clear(&taken);
        person_attend(person);
    }
    if (person->is_closing && person->connection != 0 && person->to_client.size == 0) {
        link_cut(person, ERR_CONNECTION_LOST, "closed by the server");
    }
    return is_moving;
}
