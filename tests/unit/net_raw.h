/* SPDX-License-Identifier: ISC */
/* Peers that are not ours: plain sockets, and OpenSSL with settings of its own, moved along between
 * rounds of the world's loop. */
#ifndef SOTTO_TESTS_UNIT_NET_RAW_H
#define SOTTO_TESTS_UNIT_NET_RAW_H

#include "net_world.h"

#include <openssl/ssl.h>

/** A socket connected to the world's listener, or listening on a free `*port` of 127.0.0.1; not
 * blocking. */
int raw_connect(const struct world *world);
int raw_listen(uint16_t *port);
/** The next connection of a listening socket. */
int raw_accept(struct world *world, int listening);

/** Sends all; fails the test when the other end has gone. */
void raw_send(struct world *world, int handle, struct bytes bytes);
/** Whether the other end closes (or resets) within PATIENCE_MS; what it sends before is dropped. */
bool raw_sees_end(struct world *world, int handle);
/** Closes with a TCP reset. */
void raw_reset(int handle);

/** How another client does TLS. Zero or NULL: as ours. */
struct raw_settings {
    int version;
    const char *group;
    const char *alpn; /**< "" for none */
};

/** Connects and does the handshake, a TLS object and its socket in `*handle`; NULL when it was
 * refused, then with the alert that came. */
SSL *raw_handshake(struct world *world, const struct raw_settings *settings, int *handle,
                   int *alert);

/** What a client of ours writes first: the bytes of a real ClientHello. */
size_t raw_client_hello(uint8_t *out, size_t room);

#endif
