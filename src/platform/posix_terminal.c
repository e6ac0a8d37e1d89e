/* SPDX-License-Identifier: ISC */
#include "platform/terminal.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <termios.h>
#include <unistd.h>

enum { SIGNAL_POLL_MS = 50 };

/* A terminal whose echo is off. The signals that could end or stop the process meanwhile are held
 * back; whoever waits for input looks for them (see wait_for_input), so that no handler and no
 * global is needed. */
struct quiet {
    bool is_on;
    struct termios before;
    sigset_t held;
    sigset_t mask_before;
};

bool terminal_is(int handle) {
    return isatty(handle) == 1;
}

size_t terminal_columns(int handle) {
    struct winsize size;
    return ioctl(handle, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

static void quiet_begin(struct quiet *quiet) {
    static const int SIGNALS[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGALRM};
    quiet->is_on = false;
    if (tcgetattr(STDIN_FILENO, &quiet->before) != 0) {
        return;
    }
    (void)sigemptyset(&quiet->held);
    for (size_t i = 0; i < sizeof(SIGNALS) / sizeof(SIGNALS[0]); i++) {
        (void)sigaddset(&quiet->held, SIGNALS[i]);
    }
    if (sigprocmask(SIG_BLOCK, &quiet->held, &quiet->mask_before) != 0) {
        return;
    }
    struct termios silent = quiet->before;
    silent.c_lflag &= ~(tcflag_t)ECHO;
    if (tcsetattr(STDIN_FILENO, TCSADRAIN, &silent) != 0) {
        (void)sigprocmask(SIG_SETMASK, &quiet->mask_before, NULL);
        return;
    }
    quiet->is_on = true;
}

/* The echo first: the signals that were held arrive within the second call. */
static void quiet_end(struct quiet *quiet) {
    if (quiet->is_on) {
        (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &quiet->before);
        (void)sigprocmask(SIG_SETMASK, &quiet->mask_before, NULL);
        quiet->is_on = false;
    }
}

static bool is_signal_waiting(const struct quiet *quiet) {
    sigset_t pending;
    if (sigpending(&pending) != 0) {
        return false;
    }
    for (int number = 1; number < NSIG; number++) {
        if (sigismember(&quiet->held, number) == 1 && sigismember(&pending, number) == 1 &&
            sigismember(&quiet->mask_before, number) != 1) {
            return true;
        }
    }
    return false;
}

static void say(const char *text) {
    size_t left = strlen(text);
    while (left > 0) {
        ssize_t written = write(STDERR_FILENO, text, left);
        if (written < 0 && errno != EINTR) {
            return;
        }
        text += written > 0 ? written : 0;
        left -= written > 0 ? (size_t)written : 0;
    }
}

/* Returns once stdin has something to say. A signal that waits is let through with the echo on; if
 * the process is still there afterwards (stopped and continued, or it has a handler), the question
 * is asked again. */
static void wait_for_input(struct quiet *quiet, const char *question) {
    for (;;) {
        fd_set readable;
        FD_ZERO(&readable);
        FD_SET(STDIN_FILENO, &readable);
        struct timeval time = {.tv_usec = SIGNAL_POLL_MS * 1000};
        if (select(STDIN_FILENO + 1, &readable, NULL, NULL, &time) > 0) {
            return;
        }
        if (is_signal_waiting(quiet)) {
            quiet_end(quiet);
            quiet_begin(quiet);
            if (!quiet->is_on) {
                return;
            }
            say(question);
        }
    }
}

/* One byte, so that nothing behind the line is taken from who reads next. 1, 0 at the end, -1. */
static int read_byte(struct quiet *quiet, const char *question, uint8_t *byte) {
    for (;;) {
        if (quiet->is_on) {
            wait_for_input(quiet, question);
        }
        ssize_t size = read(STDIN_FILENO, byte, 1);
        if (size >= 0 || errno != EINTR) {
            return (int)size;
        }
    }
}

static enum error read_line(struct quiet *quiet, const char *question, struct buffer *answer) {
    enum error error = OK;
    bool is_empty = true;
    uint8_t byte = 0;
    for (;;) {
        int got = read_byte(quiet, question, &byte);
        if (got < 0) {
            error = ERR_IO;
            break;
        }
        if (got == 0) {
            error = is_empty ? ERR_CLOSED : error;
            break;
        }
        is_empty = false;
        if (byte == '\n') {
            break;
        }
        if (error == OK) {
            error = buffer_append(answer, bytes_make(&byte, 1));
        }
    }
    wipe(&byte, sizeof(byte));
    return error;
}

must_check enum error terminal_ask(const char *question, bool hidden, struct buffer *answer) {
    struct quiet quiet = {.is_on = false};
    if (hidden) {
        quiet_begin(&quiet);
    }
    say(question);
    enum error error = read_line(&quiet, question, answer);
    if (quiet.is_on) {
        say("\n"); /* the one that was typed and not shown */
    }
    quiet_end(&quiet);
    if (error != OK) {
        buffer_clear(answer);
    }
    return error;
}
