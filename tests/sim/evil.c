/* SPDX-License-Identifier: ISC */
/* A server that lies: it loses, holds back, reorders and repeats envelopes, keeps one-time prekeys
 * to itself, and puts in what others forged. It works on what the honest core wrote. */
#include "sim.h"

#include <string.h>

static void count_lie(struct sim *sim, const char *what, const struct person *person) {
    sim->was_lied_to = true;
    sim->tally.lies++;
    sim_say(sim, "the server %s (for %s)", what, person->name);
}

/* ---- envelopes that are kept
 * ------------------------------------------------------------------------ */

void evil_keep(struct kept_envelope *kept, uint8_t to, const struct user_name *from,
               struct bytes envelope, uint64_t accepted_ms) {
    if (kept->bytes.cap == 0) {
        buffer_init(&kept->bytes, ENVELOPE_MAX_BYTES);
    }
    buffer_reset(&kept->bytes);
    kept->to = to;
    kept->from = *from;
    kept->accepted_ms = accepted_ms;
    if (buffer_append(&kept->bytes, envelope) != OK) {
        kept->bytes.size = 0;
    }
}

static void keep_delivery(struct kept_envelope *kept, uint8_t to,
                          const struct wire_deliver *message) {
    evil_keep(kept, to, &message->from, message->envelope, message->accepted_ms);
    memcpy(kept->id, message->envelope_id, ENVELOPE_ID_BYTES);
}

void evil_clear(struct sim *sim) {
    for (size_t i = 0; i < KEPT_MAX; i++) {
        buffer_clear(&sim->evil.delayed[i].bytes);
        buffer_clear(&sim->evil.archive[i].bytes);
        buffer_clear(&sim->evil.forged[i].bytes);
    }
}

/* ---- what is written instead
 * ------------------------------------------------------------------------ */

static void write(struct person *person, const struct wire_deliver *message) {
    sim_must(person->sim, wire_write_deliver(&person->to_client, message), "a full link");
}

/* The core knows no such handle, so the acknowledgement of it is nothing to it. */
static void write_kept(struct person *person, const struct kept_envelope *kept) {
    struct wire_deliver message = {.from = kept->from,
                                   .accepted_ms = kept->accepted_ms,
                                   .envelope = buffer_view(&kept->bytes)};
    uint8_t handle[8];
    const struct random_source random = chance_random(&person->sim->chance);
    sim_must(person->sim, random_fill(&random, handle, sizeof(handle)), "a handle");
    message.handle = get_u64(handle) | 1;
    memcpy(message.envelope_id, kept->id, ENVELOPE_ID_BYTES);
    if (kept->bytes.size >= ENVELOPE_MIN_BYTES) {
        write(person, &message);
    }
}

/* Something under the same handle that nobody takes for a message: the client acknowledges it, and
 * the core forgets the real one. */
static void write_junk(struct person *person, const struct wire_deliver *message) {
    uint8_t junk[ENVELOPE_MIN_BYTES];
    struct wire_deliver changed = *message;
    memset(junk, 0xff, sizeof(junk));
    changed.envelope = bytes_of(junk);
    write(person, &changed);
}

static void release(struct person *person, struct kept_envelope *list, size_t *count) {
    struct sim *sim = person->sim;
    for (size_t i = 0; i < *count;) {
        if (list[i].to != person->index || list[i].release_ms > sim->wall_ms) {
            i++;
            continue;
        }
        write_kept(person, &list[i]);
        struct kept_envelope gone = list[i];
        list[i] = list[*count - 1];
        list[*count - 1] = gone;
        *count -= 1;
    }
}

static void delay(struct person *person, const struct wire_deliver *message) {
    struct sim *sim = person->sim;
    struct evil *evil = &sim->evil;
    static const uint64_t SPANS[] = {SECOND_MS, HOUR_MS, DAY_MS, 9 * DAY_MS};
    struct kept_envelope *kept = &evil->delayed[evil->delayed_count++];
    uint64_t span = SPANS[choose(&sim->chance, "how long", 4)];
    keep_delivery(kept, person->index, message);
    kept->release_ms = sim->wall_ms + 1 + span / 8 * choose(&sim->chance, "span", 8);
    write_junk(person, message);
    count_lie(sim, "holds an envelope back", person);
}

static void replay(struct person *person) {
    struct sim *sim = person->sim;
    const struct kept_envelope *kept =
        &sim->evil.archive[choose(&sim->chance, "which old one", KEPT_MAX)];
    if (kept->bytes.size > 0 && kept->to == person->index) {
        count_lie(sim, "replays an envelope", person);
        write_kept(person, kept);
    }
}

static void pass_delivery(struct person *person, const struct wire_deliver *message) {
    struct sim *sim = person->sim;
    struct evil *evil = &sim->evil;
    if (sim_happens(sim, "drop", evil->drop)) {
        count_lie(sim, "loses an envelope", person);
        write_junk(person, message);
        return;
    }
    if (evil->delayed_count < KEPT_MAX && sim_happens(sim, "delay", evil->delay)) {
        delay(person, message);
        return;
    }
    write(person, message);
    keep_delivery(&evil->archive[evil->archive_next++ % KEPT_MAX], person->index, message);
    if (sim_happens(sim, "twice", evil->twice)) {
        count_lie(sim, "delivers twice", person);
        write_kept(person, &evil->archive[(evil->archive_next - 1) % KEPT_MAX]);
    }
    if (sim_happens(sim, "replay", evil->replay)) {
        replay(person);
    }
}

/* The server writes whole frames; each is passed, changed or followed by others. */
void evil_pass(struct person *person, struct bytes frames) {
    struct sim *sim = person->sim;
    struct wire_frame frame;
    struct wire_deliver message;
    size_t used;
    size_t at = 0;
    while (wire_frame_cut(bytes_make(frames.data + at, frames.size - at), FRAME_MAX_BYTES, &frame,
                          &used) == OK) {
        struct bytes whole = bytes_make(frames.data + at, used);
        at += used;
        if (frame.type == WIRE_DELIVER && wire_read_deliver(frame.body, &message) == OK) {
            pass_delivery(person, &message);
            continue;
        }
        if (frame.type == WIRE_CAUGHT_UP) {
            release(person, sim->evil.delayed, &sim->evil.delayed_count);
            release(person, sim->evil.forged, &sim->evil.forged_count);
        }
        sim_must(sim, buffer_append(&person->to_client, whole), "a full link");
    }
    if (at != frames.size) {
        sim_complain(sim, "the server wrote half a frame");
    }
}

/* ---- the store
 * ---------------------------------------------------------------------------------------- */

void evil_batch(struct sim *sim, struct store_batch *batch) {
    if (!sim->evil.is_on || sim->evil.withhold == 0) {
        return;
    }
    for (struct store_op *op = batch->first; op != NULL; op = op->next) {
        if (op->kind == STORE_BUNDLE && op->result == OK && op->bundle->has_one_time &&
            sim_happens(sim, "withhold", sim->evil.withhold)) {
            op->bundle->has_one_time = false;
            sim->was_lied_to = true;
            sim->tally.lies++;
            sim_say(sim, "the server withholds a one-time prekey of %s", op->bundle->name.text);
        }
    }
}

/* What was held back comes now, or never. */
void evil_end(struct sim *sim) {
    struct evil *evil = &sim->evil;
    evil->drop = 0;
    evil->delay = 0;
    evil->replay = 0;
    evil->twice = 0;
    evil->withhold = 0;
    for (size_t i = 0; i < evil->delayed_count; i++) {
        evil->delayed[i].release_ms = sim->wall_ms;
    }
    if (choose(&sim->chance, "what was held back comes", 2) == 0) {
        evil->delayed_count = 0;
    }
}
