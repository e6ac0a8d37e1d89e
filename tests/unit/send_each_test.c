/* SPDX-License-Identifier: ISC */
/* Memory that is not there in the middle of a list: each recipient is told once, in order, and what
 * is said is true of the message. */
#include "libsotto/sending.h"
#include "platform/clock.h"
#include "testing.h"

#include <stdio.h>
#include <string.h>

enum { PEOPLE = OWNER_REQUESTS_MAX + 2 };

/* What the owner that is played here was given and has said, and who was told. */
static struct {
    unsigned failing; /**< the call that fails: 1 is the next one, 0 none */
    unsigned tries;   /**< to be the owner */
    bool ends;        /**< the owner, when it should answer; and the engine takes nothing then */
    bool is_taken[PEOPLE];
    bool is_answered[PEOPLE];
    unsigned requests; /**< also the number of the last one */
    unsigned told;
} world;

static bool fails(void) {
    const bool is_it = world.failing == 1;
    world.failing -= world.failing > 0 ? 1 : 0;
    return is_it;
}

/* The linker leads the library's calls here (--wrap). */
enum error __wrap_runner_try(struct runner *runner, struct sotto *client);
enum error __wrap_runner_try(struct runner *runner, struct sotto *client) {
    static char engine; /* nobody looks into it */
    runner->client = client;
    world.tries++;
    if (world.ends && world.tries > 1) {
        runner->engine = (struct engine *)(void *)&engine;
        return OK;
    }
    return ERR_STORE_BUSY;
}

enum error __wrap_runner_serve(struct runner *runner);
enum error __wrap_runner_serve(struct runner *runner) {
    assert_non_null(runner->engine);
    return OK;
}

void __wrap_runner_clear(struct runner *runner);
void __wrap_runner_clear(struct runner *runner) {
    runner->engine = NULL;
}

enum error __wrap_engine_submit(struct engine *engine, uint64_t now_ms,
                                const struct submission *submission, size_t *number);
enum error __wrap_engine_submit(struct engine *engine, uint64_t now_ms,
                                const struct submission *submission, size_t *number) {
    (void)engine, (void)now_ms, (void)submission, (void)number;
    return ERR_MEMORY;
}

enum error __wrap_handover_open(struct handover *handover, const char *folder, uint64_t until_ms);
enum error __wrap_handover_open(struct handover *handover, const char *folder, uint64_t until_ms) {
    (void)handover, (void)folder, (void)until_ms;
    return fails() ? ERR_MEMORY : OK;
}

enum error __wrap_handover_send(struct handover *handover, const struct owner_send *message,
                                uint64_t until_ms, uint32_t *number);
enum error __wrap_handover_send(struct handover *handover, const struct owner_send *message,
                                uint64_t until_ms, uint32_t *number) {
    (void)handover, (void)until_ms;
    if (fails()) {
        return ERR_MEMORY;
    }
    const unsigned who = (unsigned)(message->to.text[0] - 'a');
    assert_int_equal(who, world.requests);
    world.is_taken[who] = true;
    *number = ++world.requests;
    return OK;
}

/* The one who was asked last is answered first. */
enum error __wrap_handover_sent(struct handover *handover, uint64_t until_ms, uint32_t *number,
                                struct owner_sent *sent);
enum error __wrap_handover_sent(struct handover *handover, uint64_t until_ms, uint32_t *number,
                                struct owner_sent *sent) {
    (void)handover, (void)until_ms;
    if (fails()) {
        return ERR_MEMORY;
    }
    if (world.ends) {
        return ERR_CLOSED;
    }
    unsigned who = world.requests - 1;
    while (world.is_answered[who]) {
        who--;
    }
    world.is_answered[who] = true;
    *number = who + 1;
    *sent = (struct owner_sent){.sent = {.state = "accepted"}};
    sent->sent.to[0] = (char)('a' + who);
    return OK;
}

static void take(void *context, const struct sotto_sent *sent, const struct sotto_error *error) {
    (void)context;
    const unsigned who = world.told++;
    char nothing[40];
    assert_true(who < PEOPLE);
    assert_int_equal(sent->to[0], 'a' + (int)who);
    if (world.is_answered[who]) {
        assert_int_equal(error->exit, 0);
    } else if (world.is_taken[who]) {
        assert_string_equal(error->code, "send_unknown");
    } else {
        assert_string_equal(error->code, "internal");
        assert_string_equal(error->cause, "out of memory");
        snprintf(nothing, sizeof(nothing), "Nothing was sent to %c. ", 'a' + (int)who);
        assert_memory_equal(error->help, nothing, strlen(nothing));
    }
}

static int send_all(struct sotto_error *error) {
    struct sotto client = {.timeout_ms = 1000, .clock = clock_system()};
    const struct sotto_send message = {.text = "hi", .size = 2, .wait = SOTTO_WAIT_ACCEPTED};
    char names[PEOPLE][2];
    const char *to[PEOPLE];
    assert_int_equal(user_name_parse(bytes_of_string("zoe"), &client.account.name), OK);
    for (unsigned i = 0; i < PEOPLE; i++) {
        snprintf(names[i], sizeof(names[i]), "%c", 'a' + (int)i);
        to[i] = names[i];
    }
    return sotto_send_each(&client, &message, to, PEOPLE, take, NULL, error);
}

static void each_is_told_once(void **state) {
    (void)state;
    struct sotto_error error;
    unsigned which = 0;
    bool has_failed = true;
    while (has_failed) {
        memset(&world, 0, sizeof(world));
        world.failing = ++which;
        const int status = send_all(&error);
        has_failed = world.failing == 0;
        if (world.requests == 0) { /* nobody has anything: one word for the whole call */
            assert_int_equal(world.told, 0);
            assert_string_equal(error.code, "internal");
            assert_memory_equal(error.help, "Nothing was sent. ", strlen("Nothing was sent. "));
        } else {
            assert_int_equal(world.told, PEOPLE);
            assert_int_equal(status == 0, !has_failed);
        }
    }
    assert_int_equal(which, 1 + PEOPLE + PEOPLE + 1); /* to open, to ask and to hear; and none */
}

static void what_an_ended_owner_took_is_not_known(void **state) {
    (void)state;
    struct sotto_error error;
    memset(&world, 0, sizeof(world));
    world.ends = true;
    assert_int_equal(send_all(&error), error_exit(ERR_PARTIAL));
    assert_int_equal(world.requests, OWNER_REQUESTS_MAX);
    assert_int_equal(world.told, PEOPLE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_is_told_once),
        cmocka_unit_test(what_an_ended_owner_took_is_not_known),
    };
    return cmocka_run_group_tests_name("send_each", tests, NULL, NULL);
}
