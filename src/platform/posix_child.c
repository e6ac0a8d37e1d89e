/* SPDX-License-Identifier: ISC */
#include "platform/child.h"

#include "base/require.h"
#include "platform/files.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- finding */

static enum error check_program(const char *path) {
    struct stat found;
    if (stat(path, &found) != 0) {
        return errno == ENOENT || errno == ENOTDIR ? ERR_NOT_FOUND : ERR_NOT_ALLOWED;
    }
    if (S_ISDIR(found.st_mode)) {
        errno = EISDIR;
        return ERR_NOT_ALLOWED;
    }
    return access(path, X_OK) == 0 ? OK : ERR_NOT_ALLOWED;
}

/* One folder of PATH; an empty one is the current folder. */
static enum error try_folder(const char *folder, size_t folder_size, const char *program,
                             char *path, size_t size) {
    struct buffer made;
    buffer_init(&made, size - 1);
    enum error error = buffer_append(&made, bytes_make(folder, folder_size));
    if (error == OK) {
        error = buffer_append(&made, bytes_of_string(folder_size == 0 ? "./" : "/"));
    }
    if (error == OK) {
        error = buffer_append(&made, bytes_of_string(program));
    }
    if (error == OK) {
        memcpy(path, made.data, made.size);
        path[made.size] = '\0';
        error = check_program(path);
    }
    buffer_clear(&made);
    return error;
}

must_check enum error child_find(const char *program, char *path, size_t size) {
    const char *folders = getenv("PATH");
    enum error refused = ERR_NOT_FOUND;
    int refused_why = ENOENT;
    if (program[0] == '\0' || strlen(program) >= size) {
        return program[0] == '\0' ? ERR_NOT_FOUND : ERR_LIMIT;
    }
    memcpy(path, program, strlen(program) + 1);
    if (strchr(program, '/') != NULL) {
        return check_program(path);
    }
    folders = folders == NULL ? "/usr/local/bin:/usr/bin:/bin" : folders;
    for (;;) {
        size_t length = strcspn(folders, ":");
        enum error error = try_folder(folders, length, program, path, size);
        if (error == OK) {
            return OK;
        }
        if (error == ERR_NOT_ALLOWED && errno != EISDIR) {
            refused = error;
            refused_why = errno;
        }
        if (folders[length] == '\0') {
            break;
        }
        folders += length + 1;
    }
    memcpy(path, program, strlen(program) + 1);
    errno = refused_why;
    return refused;
}

/* ---- starting */

static enum error make_pipe(int ends[2]) {
    if (pipe(ends) != 0) {
        return ERR_IO;
    }
    bool is_ready = fcntl(ends[0], F_SETFD, FD_CLOEXEC) == 0 &&
                    fcntl(ends[1], F_SETFD, FD_CLOEXEC) == 0 &&
                    fcntl(ends[1], F_SETFL, O_NONBLOCK) == 0;
    if (!is_ready) {
        close(ends[0]);
        close(ends[1]);
        return ERR_IO;
    }
    return OK;
}

/* The child starts with no signal held, and with those that this process ignores (process_harden)
 * as ever. */
static int set_signals(posix_spawnattr_t *attributes) {
    sigset_t none;
    sigset_t usual;
    short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
#ifdef __APPLE__
    flags = (short)(flags | POSIX_SPAWN_CLOEXEC_DEFAULT);
#endif
    sigemptyset(&none);
    sigemptyset(&usual);
    sigaddset(&usual, SIGPIPE);
    sigaddset(&usual, SIGXFSZ);
    int rc = posix_spawnattr_setsigmask(attributes, &none);
    rc = rc == 0 ? posix_spawnattr_setsigdefault(attributes, &usual) : rc;
    return rc == 0 ? posix_spawnattr_setflags(attributes, flags) : rc;
}

static int set_files(posix_spawn_file_actions_t *actions, int input) {
    int rc = posix_spawn_file_actions_adddup2(actions, input, STDIN_FILENO);
#ifdef __APPLE__
    rc = rc == 0 ? posix_spawn_file_actions_addinherit_np(actions, STDOUT_FILENO) : rc;
    return rc == 0 ? posix_spawn_file_actions_addinherit_np(actions, STDERR_FILENO) : rc;
#else
    return rc == 0 ? posix_spawn_file_actions_addclosefrom_np(actions, STDERR_FILENO + 1) : rc;
#endif
}

/* posix_spawn takes the words without const and does not change them. */
static char *const *unconst(const char *const *words) {
    char *const *same;
    memcpy(&same, &words, sizeof(same));
    return same;
}

static int spawn(pid_t *pid, const char *path, const char *const *words,
                 const char *const *variables, int input) {
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_t actions;
    int rc = posix_spawnattr_init(&attributes);
    if (rc != 0) {
        return rc;
    }
    rc = posix_spawn_file_actions_init(&actions);
    if (rc == 0) {
        rc = set_signals(&attributes);
        rc = rc == 0 ? set_files(&actions, input) : rc;
        rc = rc == 0
                 ? posix_spawn(pid, path, &actions, &attributes, unconst(words), unconst(variables))
                 : rc;
        (void)posix_spawn_file_actions_destroy(&actions);
    }
    (void)posix_spawnattr_destroy(&attributes);
    return rc;
}

/* Where SIGCHLD is ignored, as a careless parent may have left it, children leave no status. */
static bool keep_statuses(void) {
    struct sigaction usual;
    memset(&usual, 0, sizeof(usual));
    usual.sa_handler = SIG_DFL;
    return sigaction(SIGCHLD, &usual, NULL) == 0;
}

must_check enum error child_start(struct child *child, const char *path, const char *const *words,
                                  const char *const *variables) {
    int ends[2];
    pid_t pid = 0;
    enum error error = keep_statuses() ? make_pipe(ends) : ERR_IO;
    if (error != OK) {
        return error;
    }
    int rc = spawn(&pid, path, words, variables, ends[0]);
    close(ends[0]);
    if (rc != 0) {
        close(ends[1]);
        errno = rc;
        bool is_refused = rc == EACCES || rc == EPERM || rc == ENOEXEC || rc == E2BIG;
        return rc == ENOENT ? ERR_NOT_FOUND : is_refused ? ERR_NOT_ALLOWED : ERR_IO;
    }
    *child = (struct child){.pid = pid, .input = ends[1]};
    return OK;
}

/* ---- while it runs */

static void end_input(struct child *child) {
    if (child->input >= 0) {
        close(child->input);
        child->input = -1;
    }
}

void child_feed(struct child *child, struct bytes text) {
    require(child->sent <= text.size);
    while (child->input >= 0 && child->sent < text.size) {
        ssize_t written = write(child->input, text.data + child->sent, text.size - child->sent);
        if (written > 0) {
            child->sent += (size_t)written;
        } else if (written < 0 && errno == EAGAIN) {
            return;
        } else if (written == 0 || errno != EINTR) {
            end_input(child);
        }
    }
    end_input(child);
}

must_check bool child_has_ended(struct child *child, struct child_end *end) {
    int status = 0;
    pid_t ended = 0;
    do {
        ended = waitpid((pid_t)child->pid, &status, WNOHANG);
    } while (ended < 0 && errno == EINTR);
    if (ended == 0) {
        return false;
    }
    require(ended == (pid_t)child->pid);
    *end = (struct child_end){.status = WIFEXITED(status) ? WEXITSTATUS(status) : 0,
                              .signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0};
    end_input(child);
    child->pid = 0;
    return true;
}

void child_signal(const struct child *child, int number) {
    if (child->pid > 0) {
        (void)kill((pid_t)child->pid, number);
    }
}

/* ---- signals of this process */

static void ending_signals(sigset_t *set) {
    sigemptyset(set);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGTERM);
}

void child_signals_hold(void) {
    sigset_t ending;
    ending_signals(&ending);
    sigprocmask(SIG_BLOCK, &ending, NULL);
}

int child_signals_take(void) {
    sigset_t ending;
    sigset_t pending;
    int number = 0;
    ending_signals(&ending);
    sigpending(&pending);
    bool has_come = sigismember(&pending, SIGINT) == 1 || sigismember(&pending, SIGTERM) == 1;
    return has_come && sigwait(&ending, &number) == 0 ? number : 0;
}

void child_signals_free(void) {
    sigset_t ending;
    ending_signals(&ending);
    sigprocmask(SIG_UNBLOCK, &ending, NULL);
}
