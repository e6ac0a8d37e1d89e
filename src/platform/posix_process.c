/* SPDX-License-Identifier: ISC */
#include "platform/process.h"

#include "platform/files.h"

#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/prctl.h>
#endif

/* Where there is no such switch, RLIMIT_CORE 0 keeps keys out of core files, and only the user's
 * own processes (and root's) may trace. */
static bool set_undumpable(void) {
#ifdef __linux__
    return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0;
#else
    return true;
#endif
}

must_check enum error process_harden(void) {
    const struct rlimit none = {0, 0};
    struct sigaction ignore;
    memset(&ignore, 0, sizeof(ignore));
    ignore.sa_handler = SIG_IGN;
    (void)umask(S_IRWXG | S_IRWXO);
    bool done = setrlimit(RLIMIT_CORE, &none) == 0 && set_undumpable() &&
                sigaction(SIGPIPE, &ignore, NULL) == 0;
    return done ? OK : ERR_IO;
}

must_check enum error process_raise_files(unsigned long wanted, unsigned long *got) {
    struct rlimit limit;
    *got = 0;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return ERR_IO;
    }
    if (limit.rlim_cur < wanted) {
        struct rlimit higher = {.rlim_cur = wanted, .rlim_max = limit.rlim_max};
        if (higher.rlim_max < wanted) {
            higher.rlim_max = wanted; /* root may */
        }
        if (setrlimit(RLIMIT_NOFILE, &higher) != 0) {
            higher = (struct rlimit){.rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max};
            (void)setrlimit(RLIMIT_NOFILE, &higher);
        }
        if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
            return ERR_IO;
        }
    }
    *got = (unsigned long)limit.rlim_cur;
    return *got >= wanted ? OK : ERR_LIMIT;
}

static const char *absolute(const char *path) {
    return path != NULL && path[0] == '/' ? path : NULL;
}

must_check enum error process_data_folder(const char *program, const char *home, char *out,
                                          size_t size) {
    if (home != NULL) {
        return path_join(home, "data", out, size);
    }
    /* A relative XDG_DATA_HOME counts as none (XDG Base Directory Specification). */
    const char *data = absolute(getenv("XDG_DATA_HOME"));
    if (data != NULL) {
        return path_join(data, program, out, size);
    }
    const char *user = absolute(getenv("HOME"));
    if (user == NULL) {
        return ERR_NOT_FOUND;
    }
    char share[PATH_MAX_BYTES];
    enum error error = path_join(user, ".local/share", share, sizeof(share));
    return error == OK ? path_join(share, program, out, size) : error;
}

must_check enum error process_become_owner(const char *path) {
    struct stat status;
    if (geteuid() != 0 || stat(path, &status) != 0 || status.st_uid == 0) {
        return OK;
    }
    bool done = setgroups(0, NULL) == 0 && setgid(status.st_gid) == 0 && setuid(status.st_uid) == 0;
    return done && set_undumpable() ? OK : ERR_NOT_ALLOWED;
}
