/* SPDX-License-Identifier: ISC */
/* tlspipe: one end of sotto's TLS for tests whose own TLS lacks the group X25519MLKEM768. It sets
 * OpenSSL up by itself from docs/PROTOCOL.md 1.12, so that both ends of a test do not share one
 * mistake. */
#ifndef SOTTO_TESTS_TLSPIPE_H
#define SOTTO_TESTS_TLSPIPE_H

#include "base/attributes.h"

#include <stdbool.h>

#include <openssl/ssl.h>

struct options {
    bool is_server;
    const char *alpn; /**< the name offered or taken; empty: none */
    const char *group;
    const char *source; /**< address to connect from, or NULL */
    const char *pin;    /**< hex of the SPKI hash that the server has to show, or NULL */
    bool is_tls12;
    bool resets; /**< ends with a TCP reset instead of close_notify */
    const char *host;
    const char *port;
    const char *key_file;
    const char *socket; /**< Unix socket to which each accepted connection is relayed */
};

/** Reads the command line; prints help or a complaint and exits when there is nothing to do. */
struct options options_read(int count, char **arguments);

/** Settings for either side; ends the program when OpenSSL refuses them. */
SSL_CTX *tls_settings(const struct options *options);

/** The handshake on a connected socket. NULL after having printed {"error": ...} to `report`. */
SSL *tls_begin(SSL_CTX *settings, const struct options *options, int tcp, int report);

/** Writes one JSON line on the established connection to `report`. */
void tls_report(SSL *ssl, int report);

/** Writes the SHA-256 of a certificate's SPKI in hex (65 bytes). */
void spki_hex(X509 *certificate, char *out);

/** Moves bytes both ways until one side ends: plain bytes come from `input` and go to `output`. */
void relay(SSL *ssl, int tcp, int input, int output, bool resets);

/** Prints on stderr and ends with 2. */
no_return void die(const char *what, const char *why);

#endif
