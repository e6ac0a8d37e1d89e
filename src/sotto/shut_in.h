/* SPDX-License-Identifier: ISC */
/* What a reader of messages gives up before any come: it needs the profile and the network. */
#ifndef SOTTO_SOTTO_SHUT_IN_H
#define SOTTO_SOTTO_SHUT_IN_H

#include "sotto/app.h"

/** From now on this process starts no program, and opens files of the profile alone; to read, also
 * those of the system that resolving names needs, and cards. For good. With -v it says what this
 * system does not offer. */
void shut_in(struct app *app, const char *folder);

#endif
