/* SPDX-License-Identifier: ISC */
#include "sottod/invite.h"

#include <stdio.h>
#include <string.h>
#include <uv.h>

void key_print(const uint8_t spki_hash[32], char *out, size_t size) {
    uint8_t pin[PIN_BYTES];
    pin_of_hash(spki_hash, pin);
    pin_print(pin, out, size);
}

must_check enum error invite_make(const struct random_source *random, const uint8_t spki_hash[32],
                                  const char *host, uint64_t expires_ms, bool is_admin,
                                  struct store_invite *invite, char link[LINK_MAX_CHARACTERS + 1]) {
    struct join_link parts;
    memset(&parts, 0, sizeof(parts));
    enum error error = server_address_parse(bytes_of_string(host), &parts.server);
    if (error == OK) {
        error = random_fill(random, parts.token, sizeof(parts.token));
    }
    if (error == OK) {
        const struct bytes token = bytes_of(parts.token);
        *invite = (struct store_invite){.expires_ms = expires_ms, .is_admin = is_admin};
        error = sha256(&token, 1, invite->token_hash);
    }
    if (error == OK) {
        pin_of_hash(spki_hash, parts.pin);
        error = join_link_print(&parts, link, LINK_MAX_CHARACTERS + 1);
    }
    wipe(&parts, sizeof(parts));
    return error;
}

static bool is_loopback(const char *host) {
    return strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0 ||
           strcmp(host, "localhost") == 0;
}

static bool is_any(const char *host) {
    return strcmp(host, "::") == 0 || strcmp(host, "0.0.0.0") == 0;
}

/* IPv4 first: people read it to each other. IPv6 addresses of one link only are no use in a link.
 */
static bool first_address(char *out, size_t size) {
    uv_interface_address_t *all = NULL;
    int count = 0;
    bool found = false;
    if (uv_interface_addresses(&all, &count) != 0) {
        return false;
    }
    for (int family = AF_INET; !found; family = AF_INET6) {
        for (int i = 0; i < count && !found; i++) {
            const uv_interface_address_t *one = &all[i];
            if (one->is_internal || one->address.address4.sin_family != family) {
                continue;
            }
            if (family == AF_INET) {
                found = uv_ip4_name(&one->address.address4, out, size) == 0;
            } else {
                const uint8_t *bytes = one->address.address6.sin6_addr.s6_addr;
                bool is_link_local = bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80;
                found = !is_link_local && uv_ip6_name(&one->address.address6, out, size) == 0;
            }
        }
        if (family == AF_INET6) {
            break;
        }
    }
    uv_free_interface_addresses(all, count);
    return found;
}

void public_address(const char *bind, uint16_t port, char *out, size_t size) {
    struct server_address address;
    memset(&address, 0, sizeof(address));
    address.port = port;
    if (bind != NULL && is_loopback(bind)) {
        snprintf(address.host, sizeof(address.host), "localhost");
    } else if (bind != NULL && !is_any(bind)) {
        snprintf(address.host, sizeof(address.host), "%s", bind);
    } else if (!first_address(address.host, sizeof(address.host))) {
        snprintf(address.host, sizeof(address.host), "localhost");
    }
    server_address_print(&address, out, size);
}

bool is_private_address(const char *host) {
    struct server_address address;
    struct in_addr v4;
    struct in6_addr v6;
    if (server_address_parse(bytes_of_string(host), &address) != OK) {
        return false;
    }
    if (uv_inet_pton(AF_INET, address.host, &v4) == 0) {
        const uint8_t *b = (const uint8_t *)&v4;
        return b[0] == 10 || b[0] == 127 || (b[0] == 172 && (b[1] & 0xf0) == 16) ||
               (b[0] == 192 && b[1] == 168) || (b[0] == 100 && (b[1] & 0xc0) == 64) ||
               (b[0] == 169 && b[1] == 254);
    }
    if (uv_inet_pton(AF_INET6, address.host, &v6) == 0) {
        return (v6.s6_addr[0] & 0xfe) == 0xfc || is_loopback(address.host);
    }
    return is_loopback(address.host);
}
