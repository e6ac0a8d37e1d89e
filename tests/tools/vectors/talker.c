/* SPDX-License-Identifier: ISC */
/* One end of a random conversation: certificates, prekeys, sessions, and the rules of 1.5 and 1.8
 * on which of them counts. */
#include "random.h"

#include "session/message.h"

#include <string.h>

enum { ROW_MAX_BYTES = 8192, STATE_MAX_BYTES = 1u << 22 };

/* ---- papers ------------------------------------------------------------------------------- */

static void paper_make(struct run *run, size_t device, struct paper *paper) {
    const struct device_keys *keys = &run->pool->devices[device];
    struct entropy entropy = chance_entropy(&run->chance);
    memcpy(paper->certificate, run->pool->certificates[device], CERTIFICATE_BYTES);
    went_well(run->place, "a certificate",
              certificate_parse(bytes_of(paper->certificate), &paper->parsed));
    went_well(run->place, "a prekey set",
              prekey_set_make(&entropy, keys, paper->parsed.cid, paper->parsed.epoch, run->now_ms,
                              &paper->set, paper->set_object));
    for (size_t i = 0; i < ONE_TIMES; i++) {
        went_well(run->place, "a one-time prekey",
                  one_time_prekey_make(&entropy, keys, paper->parsed.cid, run->now_ms,
                                       &paper->one_times[i], paper->one_time_objects[i]));
    }
    paper->own = (struct own_device){.certificate = paper->certificate,
                                     .parsed = &paper->parsed,
                                     .keys = keys,
                                     .pairs = run->pool->pairs[device]};
}

void talkers_make(struct run *run) {
    size_t first = chance_below(&run->chance, POOL_ACCOUNTS);
    size_t apart = 1 + chance_below(&run->chance, POOL_ACCOUNTS - 1);
    const size_t accounts[2] = {first, (first + apart) % POOL_ACCOUNTS};
    for (size_t side = 0; side < 2; side++) {
        struct talker *talker = &run->talkers[side];
        talker->name = run->pool->names[accounts[side]];
        for (size_t epoch = 0; epoch < EPOCHS; epoch++) {
            paper_make(run, EPOCHS * accounts[side] + epoch, &talker->papers[epoch]);
        }
    }
}

void talkers_clear(struct run *run) {
    for (size_t side = 0; side < 2; side++) {
        struct talker *talker = &run->talkers[side];
        for (size_t i = 0; i < talker->slot_count; i++) {
            session_clear(&talker->slots[i].session);
        }
        wipe(talker, sizeof(*talker));
    }
}

/** The certificate with that cid, or NULL. */
static struct paper *paper_of(struct talker *talker, const uint8_t cid[HASH_BYTES]) {
    for (size_t i = 0; i < EPOCHS; i++) {
        if (memcmp(talker->papers[i].parsed.cid, cid, HASH_BYTES) == 0) {
            return &talker->papers[i];
        }
    }
    return NULL;
}

/* ---- sessions ----------------------------------------------------------------------------- */

void slot_store(struct run *run, struct slot *slot) {
    struct session loaded;
    struct buffer row;
    if (!run->chance.is_replay) {
        return;
    }
    buffer_init(&row, ROW_MAX_BYTES);
    went_well(run->place, "saving a session", session_save(&slot->session, &row));
    went_well(run->place, "loading a session", session_load(buffer_view(&row), &loaded));
    for (size_t i = 0; i < slot->session.skipped_count; i++) {
        went_well(run->place, "loading a skipped key",
                  session_add_skipped(&loaded, &slot->session.skipped[i]));
    }
    for (size_t i = 0; i < slot->session.past_count; i++) {
        went_well(run->place, "loading a past chain",
                  session_add_past(&loaded, &slot->session.past[i]));
    }
    session_clear(&slot->session);
    slot->session = loaded;
    buffer_clear(&row);
}

void talker_hash(const struct run *run, size_t side, uint8_t hash[HASH_BYTES]) {
    const struct talker *talker = &run->talkers[side];
    struct buffer all;
    buffer_init(&all, STATE_MAX_BYTES);
    for (size_t i = 0; i < talker->slot_count; i++) {
        const struct session *session = &talker->slots[i].session;
        went_well(run->place, "saving a session", session_save(session, &all));
        for (size_t j = 0; j < session->skipped_count; j++) {
            const struct skipped_key *key = &session->skipped[j];
            uint8_t number[12];
            put_u32(number, key->n);
            put_u64(number + 4, key->stored_ms);
            went_well(run->place, "a hash", buffer_append(&all, bytes_of(key->chain_id)));
            went_well(run->place, "a hash", buffer_append(&all, bytes_of(number)));
            went_well(run->place, "a hash", buffer_append(&all, bytes_of(key->key.bytes)));
        }
        for (size_t j = 0; j < session->past_count; j++) {
            went_well(run->place, "a hash",
                      buffer_append(&all, bytes_of(session->past[j].chain_id)));
        }
    }
    for (size_t i = 0; i < EPOCHS; i++) {
        for (size_t j = 0; j < ONE_TIMES; j++) {
            const struct prekey_secret *key = &talker->papers[i].one_times[j];
            went_well(run->place, "a hash", buffer_append(&all, bytes_of(key->kem.bytes)));
        }
    }
    struct bytes view = buffer_view(&all);
    went_well(run->place, "a hash", sha256(&view, 1, hash));
    buffer_clear(&all);
}

static struct slot *slot_find(struct talker *talker, const uint8_t sid[SESSION_ID_BYTES]) {
    for (size_t i = 0; i < talker->slot_count; i++) {
        if (memcmp(talker->slots[i].session.sid, sid, SESSION_ID_BYTES) == 0) {
            return &talker->slots[i];
        }
    }
    return NULL;
}

/** The bundle that the server has for the peer; each one-time prekey once. */
static void fetch(struct run *run, const struct talker *peer, struct paper *paper,
                  struct bundle *bundle) {
    uint8_t bytes[CERTIFICATE_BYTES + PREKEY_SET_BYTES + ONE_TIME_PREKEY_BYTES];
    size_t size = CERTIFICATE_BYTES + PREKEY_SET_BYTES;
    memcpy(bytes, paper->certificate, CERTIFICATE_BYTES);
    memcpy(bytes + CERTIFICATE_BYTES, paper->set_object, PREKEY_SET_BYTES);
    if (paper->handed_out < ONE_TIMES && chance_of(&run->chance, 70)) {
        memcpy(bytes + size, paper->one_time_objects[paper->handed_out++], ONE_TIME_PREKEY_BYTES);
        size += ONE_TIME_PREKEY_BYTES;
    }
    went_well(run->place, "the bundle",
              bundle_verify(bytes_make(bytes, size), &peer->name, run->now_ms, paper->parsed.afp,
                            bundle));
}

void talker_start(struct run *run, size_t side) {
    struct talker *talker = &run->talkers[side];
    struct talker *peer = &run->talkers[1 - side];
    struct entropy entropy = chance_entropy(&run->chance);
    struct slot *slot = &talker->slots[talker->slot_count];
    struct bundle bundle;
    fetch(run, peer, &peer->papers[peer->current], &bundle);
    went_well(run->place, "a session",
              session_start(&talker->papers[talker->current].own, &bundle, &entropy, run->now_ms,
                            &slot->session));
    slot->newest_sent = 0;
    run->coverage->count[RANDOM_RESTART] += talker->active != NULL;
    run->coverage->count[bundle.has_one_time ? RANDOM_ONE_TIME : RANDOM_LAST_RESORT]++;
    if (bundle.certificate.epoch > talker->highest_epoch) {
        talker->highest_epoch = bundle.certificate.epoch;
    }
    talker->slot_count++;
    talker->active = slot;
}

/* ---- sending ------------------------------------------------------------------------------ */

/** kind, when, which, and a filler: of a size where something changes, or of any. */
static void make_body(struct run *run, struct letter *letter) {
    static const size_t SIZES[] = {0, 1, 40, 200, 234, 235, 490, 491, 700, 4000};
    enum { COUNT = sizeof(SIZES) / sizeof(SIZES[0]), HEAD = 17 };
    struct entropy entropy = chance_entropy(&run->chance);
    size_t size = SIZES[chance_below(&run->chance, COUNT)];
    uint8_t *at = NULL;
    if (chance_below(&run->chance, 400) == 0) {
        size = BODY_MAX_BYTES - HEAD;
    }
    went_well(run->place, "a body", buffer_extend(&letter->body, HEAD + size, &at));
    at[0] = letter->kind;
    put_u64(at + 1, letter->sent);
    put_u64(at + 9, run->letter_count);
    went_well(run->place, "a body", entropy.fill(entropy.context, at + HEAD, size));
}

/** What a sealed message carries, by its own bytes. */
static void count_sealed(struct run *run, const struct session *before_seal, bool was_new,
                         bool was_due, struct bytes wire) {
    struct initial initial;
    struct message message;
    uint64_t *count = run->coverage->count;
    if (wire.data[1] == ENVELOPE_INITIAL) {
        went_well(run->place, "the INITIAL", initial_parse(wire, &initial));
        wire = initial.full;
    }
    went_well(run->place, "the message", message_parse(wire, &message));
    if (!was_new) {
        return;
    }
    count[RANDOM_AUTH] += message.chain.auth_rsa != NULL;
    count[RANDOM_CT] += message.chain.ct != NULL;
    count[RANDOM_EK] += message.chain.ek != NULL;
    if (message.chain.ek != NULL && before_seal->chains_sent > 1) {
        count[was_due ? RANDOM_PQ_MESSAGES : RANDOM_PQ_DAY]++;
    }
}

struct letter *talker_seal(struct run *run, size_t side, uint8_t kind) {
    struct talker *talker = &run->talkers[side];
    struct session *session = &talker->active->session;
    struct entropy entropy = chance_entropy(&run->chance);
    uint8_t chain_id[CHAIN_ID_BYTES];
    uint32_t n = 0;
    if (run->letter_count == LETTERS_MAX) {
        differs(run->place, "the conversation is too long");
    }
    struct letter *letter = &run->letters[run->letter_count];
    *letter = (struct letter){.sender = side, .kind = kind, .sent = run->now_ms};
    buffer_init(&letter->body, BODY_MAX_BYTES);
    buffer_init(&letter->wire, ENVELOPE_MAX_BYTES);
    make_body(run, letter);
    slot_store(run, talker->active);
    bool was_new = session->need_send;
    bool was_due = session->since_pq >= PQ_STEP_MESSAGES;
    went_well(run->place, "sealing",
              session_seal(session, &paper_of(talker, session->own_cid)->own, &entropy, run->now_ms,
                           buffer_view(&letter->body), &letter->wire, chain_id, &n));
    count_sealed(run, session, was_new, was_due, buffer_view(&letter->wire));
    run->letter_count++;
    return letter;
}

/* ---- receiving ---------------------------------------------------------------------------- */

/** Which session sends from now on (S2 of 1.8); `newer` when the certificate's epoch decides. */
static void choose(struct run *run, struct talker *talker, struct slot *made, uint64_t sent,
                   bool newer) {
    struct slot *active = talker->active;
    bool is_ours = active != NULL && active->session.role == SESSION_INITIATOR &&
                   !active->session.is_confirmed;
    if (active == NULL || newer) {
        talker->active = made;
    } else if (is_ours) {
        run->coverage->count[RANDOM_SIMULTANEOUS]++;
        if (memcmp(made->session.sid, active->session.sid, SESSION_ID_BYTES) < 0) {
            talker->active = made;
        }
    } else if (sent >= active->newest_sent) {
        talker->active = made;
    }
}

/** The one-time prekey of that id whose private half is still there. */
static struct prekey_secret *one_time_of(struct paper *paper, uint32_t id) {
    for (size_t i = 0; i < ONE_TIMES; i++) {
        if (id != 0 && paper->one_times[i].id == id) {
            return &paper->one_times[i];
        }
    }
    return NULL;
}

/** An INITIAL of an unknown session (1.5). ERR_CONFLICT: an epoch below the highest seen. */
static enum error accept(struct run *run, size_t side, struct bytes envelope, struct buffer *body,
                         struct slot **slot) {
    struct talker *talker = &run->talkers[side];
    struct slot *made = &talker->slots[talker->slot_count];
    struct initial initial;
    struct certificate peer;
    if (talker->slot_count == SLOTS_MAX) {
        differs(run->place, "too many sessions");
    }
    enum error error = initial_parse(envelope, &initial);
    struct paper *paper = error == OK ? paper_of(talker, initial.own_cid) : NULL;
    if (error == OK) {
        error = certificate_verify(initial.certificate, run->now_ms, PRIVATE_KEY_GRACE_MS, &peer);
    }
    if (error == OK && !user_name_equal(&peer.name, &run->talkers[1 - side].name)) {
        error = ERR_MISMATCH;
    }
    if (error == OK && peer.epoch < talker->highest_epoch) {
        error = ERR_CONFLICT;
    }
    if (error == OK && paper == NULL) {
        error = ERR_NOT_FOUND;
    }
    if (error != OK) {
        return error;
    }
    struct prekey_secret *one_time = one_time_of(paper, initial.one_time_id);
    if (paper->set.id != initial.set_id || (initial.one_time_id != 0 && one_time == NULL)) {
        return ERR_NOT_FOUND;
    }
    error = session_accept(&paper->own, &peer, &initial, &paper->set, one_time, run->now_ms,
                           &made->session, body);
    if (error != OK) {
        return error;
    }
    if (one_time != NULL) {
        prekey_secret_clear(one_time);
    }
    bool newer = peer.epoch > talker->highest_epoch && talker->highest_epoch > 0;
    if (newer) {
        run->coverage->count[RANDOM_RENEWAL]++;
    }
    talker->highest_epoch = peer.epoch > talker->highest_epoch ? peer.epoch : talker->highest_epoch;
    made->newest_sent = 0;
    talker->slot_count++;
    talker->owes_turn = true;
    choose(run, talker, made, get_u64(body->data + 1), newer);
    *slot = made;
    return OK;
}

must_check enum error talker_receive(struct run *run, size_t side, struct bytes envelope,
                                     struct buffer *body, struct slot **slot) {
    struct talker *talker = &run->talkers[side];
    struct session_change change;
    enum envelope_type type;
    uint8_t sid[SESSION_ID_BYTES];
    enum error error = envelope_inspect(envelope, &type, sid);
    if (error != OK) {
        return error;
    }
    *slot = slot_find(talker, sid);
    if (*slot == NULL && type == ENVELOPE_INITIAL) {
        return accept(run, side, envelope, body, slot);
    }
    if (*slot == NULL) {
        return type == ENVELOPE_COMPACT ? ERR_WAIT : ERR_UNKNOWN_SESSION;
    }
    slot_store(run, *slot);
    struct session *session = &(*slot)->session;
    error = session_open(session, &paper_of(talker, session->own_cid)->own, envelope, run->now_ms,
                         body, &change);
    if (error == OK && change.used_skipped) {
        run->coverage->count[RANDOM_SKIPPED]++;
        run->coverage->count[RANDOM_OLD_CHAIN] +=
            memcmp(change.used_chain, session->receiving.id, CHAIN_ID_BYTES) != 0;
    }
    return error;
}
