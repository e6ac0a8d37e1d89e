/* SPDX-License-Identifier: ISC */
/* What people do about a changed key: some take it, some compare it first, some never do. */
#include "sim.h"

#include "client/trust.h"

#include <string.h>

bool trusting_is_busy(const struct person *person) {
    if (person->asked != 0) {
        return true;
    }
    for (size_t i = 0; i < person->sim->crowd; i++) {
        if (person->asks[i] && person->habit != HABIT_NEVER) {
            return true;
        }
    }
    return false;
}

static void ask(struct person *person) {
    struct sim *sim = person->sim;
    for (size_t i = 0; i < sim->crowd; i++) {
        if (person->asks[i] && person->habit != HABIT_NEVER) {
            const struct user_name name = person_name(&sim->people[i]);
            person->asks[i] = false;
            person->asked = (uint8_t)(i + 1);
            person->is_asking = true;
            engine_ask_certificate(person->engine, &name);
            return;
        }
    }
}

static void decide(struct person *person, const struct person *peer, struct bytes data) {
    struct sim *sim = person->sim;
    struct certificate certificate;
    bool was_changed = false;
    uint32_t released = 0;
    const struct user_name name = person_name(peer);
    enum error error = trust_judge(person->engine, &name, data, &certificate);
    if (error != OK && error != ERR_PEER_KEY_CHANGED) {
        sim_say(sim, "%s cannot judge the key of %s (%s)", person->name, peer->name,
                error_code(error));
        return;
    }
    if (memcmp(certificate.afp, sim->afp[peer->index][peer->life], HASH_BYTES) != 0) {
        sim_say(sim, "%s sees an old key of %s", person->name, peer->name);
        return;
    }
    error = person->habit == HABIT_VERIFY
                ? trust_verify(person->engine, &certificate, TRUST_NUMBER, &was_changed, &released)
                : trust_accept(person->engine, &certificate, &was_changed, &released);
    if (error != OK && engine_phase(person->engine) != ENGINE_OVER) {
        sim_complain(sim, "%s cannot accept the key of %s: %s", person->name, peer->name,
                     error_code(error));
    }
    sim_say(sim, "%s %s the key of %s%s; %u held messages come", person->name,
            person->habit == HABIT_VERIFY ? "verifies" : "accepts", peer->name,
            was_changed ? ", another one than before" : "", released);
    sim->tally.held += released;
    /* What is owed to the new key is said before the command ends. */
    person->presence = person->presence == WINDING ? VISITING : person->presence;
}

void trusting_attend(struct person *person) {
    struct sim *sim = person->sim;
    if (engine_phase(person->engine) != ENGINE_OPEN) {
        return;
    }
    if (person->is_asking) {
        const struct answer *answer = engine_answer(person->engine);
        if (!answer->is_done) {
            return;
        }
        bool is_about_somebody = person->asked > 0;
        const struct person *peer = &sim->people[is_about_somebody ? person->asked - 1 : 0];
        uint8_t data[CERTIFICATE_BYTES];
        bool is_there = answer->failure.error == OK && answer->certificate.size == sizeof(data);
        person->is_asking = false;
        person->asked = 0;
        if (is_about_somebody && is_there) {
            memcpy(data, answer->certificate.data, sizeof(data));
            decide(person, peer, bytes_of(data));
        }
    }
    if (engine_phase(person->engine) == ENGINE_OPEN) {
        ask(person);
    }
}
