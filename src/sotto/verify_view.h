/* SPDX-License-Identifier: ISC */
/* What `verify` shows: keys, the safety number, and what came of it. */
#ifndef SOTTO_SOTTO_VERIFY_VIEW_H
#define SOTTO_SOTTO_VERIFY_VIEW_H

#include "sotto/app.h"

#define VERIFY_QUESTION "Enter stops: "

/** Says on the terminal what is to be compared, and how. */
void verify_view_ask(const struct sotto_person *person);

/** Prints keys, trust and number to stdout. */
must_check int verify_view_person(struct app *app, const struct sotto_person *person,
                                  struct sotto_error *error);

/** Reports that a key was verified or accepted: a line on stderr, or an object on stdout. */
must_check int verify_view_report(struct app *app, const struct sotto_verified *verified,
                                  struct sotto_error *error);
must_check int verify_view_undone(struct app *app, const char *who, bool was_verified,
                                  struct sotto_error *error);

#endif
