/* SPDX-License-Identifier: ISC */
/* A program beside the own work: found as a shell finds it, fed without waiting, its end told. */
#include "testing.h"

#include "platform/child.h"
#include "platform/clock.h"
#include "platform/files.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void start(struct child *child, const char *script) {
    const char *words[] = {"sh", "-c", script, NULL};
    char path[PATH_MAX_BYTES];
    assert_int_equal(child_find("sh", path, sizeof(path)), OK);
    assert_int_equal(child_start(child, path, words, (const char *const *)environ), OK);
}

/* Waits for the end, ten seconds at most. */
static struct child_end end_of(struct child *child) {
    struct child_end end = {.status = -1};
    for (int i = 0; i < 10000; i++) {
        if (child_has_ended(child, &end)) {
            assert_int_equal(child->pid, 0);
            return end;
        }
        usleep(1000);
    }
    fail_msg("it did not end");
    return end;
}

static void finds_as_a_shell_does(void **state) {
    (void)state;
    char path[PATH_MAX_BYTES];
    assert_int_equal(child_find("sh", path, sizeof(path)), OK);
    assert_int_equal(path[0], '/');
    assert_int_equal(child_find("/bin/sh", path, sizeof(path)), OK);
    assert_int_equal(child_find("no-such-program-here", path, sizeof(path)), ERR_NOT_FOUND);
    assert_int_equal(child_find("", path, sizeof(path)), ERR_NOT_FOUND);
    assert_int_equal(child_find("/etc/passwd", path, sizeof(path)), ERR_NOT_ALLOWED);
    assert_int_equal(errno, EACCES);
    assert_int_equal(child_find("/etc", path, sizeof(path)), ERR_NOT_ALLOWED);
    assert_int_equal(child_find("/etc/passwd/sh", path, sizeof(path)), ERR_NOT_FOUND);
    assert_int_equal(child_find("sh", path, 2), ERR_LIMIT);
    assert_int_equal(setenv("PATH", "/nowhere::/bin", 1), 0);
    assert_int_equal(child_find("sh", path, sizeof(path)), OK);
    assert_string_equal(path, "/bin/sh");
}

static void tells_how_it_ended(void **state) {
    (void)state;
    struct child child;
    start(&child, "exit 3");
    assert_int_equal(end_of(&child).status, 3);
    start(&child, "kill -KILL $$");
    assert_int_equal(end_of(&child).signal, SIGKILL);
    start(&child, "exec sleep 60 >&2");
    child_signal(&child, SIGTERM);
    assert_int_equal(end_of(&child).signal, SIGTERM);
}

/* Promise: whoever runs it never waits for it to read, and a text of any size arrives whole. */
static void feeds_without_waiting(void **state) {
    (void)state;
    static uint8_t large[300 * 1000];
    memset(large, 'x', sizeof(large));
    const struct bytes text = bytes_of(large);
    struct clock clock = clock_system();
    struct child child;
    struct child_end end;
    start(&child, "sleep 0.2; test $(wc -c) = 300000");
    uint64_t began = clock.monotonic_ms(clock.context);
    child_feed(&child, text);
    assert_true(clock.monotonic_ms(clock.context) - began < 150);
    assert_true(child.sent < sizeof(large));
    while (!child_has_ended(&child, &end)) {
        child_feed(&child, text);
        usleep(1000);
    }
    assert_int_equal(end.status, 0);
    start(&child, "exec <&-; sleep 0.05; exit 5");
    usleep(20000);
    child_feed(&child, text);
    child_feed(&child, text);
    assert_int_equal(end_of(&child).status, 5);
}

/* Promise: nothing that this process has open is the program's, and an ignored SIGCHLD of a
 * careless parent does not lose the status. */
static void hands_on_no_descriptor(void **state) {
    (void)state;
    struct child child;
    int handle = open("/dev/null", O_RDONLY);
    assert_true(handle > 2);
    signal(SIGCHLD, SIG_IGN);
    start(&child, "for fd in 3 4 5 6 7 8 9; do (: <&$fd) 2>/dev/null && exit 1; done; exit 4");
    assert_int_equal(end_of(&child).status, 4);
    close(handle);
}

/* What this process ignores would be ignored by every program that it starts. */
static void hands_on_no_ignored_signal(void **state) {
    (void)state;
    struct child child;
    signal(SIGXFSZ, SIG_IGN); /* as process_harden does */
    start(&child, "kill -XFSZ $$; exit 1");
    assert_int_equal(end_of(&child).signal, SIGXFSZ);
    start(&child, "kill -PIPE $$; exit 1");
    assert_int_equal(end_of(&child).signal, SIGPIPE);
}

static void holds_signals_back(void **state) {
    (void)state;
    child_signals_hold();
    assert_int_equal(child_signals_take(), 0);
    raise(SIGTERM);
    assert_int_equal(child_signals_take(), SIGTERM);
    assert_int_equal(child_signals_take(), 0);
    raise(SIGINT);
    assert_int_equal(child_signals_take(), SIGINT);
    struct child child;
    start(&child, "kill -TERM $$; exit 1");
    assert_int_equal(end_of(&child).signal, SIGTERM); /* the program's own are not held */
    child_signals_free();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_as_a_shell_does),      cmocka_unit_test(tells_how_it_ended),
        cmocka_unit_test(feeds_without_waiting),      cmocka_unit_test(hands_on_no_descriptor),
        cmocka_unit_test(hands_on_no_ignored_signal), cmocka_unit_test(holds_signals_back),
    };
    signal(SIGPIPE, SIG_IGN); /* as process_harden does */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
