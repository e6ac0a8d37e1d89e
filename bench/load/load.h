/* SPDX-License-Identifier: ISC */
/* A generator of load: many TLS connections on one thread, driven by one of four protocols, so that
 * servers of different kinds are asked for the same work by the same program.
 *
 *   connection.c   TLS over epoll; what is queued in a round leaves in one write
 *   loop.c         rounds, delayed acknowledgements
 *   wire.c mqtt.c redis.c relay.c     one protocol each
 *   people.c       accounts with real keys for the wire protocol
 *   modes.c        what is measured
 *   report.c       quantiles, the server's CPU and memory, JSON and a table
 *
 * It is a measuring tool: what goes wrong ends it with a sentence. */
#ifndef SOTTO_BENCH_LOAD_H
#define SOTTO_BENCH_LOAD_H

#include "base/bytes.h"
#include "base/text.h"
#include "crypto/kdf.h"
#include "crypto/signature.h"

#include <openssl/ssl.h>
#include <sys/types.h>

enum {
    STAMPS = 4096, /* messages of one sender whose answers are awaited */
    READ_BYTES = 64 * 1024,
    PAYLOAD_MIN_BYTES = 342, /* an envelope of a text of 200 bytes */
    PAYLOAD_MAX_BYTES = 65536,
    NOTE_BYTES = 16, /* at the end of a payload: its number and when it was sent */
};

struct load;
struct link;

/** What a message costs nobody: the identity behind a connection of the wire protocol. */
struct person {
    struct user_name name;
    struct secret_32 signing;
    uint8_t cid[HASH_BYTES];
};

/** Handles that wait until the client's commit, and those whose commit is under way. */
struct acks {
    uint64_t *waiting;
    size_t waiting_count;
    size_t waiting_room;
    uint64_t *committing;
    size_t committing_count;
    size_t committing_room;
    uint64_t due_ns;
};

enum link_state {
    LINK_NONE,
    LINK_CONNECTING,
    LINK_HANDSHAKE,
    LINK_LOGIN,
    LINK_READY,
};

/** One connection. */
struct link {
    struct load *load;
    size_t index;
    int handle;
    SSL *ssl;
    enum link_state state;
    bool is_reader;  /* takes messages */
    bool is_queued;  /* for the end of the round */
    bool is_waiting; /* for the socket to take more */
    bool is_ended;   /* said goodbye */
    struct buffer in;
    struct buffer out;
    uint32_t request; /* numbers of the protocol */
    struct acks acks;
    struct link *next_queued;
    struct link *next_due;
    char cursor[40]; /* redis: the last id that was read */
    bool is_reading; /* redis: a read is under way */
    /* As a sender: */
    size_t to; /* index of the recipient's link */
    uint64_t sent;
    uint64_t accepted;
    uint64_t delivered; /* of its messages, at the recipient */
    uint64_t stamps[STAMPS];
};

/** One kind of server. */
struct protocol {
    const char *name;
    const char *alpn; /* NULL: none */
    /** TLS is up: log in; then load_ready. */
    void (*begin)(struct link *link);
    /** Takes whole messages off the front of `in`; how many bytes. */
    size_t (*receive)(struct link *link, struct bytes in);
    /** Sends a payload, with a tag that load_accepted gets back (its low bits count). */
    void (*send)(struct link *link, struct bytes payload);
    void (*acknowledge)(struct link *link, const uint64_t *handles, size_t count);
};
extern const struct protocol protocol_wire;
extern const struct protocol protocol_mqtt;
extern const struct protocol protocol_redis;
extern const struct protocol protocol_relay;

/** Times in nanoseconds. */
struct sample {
    uint64_t *values;
    size_t count;
    size_t room;
};
void sample_add(struct sample *sample, uint64_t value);
/** In microseconds; sorts. */
double sample_quantile(struct sample *sample, double share);

struct load {
    const struct protocol *protocol;
    const char *host;
    unsigned port;
    pid_t pid; /* of the server; 0: not measured */
    uint64_t ack_after_ns;
    uint64_t stay_ns; /* how long idle connections stand */
    size_t payload_bytes;
    size_t window; /* in flight for each pair */
    uint64_t messages;
    uint64_t rate; /* messages a second, all senders together */
    size_t pairs;
    bool keeps_session; /* mqtt: a subscription outlives its connection */
    SSL_CTX *tls;
    int epoll;
    struct person *people;
    size_t people_count;
    struct link *links;
    size_t link_count;
    struct link *queued;
    struct link *due;
    struct link **due_end;
    size_t ready;
    uint64_t heard_ns; /* when something last came */
    uint64_t sent;
    uint64_t accepted;
    uint64_t delivered;
    uint64_t goal; /* the loop ends when so many are accepted and delivered */
    bool is_closed_loop;
    struct sample to_reader; /* send to delivery */
    struct sample to_sender; /* send to ACCEPTED */
    uint8_t plain[READ_BYTES];
    uint8_t payload[PAYLOAD_MAX_BYTES];
    void (*on_ready)(struct link *link); /* logged in; may be NULL */
};

/* loop.c */
uint64_t now_ns(void);
_Noreturn void load_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
/** realloc that does not fail. */
void *load_grow(void *memory, size_t size);
/** One round: waits at most until `until_ns`, for events, acknowledgements that are due, writes. */
void load_round(struct load *load, uint64_t until_ns);
void load_queue(struct link *link);
/** What the protocols report. */
void load_ready(struct link *link);
void load_accepted(struct link *link, uint64_t tag);
void load_delivered(struct link *link, uint64_t handle, struct bytes payload);
/** Sends one message of a sender. */
void load_send(struct link *link);

/* connection.c */
void link_connect(struct link *link);
void link_close(struct link *link);
void link_event(struct link *link, uint32_t events);
void link_write(struct link *link, struct bytes bytes);
void link_flush(struct link *link);
SSL_CTX *load_tls(const struct protocol *protocol);

/* people.c */
void people_load(struct load *load, const char *path);
/** Makes `count` accounts, registers them one by one and keeps their keys in `path`. */
void people_register(struct load *load, const char *path, size_t count);
/** wire.c: registers on a link that stands, instead of logging in. */
void wire_register_person(struct link *link, const uint8_t exporter[32]);

/* report.c */
struct usage {
    double cpu_s;
    double wall_s;
    uint64_t rss_bytes;
};
struct usage usage_now(pid_t pid);
/** One JSON object on stdout, one line on stderr. */
void report(struct load *load, const char *mode, uint64_t messages, struct usage from,
            struct usage to);
void report_memory(const struct load *load, size_t connections, struct usage from, struct usage to);
void report_logins(const struct load *load, size_t logins, struct usage from, struct usage to);

/* modes.c */
void mode_pairs(struct load *load);
void mode_rate(struct load *load);
void mode_offline(struct load *load);
void mode_idle(struct load *load);
void mode_logins(struct load *load);

#endif
