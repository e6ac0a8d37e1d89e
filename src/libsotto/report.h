/* SPDX-License-Identifier: ISC */
/* From an `enum error` to what a person and a program are told: the catalogue's texts with their
 * values. */
#ifndef SOTTO_LIBSOTTO_REPORT_H
#define SOTTO_LIBSOTTO_REPORT_H

#include "base/error.h"

#include <sotto/sotto.h>

/** Values for the placeholders of a text; NULL is left out. */
struct report {
    const char *server;
    const char *peer;
    const char *name;
    const char *profile;
    const char *path;
    const char *cause;
    const char *detail;
    const char *effect; /**< what became of the message */
    const char *id;
    const char *known;
    const char *shown;
    uint32_t retry_after_s;
    uint64_t time_ms;
};

/** Fills `*out` and returns its exit status. A status between modules becomes the catalogue's error
 * for it. `exit` is 0 for OK, which clears `*out`. */
int report_error(struct sotto_error *out, enum error error, const struct report *report);

/** The effect of a call that failed before anything was handed in, and on a refused message. */
#define SENT_NOTHING "Nothing was sent."

/** In place of an effect that is not said yet: the text has a gap there until report_effect. */
#define REPORT_EFFECT_LATER "{effect}"

/** Fills the gap, if the text has one. No other placeholder is looked for: values may hold braces.
 */
void report_effect(struct sotto_error *error, const char *effect);

/** The same as a notice: exit 0 where the catalogue's own is not, the work goes on. */
void report_notice(struct sotto_error *out, enum error error, const struct report *report);

#endif
