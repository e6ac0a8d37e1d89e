/* SPDX-License-Identifier: ISC */
/* What has to be true: of stored sessions at any time, of every message in the end. */
#include "sim.h"

#include <stdio.h>
#include <string.h>

/* What the server keeps of a message for certain. */
#define KEPT_MS (ENVELOPE_LIFE_MS - HOUR_MS)

/* ---- sessions
 * --------------------------------------------------------------------------------------- */

struct session_counts {
    size_t active;
    size_t confirmed;
    size_t own;
    size_t peer;
};

static void check_counts(struct person *person, const struct person *peer,
                         const struct session_counts *counts) {
    if (counts->active > 1 || counts->confirmed > CONFIRMED_SESSIONS_MAX ||
        counts->own > UNCONFIRMED_SESSIONS_MAX || counts->peer > UNCONFIRMED_SESSIONS_MAX) {
        sim_complain(person->sim,
                     "%s keeps too many sessions with %s: %zu active, %zu confirmed, %zu own and "
                     "%zu of the peer's unconfirmed",
                     person->name, peer->name, counts->active, counts->confirmed, counts->own,
                     counts->peer);
    }
}

static void judge_peer(struct person *person, const struct person *peer) {
    struct sim *sim = person->sim;
    struct session_info all[SESSIONS_PER_PEER_MAX];
    size_t count = SESSIONS_PER_PEER_MAX;
    const struct user_name name = person_name(peer);
    sim_must(sim, person->real.session_list(person->real.context, &name, all, &count),
             "the sessions");
    for (uint8_t life = 0; life <= peer->life; life++) {
        struct session_counts counts = {0};
        for (size_t i = 0; i < count; i++) {
            const struct session_info *info = &all[i];
            if (memcmp(info->afp, sim->afp[peer->index][life], HASH_BYTES) == 0) {
                counts.active += info->is_active ? 1 : 0;
                counts.confirmed += info->is_confirmed ? 1 : 0;
                counts.own += !info->is_confirmed && info->is_own ? 1 : 0;
                counts.peer += !info->is_confirmed && !info->is_own ? 1 : 0;
            }
        }
        check_counts(person, peer, &counts);
    }
}

void judge_sessions(struct person *person) {
    struct sim *sim = person->sim;
    for (size_t i = 0; i < sim->crowd && sim_is_sound(sim); i++) {
        if (i != person->index && person->database != NULL) {
            judge_peer(person, &sim->people[i]);
        }
    }
}

/* ---- messages
 * --------------------------------------------------------------------------------------- */

/* Whether `a` sends to the key that `b` has now. */
static bool accepts(const struct person *a, const struct person *b) {
    struct stored_peer peer;
    const struct user_name name = person_name(b);
    if (a->real.peer_get(a->real.context, &name, &peer) != OK) {
        return true; /* nothing is known of the other one yet */
    }
    return !peer.is_changed &&
           (!peer.has_pin || memcmp(peer.afp, a->sim->afp[b->index][b->life], HASH_BYTES) == 0);
}

/* Whether both ends live on and know each other's key: then nothing excuses a loss but time. */
static bool is_owed(const struct sim *sim, const struct note *note) {
    const struct person *from = &sim->people[note->from];
    const struct person *to = &sim->people[note->to];
    return (note->fate == FATE_ACCEPTED || note->fate == FATE_STORED) &&
           note->from_life == from->life && note->to_life == to->life && accepts(from, to) &&
           accepts(to, from);
}

/* The server keeps a message for 30 days; its reader was away for longer. */
static bool may_be_gone(const struct sim *sim, const struct note *note) {
    const struct person *to = &sim->people[note->to];
    return sim->may_lose && !note->is_probe && note->written_ms + DAY_MS > to->away_from_ms &&
           note->accepted_ms + KEPT_MS < to->away_until_ms;
}

/* The same of a receipt whose taker was away. */
static bool receipt_may_be_gone(const struct sim *sim, const struct note *note) {
    const struct person *from = &sim->people[note->from];
    return sim->may_lose && !note->is_probe && note->shown_ms + DAY_MS > from->away_from_ms &&
           note->shown_ms + KEPT_MS < from->away_until_ms;
}

/* A receipt that a lying server has lost does not come again (1.7: not for the same ciphertext). */
static bool wants_receipt(const struct sim *sim, const struct note *note) {
    return note->shown > 0 && !sim->was_lied_to && !receipt_may_be_gone(sim, note) &&
           (note->wants_receipt || sim->config.registration == WIRE_REGISTRATION_INVITE);
}

/* The writer's store knows best. */
static void look_up(struct sim *sim, uint32_t number) {
    struct note *note = &sim->notes[number];
    struct person *from = &sim->people[note->from];
    struct outgoing message;
    char key[32];
    const struct user_name to = person_name(&sim->people[note->to]);
    if (note->is_delivered || note->from_life != from->life) {
        return;
    }
    ledger_key(number, key, sizeof(key));
    if (from->real.outgoing_find(from->real.context, &to, key, 0, &message) == OK) {
        note->is_delivered = message.delivered_ms != 0;
    }
}

static bool is_settled(struct sim *sim, uint32_t number) {
    const struct note *note = &sim->notes[number];
    if (!is_owed(sim, note) || may_be_gone(sim, note)) {
        return true;
    }
    if (note->shown == 0) {
        return false;
    }
    look_up(sim, number);
    return note->fate == FATE_ACCEPTED && (note->is_delivered || !wants_receipt(sim, note));
}

/* A gap is told of when it is two days old, by what a device does once a day. */
bool judge_waits_for_notices(const struct sim *sim) {
    for (uint32_t i = 0; i < sim->note_count; i++) {
        const struct note *note = &sim->notes[i];
        if (note->shown == 0 && is_owed(sim, note) && may_be_gone(sim, note)) {
            return true;
        }
    }
    return false;
}

bool judge_is_done(struct sim *sim) {
    for (uint32_t i = 0; i < sim->note_count; i++) {
        if (!is_settled(sim, i)) {
            return false;
        }
    }
    return true;
}

/* The reader on holiday has to be told of what is gone. In other worlds the loss may stand at the
 * end of a session, where only the writer can see it: by a receipt that is not there. */
static void judge_loss(struct sim *sim, const struct note *note) {
    const struct person *to = &sim->people[note->to];
    bool is_told = to->lost[note->from] > 0 || to->unopened[note->from] > 0;
    sim->tally.lost++;
    sim->tally.named_lost += is_told ? 1 : 0;
    if (sim->kind == KIND_READER && !is_told) {
        sim_complain(sim, "messages for %s are gone, and nobody says so", to->name);
    }
}

static void judge_note(struct sim *sim, uint32_t number) {
    const struct note *note = &sim->notes[number];
    const char *from = sim->people[note->from].name;
    const char *to = sim->people[note->to].name;
    look_up(sim, number);
    if (note->is_delivered && note->shown == 0 && note->to_life == sim->people[note->to].life) {
        sim_complain(sim, "%s has a receipt for note %u, which %s was never shown", from, number,
                     to);
    }
    if (!is_owed(sim, note)) {
        return;
    }
    if (note->shown == 0 && may_be_gone(sim, note)) {
        judge_loss(sim, note);
        return;
    }
    if (note->shown == 0) {
        sim_complain(sim, "note %u of %s never reached %s (%s)", number, from, to,
                     note->fate == FATE_ACCEPTED ? "accepted" : "in the outbox");
    } else if (note->fate != FATE_ACCEPTED) {
        sim_complain(sim, "note %u of %s was shown to %s and is still in the outbox", number, from,
                     to);
    } else if (!note->is_delivered && wants_receipt(sim, note) && !may_be_gone(sim, note)) {
        sim_complain(sim, "%s has no receipt for note %u, which %s was shown", from, number, to);
    }
}

static bool is_anything_missing(const struct sim *sim, uint8_t from, uint8_t to) {
    for (size_t i = 0; i < sim->note_count; i++) {
        const struct note *note = &sim->notes[i];
        if (note->from == from && note->to == to && note->shown == 0 &&
            note->fate != FATE_UNKNOWN) {
            return true;
        }
    }
    return false;
}

/* A gap that was none: told, and in the end nothing was missing. */
static void count_false_alarms(struct sim *sim) {
    for (uint8_t to = 0; to < sim->crowd; to++) {
        for (uint8_t from = 0; from < sim->crowd; from++) {
            uint32_t told = sim->people[to].lost[from];
            if (told > 0 && !is_anything_missing(sim, from, to)) {
                sim->tally.false_lost += told;
            }
        }
    }
}

/* ---- honest worlds
 * ----------------------------------------------------------------------------------- */

static uint32_t count_notes(const struct sim *sim, uint8_t from, uint8_t to) {
    uint32_t count = 0;
    for (size_t i = 0; i < sim->note_count; i++) {
        count += sim->notes[i].from == from && sim->notes[i].to == to ? 1 : 0;
    }
    return count;
}

/* A session is begun once, or twice when both sides begin at once; the rest would be a restart. An
 * open server's people get no answer from those who never write, and begin anew after a week; a
 * chain ends after 1,500 messages. */
static void judge_handshakes(struct sim *sim, uint8_t a, uint8_t b) {
    enum { AT_ONCE = 2 };
    uint32_t count = 0;
    uint32_t one_way = count_notes(sim, a, b);
    uint32_t other_way = count_notes(sim, b, a);
    bool is_one_sided = sim->people[a].is_silent || sim->people[b].is_silent;
    bool is_long =
        one_way + AT_ONCE >= CHAIN_MAX_MESSAGES || other_way + AT_ONCE >= CHAIN_MAX_MESSAGES;
    for (size_t i = 0; i < sim->flight_count; i++) {
        const struct first_flight *flight = &sim->flights[i];
        count += (flight->from == a && flight->to == b) || (flight->from == b && flight->to == a)
                     ? 1
                     : 0;
    }
    if (count > AT_ONCE && !is_one_sided && !is_long) {
        sim_complain(sim, "%s and %s began %u sessions in an honest world", sim->people[a].name,
                     sim->people[b].name, count);
    }
}

static void judge_honesty(struct sim *sim) {
    for (uint8_t a = 0; a < sim->crowd; a++) {
        for (uint8_t b = 0; b < a; b++) {
            judge_handshakes(sim, a, b);
        }
    }
}

void judge_end(struct sim *sim) {
    for (uint32_t i = 0; i < sim->note_count && sim_is_sound(sim); i++) {
        judge_note(sim, i);
    }
    count_false_alarms(sim);
    if (sim->kind == KIND_HONEST) {
        judge_honesty(sim);
    }
}
