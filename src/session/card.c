/* SPDX-License-Identifier: ISC */
#include "session/card.h"

#include "base/require.h"
#include "session/suite.h"

#include <stdio.h>
#include <string.h>

static const char LINK_SCHEME[] = "sotto://";
static const char CARD_SCHEME[] = "sotto-card:1:";

enum {
    PAYLOAD_CHARACTERS = PIN_CHARACTERS + TOKEN_CHARACTERS + CHECK_CHARACTERS,
    PAYLOAD_BYTES = (5 * PAYLOAD_CHARACTERS + 7) / 8,
    ADDRESS_MAX_CHARACTERS = HOST_MAX_BYTES + 9,
};

void pin_of_hash(const uint8_t hash[HASH_BYTES], uint8_t pin[PIN_BYTES]) {
    memcpy(pin, hash, PIN_BYTES);
    pin[PIN_BYTES - 1] = (uint8_t)(pin[PIN_BYTES - 1] & 0xc0);
}

void pin_print(const uint8_t pin[PIN_BYTES], char *out, size_t size) {
    char text[PIN_CHARACTERS + 1];
    base32_encode(pin, PIN_BITS, text);
    base32_group(text, out, size);
}

static struct bytes trim(struct bytes text) {
    static const char SPACE[] = " \t\r\n";
    while (text.size > 0 && text.data[0] != '\0' && strchr(SPACE, text.data[0]) != NULL) {
        text = bytes_make(text.data + 1, text.size - 1);
    }
    while (text.size > 0 && text.data[text.size - 1] != '\0' &&
           strchr(SPACE, text.data[text.size - 1]) != NULL) {
        text.size--;
    }
    return text;
}

/** Whether `text` begins with `scheme` in any case; then it is cut off. */
static bool cut_scheme(struct bytes *text, const char *scheme) {
    size_t size = strlen(scheme);
    if (text->size < size) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        uint8_t c = text->data[i];
        if ((c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c) != scheme[i]) {
            return false;
        }
    }
    *text = bytes_make(text->data + size, text->size - size);
    return true;
}

/** Ten bits of SHA-256 over `domain` and the canonical text, as two characters. */
static enum error check_characters(const char *domain, const char *canonical,
                                   char out[CHECK_CHARACTERS + 1]) {
    uint8_t hash[HASH_BYTES];
    const struct bytes parts[] = {bytes_of_string(domain), bytes_of_string(canonical)};
    enum error error = sha256(parts, 2, hash);
    if (error == OK) {
        base32_encode(hash, 5 * CHECK_CHARACTERS, out);
    }
    return error;
}

/** The link without its check characters, and those. */
static enum error link_text(const struct join_link *link, char *text, size_t size,
                            char check[CHECK_CHARACTERS + 1]) {
    char address[ADDRESS_MAX_CHARACTERS];
    char pin[PIN_CHARACTERS + 1];
    char token[TOKEN_CHARACTERS + 1];
    server_address_print(&link->server, address, sizeof(address));
    base32_encode(link->pin, PIN_BITS, pin);
    base32_encode(link->token, 8 * INVITE_TOKEN_BYTES, token);
    int written = snprintf(text, size, "%s%s/%s%s", LINK_SCHEME, address, pin, token);
    require(written > 0 && (size_t)written < size);
    return check_characters("sotto-link:", text, check);
}

must_check enum error join_link_print(const struct join_link *link, char *out, size_t size) {
    char text[LINK_MAX_CHARACTERS + 1];
    char check[CHECK_CHARACTERS + 1];
    enum error error = link_text(link, text, sizeof(text), check);
    if (error == OK && strlen(text) + CHECK_CHARACTERS >= size) {
        error = ERR_LIMIT;
    }
    if (error == OK) {
        (void)snprintf(out, size, "%s%s", text, check);
    }
    return error;
}

must_check enum error join_link_parse(struct bytes text, struct join_link *link) {
    memset(link, 0, sizeof(*link));
    text = trim(text);
    if (!cut_scheme(&text, LINK_SCHEME)) {
        return ERR_MALFORMED;
    }
    const uint8_t *slash = text.size == 0 ? NULL : memchr(text.data, '/', text.size);
    if (slash == NULL) {
        return ERR_MALFORMED;
    }
    size_t host = (size_t)(slash - text.data);
    enum error error = server_address_parse(bytes_make(text.data, host), &link->server);
    if (error != OK) {
        return error;
    }
    /* Into canonical characters first: the three parts do not end at bytes. */
    uint8_t payload[PAYLOAD_BYTES];
    char given[PAYLOAD_CHARACTERS + 1];
    struct bytes rest = bytes_make(slash + 1, text.size - host - 1);
    if (base32_decode(rest, PAYLOAD_CHARACTERS, payload) != OK) {
        return ERR_LINK_MISTYPED;
    }
    base32_encode(payload, 5 * PAYLOAD_CHARACTERS, given);
    error = base32_decode(bytes_make(given, PIN_CHARACTERS), PIN_CHARACTERS, link->pin);
    if (error == OK) {
        error = base32_decode(bytes_make(given + PIN_CHARACTERS, TOKEN_CHARACTERS),
                              TOKEN_CHARACTERS, link->token);
    }
    char canonical[LINK_MAX_CHARACTERS + 1];
    char check[CHECK_CHARACTERS + 1];
    if (error == OK) {
        error = link_text(link, canonical, sizeof(canonical), check);
    }
    if (error == OK && strcmp(check, given + PIN_CHARACTERS + TOKEN_CHARACTERS) != 0) {
        error = ERR_LINK_MISTYPED;
    }
    return error;
}

/** The card without its last colon and check characters, and those. */
static enum error card_text(const struct card *card, char *text, size_t size,
                            char check[CHECK_CHARACTERS + 1]) {
    char address[ADDRESS_MAX_CHARACTERS];
    char fingerprint[PIN_CHARACTERS + 1];
    server_address_print(&card->server, address, sizeof(address));
    base32_encode(card->fingerprint, PIN_BITS, fingerprint);
    int written =
        snprintf(text, size, "%s%s@%s:%s", CARD_SCHEME, card->name.text, address, fingerprint);
    require(written > 0 && (size_t)written < size);
    return check_characters("sotto-card:", text, check);
}

must_check enum error card_print(const struct card *card, char *out, size_t size) {
    char text[CARD_MAX_CHARACTERS + 1];
    char check[CHECK_CHARACTERS + 1];
    enum error error = card_text(card, text, sizeof(text), check);
    if (error == OK && strlen(text) + 1 + CHECK_CHARACTERS >= size) {
        error = ERR_LIMIT;
    }
    if (error == OK) {
        (void)snprintf(out, size, "%s:%s", text, check);
    }
    return error;
}

/** Cuts the field behind the last colon off; false when there is none. */
static bool cut_last(struct bytes *text, struct bytes *field) {
    for (size_t at = text->size; at-- > 0;) {
        if (text->data[at] == ':') {
            *field = bytes_make(text->data + at + 1, text->size - at - 1);
            text->size = at;
            return true;
        }
    }
    return false;
}

/** NAME@HOST[:PORT] */
static enum error parse_account(struct bytes text, struct card *card) {
    const uint8_t *at = text.size == 0 ? NULL : memchr(text.data, '@', text.size);
    if (at == NULL) {
        return ERR_MALFORMED;
    }
    size_t size = (size_t)(at - text.data);
    if (user_name_parse(bytes_make(text.data, size), &card->name) != OK) {
        return ERR_MALFORMED;
    }
    return server_address_parse(bytes_make(at + 1, text.size - size - 1), &card->server);
}

must_check enum error card_parse(struct bytes text, struct card *card) {
    memset(card, 0, sizeof(*card));
    struct bytes check = {NULL, 0};
    struct bytes fingerprint = {NULL, 0};
    text = trim(text);
    if (!cut_scheme(&text, CARD_SCHEME) || !cut_last(&text, &check) ||
        !cut_last(&text, &fingerprint)) {
        return ERR_MALFORMED;
    }
    enum error error = parse_account(text, card);
    if (error != OK) {
        return error;
    }
    uint8_t bits[(5 * CHECK_CHARACTERS + 7) / 8];
    if (base32_decode(fingerprint, PIN_CHARACTERS, card->fingerprint) != OK ||
        base32_decode(check, CHECK_CHARACTERS, bits) != OK) {
        return ERR_CARD_MISTYPED;
    }
    char canonical[CARD_MAX_CHARACTERS + 1];
    char expected[CHECK_CHARACTERS + 1];
    char given[CHECK_CHARACTERS + 1];
    base32_encode(bits, 5 * CHECK_CHARACTERS, given);
    error = card_text(card, canonical, sizeof(canonical), expected);
    if (error == OK && strcmp(expected, given) != 0) {
        error = ERR_CARD_MISTYPED;
    }
    return error;
}
