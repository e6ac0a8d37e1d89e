/* SPDX-License-Identifier: ISC */
/* Sends many messages from one profile in one process, through the public interface alone.
 *
 *   pour HOME RECIPIENT COUNT PREFIX
 *
 * sends "PREFIX 0", "PREFIX 1", ... and prints how many were accepted. Exit: that of the first
 * error. */
#include <sotto/sotto.h>

#include <stdio.h>
#include <stdlib.h>

enum { TEXT_SIZE = 128, TIMEOUT_MS = 60000 };

static int pour(struct sotto *client, const char *to, long count, const char *prefix) {
    struct sotto_error error;
    for (long i = 0; i < count; i++) {
        char text[TEXT_SIZE];
        int size = snprintf(text, sizeof(text), "%s %ld", prefix, i);
        if (size < 0 || size >= TEXT_SIZE) {
            return 2;
        }
        struct sotto_send message = {.to = to, .text = text, .size = (size_t)size};
        struct sotto_sent sent;
        int status = sotto_send(client, &message, &sent, &error);
        if (status != 0) {
            fprintf(stderr, "pour: message %ld: %s [%s]\n", i, error.message, error.code);
            return status;
        }
    }
    return 0;
}

int main(int argc, char **argv) {
    if (argc != 5) {
        fprintf(stderr, "usage: pour HOME RECIPIENT COUNT PREFIX\n");
        return 2;
    }
    long count = strtol(argv[3], NULL, 10);
    struct sotto_options options = {.home = argv[1], .timeout_ms = TIMEOUT_MS};
    struct sotto_error error;
    struct sotto *client = NULL;
    int status = sotto_open(&options, &client, &error);
    if (status != 0) {
        fprintf(stderr, "pour: %s [%s]\n", error.message, error.code);
        return status;
    }
    status = pour(client, argv[2], count, argv[4]);
    sotto_close(client);
    if (status == 0) {
        printf("%ld accepted\n", count);
    }
    return status;
}
