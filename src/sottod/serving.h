/* SPDX-License-Identifier: ISC */
/* A server that runs: its core, its loop, and what they share. Internal to serve.c and start.c. */
#ifndef SOTTO_SOTTOD_SERVING_H
#define SOTTO_SOTTOD_SERVING_H

#include "net/listener.h"
#include "platform/clock.h"
#include "server/core.h"
#include "sottod/admin.h"
#include "sottod/data.h"
#include "sottod/invite.h"
#include "sottod/latency.h"
#include "sottod/reload.h"
#include "sottod/rotation.h"
#include "sottod/say.h"
#include "sottod/service.h"
#include "sottod/writer.h"

struct serving {
    struct options options; /* what holds: of the command line, sottod.conf and the defaults */
    struct reload reload;
    struct service service;
    struct logger logger;
    struct clock clock;
    struct random_source random;
    struct data data;
    struct rotation rotation;
    uv_loop_t loop;
    struct server *server;
    struct listener *listeners[BINDS_MAX];
    size_t listener_count;
    struct admin *admin;
    struct writer_thread writer;
    struct latency commits;
    bool has_writer;
    uv_check_t round; /* at the end of each round: outputs, batch, next tick */
    uv_timer_t tick;
    uv_timer_t disk;
    uv_timer_t stop_limit;
    uv_signal_t interrupted;
    uv_signal_t terminated;
    uv_signal_t hung_up;
    size_t connections;
    uint64_t disk_seen_ms; /* monotonic */
    uint64_t figures_said_ms;
    bool is_stopping;
    bool is_over;
    int status;
    char address[ADDRESS_MAX_BYTES];
};

struct moment serving_now(const struct serving *serving);

/* ---- serve.c */

/** What a listener tells of connections. */
struct listener_events serving_events(struct serving *serving);
/** A batch comes back from the writer; `context` is the serving. */
void serving_batch_done(void *context, struct store_batch *batch);
/** From now on the loop turns for it. */
void serving_begin(struct serving *serving);

/* ---- start.c */

/** Everything between the open data and the first client; an exit status, 0: it serves. What is
 * begun when it fails is left to the caller to end. */
int serving_start(struct serving *serving);

#endif
