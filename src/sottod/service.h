/* SPDX-License-Identifier: ISC */
/* What sottod tells the service manager that started it, if one did: that it serves, how much, that
 * its loop still turns, that it stops. */
#ifndef SOTTO_SOTTOD_SERVICE_H
#define SOTTO_SOTTOD_SERVICE_H

#include "server/core.h"
#include "sottod/say.h"

struct service {
    struct logger *logger;
    uint64_t watchdog_ms; /**< 0: nobody watches */
    uint64_t beat_ms;     /**< monotonic: the last WATCHDOG=1 */
    uint64_t status_ms;   /**< and the last STATUS */
    bool is_deaf;         /**< it could not be told; said once */
};

void service_begin(struct service *service, struct logger *logger);
void service_ready(struct service *service, uint64_t now_ms);
/** Once a second. */
void service_tick(struct service *service, const struct server *server, uint64_t now_ms);
void service_reloading(struct service *service, uint64_t now_ms);
void service_stopping(struct service *service);

#endif
