/* SPDX-License-Identifier: ISC */
/* A reader on holiday: 300 messages a day for 40 days to a device that is off. The sender is a
 * command for each message (even seeds) or one a day (odd seeds). What is younger than the 30 days
 * of the queue has to arrive, in order and once; the rest is named as lost. */
#include "sim.h"

enum { SENDER = 0, READER = 1, DAYS = 40, A_DAY = 300 };

/* A few words in both directions, so that there is a session before the holiday. */
static void talk(struct sim *sim) {
    for (uint8_t i = 0; i < 4 && sim_is_sound(sim); i++) {
        struct person *person = &sim->people[i % 2];
        sim_advance(sim, sim->wall_ms + MINUTE_MS);
        person_visit(person, 0);
        person_write(person, (uint8_t)(1 - i % 2), false);
        person_attend(person);
        sim_pump(sim);
    }
}

static void send(struct sim *sim, uint32_t count) {
    struct person *sender = &sim->people[SENDER];
    person_visit(sender, 0);
    for (uint32_t i = 0; i < count && sim_is_sound(sim); i++) {
        person_write(sender, READER, false);
    }
    person_attend(sender);
    sim_pump(sim);
}

static void send_for_a_day(struct sim *sim, bool is_one_each) {
    uint64_t end_ms = sim->wall_ms + DAY_MS;
    uint32_t visits = is_one_each ? A_DAY : 1;
    for (uint32_t i = 0; i < visits && sim_is_sound(sim); i++) {
        sim_advance(sim, sim->wall_ms + DAY_MS / visits - MINUTE_MS);
        send(sim, A_DAY / visits);
    }
    sim_advance(sim, end_ms);
}

void reader_live(struct sim *sim) {
    enum { ROOM = 100000 };
    sim->config.mailbox_max_messages = ROOM;
    plot_begin(sim, 2);
    sim->people[READER].is_silent = false;
    sim->may_lose = true;
    if (choose(&sim->chance, "they know each other", 2) == 1) {
        talk(sim);
    }
    sim_say(sim, "%s goes on holiday", sim->people[READER].name);
    for (uint32_t day = 0; day < DAYS && sim_is_sound(sim); day++) {
        send_for_a_day(sim, sim->seed % 2 == 0);
    }
}
