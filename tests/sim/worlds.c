/* SPDX-License-Identifier: ISC */
/* Lives through simulated worlds and says which of them were not as they have to be.
 *
 *   sim_worlds [--kind KIND] [--seed N] [--count N] [--verbose]
 *
 * Without --kind the seeds go through the seven kinds in turn. `--kind K --seed N --verbose` prints
 * what happens in one world. Exit 0: all were sound. */
#include "sim.h"

#include "base/require.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KINDS_IN_TURN = 7 };

struct arguments {
    bool has_kind;
    enum sim_kind kind;
    uint64_t first;
    uint64_t count;
    bool is_verbose;
};

struct total {
    uint64_t worlds;
    uint64_t bad;
    struct tally tally;
};

static void add(struct total *total, const struct sim *sim) {
    const struct tally *from = &sim->tally;
    struct tally *to = &total->tally;
    total->worlds++;
    to->notes += from->notes;
    to->shown += from->shown;
    to->repaired += from->repaired;
    to->late += from->late;
    to->cuts += from->cuts;
    to->server_drops += from->server_drops;
    to->client_drops += from->client_drops;
    to->restores += from->restores;
    to->lies += from->lies;
    to->forged += from->forged;
    to->key_changes += from->key_changes;
    to->first_flights += from->first_flights;
    to->restarts += from->restarts;
    to->lost_notices += from->lost_notices;
    to->false_lost += from->false_lost;
    to->lost += from->lost;
    to->named_lost += from->named_lost;
    to->held += from->held;
}

static void print(const char *name, const struct total *total) {
    const struct tally *t = &total->tally;
    printf("%-10s %6llu worlds, %llu bad: %llu messages, %llu shown, %llu repaired, %llu late, "
           "%llu first flights, %llu restarts; %llu cuts, %llu and %llu crashes, %llu restores, "
           "%llu lies, %llu forged, %llu key changes; %llu notices of a loss (%llu false), %llu "
           "lost, %llu of them named\n",
           name, (unsigned long long)total->worlds, (unsigned long long)total->bad,
           (unsigned long long)t->notes, (unsigned long long)t->shown,
           (unsigned long long)t->repaired, (unsigned long long)t->late,
           (unsigned long long)t->first_flights, (unsigned long long)t->restarts,
           (unsigned long long)t->cuts, (unsigned long long)t->server_drops,
           (unsigned long long)t->client_drops, (unsigned long long)t->restores,
           (unsigned long long)t->lies, (unsigned long long)t->forged,
           (unsigned long long)t->key_changes, (unsigned long long)t->lost_notices,
           (unsigned long long)t->false_lost, (unsigned long long)t->lost,
           (unsigned long long)t->named_lost);
}

/* One world; its trace is the last thing that it leaves. */
static bool run(enum sim_kind kind, uint64_t seed, bool is_verbose, struct total *total,
                uint8_t trace[HASH_BYTES]) {
    static struct sim sim;
    sim_init(&sim, kind, seed, is_verbose);
    plot_run(&sim);
    bool is_sound = sim_is_sound(&sim);
    if (!is_sound) {
        printf("--kind %s --seed %llu: %s\n", sim_kind_name(kind), (unsigned long long)seed,
               sim.complaint);
        fflush(stdout);
        total->bad++;
    }
    memcpy(trace, sim.chance.trace, HASH_BYTES);
    add(total, &sim);
    sim_clear(&sim);
    return is_sound;
}

static bool read_kind(const char *text, struct arguments *arguments) {
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        if (strcmp(text, sim_kind_name((enum sim_kind)kind)) == 0) {
            arguments->kind = (enum sim_kind)kind;
            arguments->has_kind = true;
            return true;
        }
    }
    return false;
}

static bool read_arguments(int count, char **words, struct arguments *arguments) {
    *arguments = (struct arguments){.first = 1, .count = 1};
    for (int i = 1; i < count; i++) {
        bool has_value = i + 1 < count;
        if (strcmp(words[i], "--verbose") == 0) {
            arguments->is_verbose = true;
        } else if (has_value && strcmp(words[i], "--seed") == 0) {
            arguments->first = strtoull(words[++i], NULL, 10);
        } else if (has_value && strcmp(words[i], "--count") == 0) {
            arguments->count = strtoull(words[++i], NULL, 10);
        } else if (has_value && strcmp(words[i], "--kind") == 0 &&
                   read_kind(words[i + 1], arguments)) {
            i++;
        } else {
            fprintf(stderr, "usage: sim_worlds [--kind KIND] [--seed N] [--count N] [--verbose]\n");
            return false;
        }
    }
    return arguments->count > 0;
}

/* One thread, and memory that nobody counts: half of the time goes into SQLite. */
static void hurry_sqlite(void) {
    enum { SLOT_BYTES = 1024, SLOTS = 400 };
    int rc = sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
    require(rc == SQLITE_OK);
    rc = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    require(rc == SQLITE_OK);
    rc = sqlite3_config(SQLITE_CONFIG_LOOKASIDE, SLOT_BYTES, SLOTS);
    require(rc == SQLITE_OK);
}

int main(int count, char **words) {
    static struct total totals[KIND_COUNT];
    struct arguments arguments;
    uint8_t first[HASH_BYTES];
    uint8_t trace[HASH_BYTES];
    uint64_t bad = 0;
    enum sim_kind first_kind = KIND_HONEST;
    if (!read_arguments(count, words, &arguments)) {
        return 2;
    }
    hurry_sqlite();
    for (uint64_t i = 0; i < arguments.count; i++) {
        uint64_t seed = arguments.first + i;
        enum sim_kind kind =
            arguments.has_kind ? arguments.kind : (enum sim_kind)(seed % KINDS_IN_TURN);
        bad += run(kind, seed, arguments.is_verbose, &totals[kind], trace) ? 0 : 1;
        if (i == 0) {
            first_kind = kind;
            memcpy(first, trace, HASH_BYTES);
        }
    }
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        if (totals[kind].worlds > 0) {
            print(sim_kind_name((enum sim_kind)kind), &totals[kind]);
        }
    }
    static struct total again;
    (void)run(first_kind, arguments.first, false, &again, trace);
    if (memcmp(first, trace, HASH_BYTES) != 0) {
        printf("--kind %s --seed %llu: two runs, two traces\n", sim_kind_name(first_kind),
               (unsigned long long)arguments.first);
        bad++;
    }
    return bad == 0 ? 0 : 1;
}
