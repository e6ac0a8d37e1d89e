/* SPDX-License-Identifier: ISC */
/* What is measured. Of `pairs`, the first half of the connections send and the second half read. */
#include "load.h"

#include <stdio.h>
#include <stdlib.h>

enum { AT_ONCE = 16, WARM_UP_PART = 10, SETTLE_NS = 300000000 };

static void connect_some(struct load *load, size_t first, size_t count) {
    size_t begun = 0;
    size_t before = load->ready;
    while (load->ready < before + count) {
        while (begun < count && begun - (load->ready - before) < AT_ONCE) {
            link_connect(&load->links[first + begun++]);
        }
        load_round(load, now_ns() + 1000000000);
    }
}

static void make_pairs(struct load *load) {
    for (size_t i = 0; i < load->pairs; i++) {
        load->links[i].to = load->pairs + i;
        load->links[load->pairs + i].is_reader = true;
    }
}

static void settle(struct load *load) {
    uint64_t end = now_ns() + SETTLE_NS;
    while (now_ns() < end) {
        load_round(load, end);
    }
}

static void run_to(struct load *load, uint64_t goal) {
    load->goal = goal;
    for (size_t i = 0; i < load->pairs; i++) {
        for (size_t j = 0; j < load->window && load->sent < goal; j++) {
            load_send(&load->links[i]);
        }
    }
    while (load->accepted < goal || load->delivered < goal) {
        load_round(load, now_ns() + 1000000000);
    }
}

static void forget(struct load *load) {
    load->to_reader.count = 0;
    load->to_sender.count = 0;
}

void mode_pairs(struct load *load) {
    uint64_t warm = load->messages / WARM_UP_PART;
    make_pairs(load);
    connect_some(load, 0, load->link_count);
    settle(load);
    load->is_closed_loop = true;
    run_to(load, warm);
    forget(load);
    struct usage from = usage_now(load->pid);
    run_to(load, warm + load->messages);
    report(load, "pairs", load->messages, from, usage_now(load->pid));
}

/* At a steady rate, whatever the answers do. */
static void run_at(struct load *load, uint64_t count) {
    uint64_t begin = now_ns();
    uint64_t goal = load->sent + count;
    uint64_t done = 0;
    while (load->accepted < goal || load->delivered < goal) {
        uint64_t due = begin + done * 1000000000 / load->rate;
        while (done < count && now_ns() >= due) {
            load_send(&load->links[done++ % load->pairs]);
            due = begin + done * 1000000000 / load->rate;
        }
        load_round(load, done < count ? due : now_ns() + 1000000000);
    }
}

void mode_rate(struct load *load) {
    make_pairs(load);
    connect_some(load, 0, load->link_count);
    settle(load);
    run_at(load, load->messages / WARM_UP_PART);
    forget(load);
    struct usage from = usage_now(load->pid);
    run_at(load, load->messages);
    report(load, "rate", load->messages, from, usage_now(load->pid));
}

/* The readers are made known first, where a server keeps nothing for one it has never seen. */
static void show_readers(struct load *load) {
    if (load->keeps_session) {
        connect_some(load, load->pairs, load->pairs);
        settle(load);
        for (size_t i = 0; i < load->pairs; i++) {
            link_close(&load->links[load->pairs + i]);
        }
        settle(load);
    }
}

/* Equally much from each, as a server's rates are for one sender. */
static void store(struct load *load) {
    uint64_t share = (load->messages + load->pairs - 1) / load->pairs;
    while (load->accepted < load->messages) {
        for (size_t i = 0; i < load->pairs; i++) {
            struct link *link = &load->links[i];
            while (load->sent < load->messages && link->sent < share &&
                   link->sent - link->accepted < load->window) {
                load_send(link);
            }
        }
        load_round(load, now_ns() + 1000000000);
    }
}

void mode_offline(struct load *load) {
    make_pairs(load);
    show_readers(load);
    connect_some(load, 0, load->pairs);
    settle(load);
    struct usage from = usage_now(load->pid);
    store(load);
    report(load, "store", load->messages, from, usage_now(load->pid));
    settle(load);
    forget(load);
    /* They come back: their logins are part of what it costs. */
    from = usage_now(load->pid);
    connect_some(load, load->pairs, load->pairs);
    while (load->delivered < load->messages) {
        load_round(load, now_ns() + 1000000000);
    }
    report(load, "drain", load->messages, from, usage_now(load->pid));
}

/* Whoever waits for all of them to be in reads this line. */
static void stay(struct load *load) {
    uint64_t end = now_ns() + load->stay_ns;
    fprintf(stderr, "%zu connections stand\n", load->link_count);
    while (now_ns() < end) {
        load->heard_ns = now_ns(); /* nothing has to come */
        load_round(load, now_ns() + 1000000000);
    }
}

void mode_idle(struct load *load) {
    make_pairs(load);
    settle(load);
    struct usage from = usage_now(load->pid);
    connect_some(load, 0, load->link_count);
    settle(load);
    stay(load);
    report_memory(load, load->link_count, from, usage_now(load->pid));
}

static void close_when_ready(struct link *link) {
    link->is_ended = true;
}

void mode_logins(struct load *load) {
    size_t done = 0;
    load->on_ready = close_when_ready;
    struct usage from = usage_now(load->pid);
    while (done < load->messages) {
        size_t batch = load->messages - done < AT_ONCE ? load->messages - done : AT_ONCE;
        for (size_t i = 0; i < batch; i++) {
            link_connect(&load->links[(done + i) % load->link_count]);
        }
        while (load->ready < batch) {
            load_round(load, now_ns() + 1000000000);
        }
        for (size_t i = 0; i < batch; i++) {
            link_close(&load->links[(done + i) % load->link_count]);
        }
        done += batch;
    }
    settle(load);
    report_logins(load, done, from, usage_now(load->pid));
}
