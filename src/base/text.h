/* SPDX-License-Identifier: ISC */
/* Forms of text that sotto accepts and prints: UTF-8, lines, user names, base 32, hex. */
#ifndef SOTTO_BASE_TEXT_H
#define SOTTO_BASE_TEXT_H

#include "base/bytes.h"
#include "base/limits.h"

/** Whether `text` is well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms, at most
 * U+10FFFF) without NUL. */
bool text_is_utf8(struct bytes text);

/** Takes the next line off `*rest`, without its '\n'. False: nothing is left. */
bool text_next_line(struct bytes *rest, struct bytes *line);

/** A line of a configuration file without its comment: a '#' that begins the line or follows white
 * space, and what is behind it. */
struct bytes text_without_comment(struct bytes line);

/** A user name in canonical form: lower case, zero-terminated and zero-filled. */
struct user_name {
    char text[NAME_MAX_BYTES + 1];
};

/** Reads a name typed by a person: folds A-Z to lower case. ERR_NAME_INVALID otherwise. */
must_check enum error user_name_parse(struct bytes text, struct user_name *name);

/** Whether `text` is a canonical name as it is. */
bool user_name_is_canonical(struct bytes text);

bool user_name_equal(const struct user_name *a, const struct user_name *b);

/** Crockford's base 32 (0-9 A-Z without I L O U) of the first `bits` bits of `data`: one character
 * for each 5 bits, the last one filled up with zero bits. Writes (bits + 4) / 5 characters and a
 * NUL. */
void base32_encode(const uint8_t *data, size_t bits, char *out);

/** Reads exactly `characters` base 32 characters from `text`, which may have spaces and dashes
 * between them; O reads as 0, I and L as 1, case does not matter. Writes (5 * characters + 7) / 8
 * bytes; bits past the last whole character are zero. ERR_MALFORMED. */
must_check enum error base32_decode(struct bytes text, size_t characters, uint8_t *out);

/** Writes `text` (base 32 characters) in groups of four, "7QK4-V2TM-1C". `size` is that of `out`.
 */
void base32_group(const char *text, char *out, size_t size);

/** Lower-case hex of `data`; writes 2 * size characters and a NUL. */
void hex_encode(struct bytes data, char *out);

/** Reads exactly `size` bytes of hex. ERR_MALFORMED. */
must_check enum error hex_decode(struct bytes text, uint8_t *out, size_t size);

#endif
