/* SPDX-License-Identifier: ISC */
/* The server at work: one loop, one writer thread, the core between them. */
#ifndef SOTTO_SOTTOD_SERVE_H
#define SOTTO_SOTTOD_SERVE_H

#include "sottod/settings.h"

/** Serves until it is told to stop or the store fails; `settings` came of `given` and change with
 * SIGHUP. Returns the exit status. */
int serve(const struct options *given, struct settings *settings);

#endif
