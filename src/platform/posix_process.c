/* SPDX-License-Identifier: ISC */
#include "platform/process.h"

#include "platform/files.h"

#include <grp.h>
#include <pwd.h>
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
                sigaction(SIGPIPE, &ignore, NULL) == 0 && sigaction(SIGXFSZ, &ignore, NULL) == 0;
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

/* Where the XDG Base Directory Specification puts one kind of a program's files. */
struct place {
    const char *of_home;  /* under SOTTO_HOME */
    const char *variable; /* a relative path in it counts as none */
    const char *of_user;  /* under HOME otherwise */
};

/* HOME; services run without it, and then the user's entry in the passwd database says. */
static bool find_home(char *out, size_t size) {
    const char *home = absolute(getenv("HOME"));
    struct passwd entry;
    struct passwd *found = NULL;
    char spare[PATH_MAX_BYTES];
    if (home == NULL && getpwuid_r(geteuid(), &entry, spare, sizeof(spare), &found) == 0 &&
        found != NULL) {
        home = absolute(found->pw_dir);
    }
    if (home == NULL || strlen(home) >= size) {
        return false;
    }
    memcpy(out, home, strlen(home) + 1);
    return true;
}

static enum error locate(const struct place *place, const char *program, const char *home,
                         char *out, size_t size) {
    if (home != NULL) {
        return path_join(home, place->of_home, out, size);
    }
    const char *folder = absolute(getenv(place->variable));
    if (folder != NULL) {
        return path_join(folder, program, out, size);
    }
    char user[PATH_MAX_BYTES];
    if (!find_home(user, sizeof(user))) {
        return ERR_NOT_FOUND;
    }
    char parent[PATH_MAX_BYTES];
    enum error error = path_join(user, place->of_user, parent, sizeof(parent));
    return error == OK ? path_join(parent, program, out, size) : error;
}

must_check enum error process_data_folder(const char *program, const char *home, char *out,
                                          size_t size) {
    static const struct place DATA = {"data", "XDG_DATA_HOME", ".local/share"};
    return locate(&DATA, program, home, out, size);
}

must_check enum error process_config_folder(const char *program, const char *home, char *out,
                                            size_t size) {
    static const struct place CONFIG = {"config", "XDG_CONFIG_HOME", ".config"};
    return locate(&CONFIG, program, home, out, size);
}

must_check enum error process_become_owner(const char *path) {
    struct stat status;
    if (geteuid() != 0 || stat(path, &status) != 0 || status.st_uid == 0) {
        return OK;
    }
    bool done = setgroups(0, NULL) == 0 && setgid(status.st_gid) == 0 && setuid(status.st_uid) == 0;
    return done && set_undumpable() ? OK : ERR_NOT_ALLOWED;
}
