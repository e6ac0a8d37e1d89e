/* SPDX-License-Identifier: ISC */
/* How a failure looks to a person. One form for both programs:
 *
 *   sottod: pid 812 already serves /var/lib/sottod
 *     Another server needs another --data and --port.
 *     [data_in_use, exit 9]
 */
#ifndef SOTTO_BASE_REPORT_H
#define SOTTO_BASE_REPORT_H

#include "base/error.h"

enum { REPORT_MAX_BYTES = 4096, REPORT_VALUES_MAX = 16 };

/** Writes the report on `error` into `out` (`size` bytes, always terminated; REPORT_MAX_BYTES hold
 * any): the program, the text and help of the catalogue with {names} replaced by the `count` (at
 * most REPORT_VALUES_MAX) `values`, the code and the exit status; each line ends with a newline.
 * Lines that become empty are left out, control characters of values are shown as '?'. A status
 * that is not of the catalogue reads as "internal". */
void error_report(const char *program, enum error error, const struct error_value *values,
                  size_t count, char *out, size_t size);

/** One line of the above: `pattern` filled in, without control characters. For JSON and logs. */
void error_line(const char *pattern, const struct error_value *values, size_t count, char *out,
                size_t size);

#endif
