/* SPDX-License-Identifier: ISC */
/* One end of a TLS connection over plain memory: what came from the network is handed in, what is
 * to go there is appended to a buffer. It knows no sockets and no time. Internal. */
#ifndef SOTTO_NET_TLS_SESSION_H
#define SOTTO_NET_TLS_SESSION_H

#include "net/client.h"
#include "net/tls_context.h"

enum tls_status {
    TLS_DONE,   /**< the step is complete */
    TLS_WAITS,  /**< all input is used up and more is needed */
    TLS_ENDED,  /**< the other end said goodbye (close_notify) */
    TLS_FAILED, /**< see `failure`; an alert may stand in the output */
};

/** Why it failed. */
enum tls_failure {
    TLS_FAILURE_NONE,
    TLS_FAILURE_PROTOCOL, /**< what came is not the TLS that sotto speaks */
    TLS_FAILURE_VERSION,  /**< no ALPN name in common */
    TLS_FAILURE_KEY,      /**< the server's key is not the pinned one */
};

/** Invariant: `ssl` is NULL before tls_session_start and after tls_session_end. */
struct tls_session {
    SSL *ssl;
    struct bytes in;              /**< not yet read by TLS */
    struct buffer *out;           /**< where records go; set by the caller before every call */
    unsigned handshake_messages;  /**< after the handshake, in the input of one call */
    const struct server_pin *pin; /**< a client's; lives as long as the session */
    uint8_t spki_hash[SPKI_HASH_BYTES]; /**< a client's: of the key that the server showed */
    bool is_established;
    enum tls_failure failure;
};

/** Makes the TLS object. ERR_MEMORY. `pin` is NULL on a server. */
must_check enum error tls_session_start(struct tls_session *session,
                                        const struct tls_context *context,
                                        const struct server_pin *pin);

/** Whether `start`, the first bytes of a connection, can begin a TLS ClientHello of a size that
 * sotto takes. TLS_DONE, TLS_WAITS (too few to say), TLS_FAILED. Costs no memory. */
enum tls_status tls_hello_check(struct bytes start);
enum {
    TLS_RECORD_HEADER_BYTES = 5,
    TLS_HELLO_MAX_BYTES = 4100, /**< of the whole message; ours have about 1,500 */
};

/** Goes on with the handshake. TLS_DONE: `exporter` is filled and the session is established. */
enum tls_status tls_session_handshake(struct tls_session *session,
                                      uint8_t exporter[EXPORTER_BYTES]);

/** Decrypts into `out` until input or room runs out; `*size` bytes came, whatever the status is. */
enum tls_status tls_session_read(struct tls_session *session, uint8_t *out, size_t room,
                                 size_t *size);

/** Encrypts `plain` whole, into as few records as possible. ERR_CRYPTO, ERR_LIMIT, ERR_MEMORY. */
must_check enum error tls_session_write(struct tls_session *session, struct bytes plain);

/** Appends close_notify when established, and frees the TLS object. */
void tls_session_end(struct tls_session *session);

#endif
