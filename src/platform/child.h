/* SPDX-License-Identifier: ISC */
/* A program that is run with a text on its stdin, beside the caller's own work: nothing here waits.
 * SIGPIPE is ignored (process_harden). */
#ifndef SOTTO_PLATFORM_CHILD_H
#define SOTTO_PLATFORM_CHILD_H

#include "base/bytes.h"

#include <stdbool.h>

struct child {
    long pid;    /**< 0: none */
    int input;   /**< the end of the pipe to its stdin that is written, or -1 */
    size_t sent; /**< so much of the text is in the pipe */
};

/** Finds a program as a shell does: a name with a slash is the path, another one is looked for in
 * the folders of PATH. ERR_NOT_FOUND; ERR_NOT_ALLOWED: it is there and cannot be run, errno says
 * why; ERR_LIMIT. */
must_check enum error child_find(const char *program, char *path, size_t size);

/** Starts the program at `path`, without a shell. It inherits stdout and stderr and no other
 * descriptor; its signals are as they were when this process began, save those that were ignored
 * from outside. `words` (argv) and `variables` ("NAME=value") end with NULL. ERR_NOT_FOUND,
 * ERR_NOT_ALLOWED, ERR_IO; errno says why. */
must_check enum error child_start(struct child *child, const char *path, const char *const *words,
                                  const char *const *variables);

/** Puts as much of `text`, the same in each call, into its stdin as goes, and closes that behind
 * the end. A program that does not read it is not waited for, one that has closed it gets no more.
 */
void child_feed(struct child *child, struct bytes text);

/** How a child ended. */
struct child_end {
    int status; /**< its exit status, when `signal` is 0 */
    int signal; /**< what ended it */
};

/** Whether it has ended; then it is gone. */
must_check bool child_has_ended(struct child *child, struct child_end *end);

/** Sends it a signal. Nothing when it is gone. */
void child_signal(const struct child *child, int number);

/** Keeps SIGINT and SIGTERM from this process until child_signals_free, so that a child is not left
 * alone. */
void child_signals_hold(void);
/** One of the two that came meanwhile, or 0. */
int child_signals_take(void);
void child_signals_free(void);

#endif
