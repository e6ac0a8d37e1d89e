/* SPDX-License-Identifier: ISC */
/* Clients in pairs, all at once, each sending to the other and receiving from it, through the
 * public interface.
 *
 *   fifty-clients ROUNDS HOME NAME HOME NAME ...
 *
 * prints one line a message: microseconds from the call of sotto_send to the moment at which the
 * recipient's store has committed it and its application sees it. Exit 1 when anything failed. */
#include <sotto/sotto.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { CLIENTS_MAX = 200, WAIT_MS = 30000, TEXT_SIZE = 64 };

struct client {
    const char *home;
    const char *name;
    struct client *other;
    struct sotto *handle;
    long rounds;
    bool begins;
    atomic_llong
        sent_ns; /**< when `other` called sotto_send for the message that is to come here */
    long long *delay_ns;
    long received;
    bool failed;
};

static pthread_barrier_t start_line;

static long long now_ns(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (long long)now.tv_sec * 1000000000 + now.tv_nsec;
}

static bool on_message(void *context, const struct sotto_message *message) {
    struct client *client = context;
    (void)message;
    if (client->received < client->rounds) {
        client->delay_ns[client->received] = now_ns() - atomic_load(&client->sent_ns);
        client->received++;
    }
    return true;
}

static bool send_one(struct client *client, long round) {
    struct sotto_error error;
    struct sotto_sent sent;
    char text[TEXT_SIZE];
    int size = snprintf(text, sizeof(text), "round %ld", round);
    struct sotto_send message = {.to = client->other->name, .text = text, .size = (size_t)size};
    atomic_store(&client->other->sent_ns, now_ns());
    if (sotto_send(client->handle, &message, &sent, &error) != 0) {
        (void)fprintf(stderr, "%s: %s [%s]\n", client->name, error.message, error.code);
        return false;
    }
    return true;
}

static bool receive_one(struct client *client) {
    struct sotto_error error;
    if (sotto_receive(client->handle, WAIT_MS, 1, on_message, client, NULL, &error) != 0) {
        (void)fprintf(stderr, "%s: %s [%s]\n", client->name, error.message, error.code);
        return false;
    }
    return true;
}

static void *run(void *argument) {
    struct client *client = argument;
    (void)pthread_barrier_wait(&start_line);
    for (long round = 0; round < client->rounds && !client->failed; round++) {
        client->failed = client->begins ? !send_one(client, round) || !receive_one(client)
                                        : !receive_one(client) || !send_one(client, round);
    }
    return NULL;
}

static bool open_client(struct client *client) {
    struct sotto_options options = {.home = client->home, .timeout_ms = WAIT_MS};
    struct sotto_error error;
    client->delay_ns = calloc((size_t)client->rounds, sizeof(*client->delay_ns));
    if (client->delay_ns == NULL || sotto_open(&options, &client->handle, &error) != 0) {
        (void)fprintf(stderr, "%s does not open\n", client->home);
        return false;
    }
    return true;
}

int main(int argc, char **argv) {
    static struct client clients[CLIENTS_MAX];
    pthread_t threads[CLIENTS_MAX];
    int count = (argc - 2) / 2;
    if (argc < 6 || count > CLIENTS_MAX || count % 2 != 0) {
        (void)fprintf(stderr, "usage: fifty-clients ROUNDS HOME NAME HOME NAME ... (pairs)\n");
        return 2;
    }
    bool failed = pthread_barrier_init(&start_line, NULL, (unsigned)count) != 0;
    for (int i = 0; i < count; i++) {
        clients[i] = (struct client){.home = argv[2 + 2 * i],
                                     .name = argv[3 + 2 * i],
                                     .other = &clients[i ^ 1],
                                     .rounds = strtol(argv[1], NULL, 10),
                                     .begins = i % 2 == 0};
        failed = failed || !open_client(&clients[i]);
    }
    if (failed) {
        return 1;
    }
    for (int i = 0; i < count; i++) {
        if (pthread_create(&threads[i], NULL, run, &clients[i]) != 0) {
            (void)fprintf(stderr, "no more threads\n");
            return 1;
        }
    }
    for (int i = 0; i < count; i++) {
        (void)pthread_join(threads[i], NULL);
        failed = failed || clients[i].failed;
        for (long r = 0; r < clients[i].received; r++) {
            (void)printf("%lld\n", clients[i].delay_ns[r] / 1000);
        }
        sotto_close(clients[i].handle);
        free(clients[i].delay_ns);
    }
    return failed ? 1 : 0;
}
