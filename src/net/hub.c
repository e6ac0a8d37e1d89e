/* SPDX-License-Identifier: ISC */
#include "net/hub.h"

#include "base/limits.h"
#include "base/require.h"
#include "net/stream.h"

void link_init(struct link *link, struct stream *stream) {
    *link = (struct link){.previous = link, .next = link, .stream = stream};
}

bool link_is_alone(const struct link *link) {
    return link->next == link;
}

void link_append(struct link *head, struct link *link) {
    require(link_is_alone(link));
    link->previous = head->previous;
    link->next = head;
    head->previous->next = link;
    head->previous = link;
}

void link_remove(struct link *link) {
    link->previous->next = link->next;
    link->next->previous = link->previous;
    link->previous = link;
    link->next = link;
}

/* Begins the oldest handshakes, as many as one round may hold. */
static void greet(struct hub *hub) {
    for (size_t i = 0; i < hub->hellos_per_round && !link_is_alone(&hub->hellos); i++) {
        struct stream *stream = hub->hellos.next->stream;
        hub_leave_turn(hub, stream);
        stream_greet(stream);
    }
    if (hub->calmed != NULL) {
        hub->calmed(hub->context_calmed, hub->hello_count);
    }
}

/* Flushes what is queued now. What these streams queue meanwhile waits for the next round, so that
 * one that always has more to say keeps nobody waiting. */
static void on_round_end(uv_check_t *check) {
    struct hub *hub = check->data;
    struct link last;
    hub->wants_round = false;
    greet(hub);
    link_init(&last, NULL);
    link_append(&hub->queued, &last);
    while (hub->queued.next != &last) {
        struct link *link = hub->queued.next;
        link_remove(link);
        stream_flush(link->stream);
    }
    link_remove(&last);
    if (link_is_alone(&hub->queued) && link_is_alone(&hub->hellos) && !hub->wants_round) {
        uv_idle_stop(&hub->idle);
    }
}

static void on_idle(uv_idle_t *idle) {
    (void)idle;
}

void hub_init(struct hub *hub, uv_loop_t *loop, const struct tls_context *tls, uint64_t linger_ms) {
    hub->loop = loop;
    hub->tls = *tls;
    hub->linger_ms = linger_ms;
    hub->handles = 2;
    hub->is_closing = false;
    hub->closed = NULL;
    hub->context = NULL;
    link_init(&hub->streams, NULL);
    link_init(&hub->queued, NULL);
    link_init(&hub->hellos, NULL);
    hub->hello_count = 0;
    hub->hellos_per_round = HANDSHAKES_PER_ROUND;
    hub->calmed = NULL;
    hub->wants_round = false;
    hub->context_calmed = NULL;
    buffer_init(&hub->output, HUB_OUTPUT_BYTES);
    /* These four have no way to fail (libuv says so of the first two; the others need a callback).
     */
    (void)uv_check_init(loop, &hub->check);
    (void)uv_idle_init(loop, &hub->idle);
    hub->check.data = hub;
    hub->idle.data = hub;
    (void)uv_check_start(&hub->check, on_round_end);
    uv_unref((uv_handle_t *)&hub->check);
    uv_unref((uv_handle_t *)&hub->idle);
}

void hub_queue(struct hub *hub, struct stream *stream) {
    if (link_is_alone(&stream->queued)) {
        link_append(&hub->queued, &stream->queued);
        (void)uv_idle_start(&hub->idle, on_idle);
    }
}

void hub_wait_for_turn(struct hub *hub, struct stream *stream) {
    link_append(&hub->hellos, &stream->hello);
    hub->hello_count++;
    (void)uv_idle_start(&hub->idle, on_idle);
}

void hub_ask_round(struct hub *hub) {
    hub->wants_round = true;
    (void)uv_idle_start(&hub->idle, on_idle);
}

void hub_leave_turn(struct hub *hub, struct stream *stream) {
    if (!link_is_alone(&stream->hello)) {
        link_remove(&stream->hello);
        hub->hello_count--;
    }
}

static void finish(struct hub *hub) {
    tls_context_clear(&hub->tls);
    buffer_clear(&hub->output);
    wipe(hub->plain, sizeof(hub->plain));
    hub->closed(hub->context);
}

static void on_handle_closed(uv_handle_t *handle) {
    struct hub *hub = handle->data;
    require(hub->handles > 0);
    if (--hub->handles == 0) {
        finish(hub);
    }
}

void hub_check_gone(struct hub *hub) {
    if (hub->is_closing && link_is_alone(&hub->streams) &&
        !uv_is_closing((uv_handle_t *)&hub->check)) {
        uv_close((uv_handle_t *)&hub->check, on_handle_closed);
        uv_close((uv_handle_t *)&hub->idle, on_handle_closed);
    }
}

void hub_close(struct hub *hub, void (*closed)(void *context), void *context) {
    require(!hub->is_closing);
    hub->is_closing = true;
    hub->closed = closed;
    hub->context = context;
    hub_check_gone(hub);
}
