/* SPDX-License-Identifier: ISC */
#include "sotto-sendmail/address.h"

#include <string.h>

struct scan {
    struct bytes rest;
    unsigned comments; /* open parentheses */
    bool is_quoted;
    bool is_angled; /* between < and > */
    size_t size;
    char *out;
};

static void put(struct scan *scan, uint8_t c) {
    if (scan->size < ADDRESS_MAX_BYTES) {
        scan->out[scan->size++] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    }
}

/* One character inside of quotes or comments. */
static void skip_within(struct scan *scan, uint8_t c, bool is_escaped) {
    if (is_escaped) {
        return;
    }
    if (scan->is_quoted) {
        scan->is_quoted = c != '"';
    } else if (c == '(') {
        scan->comments++;
    } else if (c == ')') {
        scan->comments--;
    }
}

/* One character outside of them. True: it ends the address. */
static bool take(struct scan *scan, uint8_t c) {
    switch (c) {
    case '"':
        scan->is_quoted = true;
        break;
    case '(':
        scan->comments = 1;
        break;
    case '<': /* what stood before was a name */
        scan->size = 0;
        scan->is_angled = true;
        break;
    case '>':
        scan->is_angled = false;
        scan->rest = bytes_make(scan->rest.data, 0); /* what follows is no part of it */
        break;
    case ':': /* "group:" */
        scan->size = scan->is_angled ? scan->size : 0;
        break;
    case ',':
    case ';':
        return true;
    default:
        if (c > ' ') {
            put(scan, c);
        }
        break;
    }
    return false;
}

/* The size of the first entry of a list, up to its comma or semicolon. */
static size_t entry_size(struct bytes list) {
    struct scan scan = {.rest = list};
    char unused[ADDRESS_MAX_BYTES + 1];
    scan.out = unused;
    bool is_escaped = false;
    for (size_t i = 0; i < list.size; i++) {
        uint8_t c = list.data[i];
        if (scan.is_quoted || scan.comments > 0) {
            skip_within(&scan, c, is_escaped);
            is_escaped = c == '\\' && !is_escaped;
        } else if (take(&scan, c)) {
            return i;
        }
    }
    return list.size;
}

static void read_entry(struct bytes entry, char *address) {
    struct scan scan = {.rest = entry, .out = address};
    bool is_escaped = false;
    while (scan.rest.size > 0) {
        uint8_t c = scan.rest.data[0];
        scan.rest = bytes_make(scan.rest.data + 1, scan.rest.size - 1);
        if (scan.is_quoted || scan.comments > 0) {
            skip_within(&scan, c, is_escaped);
            is_escaped = c == '\\' && !is_escaped;
        } else {
            (void)take(&scan, c); /* the end was found before */
        }
    }
    address[scan.size] = '\0';
}

bool address_next(struct bytes *list, char address[ADDRESS_MAX_BYTES + 1]) {
    while (list->size > 0) {
        size_t size = entry_size(*list);
        read_entry(bytes_make(list->data, size), address);
        size_t used = size < list->size ? size + 1 : size;
        *list = bytes_make(list->data + used, list->size - used);
        if (address[0] != '\0') {
            return true;
        }
    }
    return false;
}
