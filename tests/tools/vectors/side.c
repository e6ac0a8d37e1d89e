/* SPDX-License-Identifier: ISC */
#include "side.h"

#include "session/receive.h"

#include <stdlib.h>
#include <string.h>

void side_init(struct side *side, const struct device *device) {
    memset(side, 0, sizeof(*side));
    side->device = device;
    side->own = (struct own_device){
        .certificate = device->certificate, .parsed = &device->parsed, .keys = &device->keys};
}

void side_clear(struct side *side) {
    session_clear(&side->session);
    side->has_session = false;
}

void side_store(const struct place *place, struct side *side) {
    struct session loaded;
    struct buffer row;
    if (!side->has_session) {
        return;
    }
    buffer_init(&row, 8192);
    went_well(place, "saving the session", session_save(&side->session, &row));
    went_well(place, "loading the session", session_load(buffer_view(&row), &loaded));
    for (size_t i = 0; i < side->session.skipped_count; i++) {
        went_well(place, "loading a skipped key",
                  session_add_skipped(&loaded, &side->session.skipped[i]));
    }
    for (size_t i = 0; i < side->session.past_count; i++) {
        went_well(place, "loading a past chain", session_add_past(&loaded, &side->session.past[i]));
    }
    session_clear(&side->session);
    side->session = loaded;
    buffer_clear(&row);
}

must_check enum error side_find_keys(const struct side *side, const struct initial *initial,
                                     const struct recorded_prekey **set,
                                     const struct recorded_prekey **one_time) {
    const struct device *device = side->device;
    if (memcmp(initial->own_cid, device->parsed.cid, HASH_BYTES) != 0) {
        return ERR_NOT_FOUND;
    }
    *set = prekey_find(device->sets, device->set_count, initial->set_id);
    *one_time = prekey_find(device->one_times, device->one_time_count, initial->one_time_id);
    if (*set == NULL || (*one_time == NULL && initial->one_time_id != 0)) {
        return ERR_NOT_FOUND;
    }
    return OK;
}

/** The steps of 1.5 for somebody who has no session yet. */
static enum error accept(struct side *side, struct bytes envelope, struct buffer *body) {
    struct initial initial;
    const struct recorded_prekey *set = NULL;
    const struct recorded_prekey *one_time = NULL;
    struct certificate *peer = malloc(sizeof(*peer));
    enum error error = peer == NULL ? ERR_MEMORY : initial_parse(envelope, &initial);
    if (error == OK) {
        error = certificate_verify(initial.certificate, side->device->now_ms, PRIVATE_KEY_GRACE_MS,
                                   peer);
    }
    if (error == OK) {
        error = side_find_keys(side, &initial, &set, &one_time);
    }
    if (error == OK) {
        error = session_accept(&side->own, peer, &initial, &set->secret,
                               one_time == NULL ? NULL : &one_time->secret, side->device->now_ms,
                               &side->session, body);
        side->has_session = error == OK;
    }
    free(peer);
    return error;
}

/** Looks at the step that the message would make, before it is made. */
static void look(struct side *side, struct bytes envelope, struct received *received) {
    struct initial initial;
    struct message message;
    struct receiving_step step;
    if (envelope.size >= 2 && envelope.data[1] == ENVELOPE_INITIAL) {
        if (initial_parse(envelope, &initial) != OK) {
            return;
        }
        envelope = initial.full;
    }
    if (message_parse(envelope, &message) != OK ||
        receiving_step_make(&side->session, &side->own, &message, side->device->now_ms, &step) !=
            OK) {
        return;
    }
    received->has_keys = true;
    received->message_key = step.message_key;
    received->has_root = step.is_new;
    received->root = step.root;
    receiving_step_clear(&step);
}

must_check enum error side_receive(struct side *side, struct bytes envelope, struct buffer *body,
                                   struct received *received) {
    enum envelope_type type;
    uint8_t sid[SESSION_ID_BYTES];
    struct session_change change;
    memset(received, 0, sizeof(*received));
    enum error error = envelope_inspect(envelope, &type, sid);
    if (error != OK) {
        return error;
    }
    if (!side->has_session) {
        if (type == ENVELOPE_COMPACT) {
            return ERR_WAIT;
        }
        return type == ENVELOPE_INITIAL ? accept(side, envelope, body) : ERR_UNKNOWN_SESSION;
    }
    look(side, envelope, received);
    return session_open(&side->session, &side->own, envelope, side->device->now_ms, body, &change);
}

enum outcome outcome_of(enum error error) {
    if (error == OK) {
        return OUTCOME_OK;
    }
    return error == ERR_WAIT ? OUTCOME_WAIT : OUTCOME_REFUSED;
}
