/* SPDX-License-Identifier: ISC */
/* An INITIAL of a session that is not known: docs/PROTOCOL.md 1.5, B's steps, and S2 of 1.8. */
#include "client/engine_inner.h"

#include "base/weaken.h"
#include "client/body.h"

#include <string.h>

/* What is gathered on the way to a new session. */
struct acceptance {
    struct initial initial;
    struct certificate certificate;
    struct stored_identity identity;
    struct stored_peer peer;
    bool is_newer;   /**< a higher epoch than any before */
    bool is_foreign; /**< not the pinned key, or not the one of the card */
    bool withholds;  /**< the server gave no one-time prekey although it has some */
    struct prekey_secret set;
    struct prekey_secret one_time;
    struct stored_session session;
    struct buffer body;
};

/* Why an INITIAL ends here; none of these is a reason for the engine to stop. */
enum verdict { GO_ON, DROP, UNDECRYPTABLE, TWO_DEVICES };

static enum error look_up_tombstone(struct engine *engine, const struct wire_deliver *deliver,
                                    const uint8_t *sid, enum verdict *verdict) {
    bool reported = false;
    enum error error = engine->store->tombstone_get(engine->store->context, sid, &reported);
    if (error == ERR_NOT_FOUND || weakened(WEAK_NO_TOMBSTONES)) {
        return OK;
    }
    *verdict = DROP;
    if (error == OK && !reported) {
        *verdict = UNDECRYPTABLE;
        error = engine_write(engine);
        if (error == OK) {
            error = engine->store->tombstone_put(engine->store->context, sid, 0,
                                                 deliver->accepted_ms, true);
        }
    }
    return error;
}

/* Step 3: the certificate, its epoch, and whose key it is. */
static enum error judge_sender(struct engine *engine, const struct wire_deliver *deliver,
                               struct acceptance *a, enum verdict *verdict) {
    const struct client_store *store = engine->store;
    enum error error = certificate_verify(a->initial.certificate, engine->now_ms,
                                          PRIVATE_KEY_GRACE_MS, &a->certificate);
    if (error != OK ||
        (!user_name_equal(&a->certificate.name, &deliver->from) &&
         !weakened(WEAK_NO_AUTHOR_RULE)) ||
        memcmp(a->certificate.afp, engine->account.afp, HASH_BYTES) == 0) {
        *verdict = DROP;
        return OK;
    }
    error = trust_epoch(engine, &a->certificate, 0, &a->identity, &a->is_newer);
    if (error == ERR_EXPIRED || error == ERR_CONFLICT) {
        *verdict = error == ERR_EXPIRED ? UNDECRYPTABLE : TWO_DEVICES;
        return OK;
    }
    if (error == OK) {
        error = store->peer_get(store->context, &deliver->from, &a->peer);
        error = error == ERR_NOT_FOUND ? OK : error;
    }
    const struct vouched *card = trust_card(engine, &deliver->from);
    a->is_foreign = (a->peer.has_pin && memcmp(a->peer.afp, a->certificate.afp, HASH_BYTES) != 0) ||
                    (card != NULL && !trust_fits_card(card, a->certificate.afp));
    a->is_foreign = a->is_foreign && !weakened(WEAK_NO_HOLD);
    if (error == OK && a->is_foreign) {
        uint32_t others = 0;
        error = store->identity_others(store->context, &deliver->from, a->peer.afp,
                                       a->certificate.afp, &others);
        bool is_enough = others >= HELD_KEYS_MAX;
        if (error == OK && !is_enough) {
            error = inbox_holds_enough(engine, a->certificate.afp, &is_enough);
        }
        *verdict = is_enough ? DROP : GO_ON;
    }
    return error;
}

/* Step 4. */
static enum error find_prekeys(struct engine *engine, struct acceptance *a, enum verdict *verdict) {
    const struct client_store *store = engine->store;
    const uint8_t *cid = a->initial.own_cid;
    enum error error = store->prekey_get(store->context, cid, false, a->initial.set_id, &a->set);
    if (error == OK && a->initial.one_time_id != 0) {
        error = store->prekey_get(store->context, cid, true, a->initial.one_time_id, &a->one_time);
    }
    if (error == ERR_NOT_FOUND) {
        *verdict = UNDECRYPTABLE;
        return OK;
    }
    return error;
}

/* Steps 1 to 6: nothing is written but the mark in a tombstone. */
static enum error examine(struct engine *engine, const struct wire_deliver *deliver,
                          struct acceptance *a, enum verdict *verdict) {
    *verdict = GO_ON;
    if (initial_parse(deliver->envelope, &a->initial) != OK) {
        *verdict = DROP;
        return OK;
    }
    const struct own_device *own = NULL;
    enum error error = look_up_tombstone(engine, deliver, a->initial.sid, verdict);
    if (error == OK && *verdict == GO_ON) {
        error = devices_borrow(engine, a->initial.own_cid, &own);
        *verdict = error == OK ? GO_ON : UNDECRYPTABLE;
        error = error == ERR_NOT_FOUND ? OK : error;
    }
    if (error == OK && *verdict == GO_ON) {
        error = judge_sender(engine, deliver, a, verdict);
    }
    if (error == OK && *verdict == GO_ON) {
        error = find_prekeys(engine, a, verdict);
    }
    if (error != OK || *verdict != GO_ON) {
        return error;
    }
    const struct prekey_secret *one_time = a->initial.one_time_id == 0 ? NULL : &a->one_time;
    enum error status = session_accept(own, &a->certificate, &a->initial, &a->set, one_time,
                                       engine->now_ms, &a->session.state, &a->body);
    *verdict = status == OK ? GO_ON : DROP;
    return status == ERR_MEMORY || status == ERR_CRYPTO ? status : OK;
}

static bool is_spent(const struct engine *engine, const struct session *state) {
    return engine->now_ms > state->own_expires_ms || engine->now_ms > state->peer_expires_ms ||
           state->receiving.next >= CHAIN_MAX_MESSAGES || state->sending.next >= CHAIN_MAX_MESSAGES;
}

/* What the session in use so far is to the new one. */
struct rival {
    bool is_there;
    bool is_restart; /**< the peer began anew without a reason that this side knows of */
};

/* S2: whether the new session is used for sending from now on. */
static enum error decide(struct engine *engine, struct acceptance *a, uint64_t sent_ms,
                         struct rival *rival) {
    struct session_info *info = &a->session.info;
    struct stored_session *active = NULL;
    memset(rival, 0, sizeof(*rival));
    if (a->is_foreign) {
        info->is_receive_only = true;
        return OK;
    }
    enum error error = sessions_active(engine, &a->certificate.name, a->certificate.afp, &active);
    if (error == ERR_NOT_FOUND) {
        info->is_active = true;
        return OK;
    }
    if (error != OK) {
        return error;
    }
    /* No certificate above this one is known: one that differs is older. */
    bool is_renewed = memcmp(active->info.peer_cid, info->peer_cid, HASH_BYTES) != 0;
    bool is_crossing = active->info.is_own && !active->info.is_confirmed;
    if (is_renewed) {
        info->is_active = true;
    } else if (is_crossing) {
        info->is_active = memcmp(info->sid, active->info.sid, SESSION_ID_BYTES) < 0;
    } else {
        info->is_active = sent_ms >= active->info.newest_sent_ms || weakened(WEAK_NO_SENT_RULE);
    }
    info->is_receive_only = !info->is_active;
    rival->is_there = true;
    bool was_confirmed = active->info.is_confirmed;
    bool is_expected = is_renewed || is_spent(engine, &active->state);
    if (!is_expected) {
        /* Whom messages have not reached for a week, and who so answered none, begins anew. */
        uint64_t before = engine->now_ms > UNANSWERED_MS ? engine->now_ms - UNANSWERED_MS : 0;
        error = engine->store->outgoing_is_overdue(engine->store->context, active->info.sid, before,
                                                   &is_expected);
    }
    rival->is_restart = info->is_active && was_confirmed && !is_expected;
    /* Also one that stands beside it: only a confirmed session says who writes. */
    info->replaced_confirmed = was_confirmed || active->info.replaced_confirmed;
    return error;
}

static void describe(const struct engine *engine, struct acceptance *a) {
    struct session_info *info = &a->session.info;
    const struct session *state = &a->session.state;
    memcpy(info->sid, a->initial.sid, SESSION_ID_BYTES);
    memcpy(info->afp, a->certificate.afp, HASH_BYTES);
    memcpy(info->peer_cid, a->certificate.cid, HASH_BYTES);
    info->peer = a->certificate.name;
    info->created_ms = engine->now_ms;
    info->used_ms = engine->now_ms;
    info->expires_ms = state->own_expires_ms < state->peer_expires_ms ? state->own_expires_ms
                                                                      : state->peer_expires_ms;
}

/* The first INITIAL of an account in a day without a one-time prekey, while the server has some
 * for that certificate: it withheld them (1.4). How many it has is known of the login only. */
static void note_initial(const struct engine *engine, const struct wire_deliver *deliver,
                         struct acceptance *a) {
    bool is_first = engine->now_ms > a->identity.initial_ms + DAY_MS;
    a->withholds = is_first && a->initial.one_time_id == 0 && engine->welcome.one_time_left > 0 &&
                   deliver->accepted_ms <= engine->welcome.server_time_ms &&
                   memcmp(a->initial.own_cid, engine->account.cid, HASH_BYTES) == 0;
    a->identity.initial_ms = engine->now_ms;
}

static enum error write_people(struct engine *engine, const struct wire_deliver *deliver,
                               struct acceptance *a) {
    const struct client_store *store = engine->store;
    note_initial(engine, deliver, a);
    enum error error = store->identity_put(store->context, &a->identity);
    if (error == OK && a->withholds && !weakened(WEAK_NO_WITHHELD_ALARM)) {
        error = engine_tell_peer(engine, ERR_ONE_TIME_WITHHELD, &a->certificate.name, NULL);
    }
    if (error == OK && a->is_foreign) {
        error = trust_changed(engine, &a->peer, a->certificate.afp);
    } else if (error == OK && trust_card(engine, &a->certificate.name) != NULL) {
        error = trust_vouched(engine, &a->certificate);
    } else if (error == OK && !a->peer.has_pin) {
        error = trust_pin(engine, &a->peer, a->certificate.afp);
    }
    if (error == OK && a->is_newer) {
        error = sessions_retire(engine, &a->certificate.name, a->certificate.afp, a->initial.sid,
                                a->certificate.cid);
    }
    return error;
}

/* Step 7, one transaction: session, tombstone, one-time key, message. */
static enum error write_session(struct engine *engine, const struct wire_deliver *deliver,
                                struct acceptance *a, const struct rival *rival) {
    const struct client_store *store = engine->store;
    struct stored_session *added = NULL;
    bool makes_active = a->session.info.is_active;
    enum error error = store->tombstone_put(store->context, a->initial.sid, a->initial.set_id,
                                            engine->now_ms, false);
    if (error == OK && a->initial.one_time_id != 0 && !weakened(WEAK_KEEP_ONE_TIME_KEYS)) {
        error =
            store->prekey_delete(store->context, a->initial.own_cid, true, a->initial.one_time_id);
    }
    if (error == OK && makes_active) {
        error = sessions_retire(engine, &deliver->from, a->certificate.afp, a->initial.sid, NULL);
    }
    if (error == OK) {
        error = sessions_add(engine, &a->session, &added);
    }
    if (error == OK && makes_active) {
        error = duty_session_is_new(engine, &deliver->from);
    }
    if (error == OK && makes_active && rival->is_there) {
        error = repair_failed(engine, &deliver->from, a->certificate.afp, a->initial.sid);
    }
    if (error == OK) {
        const struct opened opened = {.from = &deliver->from,
                                      .session = added,
                                      .body = buffer_view(&a->body),
                                      .is_foreign = a->is_foreign};
        error = inbox_keep(engine, &opened);
    }
    return error == OK ? sessions_limit(engine, &deliver->from, a->certificate.afp) : error;
}

static enum error take_over(struct engine *engine, const struct wire_deliver *deliver,
                            struct acceptance *a) {
    struct body body;
    struct rival rival;
    uint64_t sent_ms = engine->now_ms;
    if (body_read(buffer_view(&a->body), &body) == OK && body.sent_ms < sent_ms) {
        sent_ms = body.sent_ms;
    }
    describe(engine, a);
    enum error error = engine_write(engine);
    if (error == OK) {
        error = decide(engine, a, sent_ms, &rival);
    }
    if (error == OK) {
        error = write_people(engine, deliver, a);
    }
    if (error == OK) {
        error = write_session(engine, deliver, a, &rival);
    }
    if (error == OK && rival.is_restart) {
        error = engine_tell_peer(engine, ERR_SESSION_RESTARTED, &deliver->from, NULL);
    }
    return error == OK ? waiting_retry(engine, &deliver->from) : error;
}

static enum error conclude(struct engine *engine, const struct wire_deliver *deliver,
                           struct acceptance *a, enum verdict verdict) {
    switch (verdict) {
    case GO_ON:
        return take_over(engine, deliver, a);
    case UNDECRYPTABLE:
        return resend_ask(engine, &deliver->from, a->initial.sid, deliver->accepted_ms,
                          "the keys that it names are not here");
    case TWO_DEVICES:
        return engine_tell_peer(engine, ERR_TWO_DEVICES, &deliver->from, NULL);
    case DROP:
        engine->dropped++;
        return OK;
    }
    return OK;
}

must_check enum error accept_initial(struct engine *engine, const struct wire_deliver *deliver) {
    struct acceptance a;
    enum verdict verdict = DROP;
    memset(&a, 0, sizeof(a));
    buffer_init(&a.body, BODY_MAX_BYTES);
    enum error error = examine(engine, deliver, &a, &verdict);
    if (error == OK) {
        error = conclude(engine, deliver, &a, verdict);
    }
    prekey_secret_clear(&a.set);
    prekey_secret_clear(&a.one_time);
    session_clear(&a.session.state);
    buffer_clear(&a.body);
    return error;
}
