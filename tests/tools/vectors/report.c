/* SPDX-License-Identifier: ISC */
#include "report.h"

#include "base/text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

no_return void differs(const struct place *place, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    (void)fprintf(stderr, "%s: %s: ", place->file, place->at);
    (void)vfprintf(stderr, format, arguments);
    (void)fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

void same_bytes(const struct place *place, const char *what, struct bytes have, struct bytes want) {
    enum { SHOWN = 16 };
    if (bytes_equal(have, want)) {
        return;
    }
    if (have.size != want.size) {
        differs(place, "%s has %zu bytes in the file and %zu here", what, want.size, have.size);
    }
    size_t at = 0;
    while (have.data[at] == want.data[at]) {
        at++;
    }
    size_t shown = have.size - at < SHOWN ? have.size - at : SHOWN;
    char here[2 * SHOWN + 1];
    char file[2 * SHOWN + 1];
    hex_encode(bytes_make(have.data + at, shown), here);
    hex_encode(bytes_make(want.data + at, shown), file);
    differs(place, "%s differs from byte %zu on: %s... in the file, %s... here", what, at, file,
            here);
}

void same_number(const struct place *place, const char *what, uint64_t have, uint64_t want) {
    if (have != want) {
        differs(place, "%s is %" PRIu64 " in the file and %" PRIu64 " here", what, want, have);
    }
}

const char *error_word(enum error error) {
    static const char *const WORDS[] = {
        [OK] = "OK",
        [ERR_MALFORMED] = "malformed",
        [ERR_SIGNATURE] = "signature or tag",
        [ERR_KEY] = "key",
        [ERR_EXPIRED] = "expired",
        [ERR_MISMATCH] = "mismatch",
        [ERR_DUPLICATE] = "duplicate",
        [ERR_UNKNOWN_SESSION] = "unknown session",
        [ERR_WAIT] = "wait",
        [ERR_LIMIT] = "limit",
        [ERR_NOT_FOUND] = "no such key",
        [ERR_CONFLICT] = "conflict",
        [ERR_WRONG_STATE] = "not allowed now",
        [ERR_MEMORY] = "memory",
        [ERR_CRYPTO] = "library",
        [ERR_RANDOM] = "randomness",
    };
    size_t count = sizeof(WORDS) / sizeof(WORDS[0]);
    return (size_t)error < count && WORDS[error] != NULL ? WORDS[error] : error_code(error);
}

void went_well(const struct place *place, const char *what, enum error error) {
    if (error != OK) {
        differs(place, "%s failed (%s)", what, error_word(error));
    }
}
