/* SPDX-License-Identifier: ISC */
#include "tlspipe.h"

#include "wire/frame.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char HELP[] =
    "usage: tlspipe connect [options] HOST PORT\n"
    "       tlspipe accept  [options] PORT KEYFILE SOCKET\n"
    "\n"
    "One end of sotto's TLS; plain bytes on the other side.\n"
    "\n"
    "connect  Prints one JSON line on stdout (exporter, spki, alpn, version, group, or error and "
    "alert), then\n"
    "         relays stdin and stdout until one side ends. Exit 0, or 1 when no connection came.\n"
    "accept   Listens on 127.0.0.1:PORT (0: any) and prints {\"port\": N, \"spki\": HEX}. For each "
    "connection it\n"
    "         connects to the Unix socket SOCKET, writes the JSON line there, then relays; many at "
    "once. A\n"
    "         handshake that fails is one JSON line with an error on stdout. KEYFILE is made when "
    "there is none.\n"
    "         Ends when stdin ends.\n"
    "\n"
    "  --alpn NAME    the protocol offered or taken (default " WIRE_ALPN "); '' for none\n"
    "  --group NAME   the TLS group (default X25519MLKEM768)\n"
    "  --tls12        TLS 1.2 only\n"
    "  --pin HEX      connect: refuse a server whose SPKI has another SHA-256\n"
    "  --source ADDR  connect: from this address\n"
    "  --reset        end with a TCP reset, without close_notify\n";

no_return void die(const char *what, const char *why) {
    (void)fprintf(stderr, "tlspipe: %s: %s\n", what, why);
    exit(2);
}

/* Takes the option at `at`; the number of arguments that it used, 0 when it is none. */
static int take_option(struct options *options, char **arguments, int left) {
    const struct {
        const char *name;
        const char **value;
    } valued[] = {
        {"--alpn", &options->alpn},
        {"--group", &options->group},
        {"--pin", &options->pin},
        {"--source", &options->source},
    };
    for (size_t i = 0; i < sizeof(valued) / sizeof(valued[0]); i++) {
        if (strcmp(arguments[0], valued[i].name) == 0) {
            if (left < 2) {
                die(valued[i].name, "needs a value");
            }
            *valued[i].value = arguments[1];
            return 2;
        }
    }
    if (strcmp(arguments[0], "--tls12") == 0) {
        options->is_tls12 = true;
        return 1;
    }
    if (strcmp(arguments[0], "--reset") == 0) {
        options->resets = true;
        return 1;
    }
    if (strncmp(arguments[0], "--", 2) == 0) {
        die(arguments[0], "no such option");
    }
    return 0;
}

struct options options_read(int count, char **arguments) {
    struct options options = {.alpn = WIRE_ALPN, .group = "X25519MLKEM768"};
    if (count < 2 || strcmp(arguments[1], "--help") == 0) {
        (void)fputs(HELP, count < 2 ? stderr : stdout);
        exit(count < 2 ? 2 : 0);
    }
    options.is_server = strcmp(arguments[1], "accept") == 0;
    if (!options.is_server && strcmp(arguments[1], "connect") != 0) {
        die(arguments[1], "neither connect nor accept");
    }
    const char *words[3] = {NULL, NULL, NULL};
    int found = 0;
    int wanted = options.is_server ? 3 : 2;
    for (int at = 2; at < count;) {
        int used = take_option(&options, arguments + at, count - at);
        if (used == 0 && found == wanted) {
            die(arguments[at], "one argument too many");
        }
        if (used == 0) {
            words[found++] = arguments[at];
            used = 1;
        }
        at += used;
    }
    if (found < wanted) {
        die(arguments[1], "arguments are missing (tlspipe --help)");
    }
    options.host = options.is_server ? "127.0.0.1" : words[0];
    options.port = options.is_server ? words[0] : words[1];
    options.key_file = words[1];
    options.socket = words[2];
    return options;
}
