/* SPDX-License-Identifier: ISC */
/* Private files and folders, locks, and the process: what is made, what is refused. */
#include "temporary.h"
#include "testing.h"

#include "platform/clock.h"
#include "platform/files.h"
#include "platform/process.h"

#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *at(const char *name) {
    static char paths[4][PATH_MAX_BYTES];
    static unsigned next;
    char *path = paths[next++ % 4];
    assert_int_equal(path_join(root, name, path, PATH_MAX_BYTES), OK);
    return path;
}

static unsigned mode_of(const char *path) {
    struct stat status;
    assert_int_equal(lstat(path, &status), 0);
    return status.st_mode & 07777;
}

static void write_text(const char *path, const char *text, mode_t mode) {
    int handle = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (handle < 0) {
        fail_msg("cannot make %s", path);
        abort();
    }
    assert_int_equal(write(handle, text, strlen(text)), strlen(text));
    assert_int_equal(fchmod(handle, mode), 0);
    assert_int_equal(close(handle), 0);
}

/* --- folders --- */

static void makes_folders_for_the_owner_alone(void **state) {
    (void)state;
    unsigned mode = 1;
    mode_t before = umask(0);
    assert_int_equal(folder_private(at("a/b/c"), &mode), OK);
    (void)umask(before);
    assert_int_equal(mode, 0700);
    assert_int_equal(mode_of(at("a")), 0700);
    assert_int_equal(mode_of(at("a/b")), 0700);
    assert_int_equal(mode_of(at("a/b/c")), 0700);
    assert_int_equal(folder_private(at("a/b/c"), &mode), OK);
    assert_int_equal(folder_private(at("a/b/d//"), &mode), OK);
    assert_int_equal(mode_of(at("a/b/d")), 0700);
}

static void refuses_folders_that_others_can_use(void **state) {
    (void)state;
    static const mode_t OPEN[] = {0701, 0710, 0740, 0755, 0702, 0777};
    unsigned mode = 0;
    assert_int_equal(mkdir(at("open"), 0700), 0);
    for (size_t i = 0; i < ROWS(OPEN); i++) {
        assert_int_equal(chmod(at("open"), OPEN[i]), 0);
        assert_int_equal(folder_private(at("open"), &mode), ERR_STORE_PERMISSIONS);
        assert_int_equal(mode, OPEN[i]);
    }
    assert_int_equal(chmod(at("open"), 0700), 0);
    assert_int_equal(folder_private(at("open"), &mode), OK);
}

static void takes_no_link_or_file_for_a_folder(void **state) {
    (void)state;
    unsigned mode = 0;
    assert_int_equal(mkdir(at("real"), 0700), 0);
    assert_int_equal(symlink(at("real"), at("link")), 0);
    assert_int_equal(folder_private(at("link"), &mode), ERR_STORAGE_FAILED);
    assert_int_equal(folder_private(at("link/"), &mode), ERR_STORAGE_FAILED);
    write_text(at("plain"), "", 0600);
    assert_int_equal(folder_private(at("plain"), &mode), ERR_STORAGE_FAILED);
    assert_int_equal(folder_private(at("plain/below"), &mode), ERR_STORAGE_FAILED);
    assert_int_equal(folder_private("", &mode), ERR_STORAGE_FAILED);
    static char endless[PATH_MAX_BYTES + 1];
    memset(endless, 'x', PATH_MAX_BYTES);
    assert_int_equal(folder_private(endless, &mode), ERR_STORAGE_FAILED);
}

/* --- files --- */

static void writes_and_reads_private_files_whole(void **state) {
    (void)state;
    static uint8_t data[100000];
    memset(data, 7, sizeof(data));
    unsigned mode = 0;
    struct buffer out;
    buffer_init(&out, sizeof(data));
    mode_t before = umask(0);
    assert_int_equal(file_write_private(at("secret"), bytes_of_string("old")), OK);
    assert_int_equal(file_write_private(at("secret"), bytes_of(data)), OK);
    (void)umask(before);
    assert_int_equal(mode_of(at("secret")), 0600);
    assert_int_equal(file_read_private(at("secret"), &out, &mode), OK);
    assert_int_equal(mode, 0600);
    assert_true(bytes_equal(buffer_view(&out), bytes_of(data)));
    buffer_clear(&out);
    buffer_init(&out, sizeof(data) - 1);
    assert_int_equal(file_read_private(at("secret"), &out, &mode), ERR_LIMIT);
    assert_int_equal(out.size, 0);
    assert_int_equal(file_write_private(at("empty"), bytes_make(NULL, 0)), OK);
    assert_int_equal(file_read_private(at("empty"), &out, &mode), OK);
    assert_int_equal(out.size, 0);
    assert_int_equal(file_write_private(at("nowhere/secret"), bytes_of(data)), ERR_STORAGE_FAILED);
    buffer_clear(&out);
}

/* A write that fails leaves the file as it was, and nothing beside it. */
static void keeps_the_old_file_when_the_new_one_cannot_be_written(void **state) {
    (void)state;
    static uint8_t data[20000];
    unsigned mode = 0;
    struct buffer out;
    assert_int_equal(mkdir(at("kept"), 0700), 0);
    assert_int_equal(file_write_private(at("kept/file"), bytes_of_string("old")), OK);
    pid_t child = fork();
    if (child == 0) {
        const struct rlimit small = {4096, 4096};
        (void)signal(SIGXFSZ, SIG_IGN);
        (void)setrlimit(RLIMIT_FSIZE, &small);
        _exit(file_write_private(at("kept/file"), bytes_of(data)) == ERR_STORAGE_FAILED ? 0 : 1);
    }
    int status = 1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    buffer_init(&out, 100);
    assert_int_equal(file_read_private(at("kept/file"), &out, &mode), OK);
    assert_true(bytes_equal(buffer_view(&out), bytes_of_string("old")));
    assert_int_equal(unlink(at("kept/file")), 0);
    assert_int_equal(rmdir(at("kept")), 0);
    buffer_clear(&out);
}

static void refuses_files_that_others_can_use(void **state) {
    (void)state;
    static const mode_t OPEN[] = {0601, 0604, 0602, 0640, 0660, 0644};
    unsigned mode = 0;
    struct buffer out;
    buffer_init(&out, 100);
    for (size_t i = 0; i < ROWS(OPEN); i++) {
        write_text(at("shared"), "x", OPEN[i]);
        assert_int_equal(file_check_private(at("shared"), &mode), ERR_STORE_PERMISSIONS);
        assert_int_equal(mode, OPEN[i]);
        assert_int_equal(file_read_private(at("shared"), &out, &mode), ERR_STORE_PERMISSIONS);
    }
    write_text(at("shared"), "x", 0600);
    assert_int_equal(file_check_private(at("shared"), &mode), OK);
    assert_int_equal(out.size, 0);
    assert_int_equal(file_check_private(at("missing"), &mode), ERR_NOT_FOUND);
    assert_int_equal(file_read_private(at("missing"), &out, &mode), ERR_NOT_FOUND);
}

static void reads_no_link_pipe_or_folder_as_a_private_file(void **state) {
    (void)state;
    unsigned mode = 0;
    struct buffer out;
    buffer_init(&out, 100);
    write_text(at("target"), "x", 0600);
    assert_int_equal(symlink(at("target"), at("to-target")), 0);
    assert_int_equal(file_read_private(at("to-target"), &out, &mode), ERR_STORAGE_FAILED);
    assert_int_equal(mkfifo(at("pipe"), 0600), 0);
    assert_int_equal(file_read_private(at("pipe"), &out, &mode), ERR_STORAGE_FAILED);
    assert_int_equal(mkdir(at("folder"), 0700), 0);
    assert_int_equal(file_check_private(at("folder"), &mode), ERR_STORAGE_FAILED);
    /* A link is replaced, not followed. */
    assert_int_equal(file_write_private(at("to-target"), bytes_of_string("new")), OK);
    assert_int_equal(file_read_private(at("target"), &out, &mode), OK);
    assert_true(bytes_equal(buffer_view(&out), bytes_of_string("x")));
    buffer_clear(&out);
}

static void reads_any_file_up_to_the_cap(void **state) {
    (void)state;
    struct buffer out;
    buffer_init(&out, 5);
    write_text(at("any"), "12345", 0644);
    assert_int_equal(file_read(at("any"), &out), OK);
    assert_int_equal(out.size, 5);
    buffer_clear(&out);
    write_text(at("any"), "123456", 0644);
    assert_int_equal(file_read(at("any"), &out), ERR_LIMIT);
    assert_int_equal(file_read(at("none"), &out), ERR_NOT_FOUND);
    assert_int_equal(file_read(root, &out), ERR_STORAGE_FAILED);
    buffer_clear(&out);
}

static void reads_shared_files_that_nobody_else_can_write(void **state) {
    (void)state;
    static const mode_t FINE[] = {0644, 0600, 0444, 0755};
    static const mode_t OPEN[] = {0664, 0646, 0666, 0602};
    struct buffer out;
    unsigned mode = 0;
    const char *path = at("shared");
    buffer_init(&out, 16);
    write_text(path, "card", 0644);
    for (size_t i = 0; i < ROWS(FINE); i++) {
        buffer_reset(&out);
        assert_int_equal(chmod(path, FINE[i]), 0);
        assert_int_equal(file_check_shared(path, &mode), OK);
        assert_int_equal(file_read_shared(path, &out, &mode), OK);
        assert_memory_equal(out.data, "card", 4);
    }
    for (size_t i = 0; i < ROWS(OPEN); i++) {
        buffer_reset(&out);
        assert_int_equal(chmod(path, OPEN[i]), 0);
        assert_int_equal(file_check_shared(path, &mode), ERR_STORE_PERMISSIONS);
        assert_int_equal(mode, OPEN[i]);
        assert_int_equal(file_read_shared(path, &out, &mode), ERR_STORE_PERMISSIONS);
        assert_int_equal(out.size, 0);
    }
    assert_int_equal(file_check_shared(at("not-there"), &mode), ERR_NOT_FOUND);
    assert_int_equal(file_read_shared(at("not-there"), &out, &mode), ERR_NOT_FOUND);
    assert_int_equal(mkdir(at("shared-folder"), 0755), 0);
    assert_int_equal(file_check_shared(at("shared-folder"), &mode), OK);
    assert_int_equal(file_read_shared(at("shared-folder"), &out, &mode), ERR_STORAGE_FAILED);
    assert_int_equal(mkfifo(at("shared-pipe"), 0644), 0);
    assert_int_equal(file_read_shared(at("shared-pipe"), &out, &mode), ERR_STORAGE_FAILED);
    write_text(at("shared-folder/long"), "0123456789abcdefg", 0644);
    assert_int_equal(file_read_shared(at("shared-folder/long"), &out, &mode), ERR_LIMIT);
    buffer_reset(&out);
    assert_int_equal(symlink("long", at("shared-folder/link")), 0);
    assert_int_equal(file_check_shared(at("shared-folder/link"), &mode), OK);
    buffer_clear(&out);
}

static enum error note_name(void *context, const char *name) {
    size_t *count = context;
    assert_true(strcmp(name, "one") == 0 || strcmp(name, "two") == 0);
    return ++*count == 3 ? ERR_LIMIT : OK;
}

static void walks_the_names_in_a_folder(void **state) {
    (void)state;
    size_t count = 0;
    assert_int_equal(mkdir(at("walk"), 0755), 0);
    assert_int_equal(folder_walk(at("walk"), note_name, &count), OK);
    assert_int_equal(count, 0);
    write_text(at("walk/one"), "", 0644);
    write_text(at("walk/two"), "", 0644);
    write_text(at("walk/.hidden"), "", 0644);
    assert_int_equal(folder_walk(at("walk"), note_name, &count), OK);
    assert_int_equal(count, 2);
    assert_int_equal(folder_walk(at("walk"), note_name, &count), ERR_LIMIT);
    assert_int_equal(count, 3);
    assert_int_equal(folder_walk(at("walk/none"), note_name, &count), ERR_NOT_FOUND);
    assert_int_equal(folder_walk(at("walk/one"), note_name, &count), ERR_STORAGE_FAILED);
}

static void joins_paths(void **state) {
    (void)state;
    char out[8];
    assert_int_equal(path_join("/a", "b", out, sizeof(out)), OK);
    assert_string_equal(out, "/a/b");
    assert_int_equal(path_join("/a/", "b", out, sizeof(out)), OK);
    assert_string_equal(out, "/a/b");
    assert_int_equal(path_join("/abc", "de", out, sizeof(out)), OK);
    assert_int_equal(path_join("/abc", "def", out, sizeof(out)), ERR_LIMIT);
}

/* --- locks --- */

static void gives_a_lock_to_one_at_a_time(void **state) {
    (void)state;
    struct file_lock first;
    struct file_lock second;
    long holder = -1;
    mode_t before = umask(0);
    assert_int_equal(file_lock(at("lock"), 0, &first, &holder), OK);
    (void)umask(before);
    assert_int_equal(mode_of(at("lock")), 0600);
    /* Also within one process. */
    assert_int_equal(file_lock(at("lock"), 0, &second, &holder), ERR_STORE_BUSY);
    assert_int_equal(holder, getpid());
    /* A reader that opens and closes the file does not give it up. */
    struct buffer out;
    buffer_init(&out, 100);
    assert_int_equal(file_read(at("lock"), &out), OK);
    buffer_clear(&out);
    assert_int_equal(file_lock(at("lock"), 0, &second, &holder), ERR_STORE_BUSY);
    file_unlock(&first);
    assert_int_equal(file_lock(at("lock"), 0, &second, &holder), OK);
    file_unlock(&second);
    file_unlock(&second);
}

/* A child that holds the lock for 300 ms, or until it is killed. */
static pid_t lock_in_child(const char *path, bool for_ever) {
    int ready[2];
    char byte = 0;
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        struct file_lock lock;
        long holder = 0;
        const struct timespec time = {.tv_sec = for_ever ? 60 : 0, .tv_nsec = 300000000};
        if (file_lock(path, 0, &lock, &holder) != OK || write(ready[1], "x", 1) != 1) {
            _exit(1);
        }
        (void)nanosleep(&time, NULL);
        _exit(0);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(close(ready[0]), 0);
    assert_int_equal(close(ready[1]), 0);
    return child;
}

static uint64_t monotonic_ms(void) {
    struct clock clock = clock_system();
    return clock.monotonic_ms(clock.context);
}

static void waits_for_a_lock_and_says_who_has_it(void **state) {
    (void)state;
    struct file_lock lock;
    long holder = 0;
    pid_t child = lock_in_child(at("other"), false);
    uint64_t start = monotonic_ms();
    assert_int_equal(file_lock(at("other"), 50, &lock, &holder), ERR_STORE_BUSY);
    assert_int_equal(holder, child);
    assert_in_range(monotonic_ms() - start, 45, 250);
    assert_int_equal(file_lock(at("other"), 10000, &lock, &holder), OK);
    assert_in_range(monotonic_ms() - start, 200, 2000);
    file_unlock(&lock);
    assert_int_equal(waitpid(child, NULL, 0), child);
}

static void frees_the_lock_of_a_killed_process(void **state) {
    (void)state;
    struct file_lock lock;
    long holder = 0;
    pid_t child = lock_in_child(at("killed"), true);
    assert_int_equal(file_lock(at("killed"), 0, &lock, &holder), ERR_STORE_BUSY);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(file_lock(at("killed"), 0, &lock, &holder), OK);
    file_unlock(&lock);
}

static void takes_no_link_for_a_lock(void **state) {
    (void)state;
    struct file_lock lock;
    long holder = 0;
    write_text(at("innocent"), "text", 0600);
    assert_int_equal(symlink(at("innocent"), at("lock-link")), 0);
    assert_int_equal(file_lock(at("lock-link"), 0, &lock, &holder), ERR_STORAGE_FAILED);
    assert_int_equal(file_lock(at("no/lock"), 0, &lock, &holder), ERR_STORAGE_FAILED);
}

/* --- process and machine --- */

static void hardens_the_process(void **state) {
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        struct rlimit core;
        struct sigaction pipe_action;
        struct sigaction size_action;
        bool done =
            process_harden() == OK && getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_cur == 0 &&
            core.rlim_max == 0 && umask(0) == 077 && sigaction(SIGPIPE, NULL, &pipe_action) == 0 &&
            pipe_action.sa_handler == SIG_IGN && sigaction(SIGXFSZ, NULL, &size_action) == 0 &&
            size_action.sa_handler == SIG_IGN;
#ifdef __linux__
        /* Files of a process that is not dumpable belong to root. */
        struct stat status;
        done = done && stat("/proc/self/mem", &status) == 0 && status.st_uid == 0;
#endif
        _exit(done ? 0 : 1);
    }
    int status = 1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void raises_the_number_of_files(void **state) {
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        const struct rlimit few = {64, 256};
        unsigned long got = 0;
        bool done = setrlimit(RLIMIT_NOFILE, &few) == 0 && process_raise_files(32, &got) == OK &&
                    got == 64 && process_raise_files(200, &got) == OK && got >= 200;
        struct rlimit limit;
        done = done && getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur == got;
        /* More than any system gives. */
        done = done && process_raise_files(1UL << 40, &got) == ERR_LIMIT && got >= 256;
        _exit(done ? 0 : 1);
    }
    int status = 1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void finds_the_folder_for_data(void **state) {
    (void)state;
    char out[64];
    assert_int_equal(process_data_folder("sotto", "/home/x/y", out, sizeof(out)), OK);
    assert_string_equal(out, "/home/x/y/data");
    assert_int_equal(setenv("HOME", "/home/ana", 1), 0);
    assert_int_equal(setenv("XDG_DATA_HOME", "/data", 1), 0);
    assert_int_equal(process_data_folder("sottod", NULL, out, sizeof(out)), OK);
    assert_string_equal(out, "/data/sottod");
    assert_int_equal(setenv("XDG_DATA_HOME", "relative", 1), 0);
    assert_int_equal(process_data_folder("sottod", NULL, out, sizeof(out)), OK);
    assert_string_equal(out, "/home/ana/.local/share/sottod");
    assert_int_equal(unsetenv("XDG_DATA_HOME"), 0);
    assert_int_equal(process_data_folder("sotto", NULL, out, sizeof(out)), OK);
    assert_string_equal(out, "/home/ana/.local/share/sotto");
    assert_int_equal(process_data_folder("sotto", NULL, out, 10), ERR_LIMIT);
    assert_int_equal(process_config_folder("sotto", "/home/x/y", out, sizeof(out)), OK);
    assert_string_equal(out, "/home/x/y/config");
    assert_int_equal(setenv("XDG_CONFIG_HOME", "/etc/me", 1), 0);
    assert_int_equal(process_config_folder("sotto", NULL, out, sizeof(out)), OK);
    assert_string_equal(out, "/etc/me/sotto");
    assert_int_equal(unsetenv("XDG_CONFIG_HOME"), 0);
    assert_int_equal(process_config_folder("sotto", NULL, out, sizeof(out)), OK);
    assert_string_equal(out, "/home/ana/.config/sotto");
    assert_int_equal(unsetenv("HOME"), 0);
    const struct passwd *entry = getpwuid(geteuid());
    assert_non_null(entry);
    char wanted[64];
    snprintf(wanted, sizeof(wanted), "%s/.local/share/sotto", entry->pw_dir);
    assert_int_equal(process_data_folder("sotto", NULL, out, sizeof(out)), OK);
    assert_string_equal(out, wanted);
}

static void tells_the_time_and_the_room_on_the_disk(void **state) {
    (void)state;
    struct clock clock = clock_system();
    uint64_t wall = clock.wall_ms(clock.context);
    uint64_t start = monotonic_ms();
    const struct timespec time = {.tv_nsec = 20000000};
    (void)nanosleep(&time, NULL);
    assert_in_range(monotonic_ms() - start, 19, 2000);
    assert_true(wall > UINT64_C(1700000000000) && wall < UINT64_C(4102444800000));
    uint64_t free_bytes = 0;
    assert_int_equal(disk_free(root, &free_bytes), OK);
    assert_true(free_bytes > 0);
    assert_int_equal(disk_free(at("not/there"), &free_bytes), ERR_STORAGE_FAILED);
    assert_int_equal(folder_sync(root), OK);
    assert_int_equal(folder_sync(at("not-there")), ERR_STORAGE_FAILED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_folders_for_the_owner_alone),
        cmocka_unit_test(refuses_folders_that_others_can_use),
        cmocka_unit_test(takes_no_link_or_file_for_a_folder),
        cmocka_unit_test(writes_and_reads_private_files_whole),
        cmocka_unit_test(keeps_the_old_file_when_the_new_one_cannot_be_written),
        cmocka_unit_test(refuses_files_that_others_can_use),
        cmocka_unit_test(reads_no_link_pipe_or_folder_as_a_private_file),
        cmocka_unit_test(reads_any_file_up_to_the_cap),
        cmocka_unit_test(reads_shared_files_that_nobody_else_can_write),
        cmocka_unit_test(walks_the_names_in_a_folder),
        cmocka_unit_test(joins_paths),
        cmocka_unit_test(gives_a_lock_to_one_at_a_time),
        cmocka_unit_test(waits_for_a_lock_and_says_who_has_it),
        cmocka_unit_test(frees_the_lock_of_a_killed_process),
        cmocka_unit_test(takes_no_link_for_a_lock),
        cmocka_unit_test(hardens_the_process),
        cmocka_unit_test(raises_the_number_of_files),
        cmocka_unit_test(finds_the_folder_for_data),
        cmocka_unit_test(tells_the_time_and_the_room_on_the_disk),
    };
    return cmocka_run_group_tests_name("platform", tests, make_root, remove_root);
}
