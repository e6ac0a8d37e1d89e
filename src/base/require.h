/* SPDX-License-Identifier: ISC */
/* Promises of our own code, checked in every build. Input from outside is never judged here:
 * what a peer, a file or a person can cause is an error, not a broken promise. */
#ifndef SOTTO_BASE_REQUIRE_H
#define SOTTO_BASE_REQUIRE_H

#include "base/attributes.h"

/** Says on stderr which promise broke and where, then aborts. */
no_return void require_failed(const char *promise, const char *file, int line);

/** Aborts unless `promise` holds; stays on in release builds. */
#define require(promise) ((promise) ? (void)0 : require_failed(#promise, __FILE__, __LINE__))

#endif
