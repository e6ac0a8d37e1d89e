/* SPDX-License-Identifier: ISC */
/* What happens in a random conversation, and the two playings of it. */
#include "random.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    STARTS_MAX = 4,      /**< sessions that one side begins */
    LONG_PAUSES_MAX = 4, /**< of more than a day: the whole stays within the prekeys' 30 days */
    KIND_TEXT = 1,
    KIND_RECEIPT = 2,
    KIND_NOTICE = 5,
};

/* ---- events ------------------------------------------------------------------------------- */

/** The first playing writes down what happened and both states; the second compares. */
static void note(struct run *run, const char *what, size_t side, enum error error,
                 struct bytes bytes) {
    struct events *events = run->events;
    uint8_t states[2][HASH_BYTES];
    uint8_t outcome[2] = {(uint8_t)side, (uint8_t)error};
    uint8_t hash[HASH_BYTES];
    talker_hash(run, 0, states[0]);
    talker_hash(run, 1, states[1]);
    const struct bytes parts[] = {bytes_of_string(what), bytes_of(outcome), bytes,
                                  bytes_of(states[0]), bytes_of(states[1])};
    went_well(run->place, "a hash", sha256(parts, sizeof(parts) / sizeof(parts[0]), hash));
    if (!run->chance.is_replay) {
        if (events->count == EVENTS_MAX) {
            differs(run->place, "too many events");
        }
        memcpy(events->hashes[events->count++], hash, HASH_BYTES);
        return;
    }
    size_t at = events->compared++;
    if (at >= events->count || memcmp(events->hashes[at], hash, HASH_BYTES) != 0) {
        differs(run->place, "event %zu (%s of %s, %s) is another after saving and loading", at,
                what, run->talkers[side].name.text, error_word(error));
    }
}

/* ---- letters ------------------------------------------------------------------------------ */

static void send(struct run *run, size_t side, uint8_t kind) {
    struct talker *talker = &run->talkers[side];
    size_t index = run->letter_count;
    if (talker->active == NULL) {
        talker_start(run, side);
    }
    struct letter *letter = talker_seal(run, side, kind);
    run->coverage->count[RANDOM_RECEIPT] += kind == KIND_RECEIPT;
    run->coverage->count[RANDOM_NOTICE] += kind == KIND_NOTICE;
    note(run, "send", side, OK, buffer_view(&letter->wire));
    if (chance_of(&run->chance, 5)) {
        letter->is_lost = true;
        run->coverage->count[RANDOM_LOST]++;
    } else {
        run->under_way[run->under_way_count++] = index;
    }
}

/** A message opened: it is what was sent, and the first time. */
static void opened(struct run *run, size_t side, struct letter *letter, struct bytes body,
                   struct slot *slot) {
    struct talker *talker = &run->talkers[side];
    uint64_t *count = run->coverage->count;
    same_bytes(run->place, "a body", body, buffer_view(&letter->body));
    same_number(run->place, "times opened", ++letter->opened, 1);
    if (letter->sent > slot->newest_sent) {
        slot->newest_sent = letter->sent;
    }
    talker->owed += letter->kind == KIND_TEXT;
    uint8_t type = letter->wire.data[1];
    count[type == ENVELOPE_INITIAL ? RANDOM_INITIAL
          : type == ENVELOPE_FULL  ? RANDOM_FULL
                                   : RANDOM_COMPACT]++;
    count[RANDOM_RECEIVE_ONLY] += slot != talker->active;
    const struct talker *peer = &run->talkers[1 - side];
    count[RANDOM_OLD_CERTIFICATE] +=
        memcmp(slot->session.own_cid, talker->papers[talker->current].parsed.cid, HASH_BYTES) !=
            0 ||
        memcmp(slot->session.peer_cid, peer->papers[peer->current].parsed.cid, HASH_BYTES) != 0;
}

/** Offers a letter; OK, or why not. */
static enum error offer(struct run *run, struct letter *letter) {
    size_t side = 1 - letter->sender;
    struct slot *slot = NULL;
    struct buffer body;
    buffer_init(&body, BODY_MAX_BYTES);
    enum error error = talker_receive(run, side, buffer_view(&letter->wire), &body, &slot);
    if (error == OK) {
        opened(run, side, letter, buffer_view(&body), slot);
    }
    note(run, "receive", side, error, buffer_view(&body));
    buffer_clear(&body);
    return error;
}

/** What waits for its chain is tried again after every FULL message (1.7). */
static void retry(struct run *run, size_t side) {
    bool moved = true;
    while (moved) {
        moved = false;
        for (size_t i = 0; i < run->letter_count; i++) {
            struct letter *letter = &run->letters[i];
            if (letter->is_waiting && letter->sender != side && offer(run, letter) == OK) {
                letter->is_waiting = false;
                moved = true;
                run->coverage->count[RANDOM_WAITED]++;
            }
        }
    }
}

/** A copy with one bit turned is refused and changes nothing. HELLO is left alone where the session
 * is known: there it is not looked at (1.5 step 2). */
static void alter(struct run *run, const struct letter *letter) {
    size_t side = 1 - letter->sender;
    struct bytes wire = buffer_view(&letter->wire);
    size_t from = wire.data[1] == ENVELOPE_INITIAL ? HELLO_BYTES : 0;
    uint8_t before[HASH_BYTES];
    uint8_t after[HASH_BYTES];
    struct slot *slot = NULL;
    struct buffer copy;
    struct buffer body;
    buffer_init(&copy, ENVELOPE_MAX_BYTES);
    buffer_init(&body, BODY_MAX_BYTES);
    went_well(run->place, "a copy", buffer_append(&copy, wire));
    size_t at = from + chance_below(&run->chance, wire.size - from);
    copy.data[at] = (uint8_t)(copy.data[at] ^ 1u << chance_below(&run->chance, 8));
    talker_hash(run, side, before);
    enum error error = talker_receive(run, side, buffer_view(&copy), &body, &slot);
    talker_hash(run, side, after);
    if (error == OK || body.size > 0) {
        differs(run->place, "byte %zu of a message was altered and it opened", at);
    }
    same_bytes(run->place, "the state after an altered message", bytes_of(after), bytes_of(before));
    note(run, "altered", side, error, (struct bytes){NULL, 0});
    run->coverage->count[RANDOM_ALTERED]++;
    buffer_clear(&copy);
    buffer_clear(&body);
}

/** One letter arrives: altered before, doubled after, now and then. */
static void arrive(struct run *run, size_t at) {
    struct letter *letter = &run->letters[run->under_way[at]];
    size_t side = 1 - letter->sender;
    run->under_way_count--;
    memmove(&run->under_way[at], &run->under_way[at + 1],
            (run->under_way_count - at) * sizeof(run->under_way[0]));
    if (chance_of(&run->chance, 15)) {
        alter(run, letter);
    }
    enum error error = offer(run, letter);
    if (error == ERR_WAIT) {
        letter->is_waiting = true;
        return;
    }
    if (error == ERR_CONFLICT) { /* a first message under a certificate that was replaced */
        letter->is_stale = true;
        run->coverage->count[RANDOM_STALE]++;
        return;
    }
    went_well(run->place, "an honest message", error);
    if (letter->wire.data[1] != ENVELOPE_COMPACT) {
        retry(run, side);
    }
    if (chance_of(&run->chance, 10)) { /* this one or an older one again */
        size_t again = chance_of(&run->chance, 50) ? (size_t)(letter - run->letters)
                                                   : chance_below(&run->chance, run->letter_count);
        if (run->letters[again].opened > 0) {
            same_number(run->place, "the answer to a duplicate", offer(run, &run->letters[again]),
                        ERR_DUPLICATE);
            run->coverage->count[RANDOM_DUPLICATE]++;
        }
    }
}

/** The network: mostly the oldest first, sometimes any. */
static void deliver_some(struct run *run, size_t percent) {
    while (run->under_way_count > 0 && chance_of(&run->chance, percent)) {
        arrive(run,
               chance_of(&run->chance, 35) ? chance_below(&run->chance, run->under_way_count) : 0);
    }
}

/* ---- the conversation --------------------------------------------------------------------- */

static void talk(struct run *run, size_t side) {
    struct talker *talker = &run->talkers[side];
    /* Sometimes long enough for a post-quantum step by count. */
    size_t burst = chance_of(&run->chance, 10) ? 30 + chance_below(&run->chance, 15)
                                               : 1 + chance_below(&run->chance, 5);
    if (talker->owed > 0 && chance_of(&run->chance, 50)) {
        send(run, side, KIND_RECEIPT);
        talker->owed = 0;
    } else if (talker->owes_turn) {
        send(run, side, KIND_NOTICE);
    }
    talker->owes_turn = false;
    for (size_t i = 0; i < burst; i++) {
        send(run, side, KIND_TEXT);
        deliver_some(run, 45);
    }
}

/** Time passes: minutes, at times more than a day. */
static void wait(struct run *run, size_t *pauses) {
    run->now_ms += (1 + chance_below(&run->chance, 60)) * MINUTE_MS;
    if (*pauses < LONG_PAUSES_MAX && chance_of(&run->chance, 12)) {
        run->now_ms += DAY_MS + chance_below(&run->chance, 10) * HOUR_MS;
        (*pauses)++;
    }
}

/** The certificate is renewed while the first message of a session under the old one is under way;
 * either may arrive first. */
static void renew_amid(struct run *run, size_t side) {
    talker_start(run, side);
    send(run, side, KIND_TEXT);
    run->talkers[side].current = 1;
    talker_start(run, side);
    send(run, side, KIND_TEXT);
    if (run->under_way_count > 0 && chance_of(&run->chance, 50)) {
        arrive(run, run->under_way_count - 1);
    }
}

static void converse(struct run *run) {
    size_t rounds = 6 + chance_below(&run->chance, 12);
    size_t pauses = 0;
    size_t starts[2] = {0, 0};
    if (chance_of(&run->chance, 30)) { /* both begin before either hears the other */
        send(run, 0, KIND_TEXT);
        send(run, 1, KIND_TEXT);
    }
    size_t side = chance_below(&run->chance, 2);
    for (size_t round = 0; round < rounds; round++) {
        struct talker *talker = &run->talkers[side];
        if (talker->current == 0 && chance_of(&run->chance, 10)) {
            talker->current = 1; /* renewed; its running sessions go on under the old one */
        } else if (talker->current == 0 && chance_of(&run->chance, 12)) {
            renew_amid(run, side);
        }
        if (starts[side] < STARTS_MAX && talker->active != NULL && chance_of(&run->chance, 10)) {
            talker_start(run, side);
            starts[side]++;
        }
        talk(run, side);
        deliver_some(run, 65);
        wait(run, &pauses);
        side = chance_of(&run->chance, 75) ? 1 - side : side;
    }
    while (run->under_way_count > 0) {
        arrive(run, chance_below(&run->chance, run->under_way_count));
    }
}

/** Everything that was not lost was opened once, or is accounted for. */
static void settle(struct run *run) {
    for (size_t i = 0; i < run->letter_count; i++) {
        struct letter *letter = &run->letters[i];
        unsigned expected = letter->is_lost || letter->is_stale || letter->is_waiting ? 0 : 1;
        if (letter->opened != expected) {
            differs(run->place, "message %zu was opened %u times, not %u", i, letter->opened,
                    expected);
        }
        buffer_clear(&letter->body);
        buffer_clear(&letter->wire);
    }
}

static void play(const struct pool *pool, uint64_t seed, bool is_replay, struct taped *tape,
                 struct events *events, struct coverage *coverage, size_t *taped) {
    struct place place = {.file = "random conversation"};
    struct run *run = calloc(1, sizeof(*run));
    (void)snprintf(place.at, sizeof(place.at), "seed %" PRIu64 "%s", seed,
                   is_replay ? " (second playing)" : "");
    if (run == NULL) {
        differs(&place, "out of memory");
    }
    run->pool = pool;
    run->coverage = coverage;
    run->place = &place;
    run->events = events;
    run->now_ms = RANDOM_BEGIN_MS;
    run->chance = (struct chance){.place = &place,
                                  .state = seed * UINT64_C(0x2545f4914f6cdd1d),
                                  .is_replay = is_replay,
                                  .tape = tape,
                                  .taped = *taped};
    talkers_make(run);
    converse(run);
    settle(run);
    *taped = run->chance.taped;
    talkers_clear(run);
    free(run);
}

void random_conversation(const struct pool *pool, uint64_t seed, struct coverage *coverage) {
    const struct place place = {.file = "random conversation", .at = "begin"};
    struct coverage second = {{0}};
    struct taped *tape = calloc(TAPE_MAX, sizeof(*tape));
    struct events *events = calloc(1, sizeof(*events));
    size_t taped = 0;
    if (tape == NULL || events == NULL) {
        differs(&place, "out of memory");
    }
    play(pool, seed, false, tape, events, coverage, &taped);
    play(pool, seed, true, tape, events, &second, &taped);
    if (events->compared != events->count) {
        differs(&place, "seed %" PRIu64 ": the second playing had %zu events, the first %zu", seed,
                events->compared, events->count);
    }
    wipe(tape, TAPE_MAX * sizeof(*tape));
    free(tape);
    free(events);
}
