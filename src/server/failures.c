/* SPDX-License-Identifier: ISC */
/* Addresses whose logins or registrations were refused. Whoever guesses invites or devices is told
 * to wait, and costs no signature and no look-up until then. The table has a fixed size: of the
 * addresses that share a set, the one that has failed least gives way. */
#include "server/state.h"

#include <string.h>

static struct failures *set_of(struct server *server, const uint8_t address[16]) {
    uint64_t hash = server->seed;
    for (size_t i = 0; i < 16; i++) {
        hash = (hash ^ address[i]) * UINT64_C(0x100000001b3);
    }
    return server->failures[(hash ^ (hash >> 32)) % FAILURE_SETS];
}

static struct failures *find(struct failures *set, const uint8_t address[16]) {
    for (size_t i = 0; i < FAILURE_WAYS; i++) {
        if (set[i].is_used && memcmp(set[i].address, address, sizeof(set[i].address)) == 0) {
            return &set[i];
        }
    }
    return NULL;
}

static void refill(const struct server *server, struct failures *failures) {
    bucket_gain(&failures->bucket, server->config.failed_login_rate_per_minute,
                server->config.failed_login_burst, server->now.monotonic_ms);
}

static struct failures *make(struct server *server, struct failures *set,
                             const uint8_t address[16]) {
    struct failures *made = set;
    for (size_t i = 0; i < FAILURE_WAYS && made->is_used; i++) {
        refill(server, &set[i]);
        if (!set[i].is_used || set[i].bucket.units > made->bucket.units) {
            made = &set[i];
        }
    }
    made->is_used = true;
    memcpy(made->address, address, sizeof(made->address));
    bucket_fill(&made->bucket, server->config.failed_login_burst, server->now.monotonic_ms);
    return made;
}

void failures_note(struct server *server, const uint8_t address[16]) {
    uint32_t retry_s;
    server_note(server, EVENT_LOGIN_REFUSED, address);
    struct failures *set = set_of(server, address);
    struct failures *failures = find(set, address);
    if (failures == NULL) {
        failures = make(server, set, address);
    }
    /* Those that were under way when it ran empty find nothing to take, and that is all right. */
    (void)bucket_take(&failures->bucket, server->config.failed_login_rate_per_minute,
                      server->config.failed_login_burst, server->now.monotonic_ms, &retry_s);
}

bool failures_are_many(struct server *server, const uint8_t address[16], uint32_t *retry_s) {
    struct failures *failures = find(set_of(server, address), address);
    *retry_s = 0;
    if (failures == NULL) {
        return false;
    }
    refill(server, failures);
    return !bucket_has(&failures->bucket, server->config.failed_login_rate_per_minute, retry_s);
}
