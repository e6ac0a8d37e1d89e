/* SPDX-License-Identifier: ISC */
/* How a check of the doctor looks: to people, as JSON, and in a report that may be shown to
 * anybody.
 */
#ifndef SOTTO_SOTTO_DOCTOR_VIEW_H
#define SOTTO_SOTTO_DOCTOR_VIEW_H

#include "sotto/app.h"

enum { DOCTOR_VIEW_MAX_BYTES = 16 * 1024, DOCTOR_REPORT_MAX_BYTES = 64 * 1024 };

/** "ok", "warn", "FAIL", "skip". */
const char *doctor_word(enum sotto_check_state state);

/** A line, and for a warning or failure a second one with what to do. */
must_check enum error doctor_text(const struct sotto_check *check, bool is_plain,
                                  struct buffer *out);
must_check enum error doctor_json(const struct sotto_check *check, struct buffer *out);

/** The head of a report: versions, system, which options and variables were used (not their
 * values). */
must_check enum error doctor_report_begin(const struct app *app, struct buffer *out);
/** A line without names, texts, keys, paths and addresses. */
must_check enum error doctor_report_line(const struct sotto_check *check, struct buffer *out);

#endif
