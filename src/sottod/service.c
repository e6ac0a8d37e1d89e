/* SPDX-License-Identifier: ISC */
#include "sottod/service.h"

#include "platform/notify.h"

#include <inttypes.h>
#include <stdio.h>

enum { STATUS_EVERY_MS = 10 * 1000 };

static void tell(struct service *service, const char *state) {
    if (notify_manager(state) == OK) {
        service->is_deaf = false;
    } else if (!service->is_deaf) {
        service->is_deaf = true;
        say_alarm(service->logger, "the service manager cannot be told how it goes");
    }
}

void service_begin(struct service *service, struct logger *logger) {
    *service = (struct service){.logger = logger, .watchdog_ms = notify_watchdog_ms()};
}

void service_ready(struct service *service, uint64_t now_ms) {
    service->beat_ms = now_ms;
    tell(service, "READY=1\nWATCHDOG=1\nSTATUS=serving");
}

void service_tick(struct service *service, const struct server *server, uint64_t now_ms) {
    if (now_ms - service->status_ms >= STATUS_EVERY_MS) {
        const struct server_figures figures = server_figures(server);
        char line[160];
        service->status_ms = now_ms;
        snprintf(line, sizeof(line),
                 "STATUS=%zu clients, %" PRIu64 " messages accepted, %" PRIu64 " delivered",
                 figures.logged_in, figures.accepted, figures.delivered);
        tell(service, line);
    }
    if (service->watchdog_ms > 0 && now_ms - service->beat_ms >= service->watchdog_ms / 2) {
        service->beat_ms = now_ms;
        tell(service, "WATCHDOG=1");
    }
}

void service_reloading(struct service *service, uint64_t now_ms) {
    char line[96];
    snprintf(line, sizeof(line), "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, now_ms * 1000);
    tell(service, line);
}

void service_stopping(struct service *service) {
    tell(service, "STOPPING=1\nSTATUS=stopping");
}
