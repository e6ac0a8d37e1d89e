/* SPDX-License-Identifier: ISC */
/* The commands of an administrator: through the running server, or on the data itself when none
 * runs. */
#ifndef SOTTO_SOTTOD_COMMANDS_H
#define SOTTO_SOTTOD_COMMANDS_H

#include "sottod/options.h"

/** Each returns the exit status. */
int command_invite_create(const struct options *options);
int command_key(const struct options *options);
int command_user_remove(const struct options *options);

#endif
