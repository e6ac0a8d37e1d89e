/* SPDX-License-Identifier: ISC */
/* Between an engine and its store: what is committed about each message, and the rules that hold
 * whenever something is sealed. */
#include "sim.h"

#include "base/require.h"

#include <stdlib.h>
#include <string.h>

/* The store hands its own context to every function; whose it is the one world of this process
 * knows. */
static struct sim *world;

static struct person *owner(void *context) {
    for (size_t i = 0; i < world->crowd; i++) {
        if (world->people[i].real.context == context) {
            return &world->people[i];
        }
    }
    require(false);
    return NULL;
}

static bool find_session(struct person *person, const struct outgoing *message,
                         struct session_info *info) {
    struct session_info all[SESSIONS_PER_PEER_MAX];
    size_t count = SESSIONS_PER_PEER_MAX;
    if (person->real.session_list(person->real.context, &message->to, all, &count) != OK) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (memcmp(all[i].sid, message->sid, SESSION_ID_BYTES) == 0) {
            *info = all[i];
            return true;
        }
    }
    return false;
}

/* The same message, not one that its application hands in again. */
static bool is_sealed_elsewhere(const struct note *note, const struct outgoing *message) {
    return note->seals > 0 && !note->is_queued &&
           memcmp(note->msg_id, message->msg_id, MESSAGE_ID_BYTES) == 0 &&
           memcmp(note->sid, message->sid, SESSION_ID_BYTES) != 0;
}

/* Nothing is ever sealed to a key that is not accepted; nothing is repaired into a session that the
 * peer began and has not confirmed. */
static void check_seal(struct person *person, const struct outgoing *message, struct note *note) {
    struct sim *sim = person->sim;
    struct stored_peer peer;
    struct session_info info;
    if (!find_session(person, message, &info) ||
        person->real.peer_get(person->real.context, &message->to, &peer) != OK) {
        sim_complain(sim, "%s seals a message for %s in a session that is not there", person->name,
                     message->to.text);
        return;
    }
    if (!peer.has_pin || peer.is_changed || memcmp(peer.afp, info.afp, HASH_BYTES) != 0) {
        sim_complain(sim, "%s seals to a key of %s that is not accepted", person->name,
                     message->to.text);
    }
    if (note == NULL) {
        return;
    }
    bool is_repair = is_sealed_elsewhere(note, message);
    if (is_repair && !info.is_own && !info.is_confirmed) {
        sim_complain(sim, "%s repairs a message for %s in an unconfirmed session of the peer's",
                     person->name, message->to.text);
    }
    for (int life = 0; life < LIVES_MAX; life++) {
        if (memcmp(info.afp, sim->afp[note->to][life], HASH_BYTES) == 0) {
            note->to_life = (uint8_t)life;
        }
    }
}

static void remember(struct person *person, const struct outgoing *message, bool is_seal) {
    uint32_t number = UINT32_MAX;
    struct note *note = NULL;
    if (ledger_find_key(person->sim, message->key, &number)) {
        note = &person->sim->notes[number];
    }
    if (is_seal) {
        sim_say(person->sim, "%s seals kind %u for %s, number %u in session %02x%02x%02x",
                person->name, message->kind, message->to.text, message->number, message->sid[0],
                message->sid[1], message->sid[2]);
        check_seal(person, message, note);
    }
    if (note == NULL) {
        return;
    }
    if (person->news_count == person->news_capacity) {
        person->news_capacity = person->news_capacity == 0 ? 16 : 2 * person->news_capacity;
        struct news *news = realloc(person->news, person->news_capacity * sizeof(*news));
        require(news != NULL);
        person->news = news;
    }
    person->news[person->news_count++] =
        (struct news){.note = number, .message = *message, .is_seal = is_seal};
}

static enum fate fate_of(enum outgoing_state state) {
    return state == OUTGOING_ACCEPTED ? FATE_ACCEPTED
           : state == OUTGOING_FAILED ? FATE_REFUSED
                                      : FATE_STORED;
}

static void publish(struct person *person) {
    struct sim *sim = person->sim;
    for (size_t i = 0; i < person->news_count; i++) {
        const struct news *news = &person->news[i];
        struct note *note = &sim->notes[news->note];
        if (news->is_seal) {
            if (is_sealed_elsewhere(note, &news->message) && !note->is_repaired) {
                note->is_repaired = true;
                sim->tally.repaired++;
            }
            note->seals++;
            memcpy(note->sid, news->message.sid, SESSION_ID_BYTES);
            memcpy(note->msg_id, news->message.msg_id, MESSAGE_ID_BYTES);
        }
        note->is_queued = news->message.state == OUTGOING_QUEUED;
        if (note->fate != FATE_ACCEPTED) {
            note->fate = fate_of(news->message.state);
            note->accepted_ms = sim->wall_ms;
        }
    }
    person->news_count = 0;
}

/* ---- the functions
 * ------------------------------------------------------------------------------------ */

static enum error watch_commit(void *context) {
    struct person *person = owner(context);
    int fault = person->commit_fault;
    person->commit_fault = 0;
    if (fault == 1) {
        sim_say(person->sim, "a commit of %s fails", person->name);
        return ERR_IO;
    }
    enum error error = person->real.commit(context);
    if (error == OK) {
        publish(person);
    }
    if (fault == 2) {
        sim_say(person->sim, "a commit of %s is said to have failed", person->name);
        return ERR_IO;
    }
    return error;
}

static void watch_rollback(void *context) {
    struct person *person = owner(context);
    person->news_count = 0;
    person->real.rollback(context);
}

static enum error watch_add(void *context, struct outgoing *message, struct bytes text,
                            struct bytes envelope) {
    struct person *person = owner(context);
    enum error error = person->real.outgoing_add(context, message, text, envelope);
    if (error == OK) {
        remember(person, message, envelope.size > 0);
    }
    return error;
}

static enum error watch_update(void *context, const struct outgoing *message,
                               const struct bytes *envelope) {
    struct person *person = owner(context);
    enum error error = person->real.outgoing_update(context, message, envelope);
    if (error == OK) {
        remember(person, message, envelope != NULL && envelope->size > 0);
    }
    return error;
}

void watch_store(struct person *person) {
    world = person->sim;
    person->store = person->real;
    person->store.commit = watch_commit;
    person->store.rollback = watch_rollback;
    person->store.outgoing_add = watch_add;
    person->store.outgoing_update = watch_update;
}
