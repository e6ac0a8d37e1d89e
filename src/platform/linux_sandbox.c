/* SPDX-License-Identifier: ISC */
#include "platform/sandbox.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define IS_SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITIZED 1
#endif
#ifndef IS_SANITIZED
#define IS_SANITIZED 0
#endif

#ifdef __linux__
#include <errno.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

/* Since Linux 6.2; the headers of Debian 12 do not name it. */
static const uint64_t ACCESS_TRUNCATE = UINT64_C(1) << 14;
enum { ABI_OF_TRUNCATE = 3 };

static const uint64_t READING = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
static const uint64_t WRITING = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_FILE |
                                LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK;
static const uint64_t NEVER = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
                              LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR |
                              LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |
                              LANDLOCK_ACCESS_FS_MAKE_SYM;

/* A folder that is not there needs no rule. */
static bool allow_path(int rules, const char *path, uint64_t access) {
    int folder = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) {
        return errno == ENOENT;
    }
    const struct landlock_path_beneath_attr rule = {.allowed_access = access, .parent_fd = folder};
    bool done = syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
    (void)close(folder);
    return done;
}

static bool limit_paths(const char *folder, const char *const *readable, size_t count) {
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (abi < 1) {
        return false;
    }
    uint64_t writing = WRITING | (abi >= ABI_OF_TRUNCATE ? ACCESS_TRUNCATE : 0);
    const struct landlock_ruleset_attr all = {.handled_access_fs = READING | writing | NEVER};
    int rules = (int)syscall(SYS_landlock_create_ruleset, &all, sizeof(all), 0);
    if (rules < 0) {
        return false;
    }
    bool done = allow_path(rules, folder, READING | writing);
    for (size_t i = 0; i < count && done; i++) {
        done = allow_path(rules, readable[i], READING);
    }
    done = done && syscall(SYS_landlock_restrict_self, rules, 0) == 0;
    (void)close(rules);
    return done;
}

/* Of no use to a server, and of much use to who has taken it over. Denied and not fatal, so that a
 * library that only tries one goes on without. */
static bool limit_calls(void) {
    static const int DENIED[] = {
        SCMP_SYS(execve),
        SCMP_SYS(execveat),
        SCMP_SYS(fork),
        SCMP_SYS(vfork),
        SCMP_SYS(ptrace),
        SCMP_SYS(process_vm_readv),
        SCMP_SYS(process_vm_writev),
        SCMP_SYS(kcmp),
        SCMP_SYS(pidfd_getfd),
        SCMP_SYS(bpf),
        SCMP_SYS(perf_event_open),
        SCMP_SYS(userfaultfd),
        /* io_uring_enter stays: from 1.45 on each loop of libuv has a ring for its epoll_ctl, and
         * ends the process when it is denied. No other ring can be made. */
        SCMP_SYS(io_uring_setup),
        SCMP_SYS(io_uring_register),
        SCMP_SYS(mount),
        SCMP_SYS(umount2),
        SCMP_SYS(pivot_root),
        SCMP_SYS(chroot),
        SCMP_SYS(unshare),
        SCMP_SYS(setns),
        SCMP_SYS(open_tree),
        SCMP_SYS(move_mount),
        SCMP_SYS(fsopen),
        SCMP_SYS(fsconfig),
        SCMP_SYS(fsmount),
        SCMP_SYS(fspick),
        SCMP_SYS(keyctl),
        SCMP_SYS(add_key),
        SCMP_SYS(request_key),
        SCMP_SYS(init_module),
        SCMP_SYS(finit_module),
        SCMP_SYS(delete_module),
        SCMP_SYS(kexec_load),
        SCMP_SYS(kexec_file_load),
        SCMP_SYS(reboot),
        SCMP_SYS(swapon),
        SCMP_SYS(swapoff),
        SCMP_SYS(acct),
        SCMP_SYS(quotactl),
        SCMP_SYS(syslog),
        SCMP_SYS(settimeofday),
        SCMP_SYS(clock_settime),
        SCMP_SYS(adjtimex),
        SCMP_SYS(clock_adjtime),
        SCMP_SYS(sethostname),
        SCMP_SYS(setdomainname),
        SCMP_SYS(setuid),
        SCMP_SYS(setgid),
        SCMP_SYS(setreuid),
        SCMP_SYS(setregid),
        SCMP_SYS(setresuid),
        SCMP_SYS(setresgid),
        SCMP_SYS(setgroups),
        SCMP_SYS(setfsuid),
        SCMP_SYS(setfsgid),
        SCMP_SYS(capset),
        SCMP_SYS(personality),
        SCMP_SYS(iopl),
        SCMP_SYS(ioperm),
        SCMP_SYS(modify_ldt),
        SCMP_SYS(vhangup),
        SCMP_SYS(mknod),
        SCMP_SYS(mknodat),
        SCMP_SYS(name_to_handle_at),
        SCMP_SYS(open_by_handle_at),
        SCMP_SYS(fanotify_init),
        SCMP_SYS(lookup_dcookie),
        SCMP_SYS(memfd_create),
    };
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    if (filter == NULL) {
        return false;
    }
    bool done = true;
    for (size_t i = 0; i < sizeof(DENIED) / sizeof(DENIED[0]) && done; i++) {
        done = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), DENIED[i], 0) == 0;
    }
    done = done && seccomp_load(filter) == 0;
    seccomp_release(filter);
    return done;
}

unsigned sandbox_enter(const char *folder, const char *const *readable, size_t count) {
    unsigned lacks = 0;
    if (IS_SANITIZED) {
        return SANDBOX_IS_SANITIZED;
    }
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return SANDBOX_LACKS_CALLS | SANDBOX_LACKS_PATHS; /* both need it */
    }
    lacks |= limit_paths(folder, readable, count) ? 0 : SANDBOX_LACKS_PATHS;
    lacks |= limit_calls() ? 0 : SANDBOX_LACKS_CALLS;
    return lacks;
}
#else
unsigned sandbox_enter(const char *folder, const char *const *readable, size_t count) {
    (void)folder;
    (void)readable;
    (void)count;
    return IS_SANITIZED ? SANDBOX_IS_SANITIZED : SANDBOX_LACKS_CALLS | SANDBOX_LACKS_PATHS;
}
#endif
