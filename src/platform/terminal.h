/* SPDX-License-Identifier: ISC */
#ifndef SOTTO_PLATFORM_TERMINAL_H
#define SOTTO_PLATFORM_TERMINAL_H

#include "base/bytes.h"

/** Whether stdin, stdout or stderr (0, 1, 2) is a terminal. */
bool terminal_is(int handle);

/** How many columns the terminal behind `handle` has; 0 when it does not say. */
size_t terminal_columns(int handle);

/** Prints `question` on stderr and reads one line from stdin, without its newline. ERR_CLOSED at
 * end of file. `hidden` switches the echo off, restored on every path and signal. ERR_LIMIT over
 * the buffer's cap. */
must_check enum error terminal_ask(const char *question, bool hidden, struct buffer *answer);

#endif
