/* SPDX-License-Identifier: ISC */
#include "crypto/pem.h"

#include "base/require.h"

#include <openssl/evp.h>

#include <string.h>

enum { LINE_BYTES = 48, LINE_CHARACTERS = 64 };

static char *put(char *at, const char *text) {
    size_t size = strlen(text);
    memcpy(at, text, size + 1);
    return at + size;
}

void pem_public_key(struct bytes der, char *out, size_t size) {
    require(size >= PEM_PUBLIC_KEY_SIZE(der.size));
    char *at = put(out, "-----BEGIN PUBLIC KEY-----\n");
    while (der.size > 0) {
        size_t part = der.size < LINE_BYTES ? der.size : (size_t)LINE_BYTES;
        uint8_t line[LINE_CHARACTERS + 1];
        int written = EVP_EncodeBlock(line, der.data, (int)part);
        require(written > 0 && written <= LINE_CHARACTERS);
        memcpy(at, line, (size_t)written);
        at = put(at + written, "\n");
        der = bytes_make(der.data + part, der.size - part);
    }
    (void)put(at, "-----END PUBLIC KEY-----\n");
}
