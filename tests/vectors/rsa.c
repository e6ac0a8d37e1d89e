/* SPDX-License-Identifier: ISC */
/* RSAES-OAEP with SHA-256. */
#include "crypto/kdf.h"
#include "crypto/rsa_oaep.h"
#include "suite.h"

#include <string.h>

/* No case has our label, so the door of the product has to answer each with the value made from
 * `reject`, and with nothing else. */
static bool is_rejected_unseen(const struct field *pkcs8, const struct field *ciphertext) {
    struct rsa_private key = {.size = pkcs8->size, .reject = {{1, 2, 3}}};
    struct bytes sealed = field_view(ciphertext);
    struct secret_32 opened;
    uint8_t fake[TAG_BYTES];
    if (ciphertext->size != RSA_CIPHERTEXT_BYTES) {
        return true; /* does not fit the argument */
    }
    if (pkcs8->size > sizeof(key.pkcs8)) {
        return false;
    }
    memcpy(key.pkcs8, pkcs8->data, pkcs8->size);
    return hmac_sha256(&key.reject, &sealed, 1, fake) == OK &&
           rsa_decrypt(&key, ciphertext->data, &opened) == OK &&
           secret_equal(bytes_of(opened.bytes), bytes_of(fake));
}

enum verdict run_rsa_oaep(const struct vector_case *c) {
    struct field pkcs8;
    struct field label;
    struct field message;
    struct field ciphertext;
    uint8_t opened[RSA_MODULUS_BYTES];
    size_t size = 0;
    unsigned good = 0;
    field_read(c->group, "privateKeyPkcs8", &pkcs8);
    field_read(c->test, "label", &label);
    field_read(c->test, "msg", &message);
    field_read(c->test, "ct", &ciphertext);
    enum error error = rsa_oaep_decrypt(field_view(&pkcs8), field_view(&label),
                                        field_view(&ciphertext), opened, &size, &good);
    bool agrees = error == OK && good == (is_valid(c) ? 1u : 0u);
    if (is_valid(c)) {
        agrees = agrees && bytes_equal(bytes_make(opened, size), field_view(&message));
    }
    return verdict_of(agrees && is_rejected_unseen(&pkcs8, &ciphertext));
}
