/* SPDX-License-Identifier: ISC */
/* What kind of world it is: who comes when, what breaks, who lies, and how it heals. */
#include "sim.h"

#include "base/require.h"

#include <string.h>

enum { HEAL_DAYS_MAX = 40, NOTICE_DAYS = 5, HEAL_ROUNDS_AT_ONCE = 4 };

/** The shape of a safety phase. */
struct plot {
    uint32_t visits;
    uint32_t gap_classes; /**< 1: seconds; 2: hours too; 3: a day; 4: five days */
    uint32_t burst;       /**< one visit in so many writes very much */
    uint32_t days_max;
    uint64_t absence_ms; /**< somebody is away that long once */
    uint32_t reborn;     /**< one step in so many somebody starts over */
    uint32_t restore;    /**< one step in so many the database is put back */
    bool is_silent_restore;
    uint32_t theft; /**< one step in so many keys are stolen, or used */
};

/* ---- gaps
 * --------------------------------------------------------------------------------------------- */

static uint64_t choose_gap(struct sim *sim, const struct plot *plot) {
    static const uint64_t SPANS[] = {2 * MINUTE_MS, 6 * HOUR_MS, DAY_MS, 5 * DAY_MS};
    uint32_t class = choose(&sim->chance, "gap", 12);
    class = class < 5 ? 0 : class < 9 ? 1 : class < 11 ? 2 : 3;
    require(plot->gap_classes >= 1 && plot->gap_classes <= 4);
    class = class < plot->gap_classes ? class : plot->gap_classes - 1;
    return 1 + SPANS[class] / 1000 * choose(&sim->chance, "how long", 1000);
}

static uint32_t choose_count(struct sim *sim, const struct plot *plot) {
    if (sim_happens(sim, "burst", plot->burst)) {
        return 200 + choose(&sim->chance, "how many in a row", 1401);
    }
    switch (choose(&sim->chance, "how many", 12)) {
    case 0:
    case 1:
    case 2:
        return 0;
    case 11:
        return 5 + choose(&sim->chance, "some", 40);
    default:
        return 1 + choose(&sim->chance, "few", 3);
    }
}

/* ---- the beginning
 * ------------------------------------------------------------------------------------ */

static void register_all(struct sim *sim) {
    for (size_t i = 0; i < sim->crowd && sim_is_sound(sim); i++) {
        struct person *person = &sim->people[i];
        bool is_always = person->is_always;
        person->is_always = false;
        person_visit(person, 0);
        sim_pump(sim);
        person->is_always = is_always;
    }
}

void plot_begin(struct sim *sim, uint8_t crowd) {
    sim->config.registration = choose(&sim->chance, "registration", 2) == 0
                                   ? WIRE_REGISTRATION_OPEN
                                   : WIRE_REGISTRATION_INVITE;
    sim_start_server(sim);
    if (crowd == 0) {
        crowd = 2;
        crowd = choose(&sim->chance, "crowd", 4) == 3 ? (uint8_t)(crowd + 1) : crowd;
        crowd = choose(&sim->chance, "crowd", 8) == 7 ? (uint8_t)(crowd + 1) : crowd;
    }
    for (size_t i = 0; i < crowd && sim_is_sound(sim); i++) {
        sim->crowd = (uint8_t)(i + 1);
        person_make(sim, i);
        sim->people[i].habit = (enum habit)choose(&sim->chance, "habit", 3);
        sim->people[i].is_silent = choose(&sim->chance, "silent", 8) == 7;
        sim->people[i].next_ms = sim->wall_ms + 1 + choose(&sim->chance, "first visit", 100000);
    }
    register_all(sim);
}

/* ---- the safety phase
 * --------------------------------------------------------------------------------- */

static struct person *next_person(struct sim *sim) {
    struct person *next = &sim->people[0];
    for (size_t i = 1; i < sim->crowd; i++) {
        if (sim->people[i].next_ms < next->next_ms) {
            next = &sim->people[i];
        }
    }
    return next;
}

static void visit(struct sim *sim, struct person *person, const struct plot *plot) {
    uint32_t count = choose_count(sim, plot);
    person_visit(person, person->is_silent ? 0 : count);
    person->next_ms = sim->wall_ms + choose_gap(sim, plot);
    if (choose(&sim->chance, "together", 5) == 4) {
        struct person *other = &sim->people[choose(&sim->chance, "with", (uint32_t)sim->crowd)];
        if (other != person) {
            person_visit(other, choose_count(sim, plot));
        }
    }
    sim_pump(sim);
}

static void happen(struct sim *sim, const struct plot *plot) {
    if (sim_happens(sim, "starts over", plot->reborn)) {
        person_reborn(&sim->people[choose(&sim->chance, "who", (uint32_t)sim->crowd)]);
    }
    if (sim_happens(sim, "theft", plot->theft)) {
        if (sim->stolen == NULL || choose(&sim->chance, "another theft", 4) == 3) {
            forger_steal(sim);
        }
        forger_forge(sim);
    }
    if (plot->restore > 0) {
        if (choose(&sim->chance, "a copy is made", plot->restore) == 1) {
            sim_take_snapshot(sim);
        }
        if (sim_happens(sim, "the copy is put back", plot->restore)) {
            sim_put_back(sim, plot->is_silent_restore);
        }
    }
}

static void live(struct sim *sim, const struct plot *plot) {
    uint64_t end_ms = sim->wall_ms + plot->days_max * DAY_MS;
    uint32_t leave_at = choose(&sim->chance, "absence begins", plot->visits);
    for (uint32_t i = 0; i < plot->visits && sim_is_sound(sim); i++) {
        struct person *person = next_person(sim);
        if (plot->absence_ms == 0 && person->next_ms > end_ms) {
            break;
        }
        sim_advance(sim, person->next_ms);
        visit(sim, person, plot);
        happen(sim, plot);
        if (i == leave_at && plot->absence_ms > 0) {
            sim_say(sim, "%s goes on holiday for %llu days", person->name,
                    (unsigned long long)(plot->absence_ms / DAY_MS));
            person->next_ms = sim->wall_ms + plot->absence_ms;
            person->is_always = false;
            if (person->presence != AWAY) {
                link_cut(person, OK, "leaves");
            }
        }
    }
    /* Whoever is away comes back before the end. */
    for (size_t i = 0; plot->absence_ms > 0 && i < sim->crowd && sim_is_sound(sim); i++) {
        struct person *person = next_person(sim);
        sim_advance(sim, person->next_ms);
        visit(sim, person, plot);
        person->next_ms = UINT64_MAX;
    }
}

/* ---- healing
 * ------------------------------------------------------------------------------------------ */

static void write_probes(struct person *person) {
    for (uint8_t to = 0; to < person->sim->crowd; to++) {
        if (to != person->index && person->engine != NULL) {
            person_write(person, to, true);
        }
    }
}

static void heal_round(struct sim *sim, uint32_t round) {
    size_t first = choose(&sim->chance, "who comes first", (uint32_t)sim->crowd);
    for (size_t i = 0; i < sim->crowd && sim_is_sound(sim); i++) {
        struct person *person = &sim->people[(first + i) % sim->crowd];
        sim_advance(sim, sim->wall_ms + 1 + choose(&sim->chance, "soon", 100000));
        person_visit(person, 0);
        if (round == 1) {
            write_probes(person);
        }
        person_attend(person);
        sim_pump(sim);
    }
}

void plot_heal(struct sim *sim) {
    sim_say(sim, "---- the world heals");
    sim->is_healing = true;
    sim->breakage = (struct breakage){0};
    sim_end_limits(sim);
    server_disk_free(sim->server, UINT64_C(1) << 40);
    evil_end(sim);
    uint64_t began_ms = sim->wall_ms;
    for (uint32_t round = 0; sim_is_sound(sim); round++) {
        heal_round(sim, round);
        bool may_wait = sim->wall_ms - began_ms < NOTICE_DAYS * DAY_MS;
        if (round > 1 && judge_is_done(sim) && !(may_wait && judge_waits_for_notices(sim))) {
            break;
        }
        if (sim->wall_ms - began_ms > HEAL_DAYS_MAX * DAY_MS) {
            break;
        }
        if (round >= HEAL_ROUNDS_AT_ONCE) {
            sim_advance(sim, sim->wall_ms + DAY_MS / 2);
        }
    }
    sim->tally.heal_days = (sim->wall_ms - began_ms) / DAY_MS;
}

/* ---- kinds
 * -------------------------------------------------------------------------------------------- */

static void make_honest(struct sim *sim, struct plot *plot) {
    plot->visits = 12 + choose(&sim->chance, "visits", 48);
    plot->gap_classes = 1 + choose(&sim->chance, "gaps", 4);
    plot->burst = choose(&sim->chance, "has bursts", 50) == 49 ? 12 : 0;
    plot->days_max = 40;
    if (choose(&sim->chance, "somebody stays", 4) == 3) {
        sim->people[choose(&sim->chance, "who stays", (uint32_t)sim->crowd)].is_always = true;
        plot->gap_classes = plot->gap_classes < 3 ? plot->gap_classes : 2;
    }
}

static void make_holiday(struct sim *sim, struct plot *plot) {
    make_honest(sim, plot);
    plot->gap_classes = 4;
    plot->days_max = 160;
    bool is_long = choose(&sim->chance, "long", 2) == 1;
    plot->absence_ms = DAY_MS * (is_long ? 46 + choose(&sim->chance, "days", 85)
                                         : 6 + choose(&sim->chance, "days", 40));
    sim->may_lose = true;
    for (size_t i = 0; i < sim->crowd; i++) {
        sim->people[i].is_always = false;
    }
}

static void make_fault(struct sim *sim, struct plot *plot) {
    struct breakage *breakage = &sim->breakage;
    make_honest(sim, plot);
    uint32_t often = 20 + 20 * choose(&sim->chance, "how often", 5);
    breakage->link = choose(&sim->chance, "links", 3) == 0 ? 0 : often;
    breakage->server = choose(&sim->chance, "server", 3) == 0 ? 0 : 2 * often;
    breakage->client = choose(&sim->chance, "clients", 3) == 0 ? 0 : often;
    breakage->commit = choose(&sim->chance, "commits", 3) == 2 ? 2 * often : 0;
    breakage->disk = choose(&sim->chance, "disk", 6) == 5 ? 12 : 0;
    if (choose(&sim->chance, "small mailboxes", 5) == 4) {
        sim->config.mailbox_max_messages = 40;
        plot->burst = 0;
    }
    if (choose(&sim->chance, "slow sending", 5) == 4) {
        sim->config.send_burst = 10;
        sim->config.send_rate_per_second = 1;
    }
    plot->restore = choose(&sim->chance, "restores", 3) == 2 ? 15 : 0;
}

static void make_hostile(struct sim *sim, struct plot *plot) {
    struct evil *evil = &sim->evil;
    make_honest(sim, plot);
    evil->is_on = true;
    uint32_t often = 6 + 8 * choose(&sim->chance, "how often", 6);
    evil->drop = choose(&sim->chance, "drops", 3) == 2 ? often : 0;
    evil->delay = choose(&sim->chance, "delays", 2) == 1 ? often : 0;
    evil->replay = choose(&sim->chance, "replays", 2) == 1 ? often : 0;
    evil->twice = choose(&sim->chance, "doubles", 3) == 2 ? often : 0;
    evil->withhold = choose(&sim->chance, "withholds", 3) == 2 ? 2 : 0;
    plot->restore = choose(&sim->chance, "rolls back", 3) == 2 ? 15 : 0;
    plot->is_silent_restore = true;
}

static void make_key_change(struct sim *sim, struct plot *plot) {
    make_honest(sim, plot);
    plot->reborn = 12 + choose(&sim->chance, "how often", 20);
}

static void make_forger(struct sim *sim, struct plot *plot) {
    make_honest(sim, plot);
    sim->evil.is_on = true;
    plot->theft = 6 + choose(&sim->chance, "how often", 20);
    if (choose(&sim->chance, "long", 4) == 3) {
        plot->gap_classes = 4;
        plot->days_max = 150;
    }
}

/* All of it. */
static void make_mixed(struct sim *sim, struct plot *plot) {
    make_fault(sim, plot);
    struct breakage breakage = sim->breakage;
    make_hostile(sim, plot);
    sim->breakage = breakage;
    plot->is_silent_restore = choose(&sim->chance, "silent", 2) == 1;
    plot->reborn = choose(&sim->chance, "key changes", 3) == 2 ? 25 : 0;
    plot->theft = choose(&sim->chance, "thefts", 3) == 2 ? 20 : 0;
}

static void (*const MAKE[KIND_COUNT])(struct sim *sim, struct plot *plot) = {
    [KIND_HONEST] = make_honest,   [KIND_HOLIDAY] = make_holiday,       [KIND_FAULT] = make_fault,
    [KIND_HOSTILE] = make_hostile, [KIND_KEY_CHANGE] = make_key_change, [KIND_FORGER] = make_forger,
    [KIND_MIXED] = make_mixed,     [KIND_READER] = make_honest,
};

static void live_by_plot(struct sim *sim) {
    struct plot plot = {.visits = 1};
    plot_begin(sim, 0);
    MAKE[sim->kind](sim, &plot);
    if (sim->kind != KIND_HONEST && sim_is_sound(sim)) {
        /* Limits of the server come with its next start. */
        sim_drop_server(sim);
        sim->tally.server_drops = 0;
    }
    live(sim, &plot);
}

void plot_run(struct sim *sim) {
    if (sim->kind == KIND_READER) {
        reader_live(sim);
    } else {
        live_by_plot(sim);
    }
    if (sim_is_sound(sim)) {
        plot_heal(sim);
    }
    if (sim_is_sound(sim)) {
        judge_end(sim);
    }
}
