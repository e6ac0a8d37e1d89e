/* SPDX-License-Identifier: ISC */
#include "net/tls_session.h"

#include "base/require.h"
#include "wire/frame.h"

#include <openssl/err.h>

#include <string.h>

static const char EXPORTER_LABEL[] = "EXPORTER-sotto/1 device auth";

enum {
    RECORD_MAX_BYTES = 16384, /* RFC 8446 section 5.1 */
    MESSAGE_HEADER_BYTES = 4,
    RECORD_HANDSHAKE = 22,
    MESSAGE_CLIENT_HELLO = 1,
};

/* Looking costs less than clearing, and nearly always there is nothing. */
static void clear_errors(void) {
    if (ERR_peek_error() != 0) {
        ERR_clear_error();
    }
}

must_check enum error tls_session_start(struct tls_session *session,
                                        const struct tls_context *context,
                                        const struct server_pin *pin) {
    require(session->ssl == NULL && (pin != NULL) != context->is_server);
    SSL *ssl = SSL_new(context->settings);
    BIO *bio = BIO_new(context->bytes);
    if (ssl == NULL || bio == NULL) {
        BIO_free(bio);
        SSL_free(ssl);
        clear_errors();
        return ERR_MEMORY;
    }
    BIO_set_data(bio, session);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl, bio, bio);
    SSL_set_app_data(ssl, session);
    if (context->is_server) {
        SSL_set_accept_state(ssl);
    } else {
        SSL_set_connect_state(ssl);
    }
    *session = (struct tls_session){.ssl = ssl, .pin = pin};
    return OK;
}

enum tls_status tls_hello_check(struct bytes start) {
    /* u8 type, u16 version, u16 length of the record; u8 type, u24 length of the message, which has
     * to be all of the record: OpenSSL makes room for a message of any stated length. */
    const uint8_t *p = start.data;
    if ((start.size > 0 && p[0] != RECORD_HANDSHAKE) || (start.size > 1 && p[1] != 3) ||
        (start.size > 5 && p[5] != MESSAGE_CLIENT_HELLO)) {
        return TLS_FAILED;
    }
    if (start.size < TLS_RECORD_HEADER_BYTES + MESSAGE_HEADER_BYTES) {
        return TLS_WAITS;
    }
    size_t record = get_u16(p + 3);
    size_t message = ((size_t)p[6] << 16) | get_u16(p + 7);
    return record <= TLS_HELLO_MAX_BYTES && record == message + MESSAGE_HEADER_BYTES ? TLS_DONE
                                                                                     : TLS_FAILED;
}

/* What OpenSSL's answer means; empties its error queue. */
static enum tls_status status_of(struct tls_session *session, int result) {
    int reason = SSL_get_error(session->ssl, result);
    unsigned long error = ERR_peek_error();
    clear_errors();
    if (reason == SSL_ERROR_WANT_READ && session->in.size == 0) {
        return TLS_WAITS;
    }
    if (reason == SSL_ERROR_ZERO_RETURN) {
        return TLS_ENDED;
    }
    if (session->failure == TLS_FAILURE_NONE) {
        bool is_version = ERR_GET_LIB(error) == ERR_LIB_SSL &&
                          ERR_GET_REASON(error) == SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL;
        session->failure = is_version ? TLS_FAILURE_VERSION : TLS_FAILURE_PROTOCOL;
    }
    return TLS_FAILED;
}

static bool has_alpn(const SSL *ssl) {
    const unsigned char *name = NULL;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl, &name, &size);
    return bytes_equal(bytes_make(name, size), bytes_of_string(WIRE_ALPN));
}

/* The peer's part of the key exchange is of no more use once a server has answered it, and with its
 * expanded ML-KEM matrix it is a third of what an idle connection costs. The object stays with
 * `ssl`; a change of its type lets go of what it holds. */
static void drop_exchange_key(SSL *ssl) {
    EVP_PKEY *key = NULL;
    if (SSL_get_peer_tmp_key(ssl, &key) == 1) {
        EVP_PKEY_set_type(key, EVP_PKEY_X25519);
        EVP_PKEY_free(key);
    }
    clear_errors();
}

enum tls_status tls_session_handshake(struct tls_session *session,
                                      uint8_t exporter[EXPORTER_BYTES]) {
    require(session->ssl != NULL && session->out != NULL && !session->is_established);
    clear_errors();
    int result = SSL_do_handshake(session->ssl);
    enum tls_status status = result == 1 ? TLS_DONE : status_of(session, result);
    if (SSL_is_server(session->ssl)) {
        drop_exchange_key(session->ssl);
    }
    if (status != TLS_DONE) {
        return status;
    }
    if (!has_alpn(session->ssl)) {
        session->failure = TLS_FAILURE_VERSION;
        return TLS_FAILED;
    }
    if (SSL_export_keying_material(session->ssl, exporter, EXPORTER_BYTES, EXPORTER_LABEL,
                                   sizeof(EXPORTER_LABEL) - 1, (const unsigned char *)"", 0,
                                   1) != 1) {
        session->failure = TLS_FAILURE_PROTOCOL;
        return TLS_FAILED;
    }
    session->is_established = true;
    return TLS_DONE;
}

enum tls_status tls_session_read(struct tls_session *session, uint8_t *out, size_t room,
                                 size_t *size) {
    require(session->ssl != NULL && session->out != NULL && session->is_established);
    session->handshake_messages = 0;
    *size = 0;
    while (*size < room) {
        size_t got = 0;
        clear_errors();
        int result = SSL_read_ex(session->ssl, out + *size, room - *size, &got);
        if (result != 1) {
            return status_of(session, result);
        }
        *size += got;
    }
    return TLS_DONE;
}

must_check enum error tls_session_write(struct tls_session *session, struct bytes plain) {
    require(session->ssl != NULL && session->out != NULL && session->is_established);
    for (size_t at = 0; at < plain.size;) {
        size_t left = plain.size - at;
        size_t part = left < RECORD_MAX_BYTES ? left : RECORD_MAX_BYTES;
        size_t written = 0;
        clear_errors();
        if (SSL_write_ex(session->ssl, plain.data + at, part, &written) != 1) {
            clear_errors();
            return ERR_CRYPTO;
        }
        at += written;
    }
    return OK;
}

void tls_session_end(struct tls_session *session) {
    if (session->ssl != NULL && session->is_established && session->failure == TLS_FAILURE_NONE &&
        session->out != NULL) {
        (void)SSL_shutdown(session->ssl);
    }
    SSL_free(session->ssl);
    clear_errors();
    session->ssl = NULL;
    session->is_established = false;
}
