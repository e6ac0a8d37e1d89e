/* SPDX-License-Identifier: ISC */
#include "sotto/streams.h"

#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

enum { EXIT_BY_SIGNAL = 128 };

/* By the signal's own action, so that a shell sees what happened; by its number where that has
 * none. */
static void on_end(int number) {
    raise(number); // the handler was one-shot: this is the default action
    _exit(EXIT_BY_SIGNAL + number);
}

static void end_by(int number) {
    struct sigaction action;
    if (sigaction(number, NULL, &action) != 0 || action.sa_handler == SIG_IGN) {
        return;
    }
    action = (struct sigaction){.sa_handler = on_end, .sa_flags = (int)(SA_RESETHAND | SA_NODEFER)};
    sigemptyset(&action.sa_mask);
    sigaction(number, &action, NULL);
}

void streams_prepare(void) {
    for (int handle = STDIN_FILENO; handle <= STDERR_FILENO; handle++) {
        if (fcntl(handle, F_GETFD) >= 0) {
            continue;
        }
        /* The wrong way round: reading from this stdin and writing to these two fails. */
        int opened = open("/dev/null", handle == STDIN_FILENO ? O_WRONLY : O_RDONLY);
        if (opened >= 0 && opened != handle) {
            close(opened);
        }
    }
    end_by(SIGINT);
    end_by(SIGTERM);
}
