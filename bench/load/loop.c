/* SPDX-License-Identifier: ISC */
/* Rounds of the generator, and what its protocols report. */
#include "load.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>

enum { EVENTS = 256 };
#define SILENCE_NS UINT64_C(20000000000)

uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

void load_fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("sottod-load: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

void *load_grow(void *memory, size_t size) {
    void *more = realloc(memory, size);
    if (more == NULL) {
        load_fail("out of memory");
    }
    return more;
}

void load_queue(struct link *link) {
    if (!link->is_queued) {
        link->is_queued = true;
        link->next_queued = link->load->queued;
        link->load->queued = link;
    }
}

static void flush_all(struct load *load) {
    while (load->queued != NULL) {
        struct link *link = load->queued;
        load->queued = link->next_queued;
        link->is_queued = false;
        if (link->state == LINK_LOGIN || link->state == LINK_READY) {
            link_flush(link);
        }
    }
}

/* --- acknowledgements, when the client's store would have committed --- */

static void commit(struct link *link) {
    struct acks *acks = &link->acks;
    struct load *load = link->load;
    const struct acks before = *acks;
    acks->committing = before.waiting;
    acks->committing_count = before.waiting_count;
    acks->committing_room = before.waiting_room;
    acks->waiting = before.committing;
    acks->waiting_count = 0;
    acks->waiting_room = before.committing_room;
    acks->due_ns = now_ns() + load->ack_after_ns;
    link->next_due = NULL;
    *load->due_end = link;
    load->due_end = &link->next_due;
}

static void acknowledge_due(struct load *load) {
    while (load->due != NULL && load->due->acks.due_ns <= now_ns()) {
        struct link *link = load->due;
        struct acks *acks = &link->acks;
        load->due = link->next_due;
        if (load->due == NULL) {
            load->due_end = &load->due;
        }
        if (link->state != LINK_NONE) { /* some deliver before they confirm a login */
            load->protocol->acknowledge(link, acks->committing, acks->committing_count);
        }
        acks->committing_count = 0;
        if (acks->waiting_count > 0) {
            commit(link);
        }
    }
}

void load_round(struct load *load, uint64_t until_ns) {
    struct epoll_event events[EVENTS];
    if (load->due != NULL && load->due->acks.due_ns < until_ns) {
        until_ns = load->due->acks.due_ns;
    }
    flush_all(load);
    uint64_t now = now_ns();
    uint64_t wait = until_ns > now ? until_ns - now : 0;
    struct timespec limit = {.tv_sec = (time_t)(wait / 1000000000),
                             .tv_nsec = (long)(wait % 1000000000)};
    int count = epoll_pwait2(load->epoll, events, EVENTS, &limit, NULL);
    if (count < 0 && errno != EINTR) {
        load_fail("epoll: %s", strerror(errno));
    }
    if (count > 0) {
        load->heard_ns = now_ns();
    } else if (now_ns() - load->heard_ns > SILENCE_NS) {
        load_fail("the server says nothing any more: %llu accepted, %llu delivered",
                  (unsigned long long)load->accepted, (unsigned long long)load->delivered);
    }
    for (int i = 0; i < count; i++) {
        link_event(events[i].data.ptr, events[i].events);
    }
    /* One commit for what came in one round, and the next when it is done. */
    for (int i = 0; i < count; i++) {
        struct link *link = events[i].data.ptr;
        if (link->acks.waiting_count > 0 && link->acks.committing_count == 0) {
            commit(link);
        }
    }
    acknowledge_due(load);
    flush_all(load);
}

/* --- messages --- */

void load_ready(struct link *link) {
    link->state = LINK_READY;
    link->load->ready++;
    if (link->load->on_ready != NULL) {
        link->load->on_ready(link);
    }
}

void load_send(struct link *link) {
    struct load *load = link->load;
    uint64_t now = now_ns();
    uint8_t *note = load->payload + load->payload_bytes - NOTE_BYTES;
    put_u64(note, link->index);
    put_u64(note + 8, now);
    link->stamps[(link->sent + 1) % STAMPS] = now;
    link->sent++;
    load->sent++;
    load->protocol->send(link, bytes_make(load->payload, load->payload_bytes));
}

static uint64_t least(const struct link *link) {
    return link->accepted < link->delivered ? link->accepted : link->delivered;
}

static void go_on(struct link *link) {
    struct load *load = link->load;
    while (load->is_closed_loop && load->sent < load->goal &&
           link->sent - least(link) < load->window) {
        load_send(link);
    }
}

void load_accepted(struct link *link, uint64_t tag) {
    link->accepted++;
    link->load->accepted++;
    sample_add(&link->load->to_sender, now_ns() - link->stamps[tag % STAMPS]);
    go_on(link);
}

void load_delivered(struct link *link, uint64_t handle, struct bytes payload) {
    struct load *load = link->load;
    const uint8_t *note = payload.data + payload.size - NOTE_BYTES;
    if (payload.size < NOTE_BYTES || get_u64(note) >= load->link_count) {
        load_fail("a message that nobody sent");
    }
    struct link *sender = &load->links[get_u64(note)];
    sender->delivered++;
    load->delivered++;
    sample_add(&load->to_reader, now_ns() - get_u64(note + 8));
    struct acks *acks = &link->acks;
    if (acks->waiting_count == acks->waiting_room) {
        acks->waiting_room = 2 * acks->waiting_room + 16;
        acks->waiting = load_grow(acks->waiting, acks->waiting_room * sizeof(*acks->waiting));
    }
    acks->waiting[acks->waiting_count++] = handle;
    go_on(sender);
}
