/* SPDX-License-Identifier: ISC */
/* stdout: the data that was asked for, written whole and at once, with every failure noticed. */
#ifndef SOTTO_SOTTO_OUTPUT_H
#define SOTTO_SOTTO_OUTPUT_H

#include "base/bytes.h"

/** After the first failure nothing more is written and `error_number` (an errno) keeps why. */
struct output {
    int handle;
    int error_number; /**< 0: everything was written */
};

/** Writes all of `bytes`, unbuffered. False when that failed, now or before. */
must_check bool output_write(struct output *output, struct bytes bytes);

/** Whether the reader of a pipe has gone. */
bool output_is_abandoned(const struct output *output);

#endif
