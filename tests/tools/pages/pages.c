/* SPDX-License-Identifier: ISC */
/* What a thief with the key reads in a client's store: every page of the database and every frame
 * of its write-ahead log, decrypted, also those that no row uses any more.
 *
 *   pages KEYFILE DATABASE PASSPHRASE
 *
 * writes them one after the other to stdout and "PAGES FRAMES" to stderr. Exit: 0; 1 with the
 * reason on stderr, also when a page does not authenticate.
 *
 * SQLCipher 4 with a raw key: pages of 4096 bytes, AES-256-CBC without padding, at the end of each
 * an IV and an HMAC-SHA512 over data, IV and the page's number (little endian). The first 16 bytes
 * of the file are a salt; the key of the HMAC is PBKDF2-HMAC-SHA512 of the key, two rounds, salt
 * XOR 0x3a. */
#include "client/store/key_file.h"
#include "platform/files.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <stdio.h>
#include <string.h>

enum {
    PAGE_BYTES = 4096,
    SALT_BYTES = 16,
    IV_BYTES = 16,
    MAC_BYTES = 64,
    DATA_BYTES = PAGE_BYTES - IV_BYTES - MAC_BYTES,
    WAL_HEADER_BYTES = 32,
    FRAME_HEADER_BYTES = 24,
};

struct keys {
    struct secret_32 encrypt;
    uint8_t mac[32];
    uint8_t salt[SALT_BYTES];
};

static int fail(const char *what) {
    (void)fprintf(stderr, "pages: %s\n", what);
    return 1;
}

static bool is_authentic(const struct keys *keys, const uint8_t *page, size_t from,
                         uint32_t number) {
    uint8_t input[PAGE_BYTES];
    uint8_t mac[MAC_BYTES];
    unsigned size = 0;
    size_t signed_bytes = DATA_BYTES + IV_BYTES - from;
    memcpy(input, page + from, signed_bytes);
    for (size_t i = 0; i < 4; i++) {
        input[signed_bytes + i] = (uint8_t)(number >> (8 * i));
    }
    return HMAC(EVP_sha512(), keys->mac, sizeof(keys->mac), input, signed_bytes + 4, mac, &size) !=
               NULL &&
           memcmp(mac, page + DATA_BYTES + IV_BYTES, MAC_BYTES) == 0;
}

static bool decrypt(const struct keys *keys, const uint8_t *page, size_t from, uint8_t *out) {
    int size = 0;
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    bool done =
        context != NULL &&
        EVP_DecryptInit_ex2(context, EVP_aes_256_cbc(), keys->encrypt.bytes, page + DATA_BYTES,
                            NULL) == 1 &&
        EVP_CIPHER_CTX_set_padding(context, 0) == 1 &&
        EVP_DecryptUpdate(context, out + from, &size, page + from, (int)(DATA_BYTES - from)) == 1;
    EVP_CIPHER_CTX_free(context);
    return done && size == (int)(DATA_BYTES - from);
}

/* Page 1 begins with the salt, in clear. */
static int write_page(const struct keys *keys, const uint8_t *page, uint32_t number) {
    uint8_t out[DATA_BYTES] = {0};
    size_t from = number == 1 ? SALT_BYTES : 0;
    if (!is_authentic(keys, page, from, number) || !decrypt(keys, page, from, out)) {
        return fail("a page does not authenticate");
    }
    return fwrite(out, sizeof(out), 1, stdout) == 1 ? 0 : fail("cannot write");
}

static int derive(const char *path, struct keys *keys) {
    uint8_t mac_salt[SALT_BYTES];
    FILE *file = fopen(path, "rb");
    bool is_read = file != NULL && fread(keys->salt, sizeof(keys->salt), 1, file) == 1;
    if (file != NULL) {
        (void)fclose(file);
    }
    if (!is_read) {
        return fail("the database cannot be read");
    }
    for (size_t i = 0; i < SALT_BYTES; i++) {
        mac_salt[i] = keys->salt[i] ^ 0x3a;
    }
    return PKCS5_PBKDF2_HMAC((const char *)keys->encrypt.bytes, sizeof(keys->encrypt.bytes),
                             mac_salt, sizeof(mac_salt), 2, EVP_sha512(), sizeof(keys->mac),
                             keys->mac) == 1
               ? 0
               : fail("no key for the HMAC");
}

static int write_database(const struct keys *keys, const char *path, uint32_t *count) {
    uint8_t page[PAGE_BYTES];
    FILE *file = fopen(path, "rb");
    int status = file == NULL ? fail("the database cannot be read") : 0;
    while (status == 0 && fread(page, sizeof(page), 1, file) == 1) {
        status = write_page(keys, page, ++*count);
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return status;
}

/* Frames of earlier rounds, too: the log is written again from its beginning, not emptied. */
static int write_log(const struct keys *keys, const char *path, uint32_t *count) {
    char name[4096];
    uint8_t header[WAL_HEADER_BYTES];
    uint8_t page[PAGE_BYTES];
    (void)snprintf(name, sizeof(name), "%s-wal", path);
    FILE *file = fopen(name, "rb");
    if (file == NULL) {
        return 0;
    }
    int status = 0;
    if (fread(header, WAL_HEADER_BYTES, 1, file) == 1) {
        while (status == 0 && fread(header, FRAME_HEADER_BYTES, 1, file) == 1 &&
               fread(page, sizeof(page), 1, file) == 1) {
            ++*count;
            status = write_page(keys, page, get_u32(header));
        }
    }
    (void)fclose(file);
    return status;
}

int main(int argc, char **argv) {
    struct buffer file;
    struct keys keys;
    unsigned mode = 0;
    uint32_t pages = 0;
    uint32_t frames = 0;
    if (argc != 4) {
        return fail("usage: pages KEYFILE DATABASE PASSPHRASE");
    }
    buffer_init(&file, KEY_FILE_MAX_BYTES);
    if (file_read_private(argv[1], &file, &mode) != OK ||
        key_file_open(buffer_view(&file), bytes_of_string(argv[3]), &keys.encrypt) != OK) {
        return fail("the key file does not open");
    }
    int status = derive(argv[2], &keys);
    if (status == 0) {
        status = write_database(&keys, argv[2], &pages);
    }
    if (status == 0) {
        status = write_log(&keys, argv[2], &frames);
    }
    (void)fprintf(stderr, "%u %u\n", pages, frames);
    secret_32_clear(&keys.encrypt);
    buffer_clear(&file);
    return status;
}
