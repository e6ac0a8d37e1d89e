/* SPDX-License-Identifier: ISC */
/* How the program says where a file and the code differ. Each function here returns only when all
 * is well. */
#ifndef SOTTO_TESTS_VECTORS_REPORT_H
#define SOTTO_TESTS_VECTORS_REPORT_H

#include "base/bytes.h"

/** Where the replay stands, for the line that says what differs. */
struct place {
    const char *file;
    char at[128];
};

/** Prints the place and the reason; ends the program with 1. */
no_return void differs(const struct place *place, const char *format, ...) printf_like(2, 3);

/** `have` is the code's, `want` the file's; `what` is the field. */
void same_bytes(const struct place *place, const char *what, struct bytes have, struct bytes want);
void same_number(const struct place *place, const char *what, uint64_t have, uint64_t want);

/** Ends the program unless `error` is OK. */
void went_well(const struct place *place, const char *what, enum error error);

/** What an error is called in the source. */
const char *error_word(enum error error);

#endif
