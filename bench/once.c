/* SPDX-License-Identifier: ISC */
/* One process from its start to its end: what bench/client measures with. It is small itself,
 * because a child's peak of memory begins with that of whoever started it.
 *
 *   once PROGRAM [ARGUMENT...]    its output goes nowhere; prints its microseconds,
 *                                  those of CPU, its peak in KiB, its exit status */
#include <fcntl.h>
#include <inttypes.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int64_t now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int64_t us_of(struct timeval time) {
    return (int64_t)time.tv_sec * 1000000 + time.tv_usec;
}

int main(int argc, char **argv) {
    posix_spawn_file_actions_t actions;
    struct rusage used = {0};
    pid_t pid;
    int status = 0;
    if (argc < 2) {
        fputs("Usage: once PROGRAM [ARGUMENT...]\n", stderr);
        return 2;
    }
    if (posix_spawn_file_actions_init(&actions) != 0 ||
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0) != 0 ||
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0) != 0) {
        return 1;
    }
    int64_t begin = now_us();
    if (posix_spawn(&pid, argv[1], &actions, NULL, argv + 1, environ) != 0) {
        perror(argv[1]);
        return 1;
    }
    if (wait4(pid, &status, 0, &used) != pid) {
        perror("wait4");
        return 1;
    }
    int64_t took = now_us() - begin;
    posix_spawn_file_actions_destroy(&actions);
    printf("%" PRId64 " %" PRId64 " %ld %d\n", took, us_of(used.ru_utime) + us_of(used.ru_stime),
           used.ru_maxrss, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    return 0;
}
