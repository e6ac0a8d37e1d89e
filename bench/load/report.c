/* SPDX-License-Identifier: ISC */
/* What a run found: the server's CPU and memory from /proc, rates, quantiles. */
#include "load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void sample_add(struct sample *sample, uint64_t value) {
    if (sample->count == sample->room) {
        sample->room = sample->room == 0 ? 1u << 16 : sample->room * 2;
        sample->values = load_grow(sample->values, sample->room * sizeof(*sample->values));
    }
    sample->values[sample->count++] = value;
}

static int compare(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

double sample_quantile(struct sample *sample, double share) {
    if (sample->count == 0) {
        return 0;
    }
    qsort(sample->values, sample->count, sizeof(*sample->values), compare);
    size_t at = (size_t)(share * (double)sample->count);
    return (double)sample->values[at < sample->count ? at : sample->count - 1] / 1000;
}

enum { LINE_BYTES = 1024, USER_FIELD = 12, SYSTEM_FIELD = 13, RESIDENT_FIELD = 2 };

/* The first line of a file about the process. */
static void read_line(pid_t pid, const char *name, char line[LINE_BYTES]) {
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
    FILE *file = fopen(path, "r");
    if (file == NULL || fgets(line, LINE_BYTES, file) == NULL) {
        load_fail("%s cannot be read: is the server gone?", path);
    }
    fclose(file);
}

/* The `number`th field, counted from 1. */
static unsigned long field(const char *text, int number) {
    text += strspn(text, " ");
    for (int i = 1; i < number; i++) {
        text += strcspn(text, " ");
        text += strspn(text, " ");
    }
    return strtoul(text, NULL, 10);
}

/* user and system time of all threads, in ticks; the fields are counted behind the name. */
static double cpu_seconds(pid_t pid) {
    char line[LINE_BYTES];
    read_line(pid, "stat", line);
    const char *rest = strrchr(line, ')');
    if (rest == NULL) {
        load_fail("the state of process %d cannot be read", (int)pid);
    }
    unsigned long ticks = field(rest + 1, USER_FIELD) + field(rest + 1, SYSTEM_FIELD);
    return (double)ticks / (double)sysconf(_SC_CLK_TCK);
}

static uint64_t resident(pid_t pid) {
    char line[LINE_BYTES];
    read_line(pid, "statm", line);
    return (uint64_t)field(line, RESIDENT_FIELD) * (uint64_t)sysconf(_SC_PAGESIZE);
}

struct usage usage_now(pid_t pid) {
    struct usage usage = {.wall_s = (double)now_ns() / 1e9};
    if (pid != 0) {
        usage.cpu_s = cpu_seconds(pid);
        usage.rss_bytes = resident(pid);
    }
    return usage;
}

void report(struct load *load, const char *mode, uint64_t messages, struct usage from,
            struct usage to) {
    double cpu_us = (to.cpu_s - from.cpu_s) * 1e6 / (double)messages;
    double rate = (double)messages / (to.wall_s - from.wall_s);
    double p50 = sample_quantile(&load->to_reader, 0.5);
    double p99 = sample_quantile(&load->to_reader, 0.99);
    double accepted_p50 = sample_quantile(&load->to_sender, 0.5);
    double accepted_p99 = sample_quantile(&load->to_sender, 0.99);
    printf("{\"server\": \"%s\", \"mode\": \"%s\", \"pairs\": %zu, \"in_flight\": %zu, "
           "\"messages\": %llu, \"payload_bytes\": %zu, \"cpu_us\": %.2f, \"rate\": %.0f, "
           "\"delivered_p50_us\": %.0f, \"delivered_p99_us\": %.0f, \"accepted_p50_us\": %.0f, "
           "\"accepted_p99_us\": %.0f, \"ack_after_us\": %llu}\n",
           load->protocol->name, mode, load->pairs, load->window, (unsigned long long)messages,
           load->payload_bytes, cpu_us, rate, p50, p99, accepted_p50, accepted_p99,
           (unsigned long long)load->ack_after_ns / 1000);
    fprintf(stderr,
            "%-10s %-7s %5zu pairs %3zu in flight %8llu messages  %7.2f us CPU each  %8.0f/s  "
            "delivered p50 %.2f p99 %.2f ms  accepted p50 %.2f p99 %.2f ms\n",
            load->protocol->name, mode, load->pairs, load->window, (unsigned long long)messages,
            cpu_us, rate, p50 / 1000, p99 / 1000, accepted_p50 / 1000, accepted_p99 / 1000);
}

void report_memory(const struct load *load, size_t connections, struct usage from,
                   struct usage to) {
    double each = ((double)to.rss_bytes - (double)from.rss_bytes) / (double)connections / 1024;
    printf("{\"server\": \"%s\", \"mode\": \"idle\", \"connections\": %zu, \"kib_each\": %.2f}\n",
           load->protocol->name, connections, each);
    fprintf(stderr, "%-10s idle    %5zu connections  %.1f KiB each\n", load->protocol->name,
            connections, each);
}

void report_logins(const struct load *load, size_t logins, struct usage from, struct usage to) {
    double cpu_ms = (to.cpu_s - from.cpu_s) * 1e3 / (double)logins;
    double rate = (double)logins / (to.wall_s - from.wall_s);
    printf("{\"server\": \"%s\", \"mode\": \"logins\", \"logins\": %zu, \"cpu_ms\": %.3f, "
           "\"rate\": %.0f}\n",
           load->protocol->name, logins, cpu_ms, rate);
    fprintf(stderr, "%-10s logins  %5zu  %.3f ms CPU each  %.0f/s\n", load->protocol->name, logins,
            cpu_ms, rate);
}
