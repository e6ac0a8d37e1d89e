/* SPDX-License-Identifier: ISC */
/* Every message that an application wrote, and what became of it. */
#include "sim.h"

#include "base/require.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_ROOM = 64, FLIGHTS_PER_DAY_MAX = 10 };

/* Room for one more element; the memory of a test is the machine's. */
static void *grow(void *items, size_t size, size_t count, size_t *capacity) {
    if (count < *capacity) {
        return items;
    }
    *capacity = *capacity == 0 ? 64 : 2 * *capacity;
    void *grown = realloc(items, *capacity * size);
    require(grown != NULL);
    return grown;
}

uint32_t ledger_add(struct sim *sim, uint8_t from, uint8_t to, bool is_probe) {
    sim->notes = grow(sim->notes, sizeof(*sim->notes), sim->note_count, &sim->note_capacity);
    sim->notes[sim->note_count] = (struct note){.from = from,
                                                .to = to,
                                                .from_life = sim->people[from].life,
                                                .to_life = sim->people[to].life,
                                                .is_probe = is_probe,
                                                .written_ms = sim->wall_ms};
    sim->tally.notes++;
    return (uint32_t)sim->note_count++;
}

void ledger_print(const struct sim *sim, uint32_t note, char *out, size_t size) {
    const struct note *entry = &sim->notes[note];
    snprintf(out, size, "note %u from %s to %s", note, sim->people[entry->from].name,
             sim->people[entry->to].name);
}

void ledger_key(uint32_t note, char *out, size_t size) {
    snprintf(out, size, "note-%u", note);
}

/* The number behind `head`. */
static bool find(const struct sim *sim, const char *text, const char *head, uint32_t *note) {
    size_t length = strlen(head);
    char *end = NULL;
    if (strncmp(text, head, length) != 0) {
        return false;
    }
    unsigned long number = strtoul(text + length, &end, 10);
    if (end == text + length || number >= sim->note_count) {
        return false;
    }
    *note = (uint32_t)number;
    return true;
}

bool ledger_find_key(const struct sim *sim, const char *key, uint32_t *note) {
    return find(sim, key, "note-", note);
}

/* The text is the line that ledger_print makes, and any number of dots behind it. */
bool ledger_find(const struct sim *sim, struct bytes text, uint32_t *note) {
    char head[TEXT_ROOM + 1] = "";
    char expected[TEXT_ROOM];
    size_t size = text.size < TEXT_ROOM ? text.size : TEXT_ROOM;
    memcpy(head, text.data, size);
    if (!find(sim, head, "note ", note)) {
        return false;
    }
    ledger_print(sim, *note, expected, sizeof(expected));
    size_t length = strlen(expected);
    if (text.size < length || memcmp(text.data, expected, length) != 0) {
        return false;
    }
    for (size_t i = length; i < text.size; i++) {
        if (text.data[i] != '.') {
            return false;
        }
    }
    return true;
}

/* ---- shown
 * -------------------------------------------------------------------------------------------- */

static void check_forged(struct person *person, const struct incoming *incoming,
                         struct bytes text) {
    struct sim *sim = person->sim;
    static const char FORGED[] = "forged";
    bool is_forged =
        text.size >= sizeof(FORGED) - 1 && memcmp(text.data, FORGED, sizeof(FORGED) - 1) == 0;
    if (!is_forged || !sim->was_forged) {
        sim_complain(sim, "%s is shown a text that nobody wrote", person->name);
        return;
    }
    sim_say(sim, "%s reads a forged text from %s%s", person->name, incoming->from.text,
            incoming->is_confirmed ? "" : " (not confirmed)");
    char rank = text.size > sizeof(FORGED) ? (char)text.data[sizeof(FORGED)] : '0';
    if (rank == '2') {
        sim_complain(sim, "%s is shown a text of a certificate that was replaced", person->name);
    } else if (rank == '1' && incoming->is_confirmed) {
        sim_complain(sim, "%s is shown a forged text as confirmed", person->name);
    }
}

static void check_order(struct person *person, const struct incoming *incoming, uint32_t number) {
    struct sim *sim = person->sim;
    struct note *note = &sim->notes[number];
    uint64_t *newest_ms = &person->newest_sent_ms[note->from][note->from_life];
    uint32_t *newest = &person->newest_note[note->from][note->from_life];
    bool is_older = incoming->sent_ms < *newest_ms;
    if (incoming->is_late) {
        sim->tally.late++;
        sim_say(sim, "(it is late)");
    }
    bool is_fresh = note->accepted_ms + ENVELOPE_LIFE_MS > sim->wall_ms;
    if (sim->kind == KIND_READER && incoming->is_late && is_fresh) {
        sim_complain(sim, "%s is shown note %u late, though the queue still held it", person->name,
                     number);
    }
    if (is_older && !incoming->is_late) {
        sim_complain(sim, "%s is shown note %u of %s after note %u and without a mark",
                     person->name, number, sim->people[note->from].name, *newest);
    }
    if (!is_older) {
        *newest_ms = incoming->sent_ms;
        *newest = number;
    }
}

void ledger_shown(struct person *person, const struct incoming *incoming, struct bytes text) {
    struct sim *sim = person->sim;
    uint32_t number = 0;
    if (!ledger_find(sim, text, &number)) {
        check_forged(person, incoming, text);
        return;
    }
    struct note *note = &sim->notes[number];
    sim_say(sim, "%s reads note %u of %s%s%s", person->name, number, incoming->from.text,
            incoming->is_from_gap ? " (after later ones)" : "",
            incoming->is_confirmed ? "" : " (not confirmed)");
    if (note->to != person->index ||
        strcmp(incoming->from.text, sim->people[note->from].name) != 0) {
        sim_complain(sim, "%s is shown note %u, which is another one's", person->name, number);
    }
    if (memcmp(incoming->afp, sim->afp[note->from][note->from_life], HASH_BYTES) != 0) {
        sim_complain(sim, "note %u is shown under another key than its writer's", number);
    }
    note->shown++;
    note->shown_ms = sim->wall_ms;
    note->wants_receipt = person->has_written_to[note->from];
    sim->tally.shown++;
    if (note->shown > 1) {
        sim_complain(sim, "%s is shown note %u of %s twice", person->name, number,
                     sim->people[note->from].name);
    }
    check_order(person, incoming, number);
    chance_note(&sim->chance, "shown", text);
}

/* ---- first flights
 * ------------------------------------------------------------------------------------ */

static bool is_pair(const struct first_flight *flight, uint8_t a, uint8_t b) {
    return (flight->from == a && flight->to == b) || (flight->from == b && flight->to == a);
}

static void count_flights(struct sim *sim, uint8_t from, uint8_t to) {
    uint32_t count = 0;
    for (size_t i = sim->flight_count; i > 0; i--) {
        const struct first_flight *flight = &sim->flights[i - 1];
        if (sim->wall_ms - flight->ms > DAY_MS) {
            break;
        }
        count += is_pair(flight, from, to) ? 1 : 0;
    }
    if (count > FLIGHTS_PER_DAY_MAX) {
        sim_complain(sim, "%u handshakes between %s and %s in a day", count, sim->people[from].name,
                     sim->people[to].name);
    }
}

bool ledger_was_begun_late(const struct sim *sim, uint8_t from, uint8_t to) {
    uint64_t newest_ms = 0;
    for (size_t i = sim->flight_count; i > 0; i--) {
        const struct first_flight *flight = &sim->flights[i - 1];
        if (newest_ms != 0 && is_pair(flight, from, to)) {
            return newest_ms - flight->ms >= UNANSWERED_MS;
        }
        newest_ms =
            newest_ms == 0 && flight->from == from && flight->to == to ? flight->ms : newest_ms;
    }
    return false;
}

void ledger_flight(struct sim *sim, const struct user_name *from, const struct user_name *to,
                   struct bytes envelope) {
    enum envelope_type type;
    struct first_flight flight = {.ms = sim->wall_ms};
    const struct person *sender = person_named(sim, from);
    const struct person *reader = person_named(sim, to);
    if (envelope_inspect(envelope, &type, flight.sid) != OK || sender == NULL || reader == NULL) {
        sim_complain(sim, "%s sends something that is no envelope", from->text);
        return;
    }
    if (type != ENVELOPE_INITIAL) {
        return;
    }
    flight.from = sender->index;
    flight.to = reader->index;
    for (size_t i = 0; i < sim->flight_count; i++) {
        if (memcmp(sim->flights[i].sid, flight.sid, SESSION_ID_BYTES) == 0) {
            return;
        }
    }
    sim->flights =
        grow(sim->flights, sizeof(*sim->flights), sim->flight_count, &sim->flight_capacity);
    sim->flights[sim->flight_count++] = flight;
    sim->tally.first_flights++;
    count_flights(sim, flight.from, flight.to);
}
