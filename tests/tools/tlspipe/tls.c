/* SPDX-License-Identifier: ISC */
#include "tlspipe.h"

#include "base/text.h"

#include <openssl/err.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HASH_BYTES = 32, LINE_BYTES = 512, ALPN_MAX_BYTES = 255 };

static const char EXPORTER_LABEL[] = "EXPORTER-sotto/1 device auth";

void spki_hex(X509 *certificate, char *out) {
    unsigned char *der = NULL;
    uint8_t hash[HASH_BYTES];
    int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
    if (size <= 0 || EVP_Digest(der, (size_t)size, hash, NULL, EVP_sha256(), NULL) != 1) {
        die("certificate", "its key can't be encoded");
    }
    OPENSSL_free(der);
    hex_encode(bytes_of(hash), out);
}

/* --- settings --- */

static int any_certificate(X509_STORE_CTX *store, void *context) {
    (void)store;
    (void)context;
    return 1;
}

static int choose_alpn(SSL *ssl, const unsigned char **chosen, unsigned char *chosen_size,
                       const unsigned char *offered, unsigned offered_size, void *context) {
    (void)ssl;
    const struct options *options = context;
    size_t size = strlen(options->alpn);
    for (unsigned at = 0; at < offered_size; at += 1u + offered[at]) {
        if (offered[at] == size && offered_size - at > size &&
            memcmp(offered + at + 1, options->alpn, size) == 0) {
            *chosen = offered + at + 1;
            *chosen_size = (unsigned char)size;
            return SSL_TLSEXT_ERR_OK;
        }
    }
    return size == 0 ? SSL_TLSEXT_ERR_NOACK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

static bool offer_alpn(SSL_CTX *settings, const char *name) {
    uint8_t list[ALPN_MAX_BYTES + 1];
    size_t size = strlen(name);
    if (size > ALPN_MAX_BYTES) {
        return false;
    }
    list[0] = (uint8_t)size;
    memcpy(list + 1, name, size);
    return size == 0 || SSL_CTX_set_alpn_protos(settings, list, (unsigned)size + 1) == 0;
}

static bool set_side(SSL_CTX *settings, const struct options *options) {
    if (!options->is_server) {
        /* Any key is taken here; main compares it with --pin. */
        SSL_CTX_set_verify(settings, SSL_VERIFY_PEER, NULL);
        SSL_CTX_set_cert_verify_callback(settings, any_certificate, NULL);
        return offer_alpn(settings, options->alpn);
    }
    SSL_CTX_set_alpn_select_cb(settings, choose_alpn, (void *)(uintptr_t)options);
    return SSL_CTX_set_num_tickets(settings, 0) == 1 &&
           SSL_CTX_use_certificate_chain_file(settings, options->key_file) == 1 &&
           SSL_CTX_use_PrivateKey_file(settings, options->key_file, SSL_FILETYPE_PEM) == 1;
}

SSL_CTX *tls_settings(const struct options *options) {
    SSL_CTX *settings = SSL_CTX_new(TLS_method());
    int version = options->is_tls12 ? TLS1_2_VERSION : TLS1_3_VERSION;
    if (settings == NULL || SSL_CTX_set_min_proto_version(settings, version) != 1 ||
        SSL_CTX_set_max_proto_version(settings, version) != 1 ||
        SSL_CTX_set1_groups_list(settings, options->group) != 1 || !set_side(settings, options)) {
        die("settings", ERR_reason_error_string(ERR_peek_error()));
    }
    SSL_CTX_set_session_cache_mode(settings, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(settings, SSL_OP_NO_TICKET);
    return settings;
}

/* --- one connection --- */

static void write_line(int report, const char *line) {
    size_t size = strlen(line);
    if (write(report, line, size) != (ssize_t)size) {
        die("report", "cannot be written");
    }
}

/* The number of the alert that the other end sent, or 0: OpenSSL adds 1000 to it. */
static int alert_of(unsigned long error) {
    int reason = ERR_GET_REASON(error);
    return ERR_GET_LIB(error) == ERR_LIB_SSL && reason >= SSL_AD_REASON_OFFSET
               ? reason - SSL_AD_REASON_OFFSET
               : 0;
}

SSL *tls_begin(SSL_CTX *settings, const struct options *options, int tcp, int report) {
    SSL *ssl = SSL_new(settings);
    if (ssl == NULL || SSL_set_fd(ssl, tcp) != 1) {
        die("TLS", "out of memory");
    }
    int result = options->is_server ? SSL_accept(ssl) : SSL_connect(ssl);
    if (result == 1) {
        return ssl;
    }
    unsigned long error = ERR_peek_error();
    const char *reason = ERR_reason_error_string(error);
    char line[LINE_BYTES];
    (void)snprintf(line, sizeof(line), "{\"error\": \"tls\", \"alert\": %d, \"reason\": \"%s\"}\n",
                   alert_of(error), reason == NULL ? "closed" : reason);
    write_line(report, line);
    SSL_free(ssl);
    return NULL;
}

void tls_report(SSL *ssl, int report) {
    uint8_t exporter[HASH_BYTES];
    char exporter_hex[2 * HASH_BYTES + 1];
    char spki[2 * HASH_BYTES + 1] = "";
    char name[ALPN_MAX_BYTES + 1] = "";
    const unsigned char *alpn = NULL;
    unsigned alpn_size = 0;
    if (SSL_export_keying_material(ssl, exporter, sizeof(exporter), EXPORTER_LABEL,
                                   sizeof(EXPORTER_LABEL) - 1, (const unsigned char *)"", 0,
                                   1) != 1) {
        die("TLS", "nothing can be exported");
    }
    hex_encode(bytes_of(exporter), exporter_hex);
    X509 *certificate =
        SSL_is_server(ssl) ? SSL_get_certificate(ssl) : SSL_get0_peer_certificate(ssl);
    if (certificate != NULL) {
        spki_hex(certificate, spki);
    }
    SSL_get0_alpn_selected(ssl, &alpn, &alpn_size);
    if (alpn_size > 0 && alpn_size < sizeof(name)) {
        memcpy(name, alpn, alpn_size);
    }
    const char *group = SSL_group_to_name(ssl, (int)SSL_get_negotiated_group(ssl));
    char line[LINE_BYTES];
    (void)snprintf(
        line, sizeof(line),
        "{\"exporter\": \"%s\", \"spki\": \"%s\", \"alpn\": \"%s\", \"version\": \"%s\", "
        "\"group\": \"%s\"}\n",
        exporter_hex, spki, name, SSL_get_version(ssl), group == NULL ? "" : group);
    write_line(report, line);
}
