/* SPDX-License-Identifier: ISC */
#ifndef SOTTO_SOTTO_SCREEN_H
#define SOTTO_SOTTO_SCREEN_H

#include <stddef.h>

enum { SCREEN_COLUMNS_DEFAULT = 80 };

/** The width of the terminal behind `handle`: COLUMNS when it is set to a number, else what the
 * terminal says, else SCREEN_COLUMNS_DEFAULT. */
size_t screen_columns(int handle);

#endif
