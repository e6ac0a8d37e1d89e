/* SPDX-License-Identifier: ISC */
/* Questions on a real (pseudo) terminal: the echo goes and comes back, whatever happens. */
#include "testing.h"

#include "platform/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

enum { WAIT_MS = 5000, SEEN_BYTES = 4096, ANSWER_MAX_BYTES = 16 };

/* A child on its own terminal that asks once. It exits with 0 when the answer is `expected`, with 1
 * when it is another, with 2 + the error otherwise. */
struct asker {
    int terminal; /* our end */
    int keeper;   /* a handle on the child's end, so that it outlives the child */
    pid_t pid;
    char seen[SEEN_BYTES];
    size_t seen_size;
};

static void ask_in_child(const char *path, bool hidden, const char *expected) {
    struct buffer answer;
    (void)setsid();
    int handle = open(path, O_RDWR);
    if (handle < 0) {
        _exit(2 + ERR_IO);
    }
    (void)ioctl(handle, TIOCSCTTY, 0);
    for (int i = 0; i < 3; i++) {
        (void)dup2(handle, i);
    }
    buffer_init(&answer, ANSWER_MAX_BYTES);
    enum error error = terminal_is(0) ? terminal_ask("Secret? ", hidden, &answer) : ERR_IO;
    bool fits = error == OK && bytes_equal(buffer_view(&answer), bytes_of_string(expected));
    buffer_clear(&answer);
    _exit(error != OK ? 2 + (int)error : fits ? 0 : 1);
}

static struct asker start(bool hidden, const char *expected) {
    struct asker asker = {.terminal = posix_openpt(O_RDWR | O_NOCTTY)};
    assert_true(asker.terminal >= 0);
    assert_int_equal(grantpt(asker.terminal), 0);
    assert_int_equal(unlockpt(asker.terminal), 0);
    const char *path = ptsname(asker.terminal);
    assert_non_null(path);
    asker.keeper = open(path, O_RDWR | O_NOCTTY);
    assert_true(asker.keeper >= 0);
    asker.pid = fork();
    if (asker.pid == 0) {
        ask_in_child(path, hidden, expected);
    }
    return asker;
}

/* Reads what the child's terminal shows until `text` is there. */
static void expect(struct asker *asker, const char *text) {
    while (memmem(asker->seen, asker->seen_size, text, strlen(text)) == NULL) {
        struct pollfd wait = {.fd = asker->terminal, .events = POLLIN};
        assert_int_equal(poll(&wait, 1, WAIT_MS), 1);
        ssize_t size = read(asker->terminal, asker->seen + asker->seen_size,
                            sizeof(asker->seen) - asker->seen_size);
        assert_true(size > 0);
        asker->seen_size += (size_t)size;
    }
}

static bool has_echo(const struct asker *asker) {
    struct termios settings;
    assert_int_equal(tcgetattr(asker->keeper, &settings), 0);
    return (settings.c_lflag & ECHO) != 0;
}

static void type(const struct asker *asker, const char *text) {
    assert_int_equal(write(asker->terminal, text, strlen(text)), strlen(text));
}

/* The child's wait status. */
static int finish(struct asker *asker) {
    int status = -1;
    assert_int_equal(waitpid(asker->pid, &status, 0), asker->pid);
    assert_true(has_echo(asker));
    assert_int_equal(close(asker->keeper), 0);
    assert_int_equal(close(asker->terminal), 0);
    return status;
}

static void shows_what_is_no_secret(void **state) {
    (void)state;
    struct asker asker = start(false, "yes");
    expect(&asker, "Secret? ");
    assert_true(has_echo(&asker));
    type(&asker, "yes\n");
    expect(&asker, "yes");
    assert_int_equal(finish(&asker), 0);
}

static void hides_what_is_typed(void **state) {
    (void)state;
    struct asker asker = start(true, "hush hush");
    expect(&asker, "Secret? ");
    assert_false(has_echo(&asker));
    type(&asker, "hush hush\n");
    expect(&asker, "\n");
    int status = finish(&asker);
    assert_null(memmem(asker.seen, asker.seen_size, "hush", 4));
    assert_int_equal(status, 0);
}

static void takes_an_empty_answer_and_the_end(void **state) {
    (void)state;
    struct asker asker = start(true, "");
    expect(&asker, "Secret? ");
    type(&asker, "\n");
    assert_int_equal(finish(&asker), 0);
    asker = start(true, "");
    expect(&asker, "Secret? ");
    type(&asker, "\x04");
    assert_int_equal(WEXITSTATUS(finish(&asker)), 2 + ERR_CLOSED);
}

static void refuses_an_answer_over_the_cap(void **state) {
    (void)state;
    struct asker asker = start(true, "1234567890123456");
    expect(&asker, "Secret? ");
    type(&asker, "1234567890123456\n");
    assert_int_equal(finish(&asker), 0);
    asker = start(true, "");
    expect(&asker, "Secret? ");
    type(&asker, "12345678901234567\n");
    assert_int_equal(WEXITSTATUS(finish(&asker)), 2 + ERR_LIMIT);
}

static void brings_the_echo_back_before_a_signal_ends_it(void **state) {
    (void)state;
    static const int SIGNALS[] = {SIGTERM, SIGHUP, SIGINT, SIGQUIT};
    for (size_t i = 0; i < ROWS(SIGNALS); i++) {
        struct asker asker = start(true, "");
        expect(&asker, "Secret? ");
        assert_false(has_echo(&asker));
        type(&asker, "half");
        assert_int_equal(kill(asker.pid, SIGNALS[i]), 0);
        int status = finish(&asker); /* which looks at the echo */
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), SIGNALS[i]);
    }
    /* The key that people press. */
    struct asker asker = start(true, "");
    expect(&asker, "Secret? ");
    type(&asker, "half\x03");
    int status = finish(&asker);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGINT);
}

static void goes_on_after_it_was_stopped(void **state) {
    (void)state;
    struct asker asker = start(true, "whole");
    int status = 0;
    expect(&asker, "Secret? ");
    assert_int_equal(kill(asker.pid, SIGSTOP), 0);
    assert_int_equal(waitpid(asker.pid, &status, WUNTRACED), asker.pid);
    assert_true(WIFSTOPPED(status));
    assert_int_equal(kill(asker.pid, SIGCONT), 0);
    type(&asker, "whole\n");
    assert_int_equal(finish(&asker), 0);
}

static void knows_what_is_no_terminal(void **state) {
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        struct buffer answer;
        (void)dup2(ends[0], 0);
        (void)close(2);
        buffer_init(&answer, 100);
        bool done = !terminal_is(0) && terminal_ask("", true, &answer) == OK &&
                    bytes_equal(buffer_view(&answer), bytes_of_string("line"));
        /* The rest is there for who reads next. */
        char rest[8] = "";
        done = done && read(0, rest, sizeof(rest)) == 4 && memcmp(rest, "rest", 4) == 0;
        buffer_clear(&answer);
        _exit(done ? 0 : 1);
    }
    assert_int_equal(write(ends[1], "line\nrest", 9), 9);
    assert_int_equal(close(ends[1]), 0);
    assert_int_equal(close(ends[0]), 0);
    int status = 1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shows_what_is_no_secret),
        cmocka_unit_test(hides_what_is_typed),
        cmocka_unit_test(takes_an_empty_answer_and_the_end),
        cmocka_unit_test(refuses_an_answer_over_the_cap),
        cmocka_unit_test(brings_the_echo_back_before_a_signal_ends_it),
        cmocka_unit_test(goes_on_after_it_was_stopped),
        cmocka_unit_test(knows_what_is_no_terminal),
    };
    return cmocka_run_group_tests_name("platform terminal", tests, NULL, NULL);
}
