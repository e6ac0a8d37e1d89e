/* SPDX-License-Identifier: ISC */
/* 1,000 messages between two clients through a server, all in this process, with links that are cut
 * and cores that are dropped and rebuilt from what they committed: everything accepted arrives
 * once, in order. One seed, one trace.
 *
 *   sim_smoke [--part K N]    the seeds of one of N parts, of SOTTO_SIM_SEEDS (200) in all
 *   sim_smoke --seed S        one seed: its figures and the hash of its trace */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS_MAX = 200000, SEEDS = 200 };

struct totals {
    uint64_t cuts;
    uint64_t server_crashes;
    uint64_t client_crashes;
};

/* Runs a world to its end. False when it does not come to one. */
static bool run(uint64_t seed, uint64_t *trace, struct totals *totals) {
    static struct world world;
    uint32_t steps = 0;
    world_begin(&world, seed);
    while (!world_is_done(&world) && steps++ < STEPS_MAX) {
        world_step(&world, steps < STEPS_MAX / 2);
    }
    bool is_done = world_is_done(&world);
    if (!is_done) {
        fprintf(stderr,
                "seed %llu: after %u steps ana has %u accepted and %u shown, bob %u and %u\n",
                (unsigned long long)seed, steps, world.clients[0].accepted, world.clients[0].shown,
                world.clients[1].accepted, world.clients[1].shown);
    }
    totals->cuts += world.cuts;
    totals->server_crashes += world.server_crashes;
    totals->client_crashes += world.client_crashes;
    *trace = world.tape.trace;
    world_end(&world);
    return is_done;
}

static uint64_t number(const char *text) {
    return text == NULL ? 0 : strtoull(text, NULL, 10);
}

int main(int argc, char **argv) {
    const char *wanted = getenv("SOTTO_SIM_SEEDS");
    uint64_t seeds = wanted == NULL ? SEEDS : number(wanted);
    uint64_t first = argc > 3 ? number(argv[2]) : 0;
    uint64_t step = argc > 3 ? number(argv[3]) : 1;
    struct totals totals = {0};
    uint64_t trace = 0;
    uint64_t count = 0;
    tape_make_keys();
    if (argc == 3 && strcmp(argv[1], "--seed") == 0) {
        bool is_done = run(number(argv[2]), &trace, &totals);
        printf("seed %s: trace %016llx, %llu cuts, %llu server crashes, %llu client crashes\n",
               argv[2], (unsigned long long)trace, (unsigned long long)totals.cuts,
               (unsigned long long)totals.server_crashes,
               (unsigned long long)totals.client_crashes);
        return is_done ? 0 : 1;
    }
    for (uint64_t seed = first; step > 0 && seed < seeds; seed += step) {
        uint64_t again = 0;
        if (!run(seed, &trace, &totals)) {
            printf("seed %llu failed\n", (unsigned long long)seed);
            return 1;
        }
        /* A few seeds twice: the same seed has to make the same world. */
        if (count++ % 25 == 0 && (!run(seed, &again, &totals) || again != trace)) {
            printf("seed %llu: two runs, two traces\n", (unsigned long long)seed);
            return 1;
        }
    }
    printf("%llu seeds, 1000 messages each: all arrived once, in order; %llu cuts, %llu server "
           "crashes, "
           "%llu client crashes\n",
           (unsigned long long)count, (unsigned long long)totals.cuts,
           (unsigned long long)totals.server_crashes, (unsigned long long)totals.client_crashes);
    bool is_faulty = totals.cuts > 0 && totals.server_crashes > 0 && totals.client_crashes > 0;
    return count > 0 && is_faulty ? 0 : 1; /* a run without faults shows nothing */
}
