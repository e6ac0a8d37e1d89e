/* SPDX-License-Identifier: ISC */
/* What a client's commit of one received message takes, with its real store: the load generator
 * acknowledges so much later than it receives. Beside it the disk's own fdatasync. Medians; of a
 * few tries the quietest, because others use the disk too.
 *
 *   client-commit FOLDER      prints a JSON object: microseconds */
#include "base/require.h"
#include "client/store/sqlcipher.h"
#include "crypto/entropy.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 200, TRIES = 5, TEXT_BYTES = 200, PAGE_BYTES = 4096, PATH_BYTES = 4096 };

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static int compare(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static double median_us(uint64_t took[ROUNDS]) {
    qsort(took, ROUNDS, sizeof(*took), compare);
    const int middle = ROUNDS / 2;
    return (double)took[middle] / 1000;
}

static double measure_sync(const char *folder) {
    char path[PATH_BYTES];
    static uint64_t took[ROUNDS];
    static uint8_t page[PAGE_BYTES];
    snprintf(path, sizeof(path), "%s/sync", folder);
    int file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    require(file >= 0);
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t begin = now_ns();
        require(write(file, page, sizeof(page)) == (ssize_t)sizeof(page) && fdatasync(file) == 0);
        took[i] = now_ns() - begin;
    }
    close(file);
    unlink(path);
    return median_us(took);
}

static double measure_commit(const char *folder, int number) {
    char path[PATH_BYTES];
    static uint64_t took[ROUNDS];
    static uint8_t text[TEXT_BYTES];
    const struct entropy entropy = entropy_system();
    struct secret_32 key;
    struct sqlcipher_store *opened;
    snprintf(path, sizeof(path), "%s/store%d.db", folder, number);
    require(entropy.fill(NULL, key.bytes, sizeof(key.bytes)) == OK);
    require(sqlcipher_store_open(path, &key, true, &opened) == OK);
    require(sqlcipher_store_own(opened) == OK);
    const struct client_store *store = sqlcipher_store_functions(opened);
    for (int i = 0; i < ROUNDS; i++) {
        struct incoming message = {.sent_ms = (uint64_t)i + 1, .received_ms = 1, .number = 1};
        require(user_name_parse(bytes_of_string("alice"), &message.from) == OK);
        require(entropy.fill(NULL, message.msg_id, sizeof(message.msg_id)) == OK);
        uint64_t begin = now_ns();
        require(store->begin(store->context) == OK);
        require(store->incoming_add(store->context, &message, bytes_of(text)) == OK);
        require(store->incoming_release(store->context, &message) == OK);
        require(store->commit(store->context) == OK);
        took[i] = now_ns() - begin;
    }
    sqlcipher_store_close(opened);
    secret_32_clear(&key);
    return median_us(took);
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fputs("Usage: client-commit FOLDER\n", stderr);
        return 2;
    }
    double sync = measure_sync(argv[1]);
    double commit = measure_commit(argv[1], 0);
    for (int i = 1; i < TRIES; i++) {
        double again = measure_sync(argv[1]);
        sync = again < sync ? again : sync;
        again = measure_commit(argv[1], i);
        commit = again < commit ? again : commit;
    }
    printf("{\"fdatasync_us\": %.0f, \"client_commit_us\": %.0f}\n", sync, commit);
    return 0;
}
