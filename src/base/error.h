/* SPDX-License-Identifier: ISC */
/* One type for every failure. The first values stay inside the program and are turned into one of
 * the catalogue's before anybody sees them; the catalogue (errors.def) is what people, scripts and
 * the other end of a connection are told. */
#ifndef SOTTO_BASE_ERROR_H
#define SOTTO_BASE_ERROR_H

#include "base/attributes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum error {
    OK = 0,

    /* Statuses between modules. */
    ERR_MALFORMED, /**< bytes that do not parse: wrong length, suite, type, value */
    ERR_SIGNATURE, /**< a signature, tag or login proof that does not verify */
    ERR_KEY,       /**< key material that no honest party makes (all-zero DH, bad modulus) */
    ERR_EXPIRED,   /**< outside its lifetime */
    ERR_MISMATCH,  /**< valid on its own but not what was asked for or does not belong together */
    ERR_DUPLICATE, /**< seen before */
    ERR_UNKNOWN_SESSION, /**< names a session that is not known (any more) */
    ERR_WAIT,            /**< cannot be opened yet: its chain is not known */
    ERR_LIMIT,           /**< a bound of base/limits.h would be passed */
    ERR_NOT_FOUND,       /**< no such row, key or name */
    ERR_CONFLICT,        /**< exists already with other contents */
    ERR_WRONG_STATE,     /**< not allowed now (ERR_STATE is a type of OpenSSL) */
    ERR_MEMORY,          /**< allocation failed */
    ERR_CRYPTO,          /**< OpenSSL failed where it must not */
    ERR_RANDOM,          /**< no random bytes */
    ERR_IO,              /**< the operating system or the store failed */
    ERR_CLOSED,          /**< the other end is gone */
    ERR_FULL,            /**< no space left on the device */
    ERR_LAST_STATUS = ERR_FULL,

#define E(id, number, code, exit, retry, text, help) ERR_##id,
#include "base/errors.def"
#undef E
    ERR_COUNT
};

/** Whether `error` is of the catalogue. */
bool error_is_listed(enum error error);

/** The stable word for programs, e.g. "peer_key_changed". Statuses answer "internal". */
const char *error_code(enum error error);

/** The exit status of a command that ends with it. */
int error_exit(enum error error);

/** Whether the same command may succeed when repeated. */
bool error_retry(enum error error);

/** First line and following lines for people, with {placeholders} (errors.def). */
const char *error_text(enum error error);
const char *error_help(enum error error);

/** The number on the wire, 0 for an error that never travels. */
uint16_t error_number(enum error error);

/** The error with that number on the wire, or ERR_PROTOCOL_ERROR. */
enum error error_from_number(uint16_t number);

/** The error with that code, or OK. */
enum error error_from_code(const char *code);

/** One value for a {placeholder} of a text. */
struct error_value {
    const char *name;
    const char *value;
};

/** Writes `pattern` into `out` (`size` bytes, always terminated) with each {name} replaced by its
 * value of the `count` at `values`; a name without a value is left out. */
void error_fill(const char *pattern, const struct error_value *values, size_t count, char *out,
                size_t size);

#endif
