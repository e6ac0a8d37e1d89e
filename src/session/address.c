/* SPDX-License-Identifier: ISC */
/* HOST[:PORT] as people write it. */
#include "session/card.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static uint8_t lower(uint8_t c) {
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
}

static bool is_digit(uint8_t c) {
    return c >= '0' && c <= '9';
}

static bool is_name_character(uint8_t c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || c == '-' || c == '.' || c == '_';
}

/** Of an IPv6 address: hex digits, colons, dots; behind a % a zone. */
static bool is_v6(const char *host) {
    size_t colons = 0;
    size_t at = 0;
    for (; host[at] != '\0' && host[at] != '%'; at++) {
        uint8_t c = (uint8_t)host[at];
        if (c == ':') {
            colons++;
        } else if (!is_digit(c) && !(c >= 'a' && c <= 'f') && c != '.') {
            return false;
        }
    }
    if (host[at] == '%' && host[at + 1] == '\0') {
        return false;
    }
    for (at += host[at] == '%' ? 1 : 0; host[at] != '\0'; at++) {
        if (!is_name_character((uint8_t)host[at])) {
            return false;
        }
    }
    return colons >= 2;
}

static bool is_name(const char *host) {
    for (size_t i = 0; host[i] != '\0'; i++) {
        if (!is_name_character((uint8_t)host[i])) {
            return false;
        }
    }
    return host[0] != '\0' && host[0] != '-' && host[0] != '.';
}

/** 1 to 65535 in at most five digits. */
static enum error parse_port(struct bytes text, uint16_t *port) {
    uint32_t value = 0;
    if (text.size == 0 || text.size > 5) {
        return ERR_MALFORMED;
    }
    for (size_t i = 0; i < text.size; i++) {
        if (!is_digit(text.data[i])) {
            return ERR_MALFORMED;
        }
        value = value * 10 + (uint32_t)(text.data[i] - '0');
    }
    *port = (uint16_t)value;
    return value >= 1 && value <= UINT16_MAX ? OK : ERR_MALFORMED;
}

must_check enum error server_address_parse(struct bytes text, struct server_address *address) {
    memset(address, 0, sizeof(*address));
    bool is_bracketed = text.size > 0 && text.data[0] == '[';
    uint8_t end_mark = is_bracketed ? ']' : ':';
    size_t start = is_bracketed ? 1 : 0;
    size_t end = start;
    while (end < text.size && text.data[end] != end_mark) {
        end++;
    }
    size_t size = end - start;
    if (size > HOST_MAX_BYTES || (is_bracketed && end == text.size)) {
        return ERR_MALFORMED;
    }
    for (size_t i = 0; i < size; i++) {
        if (text.data[start + i] == '\0') {
            return ERR_MALFORMED;
        }
        address->host[i] = (char)lower(text.data[start + i]);
    }
    if (is_bracketed ? !is_v6(address->host) : !is_name(address->host)) {
        return ERR_MALFORMED;
    }
    size_t rest = end + (is_bracketed ? 1 : 0);
    address->port = DEFAULT_PORT;
    if (rest == text.size) {
        return OK;
    }
    if (text.data[rest] != ':') {
        return ERR_MALFORMED;
    }
    return parse_port(bytes_make(text.data + rest + 1, text.size - rest - 1), &address->port);
}

void server_address_print(const struct server_address *address, char *out, size_t size) {
    bool is_six = strchr(address->host, ':') != NULL;
    (void)snprintf(out, size, "%s%s%s:%" PRIu16, is_six ? "[" : "", address->host,
                   is_six ? "]" : "", address->port);
}
