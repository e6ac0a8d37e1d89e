/* SPDX-License-Identifier: ISC */
#include "libsotto/watch.h"

#include "base/require.h"

#include <string.h>

/* ---- the cursor, written by the owner */

static enum error ask(void *context, const char *name, enum owner_move move, uint64_t first,
                      uint64_t second, uint64_t *place) {
    struct owner_cursor cursor = {.move = move, .first = first, .second = second};
    require(strlen(name) < sizeof(cursor.name));
    memcpy(cursor.name, name, strlen(name) + 1);
    enum error error = handover_cursor(context, &cursor, place);
    return error == OK || error == ERR_LIMIT || error == ERR_MEMORY ? error : ERR_CLOSED;
}

static enum error ask_open(void *context, const char *name, uint64_t start, uint64_t now_ms,
                           uint64_t *place) {
    return ask(context, name, OWNER_CURSOR_OPEN, start, now_ms, place);
}

static enum error ask_put(void *context, const char *name, uint64_t place) {
    uint64_t none = 0;
    return ask(context, name, OWNER_CURSOR_PUT, place, 0, &none);
}

static enum error ask_pass(void *context, const char *name, uint64_t after, uint64_t until) {
    uint64_t none = 0;
    return ask(context, name, OWNER_CURSOR_PASS, after, until, &none);
}

static enum error ask_take(void *context, const char *name, uint64_t place) {
    uint64_t none = 0;
    return ask(context, name, OWNER_CURSOR_TAKE, place, 0, &none);
}

static void have_written(struct reading *reading, struct handover *handover) {
    reading->cursors = (struct cursors){
        .context = handover, .open = ask_open, .put = ask_put, .pass = ask_pass, .take = ask_take};
}

/* ---- watching */

static uint64_t smaller(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

/* Whether there is nothing more to wait for. A message that the application works on is settled
 * first. */
static bool is_over(const struct reading *reading, const struct owner_news *news,
                    uint64_t until_ms) {
    const struct sotto_receive *request = reading->request;
    bool is_quiet = news->is_caught_up && reading->later == 0;
    bool is_late = profile_time(reading->client) >= until_ms && reading->later == 0;
    return reading_has_enough(reading) || is_late ||
           (is_quiet && !request->follow && reading->handed > 0);
}

/* Hands over what is there, waits for more, and so on. */
static enum error go_on(struct reading *reading, struct handover *handover, uint64_t until_ms) {
    struct owner_news news = {.place = 0};
    enum error error = OK;
    while (error == OK) {
        reading_show(reading);
        if (reading->error == ERR_CLOSED) {
            reading->error = OK;
            return ERR_CLOSED;
        }
        if (is_over(reading, &news, until_ms)) {
            return OK;
        }
        if (news.is_caught_up && reading->later == 0 && reading->request->follow) {
            reading_tell_passed(reading);
        }
        uint64_t wake_ms = reading->later > 0 ? reading->wake_ms : until_ms;
        error = handover_watch(handover, wake_ms, &news);
        error = error == ERR_WAIT ? OK : error;
    }
    return ERR_CLOSED;
}

must_check enum error watch_owner(struct reading *reading, uint64_t patience_ms, uint64_t until_ms,
                                  struct sotto_error *error) {
    struct handover handover;
    handover_init(&handover);
    have_written(reading, &handover);
    enum error status = cards_load(reading->client);
    if (status == OK &&
        handover_open(&handover, reading->client->folder, smaller(patience_ms, until_ms)) != OK) {
        status = ERR_STORE_BUSY;
    }
    if (status == OK && reading_open(reading, error) != 0) {
        status = reading->error == ERR_CLOSED ? ERR_STORE_BUSY : ERR_WRONG_STATE;
        reading->error = OK;
    }
    if (status == OK) {
        reading_again(reading);
        status = go_on(reading, &handover, until_ms);
    }
    handover_close(&handover);
    reading_write_here(reading);
    return status;
}
