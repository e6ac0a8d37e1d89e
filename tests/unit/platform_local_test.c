/* SPDX-License-Identifier: ISC */
/* Sockets in a folder: long paths, modes, what is left over, who listens, and time. */
#include "temporary.h"
#include "testing.h"

#include "platform/clock.h"
#include "platform/files.h"
#include "platform/local.h"
#include "platform/peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SHORT_MS = 30, LONG_MS = 5000 };

static const char NAME[] = "some.sock";
static char folder[PATH_MAX_BYTES];

/* A folder of its own for a test, with a path of more than `length` bytes. */
static void use_folder(const char *test, size_t length) {
    unsigned mode = 0;
    (void)snprintf(folder, sizeof(folder), "%s/%s", root, test);
    while (strlen(folder) <= length) {
        size_t size = strlen(folder);
        (void)snprintf(folder + size, sizeof(folder) - size, "/%s",
                       "a-folder-whose-name-is-rather-long");
    }
    assert_int_equal(folder_private(folder, &mode), OK);
}

static uint64_t soon(uint64_t ms) {
    struct clock clock = clock_system();
    return clock.monotonic_ms(clock.context) + ms;
}

static void passes_bytes_both_ways(void) {
    int listening = -1;
    int near = -1;
    struct buffer got;
    struct stat status;
    char path[PATH_MAX_BYTES];
    assert_int_equal(local_listen(folder, NAME, 4, &listening), OK);
    assert_int_equal(path_join(folder, NAME, path, sizeof(path)), OK);
    assert_int_equal(lstat(path, &status), 0);
    assert_true(S_ISSOCK(status.st_mode));
    assert_int_equal(status.st_mode & 07777, 0600);
    assert_int_equal(local_connect(folder, NAME, &near), OK);
    int far = accept(listening, NULL, NULL);
    assert_true(far >= 0 && peer_is_trusted(far));
    assert_int_equal(local_write(near, bytes_of_string("question"), soon(LONG_MS)), OK);
    buffer_init(&got, 100);
    assert_int_equal(local_read(far, &got, soon(LONG_MS)), OK);
    assert_memory_equal(got.data, "question", got.size);
    assert_int_equal(local_write(far, bytes_of_string("answer"), soon(LONG_MS)), OK);
    local_close(far);
    buffer_reset(&got);
    assert_int_equal(local_read(near, &got, soon(LONG_MS)), OK);
    assert_memory_equal(got.data, "answer", got.size);
    assert_int_equal(local_read(near, &got, soon(LONG_MS)), ERR_CLOSED);
    buffer_clear(&got);
    local_close(near);
    local_remove(folder, NAME);
    local_close(listening);
    assert_int_equal(lstat(path, &status), -1);
}

static void listens_in_a_folder(void **state) {
    (void)state;
    use_folder("short", 0);
    passes_bytes_both_ways();
}

static void listens_in_a_folder_whose_path_is_longer_than_an_address(void **state) {
    (void)state;
    use_folder("long", 400);
    passes_bytes_both_ways();
}

static void knows_whether_anybody_listens(void **state) {
    (void)state;
    int first = -1;
    int second = -1;
    int near = -1;
    char path[PATH_MAX_BYTES];
    use_folder("who", 200);
    assert_int_equal(local_connect(folder, NAME, &near), ERR_NOT_FOUND);
    assert_int_equal(local_listen(folder, NAME, 4, &first), OK);
    assert_int_equal(local_listen(folder, NAME, 4, &second), ERR_DUPLICATE);
    /* As a process leaves it that was killed. */
    local_close(first);
    assert_int_equal(local_connect(folder, NAME, &near), ERR_NOT_FOUND);
    assert_int_equal(local_listen(folder, NAME, 4, &second), OK);
    assert_int_equal(local_connect(folder, NAME, &near), OK);
    local_close(near);
    local_close(second);
    /* Something else has the name. */
    assert_int_equal(path_join(folder, NAME, path, sizeof(path)), OK);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(local_listen(folder, NAME, 4, &second), ERR_IO);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(rmdir(folder), 0);
    assert_int_equal(local_connect(folder, NAME, &near), ERR_NOT_FOUND);
    assert_int_equal(local_listen(folder, NAME, 4, &second), ERR_IO);
}

static void waits_no_longer_than_it_may(void **state) {
    (void)state;
    int listening = -1;
    int near = -1;
    int more[8];
    size_t count = 0;
    enum error error = OK;
    struct buffer got;
    static uint8_t much[1024 * 1024];
    use_folder("time", 0);
    assert_int_equal(local_listen(folder, NAME, 1, &listening), OK);
    assert_int_equal(local_connect(folder, NAME, &near), OK);
    buffer_init(&got, 100);
    assert_int_equal(local_read(near, &got, soon(SHORT_MS)), ERR_WAIT);
    assert_int_equal(local_read(near, &got, 0), ERR_WAIT);
    assert_int_equal(local_write(near, bytes_of(much), soon(SHORT_MS)), ERR_WAIT);
    /* Nobody is let in: the system's queue is full at some time, and that keeps nobody waiting. */
    while (count < 8 && error == OK) {
        error = local_connect(folder, NAME, &more[count]);
        count++;
    }
    assert_int_equal(error, ERR_WAIT);
    for (size_t i = 0; i < count; i++) {
        local_close(more[i]);
    }
    local_close(listening);
    assert_int_equal(local_read(near, &got, soon(LONG_MS)), ERR_CLOSED);
    assert_int_equal(local_write(near, bytes_of(much), soon(LONG_MS)), ERR_CLOSED);
    local_close(near);
    buffer_clear(&got);
}

static void reads_no_more_than_the_buffer_takes(void **state) {
    (void)state;
    int listening = -1;
    int near = -1;
    struct buffer got;
    use_folder("cap", 0);
    assert_int_equal(local_listen(folder, NAME, 1, &listening), OK);
    assert_int_equal(local_connect(folder, NAME, &near), OK);
    int far = accept(listening, NULL, NULL);
    assert_int_equal(local_write(far, bytes_of_string("0123456789"), soon(LONG_MS)), OK);
    buffer_init(&got, 9);
    assert_int_equal(local_read(near, &got, soon(LONG_MS)), ERR_LIMIT);
    assert_int_equal(got.size, 0);
    local_close(near);
    local_close(far);
    local_close(listening);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(listens_in_a_folder),
        cmocka_unit_test(listens_in_a_folder_whose_path_is_longer_than_an_address),
        cmocka_unit_test(knows_whether_anybody_listens),
        cmocka_unit_test(waits_no_longer_than_it_may),
        cmocka_unit_test(reads_no_more_than_the_buffer_takes),
    };
    return cmocka_run_group_tests_name("platform_local", tests, make_root, remove_root);
}
