/* SPDX-License-Identifier: ISC */
#ifndef SOTTO_SOTTO_SETTINGS_LIST_H
#define SOTTO_SOTTO_SETTINGS_LIST_H

#include "sotto/app.h"

/** Prints every setting that holds with its origin, or the one named `only` (NULL: all):
 * "timeout", "alias.ops". Into a pipe: name, value and origin separated by tabs. Error: usage
 * (no such setting). */
must_check int settings_list(struct app *app, const char *only, struct sotto_error *error);

#endif
