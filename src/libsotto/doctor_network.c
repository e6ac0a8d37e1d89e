/* SPDX-License-Identifier: ISC */
/* The way to the server, one step after the other: its name, a TCP connection, TLS with its pin. */
#include "libsotto/doctor.h"

#include "net/cause.h"
#include "net/client.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { ADDRESSES_MAX = 16, SERVICE_BYTES = 8 };
static const char *const STEPS[] = {"resolve", "tcp", "tls", "pin", "protocol"};
enum { STEP_COUNT = sizeof(STEPS) / sizeof(STEPS[0]) };

struct way {
    const struct doctor *doctor;
    uv_loop_t loop;
    struct sockaddr_storage addresses[ADDRESSES_MAX];
    size_t count;
};

static void skip_from(const struct doctor *doctor, size_t step, const char *because) {
    for (; step < STEP_COUNT; step++) {
        doctor_skip(doctor, STEPS[step], because);
    }
}

static void fail(const struct way *way, const char *name, enum error error, const char *cause) {
    struct sotto *client = way->doctor->client;
    struct report report = profile_report(client, "");
    struct sotto_error problem;
    report.cause = cause;
    report.detail = error == ERR_NO_COMMON_VERSION ? WIRE_ALPN : "";
    (void)report_error(&problem, error, &report);
    doctor_problem(way->doctor, name, client->server, cause, &problem, false);
}

/* ---- name */

static void take(struct way *way, const struct addrinfo *list) {
    for (; list != NULL && way->count < ADDRESSES_MAX; list = list->ai_next) {
        if (list->ai_addrlen <= sizeof(way->addresses[0])) {
            memcpy(&way->addresses[way->count++], list->ai_addr, list->ai_addrlen);
        }
    }
}

static bool resolve(struct way *way) {
    const struct server_address *server = &way->doctor->client->account.server;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    char service[SERVICE_BYTES];
    uv_getaddrinfo_t request;
    snprintf(service, sizeof(service), "%u", (unsigned)server->port);
    int result = uv_getaddrinfo(&way->loop, &request, NULL, server->host, service, &hints);
    if (result == 0) {
        take(way, request.addrinfo);
        uv_freeaddrinfo(request.addrinfo);
    }
    if (way->count == 0) {
        fail(way, "resolve", ERR_SERVER_UNREACHABLE,
             net_cause(result == 0 ? UV_EAI_NONAME : result));
        return false;
    }
    doctor_fine(way->doctor, "resolve", server->host, "%zu address%s", way->count,
                way->count == 1 ? "" : "es");
    return true;
}

/* ---- TCP */

struct attempt {
    uv_tcp_t tcp;
    uv_timer_t timer;
    uv_connect_t request;
    int status;
    bool is_over;
};

static void end(struct attempt *attempt, int status) {
    if (!attempt->is_over) {
        attempt->is_over = true;
        attempt->status = status;
        uv_close((uv_handle_t *)&attempt->tcp, NULL);
        uv_close((uv_handle_t *)&attempt->timer, NULL);
    }
}

static void on_connected(uv_connect_t *request, int status) {
    end(request->data, status);
}

static void on_timeout(uv_timer_t *timer) {
    end(timer->data, UV_ETIMEDOUT);
}

/* 0, or libuv's error. */
static int connect_to(struct way *way, const struct sockaddr_storage *address, uint64_t limit_ms) {
    struct attempt attempt = {.is_over = false};
    int result = uv_tcp_init(&way->loop, &attempt.tcp);
    if (result != 0) {
        return result;
    }
    (void)uv_timer_init(&way->loop, &attempt.timer); /* has no way to fail */
    attempt.timer.data = &attempt;
    attempt.request.data = &attempt;
    uv_update_time(&way->loop);
    (void)uv_timer_start(&attempt.timer, on_timeout, limit_ms, 0);
    result = uv_tcp_connect(&attempt.request, &attempt.tcp, (const struct sockaddr *)address,
                            on_connected);
    if (result != 0) {
        end(&attempt, result);
    }
    (void)uv_run(&way->loop, UV_RUN_DEFAULT); /* to the end of both handles */
    return attempt.status;
}

static bool reach(struct way *way) {
    struct sotto *client = way->doctor->client;
    uint64_t began = profile_time(client);
    uint64_t limit = client->timeout_ms / way->count;
    int result = UV_ETIMEDOUT;
    for (size_t i = 0; i < way->count && result != 0; i++) {
        result = connect_to(way, &way->addresses[i], limit);
    }
    if (result != 0) {
        fail(way, "tcp", ERR_SERVER_UNREACHABLE, net_cause(result));
        return false;
    }
    doctor_fine(way->doctor, "tcp", client->server, "connected in %" PRIu64 " ms",
                profile_time(client) - began);
    return true;
}

/* ---- TLS, pin, protocol */

struct handshake {
    struct net_client *net;
    bool is_up;
    bool is_over;
    enum error error;
    const char *cause;
    uint8_t shown[SPKI_HASH_BYTES];
};

static void on_secure(void *context, const uint8_t exporter[EXPORTER_BYTES],
                      const uint8_t spki_hash[SPKI_HASH_BYTES]) {
    struct handshake *handshake = context;
    (void)exporter;
    (void)spki_hash;
    handshake->is_up = true;
    net_client_close(handshake->net);
}

static void on_received(void *context, struct bytes bytes) {
    (void)context; /* the server speaks only when it is spoken to */
    (void)bytes;
}

static void on_closed(void *context, enum error error, const char *cause,
                      const uint8_t spki_hash[SPKI_HASH_BYTES]) {
    struct handshake *handshake = context;
    handshake->is_over = true;
    handshake->error = error;
    handshake->cause = cause;
    if (spki_hash != NULL) {
        memcpy(handshake->shown, spki_hash, sizeof(handshake->shown));
    }
}

static void shake(struct way *way, struct handshake *handshake) {
    const struct account *account = &way->doctor->client->account;
    struct server_pin pin = {.bits = account->server_bits, .has_next = account->has_next_key};
    const struct net_client_events events = {
        .context = handshake, .connected = on_secure, .received = on_received, .closed = on_closed};
    memcpy(pin.hash, account->server_hash, sizeof(pin.hash));
    memcpy(pin.next, account->next_key, sizeof(pin.next));
    enum error error =
        net_client_connect(&way->loop, account->server.host, account->server.port, &pin,
                           way->doctor->client->timeout_ms, &events, &handshake->net);
    if (error != OK) {
        handshake->error = error;
        handshake->cause = "cannot begin";
        return;
    }
    while (!handshake->is_over) {
        (void)uv_run(&way->loop, UV_RUN_ONCE);
    }
}

static void other_key(const struct way *way, const struct handshake *handshake) {
    struct sotto *client = way->doctor->client;
    struct report report = profile_report(client, "");
    struct sotto_error problem;
    char known[SOTTO_KEY_SIZE];
    char shown[SOTTO_KEY_SIZE];
    explain_key(client->account.server_hash, known);
    explain_key(handshake->shown, shown);
    report.known = known;
    report.shown = shown;
    report.detail = "";
    (void)report_error(&problem, ERR_SERVER_KEY_CHANGED, &report);
    doctor_problem(way->doctor, "pin", client->server, "another key than the trusted one", &problem,
                   false);
}

static bool secure(struct way *way) {
    const struct doctor *doctor = way->doctor;
    struct handshake handshake = {.is_up = false};
    shake(way, &handshake);
    bool is_other = handshake.error == ERR_SERVER_KEY_CHANGED;
    bool is_strange = handshake.error == ERR_NO_COMMON_VERSION;
    if (!handshake.is_up && !is_other && !is_strange) {
        fail(way, "tls", handshake.error, handshake.cause);
        skip_from(doctor, 3, "no TLS");
        return false;
    }
    doctor_fine(doctor, "tls", doctor->client->server, "version 1.3");
    if (is_other) {
        other_key(way, &handshake);
        doctor_skip(doctor, "protocol", "the key is not trusted");
        return false;
    }
    if (is_strange) {
        doctor_skip(doctor, "pin", "no protocol in common");
        fail(way, "protocol", ERR_NO_COMMON_VERSION, handshake.cause);
        return false;
    }
    doctor_fine(doctor, "pin", doctor->client->server, "the trusted key");
    doctor_fine(doctor, "protocol", "", "%s", WIRE_ALPN);
    return true;
}

bool doctor_network(const struct doctor *doctor, bool is_open) {
    struct way way = {.doctor = doctor};
    bool is_reached = false;
    if (!is_open) {
        skip_from(doctor, 0, "the server is not known without the store");
        return false;
    }
    if (uv_loop_init(&way.loop) != 0) {
        doctor_failed(doctor, STEPS[0], "", ERR_MEMORY);
        skip_from(doctor, 1, "no memory");
        return false;
    }
    if (!resolve(&way)) {
        skip_from(doctor, 1, "no address");
    } else if (!reach(&way)) {
        skip_from(doctor, 2, "no connection");
    } else {
        is_reached = secure(&way);
    }
    (void)uv_run(&way.loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&way.loop); /* everything on it is closed */
    return is_reached;
}
