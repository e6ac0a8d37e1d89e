/* SPDX-License-Identifier: ISC */
/* `recv --exec`: each message to a program, one at a time.
 *
 * At least once: the message is done with when the program ended with 0 and the library has moved
 * the cursor; whatever is killed in between, the message comes again. SIGINT and SIGTERM are held
 * back while the program runs: recv lets it finish, settles its message, and then ends by the
 * signal. A second one is passed on to the program and ends recv at once. */
#ifndef SOTTO_SOTTO_EXEC_H
#define SOTTO_SOTTO_EXEC_H

#include "sotto/app.h"

#include "platform/child.h"

struct exec {
    struct app *app;
    char path[PATH_MAX_BYTES];
    const char **words; /**< argv of the program */
    bool skips_failed;
    struct child child;
    int signal;  /**< that came while it ran, or 0 */
    bool is_out; /**< a second one: nothing is waited for any more */
    int status;  /**< the exit status of `error`, or 0 */
    struct sotto_error error;
};

/** Finds the program of --exec. Returns the exit status of the usage error, exec_not_found or
 * exec_refused in `*error`, or 0. exec_end it in both cases. */
must_check int exec_begin(struct exec *exec, struct app *app, struct sotto_error *error);

/** Hands the message to the program: SOTTO_LATER while it runs. SOTTO_STOP when it failed, which
 * `status` and `error` then say, or when a signal ended it all. */
enum sotto_verdict exec_message(struct exec *exec, const struct sotto_message *message);

/** Leaves nothing running, and ends this process when a signal came meanwhile. */
void exec_end(struct exec *exec);

#endif
