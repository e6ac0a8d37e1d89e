/* SPDX-License-Identifier: ISC */
/* `sottod key` and `sottod key rotate`. */
#include "sottod/admin.h"
#include "sottod/commands.h"
#include "sottod/invite.h"
#include "sottod/say.h"
#include "sottod/when.h"

#include "base/duration.h"
#include "crypto/entropy.h"
#include "platform/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define ROTATION_DEFAULT_MS (30 * DAY_MS)
/** Who connects less often than once in this time may miss the change. */
#define ROTATION_SHORT_MS (7 * DAY_MS)

static enum error load_keys(struct data *data) {
    enum error error = data_load_key(data, false);
    return error == OK ? data_load_next_key(data) : error;
}

/* The key; and the next one, when there is one, with its time. */
static int print_keys(const struct data *data) {
    char key[64];
    char when[WHEN_BYTES];
    key_print(tls_identity_hash(data->identity), key, sizeof(key));
    bool done = puts(key) != EOF;
    if (done && data->next != NULL) {
        key_print(tls_identity_hash(data->next), key, sizeof(key));
        when_print(data->next_ms, when);
        done = printf("%s from %s\n", key, when) > 0;
    }
    return done && fflush(stdout) == 0
               ? 0
               : say_failure(ERR_STORAGE_FAILED, "stdout", "it is closed or full", NULL, NULL);
}

int command_key(const struct options *options) {
    struct data data;
    enum error error = data_init(&data, options->data);
    if (error == OK) {
        error = data_find(&data);
    }
    if (error == OK) {
        error = load_keys(&data);
    }
    int status = error == OK ? print_keys(&data) : command_failed(&data, error);
    data_close(&data);
    return status;
}

static enum error plan_offline(struct data *data, uint64_t at_ms) {
    const struct random_source random = random_system();
    enum error error = data_open(data, false, &random);
    return error == OK ? data_plan_key(data, at_ms) : error;
}

static enum error plan(struct data *data, uint64_t at_ms) {
    char line[ADMIN_LINE_MAX_BYTES];
    char answer[ADMIN_LINE_MAX_BYTES];
    snprintf(line, sizeof(line), "rotate %" PRIu64 "\n", at_ms);
    enum error error = command_ask(data, line, answer, sizeof(answer));
    if (error == ERR_NOT_FOUND) {
        error = plan_offline(data, at_ms);
    }
    return error == OK ? load_keys(data) : error;
}

/* When it shall be; usage errors are said. */
static bool read_time(const struct options *options, uint64_t now_ms, uint64_t *at_ms) {
    char cause[USAGE_MAX_BYTES];
    const char *text = options->at;
    *at_ms = now_ms + ROTATION_DEFAULT_MS;
    if (text == NULL) {
        return true;
    }
    if (!when_parse(text, now_ms, at_ms)) {
        snprintf(cause, sizeof(cause), "'%.40s' is not a time", text);
        (void)say_failure(ERR_USAGE, NULL, cause, "Examples:  --at 14d   --at 2027-01-31T03:00:00Z",
                          NULL);
        return false;
    }
    if (*at_ms <= now_ms || *at_ms - now_ms > DURATION_MAX_MS) {
        snprintf(cause, sizeof(cause), "%.40s is %s", text,
                 *at_ms <= now_ms ? "over" : "more than ten years ahead");
        (void)say_failure(
            ERR_USAGE, NULL, cause,
            "No change was planned. Clients have to hear of the next key before it comes.", NULL);
        return false;
    }
    return true;
}

/* What the person at the terminal should know; scripts read stdout. */
static void advise(const struct options *options, const struct data *data, uint64_t now_ms,
                   uint64_t at_ms) {
    if (options->is_quiet) {
        return;
    }
    if (options->at != NULL && data->next_ms != at_ms) {
        fputs("sottod: a change was planned already; --at was left aside\n", stderr);
    }
    if (data->next_ms < now_ms + ROTATION_SHORT_MS) {
        fputs("sottod: clients that do not connect before then will refuse the new key\n", stderr);
    }
}

int command_key_rotate(const struct options *options) {
    struct data data;
    const struct clock clock = clock_system();
    uint64_t now_ms = clock.wall_ms(clock.context);
    uint64_t at_ms = 0;
    if (!read_time(options, now_ms, &at_ms)) {
        return error_exit(ERR_USAGE);
    }
    enum error error = data_init(&data, options->data);
    if (error == OK) {
        error = data_find(&data);
    }
    if (error == OK) {
        error = plan(&data, at_ms);
    }
    if (error != OK) {
        int status = command_failed(&data, error);
        data_close(&data);
        return status;
    }
    int status = print_keys(&data);
    if (data.next != NULL) {
        advise(options, &data, now_ms, at_ms);
    }
    data_close(&data);
    return status;
}
