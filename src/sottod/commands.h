/* SPDX-License-Identifier: ISC */
/* The commands of an administrator: through the running server, or on the data itself when none
 * runs. */
#ifndef SOTTO_SOTTOD_COMMANDS_H
#define SOTTO_SOTTOD_COMMANDS_H

#include "sottod/data.h"
#include "sottod/settings.h"

/** Each returns the exit status. */
int command_invite_create(const struct options *options);
int command_key(const struct options *options);
int command_key_rotate(const struct options *options);
int command_user_remove(const struct options *options);
int command_user_list(const struct options *options);
int command_invite_list(const struct options *options);
int command_backup(const struct options *options);
int command_restore(const struct options *options);
int command_check(const struct options *options);
int command_stats(const struct options *options);
int command_config(const struct settings *settings, bool as_json);

/* What they share. */

/** Asks the server that runs on the data. ERR_NOT_FOUND when none does. */
must_check enum error command_ask(struct data *data, const char *line, char *answer, size_t size);
/** Says a failure of `data`; its exit status. */
int command_failed(const struct data *data, enum error error);

#endif
