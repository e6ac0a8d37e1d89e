/* SPDX-License-Identifier: ISC */
#include "load.h"

#include "crypto/entropy.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>

static const char USAGE[] =
    "Usage: sottod-load MODE --port PORT [OPTION...]\n"
    "\n"
    "  register  make --count accounts and keep their keys in --people (sotto only)\n"
    "  pairs     each of --pairs senders keeps --in-flight messages under way to its reader\n"
    "  rate      all senders together send --rate messages a second\n"
    "  offline   --messages are stored for readers that are away, who then come back\n"
    "  idle      memory of --count connections that do nothing\n"
    "  logins    --messages connections, each with a TLS handshake and a login, then closed\n"
    "\n"
    "  --server sotto|mosquitto|redis|floor   what speaks at that port (sotto)\n"
    "  --host ADDRESS        IPv4 (127.0.0.1)\n"
    "  --pid PID             the server's process, for its CPU time and memory\n"
    "  --people FILE         accounts that `register` made\n"
    "  --pairs N             (50)\n"
    "  --count N             connections or accounts (1000)\n"
    "  --in-flight N         (1)\n"
    "  --messages N          (100000)\n"
    "  --payload BYTES       of an envelope, 342 to 65536 (342)\n"
    "  --rate N              (1000)\n"
    "  --ack-after US        what a client's commit takes before it acknowledges (0)\n"
    "  --stay S              seconds for which idle connections stand (0)\n"
    "\n"
    "Prints a JSON object on stdout and a line of a table on stderr.\n";

static const struct option OPTIONS[] = {
    {"server", required_argument, NULL, 's'},   {"host", required_argument, NULL, 'h'},
    {"port", required_argument, NULL, 'p'},     {"pid", required_argument, NULL, 'i'},
    {"people", required_argument, NULL, 'f'},   {"pairs", required_argument, NULL, 'n'},
    {"count", required_argument, NULL, 'c'},    {"in-flight", required_argument, NULL, 'w'},
    {"messages", required_argument, NULL, 'm'}, {"payload", required_argument, NULL, 'b'},
    {"rate", required_argument, NULL, 'r'},     {"ack-after", required_argument, NULL, 'a'},
    {"stay", required_argument, NULL, 'y'},     {NULL, 0, NULL, 0},
};

struct given {
    const char *people;
    size_t count;
};

_Noreturn static void usage(void) {
    fputs(USAGE, stderr);
    exit(2);
}

static uint64_t number(const char *text, uint64_t min, uint64_t max) {
    char *rest;
    uint64_t value = strtoull(text, &rest, 10);
    if (*text == '\0' || *rest != '\0' || value < min || value > max) {
        load_fail("%s is not a number from %llu to %llu", text, (unsigned long long)min,
                  (unsigned long long)max);
    }
    return value;
}

static const struct protocol *protocol_of(const char *name) {
    static const struct protocol *const all[] = {&protocol_wire, &protocol_mqtt, &protocol_redis,
                                                 &protocol_relay};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        if (strcmp(all[i]->name, name) == 0) {
            return all[i];
        }
    }
    usage();
}

static void take_option(struct load *load, struct given *given, int letter, const char *value) {
    switch (letter) {
    case 's':
        load->protocol = protocol_of(value);
        break;
    case 'h':
        load->host = value;
        break;
    case 'p':
        load->port = (unsigned)number(value, 1, 65535);
        break;
    case 'i':
        load->pid = (pid_t)number(value, 1, INT32_MAX);
        break;
    case 'f':
        given->people = value;
        break;
    case 'n':
        load->pairs = number(value, 1, 50000);
        break;
    case 'c':
        given->count = number(value, 1, 100000);
        break;
    case 'w':
        load->window = number(value, 1, 200);
        break;
    case 'm':
        load->messages = number(value, 1, 100000000);
        break;
    case 'b':
        load->payload_bytes = number(value, PAYLOAD_MIN_BYTES, PAYLOAD_MAX_BYTES);
        break;
    case 'r':
        load->rate = number(value, 1, 1000000);
        break;
    case 'a':
        load->ack_after_ns = number(value, 0, 10000000) * 1000;
        break;
    case 'y':
        load->stay_ns = number(value, 0, 3600) * 1000000000;
        break;
    default:
        usage();
    }
}

static void prepare(struct load *load) {
    struct rlimit files = {0};
    const struct entropy entropy = entropy_system();
    (void)getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &files);
    load->tls = load_tls(load->protocol);
    load->epoll = epoll_create1(EPOLL_CLOEXEC);
    load->due_end = &load->due;
    load->heard_ns = now_ns();
    load->links = calloc(load->link_count, sizeof(*load->links));
    if (load->links == NULL || load->epoll < 0 ||
        entropy.fill(NULL, load->payload, sizeof(load->payload)) != OK) {
        load_fail("out of memory");
    }
    for (size_t i = 0; i < load->link_count; i++) {
        load->links[i].load = load;
        load->links[i].index = i;
    }
}

int main(int argc, char **argv) {
    static struct load load = {.protocol = &protocol_wire,
                               .host = "127.0.0.1",
                               .pairs = 50,
                               .window = 1,
                               .messages = 100000,
                               .payload_bytes = PAYLOAD_MIN_BYTES,
                               .rate = 1000};
    static const struct {
        const char *name;
        void (*run)(struct load *);
        bool has_pairs;
    } modes[] = {{"pairs", mode_pairs, true},     {"rate", mode_rate, true},
                 {"offline", mode_offline, true}, {"idle", mode_idle, false},
                 {"logins", mode_logins, false},  {"register", NULL, false}};
    struct given given = {.count = 1000};
    size_t mode = 0;
    int letter;
    while ((letter = getopt_long(argc, argv, "", OPTIONS, NULL)) != -1) {
        take_option(&load, &given, letter, optarg);
    }
    if (optind + 1 != argc || load.port == 0) {
        usage();
    }
    while (mode < 6 && strcmp(modes[mode].name, argv[optind]) != 0) {
        mode++;
    }
    if (mode == 6) {
        usage();
    }
    load.link_count = modes[mode].has_pairs ? 2 * load.pairs : given.count;
    load.pairs = modes[mode].has_pairs ? load.pairs : load.link_count / 2;
    load.keeps_session = modes[mode].run == mode_offline && load.protocol == &protocol_mqtt;
    prepare(&load);
    bool is_wire = load.protocol == &protocol_wire;
    if (is_wire && given.people == NULL) {
        usage();
    }
    if (modes[mode].run == NULL) {
        people_register(&load, given.people, given.count);
        return 0;
    }
    if (is_wire) {
        people_load(&load, given.people);
    }
    modes[mode].run(&load);
    return 0;
}
