/* SPDX-License-Identifier: ISC */
#include "net/identity.h"

#include "crypto/kdf.h"
#include "net/tls_context.h"

#include <openssl/err.h>

#include <stdlib.h>
#include <string.h>

/* Clients judge the key and nothing else of the certificate, so it says as little as X.509 allows:
 * a fixed name and the lifetime without an end of RFC 5280 section 4.1.2.5. */
static const char SUBJECT[] = "sotto";
static const char NOT_BEFORE[] = "20200101000000Z";
static const char NOT_AFTER[] = "99991231235959Z";

static bool fill_certificate(X509 *certificate, EVP_PKEY *key) {
    X509_NAME *name = X509_get_subject_name(certificate);
    return X509_set_version(certificate, X509_VERSION_3) == 1 &&
           ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1) == 1 &&
           ASN1_TIME_set_string_X509(X509_getm_notBefore(certificate), NOT_BEFORE) == 1 &&
           ASN1_TIME_set_string_X509(X509_getm_notAfter(certificate), NOT_AFTER) == 1 &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)SUBJECT, -1,
                                      -1, 0) == 1 &&
           X509_set_issuer_name(certificate, name) == 1 && X509_set_pubkey(certificate, key) == 1 &&
           X509_sign(certificate, key, NULL) > 0;
}

static enum error append_pem(EVP_PKEY *key, X509 *certificate, struct buffer *pem) {
    /* Its memory is wiped when it is freed (BUF_MEM_free). */
    BIO *bio = BIO_new(BIO_s_mem());
    enum error error = ERR_CRYPTO;
    char *text = NULL;
    if (bio != NULL && PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1 &&
        PEM_write_bio_X509(bio, certificate) == 1) {
        long size = BIO_get_mem_data(bio, &text);
        error = size > 0 ? buffer_append(pem, bytes_make(text, (size_t)size)) : ERR_CRYPTO;
    }
    BIO_free(bio);
    return error;
}

must_check enum error tls_identity_generate(struct buffer *pem) {
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    X509 *certificate = X509_new();
    enum error error = ERR_CRYPTO;
    if (key != NULL && certificate != NULL && fill_certificate(certificate, key)) {
        error = append_pem(key, certificate, pem);
    }
    X509_free(certificate);
    EVP_PKEY_free(key);
    ERR_clear_error();
    return error;
}

must_check enum error spki_hash(X509 *certificate, uint8_t hash[SPKI_HASH_BYTES]) {
    unsigned char *der = NULL;
    int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
    if (size <= 0) {
        return ERR_MALFORMED;
    }
    const struct bytes part = bytes_make(der, (size_t)size);
    enum error error = sha256(&part, 1, hash);
    OPENSSL_free(der);
    return error;
}

/* The file has no passphrase, and nobody is asked for one. */
static int no_passphrase(char *out, int size, int writing, void *context) {
    (void)out;
    (void)size;
    (void)writing;
    (void)context;
    return -1;
}

static enum error read_pem(struct bytes pem, struct tls_identity *identity) {
    if (pem.size == 0 || pem.size > INT32_MAX) {
        return ERR_MALFORMED;
    }
    BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.size);
    if (bio == NULL) {
        return ERR_MEMORY;
    }
    identity->key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
    identity->certificate = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL);
    BIO_free(bio);
    if (identity->key == NULL || identity->certificate == NULL ||
        EVP_PKEY_is_a(identity->key, "ED25519") != 1 ||
        X509_check_private_key(identity->certificate, identity->key) != 1) {
        return ERR_MALFORMED;
    }
    return spki_hash(identity->certificate, identity->hash);
}

must_check enum error tls_identity_load(struct bytes pem, struct tls_identity **identity) {
    *identity = NULL;
    struct tls_identity *loaded = calloc(1, sizeof(*loaded));
    if (loaded == NULL) {
        return ERR_MEMORY;
    }
    enum error error = read_pem(pem, loaded);
    ERR_clear_error();
    if (error != OK) {
        tls_identity_free(loaded);
        return error;
    }
    *identity = loaded;
    return OK;
}

void tls_identity_free(struct tls_identity *identity) {
    if (identity != NULL) {
        X509_free(identity->certificate);
        EVP_PKEY_free(identity->key);
        free(identity);
    }
}

const uint8_t *tls_identity_hash(const struct tls_identity *identity) {
    return identity->hash;
}
