/* SPDX-License-Identifier: ISC */
/* What can be judged without a profile: links, names, versions, words. */
#include "libsotto/report.h"

#include "client/store/sqlcipher.h"
#include "crypto/entropy.h"
#include "session/card.h"
#include "wire/frame.h"

#include <string.h>

int sotto_link_check(const char *text, struct sotto_link *parsed, struct sotto_error *error) {
    struct join_link link;
    enum error status = join_link_parse(bytes_of_string(text), &link);
    if (status != OK) {
        const struct report report = {.cause = "that is not an invite link",
                                      .detail = "A link begins with sotto:// and has 44 characters "
                                                "after the server's name."};
        return report_error(error, status == ERR_MALFORMED ? ERR_USAGE : status, &report);
    }
    server_address_print(&link.server, parsed->server, sizeof(parsed->server));
    pin_print(link.pin, parsed->server_key, sizeof(parsed->server_key));
    return report_error(error, OK, NULL);
}

int sotto_name_check(const char *name, char folded[SOTTO_NAME_SIZE], struct sotto_error *error) {
    struct user_name parsed;
    enum error status = user_name_parse(bytes_of_string(name), &parsed);
    const struct report report = {.peer = name, .name = name, .effect = "Nothing was changed."};
    if (status == OK) {
        memcpy(folded, parsed.text, SOTTO_NAME_SIZE);
    }
    return report_error(error, status, &report);
}

const char *sotto_trust_word(enum sotto_trust trust) {
    return trust == SOTTO_VERIFIED ? "verified" : trust == SOTTO_CHANGED ? "changed" : "unverified";
}

void sotto_versions(struct sotto_versions *versions) {
    sqlcipher_versions(versions->sqlcipher, sizeof(versions->sqlcipher), &versions->sqlite);
    versions->sotto = SOTTO_VERSION;
    versions->protocol = WIRE_ALPN;
    versions->openssl = crypto_library_version();
    versions->openssl_is_private = crypto_library_is_private();
}
