/* SPDX-License-Identifier: ISC */
#include "sottod/rotation.h"

#include "sottod/invite.h"
#include "sottod/when.h"

#include <stdio.h>
#include <string.h>

enum { RETRY_MS = 60 * 1000, KEY_TEXT_BYTES = 48 };

static struct moment now_of(const struct rotation *rotation) {
    const struct clock *clock = rotation->clock;
    return (struct moment){.wall_ms = clock->wall_ms(clock->context),
                           .monotonic_ms = clock->monotonic_ms(clock->context)};
}

static bool is_due(const struct rotation *rotation) {
    const struct moment now = now_of(rotation);
    return rotation->data->next != NULL && now.wall_ms >= rotation->data->next_ms &&
           now.monotonic_ms >= rotation->retry_ms;
}

static void keep_hash(struct rotation *rotation) {
    memcpy(rotation->key_hash, tls_identity_hash(rotation->data->identity),
           sizeof(rotation->key_hash));
}

/* On the disk first: what clients are shown is what a restart would show. When the next key is no
 * longer one, it is the key, whatever the error is. */
static enum error change(struct rotation *rotation) {
    char key[KEY_TEXT_BYTES];
    char line[KEY_AND_TIME_BYTES];
    enum error error = data_switch_key(rotation->data);
    if (rotation->data->next == NULL) {
        keep_hash(rotation);
        key_print(rotation->key_hash, key, sizeof(key));
        snprintf(line, sizeof(line), "the server key has changed: it is now %s", key);
        say_line(rotation->logger, line);
    }
    return error;
}

must_check enum error rotation_load(struct rotation *rotation) {
    enum error error = data_load_key(rotation->data, true);
    if (error == OK) {
        error = data_load_next_key(rotation->data);
    }
    if (error == OK && is_due(rotation)) {
        error = change(rotation);
    }
    if (error == OK) {
        keep_hash(rotation);
    }
    return error;
}

static void announce(const struct rotation *rotation) {
    const struct data *data = rotation->data;
    server_announce_key(rotation->server, data->next == NULL ? NULL : tls_identity_hash(data->next),
                        data->next_ms, now_of(rotation));
}

void rotation_begin(struct rotation *rotation, struct server *server,
                    struct listener *const *listeners, const size_t *listener_count) {
    rotation->server = server;
    rotation->listeners = listeners;
    rotation->listener_count = listener_count;
    announce(rotation);
}

must_check enum error rotation_plan(struct rotation *rotation, uint64_t at_ms) {
    char next[KEY_AND_TIME_BYTES];
    char line[2 * KEY_AND_TIME_BYTES];
    bool is_planned = rotation->data->next != NULL;
    enum error error = data_plan_key(rotation->data, at_ms);
    if (error == OK && !is_planned) {
        rotation_print(rotation, next, sizeof(next));
        snprintf(line, sizeof(line), "the server key will change to %s", next);
        say_line(rotation->logger, line);
        announce(rotation);
    }
    return error;
}

void rotation_tick(struct rotation *rotation) {
    if (!is_due(rotation)) {
        return;
    }
    enum error error = change(rotation);
    for (size_t i = 0; i < *rotation->listener_count && rotation->data->next == NULL; i++) {
        enum error shown = listener_show_key(rotation->listeners[i], rotation->data->identity);
        error = error == OK ? shown : error;
    }
    announce(rotation);
    if (error != OK) {
        rotation->retry_ms = now_of(rotation).monotonic_ms + RETRY_MS;
        say_alarm(rotation->logger, rotation->data->next != NULL
                                        ? "the change of the server key failed; it is tried again"
                                        : "the server key has changed, but not everywhere: restart "
                                          "the server");
    }
}

void rotation_print(const struct rotation *rotation, char *out, size_t size) {
    char key[KEY_TEXT_BYTES];
    char when[WHEN_BYTES];
    out[0] = '\0';
    if (rotation->data->next != NULL) {
        key_print(tls_identity_hash(rotation->data->next), key, sizeof(key));
        when_print(rotation->data->next_ms, when);
        snprintf(out, size, "%s from %s", key, when);
    }
}
