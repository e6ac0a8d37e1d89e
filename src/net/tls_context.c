/* SPDX-License-Identifier: ISC */
#include "net/tls_context.h"

#include "base/weaken.h"
#include "net/tls_session.h"
#include "wire/frame.h"

#include <openssl/err.h>

#include <string.h>

static const char GROUP[] = "X25519MLKEM768";
static const char SIGNATURE[] = "ed25519";
static const char CIPHERS[] = "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";

enum {
    GROUP_CODE = 0x11ec, /* X25519MLKEM768 in the registry of TLS groups */
    CERTIFICATE_LIST_MAX_BYTES = 4096,
    HANDSHAKE_MESSAGES_MAX = 8, /* after the handshake, in one read of the socket */
    ALPN_LIST_BYTES = sizeof(WIRE_ALPN),
};

/* The list of protocol names as TLS writes it: a length byte and the name. */
static void alpn_list(uint8_t list[ALPN_LIST_BYTES]) {
    list[0] = sizeof(WIRE_ALPN) - 1;
    memcpy(list + 1, WIRE_ALPN, sizeof(WIRE_ALPN) - 1);
}

/* --- bytes: how TLS reads and writes the buffers of its session --- */

static int bytes_read(BIO *bio, char *out, size_t room, size_t *size) {
    struct tls_session *session = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    *size = 0;
    if (session->handshake_messages > HANDSHAKE_MESSAGES_MAX) {
        return 0; /* a flood of key updates: ends the connection, as the end of input would */
    }
    if (session->in.size == 0) {
        BIO_set_retry_read(bio);
        return 0;
    }
    *size = room < session->in.size ? room : session->in.size;
    memcpy(out, session->in.data, *size);
    session->in = bytes_make(session->in.data + *size, session->in.size - *size);
    return 1;
}

static int bytes_write(BIO *bio, const char *data, size_t size, size_t *written) {
    struct tls_session *session = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    bool done = buffer_append(session->out, bytes_make(data, size)) == OK;
    *written = done ? size : 0;
    return done ? 1 : 0;
}

static long bytes_control(BIO *bio, int command, long number, void *pointer) {
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

static BIO_METHOD *bytes_method(void) {
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "sotto bytes");
    if (method != NULL && BIO_meth_set_read_ex(method, bytes_read) == 1 &&
        BIO_meth_set_write_ex(method, bytes_write) == 1 &&
        BIO_meth_set_ctrl(method, bytes_control) == 1) {
        return method;
    }
    BIO_meth_free(method);
    return NULL;
}

/* --- both sides --- */

/* After the handshake the other end may still send key updates, and a server tickets, for as long
 * as it likes: each costs work and none is a reason to. They are counted here and stopped in
 * bytes_read. */
static void count_message(int writing, int version, int type, const void *data, size_t size,
                          SSL *ssl, void *context) {
    (void)version;
    (void)data;
    (void)size;
    (void)context;
    struct tls_session *session = SSL_get_app_data(ssl);
    if (writing == 0 && type == SSL3_RT_HANDSHAKE && session->is_established) {
        session->handshake_messages++;
    }
}

static bool set_common(SSL_CTX *settings) {
    SSL_CTX_set_session_cache_mode(settings, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(settings, SSL_OP_NO_TICKET);
    SSL_CTX_set_mode(settings, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(settings, 0);
    SSL_CTX_set_max_cert_list(settings, CERTIFICATE_LIST_MAX_BYTES);
    SSL_CTX_set_msg_callback(settings, count_message);
    return SSL_CTX_set_min_proto_version(settings, TLS1_3_VERSION) == 1 &&
           SSL_CTX_set_max_proto_version(settings, TLS1_3_VERSION) == 1 &&
           SSL_CTX_set_ciphersuites(settings, CIPHERS) == 1 &&
           SSL_CTX_set1_groups_list(settings, GROUP) == 1 &&
           SSL_CTX_set1_sigalgs_list(settings, SIGNATURE) == 1;
}

static enum error begin(struct tls_context *context, bool is_server) {
    *context = (struct tls_context){.is_server = is_server};
    context->settings = SSL_CTX_new(is_server ? TLS_server_method() : TLS_client_method());
    context->bytes = bytes_method();
    if (context->settings == NULL || context->bytes == NULL) {
        return ERR_MEMORY;
    }
    return set_common(context->settings) ? OK : ERR_CRYPTO;
}

static enum error finish(struct tls_context *context, enum error error) {
    ERR_clear_error();
    if (error != OK) {
        tls_context_clear(context);
    }
    return error;
}

void tls_context_clear(struct tls_context *context) {
    SSL_CTX_free(context->settings);
    BIO_meth_free(context->bytes);
    *context = (struct tls_context){0};
}

/* --- server --- */

/* Whether a key_share extension (RFC 8446 section 4.2.8) has an entry for our group. */
static bool has_key_share(const unsigned char *data, size_t size) {
    if (size < 2 || get_u16(data) != size - 2) {
        return false;
    }
    for (size_t at = 2; size - at >= 4;) {
        size_t length = get_u16(data + at + 2);
        if (get_u16(data + at) == GROUP_CODE) {
            return true;
        }
        if (length > size - at - 4) {
            return false;
        }
        at += 4 + length;
    }
    return false;
}

/* Refuses at once what OpenSSL would go on with: a client without ALPN, and one that would have to
 * be asked for another key share. With no second ClientHello, tls_hello_check bounds every
 * handshake message there is. */
static int check_hello(SSL *ssl, int *alert, void *context) {
    (void)context;
    const unsigned char *data = NULL;
    size_t size = 0;
    if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_supported_versions, &data, &size) != 1) {
        *alert = SSL_AD_PROTOCOL_VERSION;
        return SSL_CLIENT_HELLO_ERROR;
    }
    if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation, &data,
                                  &size) != 1) {
        *alert = SSL_AD_NO_APPLICATION_PROTOCOL;
        return SSL_CLIENT_HELLO_ERROR;
    }
    if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_key_share, &data, &size) != 1 ||
        !has_key_share(data, size)) {
        *alert = SSL_AD_HANDSHAKE_FAILURE;
        return SSL_CLIENT_HELLO_ERROR;
    }
    return SSL_CLIENT_HELLO_SUCCESS;
}

static int choose_alpn(SSL *ssl, const unsigned char **chosen, unsigned char *chosen_size,
                       const unsigned char *offered, unsigned offered_size, void *context) {
    (void)ssl;
    (void)context;
    static const char NAME[] = WIRE_ALPN;
    for (unsigned at = 0; at < offered_size;) {
        unsigned size = offered[at++];
        if (size > offered_size - at) {
            break;
        }
        if (bytes_equal(bytes_make(offered + at, size), bytes_of_string(NAME))) {
            *chosen = offered + at;
            *chosen_size = (unsigned char)size;
            return SSL_TLSEXT_ERR_OK;
        }
        at += size;
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL; /* no_application_protocol */
}

must_check enum error tls_context_server(struct tls_context *context,
                                         const struct tls_identity *identity) {
    enum error error = begin(context, true);
    if (error == OK) {
        SSL_CTX_set_client_hello_cb(context->settings, check_hello, NULL);
        SSL_CTX_set_alpn_select_cb(context->settings, choose_alpn, NULL);
        bool done = SSL_CTX_set_num_tickets(context->settings, 0) == 1 &&
                    SSL_CTX_set_max_early_data(context->settings, 0) == 1 &&
                    SSL_CTX_use_certificate(context->settings, identity->certificate) == 1 &&
                    SSL_CTX_use_PrivateKey(context->settings, identity->key) == 1;
        error = done ? OK : ERR_CRYPTO;
    }
    return finish(context, error);
}

/* --- client --- */

static bool fits(const struct server_pin *pin, const uint8_t hash[SPKI_HASH_BYTES]) {
    if (pin->has_next && memcmp(pin->next, hash, SPKI_HASH_BYTES) == 0) {
        return true;
    }
    size_t whole = pin->bits / 8;
    unsigned rest = pin->bits % 8;
    if (memcmp(pin->hash, hash, whole) != 0) {
        return false;
    }
    return rest == 0 || (pin->hash[whole] ^ hash[whole]) >> (8 - rest) == 0;
}

/* Stands in for all of X.509's verification: the pin decides, while the handshake can still be
 * broken off. That the server holds the key, TLS itself checks (CertificateVerify). */
static int check_pin(X509_STORE_CTX *store, void *context) {
    (void)context;
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    X509 *certificate = X509_STORE_CTX_get0_cert(store);
    struct tls_session *session = ssl == NULL ? NULL : SSL_get_app_data(ssl);
    if (session != NULL && certificate != NULL &&
        spki_hash(certificate, session->spki_hash) == OK) {
        if (fits(session->pin, session->spki_hash) || weakened(WEAK_NO_TLS_PIN)) {
            return 1;
        }
        session->failure = TLS_FAILURE_KEY;
    }
    X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
    return 0;
}

must_check enum error tls_context_client(struct tls_context *context) {
    enum error error = begin(context, false);
    if (error == OK) {
        uint8_t alpn[ALPN_LIST_BYTES];
        alpn_list(alpn);
        SSL_CTX_set_verify(context->settings, SSL_VERIFY_PEER, NULL);
        SSL_CTX_set_cert_verify_callback(context->settings, check_pin, NULL);
        /* Alone among these functions it answers 0 for success. */
        error =
            SSL_CTX_set_alpn_protos(context->settings, alpn, sizeof(alpn)) == 0 ? OK : ERR_CRYPTO;
    }
    return finish(context, error);
}
