/* SPDX-License-Identifier: ISC */
#include "sottod/stats.h"

#include "base/duration.h"
#include "platform/clock.h"
#include "server/store/listing.h"
#include "sottod/admin.h"
#include "sottod/commands.h"
#include "sottod/say.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WATCH_EVERY_MS = 2000, PAGE_MAX_BYTES = 16 * 1024 };

enum figure {
    STAT_UP,
    STAT_CLIENTS,
    STAT_MAX_CLIENTS,
    STAT_CONNECTIONS,
    STAT_BEFORE_LOGIN,
    STAT_PAUSED,
    STAT_ACCEPTED,
    STAT_REPEATED,
    STAT_HANDED_OVER,
    STAT_DELIVERED,
    STAT_SETTLED,
    STAT_EXPIRED,
    STAT_LOGINS,
    STAT_TURNED_AWAY,
    STAT_QUEUED,
    STAT_HELD,
    STAT_QUEUE_BYTES,
    STAT_CONNECTION_BYTES,
    STAT_ADDRESSES_FAILED,
    STAT_DISK_LOW,
    STAT_COMMIT_P50,
    STAT_COMMIT_P99,
    STAT_SAID, /* by the server; the others are looked up */
    STAT_USERS = STAT_SAID,
    STAT_MESSAGES_WAITING,
    STAT_BYTES_WAITING,
    STAT_OLDEST_WAITING,
    STAT_DISK_FREE,
    STAT_COUNT,
};

/* A name that ends in _total is a counter from the start of the process; the others are how it is
 * now. */
static const struct {
    const char *name;
    const char *help;
    const char *page_name; /* in the text format of Prometheus, if it is another: in seconds */
    uint64_t in_a_second;
} STATS[STAT_COUNT] = {
    [STAT_UP] = {.name = "up_s",
                 .help = "Seconds since the start.",
                 .page_name = "up_seconds",
                 .in_a_second = 1},
    [STAT_CLIENTS] = {.name = "clients", .help = "Devices that are logged in."},
    [STAT_MAX_CLIENTS] = {.name = "max_clients", .help = "Devices that may be logged in."},
    [STAT_CONNECTIONS] = {.name = "connections", .help = "Connections."},
    [STAT_BEFORE_LOGIN] = {.name = "before_login", .help = "Connections that are not logged in."},
    [STAT_PAUSED] = {.name = "paused", .help = "Connections that are not read at the moment."},
    [STAT_ACCEPTED] = {.name = "accepted_total", .help = "Messages accepted."},
    [STAT_REPEATED] = {.name = "repeated_total",
                       .help = "Messages that were accepted before and came again."},
    [STAT_HANDED_OVER] = {.name = "handed_over_total",
                          .help = "Messages handed over, repetitions too."},
    [STAT_DELIVERED] = {.name = "delivered_total",
                        .help = "Messages that their device acknowledged."},
    [STAT_SETTLED] = {.name = "settled_total",
                      .help = "Messages acknowledged before they were stored."},
    [STAT_EXPIRED] = {.name = "expired_total", .help = "Messages that nobody fetched in time."},
    [STAT_LOGINS] = {.name = "logins_total", .help = "Logins."},
    [STAT_TURNED_AWAY] = {.name = "turned_away_total",
                          .help = "Connections not taken, or ended for others."},
    [STAT_QUEUED] = {.name = "store_queue", .help = "Operations that wait for the disk."},
    [STAT_HELD] = {.name = "store_held", .help = "Operations that wait for space on the disk."},
    [STAT_QUEUE_BYTES] = {.name = "store_queue_bytes", .help = "Memory of operations that wait."},
    [STAT_CONNECTION_BYTES] = {.name = "connection_bytes",
                               .help = "Memory of read buffers and write queues."},
    [STAT_ADDRESSES_FAILED] = {.name = "addresses_failed",
                               .help = "Addresses remembered for refused logins."},
    [STAT_DISK_LOW] = {.name = "disk_low",
                       .help = "1 while the disk is too full for new messages."},
    [STAT_COMMIT_P50] = {.name = "commit_p50_us",
                         .help = "Time of a commit, half of the last 1024 were as fast.",
                         .page_name = "commit_p50_seconds",
                         .in_a_second = 1000000},
    [STAT_COMMIT_P99] = {.name = "commit_p99_us",
                         .help = "Time of a commit, 99 percent were as fast.",
                         .page_name = "commit_p99_seconds",
                         .in_a_second = 1000000},
    [STAT_USERS] = {.name = "users", .help = "Accounts, without those that left."},
    [STAT_MESSAGES_WAITING] = {.name = "messages_waiting",
                               .help = "Messages that wait for their devices."},
    [STAT_BYTES_WAITING] = {.name = "bytes_waiting", .help = "Bytes of those messages."},
    [STAT_OLDEST_WAITING] = {.name = "oldest_waiting_s",
                             .help = "Age of the oldest of them.",
                             .page_name = "oldest_waiting_seconds",
                             .in_a_second = 1},
    [STAT_DISK_FREE] = {.name = "disk_free", .help = "Bytes free where the data is."},
};

struct refusal {
    const char *code; /* of the catalogue, or as the server sent it */
    uint64_t count;
};

/* What a server said, on this side of the socket. */
struct said {
    uint64_t values[STAT_COUNT];
    struct refusal refusals[REFUSALS_MAX];
    size_t refusal_count;
};

/* --- the server's side --------------------------------------------------------------------- */

must_check enum error stats_line(const struct server *server, const struct settings *settings,
                                 const struct latency *commits, uint64_t up_s, char *out,
                                 size_t size) {
    struct server_stats stats;
    server_stats(server, &stats);
    const uint64_t values[STAT_COUNT] = {
        [STAT_UP] = up_s,
        [STAT_CLIENTS] = stats.figures.logged_in,
        [STAT_MAX_CLIENTS] = settings->values[SETTING_MAX_CLIENTS],
        [STAT_CONNECTIONS] = stats.figures.connections,
        [STAT_BEFORE_LOGIN] = stats.before_login,
        [STAT_PAUSED] = stats.paused,
        [STAT_ACCEPTED] = stats.figures.accepted,
        [STAT_REPEATED] = stats.figures.repeated,
        [STAT_HANDED_OVER] = stats.handed_over,
        [STAT_DELIVERED] = stats.acknowledged,
        [STAT_SETTLED] = stats.figures.settled,
        [STAT_EXPIRED] = stats.expired,
        [STAT_LOGINS] = stats.logins,
        [STAT_TURNED_AWAY] = stats.turned_away,
        [STAT_QUEUED] = stats.figures.queued,
        [STAT_HELD] = stats.held,
        [STAT_QUEUE_BYTES] = stats.store_queue_bytes,
        [STAT_CONNECTION_BYTES] = stats.connection_bytes,
        [STAT_ADDRESSES_FAILED] = stats.addresses_failed,
        [STAT_DISK_LOW] = stats.is_disk_low ? 1 : 0,
        [STAT_COMMIT_P50] = latency_percentile(commits, 50),
        [STAT_COMMIT_P99] = latency_percentile(commits, 99),
    };
    size_t at = 0;
    for (size_t i = 0; i < STAT_SAID && at < size; i++) {
        at += (size_t)snprintf(out + at, size - at, "%s%s=%" PRIu64, i == 0 ? "" : " ",
                               STATS[i].name, values[i]);
    }
    for (uint16_t i = 0; i < REFUSALS_MAX && at < size; i++) {
        if (stats.refused[i] > 0) {
            at += (size_t)snprintf(out + at, size - at, " refused.%s=%" PRIu64,
                                   i == 0 ? "other" : error_code(error_from_number(i)),
                                   stats.refused[i]);
        }
    }
    return at < size ? OK : ERR_LIMIT;
}

/* --- the other side ------------------------------------------------------------------------ */

/* `said` points into `line`. A figure of a newer server that this program does not know is left
 * out. */
static enum error understand(char *line, struct said *said) {
    char *rest = NULL;
    memset(said, 0, sizeof(*said));
    for (char *word = strtok_r(line, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
        char *equals = strchr(word, '=');
        uint64_t value = 0;
        if (equals == NULL || !number_parse(equals + 1, 0, UINT64_MAX, &value)) {
            return ERR_INTERNAL;
        }
        *equals = '\0';
        if (strncmp(word, "refused.", 8) == 0 && said->refusal_count < REFUSALS_MAX) {
            said->refusals[said->refusal_count++] = (struct refusal){word + 8, value};
        }
        for (size_t i = 0; i < STAT_COUNT; i++) {
            if (strcmp(STATS[i].name, word) == 0) {
                said->values[i] = value;
            }
        }
    }
    return OK;
}

static bool print_text(const struct said *said) {
    for (size_t i = 0; i < STAT_COUNT; i++) {
        printf("%-20s %12" PRIu64 "  %s\n", STATS[i].name, said->values[i], STATS[i].help);
    }
    for (size_t i = 0; i < said->refusal_count; i++) {
        printf("%-20s %12" PRIu64 "  %s\n", "refused_total", said->refusals[i].count,
               said->refusals[i].code);
    }
    return fflush(stdout) == 0;
}

static bool print_json(const struct said *said) {
    json_t *refused = json_object();
    json_t *whole = json_pack("{s:i, s:s}", "v", 1, "type", "stats");
    bool done = true;
    for (size_t i = 0; i < STAT_COUNT; i++) {
        done = json_object_set_new(whole, STATS[i].name,
                                   json_integer((json_int_t)said->values[i])) == 0 &&
               done;
    }
    for (size_t i = 0; i < said->refusal_count; i++) {
        done = json_object_set_new(refused, said->refusals[i].code,
                                   json_integer((json_int_t)said->refusals[i].count)) == 0 &&
               done;
    }
    done = json_object_set_new(whole, "refused", refused) == 0 && done;
    done = done && json_dumpf(whole, stdout, JSON_COMPACT) == 0 && putchar('\n') != EOF;
    json_decref(whole);
    return done && fflush(stdout) == 0;
}

static bool is_counter(const char *name) {
    size_t size = strlen(name);
    return size > 6 && strcmp(name + size - 6, "_total") == 0;
}

/* The text format of Prometheus; its unit of time is the second, written out. */
static void print_page(const struct said *said, char *page, size_t size) {
    size_t at = 0;
    for (size_t i = 0; i < STAT_COUNT && at < size; i++) {
        const char *name = STATS[i].page_name == NULL ? STATS[i].name : STATS[i].page_name;
        uint64_t in_a_second = STATS[i].page_name == NULL ? 1 : STATS[i].in_a_second;
        at += (size_t)snprintf(page + at, size - at,
                               "# HELP sottod_%s %s\n# TYPE sottod_%s %s\nsottod_%s %" PRIu64, name,
                               STATS[i].help, name, is_counter(name) ? "counter" : "gauge", name,
                               said->values[i] / in_a_second);
        if (in_a_second > 1 && at < size) {
            at += (size_t)snprintf(page + at, size - at, ".%06" PRIu64,
                                   said->values[i] % in_a_second);
        }
        at += at < size ? (size_t)snprintf(page + at, size - at, "\n") : 0;
    }
    for (size_t i = 0; i < said->refusal_count && at < size; i++) {
        at += (size_t)snprintf(page + at, size - at,
                               "%ssottod_refused_total{code=\"%s\"} %" PRIu64 "\n",
                               i == 0 ? "# HELP sottod_refused_total Requests refused, by error "
                                        "code.\n# TYPE sottod_refused_total counter\n"
                                      : "",
                               said->refusals[i].code, said->refusals[i].count);
    }
}

static int write_page(const struct said *said, const char *file) {
    char page[PAGE_MAX_BYTES];
    print_page(said, page, sizeof(page));
    if (file == NULL) {
        bool done = fputs(page, stdout) != EOF && fflush(stdout) == 0;
        return done ? 0
                    : say_failure(ERR_STORAGE_FAILED, "stdout", "it is closed or full", NULL, NULL);
    }
    enum error error = file_write_shared(file, bytes_of_string(page));
    return error == OK ? 0 : say_failure(error, file, "it cannot be written", NULL, NULL);
}

static int show(const struct options *options, const struct said *said) {
    if (options->as_prometheus) {
        return write_page(said, options->file);
    }
    bool done = options->as_json ? print_json(said) : print_text(said);
    return done ? 0 : say_failure(ERR_STORAGE_FAILED, "stdout", "it is closed or full", NULL, NULL);
}

/* What needs no server to be known. */
static enum error look_up(struct data *data, struct said *said) {
    struct listed_sum sum;
    enum error error = list_sum(data->database, &sum, data->cause, sizeof(data->cause));
    if (error != OK) {
        return command_unread(data, error);
    }
    uint64_t now_ms = clock_system().wall_ms(NULL);
    said->values[STAT_USERS] = sum.accounts;
    said->values[STAT_MESSAGES_WAITING] = sum.messages;
    said->values[STAT_BYTES_WAITING] = sum.bytes;
    said->values[STAT_OLDEST_WAITING] =
        sum.messages > 0 && now_ms > sum.oldest_ms ? (now_ms - sum.oldest_ms) / SECOND_MS : 0;
    if (disk_free(data->folder, &said->values[STAT_DISK_FREE]) != OK) {
        data->path = data->folder;
        snprintf(data->cause, sizeof(data->cause), "its disk does not say what is free");
        return ERR_STORAGE_FAILED;
    }
    return OK;
}

static int look(struct data *data, const struct options *options) {
    char answer[ADMIN_LINE_MAX_BYTES];
    struct said said;
    enum error error = command_ask(data, "stats\n", answer, sizeof(answer));
    if (error == ERR_NOT_FOUND) {
        return say_failure(ERR_SERVER_UNREACHABLE, NULL, "it does not run", NULL, data->folder);
    }
    if (error == OK) {
        error = understand(answer, &said);
    }
    if (error == OK) {
        error = look_up(data, &said);
    }
    return error == OK ? show(options, &said) : command_failed(data, error);
}

int command_stats(const struct options *options) {
    struct data data;
    enum error error = data_init(&data, options->data);
    if (error == OK) {
        error = data_find(&data);
    }
    int status = error == OK ? look(&data, options) : command_failed(&data, error);
    while (status == 0 && options->is_watching) {
        uv_sleep(WATCH_EVERY_MS);
        if (!options->as_json && !options->as_prometheus) {
            putchar('\n');
        }
        status = look(&data, options);
    }
    data_close(&data);
    return status;
}
