/* SPDX-License-Identifier: ISC */
/* What is given up is gone: tried in a child, because it is for good. */
#include "testing.h"

#include "platform/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WORKS = 0, LACKING = 100 };

/* Each returns WORKS when what has to fail fails, and what has to work works. */
static int try_calls(const char *folder) {
    char *const arguments[] = {(char *)(uintptr_t)"true", NULL};
    (void)folder;
    if (execv("/bin/true", arguments) != -1 || (errno != EPERM && errno != EACCES)) {
        return 1;
    }
    if (setuid(getuid()) != -1 || errno != EPERM) {
        return 2;
    }
    return WORKS;
}

static int try_paths(const char *folder) {
    char path[512];
    if (open("/", O_RDONLY | O_DIRECTORY) != -1 || errno != EACCES) {
        return 1;
    }
    if (open("/proc/self/status", O_RDONLY) != -1 || errno != EACCES) {
        return 2;
    }
    if (open("/etc/passwd", O_RDONLY) == -1) { /* below the readable folder */
        return 3;
    }
    if (open("/etc/sotto-test", O_WRONLY | O_CREAT, 0600) != -1) {
        return 4;
    }
    snprintf(path, sizeof(path), "%s/file", folder);
    int file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (file == -1 || write(file, "x", 1) != 1 || unlink(path) != 0) {
        return 5;
    }
    snprintf(path, sizeof(path), "%s/folder", folder);
    return mkdir(path, 0700) == -1 && errno == EACCES ? WORKS : 6;
}

/* The ring of a loop that was made before, as libuv makes one; room for what the kernel writes. */
static int ring = -1;

static int make_ring(void) {
    static uint64_t parameters[64];
    memset(parameters, 0, sizeof(parameters));
    return (int)syscall(SYS_io_uring_setup, 4, parameters);
}

static int try_rings(const char *folder) {
    (void)folder;
    if (syscall(SYS_io_uring_enter, ring, 0, 0, 0, NULL, 0) != 0) {
        return 1;
    }
    return make_ring() == -1 && errno == EPERM ? WORKS : 2;
}

static int in_child(int (*attempt)(const char *folder), unsigned needed) {
    char folder[] = "/tmp/sotto-sandbox-XXXXXX";
    assert_non_null(mkdtemp(folder));
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        static const char *const readable[] = {"/etc", "/not/there"};
        unsigned lacks = sandbox_enter(folder, readable, 2);
        bool is_lacking = (lacks & (needed | SANDBOX_IS_SANITIZED)) != 0;
        _exit(is_lacking ? LACKING : attempt(folder));
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(rmdir(folder), 0);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void calls_are_given_up(void **state) {
    (void)state;
    int result = in_child(try_calls, SANDBOX_LACKS_CALLS);
    if (result == LACKING) {
        skip();
    }
    assert_int_equal(result, WORKS);
}

static void paths_are_given_up(void **state) {
    (void)state;
    int result = in_child(try_paths, SANDBOX_LACKS_PATHS);
    if (result == LACKING) {
        skip();
    }
    assert_int_equal(result, WORKS);
}

static void the_ring_of_a_loop_goes_on(void **state) {
    (void)state;
    ring = make_ring();
    int result = ring == -1 ? LACKING : in_child(try_rings, SANDBOX_LACKS_CALLS);
    if (result == LACKING) { /* a kernel without rings has loops without them */
        skip();
    }
    assert_int_equal(close(ring), 0);
    assert_int_equal(result, WORKS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_are_given_up),
        cmocka_unit_test(paths_are_given_up),
        cmocka_unit_test(the_ring_of_a_loop_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
