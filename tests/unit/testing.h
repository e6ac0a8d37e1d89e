/* SPDX-License-Identifier: ISC */
/* cmocka with the headers that it wants first. */
#ifndef SOTTO_TESTS_UNIT_TESTING_H
#define SOTTO_TESTS_UNIT_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define ROWS(array) (sizeof(array) / sizeof((array)[0]))

#endif
