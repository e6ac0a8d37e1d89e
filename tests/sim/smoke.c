/* SPDX-License-Identifier: ISC */
/* Two people send each other 500 messages each through a server while links are cut and the server
 * and the clients are dropped and rebuilt from what they committed. All must arrive, once and in
 * order or marked as late; one seed must give one trace. Promises 1 and 2 of the delivery contract.
 *
 *   sim_smoke [--seed N] [--count N]
 */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FAULTY_STEPS = 12000, STEPS_MAX = 200000 };

struct outcome {
    bool is_good;
    uint8_t trace[HASH_BYTES];
    uint32_t cuts;
    uint32_t server_drops;
    uint32_t client_drops;
};

static struct outcome run(uint64_t seed) {
    static struct world world;
    struct outcome outcome = {.is_good = false};
    uint32_t step = 0;
    world_init(&world, seed);
    while (step < STEPS_MAX && world.complaint == NULL && !world_is_done(&world)) {
        world_step(&world, step < FAULTY_STEPS);
        step++;
    }
    outcome.is_good = world.complaint == NULL && world_is_done(&world);
    memcpy(outcome.trace, world.chance.trace, HASH_BYTES);
    outcome.cuts = world.cuts;
    outcome.server_drops = world.server_drops;
    outcome.client_drops = world.client_drops;
    if (!outcome.is_good) {
        printf("seed %llu: %s after %u steps (ana: accepted %u, received %u; bob: accepted %u, "
               "received %u)\n",
               (unsigned long long)seed,
               world.complaint == NULL ? "not everything arrived" : world.complaint, step,
               world.people[0].accepted, world.people[0].received, world.people[1].accepted,
               world.people[1].received);
    }
    world_clear(&world);
    return outcome;
}

static uint64_t argument(int count, char **arguments, const char *name, uint64_t otherwise) {
    for (int i = 1; i + 1 < count; i++) {
        if (strcmp(arguments[i], name) == 0) {
            return strtoull(arguments[i + 1], NULL, 10);
        }
    }
    return otherwise;
}

int main(int count, char **arguments) {
    uint64_t first = argument(count, arguments, "--seed", 1);
    uint64_t seeds = argument(count, arguments, "--count", 1);
    uint64_t bad = 0;
    struct outcome sum = {.is_good = true};
    char hex[2 * HASH_BYTES + 1];
    struct outcome whole = {.is_good = true};
    for (uint64_t seed = first; seed < first + seeds; seed++) {
        struct outcome outcome = run(seed);
        bad += outcome.is_good ? 0 : 1;
        sum.cuts += outcome.cuts;
        sum.server_drops += outcome.server_drops;
        sum.client_drops += outcome.client_drops;
        whole = seed == first ? outcome : whole;
    }
    struct outcome again = run(first);
    if (memcmp(again.trace, whole.trace, HASH_BYTES) != 0) {
        printf("seed %llu: two runs, two traces\n", (unsigned long long)first);
        bad++;
    }
    /* A run in which nothing was broken would show nothing. */
    if (sum.cuts == 0 || sum.server_drops == 0 || sum.client_drops == 0) {
        printf("no fault of one kind was injected\n");
        bad++;
    }
    hex_encode(bytes_of(whole.trace), hex);
    printf("%llu seeds of %d messages: %u links cut, server dropped %u times, clients %u times, "
           "%llu bad; trace of seed %llu %.16s\n",
           (unsigned long long)seeds, PEOPLE * MESSAGES_EACH, sum.cuts, sum.server_drops,
           sum.client_drops, (unsigned long long)bad, (unsigned long long)first, hex);
    return bad == 0 ? 0 : 1;
}
