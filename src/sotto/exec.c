/* SPDX-License-Identifier: ISC */
#include "sotto/exec.h"

#include "sotto/fault.h"
#include "sotto/tell.h"
#include "sotto/when.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char STAYS_UNREAD[] = "The message stays unread.";

/* ---- what the program is told */

enum variable { VAR_ID, VAR_FROM, VAR_CHAT, VAR_TIME, VAR_KIND, VAR_TRUST, VARIABLES };

static const char *const NAMES[VARIABLES] = {
    [VAR_ID] = "SOTTO_ID=",     [VAR_FROM] = "SOTTO_FROM=", [VAR_CHAT] = "SOTTO_CHAT=",
    [VAR_TIME] = "SOTTO_TIME=", [VAR_KIND] = "SOTTO_KIND=", [VAR_TRUST] = "SOTTO_TRUST=",
};

struct variables {
    char text[VARIABLES][64];
    const char **list; /**< with those of this process, and NULL */
};

static bool is_ours(const char *entry) {
    bool found = false;
    for (size_t i = 0; i < VARIABLES && !found; i++) {
        found = strncmp(entry, NAMES[i], strlen(NAMES[i])) == 0;
    }
    return found;
}

static must_check bool make_variables(const struct sotto_message *message, struct variables *made) {
    size_t count = 0;
    size_t inherited = 0;
    char time[WHEN_BYTES];
    when_utc(message->time_ms, time);
    const char *const values[VARIABLES] = {
        [VAR_ID] = message->id,     [VAR_FROM] = message->from,
        [VAR_CHAT] = message->from, [VAR_TIME] = time,
        [VAR_KIND] = message->kind, [VAR_TRUST] = sotto_trust_word(message->trust),
    };
    while (environ[inherited] != NULL) {
        inherited++;
    }
    made->list = calloc(VARIABLES + inherited + 1, sizeof(*made->list));
    if (made->list == NULL) {
        return false;
    }
    for (size_t i = 0; i < VARIABLES; i++) {
        snprintf(made->text[i], sizeof(made->text[i]), "%s%s", NAMES[i], values[i]);
        made->list[count++] = made->text[i];
    }
    for (size_t i = 0; i < inherited; i++) {
        if (!is_ours(environ[i])) {
            made->list[count++] = environ[i];
        }
    }
    return true;
}

/* ---- errors */

static int cannot_run(const struct exec *exec, enum error status, int error_number,
                      const char *effect, struct sotto_error *error) {
    char spare[160];
    const char *cause =
        strerror_r(error_number, spare, sizeof(spare)); /* GNU's: returns the text */
    enum error which = status == ERR_NOT_FOUND ? ERR_EXEC_NOT_FOUND : ERR_EXEC_REFUSED;
    const struct error_value values[] = {
        {"path", exec->path}, {"cause", cause}, {"effect", effect}};
    return fault_set(error, which, values, 3);
}

static int failed(const struct exec *exec, const struct sotto_message *message,
                  const struct child_end *end, struct sotto_error *error) {
    char cause[32];
    snprintf(cause, sizeof(cause), end->signal > 0 ? "signal %d" : "exit status %d",
             end->signal > 0 ? end->signal : end->status);
    const char *effect = exec->skips_failed
                             ? "It counts as read (--skip-failed)."
                             : "It stays unread: the next call begins with it. --skip-failed goes "
                               "on with the next one.";
    const struct error_value values[] = {{"path", exec->path},
                                         {"cause", cause},
                                         {"id", message->id},
                                         {"peer", message->from},
                                         {"effect", effect}};
    int status = fault_set(error, ERR_EXEC_FAILED, values, 5);
    snprintf(error->id, sizeof(error->id), "%s", message->id);
    error->time_ms = message->time_ms;
    return status;
}

/* ---- one message */

static enum sotto_verdict stop(struct exec *exec, int status) {
    exec->status = status;
    return SOTTO_STOP;
}

static bool start(struct exec *exec, const struct sotto_message *message) {
    struct variables variables;
    if (!make_variables(message, &variables)) {
        exec->status = app_check(ERR_MEMORY, &exec->error);
        return false;
    }
    child_signals_hold();
    enum error status = child_start(&exec->child, exec->path, exec->words, variables.list);
    int why = errno;
    free(variables.list);
    if (status != OK) {
        exec->status = cannot_run(exec, status, why, STAYS_UNREAD, &exec->error);
    }
    return status == OK;
}

/* The first signal is remembered, the second one is the program's too. */
static void look_for_signals(struct exec *exec) {
    int number = child_signals_take();
    if (number != 0 && exec->signal != 0) {
        child_signal(&exec->child, number);
        exec->is_out = true;
    }
    exec->signal = number != 0 ? number : exec->signal;
}

static enum sotto_verdict judge(struct exec *exec, const struct sotto_message *message,
                                const struct child_end *end) {
    bool has_failed = end->signal > 0 || end->status != 0;
    if (has_failed) {
        int status = failed(exec, message, end, &exec->error);
        if (!exec->skips_failed) {
            return stop(exec, status);
        }
        tell_notice(exec->app, &exec->error);
    }
    look_for_signals(exec);
    if (exec->signal != 0) {
        return SOTTO_TAKEN_LAST; /* they stay held until the cursor has moved */
    }
    child_signals_free();
    return SOTTO_TAKEN;
}

enum sotto_verdict exec_message(struct exec *exec, const struct sotto_message *message) {
    struct child_end end;
    if (exec->child.pid == 0 && !start(exec, message)) {
        return SOTTO_STOP;
    }
    child_feed(&exec->child, bytes_make(message->text, message->size));
    if (child_has_ended(&exec->child, &end)) {
        return judge(exec, message, &end);
    }
    look_for_signals(exec);
    return exec->is_out ? SOTTO_STOP : SOTTO_LATER;
}

/* ---- begin and end */

must_check int exec_begin(struct exec *exec, struct app *app, struct sotto_error *error) {
    const struct request *request = app->request;
    const char *program = request->value[OPTION_EXEC];
    *exec = (struct exec){
        .app = app, .skips_failed = request->given[OPTION_SKIP_FAILED] > 0, .child = {.input = -1}};
    exec->words = calloc((size_t)request->word_count + 2, sizeof(*exec->words));
    if (exec->words == NULL) {
        return app_check(ERR_MEMORY, error);
    }
    exec->words[0] = program;
    for (int i = 0; i < request->word_count; i++) {
        exec->words[i + 1] = request->words[i];
    }
    enum error status = child_find(program, exec->path, sizeof(exec->path));
    if (status == ERR_LIMIT) {
        return fault_usage(error, "", "the path of the program is too long");
    }
    return status == OK ? 0 : cannot_run(exec, status, errno, "Nothing was received.", error);
}

/* Only when the library failed while the program ran: its message comes again, so it is told to
 * end, and is waited for so that two never run at once. */
static void end_child(struct exec *exec) {
    const struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};
    struct child_end end;
    child_signal(&exec->child, SIGTERM);
    while (exec->child.pid > 0 && !exec->is_out && !child_has_ended(&exec->child, &end)) {
        (void)nanosleep(&pause, NULL);
        look_for_signals(exec);
    }
}

void exec_end(struct exec *exec) {
    if (exec->child.pid > 0 && !exec->is_out) {
        end_child(exec);
    }
    free(exec->words);
    exec->words = NULL;
    if (exec->signal != 0) {
        (void)raise(exec->signal); /* held back until the next line */
    }
    child_signals_free();
}
